"""Early stopping of DPO (the paper, section 3.1): a checkpoint's answers against the last one's, by a pairwise judge.

The paper compares generations on 253 validation prompts every 200 steps. Here the judge is `judge.engine` where there
is one, else M_t itself. Both orders are asked; a disagreement is a tie.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from srlm.engines.base import Engine
from srlm.engines.responses import draw_responses
from srlm.judge.pairwise import Outcome, PairItem, PairwiseJudge, in_both_orders
from srlm.records import Prompt, Response, seed_for
from srlm.settings import Sampling
from srlm.store import files


class Contest:
    """The answers of every checkpoint to the validation prompts, and how each did against those of the one before.

    Answers are kept in `folder`, a file a step, so that a resumed training compares with the same ones. Step 0 is M_t.
    """

    def __init__(self, prompts: Sequence[Prompt], sampling: Sampling, *, seed: int, folder: Path, every: int) -> None:
        self._prompts, self._sampling, self._seed, self._folder, self._every = prompts, sampling, seed, folder, every

    def answer(self, policy: Engine, step: int) -> None:
        """Keep the policy's answers as those of a step, where there are none yet."""
        path = self._path(step)
        if path.exists():
            return
        seed = seed_for(self._seed, "validation", step)
        files.write(path, draw_responses(policy, self._prompts, self._sampling, 1, seed))

    def margin(self, judge: PairwiseJudge, step: int) -> float:
        """Wins minus losses of a step's answers against the last checkpoint's, as a share of the prompts: -1..1."""
        now = files.read(self._path(step), Response)
        before = files.read(self._path((step - 1) // self._every * self._every), Response)
        items = [
            PairItem(prompt=prompt.transcript, first=new.text, second=old.text)
            for prompt, new, old in zip(self._prompts, now, before, strict=True)
        ]
        said = in_both_orders(judge, items, seed_for(self._seed, "contest", step))
        outcomes: Counter[Outcome | None] = Counter(both.outcome for both in said)
        return (outcomes["win"] - outcomes["lose"]) / len(self._prompts)

    def _path(self, step: int) -> Path:
        return self._folder / f"validation-{step:06d}.jsonl"
