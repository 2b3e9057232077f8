"""Votes files of a run's pages: checked against the pages, and kept beside their keys."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from srlm.errors import DataError, RecordError, StoreError
from srlm.printable import one_line
from srlm.records import digest
from srlm.store import files
from srlm.text.counts import counted

from ...data import votes as votes_file
from ...data.votes import Votes
from ..run_data import RunData
from .key import Page, changed, pages

BALLOT = "votes-*.json"


class Taken(NamedTuple):
    """One file, and what became of it."""

    path: Path
    votes: Votes
    known: int
    """Votes that an earlier import had already."""


def take(run: RunData, paths: Sequence[Path], *, replace: bool = False) -> list[Taken]:
    """Check these files and keep their votes; nothing is kept unless all are sound.

    `replace`: an annotator's votes may differ from those of an earlier import, and take their place. Raises DataError,
    which names the file.
    """
    known = {one.key.page: one for one in pages(run.folder)}
    found: dict[Path, Taken] = {}
    for path in paths:
        votes = votes_file.read(path)
        page = _page_of(path, votes, known)
        _check(path, votes, page, run)
        place = place_of(page, votes)
        if place in found:
            raise DataError(
                f"{path}: annotator {one_line(votes.annotator)} has votes on this page in {found[place].path}, too; "
                "import one of the files, or give the second person another name in it"
            )
        found[place] = Taken(path, votes, _already(path, votes, place, replace))
    for place, one in found.items():
        files.write_json(place, one.votes.model_dump(mode="json"))
    return list(found.values())


def kept(page: Page) -> list[Votes]:
    """Every imported file of a page, by annotator. Raises RecordError where one was edited."""
    found = []
    for path in sorted(page.place.glob(BALLOT)):
        one = files.read_one(path, Votes)
        if path != place_of(page, one) or not set(one.by_item) <= {shown.id for shown in page.key.shown}:
            raise RecordError(f"{path}: not what was imported; delete it and import the annotator's file again")
        found.append(one)
    return sorted(found, key=lambda one: one.annotator)


def place_of(page: Page, votes: Votes) -> Path:
    """Where an annotator's votes on a page are kept."""
    return page.place / BALLOT.replace("*", digest("annotator", votes.person))


def _page_of(path: Path, votes: Votes, known: Mapping[str, Page]) -> Page:
    if not known:
        raise StoreError(
            "this run has no page of human evaluation; write one first: srlm-eval annotate --run FILE --models SFT,M1"
        )
    if votes.page not in known:
        raise DataError(
            f"{path}: votes of another page ({votes.page}); this run's: {', '.join(known)}. Import it with the run "
            "that the page was written from"
        )
    return known[votes.page]


def _check(path: Path, votes: Votes, page: Page, run: RunData) -> None:
    shown = {one.id for one in page.key.shown}
    strange = [item for item in votes.by_item if item not in shown]
    if strange or votes.items != len(shown):
        what = (
            f"{counted(len(strange), 'votes')} on comparisons that the page has not ({strange[0]})" if strange else ""
        )
        count = (
            f"{counted(votes.items, 'comparisons')}, where the page has {len(shown)}"
            if votes.items != len(shown)
            else ""
        )
        raise DataError(f"{path}: {'; '.join(filter(None, (what, count)))}: the file was edited; {votes_file.ORIGIN}")
    if gone := changed(run, page.key.contests):
        models = ", ".join(sorted({name for one in gone for name in (one.model, one.baseline)}))
        raise DataError(
            f"{path}: the run's answers have changed since its page was written ({len(gone)} of "
            f"{counted(len(page.key.contests), 'pairs')} of answers, {models}): these votes are on other "
            "answers. Restore the "
            "answers, or write a new page"
        )


def _already(path: Path, votes: Votes, place: Path, replace: bool) -> int:
    """How many of the votes were imported before. Raises DataError where earlier ones differ, or are missing now."""
    if not place.exists():
        return 0
    before, now = files.read_one(place, Votes).by_item, votes.by_item
    differing = [item for item, vote in before.items() if now.get(item) != vote]
    if differing and not replace:
        raise DataError(
            f"{path}: annotator {one_line(votes.annotator)} has other votes on this page from an earlier import "
            f"({len(differing)} of {len(before)} differ or are missing). If this file is the later one: --replace. If "
            "it is another person's: give them another name in it"
        )
    return sum(now.get(item) == vote for item, vote in before.items())
