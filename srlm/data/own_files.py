"""Seed data from one's own files: IFT examples, ranked answers and evaluation prompts, each from a place of its own.

What a run is measured on is kept apart from what it is trained on across all files, as within one: by the words that
the user said, exactly and nearly (srlm/data/overlap.py).
"""

from collections import Counter

from srlm.data import examples, hub, rankings
from srlm.data.ranked import usable_sets
from srlm.data.split import (
    Grouped,
    apart,
    demonstration,
    drawn_prompts,
    shares,
    shuffled_groups,
    take_groups,
    told,
)
from srlm.errors import DataError
from srlm.records import Prompt, SeedData
from srlm.settings import FilesData, RankingsSource

MEASURED = ("evaluation_prompts", "validation_prompts")


def seed_data(settings: FilesData, seed: int) -> SeedData:
    """Seed data from the run's own files. Raises DataError, with file and line, for what cannot be read or used.

    Sizes are the most that is taken. A prompt of evaluation_prompts is never trained on, drawn or not. Without that
    source, evaluation prompts are set aside from `ift`, or from `rankings` where that is all there is. A prompt may be
    trained on as an IFT example and as a ranked set: only measuring must be apart.
    """
    sources = settings.sources
    counts: dict[str, Counter[str]] = {"ift file": Counter(), "rankings": Counter(), "evaluation prompts": Counter()}
    learnt: list[examples.Example] = []
    sets: list[Grouped] = []
    if sources.ift is not None:
        learnt = examples.examples(sources.ift, settings.language, counts["ift file"], "data.sources.ift")
        learnt = shuffled_groups(learnt, seed)
    if sources.rankings is not None:
        sets, counts["rankings"] = _ranked(sources.rankings, settings.language)
        sets = shuffled_groups(sets, seed)
    given: list[Prompt] = []
    if sources.evaluation_prompts is not None:
        given = examples.prompts(sources.evaluation_prompts, "data.sources.evaluation_prompts")
        counts["evaluation prompts"]["found"] = len(given)
        learnt = apart(learnt, given, counts["ift file"])
        sets = apart(sets, given, counts["rankings"])

    names = ("heldout_sets", *MEASURED, "eft_sets", "ift")
    wanted: dict[str, int] = {name: getattr(settings, name) for name in names}
    aside = () if given else MEASURED
    from_ift = () if sources.ift is None else (*aside, "ift")
    from_sets = ("heldout_sets", *(() if from_ift else aside), "eft_sets", *(() if from_ift else ("ift",)))
    size = shares({name: wanted[name] for name in from_sets}, len(sets))
    size |= shares({name: wanted[name] for name in from_ift}, len(learnt))
    if given:
        size |= shares({name: wanted[name] for name in MEASURED}, len(given))
        evaluation, validation = drawn_prompts(given, size, seed)
        heldout = take_groups(sets, size, ("heldout_sets",), counts["rankings"])["heldout_sets"]
    elif from_ift:
        drawn = take_groups(learnt, size, MEASURED, counts["ift file"])
        evaluation, validation = ([one.prompt for one in drawn[name]] for name in MEASURED)
        heldout = take_groups(sets, size, ("heldout_sets",), counts["rankings"])["heldout_sets"]
    else:
        taken = take_groups(sets, size, ("heldout_sets", *MEASURED), counts["rankings"])
        evaluation, validation = ([one.prompt for one in taken[name]] for name in MEASURED)
        heldout = taken["heldout_sets"]

    measured = [*(one.prompt for one in heldout), *evaluation, *validation]
    learnt = apart(learnt, measured, counts["ift file"])
    sets = apart(sets, measured, counts["rankings"])
    sets.sort(key=lambda one: not one.ranked.reviews)  # stable: without reviews nothing moves
    eft = take_groups(sets, size, ("eft_sets",), counts["rankings"])["eft_sets"]
    if from_ift:
        taught = take_groups(learnt, size, ("ift",), counts["ift file"])["ift"]
        ift, seeds = [one.demonstration for one in taught], [one.prompt for one in taught]
        counts["ift file"]["not needed"] = len(learnt)
    else:
        best = take_groups(sets, size, ("ift",), counts["rankings"])["ift"]
        ift, seeds = [demonstration(one.ranked) for one in best], [one.prompt for one in best]
    counts["rankings"]["not needed"] = len(sets)

    account = {f"{file}: {name}": count for file, own in counts.items() for name, count in own.items() if count}
    got = {
        **{"heldout_sets": len(heldout), "evaluation_prompts": len(evaluation), "validation_prompts": len(validation)},
        **{"eft_sets": len(eft), "ift": len(ift)},
    }
    if empty := [f"data.{name}" for name in names if wanted[name] and not got[name]]:
        raise DataError(
            f"data.sources: too few usable rows: none left for {' and '.join(empty)} ({told(account)}); use more data "
            "or smaller sets"
        )
    for name in names:
        account |= {f"{name}: wanted": wanted[name], f"{name}: got": got[name]}
    return SeedData(
        ift=tuple(ift),
        seed_prompts=tuple(seeds),
        eft_sets=tuple(one.ranked for one in eft),
        heldout_sets=tuple(one.ranked for one in heldout),
        evaluation_prompts=tuple(evaluation),
        validation_prompts=tuple(validation),
        account=account,
    )


def _ranked(source: RankingsSource, language: str | None) -> tuple[list[Grouped], Counter[str]]:
    setting = "data.sources.rankings"
    if source.format is None:
        row = next(iter(examples.rows_of(source, setting)))
        looks = rankings.told(row, f"{setting}.format")
        raise DataError(f"{setting}.format is not set; {row.place}: looks like {looks}: set format: {looks}")
    part = hub.Part(source.config, source.folder, source.split, source.revision)
    found = rankings.read(
        source.path,
        source.format,
        language=language,
        part=part,
        option=f"{setting}.format",
        columns=source.columns,
    )
    return usable_sets(found, source.path)
