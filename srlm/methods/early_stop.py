"""Early stopping of DPO as in the paper (section 3.1): each checkpoint's answers against the last one's, by a pairwise judge.

The paper compares generations on 253 validation prompts every 200 steps. Here the judge is `judge.engine` where there is one,
else M_t itself. Both orders are asked; a disagreement is a tie.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from srlm.engines.base import Engine, Request
from srlm.judge.pairwise import ModelPairJudge, PairItem, outcome_of
from srlm.records import Prompt, Response, seed_for
from srlm.settings import Sampling
from srlm.store import files
from srlm.text.chat import user


class Contest:
    """Called at every checkpoint of a training with the model as it is; knows the answers of the checkpoint before.

    Answers are kept in `folder`, a file a step, so that a resumed training compares with the same ones.
    """

    def __init__(
        self, judge: Engine, prompts: Sequence[Prompt], sampling: Sampling, seed: int, folder: Path, every: int
    ) -> None:
        self._judge = ModelPairJudge(judge)
        self._prompts, self._sampling, self._seed, self._folder, self._every = prompts, sampling, seed, folder, every

    def start(self, parent: Engine) -> None:
        """Write M_t's own answers, which the first checkpoint is compared with."""
        self._answers(parent, 0)

    def __call__(self, policy: Engine, step: int) -> float:
        """Wins minus losses of this step's answers against the last checkpoint's, as a share of the prompts: -1..1."""
        before = self._answers(policy, max(0, step - 1) // self._every * self._every)
        now = self._answers(policy, step)
        forth = [PairItem(prompt=p.text, first=n.text, second=b.text) for p, n, b in zip(self._prompts, now, before, strict=True)]
        back = [PairItem(prompt=item.prompt, first=item.second, second=item.first) for item in forth]
        said = self._judge.compare([*forth, *back], seed_for(self._seed, "contest", step))
        outcomes: Counter[Any] = Counter()
        for ab, turned in zip(said[: len(forth)], said[len(forth) :], strict=True):
            ba = None if turned.preference is None else 1 - turned.preference
            outcomes[outcome_of(ab.preference, ba)] += 1
        return (outcomes["win"] - outcomes["lose"]) / len(self._prompts)

    def _answers(self, engine: Engine, step: int) -> list[Response]:
        path = self._folder / f"validation-{step:06d}.jsonl"
        if path.exists():
            return files.read(path, Response)
        requests = [Request(messages=user(prompt.text)) for prompt in self._prompts]
        drawn = engine.generate(requests, self._sampling, seed_for(self._seed, "validation", step))
        answers = [
            Response.of(prompt.id, completion.text, engine.id, 0, completion.finish)
            for prompt, (completion,) in zip(self._prompts, drawn, strict=True)
        ]
        files.write(path, answers)
        return answers
