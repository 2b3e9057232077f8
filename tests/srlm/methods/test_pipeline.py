"""Answers that are judged while more of them are drawn: the same records, and no error, stop or kill is lost."""

import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from srlm.errors import CollapseError, EngineError
from srlm.methods import start
from srlm.methods.pipeline import Abandoned, Growing, NextStage
from srlm.methods.run import Run
from srlm.methods.self_rewarding import METHOD
from srlm.methods.stages import candidates, judged_candidates, may_be_judged_meanwhile, new_prompts
from srlm.methods.train import train
from srlm.records import Checkpoint, Prompt, Step
from srlm.run_file import load
from srlm.settings import Settings
from srlm.store import used
from tests.chat_server import Reply, Serve, refusal
from tests.srlm.methods.test_kill import contents
from tests.srlm.methods.test_self_rewarding import TINY
from tests.srlm.methods.test_server_judge import judge, settings

BLOCKS = ("engine.batch_size=4",)
"""Answers are drawn in three blocks of eight prompts, and judged in six of eight answers."""


def alive() -> list[str]:
    """Next stages whose thread has not ended."""
    return [one.name for one in threading.enumerate() if one.name.startswith("next stage")]


@pytest.fixture
def interruptible() -> Iterator[int]:
    """Ctrl-C means what it means in a program of its own (a worker of pytest-xdist ignores it); the main thread."""
    main, before = threading.main_thread().ident, signal.signal(signal.SIGINT, signal.default_int_handler)
    assert main is not None and threading.current_thread() is threading.main_thread()
    yield main
    signal.signal(signal.SIGINT, before)


def ignore(error: Exception) -> None:
    """Nothing is under way elsewhere."""


# The seam -------------------------------------------------------------------------------------------------------------


def test_the_second_stage_sees_what_the_first_has_made_and_ends_after_it() -> None:
    items, over, seen = Growing[int](4), list[str](), list[int]()
    third = threading.Event()

    def second() -> int:
        seen.extend(items[0:3])
        third.set()
        seen.append(items[3])
        assert over == ["first"]
        return sum(seen)

    with NextStage(second, items, ignore) as following:
        following.feed([1, 2])
        following.feed([3, 4])
        assert third.wait(60)  # before the first stage is over
        over.append("first")
        assert following.result() == 10
    assert list(items) == [1, 2, 3, 4]
    assert (len(items), items[1], items[-1], items[1:3], items[3:]) == (4, 2, 4, [2, 3], [4])


def test_what_the_second_stage_raises_ends_the_first() -> None:
    items = Growing[int](3)

    def second() -> int:
        raise EngineError(f"no judge for {items[0]}")

    with pytest.raises(EngineError, match="no judge for 7"), NextStage(second, items, ignore) as following:
        following.feed([7])
        for _ in range(1000):  # the first stage goes on until it hears of it
            following.feed([])


def test_a_first_stage_that_ends_early_stops_the_second_and_its_own_error_is_raised() -> None:
    items, met, stopped = Growing[int](3), list[BaseException](), list[Exception]()

    def second() -> int:
        try:
            return items[2]
        except Abandoned as error:
            met.append(error)
            raise

    with pytest.raises(KeyboardInterrupt), NextStage(second, items, stopped.append) as following:
        following.feed([1])
        assert alive()
        raise KeyboardInterrupt
    assert [type(one) for one in met] == [type(one) for one in stopped] == [Abandoned]
    assert not alive()


def test_places_are_those_of_all_items_before_all_are_there() -> None:
    items = Growing[str](4)
    items.extend(["a", "b", "c"])
    assert (items[0], items[-2], items[:-1], items[1:3], items[::2]) == (
        "a",
        "c",
        ["a", "b", "c"],
        ["b", "c"],
        ["a", "c"],
    )
    with pytest.raises(IndexError):
        items[4]


def test_of_an_abandoned_stage_nothing_more_is_handed_out() -> None:
    items = Growing[str](4)
    items.extend(["a", "b", "c"])
    items.abandon()
    with pytest.raises(Abandoned):
        items[0]


def test_without_items_the_second_stage_is_done_in_the_end() -> None:
    items = Growing[int](0)
    with NextStage(lambda: list(items[0:5]), items, ignore) as following:
        assert following.result() == []


# In a run -------------------------------------------------------------------------------------------------------------


class Stopping(Run):
    """A run that says when its next stage is being stopped."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.stopped = threading.Event()

    def end_calls(self) -> None:
        self.stopped.set()
        super().end_calls()


def from_m1(trained: Path, folder: Path, url: str, *more: str) -> Stopping:
    """The tiny run up to M1, whose judge is a server from there on."""
    for step in ("data", "M0", "SFT", "M1"):
        shutil.copytree(trained / "runs/tiny" / step, folder / "tiny" / step, dirs_exist_ok=True)
    return Stopping(load(TINY, settings(url, *BLOCKS, f"runs={folder}", *more)))


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


@pytest.mark.parametrize("file", ["responses.jsonl.part", "judgements.jsonl.part"])
@pytest.mark.parametrize("harm", ["cut", "changed"])
def test_a_file_that_was_harmed_after_a_stop_is_made_again_and_what_follows_from_it_fits(
    file: str, harm: str, serve: Serve, trained: Path, tmp_path: Path
) -> None:
    fails = [True]

    def reply(body: dict[str, Any], number: int) -> Reply:
        return refusal(401, "no such key") if fails[0] and number >= 20 else judge(body)

    server = serve(reply)
    run = from_m1(trained, tmp_path / "a", server.url, "prompts.count=96")
    with pytest.raises(EngineError, match="no such key"), run.held():
        judged_candidates(run, *second_model(run))
    part = tmp_path / "a/tiny/M2" / file
    content = part.read_bytes()
    assert content.count(b"\n") >= 16
    middle = len(content) // 2
    part.write_bytes(content[:middle] if harm == "cut" else content[:middle] + b"#" + content[middle + 1 :])
    fails[0] = False
    train(Run(load(TINY, settings(server.url, *BLOCKS, f"runs={tmp_path / 'a'}", "prompts.count=96"))), 2)
    undisturbed = from_m1(trained, tmp_path / "b", server.url, "prompts.count=96")
    train(undisturbed, 2)
    assert contents(tmp_path / "a/tiny/M2") == contents(tmp_path / "b/tiny/M2")


@pytest.mark.parametrize("prompts", [1, 5])
def test_a_few_prompts_are_judged_beside_their_drawing_too(
    prompts: int, serve: Serve, trained: Path, tmp_path: Path
) -> None:
    server = serve(judge)
    run = from_m1(trained, tmp_path, server.url, f"prompts.count={prompts}", "engine.batch_size=1")
    with run.held():
        responses, found = judged_candidates(run, *second_model(run))
    assert len(responses) == len(found.rewards) == len(server.asked) == 2 * prompts
    assert [one.prompt_id for one in responses[::2]] == [one.id for one in second_model(run)[2]]


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
    assert 0 < len(server.asked) < 480  # 240 prompts with two answers


@pytest.mark.parametrize("drawn", [False, True], ids=["while answers are drawn", "when all are drawn"])
def test_ctrl_c_waits_for_the_calls_under_way_which_are_paid_for_and_asks_no_more(
    drawn: bool, interruptible: int, serve: Serve, trained: Path, tmp_path: Path
) -> None:
    """At a call the run is interrupted, and the server answers it only when the run has been told to stop."""
    interrupted, whole = threading.Event(), tmp_path / "a/tiny/M2/responses.jsonl"

    def reply(body: dict[str, Any], number: int) -> Reply:
        if (whole.exists() if drawn else number == 8) and not interrupted.is_set():
            interrupted.set()
            signal.pthread_kill(interruptible, signal.SIGINT)
            assert run.stopped.wait(60)
        return judge(body)

    server = serve(reply)
    run = from_m1(trained, tmp_path / "a", server.url)
    with pytest.raises(KeyboardInterrupt), run.held():
        judged_candidates(run, *second_model(run))
    assert not alive()
    assert whole.exists() == drawn
    asked = len(server.asked)
    assert asked < 48
    train(Run(load(TINY, settings(server.url, *BLOCKS, f"runs={tmp_path / 'a'}"))), 2)
    assert len(server.asked) == 48  # none was asked twice
    undisturbed = from_m1(trained, tmp_path / "b", serve(lambda body, _: judge(body)).url)
    train(undisturbed, 2)
    assert contents(tmp_path / "a/tiny/M2") == contents(tmp_path / "b/tiny/M2")


POOL = ("judge.engine=null", "engine.kind=ray", "engine.ray.workers=2")


@pytest.mark.parametrize(
    ("more", "meanwhile"),
    [
        ((), True),
        (("judge.engine.batch_api=true",), False),  # a batch holds the calls of a whole stage
        (("reward.kind=random",), False),  # no judge is asked
        (POOL, True),
        ((*POOL, "engine.ray.workers=1"), False),  # it would judge in the time in which it could draw
        (("judge.engine=null",), False),  # one process
    ],
)
def test_only_a_judge_that_needs_nothing_of_what_draws_is_asked_meanwhile(
    more: tuple[str, ...], meanwhile: bool, serve: Serve, trained: Path, tmp_path: Path
) -> None:
    run = from_m1(trained, tmp_path, "http://127.0.0.1:9/v1", *more)
    step = METHOD.steps(run.settings, 2)[-1]
    model, other = run.parent(step), run.base()
    with run.warm(model):
        assert may_be_judged_meanwhile(run, step, model, model) == meanwhile
        if "engine.kind=ray" in more:
            assert not may_be_judged_meanwhile(run, step, model, other)
        run.path("M2", "responses.jsonl").parent.mkdir()
        run.path("M2", "responses.jsonl").touch()
        assert not may_be_judged_meanwhile(run, step, model, model)
    run.path("M2", "responses.jsonl").unlink()
    if "engine.kind=ray" in more:
        assert not may_be_judged_meanwhile(run, step, model, model)  # a second pool would be opened


def test_a_pool_in_which_answers_are_drawn_and_judged_at_once_stops_at_ctrl_c_and_goes_on(
    cluster: Any, interruptible: int, trained: Path, tmp_path: Path
) -> None:
    pool = (*POOL, f"engine.ray.address={cluster.address}", "prompts.count=96")
    run = from_m1(trained, tmp_path / "a", "", *pool)
    drawn = tmp_path / "a/tiny/M2/responses.jsonl"

    def interrupt_while_both_run() -> None:
        while not alive():
            if drawn.exists():  # too late: the test fails
                return
        signal.pthread_kill(interruptible, signal.SIGINT)

    watching = threading.Thread(target=interrupt_while_both_run)
    step, model, prompts = second_model(run)
    with pytest.raises(KeyboardInterrupt), run.held(), run.warm(model):
        watching.start()
        judged_candidates(run, step, model, prompts)
    watching.join()
    assert not alive()
    assert not (tmp_path / "a/tiny/M2/judgements.jsonl").exists()
    train(Run(load(TINY, settings("", *BLOCKS, f"runs={tmp_path / 'a'}", *pool))), 2)
    alone = from_m1(trained, tmp_path / "b", "", "judge.engine=null", "prompts.count=96")
    train(alone, 2)
    assert contents(tmp_path / "a/tiny/M2") == contents(tmp_path / "b/tiny/M2")
