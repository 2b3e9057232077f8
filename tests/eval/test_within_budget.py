"""agreement, audit and the head to head within a budget: a random part of the prompts, a figure, and no call twice."""

import contextlib
import io
import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from eval.benchmarks.head_to_head import measure as contest
from eval.benchmarks.head_to_head.places import verdicts_path
from eval.benchmarks.within_budget import reached, sample_of
from eval.cli import main
from eval.records import MetricValue
from srlm.engines.openai.cost import Budget, BudgetSpent
from srlm.errors import DataError, StoreError
from srlm.records import Response
from srlm.settings import EvaluationSettings, Price
from srlm.store import files
from tests.chat_server import Reply, Serve, Server, words
from tests.eval.report import small

NUMBER = 40
CALL = 0.004
"""Dollars: 400 tokens at 10 dollars a million."""


def judge(body: dict[str, Any], number: int = 0) -> Reply:
    """Scores by the words `zebra`, and prefers it where two answers are shown; 400 tokens a call."""
    text = body["messages"][0]["content"]
    usage = {"prompt_tokens": 400, "completion_tokens": 0}
    if "zebra" in text and "quagga" in text:
        first = text.index("zebra") < text.index("quagga")
        reply = words("A" if first else "B", usage=usage)
        letters = ("A", 0.9 if first else 0.1), ("B", 0.1 if first else 0.9)
        top = [{"token": letter, "logprob": math.log(p)} for letter, p in letters]
        written = {"token": "A" if first else "B", "logprob": math.log(0.9)}
        reply.body["choices"][0]["logprobs"] = {"content": [{**written, "top_logprobs": top}]}
        return reply
    return words(*["Score: 5" if "zebra" in text else "Score: 2"] * body.get("n", 1), usage=usage)


def command(folder: Path, name: str, server: Server, *more: object) -> tuple[object, str, str]:
    rows = folder / "rows.jsonl"
    ranked = [
        {
            "prompt": f"question {n}",
            "responses": [f"{n} zebra {'x' * (3000 if n % 5 == 0 else 9)}", f"{n} quagga"],
            "ranks": [0, 1],
        }
        for n in range(NUMBER)
    ]
    rows.write_text("".join(json.dumps(row) + "\n" for row in ranked))
    given = [name, "--rankings", rows, "--judge", "openai:tiny", "--base-url", server.url, "--out", folder / "m.json"]
    given += ["--price", 10, 0, "--resamples", 100, "--draws", 1, *more]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as left:
        main([str(word) for word in given])
    return left.value.code or 0, out.getvalue(), err.getvalue()


def figures(folder: Path) -> dict[str, MetricValue]:
    rows = [MetricValue.model_validate(row) for row in json.loads((folder / "m.json").read_text())]
    return {one.metric: one for one in rows if one.model == "tiny" and one.baseline is None}


def calls(server: Server) -> Counter[str]:
    return Counter(json.dumps(body, sort_keys=True) for body in server.asked)


@pytest.mark.parametrize(
    ("ask", "metric", "each"),
    [("scores", "pairwise_accuracy", 2), ("pairs", "accuracy_both_orders", 2), ("both", "pairwise_accuracy", 4)],
)
def test_agreement_within_a_budget_is_of_a_random_part_and_a_larger_one_pays_only_the_rest(
    serve: Serve, tmp_path: Path, ask: str, metric: str, each: int
) -> None:
    server = serve(judge)
    whole = each * NUMBER * CALL
    status, said, errors = command(tmp_path, "agreement", server, "--ask", ask, "--max-cost", whole / 2)
    assert status == 0, errors
    found = figures(tmp_path)[metric]
    assert 0.3 * NUMBER <= found.n < 0.6 * NUMBER
    assert (found.value, found.unscored) == (1.0, 0) and found.low is not None and found.low < 1
    note = f"on {found.n} of {NUMBER} prompts, drawn at random (budget)"
    assert found.note.startswith(note) and f"stopped at --max-cost: figures {note}" in said
    rows = [MetricValue.model_validate(row) for row in json.loads((tmp_path / "m.json").read_text())]
    assert all(note in row.note for row in rows)
    assert len(server.asked) * CALL <= whole / 2
    assert len(server.asked) * CALL > 0.8 * whole / 2  # it is spent, and not left
    long = sum("x" * 3000 in key for key in calls(server))
    assert long > 0  # the long answers are no rarer in it
    assert not list((tmp_path / "m").glob("*.jsonl"))  # a kept file is of all prompts
    # Resumed: only the rest is paid, and the figure is that of all.
    status, said, errors = command(tmp_path, "agreement", server, "--ask", ask, "--max-cost", whole)
    assert status == 0, errors
    assert figures(tmp_path)[metric].n == NUMBER and "budget" not in figures(tmp_path)[metric].note
    assert set(calls(server).values()) == {1} and len(server.asked) == each * NUMBER
    # Without a budget, too, nothing is asked again.
    assert command(tmp_path, "agreement", server, "--ask", ask)[0] == 0
    assert len(server.asked) == each * NUMBER


def test_a_resumed_run_without_a_budget_pays_only_the_rest(serve: Serve, tmp_path: Path) -> None:
    server = serve(judge)
    assert command(tmp_path, "agreement", server, "--max-cost", 0.1)[0] == 0
    assert 0 < len(server.asked) < 2 * NUMBER
    status, _, errors = command(tmp_path, "agreement", server)
    assert status == 0, errors
    assert figures(tmp_path)["pairwise_accuracy"].n == NUMBER
    assert set(calls(server).values()) == {1} and len(server.asked) == 2 * NUMBER


def test_an_audit_within_a_budget_is_of_a_random_part(serve: Serve, tmp_path: Path) -> None:
    server = serve(judge)
    status, said, errors = command(tmp_path, "audit", server, "--max-cost", 4 * NUMBER * CALL / 2)
    assert status == 0, errors
    rows = [MetricValue.model_validate(row) for row in json.loads((tmp_path / "m.json").read_text())]
    notes = {row.note.partition(";")[0] for row in rows}
    assert len(notes) == 1
    note = notes.pop()
    assert note.startswith("on ") and note.endswith(f"of {NUMBER} prompts, drawn at random (budget)") and note in said
    status, said, errors = command(tmp_path, "audit", server)
    assert status == 0 and "(budget)" not in said
    assert set(calls(server).values()) == {1} and len(server.asked) == 4 * NUMBER


def test_a_budget_for_no_prompt_gives_no_figure(serve: Serve, tmp_path: Path) -> None:
    server = serve(judge)
    status, _, errors = command(tmp_path, "agreement", server, "--ask", "pairs", "--max-cost", 0.0001)
    assert status == 2
    assert "no prompt was judged whole within 0.0001 US dollars (--max-cost, max_cost); raise it" in errors
    assert not (tmp_path / "m.json").exists()


def test_what_was_begun_without_a_budget_goes_on_as_it_was_begun(serve: Serve, tmp_path: Path) -> None:
    server = serve(judge)
    assert command(tmp_path, "agreement", server)[0] == 0
    kept = (tmp_path / "m" / "tiny-judgements.jsonl").read_bytes()
    status, _, errors = command(tmp_path, "agreement", server, "--max-cost", 0.0001)
    assert status == 0, errors
    assert len(server.asked) == 2 * NUMBER
    assert (tmp_path / "m" / "tiny-judgements.jsonl").read_bytes() == kept
    assert figures(tmp_path)["pairwise_accuracy"].n == NUMBER


def test_two_judges_are_compared_on_the_prompts_that_both_have_reached(serve: Serve, tmp_path: Path) -> None:
    def dearer(body: dict[str, Any], number: int) -> Reply:
        reply = judge(body)
        reply.body["usage"]["prompt_tokens"] = 400 if body["model"] == "tiny" else 800
        return reply

    status, _, errors = command(
        tmp_path, "agreement", serve(dearer), "--judge", "openai:dear", "--judge", "length", "--max-cost", 0.16
    )
    assert status == 0, errors
    rows = [MetricValue.model_validate(row) for row in json.loads((tmp_path / "m.json").read_text())]
    counts = {row.model: row.n for row in rows if row.metric == "pairwise_accuracy" and row.baseline is None}
    assert len({counts["tiny"], counts["dear"], counts["length"]}) == 1
    assert 5 <= counts["dear"] <= 12  # as many as the dearer one has reached
    assert {row.n for row in rows if row.metric == "pairwise_accuracy" and row.baseline} == {counts["dear"]}


def test_a_head_to_head_within_a_budget_is_of_a_random_part_and_goes_on(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-key")

    def a_bit(body: dict[str, Any], number: int) -> Reply:
        top = [{"token": token, "logprob": math.log(p)} for token, p in (("A", 0.6), ("B", 0.4))]
        reply = words("A", usage={"prompt_tokens": 400, "completion_tokens": 0})
        reply.body["choices"][0]["logprobs"] = {"content": [{**top[0], "top_logprobs": top}]}
        return reply

    server = serve(a_bit)

    def measured(most: float | None) -> list[MetricValue]:
        asked = EvaluationSettings(
            judge="openai:tiny", base_url=server.url, price=Price(input=10, output=0), max_cost=most
        )
        folder = small.run(tmp_path, evaluation=asked)
        for path in (folder.step("evaluation") / "verdicts").iterdir():
            path.unlink()
        written = {
            name: files.read(folder.step("evaluation") / name / "responses.jsonl", Response)
            for name in ("SFT", "M1", "M2")
        }
        return contest.figures(folder.settings, folder, written, lambda *_: pytest.fail("no model is opened"))

    part = measured(0.12)  # of three pairs of models x 2 orders x 12 prompts: 0.288
    wins = [one for one in part if one.metric == "win"]
    assert len({one.n for one in wins}) == 1 and 3 <= wins[0].n <= 5 and len(wins) == 3
    note = f"on {wins[0].n} of 12 prompts, drawn at random (budget)"
    assert all(one.note.startswith(note) for one in part)
    assert f"stopped at evaluation.max_cost: figures {note}" in capsys.readouterr().out
    assert len(server.asked) * CALL <= 0.12
    again = measured(0.12)  # over all starts: what was spent counts
    assert [(one.metric, one.value, one.n) for one in again] == [(one.metric, one.value, one.n) for one in part]
    assert len(server.asked) * CALL <= 0.12
    whole = measured(None)
    assert {one.n for one in whole if one.metric == "win"} == {12} and "budget" not in whole[0].note
    assert len(server.asked) == 72 and set(calls(server).values()) == {1}


def test_a_budget_of_another_judge_does_not_leave_the_verdicts_of_the_one_before(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-key")
    server = serve(judge)
    asked = EvaluationSettings(
        judge="openai:another", base_url=server.url, price=Price(input=10, output=0), max_cost=0.12
    )
    folder = small.run(tmp_path, evaluation=asked)  # its verdicts are by another judge
    verdicts_path(folder, "M2", "M1").unlink()
    written = {
        name: files.read(folder.step("evaluation") / name / "responses.jsonl", Response) for name in ("SFT", "M1", "M2")
    }
    with pytest.raises(StoreError, match=r"M1-vs-SFT\.jsonl"):
        contest.figures(folder.settings, folder, written, lambda *_: pytest.fail("no model is opened"))
    assert server.asked == []


def test_the_reached_are_the_first_of_a_random_order_and_a_larger_budget_adds_to_them() -> None:
    prompts = [str(n) for n in range(100)]

    def within(most: int) -> list[str]:
        budget, paid = Budget(Price(input=1, output=1), float(most)), set[str]()

        def ask(some: Sequence[str]) -> None:
            for prompt in some:
                if prompt not in paid:
                    if budget.spent == most:
                        raise BudgetSpent("no room")
                    paid.add(prompt)
                    budget.spent += 1

        return reached(prompts, ask, budget, 1)

    assert [len(within(most)) for most in (0, 1, 31, 32, 33, 64, 99, 100, 101)] == [0, 1, 31, 32, 33, 64, 99, 100, 100]
    assert within(50) == within(80)[:50] != prompts[:50]
    assert sample_of(prompts, [within(50), within(20)], 1.0) == set(within(20))
    assert sample_of(prompts, [], None) == set(prompts)
    with pytest.raises(DataError, match="no prompt was judged whole within 1 US dollars"):
        sample_of(prompts, [within(0)], 1.0)
