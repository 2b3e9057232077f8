"""Who is asked by `python -m eval alpaca`, and what for: official or not, living or not, within which budget."""

import contextlib
import datetime
import io
import json
import math
from pathlib import Path
from typing import Any

import pytest

from eval.benchmarks.alpaca_eval.judging import Asking, shuffled
from eval.benchmarks.alpaca_eval.measure import Judging, Model, dry, run
from eval.cli import main
from eval.data.alpaca_eval import AlpacaEval
from eval.data.alpaca_files import read_outputs
from eval.stats.intervals import Resampling
from srlm.engines.openai.endpoint import Endpoint
from srlm.errors import EngineError
from srlm.records import Prompt
from srlm.settings import Price
from tests.chat_server import Reply, Serve, words

NUMBER = 60
OFFICIAL = "weighted_alpaca_eval_gpt4_turbo"
PROMPTS = [Prompt.of(f"Question {n}?", "alpaca_eval", "made_up") for n in range(NUMBER)]


def length(n: int) -> int:
    """Characters of the n-th answer: one in six is long."""
    return 4000 if n % 6 == 0 else 200 + 10 * n


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An alpaca_eval folder, and the outputs of two models."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-key")
    baseline = tmp_path / "alpaca" / "results" / "gpt4_1106_preview"
    baseline.mkdir(parents=True)
    for path, name in (
        (baseline / "model_outputs.json", "gpt4_1106_preview"),
        (tmp_path / "one.json", "one"),
        (tmp_path / "two.json", "two"),
    ):
        rows = [
            {"instruction": p.text, "dataset": "made_up", "generator": name, "output": f"{name} {n} " + "x" * length(n)}
            for n, p in enumerate(PROMPTS)
        ]
        path.write_text(json.dumps(rows))
    return tmp_path


def verdict(body: dict[str, Any], _: int = 0) -> Reply:
    """A judge that likes the second answer a little better; four characters are a token."""
    top = [{"token": token, "logprob": math.log(p)} for token, p in (("m", 0.4), ("M", 0.6))]
    read = sum(len(turn["content"]) for turn in body["messages"]) // 4
    reply = words("M", finish="length", usage={"prompt_tokens": read, "completion_tokens": 1})
    reply.body["choices"][0]["logprobs"] = {"content": [{**top[0], "top_logprobs": top}]}
    return reply


def alpaca(folder: Path, *given: object) -> tuple[object, str, str]:
    said = ["alpaca", "--outputs", folder / "one.json", "--out", folder / "out", "--alpaca-dir", folder / "alpaca"]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as left:
        main([str(word) for word in (*said, "--no-length-control", "--resamples", 100, *given)])
    return left.value.code or 0, out.getvalue(), err.getvalue()


@pytest.mark.parametrize("most", [None, 5.0])
def test_a_retired_judge_is_refused_before_anything_is_sent_and_a_dry_run_says_so(
    folder: Path, most: float | None
) -> None:
    wanted = Judging(endpoint=Endpoint(today=datetime.date(2026, 11, 26)), max_cost=most, length_control=False)
    data = AlpacaEval.open(folder / "alpaca")
    models = [Model(read_outputs(folder / "one.json", data.prompts), folder / "out")]
    lines: list[str] = []
    with pytest.raises(EngineError) as told:
        run(wanted, models, data, lines.append, lines.append)
    assert str(told.value).startswith("gpt-4-1106-preview: was shut down on 2026-10-23 (")
    for part in ("nothing was sent", "use gpt-4.1 (until 2027-01-14)", "--base-url"):
        assert part in str(told.value)
    assert not (folder / "out" / "results").exists()
    dry(wanted, models, data, lines.append)
    assert lines[-2].startswith("WARNING: gpt-4-1106-preview: was shut down on 2026-10-23")
    assert lines[-1] == "nothing was sent"


def test_a_server_of_ones_own_may_serve_a_retired_name_and_is_not_official(
    serve: Serve, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", serve(verdict).url)
    status, said, errors = alpaca(folder)
    assert status == 0, errors
    (results,) = (path for path in (folder / "out" / "results" / "one").iterdir() if path.is_dir())
    assert results.name == f"gpt-4-1106-preview_{OFFICIAL}"  # not the official annotator's own name
    assert f"calls to gpt-4-1106-preview ({OFFICIAL})" in said
    assert "cost unknown" in said  # OpenAI's prices are not that server's


def test_another_address_under_the_same_variable_is_asked_anew(
    serve: Serve, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers = [serve(verdict), serve(verdict)]
    for server in (*servers, servers[0]):
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        assert alpaca(folder)[0] == 0
    assert [len(server.asked) for server in servers] == [NUMBER, NUMBER]


@pytest.mark.parametrize("both_orders", [False, True])
def test_a_budget_covers_the_same_prompts_of_every_model_and_they_are_a_random_part(
    serve: Serve, folder: Path, both_orders: bool
) -> None:
    server = serve(verdict)
    data = AlpacaEval.open(folder / "alpaca")
    models = [Model(read_outputs(folder / f"{name}.json", data.prompts), folder / "out") for name in ("one", "two")]

    def judging(most: float | None) -> Judging:
        return Judging(
            judge="openai:tiny",
            endpoint=Endpoint(service="compatible", base_url=server.url),
            price=Price(input=10, output=30),
            max_cost=most,
            asking=Asking(both_orders=both_orders, seed=5),
            length_control=False,
            how=Resampling(resamples=100, confidence=0.95, seed=1),
        )

    lines: list[str] = []
    half = 1.0 if both_orders else 0.5
    found = run(judging(half), models, data, lines.append, lines.append).metrics
    rates = {one.model: one for one in found if one.metric == "win_rate"}
    assert rates["one"].n == rates["two"].n
    assert 0.3 * NUMBER < rates["one"].n < 0.8 * NUMBER
    assert (rates["one"].unscored, rates["two"].unscored) == (0, 0)
    assert f"on {rates['one'].n} of {NUMBER} prompts, drawn at random (budget)" in rates["one"].note
    spent = sum(PRICES.of(len(b["messages"][0]["content"] + b["messages"][1]["content"]) // 4, 1) for b in server.asked)
    assert 0.9 * half < spent <= half
    first = [prompt.text for prompt in shuffled(data.prompts, 5)][: rates["one"].n]
    reached = {text for text in first if any(text in body["messages"][1]["content"] for body in server.asked)}
    assert reached == set(first)
    sent = len(server.asked)
    whole = run(judging(10.0), models, data, lines.append, lines.append).metrics
    assert {one.n for one in whole if one.metric == "win_rate"} == {NUMBER}
    assert len(server.asked) == (4 if both_orders else 2) * NUMBER > sent  # none was asked twice


PRICES = Price(input=10, output=30)
