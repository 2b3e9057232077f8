"""A candidate judge beside recorded annotations of GPT-4 Turbo, from the command line and in numbers done by hand."""

import contextlib
import io
import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eval.benchmarks.alpaca_eval.judge_card import Table, card
from eval.cli import main
from eval.records import Annotation, MetricValue
from eval.stats.intervals import Resampling
from tests.chat_server import Reply, Serve, words

HOW = Resampling(resamples=200, confidence=0.95, seed=1)
GOOD = {"weak": 0.1, "middle": 0.4, "strong": 0.9}
NUMBER = 10


def results(folder: Path) -> Path:
    """Three models and the baseline, annotated as good as GOOD says."""
    place = folder / "alpaca" / "results"
    for model in ("gpt4_1106_preview", *GOOD):
        rows = [
            {"instruction": f"Question {n}?", "dataset": "made_up", "output": f"{model} {n}", "generator": model}
            for n in range(NUMBER)
        ]
        own = place / model
        own.mkdir(parents=True)
        (own / "model_outputs.json").write_text(json.dumps(rows))
        if model in GOOD:
            said = [
                {
                    "instruction": row["instruction"],
                    "output_1": f"gpt4_1106_preview {n}",
                    "generator_1": "gpt4_1106_preview",
                    "output_2": row["output"],
                    "generator_2": model,
                    "annotator": "weighted_alpaca_eval_gpt4_turbo",
                    "preference": 1 + GOOD[model],
                }
                for n, row in enumerate(rows)
            ]
            (own / "weighted_alpaca_eval_gpt4_turbo").mkdir()
            (own / "weighted_alpaca_eval_gpt4_turbo" / "annotations.json").write_text(json.dumps(said))
    return place


def agreeing(body: dict[str, Any], _: int) -> Reply:
    """A judge that gives each model what GPT-4 Turbo gave it."""
    first, second = body["messages"][-1]["content"].split('"model_identifier": "M"')
    model = next(name for name in GOOD if f'"""{name} ' in first + second)
    p = GOOD[model] if f'"""{model} ' in first else 1 - GOOD[model]
    top = [{"token": token, "logprob": math.log(q)} for token, q in (("m", p), ("M", 1 - p))]
    reply = words("m", finish="length", usage={"prompt_tokens": 100, "completion_tokens": 1})
    reply.body["choices"][0]["logprobs"] = {"content": [{**top[0], "top_logprobs": top}]}
    return reply


def run(place: Path, *words: object) -> tuple[object, str, str]:
    said = ["judge-card", "--results", place, "--judge", "openai:tiny", "--out", place.parents[1] / "cards", *words]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as left:
        main([str(word) for word in said])
    return left.value.code or 0, out.getvalue(), err.getvalue()


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-key")


@pytest.mark.parametrize("orders", [(), ("--both-orders",)], ids=["one-order", "both-orders"])
def test_a_judge_that_says_the_same_agrees_in_everything(serve: Serve, tmp_path: Path, orders: tuple[str, ...]) -> None:
    server = serve(agreeing)
    given = ("--base-url", server.url, "--price", 10, 30, "--resamples", 100, *orders)
    status, out, err = run(results(tmp_path), *given)
    assert status == 0, err
    assert len(server.asked) == 30 * (1 + len(orders))
    both = "_both_orders" if orders else ""
    rows = json.loads((tmp_path / "cards" / f"tiny_weighted_alpaca_eval_gpt4_turbo{both}.json").read_text())
    found = {(row["model"], row["metric"]): MetricValue.model_validate(row) for row in rows}
    judge = "tiny (weighted_alpaca_eval_gpt4_turbo)" + (", both orders" if orders else "")
    assert found[judge, "agreement"].value == 1.0
    assert found[judge, "preference_difference"].value == pytest.approx(0, abs=1e-12)
    assert found[judge, "leaderboard_spearman"].value == pytest.approx(1)
    assert found[judge, "win_rate_difference"].value == pytest.approx(0, abs=1e-9)
    # Shares of longer outputs: `weak` and `middle` are shorter than the baseline's, `strong` too: 2 of 3 lose.
    assert found[judge, "longer_preferred_candidate"].value == pytest.approx(2 / 3)
    assert found[judge, "price_per_call"].value == pytest.approx((100 * 10 + 30) / 1e6)
    for model, rate in GOOD.items():
        assert found[model, "win_rate_candidate"].value == pytest.approx(100 * rate)
        assert found[model, "win_rate_official"].value == pytest.approx(100 * rate)
    assert ((judge, "order_decided") in found) == bool(orders)
    assert "30 calls" in out or "60 calls" in out


def test_a_judge_without_log_probabilities_is_compared_by_the_mean_of_its_votes(serve: Serve, tmp_path: Path) -> None:
    """Two of three votes are for the model's output, in either order."""
    votes = Counter[str]()

    def voting(body: dict[str, Any], _: int) -> Reply:
        asked = body["messages"][-1]["content"]
        votes[asked] += 1
        first = asked.split('"model_identifier": "M"')[0]
        shown_first = any(f'"""{name} ' in first for name in GOOD)
        return words("m" if shown_first == (votes[asked] < 3) else "M", finish="length")

    server = serve(voting)
    given = ("--base-url", server.url, "--resamples", 100, "--both-orders", "--votes", 3, "--concurrency", 1)
    status, out, err = run(results(tmp_path), *given)
    assert status == 0, err
    assert set(votes.values()) == {3} and len(votes) == 60
    (path,) = (tmp_path / "cards").glob("*.json")
    found = {(row["model"], row["metric"]): row["value"] for row in json.loads(path.read_text())}
    judge = "tiny (weighted_alpaca_eval_gpt4_turbo), both orders, 3 draws"
    assert [found[model, "win_rate_candidate"] for model in GOOD] == pytest.approx([200 / 3] * 3)
    assert found[judge, "preference_difference"] == pytest.approx((17 / 30 + 8 / 30 + 7 / 30) / 3)
    assert found[judge, "order_decided"] == 0
    assert "3 models: 180 calls" in out


def test_a_dry_run_names_a_retired_judge(tmp_path: Path) -> None:
    place = results(tmp_path)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as left:
        main(["judge-card", "--results", str(place), "--judge", "openai:gpt-3.5-turbo-0301", "--dry-run"])
    assert not left.value.code
    assert "WARNING: gpt-3.5-turbo-0301: was shut down on 2024-09-13" in out.getvalue()


def test_a_cap_leaves_all_models_the_same_prompts(serve: Serve, tmp_path: Path) -> None:
    server = serve(agreeing)
    status, _, err = run(
        results(tmp_path), "--base-url", server.url, "--price", 10, 30, "--max-cost", 0.02, "--concurrency", 1
    )
    assert status == 0, err
    sent = [body["messages"][-1]["content"] for body in server.asked]
    questions = [text.split('"instruction": """')[1].split('"""')[0] for text in sent]
    counts = [questions.count(question) for question in dict.fromkeys(questions)]
    assert 0 < len(sent) < 30
    assert set(counts[:-1]) <= {3}


def test_a_dry_run_asks_nobody(serve: Serve, tmp_path: Path) -> None:
    server = serve(agreeing)
    status, out, _ = run(results(tmp_path), "--base-url", server.url, "--dry-run", "--limit", 4)
    assert (status, server.asked) == (0, [])
    assert "3 models: 12 calls to tiny" in out
    assert not (tmp_path / "cards").exists()


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda place: place / "nowhere", "no such folder"),
        (lambda place: place / "gpt4_1106_preview", "no model folder in it has official annotations"),
    ],
    ids=["missing", "no-annotations"],
)
def test_a_folder_without_results_is_told(tmp_path: Path, change: Any, part: str) -> None:
    place = results(tmp_path)
    status, _, err = run(change(place), "--alpaca-dir", place.parent, "--base-url", "http://127.0.0.1:9/v1")
    assert status == 2 and part in err.splitlines()[-1]


def test_the_figures_are_those_done_by_hand() -> None:
    nan = math.nan
    table = Table(
        models=("a", "b", "c"),
        candidate=np.array([[0.9, 0.2], [0.6, nan], [0.1, 0.5]]),
        official=np.array([[0.7, 0.6], [0.2, nan], [0.3, 0.1]]),
        longer=np.array([[1, -1], [1, nan], [0, 1]]),
        switched=np.array([[1.0, 0.0]] * 3),
    )
    found = {m.metric: m for m in card("j", {"a": [], "b": [], "c": []}, table, False, 6, HOW) if m.model == "j"}
    # Same side: a1 yes, a2 no, b1 no, c1 yes; c2 is a draw for the candidate and left out.
    assert found["agreement"].value == pytest.approx(2 / 4)
    assert found["agreement"].unscored == 1
    assert found["preference_difference"].value == pytest.approx((0.2 + 0.4 + 0.4 + 0.2 + 0.4) / 5)
    # Candidate's rates .55, .6, .3; official .65, .2, .2: ranks 2 3 1 against 3 1.5 1.5.
    assert found["leaderboard_spearman"].value == pytest.approx(0.0, abs=1e-12)
    assert found["win_rate_difference"].value == pytest.approx(100 * (0.1 + 0.4 + 0.1) / 3)
    # Longer preferred: a1 yes, a2 yes (the baseline's is longer), b1 yes; c1 as long, c2 a draw.
    assert found["longer_preferred_candidate"].value == 1.0
    # First shown preferred: prompt 1 shows the model first: a1 yes, b1 yes, c1 no; prompt 2 the baseline: a2 yes.
    assert found["first_preferred_candidate"].value == pytest.approx(3 / 4)


def test_a_judge_that_cannot_tell_models_apart_has_no_rank_correlation() -> None:
    same = np.full((3, 4), 0.5)
    table = Table(("a", "b", "c"), same, np.array([[0.1] * 4, [0.5] * 4, [0.9] * 4]), np.ones((3, 4)), np.ones((3, 4)))
    said: dict[str, list[Annotation]] = {"a": [], "b": [], "c": []}
    found = {m.metric: m for m in card("j", said, table, False, 12, HOW) if m.model == "j"}
    assert found["leaderboard_spearman"].value is None
    assert found["agreement"].value is None


def test_a_broken_model_folder_costs_itself_and_is_named(serve: Serve, tmp_path: Path) -> None:
    place = results(tmp_path)
    broken = place / "middle" / "weighted_alpaca_eval_gpt4_turbo" / "annotations.json"
    broken.write_text("[")
    status, out, err = run(place, "--base-url", serve(agreeing).url, "--resamples", 100)
    assert status == 1, err
    assert f"left out, middle: {broken}: not JSON" in out
    rows = json.loads((tmp_path / "cards" / "tiny_weighted_alpaca_eval_gpt4_turbo.json").read_text())
    assert {row["model"] for row in rows if row["metric"] == "win_rate_candidate"} == {"weak", "strong"}
