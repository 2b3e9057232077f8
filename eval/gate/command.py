"""What `srlm-eval regress` does with a measured run: hold it against a baseline, or make one of it."""

import os
from collections.abc import Sequence
from pathlib import Path

from srlm.errors import SettingsError
from srlm.run_file import load
from srlm.settings import Settings
from srlm.store import files
from srlm.terminal import say, show
from srlm.text.counts import counted

from . import regress, verdicts


def against(baseline: Path, settings: Settings, values: Sequence[str], junit: Path | None) -> int:
    """Print the verdicts, and write them as JUnit XML and where GitHub shows them.

    0: no regression, 1: a regression, 2: could not judge.
    """
    kept = regress.read_baseline(baseline)
    rows = regress.compare(kept, regress.series(settings, values))
    show(verdicts.text(rows, kept))
    say("", verdicts.headline(rows))
    if junit is not None:
        files.write_text(junit, verdicts.junit(rows, kept))
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with files.writing(Path(summary)), Path(summary).open("a", encoding="utf-8") as file:
            file.write(verdicts.markdown(rows, kept))
    said = {row.verdict.said for row in rows}
    return 1 if "regression" in said else 2 if "unread" in said else 0


def update(
    baseline: Path, runs: Sequence[Settings], values: Sequence[str], reason: str, measures: Sequence[str]
) -> None:
    """Write these runs as the new baseline."""
    found = [regress.Measured(one, regress.series(one, values)) for one in runs]
    if not reason:
        raise SettingsError("--update-baseline needs --reason TEXT: the reason for the new baseline")
    wanted = regress.wanted_of(
        measures, regress.read_baseline(baseline) if baseline.exists() else None, found[0].series
    )
    made = regress.baseline_of(wanted, found, reason)
    files.write_text(baseline, made.model_dump_json() + "\n")
    say(f"{baseline}: {counted(len(made.measures), 'measures')} of {counted(len(found), 'runs')}")


def sisters(run: Path, overrides: Sequence[str], seeds: str) -> list[Settings]:
    """The run itself, or its sisters NAME-s1, NAME-s2, ... of other seeds."""
    settings = load(run, overrides)
    if not seeds:
        return [settings]
    first, _, last = seeds.partition("-")
    try:
        numbers = range(int(first), int(last or first) + 1)
    except ValueError:
        raise SettingsError(f"--seeds {seeds}: write it as 1-10") from None
    return [load(run, [*overrides, f"name={settings.name}-s{seed}", f"seed={seed}"]) for seed in numbers]
