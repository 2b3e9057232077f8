"""`srlm docs`: the pages that help texts and messages name as `docs/NAME.md`, wherever srlm is installed."""

from collections.abc import Iterator
from pathlib import Path

from srlm.errors import SettingsError
from srlm.terminal import say, show

_HERE = Path(__file__).parents[1]
FOLDER = _HERE / "docs" if (_HERE / "docs").is_dir() else _HERE.parent / "docs"
"""`srlm/docs` where it is installed, `docs` of a checkout."""


def listed() -> None:
    """Print each page's name and title."""
    for name, path in _pages():
        title = path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
        say(f"{name}  {title}")


def page(name: str) -> None:
    """Print a page. Raises SettingsError where there is none of this name."""
    wanted, known = name.removeprefix("docs/").removesuffix(".md"), dict(_pages())
    if wanted not in known:
        near = ", ".join(one for one in known if wanted and wanted in one)
        raise SettingsError(
            f"{name}: no such page; {f'did you mean {near}?' if near else '`srlm docs` lists them all'}"
        )
    show(known[wanted].read_text(encoding="utf-8").rstrip("\n"))


def _pages() -> Iterator[tuple[str, Path]]:
    for path in sorted([*FOLDER.glob("*.md"), *FOLDER.glob("methods/*.md")]):
        yield path.relative_to(FOLDER).with_suffix("").as_posix(), path
