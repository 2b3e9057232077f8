"""The data map's chapter of the page."""

from srlm.store import files

from ...figures import charts
from ...figures.looks import Looks
from ...figures.text import short_name
from ..base import PageSection, RunData
from .measure import DATA_MAP, NEAR, PLACES, MapMade, MapPoint, NearTexts
from .texts import EVALUATION, new_prompts

EXCERPT = 90
MOST_SHOWN = 30
"""Near duplicates on the page; near.jsonl has more."""


def section(run: RunData) -> PageSection:
    """The map, each set alone, overlap in numbers, and near duplicates."""
    place = run.evaluation / DATA_MAP
    made = files.read_one(place / "made.json", MapMade) if (place / "made.json").exists() else None
    near = run.records(place / NEAR, NearTexts)
    near = sorted(near, key=lambda one: (one.first != EVALUATION, -one.cosine))
    looks = run.looks.called({new_prompts(step.name): step.name for step in run.steps})
    content = {
        "made": made,
        "figures": run.of(DATA_MAP),
        "near": near[:MOST_SHOWN],
        "more": max(0, len(near) - MOST_SHOWN),
        "threshold": run.settings.evaluation.data_map.near,
        "charts": pictures(run.records(place / PLACES, MapPoint), made, looks),
    }
    return PageSection("own", "data_map/section.html", content, id="data-map", link="Data map")


def pictures(points: list[MapPoint], made: MapMade | None, looks: Looks) -> list[charts.Chart]:
    """All sets in one picture, and each alone: colours are not needed to tell them apart."""
    if not points:
        return []
    rows = [
        {"kind": short_name(one.of), "x": one.x, "y": one.y, "said": _excerpt(f"{one.of}: {one.text}")}
        for one in points
    ]
    note = ""
    if made is not None:
        drawn = ", ".join(f"{name} {count:,} (embedded: {made.sets[name]})" for name, count in made.drawn.items())
        note = (
            f"Embeddings by {made.model}, t-SNE (perplexity {made.perplexity:g}). Drawn: {drawn}. Near means: alike to "
            "the embedding model. Distances between far groups, and the size of a group, mean nothing in t-SNE."
        )
    prompts = {row["said"]: one.text for row, one in zip(rows, points, strict=True) if one.of == EVALUATION}
    return [
        charts.scatter("Data map: all sets", rows, "kind", note, looks).model_copy(update={"prompts": prompts}),
        charts.each_alone("Data map: each set alone", rows, "kind"),
    ]


def _excerpt(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= EXCERPT else text[:EXCERPT] + " ..."
