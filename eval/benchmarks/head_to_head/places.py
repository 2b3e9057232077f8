"""Where the verdicts of each judge are: those of the first that a run asked, and, beside them, those of any other.

    evaluation/verdicts/M2-vs-M1.jsonl                     the first judge's
    evaluation/verdicts/openai-NAME-3f09ac/M2-vs-M1.jsonl  another one's

The note beside each file says whose it is; nothing is read off a folder's name.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from srlm.records import digest
from srlm.store import files
from srlm.store.folder import RunFolder
from srlm.store.seals import EVALUATION, NOTE

VERDICTS = "verdicts"


def verdicts_folder(folder: RunFolder) -> Path:
    """Where the verdicts of the run's judge (`evaluation.judge`) are, or are going to be."""
    place, judge = folder.step(EVALUATION) / VERDICTS, folder.settings.evaluation.judge
    if _judge_of(place) in (None, judge):
        return place
    return place / f"{re.sub(r'[^A-Za-z0-9]+', '-', judge)[:40].strip('-')}-{digest('judge', judge)[:6]}"


def verdicts_path(folder: RunFolder, later: str, earlier: str) -> Path:
    """Where the verdicts of the run's judge on two checkpoints are kept."""
    return _file(verdicts_folder(folder), later, earlier)


def other_verdicts(folder: RunFolder, later: str, earlier: str) -> Iterator[tuple[str, Path]]:
    """(judge, file) of every other judge that compared two checkpoints by the answers that they have now."""
    place, own = folder.step(EVALUATION) / VERDICTS, verdicts_folder(folder)
    written = {name: folder.step(EVALUATION) / name / "responses.jsonl" for name in (later, earlier)}
    if not all(path.is_file() for path in written.values()):
        return
    facts = {name: files.fact(path).sha256 for name, path in written.items()}
    for one in [place, *sorted(path for path in place.glob("*") if path.is_dir())]:
        path = _file(one, later, earlier)
        note = path.with_name(path.name + NOTE)
        if one == own or not path.is_file() or not note.is_file():
            continue
        noted = files.read_object(note)
        if isinstance(judge := noted.get("judge"), str) and facts.items() <= noted.items():
            yield judge, path


def _file(place: Path, later: str, earlier: str) -> Path:
    return place / f"{later}-vs-{earlier}.jsonl"


def _judge_of(place: Path) -> str | None:
    """Whose verdicts are in a folder; None: nobody's yet, or nobody noted it."""
    for note in sorted(place.glob(f"*.jsonl{NOTE}")):
        judge = files.read_object(note).get("judge")
        return judge if isinstance(judge, str) else None
    return None
