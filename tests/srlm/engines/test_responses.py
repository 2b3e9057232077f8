"""Answers as they are made: what the progress line says, and a stage in which nearly none came to its end."""

from typing import Literal

import pytest

from srlm.engines.responses import AnswerWatch
from srlm.errors import CollapseError
from srlm.records import Response
from srlm.settings import CandidateSettings


def answer(text: str, finish: Literal["stop", "length"] | None = "stop") -> Response:
    return Response.of("a prompt", text, "M1", 0, finish)


def test_the_progress_line_counts_answers_that_were_cut_or_empty() -> None:
    lines: list[str] = []
    watch = AnswerWatch("M2: candidates", CandidateSettings(), lines.append)
    watch([answer("yes"), answer("and then", "length")])
    watch([answer(" \n"), answer("", "length"), answer("no")])  # an empty one is not counted twice
    assert lines == ["1 of 2 cut, 0 empty", "1 of 5 cut, 2 empty"]


def test_a_stage_whose_answers_are_all_cut_or_empty_stops_early_and_says_what_may_help() -> None:
    watch = AnswerWatch("M2: candidates", CandidateSettings(), lambda seen: None)
    watch([answer("and then", "length")] * 390)
    with pytest.raises(CollapseError) as stopped:
        watch([answer("")] * 10)
    assert str(stopped.value) == (
        "M2: candidates: stopped early: 0 of the first 400 answers have words and came to their end "
        "(candidates.min_ended 1%); 390 were cut at 512 tokens, 10 are empty. What may help: raise "
        "candidates.sampling.max_new_tokens, a model.chat_template whose turns end with the model's own end token "
        "(`srlm show-prompt`), or another model. To go on all the same: --set candidates.min_ended=0"
    )


@pytest.mark.parametrize(
    "settings", [CandidateSettings(min_ended=0), CandidateSettings(min_ended=0.01)], ids=["not-asked", "1%-ended"]
)
def test_a_stage_with_answers_enough_goes_on(settings: CandidateSettings) -> None:
    watch = AnswerWatch("M2: candidates", settings, lambda seen: None)
    watch([answer("yes")] * 4 + [answer("and then", "length")] * 396)


def test_answers_of_an_engine_that_does_not_say_how_they_ended_are_not_taken_for_cut() -> None:
    watch = AnswerWatch("M2: candidates", CandidateSettings(), lambda seen: None)
    watch([answer("and then", None)] * 400)
