"""Tokens are counted where models read and write them, by purpose, and kept with the step."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from srlm import usage
from srlm.engines.base import Request
from srlm.engines.openai.calls import CallStore
from srlm.engines.openai.client import Client
from srlm.engines.openai.endpoint import Endpoint
from srlm.engines.openai.engine import OpenAIEngine
from srlm.engines.transformers import TransformersEngine
from srlm.judge.asked import AskedPairJudge
from srlm.judge.pairwise import PairItem
from srlm.judge.pointwise import Answered, ModelPointJudge
from srlm.judge.rubric import load
from srlm.methods.base import run_folder
from srlm.methods.run import Run
from srlm.records import Prompt, Response, user
from srlm.run_file import load as load_run
from srlm.settings import EngineSettings, ModelSettings, Sampling
from srlm.store import used
from srlm.store.used import StageUsage
from srlm.usage import Usage
from tests.chat_server import Reply, Serve, words

GREEDY = Sampling(temperature=0, max_new_tokens=5)


@pytest.fixture(scope="module")
def engine(bead_model: Path) -> TransformersEngine:
    return TransformersEngine.load(bead_model, "M1", ModelSettings(base="scratch", dtype="float32"), 8)


def test_a_prompt_is_read_once_for_all_draws_and_every_drawn_token_is_written(engine: TransformersEngine) -> None:
    requests = [Request(messages=user("copy : a b"), draws=3), Request(messages=user("copy : a"), draws=3)]
    with usage.metered() as meter:
        drawn = engine.generate(requests, Sampling(temperature=1, max_new_tokens=5), 7)
    read = sum(len(engine.chat.prompt_ids(one.messages)) for one in requests)
    written = sum(one.tokens or 0 for own in drawn for one in own)
    assert written > 0
    assert meter.used == {"generation": Usage(requests=2, read=read, written=written)}


def test_greedy_draws_are_written_once(engine: TransformersEngine) -> None:
    with usage.metered() as meter:
        ((first, second),) = engine.generate([Request(messages=user("copy : a b"), draws=2)], GREEDY, 7)
    assert first == second
    assert meter.total.written == first.tokens


def test_scoring_reads_the_prompt_once_and_every_continuation(engine: TransformersEngine) -> None:
    with usage.metered() as meter, usage.judging():
        engine.loglikelihood([Request(messages=user("copy : a b"))], [["a b", "b"]])
    scored = engine.chat.scored(user("copy : a b"), "", ["a b", "b"])
    read = len(scored.prompt) + sum(map(len, scored.continuations))
    assert meter.used == {"judgement": Usage(requests=1, read=read)}


def test_a_judge_counts_as_a_judge_in_whatever_thread_it_works(engine: TransformersEngine, tmp_path: Path) -> None:
    prompt = Prompt.of("copy : a b", "test")
    answered = Answered(prompt=prompt, response=Response.of(prompt.id, "a b", "M1", 0, "stop"))
    judge = ModelPointJudge(engine, load("beads"), GREEDY, complete=False)
    with usage.metered() as meter, ThreadPoolExecutor(1) as pool:
        pool.submit(judge.judge, [answered], 1, 1, tmp_path / "judgements.jsonl").result()
        pool.submit(engine.generate, [Request(messages=user("copy : a b"))], GREEDY, 1).result()
        pool.submit(judge.judge, [answered], 1, 1, tmp_path / "judgements.jsonl").result()  # found on disk
    assert {purpose: one.requests for purpose, one in meter.used.items()} == {"judgement": 1, "generation": 1}


def test_nothing_is_counted_outside_a_meter_and_the_innermost_one_counts() -> None:
    usage.count(Usage(requests=9))
    with usage.metered() as outer:
        usage.count(Usage(requests=1, read=2))
        with usage.metered() as inner:
            usage.count(Usage(requests=1, written=3))
        usage.count(Usage(requests=1, read=4))
    assert (outer.total, inner.total) == (Usage(requests=2, read=6), Usage(requests=1, written=3))


def test_a_sum_with_an_unknown_part_is_not_known() -> None:
    known, unknown = Usage(requests=2, read=10, written=5), Usage(requests=1, unknown=1)
    assert (known.tokens, known.tokens_written) == (15, 5)
    assert (known + unknown).tokens is None
    assert (known + unknown).tokens_written is None
    assert (known + unknown).read == 10


def test_a_server_says_what_it_took_and_what_the_store_answers_took_nothing(serve: Serve, tmp_path: Path) -> None:
    def reply(body: dict[str, Any], number: int) -> Reply:
        if body["messages"][-1]["content"] == "one":
            return words("a", usage={"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14})
        return words("a")

    settings = EngineSettings(kind="openai", model="m", base_url=serve(reply).url)

    def ask(text: str) -> Usage:
        store = CallStore(tmp_path / "calls.sqlite")
        engine = OpenAIEngine(Client(Endpoint.of(settings), store), "m", None, store.close)
        with usage.metered() as meter:
            engine.generate([Request(messages=user(text))], GREEDY, 1)
        engine.close()
        return meter.total

    assert ask("one") == Usage(requests=1, read=11, written=3)
    assert ask("one") == Usage()
    assert ask("two") == Usage(requests=1, unknown=1)


def test_a_server_s_answer_is_counted_as_it_arrives_for_a_kill_leaves_it_in_the_store(
    serve: Serve, tmp_path: Path
) -> None:
    """One request at a time: while the second one is answered, the first is in the file already."""
    kept: list[Usage] = []

    def reply(body: dict[str, Any], number: int) -> Reply:
        step = (used.read(tmp_path) or {}).get("judgements", StageUsage())
        kept.append(step.judgement)
        return words("a", usage={"prompt_tokens": 11 + number, "completion_tokens": 3, "total_tokens": 14})

    settings = EngineSettings(kind="openai", model="m", base_url=serve(reply).url, concurrency=1)
    engine = OpenAIEngine(Client(Endpoint.of(settings)), "m")
    with usage.metered(lambda now: used.add(tmp_path, "judgements", now, StageUsage())) as meter, usage.judging():
        engine.generate([Request(messages=user(text)) for text in ("one", "two")], GREEDY, 1)
    engine.close()
    assert kept == [Usage(), Usage(requests=1, read=11, written=3)]
    assert meter.used == {"judgement": Usage(requests=2, read=23, written=6)}


def test_a_server_that_compares_two_answers_counts_as_a_judge(serve: Serve) -> None:
    def reply(body: dict[str, Any], number: int) -> Reply:
        return words("A", usage={"prompt_tokens": 20, "completion_tokens": 1, "total_tokens": 21})

    client = Client(Endpoint.at(serve(reply).url))
    judge = AskedPairJudge("m", lambda: client, client.close)
    with usage.metered() as meter:
        judge.compare([PairItem(prompt="p", first="a", second="b")], 1)
    judge.close()
    assert meter.used == {"judgement": Usage(requests=1, read=20, written=1)}


def test_a_step_keeps_its_tokens_and_examples_by_stage(trained: Path) -> None:
    step = trained / "runs/tiny/M2"
    found = used.read(step)
    assert found is not None
    assert set(found) == {"candidates", "judgements", "DPO", "movement", "held-out judgements"}
    responses = [json.loads(line) for line in (step / "responses.jsonl").read_text().splitlines()]
    # The bead world's tokens are words; those that are no word (special ones) are not in the text. At most 8 an answer.
    texts = [one["text"].split() for one in responses]
    assert len(texts) == 48
    assert sum(map(len, texts)) <= found["candidates"].generation.written <= 8 * 48
    assert found["candidates"].generation.requests == 24
    assert found["candidates"].judgement == Usage()
    assert found["judgements"].judgement.requests > 0
    assert found["judgements"].generation == Usage()
    counts = json.loads((step / "manifest.json").read_text())["counts"]
    assert found["DPO"].examples == counts["dpo: pairs"]
    assert (found["DPO"].generation, found["DPO"].judgement) == (Usage(), Usage())
    # One thread computes, so that it is no more than the clock says, but for what both round.
    seconds = json.loads((step / "timings.json").read_text())
    taken = [one.processor_seconds for one in found.values() if one.processor_seconds is not None]
    assert len(taken) == len(found)
    assert 0 < sum(taken) < 1.5 * sum(seconds.values()) + 0.5


def test_tokens_of_an_interrupted_stage_are_added_to(trained: Path, tmp_path: Path, tiny: Path) -> None:
    shutil.copytree(trained / "runs", tmp_path / "runs")
    run = Run(load_run(tiny, [f"runs={tmp_path}/runs"]))
    with run.held():
        with pytest.raises(RuntimeError), run.stage("M2", "again"):
            usage.count(Usage(requests=1, read=2, written=3))
            raise RuntimeError
        with run.stage("M2", "again"), usage.judging():
            usage.count(Usage(requests=1, read=10))
        run.trained("M2", "again", 5)
    found = used.read(run.folder.step("M2"))
    assert found is not None
    again = found["again"]
    assert again.processor_seconds is not None
    assert again.model_copy(update={"processor_seconds": None}) == StageUsage(
        generation=Usage(requests=1, read=2, written=3), judgement=Usage(requests=1, read=10), examples=5
    )


def test_processor_time_adds_up_over_stops_and_is_not_known_where_a_part_is_not(tmp_path: Path) -> None:
    used.trained(tmp_path, "new", 3)
    used.worked(tmp_path, "new", 1.25, begun=False)
    used.worked(tmp_path, "new", 2.5, begun=True)
    used.worked(tmp_path, "old", 2.5, begun=True)
    assert used.read(tmp_path) == {"new": StageUsage(examples=3, processor_seconds=3.75)}


def test_processor_time_holds_that_of_processes_that_have_ended() -> None:
    times = used.StageTimes()
    stage = times.begin()
    subprocess.run([sys.executable, "-c", "sum(range(3_000_000))"], check=True)
    assert times.end(stage).processor > 0.02


def test_of_what_goes_by_while_two_stages_run_each_has_half() -> None:
    def used_by_somebody() -> None:
        subprocess.run([sys.executable, "-c", "sum(range(3_000_000))"], check=True)

    times, of_all = used.StageTimes(), used.StageTimes()
    whole = of_all.begin()
    first = times.begin()
    used_by_somebody()
    second = times.begin()
    used_by_somebody()
    first_took, second_took = times.end(first), times.end(second)
    all_took = of_all.end(whole)
    assert second_took.processor > 0.01 and first_took.processor > second_took.processor + 0.01
    assert second_took.clock > 0.01 and first_took.clock > second_took.clock
    for one, other, both in zip(first_took, second_took, all_took, strict=True):
        assert one + other == pytest.approx(both, abs=0.02)


@pytest.mark.parametrize("content", ["{", "[]", '{"candidates": 3}', '{"candidates": {"generation": {"read": -1}}}'])
def test_a_broken_file_is_as_none_and_the_run_works_with_it(
    content: str, trained: Path, tmp_path: Path, tiny: Path, srlm: Callable[..., Any]
) -> None:
    shutil.copytree(trained / "runs", tmp_path / "runs")
    settings = load_run(tiny, [f"runs={tmp_path}/runs"])
    place = run_folder(settings).step("M2")
    (place / used.NAME).write_text(content)
    assert used.read(place) is None
    said = srlm("verify", tmp_path / "runs" / "tiny")
    assert said.exit_code == 0, said.stdout + said.stderr
