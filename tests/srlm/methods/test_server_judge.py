"""A loop whose judge is a real server on this machine: killed, capped, started again, and asked nothing twice."""

import json
import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from srlm.engines.base import Request
from srlm.engines.openai.calls import CallStore
from srlm.methods.run import Run
from srlm.methods.stages import open_prompt_writer
from srlm.methods.train import train
from srlm.records import Checkpoint, user
from srlm.run_file import load
from srlm.settings import Sampling
from tests.chat_server import Reply, Serve, Server, words
from tests.forks.command import Command, Start

CALLS = 48
"""24 prompts with two answers each; both draws of a judgement are one request."""


def judge(body: dict[str, Any], _: int = 0) -> Reply:
    """Points that follow from the text, and of two answers the first: a judge that tells answers apart."""
    text = body["messages"][0]["content"]
    said = "A" if "[Answer A]" in text else f"score : {sum(text.encode()) % 6}"
    return words(*[said] * body.get("n", 1), usage={"prompt_tokens": 1000, "completion_tokens": 10})


def asked(server: Server) -> Counter[str]:
    """How often each request came."""
    return Counter(json.dumps(body, sort_keys=True) for body in server.asked)


def settings(url: str, *more: str) -> list[str]:
    engine = {"kind": "openai", "model": "tiny-judge", "base_url": url, "concurrency": 1}
    return [*(f"judge.engine.{name}={value}" for name, value in engine.items()), "model.date=2026-02-03", *more]


def command(tiny: Path, url: str, *more: str) -> list[str]:
    return ["srlm", "train", "--run", str(tiny), *(word for one in settings(url, *more) for word in ("--set", one))]


def test_a_loop_that_was_killed_and_capped_asks_its_judge_nothing_twice_and_can_be_replayed(
    serve: Serve, start: Start, tiny: Path, tmp_path: Path
) -> None:
    working: list[Command] = []

    def reply(body: dict[str, Any], number: int) -> Reply:
        if number == 20:  # one at a time: the twenty before it are answered and kept
            os.kill(working[0].pid, signal.SIGKILL)
            working[0].wait()
        return judge(body)

    server = serve(reply)
    early = ("dpo.early_stop=pairwise", "data.validation_prompts=4")
    working.append(start(*command(tiny, server.url, *early), cwd=tmp_path))
    working[0].communicate()
    assert working[0].returncode == -signal.SIGKILL
    assert len(server.asked) == 21
    unanswered = json.dumps(server.asked[20], sort_keys=True)

    # An answer costs 1000 x 10 / 1e6 + 10 x 30 / 1e6 = 0.0103 dollars, and 20 are paid for: 0.25 leaves three or four.
    price = ("judge.price.input=10", "judge.price.output=30")
    capped = start(*command(tiny, server.url, *early, *price, "judge.max_cost=0.25"), cwd=tmp_path)
    _, said = capped.communicate()
    assert capped.returncode == 2, said
    assert "stopped before the cost exceeds 0.25 US dollars (max_cost)" in said.splitlines()[-1]
    assert 23 <= len(asked(server)) <= 24

    again = start(*command(tiny, server.url, *early, *price, "judge.max_cost=10"), cwd=tmp_path)
    out, said = again.communicate()
    assert (again.returncode, out) == (0, "tiny: M2 is in runs/tiny/M2/model\n"), said
    counts = asked(server)
    assert {request for request, number in counts.items() if number > 1} == {unanswered}
    assert counts[unanswered] == 2
    comparisons = sum("[Answer A]" in request for request in counts)
    assert len(counts) == CALLS + comparisons and comparisons > 0

    # All of M2 made again, from the same seeds: every answer of the judge comes from the run's calls.sqlite.
    made = tmp_path / "runs/tiny"
    first = (made / "M2/judgements.jsonl").read_bytes()
    assert first.count(b"\n") == 2 * CALLS
    shutil.rmtree(made / "M2")
    wanted = settings(server.url, *early, f"runs={tmp_path / 'runs'}")
    assert train(Run(load(tiny, wanted)), 2).name == "M2"
    assert (made / "M2/judgements.jsonl").read_bytes() == first
    assert asked(server) == counts


def test_a_cap_without_a_known_price_stops_the_run_before_anything_is_made(
    serve: Serve, tiny: Path, tmp_path: Path, srlm: Callable[..., Any]
) -> None:
    server = serve(judge)
    chosen = settings(server.url, "judge.max_cost=1", f"runs={tmp_path}", "prompts.count=4")
    said = srlm("train", "--run", tiny, *(word for one in chosen for word in ("--set", one)))
    assert said.exit_code == 2
    assert "--max-cost needs a price" in said.stderr and "in a run file judge.max_cost and judge.price" in said.stderr
    assert not (tmp_path / "tiny").exists()  # before anything is trained
    assert server.asked == []


def test_what_a_server_writes_as_prompts_is_kept_beside_its_judgements_and_asked_once(
    serve: Serve, tiny: Path, tmp_path: Path
) -> None:
    server = serve(lambda body, number: words(f"Prompt {number}."))
    engine = {"kind": "openai", "model": "writer", "base_url": server.url}
    wanted = [f"prompts.engine.{name}={value}" for name, value in engine.items()]
    run = Run(load(tiny, [*wanted, "prompts.writer=fixed", "model.date=2026-02-03", f"runs={tmp_path}"]))
    nobody = Checkpoint(name="M1", parent="M0", path="nowhere", digest="0")
    requests = [Request(messages=user(f"Write prompt {number}.")) for number in range(3)]
    said = []
    for _ in range(2):  # the second one is the same run, started again
        with run.held():
            writer = open_prompt_writer(run, nobody)
            try:
                said.append([one.text for (one,) in writer.generate(requests, Sampling(), seed=1)])
            finally:
                writer.close()
    assert sorted(said[0]) == ["Prompt 0.", "Prompt 1.", "Prompt 2."]
    assert said[1] == said[0]
    assert len(server.asked) == 3
    with CallStore(run.folder.path / "calls.sqlite", replay=True) as store:
        assert len(list(store.every("writer"))) == 3
