"""What a judge was taught: the example behind an id, in every step that has it."""

from collections.abc import Iterator

from srlm.errors import StoreError
from srlm.methods.stages import EFT
from srlm.printable import one_line
from srlm.records import Demonstration
from srlm.store import files
from srlm.store.folder import RunFolder
from srlm.text.counts import counted

TAUGHT = {
    "sft": "judgements by the SFT baseline that order a set's answers as people did",
    "reviews": "people's reviews that order a set's answers as their ranks do",
    "off": "no judgements",
}
"""What M1 learns to judge from, by `eft.writer`."""


def explain_taught(folder: RunFolder, wanted: str) -> Iterator[str] | None:
    """Lines about an example from which M1 learnt to judge, or another skill; None: it has none with this id.

    For methods that explain what comes after M1, where they know of nothing with the id.
    """
    if not any(_begins(one, wanted) for _, one in _every(folder)):
        return None
    settings = folder.settings
    return explain_examples(folder, wanted, f"eft.writer {settings.eft.writer}: {TAUGHT[settings.eft.writer]}")


def explain_examples(folder: RunFolder, wanted: str, rule: str) -> Iterator[str]:
    """Lines about the example whose id, or whose source's id, begins so. Raises StoreError where none or several do."""
    every = _every(folder)
    found = [(step, one) for step, one in every if wanted in (one.id, one.source_id)]
    found = found or [(step, one) for step, one in every if _begins(one, wanted)]
    if not found:
        raise StoreError(f"{wanted}: no example of {folder.path} has this id, and none was made from it")
    if len({one.id for _, one in found}) > 1:
        where = ", ".join(dict.fromkeys(step for step, _ in found))
        raise StoreError(
            f"{wanted}: matches {counted(len({one.id for _, one in found}), 'examples')} of {where}; give more of it"
        )
    for step, one in found:
        yield f"{step}, example {one.id} (made from {one_line(one.source_id)})"
        yield "\n".join(f"  {line}" for line in one.transcript.split("\n"))
        yield "\nwhat it is taught to say"
        yield "\n".join(f"  {line}" for line in one.response.split("\n"))
        yield f"\nrule: method {folder.settings.method.name}; {rule}"


def _every(folder: RunFolder) -> list[tuple[str, Demonstration]]:
    return [(path.parent.name, one) for path in folder.holding(EFT) for one in files.read(path, Demonstration)]


def _begins(one: Demonstration, wanted: str) -> bool:
    return one.id.startswith(wanted) or one.source_id.startswith(wanted)
