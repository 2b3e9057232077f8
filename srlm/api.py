"""The trainer as a library: what `import srlm` offers to a program.

    import srlm

    model = srlm.train("example:pocket", to="M2")
    pairs = srlm.records_of("runs/pocket", "M2", "pairs").to_pandas()

Every function takes a run as the command line does: a run file, `example:NAME`, or the folder of a run that has begun.
What the user can mend is raised as an SrlmError, whose text says what was found, where, and what to do. Paths in run
files are relative to the working directory.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, overload

from srlm.errors import SrlmError, StoreError
from srlm.methods.base import run_folder
from srlm.methods.recognised import kind_of
from srlm.records import Checkpoint, Record
from srlm.store import files
from srlm.store.folder import RunFolder, settings_at
from srlm.text.counts import counted

if TYPE_CHECKING:
    import datasets
    import pandas

__all__ = ["Model", "Records", "SrlmError", "models_of", "records_of", "train"]

R = TypeVar("R", bound=Record)


class Model(NamedTuple):
    """A finished model of a run."""

    name: str
    """`M0`, `SFT`, `M1`, `M2`, ..."""
    path: Path
    """The folder that transformers' `from_pretrained` takes: safetensors, configuration, tokenizer, chat template."""
    digest: str
    """SHA-256 of its weights."""


class Records(Sequence[R], Generic[R]):
    """Records of one kind, in their order: typed when looped over, or as a table. Those of a file are decoded whenever
    they are looked at; a million take 8 MB."""

    def __init__(self, kind: type[R], rows: Sequence[R]) -> None:
        self.kind = kind
        """Its fields are the columns of the tables; the docstring below each says what it is."""
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[R]:
        return iter(self._rows)

    @overload
    def __getitem__(self, place: int) -> R: ...
    @overload
    def __getitem__(self, place: slice) -> "Records[R]": ...
    def __getitem__(self, place: "int | slice") -> "R | Records[R]":
        return self._rows[place] if isinstance(place, int) else Records(self.kind, self._rows[place])

    def __repr__(self) -> str:
        return f"<{counted(len(self), 'records')} of {self.kind.__name__}>"

    def to_pandas(self) -> "pandas.DataFrame":
        """A row a record, a column a field; what holds several values (`prompt` of a pair) is a list of dicts."""
        import pandas

        return pandas.DataFrame(self._plain(), columns=list(self.kind.model_fields))

    def to_dataset(self) -> "datasets.Dataset":
        """The same for `datasets`. Pairs have the columns of TRL's conversational preference data: prompt, chosen,
        rejected."""
        import datasets

        rows = self._plain()
        return datasets.Dataset.from_dict({name: [row[name] for row in rows] for name in self.kind.model_fields})

    def _plain(self) -> list[dict[str, Any]]:
        """As JSON has them, with the fields that are left out of files where they have their default."""
        fields = self.kind.model_fields
        rows = (record.model_dump(mode="json") for record in self._rows)
        return [{name: row.get(name, field.default) for name, field in fields.items()} for row in rows]


def train(
    run: str | Path, to: str | None = None, *, set: Sequence[str] = (), source: str | Path | None = None
) -> Model:
    """Train every missing model up to `to`, and return that one; what `srlm train` does.

    `to`: M1, M2, ... None: `iterations` of the run file. `set`: overrides, `"dpo.beta=0.2"`. `source`: begin with the
    finished steps of another run's folder (or FOLDER@STEP) that these settings leave as they are, as `--from` does. An
    interrupted run resumes where it stopped. The process holds the run's folder meanwhile; libraries are silenced, and
    torch gets as many threads as the run says. Raises SrlmError.
    """
    settings = settings_at(Path(run), set)
    from srlm.cli.main import quiet
    from srlm.methods import sharing
    from srlm.methods.run import Run
    from srlm.methods.train import iteration_named
    from srlm.methods.train import train as train_run

    last = settings.iterations if to is None else iteration_named(settings, to).number
    quiet(settings.threads)
    if source is not None:
        sharing.fork(settings, str(source), last)
    work = Run(settings)
    return _model(work.folder, train_run(work, last))


def models_of(run: str | Path, *, set: Sequence[str] = ()) -> list[Model]:
    """The finished models of a run, in the order in which they were made; none where nothing is finished."""
    folder = run_folder(settings_at(Path(run), set))
    return [_model(folder, one) for one in folder.checkpoints()]


@overload
def records_of(run: str | Path, step: str, name: str, kind: type[R], *, set: Sequence[str] = ()) -> Records[R]: ...
@overload
def records_of(run: str | Path, step: str, name: str, *, set: Sequence[str] = ()) -> Records[Record]: ...
def records_of(
    run: str | Path, step: str, name: str, kind: type[Record] | None = None, *, set: Sequence[str] = ()
) -> Records[Any]:
    """The records that a step of a run left behind: `records_of("runs/pocket", "M2", "pairs")`.

    `step`: `data`, `M1`, ..., or `evaluation`. `name`: the file's, without `.jsonl`. `kind`: what they are, such as
    `srlm.records.PreferencePair`, for the type checker's sake; None: told by the file itself. Raises StoreError, which
    lists the step's files, where there is no such file, and RecordError where one is damaged.
    """
    folder = run_folder(settings_at(Path(run), set))
    place = folder.step(step)
    known = sorted(path.relative_to(place).with_suffix("").as_posix() for path in place.rglob("*.jsonl"))
    steps = [one.name for one in folder.steps()]
    if step not in (*steps, "evaluation") or not known:
        raise StoreError(f"{folder.path}: no records of {step}; there are those of {', '.join(steps) or 'no step'}")
    if name not in known:
        raise StoreError(f"{place}: no records called {name}; there are {', '.join(known)}")
    path = place / f"{name}.jsonl"
    kind = kind or kind_of(path) or (Record if path.stat().st_size == 0 else None)
    if kind is None:
        raise StoreError(f"{path}: records of a kind that is not the trainer's; give `kind`, such as eval's Verdict")
    return Records(kind, files.Kept(path, kind))


def _model(folder: RunFolder, checkpoint: Checkpoint) -> Model:
    return Model(checkpoint.name, folder.model_path(checkpoint), checkpoint.digest)
