"""One training of a checkpoint of the run: what it is given, and how it is done.

`train` is the one way, whether a process trains alone or is one of several that were launched
(srlm/training/launch.py).
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from srlm.engines.weights import beside_weights, load_chat, load_model
from srlm.settings import DpoSettings, ModelSettings, OnlineSettings, RewardModelSettings, Sampling, SftSettings
from srlm.training import choice, dpo, online, reward_model, sft
from srlm.training.confidence import ConfidenceSettings

Rows = Mapping[str, Sequence[Any]]
"""Examples by DATA and REPLAY; see `row_type`."""
DATA, REPLAY = "data", "replay"
"""The examples to train on, and in DPO those to replay."""


class OnlineJob(BaseModel):
    """What online training needs beside what every training does; its prompts are the job's data."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reference: str | None
    """Folder of the model that the KL divergence is from."""
    answers: int
    """Of each prompt."""
    sampling: Sampling
    batch_size: int
    """Sequences decoded together."""
    name: str
    """Who writes the answers."""
    address: str | None = None
    """The socket at which the first of several processes asks for rewards."""


class Job(BaseModel):
    """What is to be trained, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: str
    """Folder or hub id of the weights to begin with; in DPO also the reference."""
    model: ModelSettings
    served: str
    """Number format in which the model generates."""
    training: DpoSettings | SftSettings | RewardModelSettings | OnlineSettings
    """What kind of training it is."""
    seed: int
    threads: int
    report_to: tuple[str, ...]
    timeout: int
    """Seconds that launched processes wait for each other (`launch.timeout`)."""
    lost_after: int
    """Seconds of silence after which one of them counts as lost (`launch.lost_after`)."""
    work: str
    """Folder of the checkpoints."""
    target: str
    """Folder of the trained model."""
    confidence: ConfidenceSettings | None = None
    """The examples are choices between two answers, with this loss. None: they are not."""
    pauses: bool = False
    """The training stops at each checkpoint, where the process that began it holds a contest."""
    online: OnlineJob | None = None
    """Of online training alone."""

    def row_type(self, name: str) -> Callable[..., NamedTuple]:
        """What makes an example of a name (DATA, REPLAY) from its fields."""
        if self.confidence is not None:
            return choice.ChoiceExample
        if name == REPLAY or isinstance(self.training, SftSettings):
            return sft.Example
        if isinstance(self.training, DpoSettings):
            return dpo.PairExample
        return reward_model.RankedExample if isinstance(self.training, RewardModelSettings) else online.Asked


def train(
    job: Job,
    rows: Rows,
    report: Callable[[int, int], None],
    scorer: online.Scorer | None = None,
    device: str | None = None,
) -> None:
    """Train the job's model and save it.

    `scorer` rewards the answers of online training; `device` as in `load_model`. Raises ModelError or SettingsError
    where the model cannot be trained so.
    """
    training, data, chat = job.training, rows[DATA], load_chat(job.base, job.model)

    def weights() -> Any:
        return load_model(job.base, job.model, device=device, dtype="float32")

    common: dict[str, Any] = {
        "seed": job.seed,
        "dtype": job.served,
        "work": Path(job.work),
        "target": Path(job.target),
        "report": report,
        "report_to": job.report_to,
    }
    if isinstance(training, RewardModelSettings):
        classifier = reward_model.load_classifier(job.base, job.model, job.seed)
        reward_model.fit(classifier, reward_model.reading_tokenizer(chat), data, training, **common)
        return
    common["beside"] = beside_weights(job.base, job.model)
    if job.confidence is not None:
        choice.fine_tune(weights(), chat.tokenizer, data, training, job.confidence, **common)
    elif isinstance(training, SftSettings):
        sft.fine_tune(weights(), chat.tokenizer, data, training, **common)
    elif isinstance(training, DpoSettings):
        reference = None if training.lora else weights().eval()
        replay = rows.get(REPLAY, ())
        dpo.optimise(weights(), reference, chat.tokenizer, data, replay, training, pauses=job.pauses, **common)
    else:
        own = job.online
        assert own is not None and scorer is not None
        online.learn(
            weights(),
            None if own.reference is None else Path(own.reference),
            chat,
            online.Plan(data, own.answers, own.sampling, own.batch_size),
            training,
            scorer,
            name=own.name,
            trust_remote_code=job.model.trust_remote_code,
            **common,
        )
