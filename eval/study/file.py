"""A study file: which methods are compared, by which run files, on which seeds. One YAML file is one study.

    seeds: 101-108
    reference: self_rewarding
    outcome: answers/characters
    methods:
      - {run: self_rewarding.yaml, trials: 6, tuned_on: 11-12}
      - {run: positive_sft.yaml, trials: 6, tuned_on: 11-12, set: [method.min_reward=4]}

Each method and seed is a run of its own, RUNS/NAME-sSEED, with the settings of the method's run file.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple, Self

from pydantic import Field, StringConstraints, ValidationError, model_validator

from srlm import examples
from srlm.bounded import files, yaml_text
from srlm.bounded.quote import quoted
from srlm.errors import SettingsError
from srlm.run_file import load
from srlm.section import Section
from srlm.settings import Settings
from srlm.text.counts import counted
from srlm.written_keys import written_keys

from ..benchmarks.table import chosen

MOST_SEEDS = 1000
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")]
"""What is a run's name, with room for `-s` and the seed."""
Measure = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,80}/[^/]{1,80}$")]


class MethodOfStudy(Section):
    """One method, or one variant of it."""

    run: str
    """Run file, relative to the study file."""
    name: Name | None = None
    """What it is called here. Default: the name in the run file."""
    set: tuple[str, ...] = ()
    """Overrides of its settings, as section.key=value."""
    trials: int | None = Field(default=None, ge=0)
    """Runs that were spent on choosing its settings, on other seeds. Left out: nobody has said."""
    tuned_on: str | int = ""
    """Seeds of those runs, as 11-12."""
    note: str = ""
    """Said of it on the page."""


class StudySettings(Section):
    """What a study file says."""

    name: Name | None = None
    """Default: the file's own name."""
    runs: str = "runs/methods"
    """Folder of the runs, relative to the working directory."""
    results: str | None = None
    """Folder in which the figures of finished runs are kept, a file a seed, relative to the study file. Default:
    RUNS/results."""
    seeds: str | int | tuple[int, ...] = "1-8"
    """As 101-108, or a list."""
    reference: str | None = None
    """The method that all others are compared with, by its name here. Default: the first."""
    outcome: Measure | None = None
    """What counts, as BENCHMARK/METRIC. Default: the first headline figure that the runs have, or wins minus losses."""
    measure: tuple[str, ...] = ()
    """Benchmarks to measure. Default: those of `srlm-eval all`."""
    drift: bool = True
    """Also measure the KL from M1, for which two models must fit into memory in float32."""
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """Level of the intervals."""
    set: tuple[str, ...] = ()
    """Overrides of the settings of all methods."""
    methods: tuple[MethodOfStudy, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _of_other_seeds(self) -> Self:
        wanted = set(seeds_of(self.seeds))
        for one in self.methods:
            if one.tuned_on != "" and (both := wanted & set(seeds_of(one.tuned_on))):
                raise ValueError(
                    f"{one.name or one.run} was tuned on seed {min(both)}, which the study compares it on; use others"
                )
        return self


class Compared(NamedTuple):
    """One method of a study, read and checked."""

    name: str
    file: Path
    given: MethodOfStudy
    settings: Settings
    """Those of its run file, of no seed yet."""


class Cell(NamedTuple):
    """One run of a study."""

    method: str
    seed: int
    settings: Settings


class Study(NamedTuple):
    """A study, read and checked."""

    name: str
    given: StudySettings
    seeds: Sequence[int]
    methods: Sequence[Compared]
    reference: str
    results: Path
    """Folder of what finished runs came to (`results.py`)."""

    @property
    def runs(self) -> Path:
        """Folder of the runs."""
        return Path(self.given.runs)

    def cell(self, method: Compared, seed: int) -> Cell:
        """The run of a method and a seed."""
        return Cell(method.name, seed, _settings(self.given, method.file, method.given, method.name, seed))

    def cells(self, seed: int) -> list[Cell]:
        """The runs of a seed, the reference's first: the others share its steps."""
        return [self.cell(one, seed) for one in sorted(self.methods, key=lambda one: one.name != self.reference)]


def seeds_of(given: str | int | Sequence[int]) -> list[int]:
    """`101-108`, `101`, or a list. Raises ValueError where it is none, names a seed twice, or is endless."""
    if isinstance(given, str):
        found = re.fullmatch(r"([0-9]{1,10})(?:-([0-9]{1,10}))?", given.strip())
        if found is None:
            raise ValueError(f"seeds {quoted(given)}: write them as 101-108, or as a list")
        first, last = int(found[1]), int(found[2] or found[1])
        seeds: Sequence[int] = range(first, last + 1)
    else:
        seeds = [given] if isinstance(given, int) else given
    if not 1 <= len(seeds) <= MOST_SEEDS:
        raise ValueError(f"seeds {quoted(given)}: {counted(len(seeds), 'seeds')}; give 1 to {MOST_SEEDS}")
    if len(set(seeds)) < len(seeds) or not all(0 <= seed < 2**31 for seed in seeds):
        raise ValueError(f"seeds {quoted(given)}: each must be 0 to 2147483647, and only once")
    return list(seeds)


def read(path: Path) -> Study:
    """The study in a YAML file. Raises SettingsError where it, or one of its run files, is not usable."""
    try:
        data = yaml_text.decode(files.read_text(path, yaml_text.SIZE))
    except FileNotFoundError:
        raise SettingsError(f"{path}: no such study file{examples.advice(path)}") from None
    except (OSError, UnicodeDecodeError, yaml_text.NotYaml) as error:
        line = f":{error.line}" if isinstance(error, yaml_text.NotYaml) and error.line else ""
        raise SettingsError(f"{path}{line}: cannot be read as a study file: {error}") from None
    if not isinstance(data, dict):
        raise SettingsError(f"{path}: not a study file: it needs `methods`, a list of run files")
    if faults := [f"{path}: {fault}" for fault in written_keys(data)]:
        raise SettingsError("\n".join(faults))
    return _checked(data, str(path), path.parent, path.stem)


def of_run_files(runs: Sequence[Path], seeds: str, folder: str | None, overrides: Sequence[str]) -> Study:
    """A study of run files with nothing said beside; the first is the reference."""
    data = {"seeds": seeds, "set": list(overrides), "methods": [{"run": str(run)} for run in runs]}
    return _checked(data | ({"runs": folder} if folder is not None else {}), "--run", Path(), "methods")


def _checked(data: object, where: str, folder: Path, name: str) -> Study:
    try:
        given = StudySettings.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part)[:80] for part in first["loc"]) or "the file"
        found = "" if isinstance(first["input"], dict) else f" (found {quoted(first['input'])})"
        known = ""
        if first["type"] == "extra_forbidden":
            kind = MethodOfStudy if first["loc"][0] == "methods" else StudySettings
            known = f"; known are {', '.join(kind.model_fields)}"
        raise SettingsError(f"{where}: {place}: {first['msg'].removeprefix('Value error, ')}{found}{known}") from None
    try:
        seeds = seeds_of(given.seeds)
    except ValueError as error:
        raise SettingsError(f"{where}: {error}") from None
    _check_measures(given, where)
    methods = [_compared(given, folder, one, seeds[0], where) for one in given.methods]
    names = [one.name for one in methods]
    # Some file systems do not tell upper from lower case, and each name is that of a folder.
    if double := [one for place, one in enumerate(names) if one.casefold() in map(str.casefold, names[:place])]:
        raise SettingsError(f"{where}: two methods are called {double[0]}; give one of them another `name`")
    reference = given.reference or names[0]
    if reference not in names:
        raise SettingsError(f"{where}: reference {quoted(reference)}: no such method; they are {', '.join(names)}")
    results = Path(given.runs, "results") if given.results is None else folder / given.results
    return Study(given.name or _as_name(name), given, seeds, methods, reference, results)


def _check_measures(given: StudySettings, where: str) -> None:
    """Before anything is trained: a benchmark that does not exist would be found when all is trained."""
    try:
        measured = chosen(given.measure)
        benchmark = given.outcome and chosen([given.outcome.partition("/")[0]])[0]
    except SettingsError as error:
        raise SettingsError(f"{where}: {error}") from None
    if benchmark and measured and benchmark not in measured:
        raise SettingsError(f"{where}: outcome {given.outcome}: {benchmark.name} is not in `measure`; add it")


def _compared(given: StudySettings, folder: Path, one: MethodOfStudy, seed: int, where: str) -> Compared:
    file = folder / one.run
    name = one.name or load(file).name
    if len(name) > 80:
        raise SettingsError(f"{where}: {name}: the name of a method has 80 characters at most; give another `name`")
    return Compared(name, file, one, _settings(given, file, one, name, seed))


def _settings(given: StudySettings, file: Path, one: MethodOfStudy, name: str, seed: int) -> Settings:
    own = (f"name={json.dumps(f'{name}-s{seed}')}", f"runs={json.dumps(given.runs)}", f"seed={seed}")
    return load(file, [*given.set, *one.set, *own])


def _as_name(stem: str) -> str:
    """A file's name as one of a study: what no name has is a dash."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("._-")[:80] or "methods"
