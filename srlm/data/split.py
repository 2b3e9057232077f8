"""Ranked answers -> seed data: IFT, EFT, held-out, evaluation and validation sets that share no prompt."""

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar

from srlm.data.lines import instructions
from srlm.data.overlap import asked, normalised, overlapping
from srlm.errors import DataError
from srlm.records import Demonstration, Prompt, RankedSet, Response, SeedData, seed_for
from srlm.settings import SeedSets

T = TypeVar("T")


class Placed(Protocol):
    """What goes into one of the sets as a whole."""

    @property
    def group(self) -> str:
        """What it must not be parted from: those of one group begin with the same words."""
        ...

    @property
    def prompt(self) -> Prompt: ...


P = TypeVar("P", bound=Placed)


class Grouped(NamedTuple):
    """A ranked set, and what it must not be parted from: sets of one group begin with the same words."""

    group: str
    ranked: RankedSet

    @property
    def prompt(self) -> Prompt:
        return self.ranked.prompt


def unrepeated(sets: Iterable[Grouped], account: Counter[str]) -> dict[str, Grouped]:
    """The first set of each conversation, by its words; the others are counted: they could stand on both sides of a
    split."""
    found: dict[str, Grouped] = {}
    for one in sets:
        if found.setdefault(normalised(one.ranked.prompt.transcript), one) is not one:
            account["dropped: duplicate prompt"] += 1
    return found


def split(sets: Sequence[Grouped], settings: SeedSets, seed: int, account: Counter[str], path: str) -> SeedData:
    """Seed data from ranked sets, disjoint by prompt and by group (the paper, section 3.1).

    IFT takes the best-ranked answer; EFT and held-out sets keep all ranked ones, and EFT those with reviews first. A
    set whose prompt is, or nearly is, one that models are measured on is not trained on: neither one of
    `settings.prompts_path` (all of them, not only those drawn here) nor one set aside from these sets. Where there are
    fewer than asked, each gets its share. Raises DataError, with `path`, where one that was asked for would be empty.
    """
    pool = shuffled_groups(sets, seed)
    wanted = {
        "heldout_sets": settings.heldout_sets,
        "evaluation_prompts": settings.evaluation_prompts,
        "validation_prompts": settings.validation_prompts,
        "eft_sets": settings.eft_sets,
        "ift": settings.ift,
    }
    if settings.prompts_path is None:
        size = shares(wanted, len(pool))
        measured = take_groups(pool, size, ("heldout_sets", "evaluation_prompts", "validation_prompts"), account)
        evaluation = [one.prompt for one in measured["evaluation_prompts"]]
        validation = [one.prompt for one in measured["validation_prompts"]]
    else:
        given = instructions(settings.prompts_path)
        pool = apart(pool, given, account)
        drawn = shares({name: wanted[name] for name in ("evaluation_prompts", "validation_prompts")}, len(given))
        size = shares({name: wanted[name] for name in ("heldout_sets", "eft_sets", "ift")}, len(pool)) | drawn
        evaluation, validation = drawn_prompts(given, drawn, seed)
        measured = take_groups(pool, size, ("heldout_sets",), account)
    heldout = [one.ranked for one in measured["heldout_sets"]]
    pool = apart(pool, [*(one.prompt for one in heldout), *evaluation, *validation], account)
    pool.sort(key=lambda one: not one.ranked.reviews)  # stable: without reviews nothing moves
    trained = take_groups(pool, size, ("eft_sets", "ift"), account)
    ift = [one.ranked for one in trained["ift"]]
    got = {name: len(made) for name, made in (measured | trained).items()}
    got |= {"evaluation_prompts": len(evaluation), "validation_prompts": len(validation)}
    account["not needed"] = len(pool)
    for name, want in wanted.items():
        account[f"{name}: wanted"], account[f"{name}: got"] = want, got[name]
    empty = [f"data.{name}" for name, want in wanted.items() if want and not got[name]]
    if empty:
        raise DataError(
            f"{path}: too few usable conversations: none left for {' and '.join(empty)} ({told(account)}); "
            "use more data or smaller sets"
        )
    return SeedData(
        ift=tuple(demonstration(one) for one in ift),
        seed_prompts=tuple(one.prompt for one in ift),
        eft_sets=tuple(one.ranked for one in trained["eft_sets"]),
        heldout_sets=tuple(heldout),
        evaluation_prompts=tuple(evaluation),
        validation_prompts=tuple(validation),
        account=dict(account),
    )


def best(ranked: RankedSet) -> Response:
    """The best-ranked answer; of several, the first."""
    return ranked.responses[ranked.ranks.index(min(ranked.ranks))]


def shares(wanted: Mapping[str, int], there: int) -> dict[str, int]:
    """How many each set gets of what is there: what it wants, or a share in proportion, at least one while there are.

    The shares add up to `there` where more is wanted than that.
    """
    total = sum(wanted.values())
    if total <= there:
        return dict(wanted)
    exact = {name: there * want / total for name, want in wanted.items()}
    size = {name: min(want, max(1, int(exact[name]))) for name, want in wanted.items()}
    while sum(size.values()) > there:
        size[max(size, key=lambda name: (size[name], size[name] - exact[name]))] -= 1
    while sum(size.values()) < there:
        size[max(size, key=lambda name: (size[name] < wanted[name], exact[name] - size[name]))] += 1
    return size


def told(account: Mapping[str, int]) -> str:
    """An account in words, for a message."""
    return ", ".join(f"{name} {count}" for name, count in account.items() if count)


def demonstration(one: RankedSet) -> Demonstration:
    """Its prompt and its best-ranked answer."""
    response = best(one)
    return Demonstration.of("ift", one.prompt.text, response.text, response.id, one.prompt.before)


def shuffled_groups(every: Sequence[P], seed: int) -> list[P]:
    """All of them, group by group, in an order drawn from the seed."""
    groups: dict[str, list[P]] = {}
    for one in every:
        groups.setdefault(one.group, []).append(one)
    drawn = random.Random(seed_for(seed, "conversations")).sample(list(groups.values()), len(groups))
    return [one for group in drawn for one in group]


def drawn_prompts(given: Sequence[Prompt], size: Mapping[str, int], seed: int) -> tuple[list[Prompt], list[Prompt]]:
    """Evaluation and validation prompts, drawn from those that a file gives."""
    drawn = random.Random(seed_for(seed, "evaluation prompts")).sample(given, len(given))
    evaluation, validation = size["evaluation_prompts"], size["validation_prompts"]
    return drawn[:evaluation], drawn[evaluation : evaluation + validation]


def apart(pool: Sequence[P], measured: Sequence[Prompt], account: Counter[str]) -> list[P]:
    """Those whose prompt is none of the measured ones; the others are counted."""
    overlaps = overlapping([one.prompt for one in pool], measured)
    texts = {prompt.id: normalised(asked(prompt)) for prompt in measured}
    for one in pool:
        prompt = one.prompt
        if prompt.id in overlaps:
            exact = normalised(asked(prompt)) == texts[overlaps[prompt.id]]
            account[f"dropped: is {'' if exact else 'nearly '}an evaluation prompt"] += 1
    return [one for one in pool if one.prompt.id not in overlaps]


def take_groups(
    pool: list[P], size: Mapping[str, int], names: Sequence[str], account: Counter[str]
) -> dict[str, list[P]]:
    """The next `size[name]` of the pool for each name, in order; they leave the pool.

    What is left of a group of which a part was taken leaves the pool, too, and is counted.
    """
    taken = {}
    for name in names:
        taken[name] = pool[: size[name]]
        del pool[: size[name]]
        begun = {one.group for one in taken[name]}
        parted = sum(one.group in begun for one in pool)
        if parted:
            account["dropped: its conversation is in another set"] += parted
            pool[:] = [one for one in pool if one.group not in begun]
    return taken
