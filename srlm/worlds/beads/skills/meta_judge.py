"""Comparing two judgements of one answer, as `meta_rewarding` needs it: demonstrations beside the EFT examples.

The judgements are those that the training text contains: the review that a person wrote of an answer of an EFT set, and
copies of it with slips. Nobody asks the exact program; where the person erred, so does the demonstration. It writes the
review again, says behind each verdict whether judgement a and judgement b say the same, and names the one that agrees
more often:

    compare : a gold b black c brown mate response : 1 gray 2 white 3 yellow .
      judgement a : 1 gray a gray yes ... clean yes judgement b : 1 gray a gray yes ... clean no
    1 gray a gray yes ... relevant yes same same correct yes same same count yes same same clean yes same other
      winner : judgement a
"""

import random
import re
from collections.abc import Iterator, Sequence
from importlib import resources

from srlm.records import Demonstration, Judgement, RankedSet, seed_for
from srlm.text.score import parse_score, without_score
from srlm.text.template import frame
from srlm.worlds.beads.skills.base import Skill

CRITERIA = ("relevant", "correct", "count", "clean")
SLIPS = (6, 3, 1)
"""How often a judgement has no, one or two slips, of ten."""
_FORM = re.compile(r"(.*\basked \w+ given \w+) relevant (yes|no) correct (yes|no) count (yes|no) clean (yes|no)")
_MARKS = re.compile(r"\b(?:yes|no)\b")


def demonstrations(sets: Sequence[RankedSet], seed: int) -> list[Demonstration]:
    """One for each set that has reviews: of two judgements of one of its answers, one of which is nearer the review."""
    chance = random.Random(seed_for(seed, "meta-judge"))
    template = resources.files(__package__.rpartition(".")[0]).joinpath("templates/beads_meta.txt")
    wording = template.read_text(encoding="utf-8").rstrip("\n")
    found = []
    for one in sets:
        if not one.reviews:
            continue
        response, whole = chance.choice(list(zip(one.responses, one.reviews, strict=True)))
        first, second = _two_judgements(without_score(whole), chance)
        prompt = frame(
            wording, {"prompt": one.prompt.transcript, "response": response.text, "first": first, "second": second}
        )
        judgement = Judgement.of(response.id, "human", 0, whole, parse_score(whole))
        found.append(Demonstration.of("eft", prompt, comparison(without_score(whole), first, second), judgement.id))
    return found


def comparison(review: str, first: str, second: str) -> str:
    """What a person who wrote `review` says of two judgements; neither has a score. They agree unequally with it."""
    head, said = _parts(review)
    others = [_parts(one)[1] for one in (first, second)]
    words = [head]
    for criterion, verdict, a, b in zip(CRITERIA, said, *others, strict=True):
        words += [criterion, verdict, *("same" if one == verdict else "other" for one in (a, b))]
    a, b = (_disagreements(said, one) for one in others)
    return f"{' '.join(words)} \n winner : judgement {'a' if a < b else 'b'}"


def _two_judgements(review: str, chance: random.Random) -> tuple[str, str]:
    """Two copies of a review, of which one has more verdicts turned than the other."""
    said = _parts(review)[1]
    while True:
        first, second = (slipped(review, chance.choices((0, 1, 2), SLIPS)[0], chance) for _ in range(2))
        if _disagreements(said, _parts(first)[1]) != _disagreements(said, _parts(second)[1]):
            return first, second


def slipped(review: str, slips: int, chance: random.Random) -> str:
    """The review with so many of its verdicts turned, and the marks of its items with the verdict on `correct`."""
    head, said = _parts(review)
    verdicts = list(said)
    for place in chance.sample(range(len(CRITERIA)), slips):
        verdicts[place] = _opposite(verdicts[place])
        if CRITERIA[place] == "correct":
            head = _turned(head, verdicts[place], chance)
    return " ".join([head, *_pairs(verdicts)])


def _pairs(verdicts: Sequence[str]) -> Iterator[str]:
    for criterion, verdict in zip(CRITERIA, verdicts, strict=True):
        yield f"{criterion} {verdict}"


def _turned(head: str, correct: str, chance: random.Random) -> str:
    """The items with marks that go with the verdict: all yes, or one of them no. None are there to turn in some."""
    marks = list(_MARKS.finditer(head))
    if correct == "yes":
        return _MARKS.sub("yes", head)
    if not marks:
        return head
    wrong = chance.choice(marks)
    return f"{head[: wrong.start()]}no{head[wrong.end() :]}"


def _parts(review: str) -> tuple[str, tuple[str, ...]]:
    """The items and counts of a review, and its four verdicts."""
    found = _FORM.fullmatch(review)
    assert found is not None, f"not a review of the bead world: {review!r}"
    return found[1], found.groups()[1:]


def _disagreements(said: Sequence[str], other: Sequence[str]) -> int:
    return sum(a != b for a, b in zip(said, other, strict=True))


def _opposite(verdict: str) -> str:
    return "no" if verdict == "yes" else "yes"


SKILL = Skill(words=("compare", "judgement", "winner"), demonstrations=demonstrations)
