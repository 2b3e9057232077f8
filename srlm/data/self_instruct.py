"""New prompts for an iteration (the paper, section 2.3 step 1; Self-Instruct, Wang et al. 2022, section 2.2).

A model is shown eight tasks, six seed prompts and two it wrote before, and writes the next one. What it wrote is
parsed and filtered; every attempt is kept as it was written, so a better filter can be run again.
"""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from typing import Literal, NamedTuple, Self

from srlm.bounded.files import read_text
from srlm.data import task_marks as tasks
from srlm.data.examples import prompts
from srlm.data.lines import instructions
from srlm.data.overlap import EvaluationPrompts, Postings, normalised
from srlm.engines.base import Engine, Request
from srlm.errors import CollapseError, DataError, SettingsError
from srlm.records import OTHER_ID, Prompt, Record, digest, seed_for, user
from srlm.settings import FIRST, PromptSettings
from srlm.store.files import read, resumable, write
from srlm.text.counts import counted
from srlm.text.template import fill
from srlm.text.words import length, starts_a_text, words

ROUND = 128
"""Most attempts between two writes to disk. Examples of a round's requests come from the rounds before it."""
LEAST = 16
"""Fewest attempts of a round, so that the last missing prompts are not asked for one by one."""


class PromptAttempt(Record):
    """What a model wrote when it was asked for one more task."""

    id: str
    index: int
    """Number of the attempt in this iteration, from 0."""
    number: int
    """Number of the task that was asked for: one more than the examples shown."""
    raw: str
    finish: Literal["stop", "length"] | None
    """`length`: cut at the token limit. None: the engine does not say."""
    refused: str | None = None
    """A server's words where it refused to write."""

    @classmethod
    def of(
        cls, index: int, number: int, raw: str, finish: Literal["stop", "length"] | None, refused: str | None = None
    ) -> Self:
        identity = digest("attempt", index, number, raw)
        return cls(id=identity, index=index, number=number, raw=raw, finish=finish, refused=refused)

    def fault(self) -> str | None:
        return OTHER_ID if self.id != digest("attempt", self.index, self.number, self.raw) else None


def write_prompts(
    engine: Engine,
    seeds: Sequence[Prompt],
    settings: PromptSettings,
    *,
    seed: int,
    path: Path,
    earlier: Sequence[Prompt] = (),
    avoid: Sequence[Prompt] = (),
    report: Callable[[int, int], None] = lambda done, total: None,
    say: Callable[[str], None] = lambda seen: None,
) -> tuple[list[Prompt], dict[str, int]]:
    """Up to `settings.count` new prompts, and the account of the attempts: how many, and dropped for which reason.

    Dropped is what is, or nearly is, a seed prompt, one of `earlier` (those of the iterations before) or one written
    before it, and what overlaps one of `avoid` (those models are measured on). The attempts are kept in `path`; until
    it is whole, in a file a round beside it, so that a stage that was killed goes on with the first unfinished round
    and ends with the same prompts and the same bytes. `report(prompts so far, prompts wanted)` is called after each
    round, and before it `say` with the attempts and why they were dropped. Fewer prompts than wanted are taken as they
    are; DataError where there is none at all, CollapseError as soon as `settings.min_kept` says that it is hopeless.
    """
    if not seeds:
        raise DataError("prompts: there are no seed prompts to show as examples; use data with more prompts")

    template = request_template(settings.template)

    def work(chunk: Sequence[_Asked], block: int) -> list[PromptAttempt]:
        requests = [Request(messages=user(_wording(template, asked.examples))) for asked in chunk]
        drawn = engine.generate(requests, settings.sampling, seed_for(seed, "new prompts", chunk[0].attempt))
        return [
            PromptAttempt.of(asked.attempt, len(asked.examples) + 1, one.text, one.finish, one.refused)
            for asked, (one,) in zip(chunk, drawn, strict=True)
        ]

    screen = Screen([*seeds, *earlier], settings, avoid)
    if path.exists():
        attempts = read(path, PromptAttempt)
        screen.take(attempts)
    else:
        attempts = []
        while (missing := settings.count - len(screen.accepted)) > 0 and len(attempts) < settings.max_attempts:
            size = min(ROUND, max(LEAST, 2 * missing), settings.max_attempts - len(attempts))
            asked = [
                _Asked(index, _examples(seeds, screen.accepted, settings, seed_for(seed, "examples", index)))
                for index in range(len(attempts), len(attempts) + size)
            ]
            part = path.with_name(f"{path.stem}.round-{len(attempts):06d}{path.suffix}")
            batch = resumable(part, PromptAttempt, asked, work, per_item=1, block=size)
            attempts.extend(batch)
            screen.take(batch)
            say(f"{counted(len(attempts), 'attempts')}{screen.reasons()}")
            _refuse_hopeless(len(attempts), screen, settings, path, engine.id)
            report(len(screen.accepted), settings.count)
        write(path, attempts)
    # Not right after the write: a run killed between the two would leave its rounds lying about for good.
    for part in path.parent.glob(f"{path.stem}.round-*{path.suffix}"):
        part.unlink()
    account = {"wanted": settings.count, "got": len(screen.accepted), "attempts": len(attempts)} | dict(screen.dropped)
    if not screen.accepted:
        reasons = ", ".join(f"{reason} {count}" for reason, count in screen.dropped.most_common())
        raise DataError(
            f"{path}: no usable prompt in {counted(len(attempts), 'attempts')} by {engine.id} ({reasons}); "
            "inspect the file, then try another model or looser filters (settings under prompts)"
        )
    return [Prompt.of(text, engine.id) for text in screen.accepted], account


def _refuse_hopeless(attempts: int, screen: "Screen", settings: PromptSettings, path: Path, writer: str) -> None:
    """Raise CollapseError where next to nothing is kept, and the attempts that are left will not do.

    It is asked after every round; rounds follow from the settings and from what was written alone.
    """
    kept = len(screen.accepted)
    would = kept * settings.max_attempts / attempts
    if attempts < FIRST or kept >= settings.min_kept * attempts or would >= settings.count:
        return
    raise CollapseError(
        f"{path}: stopped early: {kept} of {counted(attempts, 'prompts')} that {writer} wrote were kept "
        f"(prompts.min_kept {settings.min_kept:.0%}){screen.reasons()}; at this rate prompts.max_attempts "
        f"{settings.max_attempts:,} would give {would:.0f} of {settings.count:,}. What may help: {_remedy(screen)}. "
        f"The file {path.stem}.round-000000{path.suffix} beside it has the first attempts, word for word. To go on all "
        "the same: --set prompts.min_kept=0"
    )


def _remedy(screen: "Screen") -> str:
    """What may help against the reason for which most attempts were dropped."""
    most = max(screen.dropped, key=lambda reason: screen.dropped[reason], default="").removeprefix("dropped: ")
    first = {
        "cut at the token limit": "raise prompts.sampling.max_new_tokens",
        "no room for an answer, or cut within a thought": "raise prompts.sampling.max_new_tokens, show fewer examples "
        "(prompts.shots_seed)",
        "similar": "raise prompts.sampling.temperature or prompts.max_rouge",
        "duplicate": "raise prompts.sampling.temperature",
        "too long": "raise prompts.max_words",
        "too short": "lower prompts.min_words",
        "blocked word": "give other prompts.blocked_words",
        "overlaps an evaluation prompt": "raise prompts.sampling.temperature",
    }.get(most)
    own = (
        "another request (prompts.template), another model as writer (prompts.writer=fixed, prompts.model), or prompts "
    )
    return f"{f'{first}, ' if first else ''}{own}from a file (prompts.writer=file)"


def prompts_from_file(settings: PromptSettings, t: int) -> list[Prompt]:
    """The prompts of a file for the way to M_t: those after the ones of earlier iterations; fewer where the file ends.

    Raises DataError where none is left.
    """
    if settings.source is not None:
        path, every = settings.source.path, prompts(settings.source, "prompts.source")
    else:
        assert settings.path is not None  # run_file.load sees to it
        path, every = settings.path, instructions(settings.path, "file")
    before = settings.before(t)
    taken = every[before : before + settings.wanted(t)]
    if not taken:
        raise DataError(
            f"{path}: {counted(len(every), 'prompts')}, all used by earlier iterations; add prompts or train "
            "fewer iterations"
        )
    return taken


class Parsed(NamedTuple):
    """The task in a model's words."""

    text: str
    ended: bool
    """Another task follows, so this one was not cut."""


def parse(raw: str, number: int) -> Parsed:
    """The first task a model wrote when it was to go on with `Task number:`, without its numbering.

    It is what stands behind `Task number:`, or, where the model went straight on, before the task that follows.
    """
    marks = list(tasks.MARK.finditer(raw))
    own = next((mark for mark in marks if int(mark[1]) == number), None)
    if own is None and marks and not (int(marks[0][1]) > number and raw[: marks[0].start()].strip()):
        own = marks[0]
    start = own.end() if own else 0
    end = next((mark.start() for mark in marks if mark.start() >= start and mark is not own), None)
    text = _bare(tasks.NUMBERING.sub("", _bare(raw[start:end])))
    if text.endswith("**") and text.count("**") % 2:  # `**Task 9: ...**`: the opening ones went with the numbering
        text = text[:-2].rstrip()
    closing = tasks.QUOTES.get(text[:1])
    # A quotation that the text begins with, or ends with, stays.
    if len(text) > 1 and text[-1] == closing and text.count(closing) == (2 if closing == text[0] else 1):
        text = _bare(text[1:-1])
    return Parsed(text, end is not None)


def _bare(text: str) -> str:
    """Without the spaces around it, those without width and the signs of direction included."""
    before = None
    while before != text:
        before, text = text, text.strip().strip(tasks.INVISIBLE)
    return text


class Screen:
    """Filters attempts one by one, each against the known prompts and all that were accepted before it."""

    def __init__(self, known: Sequence[Prompt], settings: PromptSettings, avoid: Sequence[Prompt]) -> None:
        self.accepted: list[str] = []
        self.dropped: Counter[str] = Counter()
        """Reason -> attempts; `surplus` are usable ones beyond what was wanted."""
        self._settings = settings
        self._known = {normalised(_beginning(prompt)) for prompt in known}
        self._similar = Similar(settings.max_rouge)
        for prompt in known:
            self._similar.add(_beginning(prompt))
        self._avoid = EvaluationPrompts(avoid)
        self._blocked = {f" {normalised(word)} " for word in settings.blocked_words}

    def reasons(self) -> str:
        """Why attempts were dropped, to stand behind their number; empty where none was."""
        found = [f"{n:,} {why.removeprefix('dropped: ')}" for why, n in self.dropped.most_common() if why != "surplus"]
        return f"; dropped: {', '.join(found)}" if found else ""

    def take(self, attempts: Sequence[PromptAttempt]) -> None:
        """Accept each attempt's prompt, or count why not."""
        for attempt in attempts:
            parsed = parse(attempt.raw, attempt.number)
            fault = self._fault(parsed, attempt)
            if fault is not None:
                self.dropped[f"dropped: {fault}"] += 1
            elif len(self.accepted) == self._settings.count:
                self.dropped["surplus"] += 1
            else:
                self.accepted.append(parsed.text)
                self._known.add(normalised(parsed.text))
                self._similar.add(parsed.text)

    def _fault(self, parsed: Parsed, attempt: PromptAttempt) -> str | None:
        text, said, long = parsed.text, normalised(parsed.text), length(parsed.text)
        if attempt.refused is not None:
            return "refused by the server"
        if not text and attempt.finish == "length":  # as engines say it, too, where a request fills the context
            return "no room for an answer, or cut within a thought"
        if not text:
            return "empty"
        if attempt.finish == "length" and not parsed.ended:
            return "cut at the token limit"
        # Between its bounds the length of a text whose words are not written apart is not known: it is kept.
        if long.at_most < self._settings.min_words:
            return "too short"
        if long.about > self._settings.max_words:
            return "too long"
        if any(word in f" {said} " for word in self._blocked):
            return "blocked word"
        # Self-Instruct drops these as the torso of something else.
        if not starts_a_text(text):
            return "starts with no letter or digit"
        if said in self._known:
            return "duplicate"
        if self._similar.has(text):
            return "similar"
        return "overlaps an evaluation prompt" if self._avoid.find(text) else None


class Similar:
    """Texts, and whether a new one is as similar to one of them, by ROUGE-L F, as `at_least`.

    The longest common subsequence cannot be longer than the common words are many, so F <= 2 common / (all words of
    both): texts below that are never compared. The answer is the one that comparing with every text would give.
    """

    def __init__(self, at_least: float) -> None:
        from rouge_score.rouge_scorer import RougeScorer

        self._at_least = at_least
        self._scorer = RougeScorer(["rougeL"], tokenizer=_Words())
        self._texts: list[str] = []
        self._words = Postings()

    def add(self, text: str) -> None:
        self._texts.append(text)
        self._words.add(self._counted(text))

    def has(self, text: str) -> bool:
        """Some text so far has a ROUGE-L F of `at_least` or more with this one."""
        if self._at_least == 0:
            return bool(self._texts)
        counted = self._counted(text)
        found = self._words.common(counted)
        # The scorer's own rounding may lie a hair above the bound's.
        near = 2 * found.common / (len(counted) + found.sizes) >= self._at_least - 1e-9
        return any(
            self._scorer.score(self._texts[number], text)["rougeL"].fmeasure >= self._at_least
            for number in found.numbers[near]
        )

    def _counted(self, text: str) -> list[tuple[str, int]]:
        """Each word with how often it stood before, so that sets of these have as much in common as the texts have."""
        seen: Counter[str] = Counter()
        counted = []
        for word in words(text):
            counted.append((word, seen[word]))
            seen[word] += 1
        return counted


class _Words:
    """What the scorer calls a tokenizer. Its own deletes all letters but a to z."""

    def tokenize(self, text: str) -> list[str]:
        return words(text)


class _Asked(NamedTuple):
    """One request: its number among the attempts, and the tasks it shows."""

    attempt: int
    examples: list[str]


def _examples(seeds: Sequence[Prompt], written: Sequence[str], settings: PromptSettings, seed: int) -> list[str]:
    """Seed prompts and prompts already written, shuffled; more seeds where too few are written."""
    draw = random.Random(seed)
    new = draw.sample(written, min(settings.shots_new, len(written)))
    # What is too long to be accepted is no example either, while there are others.
    every = [_beginning(prompt) for prompt in seeds]
    texts = [text for text in every if length(text).about <= settings.max_words] or every
    examples = draw.sample(texts, min(settings.shots_seed + settings.shots_new - len(new), len(texts))) + new
    draw.shuffle(examples)
    return examples


def _beginning(prompt: Prompt) -> str:
    """A task that stands alone: the question a conversation began with, not its last turn."""
    return next(turn.content for turn in prompt.messages if turn.role == "user")


def request_template(path: str | None) -> str:
    """The request for one more task, with {tasks} and {number}: our own, or the user's file.

    Raises SettingsError for a file that cannot be read, or lacks a slot.
    """
    if path is None:
        text = resources.files("srlm.data").joinpath("templates/new_prompts.txt").read_text(encoding="utf-8")
    else:
        try:
            text = read_text(Path(path), encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"prompts.template: cannot read {path}: {error}") from None
    text = text.rstrip("\n")
    try:
        fill(text, {"tasks": "", "number": ""})
    except SettingsError as error:
        raise SettingsError(f"prompts.template {path}: {error}") from None
    return text


def _wording(template: str, examples: Sequence[str]) -> str:
    shown = "\n\n".join(f"Task {number}: {text.strip()}" for number, text in enumerate(examples, 1))
    return fill(template, {"tasks": shown, "number": str(len(examples) + 1)})
