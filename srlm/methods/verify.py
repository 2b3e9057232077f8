"""What of a run still follows from what: every file read afresh, no digest taken from a cache, nothing written.

inputs      what the run was made from, as inputs.json recorded it
STEP        what a step made, as its manifest lists it, or as it was sealed while the step is not finished
evaluation  the answers, judgements and verdicts, and the notes of what each was made from
figures     the figures of metrics.json, a row a benchmark, against the files they were computed from
"""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

from srlm.contents import sha256_of, weights_digest
from srlm.errors import RecordError, SrlmError
from srlm.methods import joins, recognised
from srlm.methods.inputs import inputs_of
from srlm.records import Judgement, RunManifest, Step
from srlm.store import blocks, changes, files
from srlm.store.folder import INPUTS, RunFolder
from srlm.store.seals import EVALUATION, MANIFEST, NOTE, UNSEALED, Seals
from srlm.text.counts import counted
from srlm.text.score import read_score

State = Literal["ok", "not sealed", "changed", "gone", "new", "does not follow", "damaged"]
FINE: tuple[State, ...] = ("ok", "not sealed")
"""`not sealed`: of an older srlm, which recorded no digest of it; nothing can be said."""


class Row(NamedTuple):
    """What was found of one file, or of the figures of one benchmark."""

    part: str
    name: str
    state: State
    why: str = ""


class Verified(NamedTuple):
    """All rows, and how much was read."""

    rows: list[Row]
    files: int
    bytes: int
    seconds: float
    """Spent on reading these bytes; the records are decoded beside that."""

    @property
    def sound(self) -> bool:
        """Nothing has changed, and all follows from what it was made from."""
        return all(row.state in FINE for row in self.rows)


class Afresh:
    """SHA-256 of files, each read once."""

    def __init__(self) -> None:
        self._known: dict[Path, str] = {}
        self.bytes, self.seconds = 0, 0.0

    def __call__(self, path: Path) -> str:
        if path not in self._known:
            began = time.perf_counter()
            self._known[path] = sha256_of(path)
            self.seconds += time.perf_counter() - began
            self.bytes += path.stat().st_size
        return self._known[path]

    def __len__(self) -> int:
        return len(self._known)


def verify(folder: RunFolder) -> Verified:
    """Compare all that is in a run with what was recorded of it. Raises an SrlmError where that cannot be read."""
    sha256, seals = Afresh(), Seals(folder.path)
    rows = [*_own(folder, seals, sha256), *_inputs(folder, sha256)]
    known: dict[int, joins.Origins] = {}
    for step in folder.steps():
        rows += _step(folder, step.name, seals, sha256)
        rows += _joined(step, changes.files_of(folder.step(step.name)), known)
    rows += _evaluation(folder, seals, sha256)
    rows += _figures(folder, sha256)
    return Verified(rows, len(sha256), sha256.bytes, sha256.seconds)


def _own(folder: RunFolder, seals: Seals, sha256: Afresh) -> Iterator[Row]:
    for name in (INPUTS, "settings.json"):
        yield _sealed("run", name, folder.path / name, seals.of(folder.path / name), sha256)


def _sealed(part: str, name: str, path: Path, wanted: tuple[str, ...], sha256: Afresh) -> Row:
    if not path.is_file():
        return Row(part, name, "gone", "another thing is in its place" if path.exists() else "")
    if not wanted:
        return Row(part, name, "not sealed")
    found = sha256(path)
    return Row(part, name, "ok") if found in wanted else Row(part, name, "changed", _from_to(wanted[-1], found))


def _from_to(before: str, now: str) -> str:
    return f"SHA-256 {before[:12]} -> {now[:12]}"


def _inputs(folder: RunFolder, sha256: Afresh) -> Iterator[Row]:
    try:
        recorded = folder.inputs()
    except RecordError as error:
        yield Row("inputs", INPUTS, "damaged", str(error))
        return
    if recorded is None or not recorded.inputs:
        return
    now = inputs_of(folder.given, recorded.inputs, sha256)
    for setting, before in recorded.inputs.items():
        if setting not in now.inputs:
            yield Row("inputs", setting, "gone", before.name)
        elif setting in now.grown:
            yield Row("inputs", setting, "ok", "lines were added")
        elif changed := list(changes.of_input(setting, before, now.inputs[setting])):
            yield Row("inputs", setting, "changed", "; ".join(changed))
        else:
            yield Row("inputs", setting, "ok", before.name)


def _step(folder: RunFolder, name: str, seals: Seals, sha256: Afresh) -> Iterator[Row]:
    place = folder.step(name)
    there = changes.files_of(place)
    try:
        manifest = folder.manifest(name)
    except SrlmError as error:
        yield Row(name, MANIFEST, "damaged", str(error))
        return
    rows: list[Row] = []
    if manifest is None:
        rows += _unfinished(place, there, seals, sha256)
    else:
        rows.append(_sealed(name, MANIFEST, place / MANIFEST, seals.of(place / MANIFEST), sha256))
        for file, fact in manifest.outputs.items():
            rows.append(_sealed(name, file, place / file, (fact.sha256,), sha256))
        model_listed = any(file.startswith("model/") for file in manifest.outputs)
        for file in there.keys() - manifest.outputs.keys():
            if model_listed or "/" not in file:
                rows.append(Row(name, file, "new", f"not there when {name} was finished"))
        rows += _checkpoint(folder, manifest, sha256)
        rows += _made_from(folder, manifest)
    yield from rows
    vouched = {row.name for row in rows if row.state == "ok"}
    for file, path in there.items():
        yield from _records(name, file, path, vouched=file in vouched)


def _unfinished(place: Path, there: dict[str, Path], seals: Seals, sha256: Afresh) -> Iterator[Row]:
    wanted = {file: (one,) for file, one in changes.so_far(place).items()} | seals.within(place.name)
    deeper = {file: place / file for file in sorted(wanted) if file not in there and (place / file).is_file()}
    found = there | deeper  # answers to validation prompts have a folder of their own
    for file, path in found.items():
        yield _sealed(place.name, file, path, wanted.get(file, ()), sha256)
    for file in sorted(wanted.keys() - found.keys()):
        if not file.startswith("prompt_attempts.round-") and not (place / f"{file}.part").exists():
            yield Row(place.name, file, "gone", "it is made again")
    for part in sorted(place.glob("*.part")):
        if part.is_file() and ".block-" not in part.name:
            yield _growing(place.name, part)


def _growing(step: str, part: Path) -> Row:
    """A file that grows."""
    listed = blocks.read(part)
    if listed is None:
        return Row(step, part.name, "not sealed")
    with part.open("rb") as file:
        whole = blocks.whole(file, listed)
    if whole.changed:
        return Row(step, part.name, "changed", f"from byte {whole.end} on; it is made again from there")
    return Row(step, part.name, "ok", f"{counted(whole.number, 'whole blocks')}")


def _checkpoint(folder: RunFolder, manifest: RunManifest, sha256: Afresh) -> Iterator[Row]:
    """Whether a model's weights and parent are those that its manifest names."""
    checkpoint = manifest.checkpoint
    if checkpoint is None:
        return
    name, place = checkpoint.name, folder.model_path(checkpoint)
    if place.is_dir():
        found = weights_digest(place, sha256)
        same = found == checkpoint.digest
        yield Row(name, "weights", "ok" if same else "changed", "" if same else _from_to(checkpoint.digest, found))
    elif not checkpoint.digest.startswith("hub:"):
        yield Row(name, "weights", "gone", f"no folder {place}")


def _made_from(folder: RunFolder, manifest: RunManifest) -> Iterator[Row]:
    """Whether the models that a step was made from are those that its manifest names."""
    what = "weights" if manifest.checkpoint is not None else MANIFEST
    for model, digest in _weights(folder).items():
        wanted = manifest.inputs.get(f"{model} weights")
        if wanted is not None and wanted.sha256 != digest:
            yield Row(manifest.step, what, "does not follow", f"it was made from another {model}")


def _weights(folder: RunFolder) -> dict[str, str]:
    """Digests by checkpoint; one whose manifest cannot be read is left out, and has a row of its own."""
    found = {}
    for step in folder.steps():
        with suppress(SrlmError):
            if (checkpoint := folder.checkpoint(step.name)) is not None:
                found[step.name] = checkpoint.digest
    return found


def _records(part: str, name: str, path: Path, vouched: bool) -> Iterator[Row]:
    """What contradicts itself in a file's records, and how often today's parser reads another score.

    Where the run vouches for the file, the scores are those of the parser of its day.
    """
    if path.suffix != ".jsonl" or (kind := recognised.kind_of(path)) is None:
        return
    other = total = 0
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                record = files.decode(line.removesuffix(b"\n"), kind, f"line {number}")
                if not vouched:
                    files.refuse_fault(record, f"line {number}")
            except RecordError as error:
                yield Row(part, name, "damaged", str(error))
                return
            if isinstance(record, Judgement):
                total += 1
                other += not _is_read_alike(record)
    if other:
        said = f"scores that today's parser reads otherwise: {other} of {total}"
        yield Row(part, name, "ok" if vouched else "does not follow", said)


def _is_read_alike(said: Judgement) -> bool:
    """Whether today's parser finds in a judge's words the score that is kept with them."""
    if said.completed:
        return read_score(f"Score:{said.raw.rpartition('Score:')[2]}").points == said.score
    if said.unread in ("cut", "open thought", "no room", "refused"):
        return said.score is None
    try:
        float(said.raw)  # of a program or a reward model, on a scale of its own
    except ValueError:
        return read_score(said.raw).points == said.score
    return True


def _joined(step: Step, there: dict[str, Path], known: dict[int, joins.Origins]) -> Iterator[Row]:
    for file, why in joins.unfit(step, there, known):
        yield Row(step.name, file, "does not follow", why)


def _evaluation(folder: RunFolder, seals: Seals, sha256: Afresh) -> Iterator[Row]:
    place, sealed = folder.step(EVALUATION), seals.within(EVALUATION)
    found = {
        path.relative_to(place).as_posix(): path
        for path in sorted(place.rglob("*.json*"))
        if path.is_file() and path.suffix in (".json", ".jsonl") and path.name not in UNSEALED
    }
    for name in sorted({*found, *sealed}):
        path = place / name
        row = _sealed(EVALUATION, name, path, sealed.get(name, ()), sha256)
        yield row
        if path.is_file():
            yield from _records(EVALUATION, name, path, vouched=row.state == "ok")
            if (why := _unfounded(folder, name, path, sha256)) is not None:
                yield Row(EVALUATION, name, "does not follow", why)
    for part in sorted(place.rglob("*.part")):
        if part.is_file() and ".block-" not in part.name:
            row = _growing(EVALUATION, part)
            yield row._replace(name=part.relative_to(place).as_posix())


def _unfounded(folder: RunFolder, name: str, path: Path, sha256: Afresh) -> str | None:
    """What a file's note says that it was made from, and is not so; None: it follows."""
    note = path.with_name(path.name + NOTE)
    if path.suffix != ".jsonl" or not note.is_file():
        return None
    try:
        facts = files.read_json(note)
    except SrlmError as error:
        return str(error)
    if not isinstance(facts, dict):
        return f"{note.name} holds no facts"
    digests = _weights(folder)
    model = path.parent.name
    if model in digests and facts.get("weights", digests[model]) != digests[model]:
        return f"it is of another {model}, by its weights"
    for other in digests.keys() & facts.keys():
        answers = folder.step(EVALUATION) / other / "responses.jsonl"
        if not answers.is_file() or sha256(answers) != facts[other]:
            return f"it is of other answers of {other}"
    there = [*folder.step(EVALUATION).rglob("*.jsonl"), *folder.step("data").glob("*.jsonl")]
    for fact in ("answers", "prompts"):
        value = facts.get(fact)
        if isinstance(value, str) and len(value) == 64 and value not in map(sha256, there):
            return f"it is of other {fact}"
    return None


def _figures(folder: RunFolder, sha256: Afresh) -> Iterator[Row]:
    path = folder.step(EVALUATION) / f"metrics.json{NOTE}"
    if not path.is_file():
        return
    try:
        noted = files.read_json(path)
    except SrlmError as error:
        yield Row("figures", path.name, "damaged", str(error))
        return
    weights = _weights(folder)
    for benchmark, of in sorted(noted.items() if isinstance(noted, dict) else ()):
        try:
            models = [name for name, digest in of["checkpoints"].items() if weights.get(name) != digest]
            others = [
                name
                for name, digest in of["files"].items()
                if not (folder.path / name).is_file() or sha256(folder.path / name) != digest
            ]
        except (LookupError, TypeError, AttributeError):
            yield Row("figures", benchmark, "damaged", f"{path.name} says nothing of them")
            continue
        if gone := [*models, *others]:
            yield Row("figures", benchmark, "does not follow", f"from {', '.join(gone[:5])} as they are now")
        else:
            yield Row("figures", benchmark, "ok", f"from {counted(len(of['files']), 'files')}")
