"""No training prompt may be an evaluation prompt: exact and near-duplicates between two sets of prompts.

Exact: the same words, whatever the case, the punctuation and the spaces. Near: of the runs of five words (shingles)
half are common (Jaccard), or nearly all of the smaller prompt's are (one prompt quoted in a longer one); prompts of
a few words are compared as sets of words. What a word is, in any language, is for `srlm.text.words` to say. It errs
towards finding: a training prompt lost costs little, a leaked evaluation prompt costs the result.

Of a conversation of several turns all that the user said is compared, together and turn by turn: an evaluation prompt
may be the question that it began with. What the assistant said in between is not.
"""

from array import array
from collections import defaultdict
from collections.abc import Collection, Hashable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from srlm.records import Prompt
from srlm.text.words import joined

SHINGLE = 5
"""Words in a shingle."""
MIN_JACCARD = 0.5
"""Share of common shingles, of all shingles of both, from which two prompts are near-duplicates."""
MIN_CONTAINED = 0.8
"""Share of the smaller prompt's shingles that the larger one holds, from which they are near-duplicates."""
MIN_QUOTED = 5
"""Shingles a prompt must have to count as quoted; fewer are a turn of phrase."""
QUOTED_LETTERS = 42
"""Letters of the nine English words that five shingles span; a Hangul syllable is two and a half."""
FEWEST_QUOTED = 2
"""Shingles that are enough beyond English, where words are longer (Korean, Turkish, ...) and these hold as much."""
FEW_WORDS = 10
"""Prompts up to this length are compared as sets of words."""
MIN_WORDS_JACCARD = 0.7
"""Share of common words from which two short prompts are near-duplicates."""


def overlapping(training: Sequence[Prompt], evaluation: Sequence[Prompt]) -> dict[str, str]:
    """Training prompt id -> id of the evaluation prompt it is the same as, or nearly."""
    index = EvaluationPrompts(evaluation)
    found = {prompt.id: index.find_prompt(prompt) for prompt in training}
    return {prompt_id: other for prompt_id, other in found.items() if other is not None}


def asked(prompt: Prompt) -> str:
    """All that the user said, up to what is to be answered; of a prompt without turns before it, its text."""
    return "\n".join(_user_turns(prompt))


def _user_turns(prompt: Prompt) -> list[str]:
    return [turn.content for turn in prompt.messages if turn.role == "user"]


def normalised(text: str) -> str:
    """The words of a text in lower case, one space apart; equal for texts that differ in case and punctuation only."""
    # A prompt of symbols alone is still a prompt.
    return " ".join(joined(text)) or " ".join(text.split())


class EvaluationPrompts:
    """Evaluation prompts, ready to be looked for in many other texts."""

    def __init__(self, prompts: Sequence[Prompt]) -> None:
        self._prompts = prompts
        self._exact: dict[str, int] = {}
        self._shingles, self._words = Postings(), Postings()
        least = []
        for number, prompt in enumerate(prompts):
            text = normalised(asked(prompt))
            self._exact.setdefault(text, number)
            self._shingles.add(_shingles(text))
            self._words.add(_few_words(text))
            least.append(_least_quoted(text))
        self._least = np.array(least, dtype=np.int64)

    def find_prompt(self, prompt: Prompt) -> str | None:
        """The same for a prompt: looked for in all that the user said, then in each turn."""
        whole = self.find(asked(prompt))
        if whole is not None or not prompt.before:
            return whole
        turns = (self.find(turn) for turn in _user_turns(prompt))
        return next((found for found in turns if found is not None), None)

    def find(self, text: str) -> str | None:
        """Id of the evaluation prompt this text is the same as, or most nearly; None where it is apart from all."""
        text = normalised(text)
        number = self._exact.get(text)
        if number is None:
            near = self._near(text)
            # The nearest, and of equals the first.
            number = min(near, key=lambda n: (-near[n], n)) if near else None
        return None if number is None else self._prompts[number].id

    def _near(self, text: str) -> dict[int, float]:
        """Evaluation prompt -> how much of it is common, of those that are near-duplicates."""
        near: dict[int, float] = {}
        shingles, words = _shingles(text), _few_words(text)
        found = self._shingles.common(shingles)
        jaccard = found.common / (len(shingles) + found.sizes - found.common)
        smaller = np.minimum(len(shingles), found.sizes)
        least = np.where(found.sizes < len(shingles), self._least[found.numbers], _least_quoted(text))
        quoted = (smaller >= least) & (found.common >= MIN_CONTAINED * smaller)
        for place in np.flatnonzero((jaccard >= MIN_JACCARD) | quoted):
            near[int(found.numbers[place])] = float(jaccard[place])
        found = self._words.common(words)
        jaccard = found.common / (len(words) + found.sizes - found.common)
        for place in np.flatnonzero(jaccard >= MIN_WORDS_JACCARD):
            number = int(found.numbers[place])
            near[number] = max(float(jaccard[place]), near.get(number, 0.0))
        return near


Numbers = npt.NDArray[np.int64]


class Common(NamedTuple):
    """Sets that share keys with another, in the order they were added: number, shared keys, all its keys; (sets,)."""

    numbers: Numbers
    common: Numbers
    sizes: Numbers


class Postings:
    """Sets of keys, and which of them share how many keys with another: an inverted index.

    Every set that shares a key is counted, so the time of a question grows with the sets; in compiled code, so that
    among ten thousand prompts it is a small part of all that is done with a prompt.
    """

    def __init__(self) -> None:
        self._sizes = array("q")
        self._sets_with: defaultdict[Hashable, array[int]] = defaultdict(lambda: array("q"))

    def add(self, keys: Collection[Hashable]) -> None:
        """Take one more set; the keys must differ from each other."""
        for key in keys:
            self._sets_with[key].append(len(self._sizes))
        self._sizes.append(len(keys))

    def common(self, keys: Collection[Hashable]) -> Common:
        """The sets that hold at least one of `keys`."""
        lists = [_view(found) for key in keys if (found := self._sets_with.get(key))]
        counts = np.bincount(np.concatenate(lists) if lists else _view(array("q")))
        numbers = np.flatnonzero(counts)
        return Common(numbers, counts[numbers], _view(self._sizes)[numbers])


def _view(numbers: "array[int]") -> Numbers:
    """The same memory; as long as this lives, nothing can be appended."""
    return np.frombuffer(numbers, dtype=np.int64)


def _shingles(text: str) -> frozenset[tuple[str, ...]]:
    words = text.split()
    return frozenset(tuple(words[start : start + SHINGLE]) for start in range(len(words) - SHINGLE + 1))


def _least_quoted(text: str) -> int:
    """Shingles of a normalised text that are more than a turn of phrase."""
    if text.isascii():
        return MIN_QUOTED
    letters = sum(2.5 if "\uac00" <= letter <= "\ud7a3" else letter.isalpha() for letter in text)
    return FEWEST_QUOTED if letters >= QUOTED_LETTERS else MIN_QUOTED


def _few_words(text: str) -> frozenset[str]:
    words = text.split()
    return frozenset(words if len(words) <= FEW_WORDS else ())
