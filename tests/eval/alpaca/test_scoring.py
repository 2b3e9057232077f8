"""AlpacaEval's figures against the official leaderboard and against alpaca-eval's own functions on the same data."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from eval.benchmarks.alpaca_eval.scores import by_row_position, raw, sample, scored
from eval.data.alpaca_eval import AlpacaEval
from eval.data.alpaca_files import Annotated, read_annotations
from eval.records import Annotation, MetricValue, annotation_id
from eval.stats.intervals import Resampling
from srlm.records import Prompt

HOW = Resampling(resamples=200, confidence=0.95, seed=3)
COMPLETE = (
    "FuseChat-Qwen-2.5-7B-Instruct",
    "alpaca-7b",
    "claude-2",
    "claude-2.1",
    "gpt-3.5-turbo-0301",
    "gpt-3.5-turbo-1106_concise",
    "gpt4_1106_preview",
    "humpback-llama2-70b",
    "oasst-sft-pythia-12b",
    "vicuna-13b",
)
SHORT = "gpt35_turbo_instruct"
"""One of its 805 rows is missing."""


def official(data: AlpacaEval, model: str) -> Path:
    return data.results() / model / "weighted_alpaca_eval_gpt4_turbo" / "annotations.json"


def by_name(metrics: list[MetricValue]) -> dict[str, MetricValue]:
    return {metric.metric: metric for metric in metrics}


@pytest.mark.parametrize("model", [*COMPLETE, SHORT])
def test_every_figure_equals_the_official_leaderboard(data: AlpacaEval, model: str) -> None:
    found = by_name(scored(read_annotations(official(data, model), data.prompts), data.prompts, data, HOW))
    row = data.leaderboard[model]
    for name in (
        "win_rate",
        "standard_error",
        "discrete_win_rate",
        "n_wins",
        "n_wins_base",
        "n_draws",
        "n_total",
        "avg_length",
    ):
        assert found[name].value == pytest.approx(float(row[name]), abs=1e-6), name
    own = found["lc_win_rate"]
    if model == "gpt4_1106_preview":  # the baseline itself: a half, and no sample of anything
        assert (own.value, own.low, own.method.partition("; ")[2]) == (
            50,
            None,
            "no interval: the baseline against itself",
        )
    else:
        assert own.low is not None and own.high is not None and own.low < own.high
    lc = float(row["length_controlled_winrate"])
    assert found["lc_win_rate_official_weights"].value == pytest.approx(lc, abs=1e-6)
    # Of the model with a missing row, the official figure is what joining by row makes of it, and ours is another.
    fitted = "lc_win_rate_by_row_position" if model == SHORT else "lc_win_rate"
    assert found[fitted].value == pytest.approx(lc, abs=0.2)
    assert ("lc_win_rate_by_row_position" in found) == (model == SHORT)
    if model == SHORT:
        assert found["lc_win_rate"].value == pytest.approx(15.00, abs=0.01)
        assert found["win_rate"].unscored == 1


@pytest.mark.filterwarnings("ignore")  # alpaca-eval uses what scikit-learn and setuptools have deprecated
@pytest.mark.parametrize("model", ["claude-2", SHORT])
def test_alpaca_evals_own_functions_give_the_same_on_the_same_data(data: AlpacaEval, theirs: Any, model: str) -> None:
    path = official(data, model)
    expected = theirs(json.loads(path.read_text()))
    annotated = read_annotations(path, data.prompts)
    found = by_name(scored(annotated, data.prompts, data, HOW))
    for name in ("win_rate", "standard_error", "n_wins", "n_wins_base", "n_draws", "n_total", "discrete_win_rate"):
        assert found[name].value == pytest.approx(float(expected[name]), abs=1e-9), name
    # Both fits see the same rows; theirs has an L1 penalty chosen by cross-validation besides.
    assert by_row_position(annotated, data).value == pytest.approx(
        float(expected["length_controlled_winrate"]), abs=0.05
    )


def test_the_order_of_rows_changes_nothing_but_the_replay_of_the_join_by_row(data: AlpacaEval) -> None:
    annotated = read_annotations(official(data, "vicuna-13b"), data.prompts)
    turned = annotated._replace(annotations=annotated.annotations[::-1])
    assert scored(turned, data.prompts, data, HOW) == scored(annotated, data.prompts, data, HOW)
    in_order, out_of_order = by_row_position(annotated, data).value, by_row_position(turned, data).value
    assert in_order == pytest.approx(9.19, abs=0.01)
    assert out_of_order is not None and abs(out_of_order - 9.19) > 0.1


# Small samples written out --------------------------------------------------------------------------------------------

PROMPTS = tuple(Prompt.of(f"Question {number}?", "alpaca_eval", "vicuna") for number in range(6))


def annotated(*said: tuple[int, float | None], output: str = "four") -> Annotated:
    """Draws on prompts by number; the baseline's answers have eight characters."""
    draws: dict[int, int] = {}
    rows = []
    for number, preference in said:
        draw = draws[number] = draws.get(number, -1) + 1
        rows.append(
            Annotation(
                id=annotation_id(PROMPTS[number].id, output, "baseline", "j", None, draw),
                prompt_id=PROMPTS[number].id,
                model="m",
                baseline="b",
                judge="j",
                draw=draw,
                preference=preference,
                missing=None if preference is not None else "refusal",
            )
        )
    outputs = {PROMPTS[number].id: output for number in draws}
    return Annotated(tuple(rows), outputs, dict.fromkeys(outputs, "baseline"), {})


def test_figures_without_regression_are_these() -> None:
    found = by_name(raw(sample(annotated((0, 1.0), (1, 0.5), (2, 0.25), (3, 0.0)), PROMPTS[:4]), HOW))
    assert {name: metric.value for name, metric in found.items()} == {
        "win_rate": 100 * 1.75 / 4,
        "standard_error": pytest.approx(100 * math.sqrt((0.5625**2 + 0.0625**2 + 0.1875**2 + 0.4375**2) / 3 / 4)),
        "discrete_win_rate": 100 * 1.5 / 4,
        "n_wins": 1,
        "n_wins_base": 2,
        "n_draws": 1,
        "n_total": 4,
        "avg_length": 4,
    }
    assert {metric.value_unit for metric in found.values()} == {"percent", "prompts", "characters"}


def test_what_is_missing_is_counted_by_its_reason_and_bounded() -> None:
    found = by_name(raw(sample(annotated((0, 1.0), (1, 0.5), (2, None)), PROMPTS[:4]), HOW))
    assert (found["win_rate"].value, found["win_rate"].n, found["win_rate"].unscored) == (75.0, 2, 2)
    assert "1 missing (not annotated), 1 missing (refusal)" in found["win_rate"].note
    assert found["win_rate_if_missing_lost"].value == 100 * 1.5 / 4
    assert found["win_rate_if_missing_won"].value == 100 * 3.5 / 4
    assert (found["avg_length"].value, found["avg_length"].n) == (4, 3)  # the one that is not there has no length


def test_where_nothing_could_be_judged_there_is_no_rate_and_all_is_counted() -> None:
    found = by_name(scored(annotated((0, None), (1, None)), PROMPTS[:2], None, HOW))
    assert (found["win_rate"].value, found["win_rate"].low, found["win_rate"].n) == (None, None, 0)
    assert found["win_rate"].unscored == 2
    assert found["standard_error"].value is None
    assert (found["win_rate_if_missing_lost"].value, found["win_rate_if_missing_won"].value) == (0, 100)


def test_draws_count_as_their_mean_and_say_how_well_the_judge_repeats_itself() -> None:
    found = by_name(raw(sample(annotated((0, 1.0), (0, 0.0), (1, 0.75), (1, None), (2, 0.5)), PROMPTS[:3]), HOW))
    assert found["win_rate"].value == pytest.approx(100 * (0.5 + 0.75 + 0.5) / 3)
    assert found["win_rate"].n == 3
    assert found["n_draws"].value == 2
    # The two draws' variance is 0.5; it stands for the prompts of one draw: sqrt(.5/2 + .5 + .5) / 3.
    assert found["judge_standard_error"].value == pytest.approx(100 * math.sqrt(1.25) / 3)


def test_one_draw_a_prompt_says_nothing_of_repeatability() -> None:
    assert "judge_standard_error" not in by_name(raw(sample(annotated((0, 1.0), (1, 0.5)), PROMPTS[:2]), HOW))


def test_a_model_whose_answers_all_lose_has_a_win_rate_of_nothing_and_an_interval(data: AlpacaEval) -> None:
    lost = read_annotations(official(data, "vicuna-13b"), data.prompts)
    lost = lost._replace(annotations=tuple(a.model_copy(update={"preference": 0.0}) for a in lost.annotations))
    found = by_name(scored(lost, data.prompts, data, HOW))
    assert found["win_rate"].value == found["win_rate"].low == 0
    assert found["win_rate"].high == pytest.approx(100 * 0.0044116, abs=1e-3)  # Blaker, 0 of 805
    lc = found["lc_win_rate"]
    assert lc.value is not None and 0 <= lc.value < 0.001
    # Wilson's, of a third of the prompts: three coefficients share them.
    assert lc.high == pytest.approx(100 * 1.96**2 / (805 / 3 + 1.96**2), abs=0.01)


def test_no_figure_of_a_model_and_no_interval_depends_on_the_seed(data: AlpacaEval) -> None:
    annotated = read_annotations(official(data, "vicuna-13b"), data.prompts)
    first, again = (scored(annotated, data.prompts, data, HOW) for _ in range(2))
    assert first == again
    other = by_name(scored(annotated, data.prompts, data, HOW.using("another")))
    assert other["lc_win_rate"].value == by_name(first)["lc_win_rate"].value
    assert other["lc_win_rate"].low == by_name(first)["lc_win_rate"].low
