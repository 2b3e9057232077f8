"""Open Assistant's ranked conversations as seed data: nested message trees or flat rows, local or from the hub.

Only the first turn is used: a deeper prompt means little without what was said before it. A conversation is usable
when a person wrote the prompt and at least two of its direct replies, people ranked these, nobody deleted or refused
them, and all are in the run's language. Whatever is left out is counted, with its reason, in the account.
"""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, TypeVar

from srlm.data import hub
from srlm.data.lines import Row, instructions, locate, rows
from srlm.data.overlap import normalised, overlapping
from srlm.data.seed import SeedData
from srlm.errors import DataError
from srlm.records import Demonstration, Prompt, RankedSet, Record, Response, seed_for
from srlm.settings import OasstData

T = TypeVar("T")

FINISHED = "ready_for_export"
"""State of a tree whose reviews and rankings are complete."""


def oasst(settings: OasstData, seed: int) -> SeedData:
    """IFT, EFT, held-out and evaluation sets from ranked conversations, disjoint by prompt (the paper, section 3.1).

    IFT takes the best-ranked answer; EFT and held-out sets keep all ranked ones. A conversation whose prompt is, or
    nearly is, one that models are measured on is not trained on: neither one of `settings.prompts_path` (all of them,
    not only those drawn here) nor one set aside from the trees. Where there are fewer conversations than asked, each
    set gets its share. Raises DataError where a set that was asked for would be empty.
    """
    trees = read(settings.path, settings.language, settings.revision)
    account = Counter(trees.account)
    pool = _shuffled(trees.sets, seed, "conversations")
    wanted = {
        "heldout_sets": settings.heldout_sets,
        "evaluation_prompts": settings.evaluation_prompts,
        "validation_prompts": settings.validation_prompts,
        "eft_sets": settings.eft_sets,
        "ift": settings.ift,
    }
    if settings.prompts_path is None:
        size = shares(wanted, len(pool))
        measured = _take(pool, size, ("heldout_sets", "evaluation_prompts", "validation_prompts"))
        evaluation = [one.prompt for one in measured["evaluation_prompts"]]
        validation = [one.prompt for one in measured["validation_prompts"]]
    else:
        asked = instructions(settings.prompts_path)
        pool = _apart(pool, asked, account)
        asked = _shuffled(asked, seed, "evaluation prompts")
        drawn = shares({name: wanted[name] for name in ("evaluation_prompts", "validation_prompts")}, len(asked))
        size = shares({name: wanted[name] for name in ("heldout_sets", "eft_sets", "ift")}, len(pool)) | drawn
        taken = _take(asked, drawn, ("evaluation_prompts", "validation_prompts"))
        evaluation, validation = taken["evaluation_prompts"], taken["validation_prompts"]
        measured = _take(pool, size, ("heldout_sets",))
    heldout = measured["heldout_sets"]
    pool = _apart(pool, [*(one.prompt for one in heldout), *evaluation, *validation], account)
    trained = _take(pool, size, ("eft_sets", "ift"))
    got = {name: len(made) for name, made in (measured | trained).items()}
    got |= {"evaluation_prompts": len(evaluation), "validation_prompts": len(validation)}
    account["not needed"] = len(pool)
    for name, want in wanted.items():
        account[f"{name}: wanted"], account[f"{name}: got"] = want, got[name]
    empty = [f"data.{name}" for name, want in wanted.items() if want and not got[name]]
    if empty:
        raise DataError(
            f"{settings.path}: too few usable conversations: none left for {' and '.join(empty)} ({_told(account)}); "
            "take more data or ask for less"
        )
    return SeedData(
        ift=tuple(
            Demonstration.of("ift", s.prompt.text, s.responses[0].text, s.responses[0].id) for s in trained["ift"]
        ),
        seed_prompts=tuple(one.prompt for one in trained["ift"]),
        eft_sets=tuple(trained["eft_sets"]),
        heldout_sets=tuple(heldout),
        evaluation_prompts=tuple(evaluation),
        validation_prompts=tuple(validation),
        account=dict(account),
    )


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


class Trees(Record):
    """What a file of conversations holds."""

    sets: tuple[RankedSet, ...]
    """First prompts with their ranked replies, best first, in the file's order."""
    account: dict[str, int]
    """Conversations found and usable; prompts and replies dropped, by reason."""


def read(path: str, language: str, revision: str | None = None) -> Trees:
    """The usable conversations of a file (`${NAME}` from the environment) or of `hub:OWNER/NAME` at a revision.

    Raises DataError, with file and line, for what is not a conversation, and where nothing usable is found.
    """
    found = hub.rows(path, revision) if path.startswith(hub.HUB) else rows(locate(path))
    account: Counter[str] = Counter()
    sets: dict[str, RankedSet] = {}
    for root in _roots(path, found, account):
        account["found"] += 1
        account["dropped: not first turn"] += sum(_rankable(message) for message in _below(root))
        ranked = _ranked_set(root, language, account)
        if ranked is None:
            continue
        # Twice the same prompt could stand on both sides of a split.
        if normalised(ranked.prompt.text) in sets:
            account["dropped: duplicate prompt"] += 1
        else:
            sets[normalised(ranked.prompt.text)] = ranked
    if not sets:
        raise DataError(
            f"{path}: no usable conversation (a prompt in language {language!r} with two or more ranked replies): "
            + (_told(account) or "the file is empty")
        )
    account["usable"] = len(sets)
    return Trees(sets=tuple(sets.values()), account={name: count for name, count in account.items() if count})


def every_ranking(path: str) -> list[tuple[str, RankedSet]]:
    """Every prompt of a file, at any depth, in any language, with two or more answers that people ranked.

    Each comes with its tree: prompts of one tree share their beginning. A deeper prompt's
    text is the conversation so far. Only deleted answers are left out. Raises DataError as `read` does.
    """
    found = hub.rows(path, None) if path.startswith(hub.HUB) else rows(locate(path))
    sets = []
    for number, root in enumerate(_roots(path, found, Counter())):
        todo = [(root, [root])]
        while todo:
            message, spoken = todo.pop()
            todo += [(reply, [*spoken, reply]) for reply in reversed(message.replies)]
            answers = [one for one in message.replies if one.rank is not None and one.role == "assistant"]
            answers = [one for one in answers if not one.deleted]
            if message.role == "prompter" and len(answers) > 1:
                sets.append((f"tree {number}", _as_ranked(_conversation(spoken), answers)))
    if not sets:
        raise DataError(f"{path}: no prompt with two or more ranked answers")
    return sets


def _conversation(spoken: Sequence["_Message"]) -> str:
    if len(spoken) == 1:
        return spoken[0].text.strip()
    names = {"prompter": "User", "assistant": "Assistant"}
    return "\n\n".join(f"{names.get(one.role, one.role)}: {one.text.strip()}" for one in spoken)


def _as_ranked(asked: str, answers: Sequence["_Message"]) -> RankedSet:
    prompt = Prompt.of(asked, "oasst")
    best_first = sorted(((one.rank or 0, one.text.strip()) for one in answers), key=lambda answer: answer[0])
    order = sorted({rank for rank, _ in best_first})
    responses = tuple(Response.of(prompt.id, text, "human", draw) for draw, (_, text) in enumerate(best_first))
    return RankedSet.of(prompt, responses, tuple(order.index(rank) for rank, _ in best_first))


@dataclass
class _Message:
    """A message as exported, with those that answer it."""

    place: str
    text: str
    role: str
    lang: str | None
    rank: int | None
    deleted: bool
    refused: bool
    synthetic: bool
    state: str | None
    replies: list["_Message"] = field(default_factory=list)

    def fault(self, language: str) -> str | None:
        """Why a person's message in this language it is not; None where it is one."""
        if self.state not in (None, FINISHED):
            return "tree not finished"
        if self.deleted:
            return "deleted"
        if self.refused:
            return "failed review"
        if self.synthetic:
            return "synthetic"
        if self.lang != language:
            return "other language"
        return None if self.text.strip() else "empty text"


def _ranked_set(root: _Message, language: str, account: Counter[str]) -> RankedSet | None:
    """The first turn of a conversation; None, and counted, where it is not usable."""
    fault = root.fault(language) or (None if root.role == "prompter" else "not a prompt")
    if fault:
        account[f"dropped: {fault}"] += 1
        return None
    replies = []
    for reply in root.replies:
        fault = reply.fault(language) or (None if reply.role == "assistant" else "not an answer")
        if fault is None and reply.rank is not None:
            replies.append(reply)
        else:
            account[f"dropped reply: {fault or 'no rank'}"] += 1
    if len(replies) < 2:
        unranked = all(reply.rank is None for reply in root.replies)
        account["dropped: no ranks" if unranked else "dropped: fewer than two ranked replies"] += 1
        return None
    if len({reply.rank for reply in replies}) < 2:
        account["dropped: all replies tied"] += 1
        return None
    return _as_ranked(root.text.strip(), replies)


def _roots(path: str, found: Iterable[Row], account: Counter[str]) -> Iterator[_Message]:
    """First messages, whether the rows are nested trees or flat messages; the first row tells which."""
    found = iter(found)
    first = next(found, None)
    if first is None:
        return iter(())
    every = chain([first], found)
    if isinstance(first.value.get("prompt"), dict):
        return (_nested(row) for row in every)
    if "message_id" in first.value and "text" in first.value:
        return iter(_flat(every, account))
    raise DataError(
        f"{first.place}: neither a message tree (`prompt` with `replies`) nor a message (`message_id`, `parent_id`, "
        f"`text`, `role`): the fields are {', '.join(first.value) or 'none'}"
    )


def _nested(row: Row) -> _Message:
    prompt = row.value.get("prompt")
    if not isinstance(prompt, dict):
        raise DataError(f"{row.place}: a message tree without `prompt`, in a file of trees")
    root = _message(row.place, {"tree_state": row.value.get("tree_state")} | prompt)
    todo = [(root, prompt)]
    while todo:
        parent, exported = todo.pop()
        for reply in exported.get("replies") or ():
            if not isinstance(reply, dict):
                raise DataError(f"{row.place}: `replies` must hold messages, found a {type(reply).__name__}")
            message = _message(row.place, reply)
            parent.replies.append(message)
            todo.append((message, reply))
    return root


def _flat(found: Iterable[Row], account: Counter[str]) -> list[_Message]:
    messages: dict[str, _Message] = {}
    parents: list[tuple[str, str | None]] = []
    for place, value in found:
        identity, parent = value.get("message_id"), value.get("parent_id")
        if not isinstance(identity, str) or not (parent is None or isinstance(parent, str)):
            raise DataError(f"{place}: a message needs a text `message_id`, and a `parent_id` that is text or null")
        if identity in messages:
            raise DataError(f"{place}: message_id {identity} stands at {messages[identity].place} already")
        messages[identity] = _message(place, value)
        parents.append((identity, parent))
    roots = []
    for identity, parent in parents:
        if parent is None:
            roots.append(messages[identity])
        elif parent in messages:
            messages[parent].replies.append(messages[identity])
        else:
            account["dropped: parent not in the file"] += 1
    return roots


def _message(place: str, value: Mapping[str, Any]) -> _Message:
    text, role, rank = value.get("text"), value.get("role"), value.get("rank")
    if not (text is None or isinstance(text, str)) or not isinstance(role, str):
        raise DataError(f"{place}: a message has `text` and a `role`; here they are {text!r:.40} and {role!r:.40}")
    # Exports that went through a data frame hold ranks as 0.0, 1.0 and NaN.
    if isinstance(rank, float):
        rank = int(rank) if rank.is_integer() else None if rank != rank else rank
    if isinstance(rank, bool) or not (rank is None or isinstance(rank, int)):
        raise DataError(f"{place}: `rank` must be a whole number or null, found {rank!r:.40}")
    state, lang = value.get("tree_state"), value.get("lang")
    return _Message(
        place=place,
        text=text or "",
        role=role,
        lang=lang if isinstance(lang, str) else None,
        rank=rank,
        deleted=bool(value.get("deleted")),
        refused=value.get("review_result") is False,
        synthetic=bool(value.get("synthetic")),
        state=state if isinstance(state, str) else None,
    )


def _below(root: _Message) -> Iterator[_Message]:
    todo = list(root.replies)
    while todo:
        message = todo.pop()
        yield message
        todo.extend(message.replies)


def _rankable(message: _Message) -> bool:
    return message.role == "prompter" and sum(reply.rank is not None for reply in message.replies) >= 2


def _apart(pool: Sequence[RankedSet], measured: Sequence[Prompt], account: Counter[str]) -> list[RankedSet]:
    """The conversations whose prompt is none of the measured ones; the others are counted."""
    overlaps = overlapping([one.prompt for one in pool], measured)
    texts = {prompt.id: normalised(prompt.text) for prompt in measured}
    for one in pool:
        if one.prompt.id in overlaps:
            exact = normalised(one.prompt.text) == texts[overlaps[one.prompt.id]]
            account[f"dropped: is {'' if exact else 'nearly '}an evaluation prompt"] += 1
    return [one for one in pool if one.prompt.id not in overlaps]


def _take(pool: list[T], size: Mapping[str, int], names: Sequence[str]) -> dict[str, list[T]]:
    """The next `size[name]` of the pool for each name, in order; they leave the pool."""
    taken = {}
    for name in names:
        taken[name] = pool[: size[name]]
        del pool[: size[name]]
    return taken


def _shuffled(values: Sequence[T], seed: int, use: str) -> list[T]:
    return random.Random(seed_for(seed, use)).sample(values, len(values))


def _told(account: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in account.items() if count)
