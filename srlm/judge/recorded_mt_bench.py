"""Judgments on MT-Bench as FastChat publishes them: they name what was judged by question, turn and model.

So they go with people's votes on MT-Bench as the rankings, which have the texts.
"""

from collections.abc import Iterator, Sequence

from srlm.data.lines import Row
from srlm.data.published_rankings import number_in, text_in
from srlm.data.votes import is_machine, turn_of, winner_of
from srlm.errors import DataError
from srlm.judge.pairwise import Opinion
from srlm.judge.recorded_verdicts import Account, Compared, Scored, Sets


def mt_bench_pair(found: Sequence[Row], sets: Sets, account: Account) -> Iterator[Scored | Compared]:
    """FastChat's `JUDGE_pair.jsonl`: `g1_winner` with model_1 shown first, `g2_winner` turned; `error` is unread."""
    known = _mt_bench(sets)
    values = {"tie": 0.5, "error": None}
    for row in found:
        place, value = row
        models = [text_in(place, value, name) for name in ("model_1", "model_2")]
        texts = [known.get((_question(row), model)) for model in models]
        for name in ("g1_winner", "g2_winner"):
            if value[name] not in ("model_1", "model_2", "tie", "error"):
                raise DataError(f"{place}: `{name}` must be model_1, model_2, tie or error, found {value[name]!r:.40}")
        if None in texts:
            account["judgments of answers that are not in the rankings"] += 1
            continue
        (prompt, first), (_, second) = texts  # type: ignore[misc]
        for shown, best, which in (((first, second), "model_1", "g1"), ((second, first), "model_2", "g2")):
            told = value[f"{which}_winner"]
            preference = values[told] if told in values else float(told == best)
            raw = str(value.get(f"{which}_judgment", ""))
            yield Compared(place, prompt, *shown, Opinion(preference=preference, raw=raw))


def mt_bench_single(found: Sequence[Row], sets: Sets, account: Account) -> Iterator[Scored | Compared]:
    """FastChat's `JUDGE_single.jsonl`: a `score` of a model's answer at a turn; -1 is a failure, so no score."""
    known = _mt_bench(sets)
    for row in found:
        place, value = row
        texts = known.get((_question(row), text_in(place, value, "model")))
        score = number_in(place, value, "score")
        if texts is None:
            account["judgments of answers that are not in the rankings"] += 1
            continue
        yield Scored(*texts, str(value.get("judgment", "")), None if score == -1 else score)


def mt_bench_votes(found: Sequence[Row], sets: Sets, account: Account) -> Iterator[Scored | Compared]:
    """A model's votes in the columns of people's (the `gpt4_pair` part of mt_bench_human_judgments)."""
    known = _mt_bench(sets)
    values = {"first": 1.0, "second": 0.0, "tie": 0.5, None: None}
    for row in found:
        place, value = row
        if not is_machine(value.get("judge")):
            account["votes of people"] += 1
            continue
        models = [text_in(place, value, name) for name in ("model_a", "model_b")]
        texts = [known.get((_question(row), model)) for model in models]
        if None in texts:
            account["judgments of answers that are not in the rankings"] += 1
            continue
        (prompt, first), (_, second) = texts  # type: ignore[misc]
        opinion = Opinion(preference=values[winner_of(row)], raw=str(value.get("winner")))
        yield Compared(place, prompt, first, second, opinion)
        yield Compared(place, prompt, second, first, opinion.turned)


def _question(row: Row) -> str:
    return f"{row.value['question_id']}/{turn_of(row)}"


def _mt_bench(sets: Sets) -> dict[tuple[str, str], tuple[str, str]]:
    """Of a question with its turn (`81/2`) and a model: the prompt's text and the answer's."""
    known = {
        (str(one.key), response.author): (one.ranked.prompt.text, response.text)
        for one in sets
        if isinstance(one.key, str)
        for response in one.ranked.responses
    }
    if not known:
        raise DataError(
            "these are a judge's judgments on MT-Bench; give people's votes on it (mt_bench_human_judgments) as "
            "--rankings, or the file to `judgments`"
        )
    return known
