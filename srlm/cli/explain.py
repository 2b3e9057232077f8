"""`srlm explain`: how a record of a run was made, read from the run's own files."""

from srlm.errors import StoreError
from srlm.methods.base import method_of, run_folder
from srlm.printable import escaped
from srlm.settings import Settings
from srlm.terminal import show


def tell(settings: Settings, wanted: str) -> None:
    """Print everything known about the record with this id. Raises StoreError if no id matches, or more than one."""
    folder = run_folder(settings)
    if not folder.path.is_dir():
        raise StoreError(f"{folder.path}: no such run; create it with `srlm train`")
    for line in method_of(settings).explain(folder, wanted):
        show(escaped(line))
