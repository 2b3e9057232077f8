"""The kinds of errand: what each asks for, in many wordings, and the one right answer.

Each kind has ten wordings for training and two more, the last, that only what models are measured on uses.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Literal, NamedTuple


class Kind(NamedTuple):
    """A kind of errand."""

    target: Callable[[Sequence[str], Sequence[str]], list[str]]
    """The right items: of the list, and of the words that the wording names beside it."""
    wordings: tuple[str, ...]
    """With {list}, and {word} and {other} where the kind names words."""
    of: Literal["words", "numbers"] = "words"
    distinct: bool = False
    """The words of the list differ in length, so that there is one right answer."""
    size: tuple[int, int] = (3, 5)
    """Fewest and most items of the list."""
    names: Literal["nothing", "a word of the list", "a word and another"] = "nothing"


TRAINED_WORDINGS = 10
"""Of each kind; those behind them are for what models are measured on."""


def _of(*wordings: str) -> tuple[str, ...]:
    assert len(wordings) == TRAINED_WORDINGS + 2
    return wordings


KINDS: Mapping[str, Kind] = {
    "repeat": Kind(
        lambda items, named: list(items),
        _of(
            "Repeat these words: {list}.",
            "Say these words again: {list}.",
            "Copy this list: {list}.",
            "Write the words {list} once more.",
            "Give me back this list as it is: {list}.",
            "Here are some words: {list}. Repeat them.",
            "Write down exactly these words: {list}.",
            "{list}: repeat that, please.",
            "Please copy the following words: {list}.",
            "Echo the list {list}.",
            "Tell me these words again, unchanged: {list}.",
            "Please write this list again: {list}.",
        ),
    ),
    "reverse": Kind(
        lambda items, named: list(items[::-1]),
        _of(
            "Reverse this list: {list}.",
            "Write these words in reverse order: {list}.",
            "Give me {list} from last to first.",
            "Say these words backwards, the last one first: {list}.",
            "Turn the order of this list around: {list}.",
            "Here are some words: {list}. List them in reverse.",
            "List the words {list} in the opposite order.",
            "Start with the last word and end with the first: {list}.",
            "What is {list} in reverse order?",
            "Please reverse the order of these words: {list}.",
            "Write this list the other way round: {list}.",
            "Put these words in backward order: {list}.",
        ),
    ),
    "alphabet": Kind(
        lambda items, named: sorted(items),
        _of(
            "Sort these words alphabetically: {list}.",
            "Put this list in alphabetical order: {list}.",
            "Write {list} in the order of the alphabet.",
            "Arrange these words from A to Z: {list}.",
            "Order these words as a dictionary would: {list}.",
            "Here are some words: {list}. Sort them from A to Z.",
            "What is the alphabetical order of {list}?",
            "Please alphabetize this list: {list}.",
            "List the words {list} alphabetically.",
            "Sort from A to Z: {list}.",
            "Bring these words into alphabetical order: {list}.",
            "Which order would a dictionary give {list}?",
        ),
    ),
    "by_length": Kind(
        lambda items, named: sorted(items, key=len),
        _of(
            "Sort these words from shortest to longest: {list}.",
            "Order this list by length, shortest first: {list}.",
            "Write {list} from the shortest word to the longest.",
            "Arrange these words by how many letters they have, fewest first: {list}.",
            "Put the short words before the long ones: {list}.",
            "Here are some words: {list}. Sort them by length, shortest first.",
            "List the words {list} by their length, starting with the shortest.",
            "Please sort by word length, short to long: {list}.",
            "What is {list} ordered from shortest to longest?",
            "Sort by number of letters, fewest first: {list}.",
            "Rank these words by length, the shortest one first: {list}.",
            "Bring these words into order of length, shortest first: {list}.",
        ),
        distinct=True,
        size=(3, 4),
    ),
    "every_second": Kind(
        lambda items, named: list(items[::2]),
        _of(
            "Write every second word, beginning with the first: {list}.",
            "Give me the first, third and fifth word, as far as there are any: {list}.",
            "Take every other word of this list, starting with the first: {list}.",
            "List every second item, the first included: {list}.",
            "Skip every second word of {list}, but keep the first.",
            "Here are some words: {list}. Take every other one, from the first on.",
            "Which words stand at odd places in {list}?",
            "Keep the first word, leave the next, keep the next, and so on: {list}.",
            "Name every other word, from the first: {list}.",
            "Please list the words at places one, three and five: {list}.",
            "Pick every second word, with the first as a start: {list}.",
            "Start with the first word and take every other one: {list}.",
        ),
        size=(3, 5),
    ),
    "leave_out": Kind(
        lambda items, named: [item for item in items if item != named[0]],
        _of(
            "Write this list without {word}: {list}.",
            "Leave out {word}: {list}.",
            "Remove {word} from this list: {list}.",
            "Repeat all words but {word}: {list}.",
            "Give me the list {list} without the word {word}.",
            "Here are some words: {list}. Drop {word}.",
            "Delete {word} from {list}.",
            "Copy these words except {word}: {list}.",
            "What is left of {list} without {word}?",
            "Please take {word} out of this list: {list}.",
            "Strike {word} from this list: {list}.",
            "List these words, but not {word}: {list}.",
        ),
        names="a word of the list",
    ),
    "replace": Kind(
        lambda items, named: [named[1] if item == named[0] else item for item in items],
        _of(
            "Replace {word} with {other}: {list}.",
            "Write this list with {other} instead of {word}: {list}.",
            "Put {other} in the place of {word}: {list}.",
            "Change {word} to {other} in this list: {list}.",
            "Repeat {list}, but say {other} for {word}.",
            "Here are some words: {list}. Swap {word} for {other}.",
            "In the list {list}, turn {word} into {other}.",
            "Copy this list and write {other} where it says {word}: {list}.",
            "Please exchange {word} for {other}: {list}.",
            "Use {other} instead of {word}: {list}.",
            "Substitute {other} for {word} in this list: {list}.",
            "Make {word} a {other} in this list: {list}.",
        ),
        names="a word and another",
    ),
    "first_last": Kind(
        lambda items, named: [items[0], items[-1]],
        _of(
            "Write the first and the last word: {list}.",
            "Give me the first and last of these words: {list}.",
            "Which words stand first and last in {list}?",
            "Name the word at the start and the word at the end: {list}.",
            "Keep only the first and the last word: {list}.",
            "Here are some words: {list}. Say the first and the last.",
            "List the first word and the last word of {list}.",
            "Please give the two words at the ends of this list: {list}.",
            "What are the first and last items of {list}?",
            "Only the first and last, please: {list}.",
            "Tell me how this list begins and ends: {list}.",
            "Pick the opening and the closing word: {list}.",
        ),
    ),
    "capitals": Kind(
        lambda items, named: [item.upper() for item in items],
        _of(
            "Write these words in capital letters: {list}.",
            "Put this list in upper case: {list}.",
            "Write {list} in capitals.",
            "Change all letters to capitals: {list}.",
            "Make these words upper case: {list}.",
            "Here are some words: {list}. Write them in capital letters.",
            "Shout these words, all in capitals: {list}.",
            "Please capitalize every letter: {list}.",
            "Give me {list} in upper case letters.",
            "Turn this list into capital letters: {list}.",
            "Use only capital letters for these words: {list}.",
            "Rewrite this list in block capitals: {list}.",
        ),
    ),
    "longest": Kind(
        lambda items, named: [max(items, key=len)],
        _of(
            "Which of these words is the longest: {list}?",
            "Write the longest word: {list}.",
            "Find the word with the most letters: {list}.",
            "Name the longest word of {list}.",
            "Which word has the most letters: {list}?",
            "Here are some words: {list}. Which is the longest?",
            "Give me the longest of these: {list}.",
            "Pick the word with the most letters from {list}.",
            "What is the longest word in {list}?",
            "Please find the longest word: {list}.",
            "Tell me the word that has the most letters: {list}.",
            "One of these words is longer than the others: {list}. Which?",
        ),
        distinct=True,
    ),
    "shortest": Kind(
        lambda items, named: [min(items, key=len)],
        _of(
            "Which of these words is the shortest: {list}?",
            "Write the shortest word: {list}.",
            "Find the word with the fewest letters: {list}.",
            "Name the shortest word of {list}.",
            "Which word has the fewest letters: {list}?",
            "Here are some words: {list}. Which is the shortest?",
            "Give me the shortest of these: {list}.",
            "Pick the word with the fewest letters from {list}.",
            "What is the shortest word in {list}?",
            "Please find the shortest word: {list}.",
            "Tell me the word that has the fewest letters: {list}.",
            "One of these words is shorter than the others: {list}. Which?",
        ),
        distinct=True,
    ),
    "last": Kind(
        lambda items, named: [items[-1]],
        _of(
            "Write the last word: {list}.",
            "Which word comes last: {list}?",
            "Name the last word of {list}.",
            "Give me only the last of these words: {list}.",
            "How does this list end: {list}?",
            "Here are some words: {list}. Which one is last?",
            "Say the final word of {list}.",
            "Please pick the last item: {list}.",
            "What is the last word in {list}?",
            "Keep only the last word: {list}.",
            "Tell me the word at the end: {list}.",
            "With which word does {list} finish?",
        ),
    ),
    "second": Kind(
        lambda items, named: [items[1]],
        _of(
            "Write the second word: {list}.",
            "Which word comes second: {list}?",
            "Name the second word of {list}.",
            "Give me only the second of these words: {list}.",
            "Which word stands at place two: {list}?",
            "Here are some words: {list}. Which one is second?",
            "Say word number two of {list}.",
            "Please pick the second item: {list}.",
            "What is the second word in {list}?",
            "Keep only the second word: {list}.",
            "Tell me the word behind the first: {list}.",
            "Which word of {list} is number two?",
        ),
    ),
    "last_two": Kind(
        lambda items, named: list(items[-2:]),
        _of(
            "Write the last two words: {list}.",
            "Which two words come last: {list}?",
            "Name the last two words of {list}.",
            "Give me only the last two of these words: {list}.",
            "With which two words does this list end: {list}?",
            "Here are some words: {list}. Say the last two.",
            "Keep only the last two words: {list}.",
            "Please pick the final two items: {list}.",
            "What are the last two words in {list}?",
            "Only the last two, please: {list}.",
            "Tell me the two words at the end: {list}.",
            "List the final two words of {list}.",
        ),
    ),
    "initials": Kind(
        lambda items, named: [item[0] for item in items],
        _of(
            "Write the first letter of each word: {list}.",
            "Give me the initials of these words: {list}.",
            "With which letters do these words begin: {list}?",
            "List the first letters of {list}.",
            "What letter does each of these words start with: {list}?",
            "Here are some words: {list}. Write their first letters.",
            "Take only the first letter of every word: {list}.",
            "Please write the initial letters of {list}.",
            "Shorten each word to its first letter: {list}.",
            "Name the letter at the start of each word: {list}.",
            "Tell me how each word begins, one letter each: {list}.",
            "Write just the initials: {list}.",
        ),
    ),
    "count": Kind(
        lambda items, named: [str(len(items))],
        _of(
            "How many words are these: {list}?",
            "Count these words: {list}.",
            "How many items does this list have: {list}?",
            "Give me the number of words in {list}.",
            "Count the items of this list: {list}.",
            "Here are some words: {list}. How many are there?",
            "How long is this list: {list}?",
            "Please count the words {list}.",
            "What is the number of words in {list}?",
            "Say how many words there are: {list}.",
            "Tell me the count of these words: {list}.",
            "How many things are listed here: {list}?",
        ),
        size=(2, 6),
    ),
    "largest": Kind(
        lambda items, named: [max(items, key=int)],
        _of(
            "Which of these numbers is the largest: {list}?",
            "Write the largest number: {list}.",
            "Find the biggest number: {list}.",
            "Name the highest number of {list}.",
            "Which number is the biggest: {list}?",
            "Here are some numbers: {list}. Which is the largest?",
            "Give me the largest of these: {list}.",
            "Pick the highest number from {list}.",
            "What is the maximum of {list}?",
            "Please find the largest number: {list}.",
            "Tell me the greatest number: {list}.",
            "One of these numbers is above the others: {list}. Which?",
        ),
        of="numbers",
    ),
    "smallest": Kind(
        lambda items, named: [min(items, key=int)],
        _of(
            "Which of these numbers is the smallest: {list}?",
            "Write the smallest number: {list}.",
            "Find the lowest number: {list}.",
            "Name the lowest number of {list}.",
            "Which number is the lowest: {list}?",
            "Here are some numbers: {list}. Which is the smallest?",
            "Give me the smallest of these: {list}.",
            "Pick the lowest number from {list}.",
            "What is the minimum of {list}?",
            "Please find the smallest number: {list}.",
            "Tell me the least number: {list}.",
            "One of these numbers is below the others: {list}. Which?",
        ),
        of="numbers",
    ),
    "rising": Kind(
        lambda items, named: sorted(items, key=int),
        _of(
            "Sort these numbers from small to large: {list}.",
            "Put these numbers in rising order: {list}.",
            "Write {list} from the smallest to the largest.",
            "Arrange these numbers, the smallest first: {list}.",
            "Order this list of numbers, lowest first: {list}.",
            "Here are some numbers: {list}. Sort them, smallest first.",
            "List the numbers {list} in increasing order.",
            "Please sort upwards: {list}.",
            "What is {list} sorted from low to high?",
            "Sort from low to high: {list}.",
            "Bring these numbers into ascending order: {list}.",
            "Rank these numbers, the smallest one first: {list}.",
        ),
        of="numbers",
        size=(3, 4),
    ),
    "sum": Kind(
        lambda items, named: [str(sum(map(int, items)))],
        _of(
            "Add up these numbers: {list}.",
            "What is the sum of {list}?",
            "Give me the total of these numbers: {list}.",
            "Add these together: {list}.",
            "How much is {list} together?",
            "Here are some numbers: {list}. Add them up.",
            "Find the sum: {list}.",
            "Please add {list}.",
            "What do these numbers come to: {list}?",
            "Sum up {list}.",
            "Tell me the total: {list}.",
            "What do you get if you add {list}?",
        ),
        of="numbers",
        size=(2, 3),
    ),
}


class Errand(NamedTuple):
    """A prompt, parsed."""

    kind: str
    wording: int
    items: tuple[str, ...]
    named: tuple[str, ...] = ()
    """The words that the wording names beside the list."""

    def text(self) -> str:
        named = dict(zip(("word", "other"), self.named, strict=False))
        return KINDS[self.kind].wordings[self.wording].format(list=", ".join(self.items), **named)

    def target(self) -> list[str]:
        """The right items, in order."""
        return KINDS[self.kind].target(self.items, self.named)


def parse(text: str) -> Errand | None:
    """The errand behind a prompt; None where the text is none."""
    for kind, wording, pattern in _patterns():
        if found := pattern.fullmatch(text):
            slots = found.groupdict()
            items = tuple(slots["list"].split(", "))
            named = tuple(slots[name] for name in ("word", "other") if name in slots)
            if KINDS[kind].of == "numbers" and not all(item.isdigit() for item in items):
                continue
            if named and named[0] not in items:
                continue
            return Errand(kind, wording, items, named)
    return None


@cache
def _patterns() -> tuple[tuple[str, int, re.Pattern[str]], ...]:
    found = []
    for name, kind in KINDS.items():
        item = "[a-z]+" if kind.of == "words" else "[0-9]+"
        for number, wording in enumerate(kind.wordings):
            pattern = re.escape(wording).replace(r"\{list\}", f"(?P<list>{item}(?:, {item})+)", 1)
            for slot in ("word", "other"):
                pattern = pattern.replace(rf"\{{{slot}\}}", f"(?P<{slot}>{item})", 1)
            found.append((name, number, re.compile(pattern)))
    return tuple(found)
