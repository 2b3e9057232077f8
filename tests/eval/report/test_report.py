"""What the report says, and its files: warnings, kinds of prompts, keys withheld, several runs, broken input."""

import base64
import csv
import gzip
import json
import re
from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import CliRunner

from eval.benchmarks.base import RunData
from eval.benchmarks.slices import measure as slices
from eval.benchmarks.table import WORDS
from eval.cli import app, main
from eval.figures import charts
from eval.metrics import as_csv
from eval.metrics import read as read_metrics
from eval.records import MetricValue
from eval.report import browser, compare, keys, page, repeated, training, verdict
from srlm.errors import SrlmError
from srlm.records import Judgement, Prompt, Response
from srlm.settings import EngineSettings, JudgeSettings
from srlm.store import files
from srlm.store.folder import RunFolder
from tests.eval.report import hostile, small

KEY = "sk-canary-5f2b9e0d7c"


def read(folder: RunFolder) -> RunData:
    return page.data_of(folder.settings, folder)


def metric(name: str, value: float | None, **more: object) -> MetricValue:
    known = {"model": "M2", "benchmark": "answers", "low": None, "high": None, "n": 10, "unscored": 0, "method": "mean"}
    return MetricValue.model_validate({**known, "metric": name, "value": value, **more})


def with_metrics(folder: RunFolder, *metrics: MetricValue) -> RunData:
    files.write_json(folder.step("evaluation") / "metrics.json", [m.model_dump(mode="json") for m in metrics])
    return read(folder)


def unpacked(html: str) -> str:
    """The words in the chunks of the browser."""
    found = re.findall(r'class="chunk">([^<]*)<', html)
    return "".join(gzip.decompress(base64.b64decode(chunk)).decode() for chunk in found)


@pytest.mark.parametrize(
    ("given", "about", "said"),
    [
        pytest.param(
            metric("unscored", 0.2, benchmark="judge_agreement"), "judge", "20.0% of its judgements", id="unread"
        ),
        pytest.param(
            metric("order_decided", 0.4, baseline="M1", benchmark="head_to_head"),
            "judge",
            "M2 against M1: in 40.0%",
            id="order",
        ),
        pytest.param(metric("fooled", 0.1, benchmark="canaries"), "canaries", "can be bought", id="canaries"),
        pytest.param(metric("pairs_held", 0.9, benchmark="canaries"), "canaries", "10.0% of the canaries", id="held"),
        pytest.param(metric("cut", 0.0, unscored=10), "unscored", "10 of 20 prompts have no score", id="unscored"),
    ],
)
def test_a_figure_that_makes_others_doubtful_is_warned_of(
    tmp_path: Path, given: MetricValue, about: str, said: str
) -> None:
    folder = small.run(tmp_path)
    (folder.step("data") / "ift.jsonl").unlink()
    found = verdict.doubts(with_metrics(folder, given))
    assert [one.about for one in found] == [about]
    assert said in found[0].text


def test_a_training_that_moved_nothing_and_a_judge_on_held_out_answers_are_warned_of(tmp_path: Path) -> None:
    folder = small.run(tmp_path)
    (folder.step("data") / "ift.jsonl").unlink()
    made = folder.manifest("M1")
    assert made is not None
    counts = {"movement: warning": "not one weight", "held-out: warning": "one score", "judgements": 8}
    counts |= {"judgements completed": 8}
    folder.finish(made.model_copy(update={"counts": counts}))
    found = verdict.doubts(with_metrics(folder, metric("characters", 10.0)))
    assert [(one.about, one.text) for one in found] == [
        ("judge collapse", "M1: one score"),
        ("training", "M1: not one weight"),
        (
            "judge",
            "M1: the judge: 8 of 8 judgements named no score, and were only completed with one (judge.complete): such "
            "scores follow the judge's words little",
        ),
    ]


@pytest.mark.parametrize(
    ("low", "model", "said"),
    [
        (
            0.45,
            "M2",
            [
                "M2 as a judge orders 52.0% [45.0, 60.0] of 10 prompts as ranked (a tie is half); a judge at "
                "chance has 50%"
            ],
        ),
        (0.51, "M2", []),
        (0.45, "SFT", []),
    ],
)
def test_a_judge_at_chance_is_warned_of_and_a_model_that_never_learnt_to_judge_is_not(
    tmp_path: Path, low: float, model: str, said: list[str]
) -> None:
    folder = small.run(tmp_path)
    half = metric("pairwise_accuracy_half", 0.52, benchmark="judge_agreement")
    half = half.model_copy(update={"model": model, "low": low, "high": 0.6})
    found = verdict.doubts(with_metrics(folder, half))
    assert [one.text for one in found if one.about == "judge at chance"] == said


def test_answers_of_which_most_were_cut_are_warned_of(tmp_path: Path) -> None:
    found = verdict.doubts(with_metrics(small.run(tmp_path), metric("cut", 0.5)))
    assert [one.text for one in found if one.about == "cut answers"] == [
        "50.0% of 10 answers of M2 were cut at the token limit (evaluation.sampling.max_new_tokens); contests compare "
        "fragments"
    ]


def test_answers_twice_as_long_are_warned_of_and_a_little_longer_ones_are_not(tmp_path: Path) -> None:
    drift = [one.text for one in verdict.doubts(read(small.run(tmp_path))) if one.about == "length drift"]
    # M1 writes 17 characters (18 of two prompts), M2 all of it twice.
    assert len(drift) == 1
    assert drift[0].startswith("M2's answers are longer than M1's: 34.3 characters against 17.2 (2.00 times)")


def test_training_on_an_evaluation_prompt_is_warned_of(tmp_path: Path) -> None:
    folder = small.run(tmp_path)
    asked = files.read(folder.step("data") / "evaluation_prompts.jsonl", Prompt)
    files.write(folder.step("M2") / "prompts.jsonl", [Prompt.of(asked[0].text.upper() + " !", "self"), *asked[1:2]])
    found = [one.text for one in verdict.doubts(read(folder)) if one.about == "contamination"]
    assert found == [
        "M2 was trained on 2 of the evaluation prompts, word for word",
        "3 evaluation prompts are IFT examples, word for word",
    ]


def test_a_quiet_run_says_what_was_looked_for(tmp_path: Path) -> None:
    folder = small.run(tmp_path)
    (folder.step("data") / "ift.jsonl").unlink()
    run = with_metrics(folder, metric("characters", 10.0))
    assert verdict.doubts(run) == []
    html = page.render("report.html", {**page.gather(run, "x"), "browser": None, "paper": False}, WORDS)
    assert (
        "No warning. Looked for: length drift and cut answers; judge collapse (no judgements yet); candidates" in html
    )


def test_kinds_of_prompts_are_compared_with_holm_over_all_of_them() -> None:
    prompts = [Prompt.of(f"{n} " + "x" * n, "beads", ("colour", "shape")[n % 2]) for n in range(12)]
    found = slices.kinds(prompts)
    assert sorted(found) == ["category", "length"]  # one source is no kind
    assert {kind: len(ids) for kind, ids in found["length"].items()} == {
        "shortest third": 4, "middle third": 4, "longest third": 4,
    }  # fmt: skip


def test_the_figures_of_a_kind_are_the_sums_they_should_be(tmp_path: Path) -> None:
    named = read(small.run(tmp_path)).named
    # Prompts 0, 2, 4, ...: won, flipped (a tie), then four wins.
    colour = named["slices", "category: colour", "M2", "M1"]
    assert (colour.value, colour.n, colour.unscored) == (5 / 6, 6, 0)
    # Prompts 1, 3, 5, ...: lost, not readable, then four wins.
    shape = named["slices", "category: shape", "M2", "M1"]
    assert (shape.value, shape.n, shape.unscored) == (3 / 5, 5, 1)
    assert not [key for key in named if key[0] == "slices" and "third" in key[1]]  # four prompts are too few


def test_a_chart_holds_its_figures_unrounded(tmp_path: Path) -> None:
    run = read(small.run(tmp_path))
    found = [run.named["answers", "characters", name, None] for name in run.names]
    chart = charts.dots(found, "Length", WORDS, run.looks)
    assert chart is not None
    assert [row[:2] for row in chart.rows] == [(m.model, repr(m.value)) for m in found]
    assert chart.svg.startswith("<svg") and "style=" not in chart.svg
    # M0 is the first of the run's models and has no figure here; then come SFT, M1 and M2.
    drawn = [colour for colour in ("c1", "c2", "c3", "c4", "c5") if f"var(--{colour})" in chart.svg]
    assert drawn == ["c2", "c3", "c4"]


def test_a_measure_without_a_value_has_no_chart() -> None:
    assert charts.dots([metric("characters", None)], "Length", WORDS) is None


def test_runs_with_equal_values_stand_beside_each_other() -> None:
    rows = [
        charts.dot(metric("correct", value, benchmark="beads", model=model), WORDS, run) | {"said": f"{run} {model}"}
        for run in ("first", "second")
        for model, value in (("M1", 0.5), ("M2", 0.5))
    ]
    svg = charts.series("Correct", rows, share=True).svg
    found = re.findall(r'transform="translate\(([0-9.]+),([0-9.]+)\)"[^>]*><title>([^<]*)<', svg)
    places = {said: (float(x), float(y)) for x, y, said in found}
    assert sorted(places) == ["first M1", "first M2", "second M1", "second M2"]
    assert len({y for _, y in places.values()}) == 1
    across = [places[name][0] for name in ("first M1", "second M1", "first M2", "second M2")]
    assert [b - a > 10 for a, b in pairwise(across)] == [True, True, True]


def test_differences_of_next_to_nothing_have_ticks_with_different_names() -> None:
    row = {"pair": "second/M2 : first/M2", "value": 0.0, "low": -0.001, "high": 0.001, "said": "nothing"}
    ticks = re.findall(r">([+\u2212]?[0-9.]+)<", charts.forest("Nothing", [row], "difference").svg)
    assert ticks == ["\u22124", "\u22122", "0", "+2", "+4"]


def test_a_long_pair_is_named_on_two_lines() -> None:
    row = {"pair": "a-run-with-a-long-name/M2 : another/M2", "value": 0.1, "low": 0.0, "high": 0.2, "said": "x"}
    svg = charts.forest("Names", [row], "difference").svg
    assert ">a-run-with-a-long-name/M2 :<" in svg and ">another/M2<" in svg


def test_the_map_of_prompts_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    folder = small.run(tmp_path)
    files.write(folder.step("M2") / "prompts.jsonl", [Prompt.of(f"new words {n} about cats", "M1") for n in range(9)])
    first, again = training.prompt_map(read(folder)), training.prompt_map(read(folder))
    assert first is not None and first == again
    assert {row[0] for row in first.rows} == {"IFT", "AIFT M2"}
    assert len(first.rows) == 3 + 9


def test_answers_beyond_the_budget_are_cut_and_say_so(tmp_path: Path) -> None:
    folder = small.run(tmp_path)
    run = read(folder)
    long = Response.of(run.prompts[0].id, "y" * 5000, "M2", 0)
    run.answers["M2"][run.prompts[0].id] = long
    whole, cut = browser.packed(run, []), browser.packed(run, [], budget=2000)
    assert whole is not None and whole.cut is None
    assert (
        cut is not None and cut.cut == 2000 - sum(len(a.text) for m in run.answers.values() for a in m.values()) + 5000
    )
    text = gzip.decompress(base64.b64decode(cut.chunks[0])).decode()
    assert f"{'y' * cut.cut} [cut here, of 5,000 characters]" in text


def test_no_key_reaches_any_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    address = f"http://user:{KEY}@127.0.0.1:8000/v1"
    folder = small.run(
        tmp_path, text=f"what is {KEY}",
        judge=JudgeSettings(engine=EngineSettings(kind="openai", base_url=address, api_key_env="MY_KEY")),
    )  # fmt: skip
    answers = folder.step("evaluation") / "M2" / "responses.jsonl"
    said = files.read(answers, Response)
    files.write(answers, [Response.of(one.prompt_id, f"it is {KEY}", one.author, one.draw, one.finish) for one in said])
    own = folder.step("evaluation") / "M1" / "own_judgements.jsonl"
    judged = files.read(own, Judgement)
    files.write(own, [Judgement.of(one.response_id, one.judge, one.draw, KEY, one.score) for one in judged])
    metrics = [metric("cut", 0.5, note=f"401 for {KEY}", model=KEY)]
    files.write_json(folder.step("evaluation") / "metrics.json", [m.model_dump(mode="json") for m in metrics])
    html = page.write(folder.settings, folder, f"srlm-eval report --set judge.engine.base_url={address}")
    other = small.run(tmp_path, "other")
    compared = compare.write([folder.settings, other.settings], tmp_path / "compared", f"report {address}")
    made = [html, *(html.with_name(name) for name in ("report.md", "metrics.csv")), *compared.parent.iterdir()]
    assert sorted(path.name for path in made) == sorted(
        ["metrics.csv", "report.html", "report.md"] * 2 + ["metrics.json"]
    )
    for path in made:
        text = path.read_text(encoding="utf-8")
        assert KEY not in text + unpacked(text), path
        assert keys.WITHHELD in text, path
    assert keys.WITHHELD in unpacked(html.read_text(encoding="utf-8"))


def test_the_plain_files_say_the_same(tmp_path: Path) -> None:
    folder = small.run(tmp_path)
    path = page.write(folder.settings, folder, "srlm-eval all --run small.yaml")
    metrics = read_metrics(folder.step("evaluation") / "metrics.json")
    rows = list(csv.DictReader((path.with_name("metrics.csv")).read_text(encoding="utf-8").splitlines()))
    assert [row["value"] for row in rows] == ["" if m.value is None else repr(m.value) for m in metrics]
    text = path.with_name("report.md").read_text(encoding="utf-8")
    assert "- **Warning, length drift**: M2's answers are longer" in text
    assert "- M2 beats M1 on 11 prompts: 81.8% wins, 9.1% ties, 9.1% losses, p = .021" in text
    assert "| length, characters | M2 |  | 34.3 |" in text


def test_hostile_words_stay_words_in_the_plain_files(tmp_path: Path) -> None:
    folder = hostile.run(tmp_path, hostile.PAYLOADS)
    path = page.write(folder.settings, folder, "x")
    with path.with_name("metrics.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert len(rows) == 1 + len(read_metrics(folder.step("evaluation") / "metrics.json"))
    assert not [cell for row in rows for cell in row if cell[:1] in ("=", "+", "-", "@")]
    lines = path.with_name("report.md").read_text(encoding="utf-8").splitlines()
    assert not [line for line in lines if re.search(r"(?<!\\)[<>]", line)]
    tables = [line for line in lines if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in tables} == {9}


def test_many_pairs_are_shown_as_the_successive_ones_and_those_against_the_first(tmp_path: Path) -> None:
    names = ["SFT", *(f"M{t}" for t in range(1, 10))]
    metrics = [
        metric(name, 0.25, model=later, baseline=earlier, benchmark="head_to_head", p=0.5, p_adjusted=0.5)
        for place, earlier in enumerate(names)
        for later in names[place + 1 :]
        for name in ("win", "tie", "lose", "win_minus_lose")
    ]
    folder = small.run(tmp_path)
    for name in names:
        small.finish(folder, name)
    run = with_metrics(folder, *metrics)
    assert run.names == names
    wins = page.gather(run, "x")["sections"]["wins"][0].content
    assert len(wins["pairings"]) == 9 + 8
    assert wins["left_out"] == 45 - 17


def test_two_runs_are_compared_on_the_prompts_that_both_have(tmp_path: Path) -> None:
    first, second = small.run(tmp_path, "first"), small.run(tmp_path, "second")
    made = CliRunner().invoke(app, ["report", str(first.path), str(second.path), "--out", str(tmp_path / "both")])
    assert made.exit_code == 0, made.output
    path = Path(made.output.splitlines()[-1])
    assert path == tmp_path / "both" / "report.html"
    html = path.read_text(encoding="utf-8")
    shown = set(re.findall(r'<data value="([^"]*)">', html))
    metrics = read_metrics(tmp_path / "both" / "metrics.json")
    numbers = [n for m in metrics for n in (m.value, m.low, m.high, m.p, m.p_adjusted) if n is not None]
    assert shown == {repr(number) for number in numbers}
    paired = [m for m in metrics if m.benchmark == compare.BENCHMARK]
    assert paired and all(m.value == 0 and (m.model, m.baseline) == ("second/M2", "first/M2") for m in paired)


def test_a_folder_alone_gives_its_own_report(tmp_path: Path) -> None:
    folder = small.run(tmp_path)
    made = CliRunner().invoke(app, ["report", str(folder.path)])
    assert made.exit_code == 0, made.output
    assert Path(made.output.splitlines()[-1]) == folder.path / "report.html"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        pytest.param("evaluation/metrics.json", b"[{}]", "metrics.json: not a list of metric values", id="columns"),
        pytest.param("evaluation/metrics.json", b"7", "metrics.json: not a list of metric values", id="no-list"),
        pytest.param("evaluation/metrics.json", b"", "metrics.json: not JSON", id="empty"),
        pytest.param("evaluation/metrics.json", b"[\xff]", "metrics.json: not JSON", id="not-utf-8"),
        pytest.param(
            "evaluation/metrics.json", None, "metrics.json: a folder where a file of the run belongs", id="a-folder"
        ),
        pytest.param("M1/training.json", b"{", "training.json: not JSON", id="cut-off"),
        pytest.param("evaluation/M1/responses.jsonl", b"{}\n", "responses.jsonl:1: not a Response", id="record"),
        pytest.param("evaluation/verdicts/M2-vs-M1.jsonl", b"NaN\n", "M2-vs-M1.jsonl:1: not a Verdict", id="nan"),
        pytest.param("settings.json", b'{"name": 3}', "settings.json does not belong to a run", id="settings"),
        pytest.param("data/manifest.json", b"[]", "manifest.json: not a RunManifest", id="manifest"),
    ],
)
def test_a_broken_file_is_one_line_and_leaves_no_half_report(
    tmp_path: Path, name: str, content: bytes | None, said: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    folder = small.run(tmp_path)
    path = folder.path / name
    path.unlink(missing_ok=True)
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    monkeypatch.setattr("sys.argv", ["eval", "report", str(folder.path)])
    with pytest.raises(SystemExit) as stopped:
        main()
    error = capsys.readouterr().err
    assert stopped.value.code == 2 and said in error and "Traceback" not in error
    assert len(error.splitlines()) == 1
    assert not (folder.path / "report.html").exists()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        pytest.param("model_outputs.json", "[{}]", "model_outputs.json", id="outputs"),
        pytest.param("tiny/annotations.json", "[", "annotations.json", id="annotations"),
        pytest.param("tiny/annotations.jsonl", "{}\n", "annotations.jsonl:1: not a Annotation", id="single"),
    ],
)
def test_broken_alpaca_files_are_named(tmp_path: Path, name: str, content: str, said: str) -> None:
    folder = small.run(tmp_path)
    small.alpaca(folder, [Prompt.of("Who?", "alpaca_eval", "made_up")], {"M1": ["nobody"]}, {"M1": [(0.5, "M")]})
    (folder.step("evaluation") / "alpaca_eval/results/M1" / name).write_text(content)
    with pytest.raises(SrlmError, match=re.escape(said)):
        page.write(folder.settings, folder, "x")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param((), "report needs --run FILE", id="nothing"),
        pytest.param(("nowhere.yaml",), "nowhere.yaml: no such run file", id="missing"),
        pytest.param(("RUN", "RUN"), "two of the runs have the same name", id="twice"),
        pytest.param(
            ("RUN", "RUN", "--set", "seed=2"), "--set, --check and --study work with one run only", id="overrides"
        ),
        pytest.param((".",), ".: not the folder of a run (it has no settings.json)", id="no-run"),
    ],
)
def test_what_cannot_be_compared_is_a_message(
    tmp_path: Path,
    words: tuple[str, ...],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = small.run(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["eval", "report", *(str(folder.path) if w == "RUN" else w for w in words)])
    with pytest.raises(SystemExit) as stopped:
        main()
    error = capsys.readouterr().err
    assert stopped.value.code == 2 and said in error and "Traceback" not in error


def test_numbers_of_any_size_are_written(tmp_path: Path) -> None:
    huge = metric("characters", 1e300, low=-1e300, high=1e308, model="M2")
    run = with_metrics(small.run(tmp_path), huge)
    html = page.render(
        "report.html", {**page.gather(run, "x"), "browser": browser.packed(run, []), "paper": False}, WORDS
    )
    assert f'<data value="{1e300!r}">' in html
    assert json.loads(json.dumps(as_csv(run.metrics))).count("1e+300") == 2


def test_a_report_is_kept_elsewhere_and_its_figures_are_checked_against_the_run(tmp_path: Path) -> None:
    folder = small.run(tmp_path)
    kept = tmp_path / "reports" / "small"
    made = CliRunner().invoke(app, ["report", str(folder.path), "--out", str(kept)])
    assert made.exit_code == 0, made.output
    names = ["machine.json", "metrics.csv", "metrics.json", "report.html", "report.md"]
    assert sorted(path.name for path in kept.iterdir()) == names
    same = CliRunner().invoke(app, ["report", str(folder.path), "--check", str(kept)])
    assert (same.exit_code, same.output) == (0, f"{kept}: {len(read(folder).metrics)} figures, the same\n")
    with_metrics(folder, *[m for m in read(folder).metrics[1:]], metric("cut", 0.5, model="M9"))
    other = CliRunner().invoke(app, ["report", str(folder.path), "--check", str(kept)])
    assert other.exit_code == 1
    assert "answers cut M9: absent -> 0.5, missing, missing, n 10, 0 unscored" in other.output
    assert "answers characters SFT: 18.1666667, " in other.output and " -> absent" in other.output


def test_on_another_machine_a_figure_has_to_be_there_and_the_gate_compares_it() -> None:
    kept = [metric("cut", 0.50, low=0.40, high=0.60, model="M1"), metric("cut", 0.70, low=0.65, high=0.75, model="M2")]
    now = [metric("cut", 0.55, low=0.45, high=0.65, model="M1"), metric("cut", 0.80, low=0.76, high=0.84, model="M2")]
    here = repeated.machine()
    assert [line.split(":")[0] for line in repeated.unlike(kept, now, here)] == ["answers cut M1", "answers cut M2"]
    assert len(repeated.unlike(kept, now)) == 2
    elsewhere = {**here, "model name": "another processor"}
    assert repeated.unlike(kept, now, elsewhere) == []
    assert len(repeated.unlike(kept[:1], [], elsewhere)) == 1
    assert {"machine", "torch"} < here.keys()


def test_no_difference_says_how_large_a_one_would_have_been_seen(tmp_path: Path) -> None:
    note = "no difference shown: 10 prompts show one of 0.3 with 80% power"
    shares = {"win": 0.4, "tie": 0.3, "lose": 0.3, "win_minus_lose": 0.1}
    run = with_metrics(
        small.run(tmp_path),
        *[
            metric(name, value, baseline="M1", benchmark="head_to_head", p=0.5, p_adjusted=0.5, note=note)
            for name, value in shares.items()
        ],
    )
    said = page.gather(run, "x")["findings"][1][0].text
    assert (
        said
        == f"No difference seen between M2 and M1 on 10 prompts: 40.0% wins, 30.0% ties, 30.0% losses, p = .500; {note}"
    )
