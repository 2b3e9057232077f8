"""Time and price of the paper's table before anything is there: worked out by hand, and unknown where it is unknown."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from eval.benchmarks.ablations.arms import ARMS
from eval.benchmarks.alpaca_eval.benchmark import AlpacaEval2
from eval.benchmarks.base import Asked, Benchmark
from eval.benchmarks.breakdown.benchmark import Breakdown
from eval.benchmarks.head_to_head.benchmark import HeadToHead
from eval.benchmarks.mt_bench.benchmark import MtBenchPairs, MtBenchScores
from eval.cli import app
from eval.report import paper_estimate as estimate
from srlm.cli.hardware import Hardware
from srlm.cli.shape import Shape
from srlm.run_file import load
from srlm.settings import Settings

CONFIGS = Path(__file__).resolve().parents[3] / "configs"
# 10 GiB; 1e12 operations and 1e9 bytes a second are reached.
HARDWARE = Hardware(
    name="toy", gpus=4, memory_gib=10, teraflops=2, bandwidth_gbs=2,
    training_share=0.5, reading_share=0.5, writing_share=0.5,
)  # fmt: skip
SHAPE = Shape(
    parameters=1_000_000_000, layers=10, hidden=1000, cached=40_000, queries=1000, feed_forward=4000, vocabulary=0,
    tied=True, two_bytes=True,
)  # fmt: skip


class Toy(Benchmark):
    """Asks each model and a judge."""

    name, label, in_paper = "toy", "toy", True

    def asked(self, settings: Settings, models: object) -> list[Asked]:
        wanted = settings.evaluation
        return [
            Asked("answers", "M1", 10, 100, 50),
            Asked("answers", "M2", 10, 100, 50),
            Asked("verdicts", wanted.judge, 1000, 900, 100, wanted.price, wanted.base_url),
        ]


def settings(*overrides: str) -> Settings:
    return load(CONFIGS / "llama3-8b.yaml", overrides)


def test_our_models_take_time_and_a_servers_model_money() -> None:
    own, judge = estimate.lines([Toy()], settings("evaluation.judge=openai:gpt-4.1"), HARDWARE, SHAPE)
    # 10 answers on four GPUs, 3 on each, and 150 tokens at their end; then 2 operations a parameter and token read.
    seconds = 50 * (2e9 + 40_000 * 150 * 3) / 1e9 + 2e9 * 10 * 100 / 4e12
    assert own.hours == pytest.approx(2 * seconds / 3600)
    assert (own.model, own.requests, own.read, own.written, own.dollars) == ("M1, M2", 20, 2000, 1000, 0)
    # 0.9 and 0.1 million tokens at 2 and 8 dollars
    assert (judge.requests, judge.read, judge.written) == (1000, 900_000, 100_000)
    assert judge.dollars == pytest.approx(0.9 * 2 + 0.1 * 8)
    assert judge.hours is None


@pytest.mark.parametrize(
    ("overrides", "dollars"),
    [
        pytest.param(["evaluation.judge=openai:nobody"], None, id="no-price"),
        pytest.param(
            ["evaluation.judge=openai:gpt-4.1", "evaluation.base_url=http://127.0.0.1:1/v1"], None, id="own-server"
        ),
        pytest.param(
            ["evaluation.judge=openai:nobody", "evaluation.price={input: 1, output: 10}"], 1.9, id="given-price"
        ),
    ],
)
def test_an_unknown_price_is_not_0(overrides: list[str], dollars: float | None) -> None:
    *_, judge = estimate.lines([Toy()], settings(*overrides), HARDWARE, SHAPE)
    assert judge.dollars == (None if dollars is None else pytest.approx(dollars))
    said = list(estimate.unknowns([judge], HARDWARE))
    assert any("no price is known" in line for line in said) == (dollars is None)


@pytest.mark.parametrize(
    ("overrides", "dollars"),
    [
        pytest.param(["evaluation.mt_bench.price={input: 1, output: 10}"], 0.8 * 1 + 1.6384 * 10, id="its-own"),
        pytest.param(["evaluation.price={input: 2, output: 20}"], 0.8 * 2 + 1.6384 * 20, id="the-evaluation's"),
        pytest.param(["evaluation.mt_bench.judge=openai:gpt-4.1"], 0.8 * 2 + 1.6384 * 8, id="the-list's"),
        pytest.param([], None, id="none"),
    ],
)
def test_a_judge_of_its_own_has_the_price_of_its_own_section(overrides: list[str], dollars: float | None) -> None:
    given = settings("evaluation.judge=length", "evaluation.mt_bench.judge=openai:nobody", *overrides)
    *_, first, second = estimate.lines([MtBenchScores()], given, HARDWARE, SHAPE)
    # Five models (M0 is an instruct model), 80 questions: 400 requests a turn, of 700 and 1,300 tokens, with answers of
    # at most 2,048.
    assert (first.read + second.read, first.written + second.written) == (800_000, 1_638_400)
    found = [one.dollars for one in (first, second) if one.dollars is not None]
    assert (sum(found) if found else None) == (None if dollars is None else pytest.approx(dollars))


@pytest.mark.parametrize(
    ("own", "elsewhere"),
    [
        pytest.param("evaluation.base_url", (HeadToHead, AlpacaEval2, MtBenchScores, Breakdown), id="all-judges"),
        pytest.param("evaluation.mt_bench.base_url", (MtBenchScores,), id="mt-bench"),
        pytest.param("evaluation.breakdown.base_url", (Breakdown,), id="breakdown"),
    ],
)
def test_a_model_on_another_server_has_no_price_of_openais_list_and_that_is_said(
    own: str, elsewhere: tuple[type[Benchmark], ...]
) -> None:
    given = settings("evaluation.judge=openai:gpt-4.1", f"{own}=http://localhost:8000/v1")
    for kind in (HeadToHead, AlpacaEval2, MtBenchScores, Breakdown):
        asked = [one for one in estimate.lines([kind()], given, HARDWARE, SHAPE) if "openai:" in one.model]
        assert asked
        names = {"openai:gpt-4.1 at http://localhost:8000/v1" if kind in elsewhere else "openai:gpt-4.1"}
        assert ({one.model for one in asked}, {one.dollars is None for one in asked}) == (names, {kind in elsewhere})
        said = "openai:gpt-4.1 at http://localhost:8000/v1: no price is known; give evaluation.price"
        assert any(line.startswith(said) for line in estimate.unknowns(asked, HARDWARE)) == (kind in elsewhere)


def test_the_address_of_the_environment_is_another_server_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:8000/v1")
    *_, judge = estimate.lines([Toy()], settings("evaluation.judge=openai:gpt-4.1"), HARDWARE, SHAPE)
    assert (judge.dollars, judge.model) == (None, "openai:gpt-4.1 at http://localhost:8000/v1")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://api.openai.com/v1")
    *_, judge = estimate.lines([Toy()], settings("evaluation.judge=openai:gpt-4.1"), HARDWARE, SHAPE)
    assert judge.dollars == pytest.approx(0.9 * 2 + 0.1 * 8)


def test_a_price_of_the_evaluations_judge_is_none_of_a_labellers_own_server() -> None:
    given = settings(
        "evaluation.judge=openai:gpt-4.1", "evaluation.price={input: 1, output: 1}",
        "evaluation.breakdown.judge=openai:gpt-4.1", "evaluation.breakdown.base_url=http://localhost:8000/v1",
    )  # fmt: skip
    assert {one.dollars for one in estimate.lines([Breakdown()], given, HARDWARE, SHAPE)} == {None}


def test_where_nobody_can_grade_mt_bench_asks_nobody() -> None:
    assert (
        list(estimate.lines([MtBenchScores(), MtBenchPairs()], settings("evaluation.judge=length"), HARDWARE, SHAPE))
        == []
    )


def test_a_checkpoint_as_judge_is_one_of_our_models_and_a_program_is_not_asked() -> None:
    (judge,) = estimate.lines([HeadToHead()], settings("evaluation.judge=checkpoint:M0"), HARDWARE, SHAPE)
    assert (judge.requests, judge.dollars) == (10 * 256 * 2, 0)  # ten pairs of five models: M0 is an instruct model
    assert judge.hours is not None
    assert judge.hours > 0
    assert list(estimate.lines([HeadToHead()], settings("evaluation.judge=length"), HARDWARE, SHAPE)) == []
    (voted,) = estimate.lines(
        [HeadToHead()], settings("evaluation.judge=openai:gpt-4.1", "evaluation.pairs.votes=3"), HARDWARE, SHAPE
    )
    assert voted.requests == 3 * 10 * 256 * 2


def test_an_ablation_pays_for_what_it_does_not_share() -> None:
    given = settings("evaluation.judge=length")
    positive, ift_only = (
        next(iter(estimate.ablation(given, arm, HARDWARE, SHAPE))) for arm in ARMS if arm.name != "own_prompts"
    )
    for line, arm in ((positive, ARMS[0]), (ift_only, ARMS[1])):
        alone = estimate.training(arm.settings(given), HARDWARE, SHAPE)
        assert line.hours is not None
        assert alone.hours is not None
        assert 0 < line.hours < alone.hours


def test_the_whole_table_is_priced_before_anything_is_trained(tmp_path: Path) -> None:
    words = [
        "paper", "--dry-run", "--run", CONFIGS / "llama3-8b.yaml", "--hardware", CONFIGS / "hardware/8xh100.yaml",
        "--shape", CONFIGS / "shapes/llama-3-8b.json", "--judge", "openai:gpt-4.1", "--set", f"runs={tmp_path}",
    ]  # fmt: skip
    said = CliRunner().invoke(app, [str(word) for word in words])
    assert said.exit_code == 0, said.output
    for label in ("srlm train", "head to head", "AlpacaEval 2.0", "MT-Bench", "as a judge", "NLP", "ablation:"):
        assert label in said.output, label
    assert "openai:gpt-4.1: how fast it answers is unknown; its time is not in the hours" in said.output
    assert "no price is known" not in said.output
    assert list(tmp_path.iterdir()) == []


def test_without_hardware_nothing_can_be_estimated() -> None:
    said = CliRunner().invoke(app, ["paper", "--dry-run", "--run", str(CONFIGS / "llama3-8b.yaml")])
    assert "--dry-run needs --hardware FILE" in str(said.exception)


@pytest.mark.parametrize("command", ["paper", "ablations"])
@pytest.mark.parametrize("option", ["--hardware", "--shape"])
def test_what_only_an_estimate_heeds_is_refused_without_one(command: str, option: str) -> None:
    said = CliRunner().invoke(app, [command, "--run", str(CONFIGS / "llama3-8b.yaml"), option, "x"])
    assert str(said.exception) == "--hardware and --shape need --dry-run"
