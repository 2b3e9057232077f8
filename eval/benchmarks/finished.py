"""Which checkpoints of a run are measured."""

from srlm.records import Checkpoint
from srlm.store.folder import RunFolder


def measured(folder: RunFolder) -> list[Checkpoint]:
    """All finished ones but a base that cannot answer."""
    return folder.measured()
