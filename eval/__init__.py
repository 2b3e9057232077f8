"""The harness: measures every model of a run, compares, reports, and guards against regressions.

What a program uses is in `api.py`, under the names below (docs/library.md). Importing the package loads none of it yet.
It is called `srlm_eval` where it is installed, and `eval` in a checkout alone: imports inside it are relative.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import MetricValue, compare, evaluate, figures_of

__all__ = ["MetricValue", "compare", "evaluate", "figures_of"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    globals()[name] = found = getattr(import_module(".api", __name__), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
