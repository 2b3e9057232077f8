"""Preference data as it is published, a function each: rows in, rankings out, what is left out counted.

UltraFeedback, its binarized form and all that have `chosen` and `rejected`, HelpSteer2's and HelpSteer3's preferences,
Nectar. A row that is well-formed but no usable comparison is counted; one that is not well-formed is refused.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from srlm.data.conversations import Asked, asked, is_messages, is_transcript, messages, steer_turns, transcript
from srlm.data.human_ranking import HumanRanking
from srlm.data.lines import Row
from srlm.data.published_rankings import PAIR, Account, dense, hold_no_messages, number_in, ranking, text_in
from srlm.errors import DataError
from srlm.records import Message

QUESTIONS = ("prompt", "question", "instruction", "conversations", "messages")
"""Columns that hold what `chosen` and `rejected` answer; a row has one of them, or both sides hold it themselves."""
STRONGEST = 3
"""HelpSteer's strongest preference, on either side."""
SYSTEMS = ("system", "system_prompt")
SCORES = (
    ("score_chosen", "score_rejected"),
    ("chosen_score", "rejected_score"),
    ("chosen-rating", "rejected-rating"),
    ("chosen_rating", "rejected_rating"),
)


def preferences(found: Sequence[Row], account: Account) -> Iterator[HumanRanking]:
    """`chosen` before `rejected`: answers, or whole conversations, as text (Anthropic's HH) or as messages.

    Where the row has scores of both (UltraFeedback binarized), equal ones are a tie. Left out: sides that answer
    different conversations, or end without an answer, and scores that contradict the choice.
    """
    for place, value in found:
        hold_no_messages(place, value)
        prompt = _question(place, value)
        sides = [_side(place, name, value[name], prompt) for name in ("chosen", "rejected")]
        fault = _fault(sides, prompt)
        if fault is not None:
            account[f"dropped: {fault}"] += 1
            continue
        question = sides[0].question or prompt
        if question is None:
            raise DataError(
                f"{place}: no column has the prompt of `chosen` and `rejected` ({', '.join(QUESTIONS)}), and they are "
                "not whole conversations (messages, or Human: and Assistant: after empty lines)"
            )
        scores = _scores(place, value)
        if scores is not None and scores[0] < scores[1]:
            account["dropped: the rejected answer has the higher score"] += 1
            continue
        ranks = PAIR["tie" if scores is not None and scores[0] == scores[1] else "first"]
        answers = [side.answer or "" for side in sides]
        category = value.get("subset")  # RewardBench's, where its rows are kept as messages
        yield ranking(place, question.text, answers, ranks, before=question.before, category=category)


class _Side(NamedTuple):
    """`chosen` or `rejected` of a row."""

    question: Asked | None
    """What it answers, where it says so itself."""
    answer: str | None
    """None: the user speaks last."""


def _side(place: str, name: str, value: object, prompt: Asked | None) -> _Side:
    if isinstance(value, str):
        if not is_transcript(value):
            return _Side(None, value)
        turns = transcript(value)
    elif value is None:
        raise DataError(f"{place}: `{name}` is null; write its text, or remove the row")
    else:
        turns = messages(place, name, [value] if isinstance(value, dict) else value)
        if not turns:
            raise DataError(f"{place}: `{name}` contains no messages")
    if turns[-1].role != "assistant":
        return _Side(None, None)
    said = turns[:-1]
    if said and said[-1].role != "user":
        return _Side(None, None)
    if not said:
        return _Side(None, turns[-1].content)
    if prompt is not None and prompt.before[:1] and prompt.before[0].role == "system" and said[0].role != "system":
        said = [prompt.before[0], *said]
    return _Side(asked(place, name, said), turns[-1].content)


def _fault(sides: Sequence[_Side], prompt: Asked | None) -> str | None:
    if any(side.answer is None for side in sides):
        return "does not end with an answer"
    questions = [side.question for side in sides]
    if None not in questions and questions[0] != questions[1]:
        return "chosen and rejected answer different conversations"
    if (questions[0] is None) != (questions[1] is None):
        return "one of chosen and rejected is a conversation, the other an answer"
    if prompt is not None and questions[0] is not None and not _same(prompt, questions[0]):
        return "chosen and rejected answer another prompt than the row's"
    return None


def _same(prompt: Asked, question: Asked) -> bool:
    """A prompt of one text may stand for the last turn of a longer conversation, or for the first."""
    turns = [turn.content for turn in question.before if turn.role == "user"] + [question.text]
    own = [turn.content for turn in prompt.before if turn.role == "user"] + [prompt.text]
    if len(own) > 1:
        return [text.split() for text in own] == [text.split() for text in turns]
    return own[0].split() in (turns[-1].split(), turns[0].split())


def _question(place: str, value: Mapping[str, Any]) -> Asked | None:
    there = [name for name in QUESTIONS if value.get(name) is not None]
    if len(there) > 1 and not {"conversations", "messages"} & set(there):
        raise DataError(f"{place}: several prompt columns, {' and '.join(f'`{name}`' for name in there)}; keep one")
    system = next((value[name] for name in SYSTEMS if isinstance(value.get(name), str) and value[name].strip()), None)
    before = () if system is None else (Message(role="system", content=system),)
    if not there:
        return None
    name, found = there[0], value[there[0]]
    if isinstance(found, str):
        if is_transcript(found):
            return asked(place, name, transcript(found))
        return Asked(found, before)
    turns = messages(place, name, found)
    if name == "messages" and turns and turns[-1].role == "assistant":
        return None  # the whole conversation with the chosen answer, which `chosen` holds as well
    return asked(place, name, turns if turns and turns[0].role == "system" else [*before, *turns])


def _scores(place: str, value: Mapping[str, Any]) -> tuple[float, float] | None:
    for names in SCORES:
        if any(value.get(name) is not None for name in names):
            chosen, rejected = (number_in(place, value, name) for name in names)
            return chosen, rejected
    return None


def has_scores(value: Mapping[str, Any]) -> bool:
    """The row says how good both answers are."""
    return any(set(names) <= value.keys() for names in SCORES)


def plain_pair(value: Mapping[str, Any]) -> bool:
    """`prompt`, `chosen` and `rejected` are texts (or, the answers, lists of texts) and no conversations: RewardBench's
    columns, whose reader takes them as they are."""
    if not isinstance(value.get("prompt"), str) or is_transcript(value["prompt"]) or has_scores(value):
        return False
    return not any(
        is_messages(value.get(name))
        or isinstance(value.get(name), dict)
        or (isinstance(value.get(name), str) and is_transcript(value[name]))
        for name in ("chosen", "rejected")
    )


def ultrafeedback(found: Sequence[Row], account: Account) -> Iterator[HumanRanking]:
    """UltraFeedback (Cui et al. 2023): a row's completions, ranked by `overall_score`.

    Where no completion of a row has one, by `fine-grained_score`; a completion that lacks the score is left out.
    """
    for place, value in found:
        completions = value["completions"]
        if not isinstance(completions, list) or not all(isinstance(one, dict) for one in completions):
            raise DataError(f"{place}: `completions` must be a list of objects, found {completions!r:.40}")
        scored = [one for one in completions if one.get("overall_score") is not None]
        by = "overall_score" if scored else "fine-grained_score"
        scored = [one for one in completions if one.get(by) is not None]
        account["dropped reply: no score"] += len(completions) - len(scored)
        if len(scored) < 2:
            account["dropped: fewer than two scored answers"] += 1
            continue
        ranks = dense([-number_in(place, one, by) for one in scored])
        authors = [str(one.get("model", "unknown")) for one in scored]
        answers = [text_in(place, one, "response") for one in scored]
        category = value.get("source")
        yield ranking(place, text_in(place, value, "instruction"), answers, ranks, authors, category=category)


def helpsteer_preferences(found: Sequence[Row], account: Account) -> Iterator[HumanRanking]:
    """HelpSteer2's preferences (Wang et al. 2024): `preference_strength` from -3 (the first is better) to 3."""
    for place, value in found:
        question = asked(place, "prompt", steer_turns(text_in(place, value, "prompt")))
        answers = [text_in(place, value, name) for name in ("response_1", "response_2")]
        ranks = _signed(place, value, "preference_strength")
        yield ranking(place, question.text, answers, ranks, before=question.before)


def helpsteer3(found: Sequence[Row], account: Account) -> Iterator[HumanRanking]:
    """HelpSteer3's preferences: messages, and `overall_preference` from -3 (the first is better) to 3."""
    for place, value in found:
        question = asked(place, "context", messages(place, "context", value["context"]))
        answers = [text_in(place, value, name) for name in ("response1", "response2")]
        ranks = _signed(place, value, "overall_preference")
        yield ranking(place, question.text, answers, ranks, before=question.before, category=value.get("domain"))


def _signed(place: str, value: Mapping[str, Any], name: str) -> tuple[int, int]:
    """Ranks by a strength of -3 to 3. Raises DataError for any other."""
    strength = number_in(place, value, name)
    if abs(strength) > STRONGEST:
        raise DataError(f"{place}: `{name}` must be -3 (the first is better) to 3, found {strength:g}")
    first, second = PAIR["tie" if strength == 0 else "first" if strength < 0 else "second"]
    return first, second


def nectar(found: Sequence[Row], account: Account) -> Iterator[HumanRanking]:
    """Nectar (Zhu et al. 2023): `prompt` as a transcript, `answers` with a `rank`, 1 the best."""
    for place, value in found:
        said = text_in(place, value, "prompt")
        question = asked(place, "prompt", transcript(said)) if is_transcript(said) else Asked(said)
        listed = value["answers"]
        if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
            raise DataError(f"{place}: `answers` must be a list of objects, found {listed!r:.40}")
        if len(listed) < 2:
            account["dropped: a single answer"] += 1
            continue
        ranks = dense([number_in(place, one, "rank") for one in listed])
        answers = [text_in(place, one, "answer") for one in listed]
        authors = [str(one.get("model", "unknown")) for one in listed]
        yield ranking(place, question.text, answers, ranks, authors, before=question.before)
