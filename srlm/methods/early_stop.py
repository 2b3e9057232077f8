"""Early stopping of DPO (the paper, section 3.1): a checkpoint's answers against the last one's, by a pairwise judge.

The paper compares generations on 253 validation prompts every 200 steps. Here the judge is `judge.engine` where there
is one, else M_t itself. Both orders are asked; a disagreement is a tie.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from srlm.engines.base import Engine, Request
from srlm.judge.pairwise import ModelPairJudge, Outcome, PairItem, outcome_of
from srlm.records import Prompt, Response, seed_for
from srlm.settings import Sampling
from srlm.store import files
from srlm.text.chat import user


class Contest:
    """Called at every checkpoint of a training with the model as it is; knows the answers of the checkpoint before.

    Answers are kept in `folder`, a file a step, so that a resumed training compares with the same ones.
    """

    def __init__(
        self, judge: Engine, prompts: Sequence[Prompt], sampling: Sampling, *, seed: int, folder: Path, every: int
    ) -> None:
        self._judge = ModelPairJudge(judge)
        self._prompts, self._sampling, self._seed, self._folder, self._every = prompts, sampling, seed, folder, every

    def __call__(self, policy: Engine, step: int) -> float:
        """Wins minus losses of this step's answers against the last checkpoint's, as a share of the prompts: -1..1.

        Step 0 is M_t: call it with that first, and the result is 0.
        """
        now = self._answers(policy, step)
        before = self._answers(policy, max(0, step - self._every))
        forth = [
            PairItem(prompt=prompt.text, first=new.text, second=old.text)
            for prompt, new, old in zip(self._prompts, now, before, strict=True)
        ]
        back = [PairItem(prompt=item.prompt, first=item.second, second=item.first) for item in forth]
        said = self._judge.compare([*forth, *back], seed_for(self._seed, "contest", step))
        outcomes: Counter[Outcome | None] = Counter()
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
