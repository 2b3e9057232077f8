"""Any ranked answers as seed data: each format that `srlm.data.rankings` reads, with reviews where there are some.

A conversation keeps its turns. Of a prompt that stands in several sets the first set is used. What cannot be trained
on is counted, with its reason.
"""

from collections import Counter
from collections.abc import Collection

from srlm.data import hub, rankings
from srlm.data.conversations import fault_of
from srlm.data.human_ranking import HumanRanking
from srlm.data.overlap import normalised
from srlm.data.split import Grouped, split, told, unrepeated
from srlm.errors import DataError
from srlm.records import Prompt, RankedSet, SeedData
from srlm.settings import RankedData


def seed_data(settings: RankedData, seed: int) -> SeedData:
    """Seed data from ranked answers. Raises DataError, with file and line, for what cannot be read or used."""
    part = hub.Part(settings.config, settings.folder, settings.split, settings.revision)
    found = rankings.read(settings.path, settings.format, language=settings.language, part=part)
    grouped, account = usable_sets(found, settings.path)
    return split(grouped, settings, seed, account, settings.path)


def usable_sets(found: rankings.Rankings, path: str) -> tuple[list[Grouped], Counter[str]]:
    """The sets that can be trained on, each prompt once, and what was left out, by reason. Raises DataError for none.

    Sets of one group must not be parted.
    """
    account = Counter({"found": len(found.sets) + found.account.get("dropped: stands twice", 0)} | found.account)
    usable: list[Grouped] = []
    for one in found.sets:
        ranked = _usable(one, account)
        if ranked is not None:
            # The data itself may say what belongs together.
            usable.append(Grouped("" if one.group == one.ranked.prompt.id else one.group, ranked))
    sets = unrepeated(usable, account)
    if not sets:
        raise DataError(f"{path}: no usable set of ranked answers in {found.format} ({told(account)})")
    account["usable"] = len(sets)
    account["with reviews"] = sum(bool(one.ranked.reviews) for one in sets.values())
    account = Counter({name: count for name, count in account.items() if count})
    grouped = [one._replace(group=one.group or first_turns(one.ranked.prompt, sets)) for one in sets.values()]
    return grouped, account


def first_turns(prompt: Prompt, there: Collection[str]) -> str:
    """The shortest conversation in the data that this one goes on from; they are not parted. Itself, where none is."""
    turns = prompt.messages
    begun = (turns[: place + 1] for place, turn in enumerate(turns) if turn.role == "user")
    starts = (normalised(Prompt.of(said[-1].content, "", before=said[:-1]).transcript) for said in begun)
    return next(start for start in starts if start in there)


def _usable(one: HumanRanking, account: Counter[str]) -> RankedSet | None:
    """The set without empty and repeated answers; None, and counted, where that leaves nothing to compare."""
    ranked = one.ranked
    fault = "its answers are conversations of their own" if one.whole else fault_of(ranked.prompt)
    if fault is not None:
        account[f"dropped: {fault}"] += 1
        return None
    kept: dict[str, int] = {}
    for place, (response, rank) in enumerate(zip(ranked.responses, ranked.ranks, strict=True)):
        text = response.text.strip()
        if not text:
            account["dropped reply: empty text"] += 1
        elif text not in kept:
            kept[text] = place
        elif ranked.ranks[kept[text]] == rank:
            account["dropped reply: the same answer again"] += 1
        else:
            account["dropped: one answer has two ranks"] += 1
            return None
    if len(kept) < 2:
        account["dropped: fewer than two answers"] += 1
        return None
    places = list(kept.values())
    ranks = [ranked.ranks[place] for place in places]
    if len(set(ranks)) < 2:
        account["dropped: all answers tied"] += 1
        return None
    if len(places) == len(ranked.responses):
        return ranked
    order = sorted(set(ranks))
    return RankedSet.of(
        ranked.prompt,
        tuple(ranked.responses[place] for place in places),
        tuple(order.index(rank) for rank in ranks),
        tuple(ranked.reviews[place] for place in places) if ranked.reviews else (),
    )
