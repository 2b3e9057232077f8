"""Answers that are judged while more of them are drawn: the same records, and no error, stop or kill is lost."""

import shutil
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from srlm.errors import CollapseError, EngineError
from srlm.methods import start
from srlm.methods.beside import Awaited, Beside, Stopped
from srlm.methods.run import Run
from srlm.methods.self_rewarding import METHOD
from srlm.methods.stages import candidates, judged_candidates, may_be_judged_meanwhile, new_prompts
from srlm.methods.train import train
from srlm.records import Checkpoint, Prompt, Step
from srlm.run_file import load
from srlm.store import used
from tests.chat_server import Reply, Serve, refusal
from tests.srlm.methods.test_kill import contents
from tests.srlm.methods.test_self_rewarding import TINY
from tests.srlm.methods.test_server_judge import judge, settings

BLOCKS = ("engine.batch_size=4",)
"""Answers are drawn in three blocks of eight prompts, and judged in six of eight answers."""


def alive() -> list[str]:
    """Second stages whose thread has not ended."""
    return [one.name for one in threading.enumerate() if one.name == "second stage"]


def ignore(error: Exception) -> None:
    """Nothing is under way elsewhere."""


# The seam -------------------------------------------------------------------------------------------------------------


def test_the_second_stage_sees_what_the_first_has_made_and_ends_after_it() -> None:
    items, over, seen = Awaited[int](4), list[str](), list[int]()
    third = threading.Event()

    def second() -> int:
        seen.extend(items[0:3])
        third.set()
        seen.append(items[3])
        assert over == ["first"]
        return sum(seen)

    with Beside(second, items, ignore) as other:
        other.give([1, 2])
        other.give([3, 4])
        assert third.wait(60)  # before the first stage is over
        over.append("first")
        assert other.result() == 10
    assert list(items) == [1, 2, 3, 4]
    assert (len(items), items[1], items[-1], items[1:3], items[3:]) == (4, 2, 4, [2, 3], [4])


def test_what_the_second_stage_raises_ends_the_first() -> None:
    items = Awaited[int](3)

    def second() -> int:
        raise EngineError(f"no judge for {items[0]}")

    with pytest.raises(EngineError, match="no judge for 7"), Beside(second, items, ignore) as other:
        other.give([7])
        while True:  # the first stage goes on until it hears of it
            other.give([])


def test_a_first_stage_that_ends_early_stops_the_second_and_its_own_error_is_raised() -> None:
    items, met, stopped = Awaited[int](3), list[BaseException](), list[Exception]()

    def second() -> int:
        try:
            return items[2]
        except Stopped as error:
            met.append(error)
            raise

    with pytest.raises(KeyboardInterrupt), Beside(second, items, stopped.append) as other:
        other.give([1])
        assert alive()
        raise KeyboardInterrupt
    assert [type(one) for one in met] == [type(one) for one in stopped] == [Stopped]
    assert not alive()


def test_without_items_the_second_stage_is_done_in_the_end() -> None:
    items = Awaited[int](0)
    with Beside(lambda: list(items[0:5]), items, ignore) as other:
        assert other.result() == []


# In a run -------------------------------------------------------------------------------------------------------------


def from_m1(trained: Path, folder: Path, url: str, *more: str) -> Run:
    """The tiny run up to M1, whose judge is a server from there on."""
    for step in ("data", "M0", "SFT", "M1"):
        shutil.copytree(trained / "runs/tiny" / step, folder / "tiny" / step, dirs_exist_ok=True)
    return Run(load(TINY, settings(url, *BLOCKS, f"runs={folder}", *more)))


def second_model(run: Run) -> tuple[Step, Checkpoint, list[Prompt]]:
    """M2, which is to be made; M1, and the prompts that it answers."""
    step = METHOD.steps(run.settings, 2)[-1]
    model = run.parent(step)
    return step, model, new_prompts(run, step, model, start.seed_data(run))


def test_a_server_judges_while_answers_are_drawn_and_the_records_are_those_of_one_after_the_other(
    serve: Serve, trained: Path, tmp_path: Path
) -> None:
    drawn = tmp_path / "beside/tiny/M2/responses.jsonl"
    there: list[bool] = []

    def reply(body: dict[str, Any], number: int) -> Reply:
        there.append(drawn.exists())
        return judge(body)

    server = serve(reply)
    beside = from_m1(trained, tmp_path / "beside", server.url)
    train(beside, 2)
    assert not there[0] and there[-1]  # the first answer was judged before the last was drawn
    after = from_m1(trained, tmp_path / "after", server.url)
    with after.held():  # stopped after the candidates
        candidates(after, *second_model(after))
    train(Run(load(TINY, settings(server.url, *BLOCKS, f"runs={tmp_path / 'after'}"))), 2)
    found, expected = (contents(tmp_path / name / "tiny/M2") for name in ("beside", "after"))
    assert {"responses.jsonl", "judgements.jsonl", "pairs.jsonl", "model/model.safetensors"} <= found.keys()
    assert found == expected
    both = [used.read(run.folder.step("M2")) for run in (beside, after)]
    for stage in ("candidates", "judgements"):
        one, other = ((own or {})[stage].model_copy(update={"processor_seconds": None}) for own in both)
        assert one == other
    (taken, _) = both
    assert taken is not None
    assert taken["candidates"].judgement.requests == 0 and taken["candidates"].generation.requests == 24
    assert taken["judgements"].generation.requests == 0 and taken["judgements"].judgement.requests == 48


def test_a_judge_that_fails_stops_the_drawing_and_the_next_start_goes_on(
    serve: Serve, trained: Path, tmp_path: Path
) -> None:
    fails = [True]

    def reply(body: dict[str, Any], number: int) -> Reply:
        return refusal(401, "no such key") if fails[0] and number >= 8 else judge(body)

    server = serve(reply)
    run = from_m1(trained, tmp_path / "a", server.url)
    with pytest.raises(EngineError, match="no such key"), run.held():
        judged_candidates(run, *second_model(run))
    parts = {path.name for path in (tmp_path / "a/tiny/M2").iterdir()}
    assert "judgements.jsonl.part" in parts and "judgements.jsonl" not in parts
    fails[0] = False
    train(Run(load(TINY, settings(server.url, *BLOCKS, f"runs={tmp_path / 'a'}"))), 2)
    whole = from_m1(trained, tmp_path / "b", server.url)
    train(whole, 2)
    assert contents(tmp_path / "a/tiny/M2") == contents(tmp_path / "b/tiny/M2")


def test_answers_that_never_end_stop_the_judging_too(serve: Serve, trained: Path, tmp_path: Path) -> None:
    server = serve(judge)
    run = from_m1(
        trained,
        tmp_path,
        server.url,
        "candidates.min_ended=1",
        "candidates.sampling.max_new_tokens=1",
        "prompts.count=240",
    )
    with pytest.raises(CollapseError, match="M2: candidates: stopped early"), run.held():
        judged_candidates(run, *second_model(run))
    assert not alive()
    assert len(server.asked) < 480  # 240 prompts with two answers


def test_ctrl_c_waits_for_the_calls_under_way_which_are_paid_for_and_asks_no_more(
    serve: Serve, trained: Path, tmp_path: Path
) -> None:
    """Two answers are judged at a time; at the ninth call the run is interrupted, and the server takes its time."""
    main = threading.main_thread().ident
    assert main is not None
    held = threading.Event()

    def reply(body: dict[str, Any], number: int) -> Reply:
        if number == 8 and not held.is_set():
            held.set()
            signal.pthread_kill(main, signal.SIGINT)
        return judge(body)

    server = serve(reply)
    run = from_m1(trained, tmp_path / "a", server.url)
    with pytest.raises(KeyboardInterrupt), run.held():
        judged_candidates(run, *second_model(run))
    assert not alive()
    assert len(server.asked) < 48
    train(Run(load(TINY, settings(server.url, *BLOCKS, f"runs={tmp_path / 'a'}"))), 2)
    assert len(server.asked) == 48  # none was asked twice
    whole = from_m1(trained, tmp_path / "b", serve(lambda body, _: judge(body)).url)
    train(whole, 2)
    a, b = (contents(tmp_path / name / "tiny/M2") for name in ("a", "b"))
    assert a == b


@pytest.mark.parametrize(
    ("more", "beside"),
    [
        ((), True),
        (("judge.engine.batch_api=true",), False),  # a batch holds the calls of a whole stage
        (("reward.kind=random",), False),  # no judge is asked
    ],
)
def test_only_a_judge_that_answers_call_by_call_is_asked_meanwhile(
    more: tuple[str, ...], beside: bool, serve: Serve, trained: Path, tmp_path: Path
) -> None:
    run = from_m1(trained, tmp_path, "http://127.0.0.1:9/v1", *more)
    step = METHOD.steps(run.settings, 2)[-1]
    model = run.parent(step)
    assert may_be_judged_meanwhile(run, step, model, model) == beside
