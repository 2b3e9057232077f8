"""Which side was which model: evaluation/human/PAGE/key.json in the run's folder. The page does not hold it."""

from pathlib import Path
from typing import Literal, NamedTuple, Self

from srlm.errors import StoreError
from srlm.records import Record, digest
from srlm.store import files
from srlm.store.folder import RunFolder

from ..run_data import RunData

KEY = "key.json"
Side = Literal["left", "right"]


class Contest(Record):
    """Two answers to one prompt: what a vote is of."""

    prompt_id: str
    model: str
    """The later checkpoint, as in the head to head."""
    baseline: str
    model_response_id: str
    baseline_response_id: str


class ShownContest(Contest):
    """The same on a page."""

    id: str
    """Of the comparison that shows it."""
    model_side: Side

    @property
    def contest(self) -> Contest:
        """Without the page's part of it."""
        return Contest(**{name: getattr(self, name) for name in Contest.model_fields})


class PageKey(Record):
    """What a page shows, and of whom."""

    page: str
    """Id of the page, from the ids of its comparisons, which are those of what they show."""
    seed: int
    shown: tuple[ShownContest, ...]
    """In the order of the page."""
    alike: tuple[Contest, ...]
    """Drawn, and not shown: both answers are the same words, a tie."""

    @classmethod
    def of(cls, seed: int, shown: tuple[ShownContest, ...], alike: tuple[Contest, ...]) -> Self:
        return cls(page=page_id([one.id for one in shown]), seed=seed, shown=shown, alike=alike)

    def fault(self) -> str | None:
        if self.page != page_id([one.id for one in self.shown]):
            return "its id is not that of what it shows"
        return None if len({one.id for one in self.shown}) == len(self.shown) else "two comparisons have one id"

    @property
    def contests(self) -> tuple[Contest, ...]:
        """All that were drawn."""
        return (*(one.contest for one in self.shown), *self.alike)


class Page(NamedTuple):
    """A page whose key lies in the run's folder."""

    place: Path
    key: PageKey


def page_id(shown: list[str]) -> str:
    """Id of a page from the ids of its comparisons."""
    return digest("human evaluation page", shown)


def human_folder(folder: RunFolder) -> Path:
    """Where keys, votes and labels are kept."""
    return folder.step("evaluation") / "human"


def pages(folder: RunFolder) -> list[Page]:
    """Every page of the run, by id. Raises RecordError where a key was edited."""
    found = sorted(human_folder(folder).glob(f"*/{KEY}"))
    return [Page(path.parent, files.read_one(path, PageKey)) for path in found]


def keep(folder: RunFolder, key: PageKey) -> Path:
    """Write the key of a page; one that is there already stays as it is. Returns the page's folder."""
    place = human_folder(folder) / key.page
    path = place / KEY
    if not path.exists():
        files.write_json(path, key.model_dump(mode="json"))
        return place
    before = files.read_one(path, PageKey)
    if before.shown != key.shown or set(before.alike) != set(key.alike):
        # Answers of the same words from two models, drawn on other sides: the page looks the same.
        raise StoreError(f"{path}: this page shows the same words, of other models; draw with another --seed")
    return place


def changed(run: RunData, contests: tuple[Contest, ...]) -> list[Contest]:
    """Those whose answers, or prompt, are no longer those of the run."""
    prompts = {prompt.id for prompt in run.prompts}
    return [one for one in contests if one.prompt_id not in prompts or not _is_current(run, one)]


def _is_current(run: RunData, one: Contest) -> bool:
    both = ((one.model, one.model_response_id), (one.baseline, one.baseline_response_id))
    found = [(run.answers.get(name, {}).get(one.prompt_id), id) for name, id in both]
    return all(answer is not None and answer.id == id for answer, id in found)
