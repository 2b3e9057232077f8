"""What the paper set and counted, beside what a run sets and counted: seed data, settings, pairs."""

from collections.abc import Iterator, Mapping
from typing import Any

from srlm.records import RankedSet

from ..benchmarks.base import RunData
from ..benchmarks.paper_table import PaperFact, PaperFacts
from ..data import published

OF_DATA = {
    "ift": "IFT examples",
    "eft": "EFT examples that M1 was trained on",
    "heldout": "held-out answers that people ranked",
    "evaluation_prompts": "evaluation prompts",
    "validation_prompts": "validation prompts, for stopping early",
}


def facts(run: RunData) -> Iterator[PaperFacts]:
    """All of them, in the paper's order."""
    paper = published.run()
    yield PaperFacts("seed data", "what the models start from", _data(run, paper.data))
    settings = run.settings.model_dump(mode="json")
    rows = [PaperFact(name, _setting(settings, name), value) for name, value in paper.training.items()]
    yield PaperFacts("training", "settings", rows, ["`srlm settings` explains each."])
    yield PaperFacts("preference pairs", "how many there were", _pairs(run, paper.pairs))


def _data(run: RunData, paper: Mapping[str, int]) -> list[PaperFact]:
    place, counts = run.folder.step("data"), {m.step: m.counts for m in run.manifests}
    lines = {name: fact.records for m in run.manifests if m.step == "data" for name, fact in m.outputs.items()}
    heldout = run.records(place / "heldout_sets.jsonl", RankedSet)
    ours: dict[str, object] = {
        "ift": lines.get("ift.jsonl"),
        "eft": counts.get("M1", {}).get("sft: eft examples"),
        "heldout": sum(len(one.responses) for one in heldout) or None,
        "evaluation_prompts": len(run.prompts) or None,
        "validation_prompts": lines.get("validation_prompts.jsonl"),
    }
    return [PaperFact(OF_DATA[name], _count(ours[name]), f"{value:,}") for name, value in paper.items()]


def _pairs(run: RunData, paper: Mapping[str, int]) -> list[PaperFact]:
    """Pairs of every model that was trained on some, and of every one of the paper's."""
    counts = {m.step: m.counts.get("pairs") for m in run.manifests if "pairs" in m.counts}
    names = dict.fromkeys([*paper, *counts])
    return [
        PaperFact(f"pairs that {name} was trained on", _count(counts.get(name)), _count(paper.get(name)))
        for name in names
    ]


def _setting(settings: Mapping[str, Any], name: str) -> str:
    found: Any = settings
    for part in name.split("."):
        found = found[part]
    return "" if found is None else str(found)


def _count(value: object) -> str:
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
