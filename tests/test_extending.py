"""The rewards, judges and engines of docs/extending.md, run as they stand there.

Its method is tested in tests/srlm/methods/test_methods.py, its benchmark in tests/eval/benchmarks/test_table.py.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, cast

import pytest

from srlm.engines.base import Engine
from srlm.engines.responses import draw_responses
from srlm.errors import CapabilityError, EngineError
from srlm.judge.open import Judge
from srlm.judge.pairwise import PairItem, PairwiseJudge
from srlm.judge.pointwise import Answered
from srlm.records import AnswerReward, Prompt, Response
from srlm.rewards.base import Context, Reward, kept_rewards
from srlm.section import Section
from srlm.settings import Sampling
from srlm.store import files
from srlm.store.progress import Report, Unreported

PROMPT = Prompt.of("Name a fruit.", "test")


def block(name: str) -> dict[str, Any]:
    """What the block defines that has this class."""
    text = (Path(__file__).resolve().parents[1] / "docs/extending.md").read_text(encoding="utf-8")
    (code,) = (code for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if f"class {name}" in code)
    found: dict[str, Any] = {"Section": Section, "Literal": Literal, "__name__": f"extending_{name.lower()}"}
    exec(code, found)
    return found


@contextmanager
def stage(name: str) -> Iterator[Report]:
    yield Unreported()


def no_judge() -> Judge:
    raise EngineError("the judge was asked")


def test_the_reward_of_the_documentation_gives_numbers_that_are_kept(tmp_path: Path) -> None:
    reward = cast(Reward, block("SentencesReward:")["SentencesReward"]())
    reward.check()
    texts = ("An apple.", "an apple or so", "")
    answered = [
        Answered(prompt=PROMPT, response=Response.of(PROMPT.id, text, "M1", draw)) for draw, text in enumerate(texts)
    ]
    found = reward.rewards(answered, Context(tmp_path, lambda use: 1, stage, no_judge, lambda draws: 2))
    assert found.rewards == pytest.approx([0.98, -0.04, 0.0])  # 1 - 2 words / 100, - 4 words / 100, no word
    assert not reward.asks_judge
    assert [one.source for one in files.read(tmp_path / "rewards.jsonl", AnswerReward)] == ["sentences"] * 3
    assert list(kept_rewards(tmp_path).values()) == found.rewards
    settings = block("SentencesRewardSettings")["SentencesRewardSettings"]
    assert settings.model_validate({"kind": "sentences"}).kind == "sentences"


def test_the_judge_of_the_documentation_prefers_fewer_words() -> None:
    judge = cast(PairwiseJudge, block("FewWords")["FewWords"]())
    items = [PairItem(prompt=PROMPT.text, first="An apple.", second="It is an apple.")]
    assert [one.preference for one in judge.compare([*items, items[0].turned], 1)] == [1.0, 0.0]
    same = PairItem(prompt=PROMPT.text, first="An apple.", second="A pear.")
    assert [one.preference for one in judge.compare([same], 1)] == [0.5]
    judge.close()


def test_the_engine_of_the_documentation_answers_from_a_file_and_refuses_what_it_has_not(tmp_path: Path) -> None:
    (tmp_path / "answers.json").write_text(json.dumps({"Name a fruit.": "An apple."}))
    engine = cast(Engine, block("WrittenElsewhere")["WrittenElsewhere"](str(tmp_path), "by hand"))
    made = draw_responses(engine, [PROMPT], Sampling(), 2, seed=1)
    assert [(one.text, one.author, one.draw) for one in made] == [
        ("An apple.", "by hand", 0),
        ("An apple.", "by hand", 1),
    ]
    with pytest.raises(EngineError, match=r"answers\.json: has no answer to 'Name a tree\.'; add one"):
        draw_responses(engine, [Prompt.of("Name a tree.", "test")], Sampling(), 1, seed=1)
    with pytest.raises(CapabilityError):
        engine.loglikelihood([], [])
    engine.close()
