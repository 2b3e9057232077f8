"""Each kind of reward on real answers: the numbers it gives, what it keeps, and what it asks for."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from srlm.engines.base import Engine, Request
from srlm.engines.scripted import ScriptedEngine
from srlm.errors import SettingsError
from srlm.judge import rubric
from srlm.judge.open import Judge
from srlm.judge.pointwise import Answered, ModelPointJudge
from srlm.records import AnswerReward, Judgement, Prompt, Response, seed_for
from srlm.rewards import random, rules
from srlm.rewards.base import Context, kept_rewards
from srlm.rewards.open import open_reward
from srlm.settings import RulesRewardSettings, Settings
from srlm.store import files
from srlm.store.progress import Report, Unreported

PROMPT = Prompt.of("a gold b black c gold copy", "beads")
RIGHT, SHORT, STRAY = "1 gold 2 black 3 gold .", "1 gold 2 black .", "well let me see"


def answered(*texts: str) -> list[Answered]:
    return [
        Answered(prompt=PROMPT, response=Response.of(PROMPT.id, text, "M1", draw)) for draw, text in enumerate(texts)
    ]


def settings(**reward: Any) -> Settings:
    return Settings.model_validate(
        {
            "name": "rewards",
            "model": {"base": "scratch"},
            "data": {"kind": "beads"},
            "judge": {"template": "beads", "draws": 2},
            "reward": reward or {"kind": "judge"},
        }
    )


def context(folder: Path, judge: Callable[[], Engine]) -> Context:
    @contextmanager
    def stage(name: str) -> Iterator[Report]:
        yield Unreported()

    def opened() -> Judge:
        asked, wanted = judge(), settings().judge
        pointwise = ModelPointJudge(asked, rubric.load(wanted.template), wanted.sampling, wanted.complete)
        return Judge(asked.id, pointwise, None, close=asked.close)

    return Context(folder, lambda use: seed_for(7, use), stage, opened, lambda draws: 2)


def nobody() -> Engine:
    raise AssertionError("the judge was asked")


def test_the_judge_s_reward_is_the_mean_of_its_scores_and_its_words_are_kept(tmp_path: Path) -> None:
    said = iter(["score : 5", "score : 4", "no idea", "score : 1", "no idea", "nor here"])
    reward = open_reward(settings())
    found = reward.rewards(
        answered(RIGHT, SHORT, STRAY), context(tmp_path, lambda: ScriptedEngine(lambda *_: next(said)))
    )
    assert found.rewards == [4.5, 1.0, None]
    assert (found.counts["judgements"], found.counts["judgements unscored"]) == (6, 3)
    assert [one.raw for one in files.read(tmp_path / "judgements.jsonl", Judgement)][:2] == ["score : 5", "score : 4"]
    again = reward.rewards(answered(RIGHT, SHORT, STRAY), context(tmp_path, nobody))
    assert again == found
    assert not (tmp_path / "rewards.jsonl").exists()


def test_random_rewards_are_whole_points_drawn_by_answer_and_seed() -> None:
    made = [one.response for one in answered(*(str(number) for number in range(600)))]
    drawn = [random.points(response, 1) for response in made]
    assert [random.points(response, 1) for response in made[::-1]] == drawn[::-1]
    assert [random.points(response, 2) for response in made] != drawn
    assert set(drawn) == {0.0, 1.0, 2.0, 3.0, 4.0, 5.0}
    assert all(60 < drawn.count(point) < 140 for point in range(6))  # 100 each, standard deviation 9
    assert drawn[:8] == [4.0, 4.0, 3.0, 5.0, 5.0, 1.0, 5.0, 2.0]  # as they were drawn when this was an arm


def test_the_words_of_an_answer_do_not_set_its_random_reward() -> None:
    prompts = [Prompt.of(f"prompt {number}", "test") for number in range(40)]
    assert len({random.points(Response.of(prompt.id, "Score: 5", "M1", 0), 1) for prompt in prompts}) == 6


def test_random_rewards_ask_no_judge_and_are_kept(tmp_path: Path) -> None:
    made = answered(RIGHT, SHORT)
    found = open_reward(settings(kind="random")).rewards(made, context(tmp_path, nobody))
    seed = seed_for(7, "random scores")
    assert found.rewards == [random.points(one.response, seed) for one in made]
    rows = files.read(tmp_path / "rewards.jsonl", AnswerReward)
    assert [(row.response_id, row.source, row.reward) for row in rows] == [
        (one.response.id, "random", number) for one, number in zip(made, found.rewards, strict=True)
    ]
    assert kept_rewards(tmp_path) == {one.response.id: n for one, n in zip(made, found.rewards, strict=True)}


def test_the_world_s_own_program_grades_without_a_judge(tmp_path: Path) -> None:
    reward = open_reward(settings(kind="world"))
    found = reward.rewards(answered(SHORT, RIGHT, STRAY), context(tmp_path, nobody))
    assert found.rewards == [4.0, 5.0, 0.0]  # one too few; all points; no answer at all
    assert not reward.asks_judge


def test_form_alone_hears_only_the_verdicts_on_form(tmp_path: Path) -> None:
    words = {  # right but short; wrong and with filler; all wrong, and by form the best
        SHORT: "relevant yes correct yes count no clean yes \n score : 4",
        "1 gold 2 black 3 red . let me see": "relevant yes correct no count yes clean no \n score : 2",
        "1 red 2 red 3 red .": "relevant yes correct no count yes clean yes \n score : 3",
        STRAY: "no verdict at all \n score : 5",
    }

    def judge(request: Request, seed: int) -> str:
        return next(said for text, said in words.items() if text in request.messages[0].content)

    reward = open_reward(settings(kind="world", scores="form"))
    found = reward.rewards(answered(*words), context(tmp_path, lambda: ScriptedEngine(judge)))
    assert found.rewards == [1.0, 1.0, 2.0, None]
    assert reward.asks_judge
    assert found.counts["judgements"] == 4 * 2
    assert kept_rewards(tmp_path) == {
        one.response.id: number
        for one, number in zip(answered(*words), found.rewards, strict=True)
        if number is not None
    }


@pytest.mark.parametrize(
    ("given", "text", "points"),
    [
        pytest.param({"rules": [{"matches": r"\d+", "points": 2}]}, "It is 42.", 2.0, id="found"),
        pytest.param({"rules": [{"matches": r"\d+", "points": 2}]}, "It is late.", 0.0, id="not-found"),
        pytest.param({"rules": [{"matches": "^a"}, {"matches": "z$", "points": -3}]}, "abc xyz", -2.0, id="added-up"),
        pytest.param({"rules": [{"min_characters": 3, "max_characters": 5}]}, "abcde", 1.0, id="not-too-long"),
        pytest.param({"rules": [{"min_characters": 3, "max_characters": 5}]}, "abcdef", 0.0, id="too-long"),
        pytest.param({"rules": [{"min_characters": 3}]}, "ab", 0.0, id="too-short"),
        pytest.param({"rules": [{"max_characters": 0}]}, "", 1.0, id="nothing-at-all"),
        pytest.param({"rules": [{"matches": "a", "max_characters": 3}]}, "bbb", 0.0, id="one-of-two-conditions"),
        pytest.param({"per_character": 0.5}, "abcd", 2.0, id="length"),
        pytest.param({"rules": [{"matches": "c"}], "per_character": -0.25}, "abcd", 0.0, id="a-rule-less-length"),
    ],
)
def test_the_points_of_rules(given: dict[str, Any], text: str, points: float) -> None:
    assert rules.points(text, RulesRewardSettings.model_validate({"kind": "rules", **given})) == points


def test_rules_ask_no_judge(tmp_path: Path) -> None:
    reward = open_reward(settings(kind="rules", rules=[{"matches": "gold", "points": 3}], per_character=-1))
    assert reward.rewards(answered("1 gold .", "12"), context(tmp_path, nobody)).rewards == [3 - 8, -2]
    assert reward.rule == "reward = the points of the rules that hold (1 in reward.rules), -1 a character"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "reward.kind `rules` has no rule"),
        ({"rules": [{"points": 2}]}, r"reward.rules\[0\] has no condition"),
        ({"rules": [{"matches": "a"}, {"matches": "("}]}, r"reward.rules\[1\].matches '\(': not a regular expression"),
    ],
)
def test_rules_that_say_nothing_are_refused_before_anything_runs(given: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        open_reward(settings(kind="rules", **given)).check()
