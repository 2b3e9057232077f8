"""`srlm worker FOLDER`: one process of a distributed training. `srlm train` starts it (srlm/train/launch.py).

All processes read the same job and use the same trainers as a single process; the first reports its steps.
"""

import os
from pathlib import Path
from typing import Any

from accelerate import PartialState
from datasets import Dataset
from trl import SFTConfig

from srlm.engines.weights import beside_weights, load_chat, load_model, load_tokenizer
from srlm.errors import SettingsError
from srlm.settings import DpoSettings, OnlineSettings, RewardModelSettings, SftSettings
from srlm.terminal import say
from srlm.train import choice, dpo, online, reward_model, sft
from srlm.train.asked import AskingScorer
from srlm.train.launch import DATA, REPLAY, STEP, Job
from srlm.train.trainer import arguments


def work_on(job: Job, folder: Path) -> None:
    """Train the job's model together with the other processes. Raises SettingsError if they cannot."""
    divided = [name for name in ("FSDP", "DEEPSPEED") if os.environ.get(f"ACCELERATE_USE_{name}") == "true"]
    if job.training.lora is not None and divided:
        raise SettingsError(f"lora: adapters cannot be merged into weights sharded by {divided[0]}")
    # The libraries learn of the other processes here, before weights are read, so that each reads its own part alone.
    # They forget when this is gone.
    settings = SFTConfig(**arguments(job.training, Path(job.work), job.seed, job.served))
    first = settings.process_index == 0

    def report(done: int, total: int) -> None:
        if first:
            say(f"{STEP} {done} {total}")

    data = Dataset.load_from_disk(str(folder / DATA))
    common: dict[str, Any] = {
        "seed": job.seed,
        "dtype": job.served,
        "work": Path(job.work),
        "target": Path(job.target),
        "report": report,
        "report_to": job.report_to,
    }
    beside = beside_weights(job.base, job.model)
    if job.confidence is not None:
        assert isinstance(job.training, SftSettings)
        model, tokenizer = (
            load_model(job.base, job.model, device="auto", dtype="float32"),
            load_tokenizer(job.base, job.model),
        )
        choices = [choice.ChoiceExample(**row) for row in data]
        choice.fine_tune(model, tokenizer, choices, job.training, job.confidence, beside=beside, **common)
    elif isinstance(job.training, OnlineSettings):
        assert job.online is not None
        own, policy = job.online, load_model(job.base, job.model, device="auto", dtype="float32")
        online.learn(
            policy,
            None if own.reference is None else Path(own.reference),
            load_chat(job.base, job.model),
            online.Plan([online.Asked(**row) for row in data], own.answers, own.sampling, own.batch_size),
            job.training,
            AskingScorer(own.address),
            name=own.name,
            beside=beside,
            **common,
        )
    elif isinstance(job.training, RewardModelSettings):
        ranked = [reward_model.RankedExample(**row) for row in data]
        tokenizer = reward_model.reading_tokenizer(load_chat(job.base, job.model))
        classifier = reward_model.load_classifier(job.base, job.model, job.seed)
        reward_model.fit(classifier, tokenizer, ranked, job.training, **common)
    elif isinstance(job.training, DpoSettings):
        model = load_model(job.base, job.model, device="auto", dtype="float32")
        reference = None
        if job.training.lora is None:
            reference = load_model(job.base, job.model, device="auto", dtype="float32").eval()
        pairs = [dpo.PairExample(**row) for row in data]
        again = Dataset.load_from_disk(str(folder / REPLAY)) if (folder / REPLAY).is_dir() else []
        replay = [sft.Example(**row) for row in again]
        tokenizer = load_tokenizer(job.base, job.model)
        dpo.optimise(
            model, reference, tokenizer, pairs, replay, job.training, beside=beside, pauses=job.pauses, **common
        )
    else:
        model = load_model(job.base, job.model, device="auto", dtype="float32")
        rows = [sft.Example(**row) for row in data]
        sft.fine_tune(model, load_tokenizer(job.base, job.model), rows, job.training, beside=beside, **common)
    state = PartialState()
    state.wait_for_everyone()  # none leaves while another still saves
    state.destroy_process_group()
