"""Self-Rewarding Language Models (Yuan et al. 2024, arXiv 2401.10020): the trainer.

Read `srlm/methods/self_rewarding.py` first: it is the paper's algorithm, top to bottom, a stage a line.

What a program uses is in `srlm.api`, under the names below (docs/library.md). `import srlm` loads none of it yet.
"""

from typing import TYPE_CHECKING, Any

from srlm.version import VERSION as __version__

if TYPE_CHECKING:
    from srlm.api import Model, Records, SrlmError, models_of, records_of, train

__all__ = ["Model", "Records", "SrlmError", "__version__", "models_of", "records_of", "train"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    # What a name is when it is first asked for; then it is the module's own.
    globals()[name] = found = getattr(import_module("srlm.api"), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
