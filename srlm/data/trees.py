"""Open Assistant's ranked conversations as seed data: nested message trees or flat rows, local or from the hub.

The first turn is used, as in the paper, or every ranked turn with all that was said before it (`data.turns`). A turn is
usable when a person wrote it and at least two of its direct replies, people ranked these, nobody deleted or refused
them, and all, with the turns before, are in the run's language. Whatever is left out is counted, with its reason.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Literal

from srlm.data import hub
from srlm.data.languages import in_language
from srlm.data.lines import Row, locate, rows
from srlm.data.split import Grouped, split, told, unrepeated
from srlm.errors import DataError
from srlm.records import Message, Prompt, RankedSet, Record, Response, SeedData
from srlm.settings import OasstData

FINISHED = "ready_for_export"
"""State of a tree whose reviews and rankings are complete."""


def oasst(settings: OasstData, seed: int) -> SeedData:
    """Seed data from ranked conversations. Raises DataError where a set that was asked for would be empty."""
    trees = read(settings.path, settings.language, settings.turns, settings.revision)
    sets = [Grouped(tree, one) for tree, one in zip(trees.trees, trees.sets, strict=True)]
    return split(sets, settings, seed, Counter(trees.account), settings.path)


class Trees(Record):
    """What a file of conversations holds."""

    sets: tuple[RankedSet, ...]
    """Prompts with their ranked replies, best first, in the file's order."""
    trees: tuple[str, ...]
    """Of each set its tree."""
    account: dict[str, int]
    """Conversations found and usable; prompts and replies dropped, by reason."""


def read(path: str, language: str, turns: Literal["first", "all"] = "first", revision: str | None = None) -> Trees:
    """The usable conversations of a file (`${NAME}` from the environment) or of `hub:OWNER/NAME` at a revision.

    Raises DataError, with file and line, for what is not a conversation, and where nothing usable is found.
    """
    found = hub.rows(path, hub.Part(revision=revision)) if path.startswith(hub.HUB) else rows(locate(path))
    account: Counter[str] = Counter()
    languages: Counter[str] = Counter()
    usable: list[Grouped] = []
    for number, root in enumerate(_roots(path, found, account)):
        account["found"] += 1
        languages[root.lang or "none"] += 1
        if turns == "first":
            account["dropped: not first turn"] += sum(_rankable(message) for message in _below(root))
        for spoken in _prompts(root, turns):
            ranked = _ranked_set(spoken, language, account)
            if ranked is not None:
                usable.append(Grouped(f"tree {number}", ranked))
    sets = unrepeated(usable, account).values()
    if not sets:
        there = ", ".join(f"{name} {count}" for name, count in languages.most_common(10))
        raise DataError(
            f"{path}: no usable conversation (a prompt in language {language!r} with two or more ranked replies): "
            + (told(account) or "the file is empty")
            + (f"; the languages are {there}" if account["dropped: other language"] else "")
        )
    account["usable"] = len(sets)
    return Trees(
        sets=tuple(one.ranked for one in sets),
        trees=tuple(one.group for one in sets),
        account={name: count for name, count in account.items() if count},
    )


def every_ranking(
    path: str,
    found: Iterable[Row] | None = None,
    language: str | None = None,
    account: Counter[str] | None = None,
) -> list[tuple[str, RankedSet]]:
    """Every prompt of a file, at any depth, with two or more answers that people ranked; None: in any language.

    Each comes with its tree: prompts of one tree share their beginning. Only deleted answers are left out; what is, is
    counted in `account`. `found` are the file's rows where they were read before. Raises DataError as `read` does.
    """
    if found is None:
        found = hub.rows(path) if path.startswith(hub.HUB) else rows(locate(path))
    account = Counter() if account is None else account
    sets: list[tuple[str, RankedSet]] = []
    for number, root in enumerate(_roots(path, found, account)):
        before = len(sets), account.total()
        for spoken in _prompts(root, "all"):
            message = spoken[-1]
            if message.role != "prompter":
                continue
            ranked = [one for one in message.replies if one.rank is not None and one.role == "assistant"]
            answers = [one for one in ranked if not one.deleted]
            account["dropped reply: deleted"] += len(ranked) - len(answers)
            if len(answers) < 2:
                account["dropped: fewer than two ranked answers are left"] += len(ranked) > 1
            elif language is not None and not all(in_language(one.lang, language) for one in [*spoken, *answers]):
                account["dropped: other language"] += 1
            else:
                sets.append((f"tree {number}", _as_ranked(spoken, answers)))
        account["dropped: trees without two ranked answers to a prompt"] += before == (len(sets), account.total())
    if not sets:
        within = "" if language is None else f" in language {language}"
        left = f" ({words})" if (words := told(account)) else ""
        raise DataError(f"{path}: no prompt with two or more ranked answers{within}{left}")
    return sets


def _prompts(root: "_Message", turns: Literal["first", "all"]) -> Iterator[list["_Message"]]:
    """The root, and with `all` every prompt below it that has ranked replies, each behind the turns that led to it."""
    yield [root]
    todo = [[root, reply] for reply in reversed(root.replies)] if turns == "all" else []
    while todo:
        spoken = todo.pop()
        todo += [[*spoken, reply] for reply in reversed(spoken[-1].replies)]
        if _rankable(spoken[-1]):
            yield spoken


def _as_ranked(spoken: Sequence["_Message"], answers: Sequence["_Message"]) -> RankedSet:
    names = {"prompter": "user"}
    before = tuple(Message(role=names.get(one.role, one.role), content=one.text.strip()) for one in spoken[:-1])
    prompt = Prompt.of(spoken[-1].text.strip(), "oasst", before=before)
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
        if not in_language(self.lang, language):
            return "other language"
        return None if self.text.strip() else "empty text"


def _ranked_set(spoken: Sequence[_Message], language: str, account: Counter[str]) -> RankedSet | None:
    """The last of these turns with its replies; None, and counted, where it is not usable."""
    prompt = spoken[-1]
    fault = prompt.fault(language) or (None if prompt.role == "prompter" else "not a prompt")
    earlier = [why for turn in spoken[:-1] if (why := turn.fault(language)) is not None]
    if fault or earlier:
        account[f"dropped: {fault or 'a turn before it: ' + earlier[0]}"] += 1
        return None
    replies = []
    for reply in prompt.replies:
        fault = reply.fault(language) or (None if reply.role == "assistant" else "not an answer")
        if fault is None and reply.rank is not None:
            replies.append(reply)
        else:
            account[f"dropped reply: {fault or 'no rank'}"] += 1
    if len(replies) < 2:
        unranked = all(reply.rank is None for reply in prompt.replies)
        account["dropped: no ranks" if unranked else "dropped: fewer than two ranked replies"] += 1
        return None
    if len({reply.rank for reply in replies}) < 2:
        account["dropped: all replies tied"] += 1
        return None
    return _as_ranked(spoken, replies)


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
        replies = exported.get("replies") or []
        if not isinstance(replies, list):
            raise DataError(f"{row.place}: `replies` must be a list of messages, found {replies!r:.40}")
        for reply in replies:
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
            raise DataError(f"{place}: duplicate message_id {identity}, first at {messages[identity].place}")
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
        raise DataError(f"{place}: a message needs `text` and a `role`, found {text!r:.40} and {role!r:.40}")
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
