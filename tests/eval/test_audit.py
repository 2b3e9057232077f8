"""Audits: what a judge's preferences lean on, against judges made to lean on one thing."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from eval.benchmarks.audit import effects as audit
from eval.benchmarks.judge_agreement import ranked
from eval.cli import main
from eval.data import controlled
from eval.records import MetricValue
from eval.stats.intervals import Resampling
from srlm.data.human_ranking import HumanRanking
from srlm.engines.base import Request
from srlm.engines.scripted import ScriptedEngine
from srlm.judge import rubric
from srlm.judge.open import Judge
from srlm.judge.pairwise import ModelPairJudge
from srlm.judge.pointwise import ModelPointJudge
from srlm.records import Judgement, Prompt, RankedSet, Response
from srlm.settings import Sampling

HOW = Resampling(resamples=500, confidence=0.95, seed=1)


def pair(number: int, first: str, second: str, ranks: tuple[int, int]) -> HumanRanking:
    prompt = Prompt.of(f"question {number}", "test")
    answers = tuple(Response.of(prompt.id, text, "human", draw) for draw, text in enumerate((first, second)))
    return HumanRanking(ranked=RankedSet.of(prompt, answers, ranks), group=prompt.id)


# People like the longer answer in 30 of 40 pairs; half the longer answers are listed first.
SETS = [
    pair(
        n,
        "long " * 9 if n % 2 else "short",
        "short" if n % 2 else "long " * 9,
        (0, 1) if (n % 4 < 3) == (n % 2 == 1) else (1, 0),
    )
    for n in range(40)
]


def leaning(score: Callable[[HumanRanking, int], float]) -> dict[str, MetricValue]:
    said = [
        [
            [Judgement.of(response.id, "j", 0, "", score(one, place))]
            for place, response in enumerate(one.ranked.responses)
        ]
        for one in SETS
    ]
    return {m.metric: m for m in audit.preferences("j", SETS, audit.from_scores(said), HOW)}


def test_a_judge_of_quality_alone_prefers_longer_only_as_far_as_people_do() -> None:
    found = leaning(lambda one, place: -one.ranked.ranks[place])
    assert found["prefers_longer"].value == 30 / 40
    assert found["prefers_longer_quality_fixed"].value == 0.5  # 1 where people agree, 0 where they do not


def test_a_judge_of_length_alone_is_told() -> None:
    found = leaning(lambda one, place: len(one.ranked.responses[place].text))
    assert found["prefers_longer"].value == found["prefers_longer_quality_fixed"].value == 1
    assert found["length_log_odds"].value is None
    assert "tells every preference apart" in found["length_log_odds"].note
    assert found["prefers_list"].value is None and found["prefers_list"].note == "no two answers differ in it"


def test_a_judge_that_ties_prefers_neither() -> None:
    found = leaning(lambda one, place: 3)
    assert found["prefers_longer"].value == 0.5
    assert (found["length_log_odds"].n, found["length_log_odds"].unscored) == (0, 40)


def test_the_slope_of_length_is_found_beside_quality_and_its_interval_covers() -> None:
    covered = 0
    for world in range(60):
        generator = np.random.default_rng(world)
        x = np.column_stack([generator.normal(size=400), generator.choice([-1.0, 1.0], size=400)])
        chosen = generator.random(400) < 1 / (1 + np.exp(-(0.7 * x[:, 0] + 1.2 * x[:, 1])))
        found = audit.slope(x, chosen, [str(n // 2) for n in range(400)], HOW)
        assert found.value is not None and found.low is not None and found.high is not None
        assert abs(found.value - 0.7) < 0.6
        covered += found.low <= 0.7 <= found.high
    assert covered >= 53  # of 60 at 95%: fewer than 53 has a chance of 1 in 60


def test_the_interval_of_the_slope_leaves_each_prompt_out_of_its_own_error() -> None:
    generator = np.random.default_rng(3)
    x = np.column_stack([generator.normal(size=36), generator.choice([-1.0, 1.0], size=36)])
    chosen = generator.random(36) < 1 / (1 + np.exp(-x[:, 0]))
    found = audit.slope(x, chosen, [str(n // 3) for n in range(36)], HOW)
    assert found.value is not None and found.low is not None and found.high is not None
    # The same by hat matrices: residuals of a prompt over (1 - H) of its own block, each in units of its deviation.
    beta = np.zeros(2)
    for _ in range(30):  # Newton's method, which converges in six steps
        p = 1 / (1 + np.exp(-(x @ beta)))
        information = x.T @ np.diag(p * (1 - p)) @ x
        beta = beta + np.linalg.solve(information, x.T @ (chosen - p))
    root = np.sqrt(p * (1 - p))
    hat = root[:, None] * (x @ np.linalg.inv(information) @ x.T) * root
    total = np.zeros((2, 2))
    for place in range(12):
        own = slice(3 * place, 3 * place + 3)
        error = np.linalg.solve(np.eye(3) - hat[own, own], (chosen - p)[own] / root[own])
        score = x[own].T @ (root[own] * error)
        total += np.outer(score, score)
    variance = 11 / 12 * np.linalg.inv(information) @ total @ np.linalg.inv(information)
    half = stats.t.ppf(0.975, 11) * np.sqrt(variance[0, 0])
    assert found.value == pytest.approx(beta[0], abs=1e-4)
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=1e-4)


def test_the_interval_of_a_steep_slope_of_skewed_lengths_on_20_prompts_covers() -> None:
    covered = fitted = 0
    for world in range(150):
        generator = np.random.default_rng(world)
        doublings = np.sign(generator.normal(size=20)) * generator.lognormal(0, 1, 20)
        x = np.column_stack([doublings, generator.choice([-1.0, 1.0], size=20)])
        chosen = generator.random(20) < 1 / (1 + np.exp(-(2 * x[:, 0] + 1.2 * x[:, 1])))
        found = audit.slope(x, chosen, [str(n) for n in range(20)], HOW)
        if found.low is not None and found.high is not None:
            fitted += 1
            covered += found.low <= 2 <= found.high
    assert fitted > 100
    assert covered >= 0.93 * fitted  # the plain sandwich: 0.90


def judgements(scores: list[list[list[float | None]]]) -> list[list[list[Judgement]]]:
    return [
        [[Judgement.of("r", "j", draw, "", score) for draw, score in enumerate(one)] for one in row] for row in scores
    ]


def test_spread_counts_judgements_ties_failures_and_repeats() -> None:
    said = judgements([[[5, 5], [4, 5]], [[3, 3], [3, None]], [[1, 1], [2, 2]]])
    found = {m.metric: m for m in audit.spread("j", SETS[:3], said, HOW)}
    assert found["scored_5"].value == 3 / 11
    assert found["scored_5"].n == 11
    assert found["unscored"].value == 1 / 12
    assert found["ties"].value == 1 / 3  # means 5 and 4.5; 3 and 3; 1 and 2
    assert found["same_score_every_time"].value == 4 / 5
    assert found["spread_of_repeats"].value == pytest.approx((0.25 + 0 + 0) / 3)
    assert sum(found[f"scored_{n}"].value or 0 for n in range(6)) == pytest.approx(1)


def test_self_preference_is_the_lead_that_only_the_author_sees() -> None:
    # M2's answers are a point better for both judges; M2 gives its own one more.
    scores: dict[str, dict[str, list[float | None]]] = {
        "M1": {"M1": [2, 3, None], "M2": [3, 4, 1]},
        "M2": {"M1": [2, 3, 1], "M2": [4, 5, 1]},
    }
    found = {m.model: m for m in audit.self_preference(scores, HOW)}
    assert (found["M2"].value, found["M2"].n, found["M2"].unscored) == (1, 2, 1)
    assert found["M1"].value == 1  # the same disagreement, seen from the other side
    assert audit.self_preference({"M1": {"M1": [1]}}, HOW) == []


def test_flips_and_the_first_place_are_counted(tmp_path: Path) -> None:
    engine = ScriptedEngine(lambda request, seed: "A", "first")
    judge = Judge("first", None, ModelPairJudge(engine), facts={"judge": "first"})
    pairs = ranked.compared(judge, SETS, 1, tmp_path)
    found = {m.metric: m for m in audit.orders("first", SETS, pairs, HOW)}
    assert found["position_flips"].value == found["first_shown_preferred"].value == 1
    assert (found["unscored"].value, found["unscored"].n) == (0, 80)


def test_controlled_answers_have_one_content() -> None:
    for one in controlled.sets():
        prose, points, padded = (response.text for response in one.ranked.responses)
        assert audit.FEATURES["list"](points) == audit.FEATURES["markdown"](points) == 1
        assert audit.FEATURES["list"](prose) == audit.FEATURES["markdown"](prose) == 0
        assert prose in padded
        assert points.replace("- **", "").replace("**", "").replace("\n", " ") == prose
        assert one.ranked.ranks == (0, 0, 0)


@pytest.mark.parametrize(
    ("text", "listed"),
    [("- one\n- two", 1), ("1. one", 1), ("In 2. place", 0), ("a - b", 0), ("-5 degrees", 0), ("\u2022 one", 1)],
)
def test_what_is_a_list(text: str, listed: int) -> None:
    assert audit.FEATURES["list"](text) == listed


def test_the_command_audits_a_judge_on_our_own_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "a.json"
    with pytest.raises(SystemExit) as left:
        main(["audit", "--judge", "length", "--judge", "constant", "--resamples", "200", "--out", str(out)])
    assert left.value.code == 0
    said = capsys.readouterr().out
    assert re.search(r"^length +prefers longer +1.000 \[0.6\d\d, 1.000\] +24 pairs", said, re.MULTILINE)
    metrics = [MetricValue.model_validate(value) for value in json.loads(out.read_text())]
    by_key = {(m.model, m.metric): m for m in metrics}
    assert by_key["constant", "scored_3"].value == by_key["constant", "ties"].value == 1
    assert by_key["constant", "score_entropy"].value == 0


def test_the_command_needs_a_run_or_a_judge(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["audit"])
    assert left.value.code == 2
    assert "audit needs either --run, or --judge with --out" in capsys.readouterr().err


def test_a_model_is_read_with_the_rubric_and_kept(tmp_path: Path) -> None:
    def write(request: Request, seed: int) -> str:
        return f"Score: {1 + seed % 4}"

    engine = ScriptedEngine(write, "s")
    judge = Judge(
        "s",
        ModelPointJudge(engine, rubric.load("additive"), Sampling(), complete=False),
        None,
        facts={},
        five_points=True,
    )
    said = ranked.judge_sets(judge, SETS, 3, 1, tmp_path)
    found = {m.metric: m for m in audit.spread("s", SETS, said, HOW)}
    assert (found["unscored"].n, found["unscored"].value) == (40 * 2 * 3, 0)
    assert (tmp_path / "s-judgements.jsonl").exists()
