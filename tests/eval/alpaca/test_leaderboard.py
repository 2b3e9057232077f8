"""`leaderboard`, `compare` and `power` through the real command line, on a made-up folder like alpaca_eval's."""

import csv
import gzip
import json
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from eval.benchmarks.alpaca_eval.leaderboard import COLUMNS, compared
from eval.benchmarks.alpaca_eval.scores import sample
from eval.cli import main
from eval.data.alpaca_eval import ANNOTATOR, AlpacaEval
from eval.data.alpaca_files import read_annotations
from eval.records import MetricValue
from eval.stats.intervals import Resampling

QUESTIONS = [f"Question {number}?" for number in range(60)]
HOW = Resampling(resamples=300, confidence=0.95, seed=1)


def rows(model: str, rate: float, seed: int, **changes: Any) -> list[dict[str, Any]]:
    """A model that wins `rate` of the prompts, more or less surely."""
    chance = random.Random(seed)
    return [
        {
            "instruction": question,
            "output_1": "The baseline's answer. " * 3,
            "generator_1": "base",
            "output_2": "A word. " * chance.randint(1, 12),
            "generator_2": model,
            "annotator": "j",
            "preference": 1 + min(1.0, max(0.0, chance.gauss(rate, 0.2))),
            **changes,
        }
        for question in QUESTIONS
    ]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder like a checkout of alpaca_eval, with a good model, a fair one and one that is as good."""
    folder = tmp_path / "alpaca"
    folder.mkdir()
    (folder / "prompts.jsonl").write_text("".join(json.dumps({"instruction": q}) + "\n" for q in QUESTIONS))
    chance = random.Random(0)
    difficulty = [chance.gauss(0, 1) for _ in QUESTIONS]
    lines = ["index,instruction_difficulty", *(f"{i},{d:.6f}" for i, d in enumerate(difficulty))]
    (folder / "instruction_difficulty.csv").write_text("\n".join(lines) + "\n")
    header = "model,preference,index,std_delta_len,instruction_difficulty,not_gamed_baseline"
    gamed = [f"v,{chance.random():.3f},{i},{chance.gauss(0, 1):.3f},{d:.6f},False" for i, d in enumerate(difficulty)]
    (folder / "df_gamed.csv").write_text("\n".join([header, *gamed]) + "\n")
    for model, rate, seed in (("good", 0.7, 1), ("fair", 0.4, 2), ("also fair", 0.4, 3)):
        write(folder / "results" / model, rows(model, rate, seed))
    return folder


def write(folder: Path, content: object) -> Path:
    path = folder / ANNOTATOR / "annotations.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


class Said(NamedTuple):
    """How a command ended."""

    status: object
    out: str
    err: str


@pytest.fixture
def ask(capfd: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    def command(*words: object) -> Said:
        with pytest.raises(SystemExit) as left:
            main([str(word) for word in words])
        return Said(left.value.code or 0, *capfd.readouterr())

    return command


def figures(path: Path) -> list[MetricValue]:
    return [MetricValue.model_validate(one) for one in json.loads(path.read_text())]


def test_a_leaderboard_has_every_model_in_json_in_alpaca_evals_columns_and_in_a_table(
    ask: Callable[..., Said], place: Path, tmp_path: Path
) -> None:
    (place / "results" / "empty").mkdir()
    out, table = tmp_path / "board.json", tmp_path / "board.csv"
    said = ask("leaderboard", "--results", place / "results", "--out", out, "--csv", table, "--resamples", 300)
    assert said.status == 0, said.err
    lines = said.out.splitlines()
    assert lines[0].split() == [
        "model",
        "LC",
        "win",
        "rate",
        "(%)",
        "win",
        "rate",
        "(%)",
        "prompts",
        "unscored",
        "characters",
    ]
    assert [line.split("  ")[0] for line in lines[1:4]] == ["good", "also fair", "fair"]
    assert lines[-1] == f"no annotations by {ANNOTATOR}: empty"
    values = {(m.model, m.metric): m for m in figures(out)}
    assert len({model for model, _ in values}) == 3
    good = values["good", "win_rate"]
    assert good.low is not None and good.value is not None and good.high is not None
    assert good.low < good.value < good.high
    with table.open(newline="") as file:
        read = list(csv.DictReader(file))
    assert list(read[0]) == ["", *COLUMNS]
    assert [row[""] for row in read] == ["good", "also fair", "fair"]
    assert float(read[0]["win_rate"]) == good.value
    assert read[0]["n_total"] == "60"
    assert read[0]["mode"] == "community"


@pytest.mark.filterwarnings("ignore")  # alpaca-eval uses what setuptools has deprecated
def test_alpaca_eval_reads_the_columns(ask: Callable[..., Said], place: Path, tmp_path: Path) -> None:
    """It adds a model to the leaderboard that is there, as it does when a user scores one more."""
    from alpaca_eval import evaluate

    path = tmp_path / "board.csv"
    ask("leaderboard", "--results", place / "results", "--csv", path, "--resamples", 100)
    board, _ = evaluate(
        model_outputs=None,
        precomputed_leaderboard=path,
        is_return_instead_of_print=True,
        leaderboard_mode_to_print=None,
    )
    assert list(board.index) == ["good", "also fair", "fair"]
    assert list(board.columns) == list(COLUMNS)
    assert board["n_total"].tolist() == [60, 60, 60]


def test_the_same_command_writes_the_same_bytes(ask: Callable[..., Said], place: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        ask("leaderboard", "--results", place / "results", "--out", tmp_path / name, "--resamples", 100)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_zipped_annotations_are_read_too(ask: Callable[..., Said], place: Path, tmp_path: Path) -> None:
    path = place / "results" / "good" / ANNOTATOR / "annotations.json"
    ask("leaderboard", "--results", place / "results", "--out", tmp_path / "plain", "--resamples", 100)
    (path.parent / "annotations.json.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    ask("leaderboard", "--results", place / "results", "--out", tmp_path / "zipped", "--resamples", 100)
    assert (tmp_path / "plain").read_bytes() == (tmp_path / "zipped").read_bytes()


def test_a_model_with_a_missing_row_says_what_it_could_change(ask: Callable[..., Said], place: Path) -> None:
    write(place / "results" / "fair", rows("fair", 0.4, 2)[1:])
    out = ask("leaderboard", "--results", place / "results", "--resamples", 100).out
    assert "fair: 1 missing (not annotated); the win rate lies between " in out
    assert "difficulty joined by row position, as in the official figure, gives LC " in out


def test_a_figure_without_an_interval_has_its_reason_below_the_table(ask: Callable[..., Said], place: Path) -> None:
    write(place / "results" / "fair", rows("fair", 0.4, 2)[:5])
    write(place / "results" / "one", rows("one", 0.4, 2)[:1])
    out = ask("leaderboard", "--results", place / "results", "--resamples", 100).out
    assert "fair, lc win rate: no interval: fewer than 20 prompts do not hold the fit" in out
    assert "one, win rate: no interval below two prompts" in out


def test_rows_out_of_the_official_order_are_told_and_change_no_figure(
    ask: Callable[..., Said], place: Path, tmp_path: Path
) -> None:
    ask("leaderboard", "--results", place / "results", "--resamples", 100, "--out", tmp_path / "in.json")
    write(place / "results" / "fair", rows("fair", 0.4, 2)[::-1])
    said = ask("leaderboard", "--results", place / "results", "--resamples", 100, "--out", tmp_path / "out.json")
    assert "fair: 59 rows out of the official order (alpaca_eval gives them the difficulty of other" in said.out
    assert (tmp_path / "in.json").read_bytes() == (tmp_path / "out.json").read_bytes()


def test_a_name_that_would_steer_the_terminal_is_shown_as_text(ask: Callable[..., Said], place: Path) -> None:
    write(place / "results" / "fair", rows("fair\x1b[31m", 0.4, 2))
    assert "fair?[31m" in ask("leaderboard", "--results", place / "results", "--resamples", 100).out


def test_a_comparison_tests_each_pair_on_the_same_prompts(
    ask: Callable[..., Said], place: Path, tmp_path: Path
) -> None:
    words = ("compare", "good", "fair", "also fair", "--alpaca-dir", place, "--out", tmp_path / "c.json")
    said = ask(*words, "--resamples", 300)
    assert said.status == 0, said.err
    found = {(m.model, m.baseline, m.metric): m for m in figures(tmp_path / "c.json")}
    assert len(found) == 9
    apart = found["good", "fair", "win_rate_difference"]
    assert apart.value is not None and apart.low is not None and apart.p_adjusted is not None
    assert apart.low > 0 and apart.p_adjusted == pytest.approx(3 * 2e-4)  # none of 9,999 permutations, twice, Holm's 3
    same = found["fair", "also fair", "lc_win_rate_difference"]
    assert same.p_adjusted is not None and same.p_adjusted > 0.05
    shown = [line for line in said.out.splitlines() if line.startswith("fair and also fair, lc win rate: ")]
    assert len(shown) == 1 and "no difference shown: 60 prompts show one of " in shown[0]
    assert not any(line.startswith("good and fair, win rate: ") for line in said.out.splitlines())
    assert (
        "Each interval is of its comparison alone; p (Holm) is corrected for all comparisons of the measure."
        in said.out
    )


def test_a_comparison_is_warned_of_for_what_either_side_lacks(ask: Callable[..., Said], place: Path) -> None:
    write(place / "results" / "fair", [*rows("fair", 0.4, 2), rows("fair", 0.4, 2)[0] | {"preference": 1.5}])
    out = ask("compare", "good", "fair", "--alpaca-dir", place, "--resamples", 100).out
    assert "fair: 1 prompt annotated several times, whose mean counts" in out
    [warning] = [line for line in out.splitlines() if line.startswith("WARNING: ")]
    assert warning.startswith("WARNING: good: judge j, not gpt-4-1106-preview, baseline base, not gpt4_1106_preview, ")
    assert "; against fair, judge j, not gpt-4-1106-preview, several verdicts on 1 prompt, not one verdict" in warning


def test_a_prompt_that_one_side_lacks_is_left_out_of_both(place: Path) -> None:
    data = AlpacaEval(place)
    whole = read_annotations(place / "results/good" / ANNOTATOR / "annotations.json", data.prompts)
    short = read_annotations(write(place / "results/fair", rows("fair", 0.4, 2)[10:]), data.prompts)
    samples = [sample(one, data.prompts) for one in (whole, short)]
    (raw, lc, _) = compared(samples, data.glm, HOW)
    expected = samples[0].preference[10:].mean() - samples[1].preference.mean()
    assert raw.value == pytest.approx(100 * expected)
    assert (raw.n, raw.unscored) == (50, 10)
    assert lc.n == 50


def test_what_either_side_lacks_is_left_out_and_counted_once(place: Path) -> None:
    data = AlpacaEval(place)
    first = read_annotations(write(place / "results/good", rows("good", 0.7, 1)[:-7]), data.prompts)
    second = read_annotations(write(place / "results/fair", rows("fair", 0.4, 2)[10:]), data.prompts)
    for metric in compared([sample(one, data.prompts) for one in (first, second)], data.glm, HOW):
        assert (metric.n, metric.unscored) == (43, 17)


def test_a_pair_alone_and_the_pair_among_others_have_the_same_interval(place: Path) -> None:
    data = AlpacaEval(place)
    samples = [
        sample(read_annotations(place / "results" / name / ANNOTATOR / "annotations.json", data.prompts), data.prompts)
        for name in ("good", "fair", "also fair")
    ]
    alone, among = compared(samples[:2], data.glm, HOW), compared(samples, data.glm, HOW)
    assert [(m.value, m.low, m.high, m.p) for m in alone] == [
        (m.value, m.low, m.high, m.p) for m in among if (m.model, m.baseline) == ("good", "fair")
    ]


def test_two_files_of_one_model_go_by_their_paths(ask: Callable[..., Said], place: Path, tmp_path: Path) -> None:
    paths = [write(tmp_path / name, rows("m", 0.5, seed)) for name, seed in (("a", 4), ("b", 5))]
    said = ask("compare", paths[0], paths[1].parent.parent, "--alpaca-dir", place, "--resamples", 100)
    assert said.out.splitlines()[1].startswith(f"{paths[0]}  {paths[1].parent.parent}  ")


def test_power_says_the_smallest_differences(ask: Callable[..., Said]) -> None:
    lines = ask("power", "--n", "256", "--rate", "0.3").out.splitlines()
    assert lines[0] == (
        "256 prompts, a rate of 30%: what a two-sided test at 5% shows with 80% power, in points of percent"
    )
    assert lines[2].split()[-2:] == ["8.2", "7.8"]
    assert lines[3].split()[-2:] == ["11.9", "10.7"]


# What people get wrong ------------------------------------------------------------------------------------------------


def refused(said: Said, *parts: str) -> None:
    assert said.status == 2, said
    assert "Traceback" not in said.err
    message = said.err.splitlines()[-1]
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        pytest.param(["leaderboard", "--results", "{}/none"], ["none: no such folder; give one like"], id="no-results"),
        pytest.param(["leaderboard", "--results", "{}/prompts.jsonl"], ["no such folder"], id="results-a-file"),
        pytest.param(["leaderboard", "--results", "{}"], ["none of its folders (1) has "], id="not-results"),
        pytest.param(["compare", "good", "--alpaca-dir", "{}"], ["compare needs at least two models"], id="one-model"),
        pytest.param(["compare", "good", "god", "--alpaca-dir", "{}"], ["god: not an annotations"], id="misspelt"),
        pytest.param(["compare", "good", "good", "--alpaca-dir", "{}"], ["compared with itself"], id="twice"),
        pytest.param(["compare", "good", "fair"], ["has no folder `results`", "set --alpaca-dir"], id="no-folder"),
        pytest.param(["power", "--n", "256", "--rate", "30"], ["--rate 30: must be between 0 and 1"], id="percent"),
    ],
)
def test_a_command_that_cannot_be_carried_out(
    ask: Callable[..., Said], place: Path, words: list[str], parts: list[str]
) -> None:
    refused(ask(*(word.format(place) for word in words)), *parts)


@pytest.mark.parametrize(
    ("content", "part"),
    [
        pytest.param("[", "fair: {}: not JSON", id="broken-json"),
        pytest.param("", "fair: {}: not JSON", id="an-empty-file"),
        pytest.param([], "fair: {}: every row needs the same", id="no-rows"),
        pytest.param([{"instruction": 1}], "must be text", id="other-columns"),
        pytest.param(rows("good", 0.4, 2), "its rows are of model good, which has a folder of its own", id="another's"),
        pytest.param(rows("fair", 0.4, 2)[:9] + rows("good", 0.4, 2)[9:], "found 2: fair, good", id="two-models"),
        pytest.param(rows("fair", 0.4, 2, preference=7), "row 1: invalid preference 7", id="no-preference"),
        pytest.param(rows("fair", 0.4, 2, preference=-1), "row 1: invalid preference -1", id="a-failure-mark"),
        pytest.param(rows("fair", 0.4, 2, preference=math.inf), "row 1: invalid preference inf", id="infinity"),
        pytest.param(
            [*rows("fair", 0.4, 2), *rows("fair", 0.4, 2, output_2="Else.")], "row 61: a different output", id="twice"
        ),
        pytest.param(rows("fair", 0.4, 2, instruction="Other?"), "no annotation for any of the 60", id="other-prompts"),
    ],
)
def test_one_broken_folder_costs_itself_and_is_named_in_the_output_and_the_status(
    ask: Callable[..., Said], place: Path, tmp_path: Path, content: object, part: str
) -> None:
    path = write(place / "results" / "fair", content)
    if isinstance(content, str):
        path.write_text(content)
    out, table = tmp_path / "out.json", tmp_path / "out.csv"
    said = ask("leaderboard", "--results", place / "results", "--out", out, "--csv", table, "--resamples", 100)
    assert said.status == 1
    assert "Traceback" not in said.err
    lines = said.out.splitlines()
    assert lines[-2] == "left out, for their annotations cannot be used: 1 folder"
    assert lines[-1].startswith("  fair: ") and part.format(path) in lines[-1]
    assert {m.model for m in figures(out)} == {"good", "also fair"}
    assert len(table.read_text().splitlines()) == 3


def test_rows_without_a_preference_are_unscored_and_break_no_folder(
    ask: Callable[..., Said], place: Path, tmp_path: Path
) -> None:
    some = [
        {**row, "preference": math.nan if i < 7 else row["preference"]} for i, row in enumerate(rows("fair", 0.4, 2))
    ]
    write(place / "results" / "fair", some)
    said = ask("leaderboard", "--results", place / "results", "--out", tmp_path / "out.json", "--resamples", 100)
    assert said.status == 0
    found = {(m.model, m.metric): m for m in figures(tmp_path / "out.json")}
    assert (found["fair", "win_rate"].n, found["fair", "win_rate"].unscored) == (53, 7)


def test_of_two_folders_with_one_model_the_one_of_its_name_is_kept_and_else_none(
    ask: Callable[..., Said], place: Path, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        write(place / "results" / name, rows("strange", 0.4, 2))
    said = ask("leaderboard", "--results", place / "results", "--resamples", 100, "--out", tmp_path / "out.json")
    assert said.status == 1
    assert "model strange is also in b; keep one" in said.out and "model strange is also in a; keep one" in said.out
    assert {m.model for m in figures(tmp_path / "out.json")} == {"good", "fair", "also fair"}


def test_where_no_folder_can_be_used_there_is_no_leaderboard(
    ask: Callable[..., Said], place: Path, tmp_path: Path
) -> None:
    for name in ("good", "fair", "also fair"):
        write(place / "results" / name, [])
    out, table = tmp_path / "out.json", tmp_path / "out.csv"
    refused(ask("leaderboard", "--results", place / "results", "--out", out, "--csv", table), "every row needs")
    assert not out.exists() and not table.exists()


@pytest.mark.parametrize("change", [{"annotator": "k"}, {"generator_1": "another"}])
def test_what_different_judges_or_baselines_say_is_not_compared(
    ask: Callable[..., Said], place: Path, change: dict[str, str]
) -> None:
    write(place / "results" / "fair", rows("fair", 0.4, 2, **change))
    refused(ask("compare", "good", "fair", "--alpaca-dir", place), "annotations of different", "cannot be compared")


def test_without_the_data_of_the_regression_the_raw_figures_are_still_to_be_had(
    ask: Callable[..., Said], place: Path
) -> None:
    (place / "df_gamed.csv").unlink()
    said = ask("leaderboard", "--results", place / "results", "--resamples", 100)
    refused(said, "df_gamed.csv", "could not be downloaded from the Hub", "--no-length-control")
    said = ask("leaderboard", "--results", place / "results", "--resamples", 100, "--no-length-control")
    assert said.status == 0
    assert "not known" in said.out
