"""RUN/STEP/usage.json: by stage, the tokens that models read and wrote, examples trained on, processor time.

Like timings.json nothing is made from it, it is not sealed, and it may differ between a run that was killed and one
that was not: work that was lost is counted again when it is done again. A kill leaves out what local models have read
and written in the call under way; each answer of a server is counted as it arrives.
"""

import json
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pydantic import Field, ValidationError

from srlm.errors import RecordError
from srlm.records import Record
from srlm.store import files
from srlm.usage import Purpose, Usage

NAME = "usage.json"
_WRITING = threading.Lock()
"""Held from the reading of a file to its writing: two stages of a step may run at once."""


class StageUsage(Record):
    """What one stage took."""

    generation: Usage = Usage()
    judgement: Usage = Usage()
    examples: int | None = Field(default=None, ge=0)
    """Examples that a training was given. None: it trained nothing."""
    processor_seconds: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Of this process and of those that it started and that have ended: unlike the time on the clock, it says little of
    what else the machine does. Workers of other machines and servers are not in it. None: not known."""


def read(step: Path) -> dict[str, StageUsage] | None:
    """By stage; None where the step has no such file (an older srlm) or it is broken: nothing is made from it."""
    path = step / NAME
    try:
        found = files.read_object(path) if path.exists() else None
        return None if found is None else {name: StageUsage.model_validate(one) for name, one in found.items()}
    except (RecordError, ValidationError):
        return None


def add(step: Path, stage: str, used: Mapping[Purpose, Usage], before: StageUsage) -> None:
    """Write what a stage has taken: `used` beside what it had taken `before` it was last begun."""
    now = StageUsage(
        generation=before.generation + used.get("generation", Usage()),
        judgement=before.judgement + used.get("judgement", Usage()),
        examples=before.examples,
        processor_seconds=before.processor_seconds,
    )
    with _WRITING:
        _put(step, stage, now)


def worked(step: Path, stage: str, seconds: float, begun: bool) -> None:
    """Add the processor time of a stage; `begun`: a part of it was done before, which is not known of an older srlm."""
    with _WRITING:
        before = (read(step) or {}).get(stage, StageUsage())
        if begun and before.processor_seconds is None:
            return
        total = round((before.processor_seconds or 0.0) + seconds, 2)
        _put(step, stage, before.model_copy(update={"processor_seconds": total}))


class Taken(NamedTuple):
    """Seconds that a stage took."""

    clock: float
    processor: float


class StageTimes:
    """The time on the clock, and the processor time of this process and of those that it started and that have ended,
    shared among its stages: of what goes by while two of them run, each has half."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until = Taken(0.0, 0.0)
        self._shares: dict[object, Taken] = {}

    def begin(self) -> object:
        """A stage begins; returns what `end` is given."""
        stage = object()
        with self._lock:
            self._share()
            self._shares[stage] = Taken(0.0, 0.0)
        return stage

    def end(self, stage: object) -> Taken:
        """A stage ends."""
        with self._lock:
            self._share()
            return self._shares.pop(stage)

    def _share(self) -> None:
        times, number = os.times(), len(self._shares)
        now = Taken(time.monotonic(), times.user + times.system + times.children_user + times.children_system)
        for stage, own in self._shares.items():
            self._shares[stage] = Taken(
                own.clock + (now.clock - self._until.clock) / number,
                own.processor + (now.processor - self._until.processor) / number,
            )
        self._until = now


def trained(step: Path, stage: str, examples: int) -> None:
    """Write how many examples a stage trains on."""
    with _WRITING:
        before = (read(step) or {}).get(stage, StageUsage())
        _put(step, stage, before.model_copy(update={"examples": examples}))


def _put(step: Path, stage: str, now: StageUsage) -> None:
    """It appears whole, and no disk is waited for: with a server it is written at each answer."""
    found = (read(step) or {}) | {stage: now}
    kept = {name: one.model_dump(mode="json", exclude_defaults=True) for name, one in found.items()}
    path = step / NAME
    part = path.with_name(f"{NAME}.part")
    with files.writing(path):
        step.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
        part.replace(path)
