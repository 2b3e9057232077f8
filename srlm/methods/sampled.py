"""Answers that a model samples while it is trained: rewarded by any reward, and kept.

    M2/sampled/000012/   of the step before which 12 were made: responses, judgements or rewards, samples (JSON lines)

A training that was interrupted samples its last steps again. Where the answers are the same, what lies here is not
asked for again; where they are not (another GPU, another library), it is written anew. When the model is saved,
`gather` makes of all steps one file each in the step's folder.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from srlm.engines.base import Engine
from srlm.engines.once import Once
from srlm.judge.open import Judge, loops_judge
from srlm.judge.pointwise import Answered, ModelPointJudge
from srlm.judge.scores import judgement_counts
from srlm.methods.run import Run
from srlm.records import AnswerReward, Checkpoint, Count, Judgement, Prompt, Record, Response, Sample, Step
from srlm.rewards.base import JUDGEMENTS, REWARDS, Context, Reward
from srlm.store import files
from srlm.store.progress import Unreported
from srlm.training.online import Sampled
from srlm.usage import Usage, count

SAMPLED, RESPONSES, SAMPLES = "sampled", "responses.jsonl", "samples.jsonl"
KINDS: dict[str, type[Record]] = {
    RESPONSES: Response,
    JUDGEMENTS: Judgement,
    REWARDS: AnswerReward,
    SAMPLES: Sample,
}
"""What lies in the folder of each optimiser step."""


class Answers(NamedTuple):
    """What is answered in training."""

    prompts: Sequence[Prompt]
    lengths: Mapping[int, int]
    """Tokens of each prompt that is asked, by its place."""


class KeptRewards:
    """The rewards of a step's samples (`srlm.training.online.Scorer`), kept in the run; closed when training ends."""

    def __init__(self, run: Run, step: Step, model: Checkpoint, answers: Answers, reward: Reward) -> None:
        """`model`: M_t, the model that training starts from."""
        self._run, self._step, self._reward = run, step, reward
        self._prompts, self._lengths = answers
        self._judge = Once(lambda: loops_judge(run.folder, model))
        self._loaded: list[Once[Any]] = []
        self._loads = 0
        self._rewarded: list[tuple[Response, float | None]] = []

    def rewards(self, step: int, sampled: Sequence[Sampled], policy: Engine | None) -> list[float | None]:
        """See Scorer."""
        self._loads = 0
        places = {one.place for one in sampled}
        read, written = sum(self._lengths[place] for place in places), sum(one.written.tokens or 0 for one in sampled)
        count(Usage(requests=len(places), read=read, written=written))  # whichever process has sampled them
        responses = self._responses(step, sampled)
        folder = self._folder(step)
        if not (folder / RESPONSES).exists() or files.read(folder / RESPONSES, Response) != responses:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            files.write(folder / RESPONSES, responses)
        answered = [
            Answered(prompt=self._prompts[one.place], response=response)
            for one, response in zip(sampled, responses, strict=True)
        ]
        numbers = self._reward.rewards(answered, self._context(step, folder, policy)).rewards
        self._rewarded = list(zip(responses, numbers, strict=True))
        return numbers

    def keep(self, step: int, advantages: Sequence[float]) -> None:
        """See Scorer."""
        samples = [
            Sample(response_id=response.id, step=step, reward=number, advantage=advantage)
            for (response, number), advantage in zip(self._rewarded, advantages, strict=True)
        ]
        files.write(self._folder(step) / SAMPLES, samples)

    def close(self) -> None:
        """Give back what judges."""
        self._judge.close()
        for loaded in self._loaded:
            loaded.close()

    def _folder(self, step: int) -> Path:
        return self._run.path(self._step.name, SAMPLED) / f"{step:06}"

    def _responses(self, step: int, sampled: Sequence[Sampled]) -> list[Response]:
        drawn: Counter[int] = Counter()
        responses = []
        for place, written in sampled:
            author = f"{self._step.name}@{step}"
            prompt = self._prompts[place].id
            responses.append(Response.of(prompt, written.text, author, drawn[place], written.finish, written.thought))
            drawn[place] += 1
        return responses

    def _context(self, step: int, folder: Path, policy: Engine | None) -> Context:
        run, name = self._run, self._step.name
        return Context(
            folder=folder,
            seed=lambda use: run.seed(name, use, step),
            stage=lambda _: nullcontext(Unreported()),  # the training's own stage lasts
            judge=lambda: self._judge_now(policy),
            block=run.block,
            once=self._held,
        )

    def _judge_now(self, policy: Engine | None) -> Judge:
        """Who judges at this step; it stays open until the end of training."""
        settings = self._run.settings
        if settings.online.judge == "policy" and settings.judge.engine is None:
            assert policy is not None  # check_online sees to it
            return Judge(policy.id, ModelPointJudge.of(policy, settings.judge), None)
        return replace(self._judge(), close=lambda: None)

    @contextmanager
    def _held(self, load: Callable[[], Any]) -> Iterator[Callable[[], Any]]:
        # A reward loads the same models, in the same order, at each step.
        if self._loads == len(self._loaded):
            self._loaded.append(Once(load))
        self._loads += 1
        yield self._loaded[self._loads - 1]


def gather(run: Run, step: Step) -> None:
    """Make of what was kept for each optimiser step one file each in the step's folder."""
    place, done_with = (run.path(step.name, name) for name in (SAMPLED, f"{SAMPLED}.old"))
    if place.is_dir():
        steps = sorted(folder for folder in place.iterdir() if folder.is_dir())
        for name, kind in KINDS.items():
            found = [files.read(folder / name, kind) for folder in steps if (folder / name).exists()]
            if found or name == JUDGEMENTS:
                files.write(run.path(step.name, name), [record for records in found for record in records])
        place.rename(done_with)  # a kill while it is deleted leaves no part of it to be taken for the whole
        seals = run.folder.seals
        seals.drop(step.name, but=[name for name in seals.within(step.name) if not name.startswith(f"{SAMPLED}/")])
    shutil.rmtree(done_with, ignore_errors=True)


def sample_counts(run: Run, step: Step) -> dict[str, Count]:
    """What the step's manifest says of the answers and their rewards."""
    folder = run.folder.step(step.name)
    samples, responses = files.read(folder / SAMPLES, Sample), files.read(folder / RESPONSES, Response)
    judgements = files.Kept(folder / JUDGEMENTS, Judgement)
    last = max((one.step for one in samples), default=0)
    tenth = (last + 1) // 10
    early = [one.reward for one in samples if one.step <= tenth and one.reward is not None]
    late = [one.reward for one in samples if one.step >= last - tenth and one.reward is not None]
    return {
        "responses": len(responses),
        "responses cut": sum(one.finish == "length" for one in responses),
        "responses empty": sum(not one.text.strip() for one in responses),
        "responses scored": sum(one.reward is not None for one in samples),
        "responses with advantage 0": sum(one.advantage == 0 for one in samples),
        "reward mean, first tenth of the steps": sum(early) / len(early) if early else None,
        "reward mean, last tenth of the steps": sum(late) / len(late) if late else None,
        **(judgement_counts(judgements) if judgements else {}),
    }
