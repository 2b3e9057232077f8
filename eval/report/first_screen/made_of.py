"""What a run was made of, in a line."""

from collections import Counter
from collections.abc import Iterator
from pathlib import PurePath

from srlm.methods.untrained import models_of
from srlm.settings import MeasuredData
from srlm.text.counts import counted

from ...benchmarks.base import RunData
from .sides import MOST_NAMED


def made_of(run: RunData) -> list[tuple[str, str]]:
    """Models, data, judge, date, commit and seed, a word each and what it was."""
    return [(name, said) for name, said in _facts(run) if said]


def _facts(run: RunData) -> Iterator[tuple[str, str]]:
    settings, given = run.settings, models_of(run.settings)
    if given:
        listed = ", ".join(f"{name} ({_short(one.model)})" for name, one in given.items())
        yield "models", listed if len(given) <= MOST_NAMED else counted(len(given), "models")
    else:
        base = settings.model.base
        method = settings.method.name.replace("_", " ")
        yield "model", f"{'random weights' if base == 'scratch' else _short(base)}, {method}"
    paths = [path for name in ("path", "prompts_path") if (path := getattr(settings.data, name, None))]
    count = counted(len(run.prompts), "evaluation prompts") if run.prompts else ""
    kind = "" if isinstance(settings.data, MeasuredData) else settings.data.kind
    yield "data", ", ".join(filter(None, [kind, *map(_short, paths), count]))
    yield "judge", settings.evaluation.judge
    inputs = run.folder.inputs()
    if inputs is not None and settings.model.date is None:  # else it is a day that chat templates are told
        yield "begun", inputs.date.isoformat()
    commits = Counter(one.commit[:7] if one.commit else "unknown" for one in run.manifests)
    yield "commit", ", ".join(commits)
    yield "seed", str(settings.seed)


def _short(place: str) -> str:
    """A path from the root by its last part; a name of the Hub as it is."""
    kind, mark, path = place.rpartition(":")
    return f"{kind}{mark}.../{PurePath(path).name}" if PurePath(path).is_absolute() else place
