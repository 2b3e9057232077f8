"""Which checkpoints of a run are measured."""

from srlm.records import Checkpoint
from srlm.store.folder import RunFolder


def measured(folder: RunFolder) -> list[Checkpoint]:
    """All finished ones but M0, which never saw an instruction."""
    return [checkpoint for checkpoint in folder.checkpoints() if checkpoint.name != "M0"]
