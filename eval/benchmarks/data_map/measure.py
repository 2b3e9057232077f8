"""Sets of texts embedded, placed in two dimensions, and compared with each other.

evaluation/data_map/places.jsonl          a point a drawn text
evaluation/data_map/near.jsonl            near duplicates between sets
"""

from collections.abc import Sequence
from itertools import combinations
from random import Random

import numpy as np

from srlm.records import Record, seed_for
from srlm.store import files
from srlm.store.progress import Reporter
from srlm.text.counts import counted

from ...records import MetricValue
from ...stats.intervals import Estimate, Resampling
from ...stats.two_sets import near_duplicates, nearest, told_apart
from ..base import RunData
from ..measuring import figure, resampling, with_holm
from .embedding import EmbeddedSet, Vectors, embedded, model_of
from .texts import EVALUATION, text_sets

DATA_MAP = "data_map"
PLACES, NEAR = "places.jsonl", "near.jsonl"
MOST_PAIRS = 50
"""Near duplicates of two sets that are kept with their words."""
LONGEST = 1000
"""Letters of a text that are kept beside its point, or in a pair."""
FEWEST = 5
"""Texts below which there is no map."""


class MapPoint(Record):
    """One drawn text."""

    of: str
    """Its set."""
    x: float
    y: float
    text: str
    """Its beginning."""


class NearTexts(Record):
    """Two texts of different sets that are nearly the same to the embedding model."""

    first: str
    """The set of `text`."""
    second: str
    text: str
    other: str
    cosine: float


class MapMade(Record):
    """How the map on disk was made, for the words beside it."""

    model: str
    perplexity: float
    sets: dict[str, str]
    """By set: how many of its texts were embedded."""
    drawn: dict[str, int]
    cut: dict[str, int]
    """By set: texts longer than the model reads."""
    eft: str


def figures(run: RunData) -> list[MetricValue]:
    """Every two sets compared; the map is kept for the report."""
    wanted, how = run.settings.evaluation.data_map, resampling(run.settings)
    sets = embedded(run.folder, text_sets(run), wanted)
    place = run.evaluation / DATA_MAP
    metrics: list[MetricValue] = []
    near: list[NearTexts] = []
    with Reporter("data map: overlap", run.folder.log, "pairs"):
        for one, other in combinations(sets, 2):
            # The later set is asked about the earlier: are new prompts like IFT's, is an evaluation prompt in them?
            found, pairs = overlap(other, one, wanted.near, how)
            metrics += found
            near += pairs
    files.write(place / NEAR, near)
    drawn = _drawn(sets, wanted.drawn, run.settings.seed)
    with Reporter("data map: t-SNE", run.folder.log, "texts"):
        points, perplexity = placed(drawn, wanted.perplexity, seed_for(run.settings.seed, "t-SNE"))
    files.write(place / PLACES, points)
    made = MapMade(
        model=model_of(wanted).name,
        perplexity=perplexity,
        sets={one.of.name: one.of.said for one in sets},
        drawn={name: len(texts) for name, texts, _ in drawn},
        cut={one.of.name: one.cut for one in sets},
        eft=wanted.eft,
    )
    files.write_json(place / "made.json", made.model_dump(mode="json"))
    return with_holm(metrics, how, shares=True)


def overlap(
    first: EmbeddedSet, second: EmbeddedSet, threshold: float, how: Resampling
) -> tuple[list[MetricValue], list[NearTexts]]:
    """How far the first set lies within the second."""
    a, b, names = first.vectors, second.vectors, (first.of.name, second.of.name)
    how = how.using(DATA_MAP, *names)
    sampled = [f"{one.of.name}: {one.of.said}" for one in (first, second) if len(one.of.texts) < one.of.total]
    cut = [
        f"{one.of.name}: {counted(one.cut, 'texts')} read to the model's limit" for one in (first, second) if one.cut
    ]
    note = "; ".join([*(["sampled " + ", ".join(sampled)] if sampled else []), *cut])

    def named(metric: str, estimate: Estimate, own: str = "", p: float | None = None) -> MetricValue:
        said = "; ".join(part for part in (own, note) if part)
        return figure(
            names[0],
            DATA_MAP,
            metric,
            estimate,
            baseline=names[1],
            unit="texts",
            p=p,
            test="permutation test of the sets",
            over="texts",
            note=said,
        )

    metrics = []
    if (found := nearest(a, b, how)) is not None:
        chance = f"by chance {100 * found.by_chance:.1f}%"
        metrics.append(named("nearest", found.share, chance))
        metrics.append(named("nearest_beyond_chance", found.beyond_chance, chance, found.p))
    metrics.append(named("told_apart", told_apart(a, b, how)))
    near = near_duplicates(a, b, threshold, how)
    metrics.append(named("near_duplicates", near.share, f"cosine of {threshold:g} or more"))
    pairs = [
        NearTexts(
            first=names[0],
            second=names[1],
            text=first.of.texts[row][:LONGEST],
            other=second.of.texts[column][:LONGEST],
            cosine=cosine,
        )
        for row, column, cosine in near.pairs[:MOST_PAIRS]
    ]
    return metrics, pairs


# The map --------------------------------------------------------------------------------------------------------------

Drawn = tuple[str, Sequence[str], Vectors]
"""A set's name, and the texts of it that are drawn with their vectors."""


def _drawn(sets: Sequence[EmbeddedSet], most: int, seed: int) -> list[Drawn]:
    """Of each set as many texts as all others have, up to `most` in all; small sets are drawn whole."""
    left, found = most, {}
    for number, one in enumerate(sorted(sets, key=lambda one: len(one.of.texts))):
        count = min(len(one.of.texts), left // (len(sets) - number))
        left -= count
        rows = sorted(Random(seed_for(seed, "drawn", one.of.name)).sample(range(len(one.of.texts)), count))
        found[one.of.name] = (one.of.name, [one.of.texts[row] for row in rows], one.vectors[rows])
    return [found[one.of.name] for one in sets]


def placed(drawn: Sequence[Drawn], perplexity: float, seed: int) -> tuple[list[MapPoint], float]:
    """The points of all texts by t-SNE, the same for the same seed, and the perplexity that was used."""
    vectors = np.concatenate([own for _, _, own in drawn])
    used = round(min(perplexity, (len(vectors) - 1) / 3), 4)
    if len(vectors) < FEWEST:
        return [], used
    from sklearn.manifold import TSNE

    # All texts alike have no principal components to begin from.
    begin = "pca" if float(np.ptp(vectors, axis=0).max()) > 1e-6 else "random"
    at = TSNE(2, perplexity=used, init=begin, random_state=seed % 2**31).fit_transform(vectors.astype(np.float64))
    texts = [(name, text) for name, own, _ in drawn for text in own]
    points = [
        MapPoint(of=name, x=float(x), y=float(y), text=text[:LONGEST])
        for (name, text), (x, y) in zip(texts, np.round(at.astype(np.float64), 3), strict=True)
    ]
    return points, used


def against_evaluation(metrics: Sequence[MetricValue]) -> list[MetricValue]:
    """Near duplicates of evaluation prompts in what models were trained on."""
    return [m for m in metrics if m.model == EVALUATION and m.metric == "near_duplicates"]
