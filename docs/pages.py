"""What the site has beside the files of docs/: README as its first page, pages that the program makes, and files from
elsewhere in the repository. mkdocs calls the functions that begin with `on_`."""

import html
import posixpath
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT))  # mkdocs may be installed elsewhere than srlm

PLACES = {
    "README.md": "index.md",
    **{
        name: name
        for name in (
            "LICENSE",
            "CONTRIBUTING.md",
            "CHANGELOG.md",
            "benchmarks/pocket/README.md",
            "benchmarks/statistics/README.md",
            "reports/pocket/report.html",
        )
    },
}
"""Files outside docs/ that are part of the site, with their places in it."""
LINK = re.compile(r"(?<=\]\()([^)\s:#]+)")
"""Where a link within the repository leads: no address, and without the place in its page."""


def on_files(files: Any, config: Any) -> Any:
    """Add the files of PLACES and the pages that the program makes."""
    from mkdocs.structure.files import File

    for name, place in PLACES.items():
        files.append(File.generated(config, place, content=(CHECKOUT / name).read_text(encoding="utf-8")))
    files.append(File.generated(config, "all_settings.md", content="\n".join(settings_page())))
    files.append(File.generated(config, "all_commands.md", content="\n".join(commands_page())))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Links lead within the repository; let them lead within the site."""
    place = page.file.src_uri
    own = next((name for name, other in PLACES.items() if other == place), f"docs/{place}")
    markdown = re.sub(
        r"^```(\w+) .+$", r"```\1", markdown, flags=re.MULTILINE
    )  # words for our tests behind the language
    return LINK.sub(lambda found: link(found[1], own, place), markdown)


def link(target: str, own: str, place: str) -> str:
    """A link of the file `own` of the repository, which stands at `place` in the site. Others stay as they are."""
    name = posixpath.normpath(posixpath.join(posixpath.dirname(own), target))
    there = PLACES.get(name, name.removeprefix("docs/") if name.startswith("docs/") else None)
    return target if there is None else posixpath.relpath(there, posixpath.dirname(place) or ".")


def settings_page() -> Iterator[str]:
    """Every setting of `srlm settings`, a section a table."""
    from srlm.cli.main import kind_of
    from srlm.methods.base import METHODS, find_method
    from srlm.settings import Settings, fields

    yield "# Every setting"
    yield ""
    yield "Made by the program from the settings themselves, as `srlm settings` prints them. `--set NAME=VALUE`"
    yield "overrides one; [settings.md](settings.md) has the rules of a run file, TRL's names and the paper's values."
    sections: dict[str, list[tuple[str, Any]]] = {"The run": []}
    for name, field in fields(Settings):
        within = name.partition(".")[0]
        if kind_of(field).startswith("section") and within == name:
            sections[within] = []
        sections[within if within in sections else "The run"].append((name, field))
    for method in METHODS:
        own = [(f"method.{name}", field) for name, field in fields(find_method(method).settings)]
        if own:
            sections[f"method: {method}"] = own
    for title, found in sections.items():
        yield from ("", f"## {title}", "")
        yield from table(
            ("setting", "type, default", "meaning"), (_setting(name, field, kind_of) for name, field in found)
        )


def _setting(name: str, field: Any, kind_of: Any) -> tuple[str, str, str]:
    return (
        f"`{name}`",
        cell(kind_of(field)),
        cell(field.description or getattr(field.annotation, "__doc__", None) or ""),
    )


def commands_page() -> Iterator[str]:
    """Every command of both programs with its options, as `--help` prints them."""
    import typer

    import eval.cli
    import srlm.cli.main

    yield "# Every command"
    yield ""
    yield "Made by the program: what `--help` prints."
    for program, app in (("srlm", srlm.cli.main.app), ("srlm-eval", eval.cli.app)):
        for name, command in typer.main.get_group(app).commands.items():
            if command.hidden:
                continue
            yield from ("", f"## {program} {name}", "", cell(command.help or ""), "")
            rows = [_option(one) for one in command.params if not getattr(one, "hidden", False)]
            if rows:
                yield from table(("", "default", "meaning"), rows)


def _option(one: Any) -> tuple[str, str, str]:
    names = (
        ", ".join(f"`{name}`" for name in (*one.opts, *one.secondary_opts))
        if one.param_type_name == "option"
        else f"`{one.name}`"
    )
    default = (
        "must be given"
        if one.required
        else ""
        if one.default in (None, False, (), []) or callable(one.default)
        else cell(str(one.default))
    )
    return names, default, cell(getattr(one, "help", None) or "")


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """Lines of a Markdown table."""
    header = list(header)
    for row in (header, ["---"] * len(header), *rows):
        yield f"| {' | '.join(row)} |"


def cell(text: str) -> str:
    """Words on one line that neither end their cell nor become markup; what stands in backticks stays code."""
    parts = " ".join(text.split()).split("`")
    for place in range(0, len(parts), 2):
        parts[place] = re.sub(r"([*_])", r"\\\1", html.escape(parts[place], quote=False)).replace("|", "&#124;")
    return "`".join(parts)
