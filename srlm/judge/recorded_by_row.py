"""Judges' outputs that LLMBar and PandaLM publish: they name what was judged by a row of their data set.

So they go with that data set as the rankings, and each row is held against it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from srlm.data.human_ranking import HumanRanking
from srlm.data.lines import Row
from srlm.data.published_rankings import text_in
from srlm.errors import DataError
from srlm.judge.pairwise import Opinion
from srlm.judge.recorded_verdicts import Account, Compared, Scored, Sets

_LLMBAR = re.compile(r"Output \((?P<one>a|b)\) is better.|^\s?Output \((?P<bare>a|b)\)\s*$", re.MULTILINE)


def llmbar(found: Sequence[Row], sets: Sets, account: Account) -> Iterator[Scored | Compared]:
    """LLMBar's `result.json`: the data set's own rows with `results`, or (shortened copies) their `position`.

    The last of `results` decides: before it stand what the judge wrote for itself, and the comparison that a
    synthesis began with. `winner` is as published, `1`, `2` or null; where it is absent, by LLMBar's own rule from the
    words. A rating judge's equal scores count for whichever answer comes second, as published.
    """
    by_key = _by_key(sets, "LLMBar")
    by_text = {_texts(one): one for one in by_key.values()}
    for place, value in found:
        if "position" in value:
            one = _known(place, by_key, value["position"])
        else:
            texts = tuple(text_in(place, value, name) for name in ("input", "output_1", "output_2"))
            if texts not in by_text:
                raise DataError(
                    f"{place}: its `input` and outputs are not in the rankings; is this another data set's?"
                )
            one = by_text[texts]
        if (value.get("label") == 1) != (one.ranked.ranks == (0, 1)):
            raise DataError(f"{place}: its label differs from the rankings'; does it belong to another data set?")
        prompt, first, second = _texts(one)
        try:
            last: dict[str, Any] = value["results"][-1]
            sides = [last[f"swap = {swapped}"] for swapped in (False, True)]
            if "score_1" in last:
                words = [str(last[f"score_{n}"][0]) for n in (1, 2)]
                scores = _whole(words)
                for text, raw, score in zip((first, second), words, scores, strict=True):
                    yield Scored(prompt, text, raw, score)
                raws = [f"{words[0]} against {words[1]}"] * 2
                told = _by_rating(scores)
            else:
                raws = [str(side["completion"][0]) for side in sides]
                told = [_winner(place, side, raw, n) for n, (side, raw) in enumerate(zip(sides, raws, strict=True))]
        except (KeyError, IndexError, TypeError):
            raise DataError(f"{place}: `results` must end with both orders' `completion` or two scores") from None
        for shown, raw, verdict in zip(((first, second), (second, first)), raws, told, strict=True):
            yield Compared(place, prompt, *shown, Opinion(preference=verdict, raw=raw))


def _winner(place: str, side: Mapping[str, Any], raw: str, swapped: int) -> float | None:
    """1 where the output shown first wins; `winner` names it by its number in the data set."""
    if "winner" not in side:
        return llmbar_verdict(raw)
    if side["winner"] not in ("1", "2", None):
        raise DataError(f"{place}: `winner` must be 1, 2 or null, found {side['winner']!r:.40}")
    return None if side["winner"] is None else float((side["winner"] == "1") != bool(swapped))


def _whole(words: Sequence[str]) -> list[float | None]:
    """Both scores, or none of either: what LLMBar cannot read of one it does not use of the other."""
    try:
        return [float(int(text)) for text in words]
    except (ValueError, OverflowError):
        return [None, None]


def _by_rating(scores: Sequence[float | None]) -> list[float | None]:
    """In both orders of showing; without scores, LLMBar has whichever answer comes first win."""
    first, second = scores
    if first is None or second is None:
        return [1.0, 1.0]
    return [float(first > second), float(second > first)]


def llmbar_verdict(text: str) -> float | None:
    """1 where the judge prefers Output (a), 0 for Output (b), None where it says neither.

    LLMBar's own rule: `Output (a) is better` anywhere decides before `Output (b) is better`; a judge told to answer
    with nothing else says just `Output (a)`.
    """
    said = {found["one"] or found["bare"] for found in _LLMBAR.finditer(text)}
    return None if not said else 1.0 if "a" in said else 0.0


def pandalm(found: Sequence[Row], sets: Sets, account: Account) -> Iterator[Scored | Compared]:
    """PandaLM's verdict files: `idx` of a row of its test set, and one `..._result`."""
    by_key = _by_key(sets, "PandaLM")
    seen: set[tuple[str, str, str]] = set()
    for place, value in found:
        told = [value[name] for name in value if name.endswith("_result")]
        if len(told) != 1 or not isinstance(value.get("idx"), int):
            raise DataError(f"{place}: a verdict on PandaLM's test set needs an `idx` and one `..._result`")
        if value["idx"] not in by_key:
            account["verdicts on rows that are in no set"] += 1  # people had no majority, or the row stood twice
            continue
        texts = _texts(by_key[value["idx"]])
        if texts in seen:  # two models sometimes wrote the same words: the first verdict counts
            continue
        seen.add(texts)
        preference = {"1": 1.0, "2": 0.0, "0": 0.5, "tie": 0.5}.get(str(told[0]).strip().lower())
        yield Compared(place, *texts, Opinion(preference=preference, raw=str(told[0])))


def _texts(one: HumanRanking) -> tuple[str, str, str]:
    first, second = (response.text for response in one.ranked.responses)
    return one.ranked.prompt.text, first, second


def _by_key(sets: Sets, what: str) -> dict[int, HumanRanking]:
    found = {one.key: one for one in sets if isinstance(one.key, int)}
    if not found:
        raise DataError(f"these are a judge's outputs on {what}'s data set; give that data set as --rankings")
    return found


def _known(place: str, sets: dict[int, HumanRanking], key: object) -> HumanRanking:
    if not isinstance(key, int) or key not in sets:
        raise DataError(f"{place}: position {key!r:.20} is not a row of the rankings")
    return sets[key]
