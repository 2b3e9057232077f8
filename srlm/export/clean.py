"""What of this machine must not leave it: its paths, whose they are, and keys.

Configurations that libraries save may say from where a model was loaded; those entries are left out. Whatever is
exported is looked through before it takes its name.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from srlm.bounded import json_text
from srlm.errors import StoreError
from srlm.secrets import of_environment
from srlm.settings import Settings
from srlm.settings.data import files_of

PLACES = ("_name_or_path", "name_or_path", "tokenizer_file", "vocab_file", "special_tokens_map_file", "_commit_hash")
"""Entries of configurations in which libraries note from where something was loaded."""
VOCABULARY = ("tokenizer.json", "vocab.json", "merges.txt")
"""Files of words, in which nothing of this machine can be."""
TEXT = (".json", ".jsonl", ".md", ".jinja", ".py", ".txt")
_ABSOLUTE = re.compile(r"(?:/|~/|file:|[A-Za-z]:\\)[^\s/\\]+[/\\].*")
_PATH = re.compile(r"(?<![\w./:~-])(?:~|\.\.|[A-Za-z]:)?(?:[/\\][^\s/\\,;:'\"()]+){2,}")


class Own(NamedTuple):
    """What is this machine's own."""

    run: Path
    """The run's folder, absolute."""
    places: tuple[str, ...]
    """Folders whose names are in nothing that is exported."""

    @classmethod
    def of(cls, run: Path, settings: Settings) -> "Own":
        """Of a run in this folder."""
        run = run.resolve()
        named = [settings.model.base, settings.model.chat_template, settings.judge.template]
        named += [*files_of(settings.data).values(), settings.prompts.path]
        named += [settings.prompts.source.path if settings.prompts.source else None]
        folders = {run, Path.cwd(), *(Path(one).resolve().parent for one in named if one and Path(one).exists())}
        # `/data/` alone may well be in a template that somebody wrote.
        kept = {str(folder) for folder in folders if len(folder.parts) > 2} | {str(Path.home())} - {"/"}
        return cls(run, tuple(sorted(f"{folder}/" for folder in kept)))


def cleaned(name: str, content: bytes) -> bytes:
    """A file of a model without what it says of the place that the model came from; as it is where it says nothing."""
    if not name.endswith(".json") or name in VOCABULARY or name.endswith(".index.json"):
        return content
    try:
        found = json_text.decode(content)
    except json_text.NotJson:
        return content
    if not isinstance(found, dict):
        return content
    kept = _without_places(found)
    return content if kept == found else (json.dumps(kept, indent=2, ensure_ascii=False) + "\n").encode()


def _without_places(found: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _without_places(value) if isinstance(value, dict) else value
        for name, value in found.items()
        if name not in PLACES and not (name != "chat_template" and _is_place(value))
    }


def _is_place(value: Any) -> bool:
    return isinstance(value, str) and _ABSOLUTE.fullmatch(value) is not None


def bare(text: str) -> str:
    """Recorded words with the last part alone of each path in them, without keys."""
    return of_environment().hidden(_PATH.sub(lambda found: PurePosixPath(found[0].replace("\\", "/")).name, text))


def shown_name(value: str) -> str:
    """A setting that may be a path: a name of the Hub, a variable or a word as it is, of a path its last part."""
    plain = value.replace("\\", "/")
    if plain.startswith(("/", "~", ".")) or plain.count("/") > 1 or "://" in plain or Path(value).exists():
        return plain.rstrip("/").rpartition("/")[2].partition("?")[0]
    return value


def refuse_leaks(folder: Path, own: Own) -> None:
    """Raise StoreError where a file that is to be exported names a folder of this machine, or holds a key.

    In pairs and judgements only keys are looked for: people and models may write of any path.
    """
    secrets = of_environment()
    for path in sorted(folder.rglob("*")):
        if path.suffix not in TEXT or path.name in VOCABULARY:
            continue
        for number, line in enumerate(_lines(path), 1):
            place = next((one for one in own.places if one in line), None) if path.suffix != ".jsonl" else None
            if place is not None or (secrets and secrets.within(line)):
                what = f"names the folder {place}" if place is not None else "holds a key or password of this machine"
                raise StoreError(
                    f"{path.relative_to(folder)}:{number}: {what}, and is not exported; take it out of the run's "
                    "settings or data"
                )


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", errors="replace") as file:
        yield from file
