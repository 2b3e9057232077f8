"""What a judge was taught: the example behind an id, in every step that has it."""

from collections.abc import Iterator

from srlm.errors import StoreError
from srlm.methods.stages import EFT
from srlm.printable import one_line
from srlm.records import Demonstration
from srlm.store import files
from srlm.store.folder import RunFolder
from srlm.text.counts import counted


def explain_examples(folder: RunFolder, wanted: str, rule: str) -> Iterator[str]:
    """Lines about the example whose id, or whose source's id, begins so. Raises StoreError where none or several do."""
    every = [(path.parent.name, one) for path in folder.holding(EFT) for one in files.read(path, Demonstration)]
    found = [(step, one) for step, one in every if wanted in (one.id, one.source_id)]
    found = found or [
        (step, one) for step, one in every if one.id.startswith(wanted) or one.source_id.startswith(wanted)
    ]
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
