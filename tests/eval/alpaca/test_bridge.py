"""`bridge` through the real command line: a table of verdicts, annotation files, a judge behind HTTP, and a plan."""

import contextlib
import csv
import gzip
import hashlib
import io
import json
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from eval.benchmarks.alpaca_eval.bridge_plan import anchor_pool
from eval.benchmarks.alpaca_eval.bridge_text import bridge_charts
from eval.cli import main
from eval.data.verdicts import COLUMNS, installed_leaderboard, read_leaderboard
from eval.metrics import merge
from eval.records import MetricValue
from eval.report import page
from tests.chat_server import Reply, Serve, reasoning, words
from tests.eval.report import small

FILE = "other_judge.alpaca_eval_gpt4_turbo_fn.csv.gz"
QUESTIONS = [f"Question {number}?" for number in range(60)]
RATES = {"a": 0.1, "b": 0.2, "c": 0.3, "d": 0.4, "e": 0.5}
"""Official win rates of the anchors."""
EASIER = 0.1
"""What the made-up candidate gives each model more."""


class Said(NamedTuple):
    status: object
    out: str
    err: str
    metrics: dict[tuple[str, str], MetricValue]


def bridge(place: Path, *said: object) -> Said:
    out, err, file = io.StringIO(), io.StringIO(), place / "m.json"
    file.unlink(missing_ok=True)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as left:
        main(["bridge", *map(str, said), "--out", str(file), "--resamples", "100"])
    rows = json.loads(file.read_text()) if file.exists() else []
    found = [MetricValue.model_validate(row) for row in rows]
    return Said(left.value.code or 0, out.getvalue(), err.getvalue(), {(m.model, m.metric): m for m in found})


def digest(question: str) -> str:
    return hashlib.sha256(question.encode()).hexdigest()[:16]


def wins(rate: float) -> list[int]:
    """The prompts that a model with this official rate wins by the candidate: the first ones of a fixed order."""
    order = sorted(range(len(QUESTIONS)), key=digest_of)
    return order[: round((rate + EASIER) * len(QUESTIONS))]


def digest_of(number: int) -> str:
    return digest(f"order {number}")


def table(rates: dict[str, float]) -> list[dict[str, str]]:
    return [
        {
            "model": model,
            "instruction_sha256_16": digest(question),
            "official_preference": "",
            "other_preference": str(float(number in wins(rate))),
            "characters": str(len(answer(model, number))),
            "characters_baseline": str(len(answer("gpt4_1106_preview", number))),
        }
        for model, rate in rates.items()
        for number, question in enumerate(QUESTIONS)
    ]


def answer(model: str, number: int) -> str:
    return f"{model} says {number}. " + "More words. " * (number % 7 if model != "gpt4_1106_preview" else 4)


def save(path: Path, rows: list[dict[str, str]]) -> Path:
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    path.write_bytes(gzip.compress(out.getvalue().encode()))
    return path


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return alpaca_folder(tmp_path, monkeypatch)


def alpaca_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """AlpacaEval's files with 60 prompts, outputs of seven models, and a leaderboard of five."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-a-key-nobody-may-see")
    monkeypatch.setenv("SRLM_ALPACA_DIR", str(tmp_path))
    chance = random.Random(0)
    (tmp_path / "prompts.jsonl").write_text("".join(json.dumps({"instruction": q}) + "\n" for q in QUESTIONS))
    difficulty = [chance.gauss(0, 1) for _ in QUESTIONS]
    header = "model,preference,index,std_delta_len,instruction_difficulty,not_gamed_baseline"
    gamed = [f"v,{chance.random():.3f},{i},{chance.gauss(0, 1):.3f},{d:.6f},False" for i, d in enumerate(difficulty)]
    (tmp_path / "df_gamed.csv").write_text("\n".join([header, *gamed]) + "\n")
    lines = ["name,win_rate,avg_length,length_controlled_winrate,n_total"]
    lines += [f"{model},{100 * rate},1500,{100 * rate + 5},60" for model, rate in RATES.items()]
    (tmp_path / "board.csv").write_text("\n".join(lines) + "\n")
    for model in ("gpt4_1106_preview", "mine", *RATES):
        folder = tmp_path / "results" / model
        folder.mkdir(parents=True)
        rows = [
            {"instruction": q, "dataset": "made_up", "output": answer(model, n), "generator": model}
            for n, q in enumerate(QUESTIONS)
        ]
        (folder / "model_outputs.json").write_text(json.dumps(rows))
    return tmp_path


def board(place: Path) -> tuple[str, Path]:
    return "--leaderboard", place / "board.csv"


def test_a_model_without_an_official_figure_is_bridged_from_all_others(place: Path) -> None:
    """By the candidate it wins 35%, ten points more than by GPT-4 Turbo, as all its anchors do: 25%."""
    path = save(place / "v.csv.gz", table({**RATES, "mine": 0.25}))
    said = bridge(place, "--verdicts", path, *board(place), "--picture", place / "p.svg")
    assert said.status == 0, said.err
    assert {model for model, metric in said.metrics if metric == "win_rate"} == {"mine"}
    assert said.metrics["a", "official_win_rate"].value == 10  # an anchor's figures are there for the picture
    assert all("<svg" in (place / name).read_text() for name in ("p.svg", "p-lc.svg"))
    win, own = said.metrics["mine", "win_rate"], said.metrics["mine", "candidate_win_rate"]
    assert win.value == pytest.approx(25, abs=1.5)
    assert win.low is not None and win.high is not None and win.low < 25 < win.high
    assert (win.n, win.unscored, win.value_unit, win.benchmark) == (60, 0, "percent", "alpaca_bridge")
    assert own.value == pytest.approx(35)
    assert "5 anchors" in win.note and "candidate judge v.csv.gz" in win.note
    assert ("mine", "lc_win_rate") in said.metrics and ("mine", "official_win_rate") not in said.metrics
    assert "on GPT-4 Turbo's scale" in said.out


def test_leave_one_out_shows_the_errors_of_both_and_does_not_depend_on_the_order_of_rows(place: Path) -> None:
    rows = table(RATES)
    first = bridge(place, "--verdicts", save(place / "v.csv.gz", rows), "--leave-one-out", *board(place))
    random.Random(1).shuffle(rows)
    again = bridge(place, "--verdicts", save(place / "v.csv.gz", rows), "--leave-one-out", *board(place))
    assert first.status == 0, first.err
    assert first.metrics == again.metrics
    errors = {metric: m for (model, metric), m in first.metrics.items() if model == "left out one by one"}
    assert errors["candidate_mean_absolute_error"].value == pytest.approx(10)
    assert errors["mean_absolute_error"].method.endswith("no interval: fewer than 15 models")
    assert "\n\nno interval: fewer than 15 models\n" in first.out
    assert (errors["mean_absolute_error"].value or 99) < 3
    assert (errors["coverage"].value, errors["coverage"].n, errors["coverage"].unit) == (1.0, 5, "models")
    assert errors["coverage"].low == pytest.approx(0.025 ** (1 / 5))  # Clopper and Pearson's of 5 in 5
    for model, rate in RATES.items():
        assert first.metrics[model, "official_win_rate"].value == pytest.approx(100 * rate)


def test_a_model_off_the_leaderboard_is_an_anchor_by_its_official_preferences(place: Path) -> None:
    """Without it there are two anchors, and no figure."""
    rows = table({"a": 0.1, "b": 0.2, "other": 0.3, "mine": 0.25})
    for row in rows:
        if row["model"] == "other":
            row["official_preference"] = "0.3"
    said = bridge(place, "--verdicts", save(place / "v.csv.gz", rows), *board(place))
    assert said.status == 0, said.err
    assert said.metrics["mine", "win_rate"].value == pytest.approx(25, abs=2)
    assert said.metrics["other", "official_win_rate"].value == pytest.approx(30)
    assert ("other", "win_rate") not in said.metrics


def test_fewer_than_three_anchors_give_no_figure_and_say_so(place: Path) -> None:
    path = save(place / "v.csv.gz", table({"a": 0.1, "b": 0.2, "mine": 0.25}))
    said = bridge(place, "--verdicts", path, *board(place))
    win = said.metrics["mine", "win_rate"]
    assert said.status == 0
    assert (win.value, win.low, win.high) == (None, None, None)
    assert "cannot carry the scale: 2 anchors with a known figure, and it takes 3" in win.note
    assert "WARNING: mine, win rate: cannot carry the scale: 2 anchors" in said.out


def test_a_judge_of_another_order_cannot_carry_the_scale_and_the_numbers_say_so(place: Path) -> None:
    turned = dict(zip(RATES, reversed(RATES.values()), strict=True))
    path = save(place / "v.csv.gz", table({**turned, "mine": 0.25}))
    said = bridge(place, "--verdicts", path, *board(place))
    note = said.metrics["mine", "win_rate"].note
    assert "the order of the anchors differs, rank correlation -1.00 [-1.00, " in note
    assert "times what their mean figure misses" in note
    assert "WARNING: mine, win rate: cannot carry the scale" in said.out


def test_extrapolation_is_told_by_how_much(place: Path) -> None:
    """65% by the candidate, the highest anchor 60%: logit .65 - logit .6 = .214; 95%: 2.539."""
    path = save(place / "v.csv.gz", table({**RATES, "mine": 0.55}))
    said = bridge(place, "--verdicts", path, *board(place))
    assert "; extrapolated: 0.21 logits outside the anchors' figures" in said.metrics["mine", "win_rate"].note
    path = save(place / "v.csv.gz", table({**RATES, "mine": 0.85}))
    said = bridge(place, "--verdicts", path, *board(place))
    assert "cannot carry the scale: extrapolated: 2.54 logits" in said.metrics["mine", "win_rate"].note


@pytest.mark.parametrize("empty", ["", " nan", "NULL"])
def test_a_model_with_few_rows_counts_the_others_as_unscored_and_has_a_wider_interval(place: Path, empty: str) -> None:
    rows = table({**RATES, "mine": 0.25})
    whole = bridge(place, "--verdicts", save(place / "v.csv.gz", rows), *board(place))
    mine = [row for row in rows if row["model"] == "mine"]
    short = [row for row in rows if row["model"] != "mine"] + mine[:20]
    short[-1] |= {"other_preference": empty}
    said = bridge(place, "--verdicts", save(place / "v.csv.gz", short), *board(place))
    few, all_of = said.metrics["mine", "win_rate"], whole.metrics["mine", "win_rate"]
    assert (few.n, few.unscored) == (19, 41)
    assert few.low is not None and few.high is not None and all_of.low is not None and all_of.high is not None
    assert few.high - few.low > 1.5 * (all_of.high - all_of.low)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(
            lambda rows: rows[7].update(other_preference="1.5"), "v.csv.gz:9: other_preference is '1.5'", id="2"
        ),
        pytest.param(
            lambda rows: rows[7].update(other_preference="yes"), "v.csv.gz:9: other_preference is 'yes'", id="y"
        ),
        pytest.param(lambda rows: rows[7].update(official_preference="-1"), "official_preference is '-1'", id="neg"),
        pytest.param(
            lambda rows: rows[7].update(instruction_sha256_16="0" * 16),
            "v.csv.gz:9: instruction '0000000000000000' is none of AlpacaEval's prompts",
            id="unknown-instruction",
        ),
        pytest.param(lambda rows: rows.append(rows[0]), "v.csv.gz:362: a on instruction 84b0c7d1", id="twice"),
        pytest.param(lambda rows: rows[7].update(characters="many"), "v.csv.gz:9: characters is 'many'", id="length"),
        pytest.param(lambda rows: rows[7].update(model=""), "v.csv.gz:9: `model` is empty", id="model"),
        pytest.param(lambda rows: rows.clear(), "v.csv.gz: contains no verdicts", id="empty"),
    ],
)
def test_bad_rows_are_one_line_that_says_what_and_where(
    place: Path, change: Callable[[list[dict[str, str]]], object], told: str
) -> None:
    rows = table({**RATES, "mine": 0.25})
    change(rows)
    said = bridge(place, "--verdicts", save(place / "v.csv.gz", rows), *board(place))
    expected = told.replace("84b0c7d1", digest(QUESTIONS[0]))
    assert said.status == 2
    assert expected in said.err
    assert len(said.err.strip().splitlines()) == 1
    assert not said.metrics


def test_a_missing_column_and_a_cut_file_are_one_line(place: Path) -> None:
    path = save(place / "v.csv.gz", table(RATES))
    text = gzip.decompress(path.read_bytes()).decode()
    (place / "short.csv").write_text(text.replace("other_preference", "preference", 1))
    said = bridge(place, "--verdicts", place / "short.csv", "--leave-one-out", *board(place))
    assert said.status == 2
    assert f"{place / 'short.csv'}: no column other_preference" in said.err
    (place / "cut.csv.gz").write_bytes(path.read_bytes()[:-200])
    said = bridge(place, "--verdicts", place / "cut.csv.gz", "--leave-one-out", *board(place))
    assert said.status == 2
    assert "cut.csv.gz: cannot be read" in said.err and "is the file whole?" in said.err
    assert len(said.err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([], "bridge needs one of --verdicts FILE, --annotations FOLDER and --judge JUDGE"),
        (["--verdicts", "v.csv.gz", "--plan", "--max-cost", "5"], "--plan needs --judge"),
        (["--verdicts", "{v}"], "each of 5 models has an official figure in"),
        (["--verdicts", "{v}", "--model", "nobody"], "--model nobody: not judged by the candidate; there are a, b"),
        (["--judge", "openai:m"], "--judge needs --outputs, your model's, and --anchors"),
        (["--judge", "file:a.json"], "give recorded annotations with --annotations"),
        (["--judge", "openai:m", "--plan"], "a plan needs --max-cost"),
        (
            ["--judge", "openai:m", "--plan", "--max-cost", "1", "--anchor", "zzz"],
            "--anchor zzz: no official figure in",
        ),
        (
            ["--judge", "openai:m", "--plan", "--max-cost", "1"],
            "--max-cost needs a price: this judge is not in the price list",
        ),
    ],
)
def test_wrong_options_are_told(place: Path, given: list[str], told: str) -> None:
    path = save(place / "v.csv.gz", table(RATES))
    said = bridge(place, *(word.format(v=path) for word in given), *board(place))
    assert said.status == 2
    assert told in said.err


def by_rate(rate: float) -> Callable[[int], float]:
    won = wins(rate)
    return lambda number: float(number in won)


def annotations(model: str, judge: str, preference: Callable[[int], float | None]) -> list[dict[str, Any]]:
    rows = []
    for number, question in enumerate(QUESTIONS):
        value = preference(number)
        row = {
            "instruction": question,
            "dataset": "made_up",
            "output_1": answer("gpt4_1106_preview", number),
            "generator_1": "gpt4_1106_preview",
            "output_2": answer(model, number),
            "generator_2": model,
            "annotator": judge,
            "preference": None if value is None else 1 + value,
        }
        rows.append(row)
    return rows


def test_annotation_files_give_the_figures_of_the_table_and_gpt4_turbos_own_lie_beside_them(place: Path) -> None:
    rates = {**RATES, "mine": 0.25}
    for model, rate in rates.items():
        own = place / "results" / model / "cheap"
        own.mkdir()
        said = annotations(model, "cheap", by_rate(rate))
        (own / "annotations.json").write_text(json.dumps(said))
    by_file = bridge(place, "--annotations", place / "results", *board(place))
    by_table = bridge(place, "--verdicts", save(place / "v.csv.gz", table(rates)), *board(place))
    assert by_file.status == 0, by_file.err
    for metric in ("win_rate", "lc_win_rate"):
        one, other = by_file.metrics["mine", metric], by_table.metrics["mine", metric]
        assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high))
    # GPT-4 Turbo's annotations of one anchor tell how far the judges differ on a prompt: here, not at all.
    turbo = place / "results" / "a" / "weighted_alpaca_eval_gpt4_turbo"
    turbo.mkdir()
    same = annotations("a", turbo.name, by_rate(0.1))
    (turbo / "annotations.json").write_text(json.dumps(same))
    closer = bridge(place, "--annotations", place / "results", *board(place)).metrics["mine", "win_rate"]
    wide = by_file.metrics["mine", "win_rate"]
    assert closer.low is not None and closer.high is not None and wide.low is not None and wide.high is not None
    assert closer.high - closer.low < wide.high - wide.low


def test_annotations_by_several_candidates_must_be_told_apart(place: Path) -> None:
    for judge in ("one", "two"):
        (place / "results" / "a" / judge).mkdir()
        rows = annotations("a", judge, lambda number: 0.0)
        (place / "results" / "a" / judge / "annotations.json").write_text(json.dumps(rows))
    said = bridge(place, "--annotations", place / "results", *board(place))
    assert said.status == 2
    assert "annotations by 2 candidate judges (one, two)" in said.err


def test_a_broken_file_of_annotations_costs_itself_and_strange_rows_are_told(place: Path) -> None:
    rates = {**RATES, "mine": 0.25}
    for model, rate in rates.items():
        (place / "results" / model / "cheap").mkdir()
        rows = annotations(model, "cheap", by_rate(rate))
        if model == "b":
            rows[3]["instruction"] = "Question three?"
        (place / "results" / model / "cheap" / "annotations.json").write_text(json.dumps(rows))
    cut = place / "results" / "a" / "cheap" / "annotations.json"
    cut.write_text(cut.read_text()[:-100])
    said = bridge(place, "--annotations", place / "results", *board(place))
    assert said.status == 1 and said.err == ""
    assert f"left out: {cut}" in said.out
    strange = place / "results" / "b" / "cheap" / "annotations.json"
    assert f"{strange}: 1 row of other instructions, 1 prompt without row" in said.out
    assert '"Question three?" matches no prompt' in said.out
    assert "4 anchors" in said.metrics["mine", "win_rate"].note
    alone = bridge(place, "--annotations", cut, *board(place))
    assert alone.status == 2 and str(cut) in alone.err
    assert len(alone.err.strip().splitlines()) == 1


def judge(body: dict[str, Any], _: int) -> Reply:
    """Says of each model's answer what the table says, wherever the answer is shown."""
    text = body["messages"][-1]["content"]
    first = text.split('"model_identifier": "M"')[0]
    rates = {"mine": 0.25, **RATES}  # "mine says" ends in "e says"
    model = next(name for name in rates if f"{name} says " in text.replace("gpt4_1106_preview says", ""))
    number = int(text.split(f"{model} says ")[1].split(".")[0])
    p = 0.999 if number in wins(rates[model]) else 0.001
    shown_first = p if f"{model} says {number}." in first.replace("gpt4_1106_preview says", "") else 1 - p
    top = [{"token": token, "logprob": math.log(q)} for token, q in (("m", shown_first), ("M", 1 - shown_first))]
    reply = words("m", finish="length", usage={"prompt_tokens": 400, "completion_tokens": 1})
    reply.body["choices"][0]["logprobs"] = {"content": [{**top[0], "top_logprobs": top}]}
    return reply


def live(place: Path, url: str, *more: object) -> list[object]:
    anchors = [word for model in RATES for word in ("--anchor", model)]
    server = ["--judge", "openai:tiny", "--base-url", url, "--price", 0, 0, "--folder", place / "asked"]
    mine = ["--outputs", place / "results" / "mine" / "model_outputs.json", "--anchors", place / "results"]
    return [*server, *mine, *anchors, *board(place), *more]


def test_a_judge_is_asked_about_the_own_model_and_its_anchors_and_never_twice(place: Path, serve: Serve) -> None:
    server = serve(judge)
    said = bridge(place, *live(place, server.url))
    assert said.status == 0, said.err
    assert len(server.asked) == 6 * 60
    win = said.metrics["mine", "win_rate"]
    assert win.value == pytest.approx(25, abs=1.5)
    assert said.metrics["mine", "candidate_win_rate"].value == pytest.approx(35, abs=0.1)
    again = bridge(place, *live(place, server.url))
    assert len(server.asked) == 6 * 60
    assert again.metrics == said.metrics
    # What it left behind is what --annotations reads.
    kept = bridge(place, "--annotations", place / "asked" / "results", *board(place))
    assert kept.metrics["mine", "win_rate"].value == win.value


def test_a_limit_asks_all_models_about_the_same_prompts(place: Path, serve: Serve) -> None:
    server = serve(judge)
    said = bridge(place, *live(place, server.url, "--limit", 30))
    assert said.status == 0, said.err
    assert len(server.asked) == 6 * 30
    win = said.metrics["mine", "win_rate"]
    assert (win.n, win.unscored) == (30, 0)
    # The files have a row for every prompt, in AlpacaEval's order: alpaca_eval joins by row.
    paths = list((place / "asked").glob("results/*/*/annotations.json"))
    assert len(paths) == 6
    for path in paths:
        rows = json.loads(path.read_text())
        assert [row["instruction"] for row in rows] == QUESTIONS
        assert all(row["output_1"] for row in rows)
        assert [row["missing"] for row in rows if row["preference"] is None] == 30 * ["not asked"]
    again = bridge(place, "--annotations", place / "asked" / "results", *board(place))
    assert again.metrics["mine", "candidate_win_rate"] == said.metrics["mine", "candidate_win_rate"].model_copy(
        update={"unscored": 30, "note": again.metrics["mine", "candidate_win_rate"].note}
    )


def test_a_judge_that_reasons_is_given_room_and_votes_and_a_plan_prices_them(place: Path, serve: Serve) -> None:
    said_right = reasoning(lambda body: str(judge(body, 0).body["choices"][0]["message"]["content"]))
    server = serve(lambda body, number: said_right(body, number))
    given = live(place, server.url, "--limit", 10, "--votes", 2, "--thought-tokens", 4000, "--reasoning-effort", "low")
    said = bridge(place, *given)
    assert said.status == 0, said.err
    answered = [body for body in server.asked if not {"max_tokens", "temperature", "logprobs"} & body.keys()]
    assert len(answered) == 6 * 10 * 2
    assert {(body["max_completion_tokens"], body["reasoning_effort"]) for body in answered} == {(4000, "low")}
    assert said.metrics["mine", "win_rate"].unscored == 0
    given[given.index("--price") + 1 : given.index("--price") + 3] = [0, 1]
    given += ["--plan", "--max-cost", 100]
    plans = [bridge(place, *given, *more).out for more in ((), ("--both-orders",))]
    dollars = [[line.split()[3] for line in plan.splitlines() if line.startswith("5 ")] for plan in plans]
    assert dollars == [["2.88"], ["5.76"]]  # 6 models x 60 prompts x 2 votes x 4000 tokens, 1 dollar a million


def test_a_cap_leaves_the_same_prompts_and_counts_the_others_as_not_asked(place: Path, serve: Serve) -> None:
    server = serve(judge)
    given = live(place, server.url, "--max-cost", 0.08, "--concurrency", 1)
    given[given.index("--price") + 1 : given.index("--price") + 3] = [1, 0]  # 400 tokens: 0.0004 dollars a call
    said = bridge(place, *given)
    assert said.status == 0, said.err
    asked = len(server.asked)
    assert asked < 201
    assert "stopped at --max-cost with" in said.out
    kept = [json.loads(path.read_text()) for path in sorted((place / "asked").glob("results/*/*/metrics.json"))]
    notes = [one["note"] for figures in kept for one in figures if one["metric"] == "win_rate"]
    assert len(notes) == 6
    assert all("of 60 prompts, drawn at random (budget)" in note for note in notes)


def test_a_plan_prints_anchors_prompts_and_price_and_sends_nothing(place: Path, serve: Serve) -> None:
    server = serve(judge)
    given = live(place, server.url, "--plan", "--max-cost", 1)
    given = [word for word in given if word not in ("--anchor", *RATES)]
    said = bridge(place, *given)
    assert said.status == 0, said.err
    assert "nothing was sent" in said.out
    assert [line.split()[:3] for line in said.out.splitlines() if line.startswith("5 ")] == [["5", "60", "360"]]
    assert not server.asked and not (place / "asked").exists()


def test_a_plan_chooses_among_the_anchors_that_are_named_or_lie_in_the_folder(place: Path) -> None:
    given = ["--judge", "openai:m", "--price", 0, 1, "--plan", "--max-cost", 1, *board(place)]

    def names(*more: object) -> list[str]:
        lines = bridge(place, *given, *more).out.splitlines()
        return sorted(line.split()[0] for line in lines if line.split()[:1] and line.split()[0] in RATES)

    few = place / "few"
    for name in ("a", "b", "c"):
        (few / name).mkdir(parents=True)
        (few / name / "model_outputs.json").write_text("[]")
    assert names("--anchors", few) == ["a", "b", "c"]
    assert names("--anchor", "b", "--anchor", "d", "--anchor", "e") == ["b", "d", "e"]
    assert len(names()) > 3


def test_a_budget_below_three_anchors_says_what_they_would_cost(place: Path, serve: Serve) -> None:
    server = serve(judge)
    given = [*live(place, server.url, "--plan", "--max-cost", 0.0001)]
    given[given.index("--price") + 1 : given.index("--price") + 3] = [2, 8]
    said = bridge(place, *given)
    assert said.status == 2
    assert "--max-cost 0.0001: 3 anchors and the own model on 50 prompts cost about $" in said.err


def test_figures_that_another_judge_made_are_no_anchors(tmp_path: Path) -> None:
    """A win rate that is the discrete one to the last digit is of yes and no; unless the whole board is like that."""
    lines = ["name,win_rate,discrete_win_rate,avg_length,n_total,length_controlled_winrate"]
    lines += [f"m{n},{10.5 + n},{10 + n},1000,805,{20 + n}" for n in range(20)]
    (tmp_path / "a.csv").write_text("\n".join([*lines, "odd,24.8,24.8,1000,805,30", "few,9,8,1000,804,30"]) + "\n")
    found = read_leaderboard(tmp_path / "a.csv")
    assert "a judge of yes and no made it" in found["odd"].foreign and not found["m1"].foreign
    assert (found["few"].win_rate, found["few"].lc_win_rate) == (0.09, None)
    assert found["few"].lc_note == "published over 804 prompts of 805, with difficulties of other prompts"
    assert "odd" not in [one.name for one in anchor_pool(found)]
    (tmp_path / "b.csv").write_text("name,win_rate,discrete_win_rate\n" + "".join(f"m{n},{n},{n}\n" for n in range(9)))
    assert not any(row.foreign for row in read_leaderboard(tmp_path / "b.csv").values())


def test_the_installed_package_brings_the_official_figures() -> None:
    path = installed_leaderboard()
    assert path is not None
    board = read_leaderboard(path)
    assert len(board) == 223
    assert board["cohere"].win_rate == pytest.approx(0.12901455)
    assert [name for name, row in board.items() if row.foreign] == ["Ein-70B-v0.1"]


def test_on_the_real_other_judge_the_interval_holds_and_the_error_falls_below_the_raw_one(
    shared: Path, tmp_path: Path
) -> None:
    """The figures of docs/alpaca_eval_today.md."""
    said = bridge(tmp_path, "--verdicts", shared / "data" / "alpaca_eval" / FILE, "--leave-one-out")
    assert said.status == 0, said.err
    errors = {metric: m for (model, metric), m in said.metrics.items() if model == "left out one by one"}
    values = {metric: round(m.value or 0, 2) for metric, m in errors.items()}
    assert values == {
        "mean_absolute_error": 1.88,
        "candidate_mean_absolute_error": 3.08,
        "error_ratio": 0.61,
        "coverage": 1.0,
        "half_width": 4.79,
        "lc_mean_absolute_error": 2.79,
        "lc_candidate_mean_absolute_error": 4.27,
        "lc_error_ratio": 0.65,
        "lc_coverage": 1.0,
        "lc_half_width": 6.68,
    }
    cohere = said.metrics["cohere", "win_rate"]
    assert (cohere.value, cohere.low, cohere.high) == pytest.approx((16.18, 11.99, 21.44), abs=0.01)
    assert "6 anchors" in cohere.note  # Ein-70B's official figure is of another judge
    pictures = bridge_charts(list(said.metrics.values()))
    assert [len(one.rows) for one in pictures] == [16, 16]
    assert "cohere" in pictures[0].svg


def test_the_report_shows_bridged_figures_with_a_picture(place: Path, tmp_path: Path) -> None:
    folder = small.run(tmp_path / "run")
    path = save(place / "v.csv.gz", table({**RATES, "mine": 0.25}))
    said = bridge(place, "--verdicts", path, "--leave-one-out", *board(place))
    merge(folder, list(said.metrics.values()), ["alpaca_bridge"])
    path = page.write(folder.settings, folder, "python -m eval report", tmp_path / "page")
    text = path.read_text(encoding="utf-8")
    assert "<h3>AlpacaEval 2.0 on the scale of GPT-4 Turbo</h3>" in text
    assert "AlpacaEval 2.0, win rate: the bridge" in text
    assert "AlpacaEval 2.0, LC win rate: the bridge" in text


def test_spaces_and_the_case_of_hex_digits_mean_nothing(place: Path) -> None:
    rows = table({**RATES, "mine": 0.25})
    first = bridge(place, "--verdicts", save(place / "v.csv.gz", rows), *board(place))
    for row in rows:
        row["model"] = f" {row['model']} "
        row["instruction_sha256_16"] = row["instruction_sha256_16"].upper() + " "
    again = bridge(place, "--verdicts", save(place / "v.csv.gz", rows), *board(place))
    assert again.status == 0, again.err
    assert first.metrics == again.metrics


def test_a_column_that_is_there_twice_is_refused(place: Path) -> None:
    text = gzip.decompress(save(place / "v.csv.gz", table(RATES)).read_bytes()).decode()
    twice = "".join(f"{line},{line.split(',')[3]}\n" for line in text.splitlines())
    (place / "twice.csv").write_text(twice)
    said = bridge(place, "--verdicts", place / "twice.csv", "--leave-one-out", *board(place))
    assert said.status == 2
    assert f"{place / 'twice.csv'}: several columns are named other_preference; keep one of each" in said.err


def test_a_preference_of_alpaca_eval_is_refused_with_its_range(place: Path) -> None:
    rows = table(RATES)
    rows[0]["other_preference"] = "1.25"
    said = bridge(place, "--verdicts", save(place / "v.csv.gz", rows), "--leave-one-out", *board(place))
    assert "alpaca_eval's own preference is 1..2: take 1 off" in said.err


def test_a_name_of_other_letter_case_is_told_with_the_leaderboards_own(place: Path) -> None:
    rows = table({"A": 0.1, "b": 0.2, "c": 0.3, "d": 0.4, "e": 0.5})
    said = bridge(place, "--verdicts", save(place / "v.csv.gz", rows), *board(place))
    assert "A, win rate: the leaderboard has no A, but a: rename it if it is the same" in said.out
    assert "the leaderboard has no A, but a" in said.metrics["A", "win_rate"].note


def test_leave_one_out_without_any_official_figure_is_refused(place: Path) -> None:
    rows = table({"A": 0.1, "B": 0.2, "C": 0.3, "D": 0.4})
    said = bridge(place, "--verdicts", save(place / "v.csv.gz", rows), "--leave-one-out", *board(place))
    assert said.status == 2
    assert "--leave-one-out: none of A, B, C, D has an official figure in" in said.err


def test_leave_one_out_with_too_few_anchors_has_the_figures_without_values(place: Path) -> None:
    rows = table({"a": 0.1, "b": 0.2, "c": 0.3})
    said = bridge(place, "--verdicts", save(place / "v.csv.gz", rows), "--leave-one-out", *board(place))
    error = said.metrics["left out one by one", "mean_absolute_error"]
    assert (error.value, error.n, error.unscored) == (None, 0, 3)
    assert error.note == "no model could be bridged from the others"
    assert "mean absolute error" in said.out and "no model could be bridged from the others" in said.out


@pytest.mark.parametrize("rate", [0.0, 0.5, 1.0])
def test_a_candidate_that_says_the_same_of_all_anchors_cannot_carry_the_scale(place: Path, rate: float) -> None:
    rows = table({**RATES, "mine": 0.25})
    for row in rows:
        row["other_preference"] = str(rate)
    said = bridge(place, "--verdicts", save(place / "v.csv.gz", rows), *board(place))
    note = said.metrics["mine", "win_rate"].note
    assert "cannot carry the scale: the candidate gives all 5 anchors the same figure" in note


def test_why_the_candidate_has_no_figure_is_told(place: Path) -> None:
    rows = table({**RATES, "mine": 0.25})
    few = [row for row in rows if row["model"] != "mine"] + [row for row in rows if row["model"] == "mine"][:1]
    said = bridge(place, "--verdicts", save(place / "v.csv.gz", few), *board(place))
    note = said.metrics["mine", "win_rate"].note
    assert "the candidate gives no figure of it: it judged 1 of its answers, and it takes 2" in note
    for row in rows:
        row["characters"] = row["characters_baseline"]
    said = bridge(place, "--verdicts", save(place / "v.csv.gz", rows), *board(place))
    assert "so lengths cannot be controlled" in said.metrics["mine", "lc_win_rate"].note


def test_the_interval_is_of_the_figure_of_all_prompts_whatever_is_known_of_the_model_itself(place: Path) -> None:
    """20 of 60 prompts: that GPT-4 Turbo's annotations of just these are at hand must not narrow its interval."""
    judged = {digest(question) for question in QUESTIONS[:20]}
    rows = [row for row in table({**RATES, "mine": 0.25}) if row["instruction_sha256_16"] in judged]
    for row in rows:
        if row["model"] != "mine":
            row["official_preference"] = row["other_preference"]
    blind = bridge(place, "--verdicts", save(place / "v.csv.gz", rows), "--model", "mine", *board(place))
    for row in rows:
        if row["model"] == "mine":
            row["official_preference"] = row["other_preference"]
    known = bridge(place, "--verdicts", save(place / "v.csv.gz", rows), "--model", "mine", *board(place))
    one, other = blind.metrics["mine", "win_rate"], known.metrics["mine", "win_rate"]
    assert (one.value, one.low, one.high) == (other.value, other.low, other.high)
    official = known.metrics["mine", "official_win_rate"]
    share = known.metrics["mine", "candidate_win_rate"].value
    assert (official.value, official.n, official.method) == (share, 20, "of its published annotations")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("win_rate,avg_length\n10,1500\n20,1500\n", "no column has the models' names; call it `name`"),
        ("name,win_rate\na,0.1\nb,0.2\n", "no win_rate is above 1; they must be percent"),
        ("name,win_rate\n", "a leaderboard without rows"),
        ("name,win_rate\n,12\n", "a row without a model's name"),
        ("name,win_rate\na,much\nb,20\n", "win_rate is 'much', not a number in 0..100"),
        ('name,win_rate\na,"10,5"\nb,"20,5"\n', "win_rate is '10,5', not a number in 0..100"),
    ],
)
def test_a_leaderboard_that_is_none_is_told(place: Path, text: str, told: str) -> None:
    (place / "board.csv").write_text(text)
    said = bridge(place, "--verdicts", save(place / "v.csv.gz", table(RATES)), "--leave-one-out", *board(place))
    assert said.status == 2
    assert told in said.err and len(said.err.strip().splitlines()) == 1


def test_the_names_of_a_leaderboard_may_stand_in_any_column(place: Path) -> None:
    lines = ["win_rate,avg_length,name", *(f"{100 * rate},1500,{model}" for model, rate in RATES.items())]
    (place / "board.csv").write_text("\n".join(lines) + "\n")
    said = bridge(place, "--verdicts", save(place / "v.csv.gz", table(RATES)), "--leave-one-out", *board(place))
    assert said.metrics["e", "official_win_rate"].value == 50


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_a_unanimous_length_controlled_figure_is_no_surer_than_the_candidates_own(place: Path, rate: float) -> None:
    """The fit of equal preferences has next to no error of its own; 20 of 20 say little all the same."""
    rows = table({**RATES, "mine": 0.25})
    few = {digest(question) for question in QUESTIONS[:20]}
    mine = [row | {"other_preference": str(rate)} for row in rows if row["model"] == "mine"]
    rows = [row for row in rows if row["model"] != "mine"]
    rows += [row for row in mine if row["instruction_sha256_16"] in few]
    said = bridge(place, "--verdicts", save(place / "v.csv.gz", rows), *board(place))
    one, own = said.metrics["mine", "lc_win_rate"], said.metrics["mine", "candidate_lc_win_rate"]
    assert one.low is not None and one.high is not None and own.low is not None and own.high is not None
    assert one.high - one.low > own.high - own.low
    few = {digest(question) for question in QUESTIONS[:19]}
    rows = [row for row in rows if row["model"] != "mine" or row["instruction_sha256_16"] in few]
    said = bridge(place, "--verdicts", save(place / "v.csv.gz", rows), *board(place))
    one, own = said.metrics["mine", "lc_win_rate"], said.metrics["mine", "candidate_lc_win_rate"]
    assert one.value is own.value is None
    assert "it judged 19 of its answers, and it takes 20" in one.note
    assert said.metrics["mine", "win_rate"].value is not None


@pytest.mark.parametrize(
    "given",
    [
        ("--max-cost", "inf"),
        ("--timeout", "inf"),
        ("--price", "inf", "1"),
        ("--price", "nan", "1"),
        ("--price", "-1", "1"),
    ],
)
def test_an_amount_that_is_none_is_refused_without_a_traceback(place: Path, given: tuple[str, ...]) -> None:
    said = bridge(place, "--judge", "openai:m", "--plan", *given, *board(place))
    assert said.status == 2
    assert "Invalid value for" in said.err and "Traceback" not in said.err


def test_a_plan_for_a_retired_judge_says_so(place: Path) -> None:
    given = ("--judge", "openai:gpt-4-1106-preview", "--plan", "--max-cost", "50", "--alpaca-dir", place)
    said = bridge(place, *given, *board(place))
    assert said.status == 0, said.err
    assert said.out.count("WARNING: gpt-4-1106-preview: ") == 1 and "shut down on 2026-" in said.out


def test_a_candidates_figure_without_an_interval_has_its_reason_beside_the_table(place: Path) -> None:
    rows = table({**RATES, "mine": 0.25})
    few = [row for row in rows if row["model"] != "mine"] + [row for row in rows if row["model"] == "mine"][:1]
    said = bridge(place, "--verdicts", save(place / "v.csv.gz", few), *board(place))
    assert "mine, candidate win rate: no interval below two prompts" in said.out
