"""Published answers without their thoughts: what people ranked, or should have, is the answer.

A thought is cut where it is certain: it begins the text with its mark, or (the prompt had opened it) its closing mark
stands once, alone on its line. A mark anywhere else may be what the answer is about; it stays, and is counted.
"""

import re
from collections import Counter

from srlm.data.human_ranking import HumanRanking
from srlm.records import RankedSet, Response
from srlm.text.thoughts import KNOWN, Split, split

CUT, LEFT, OPEN = (
    "thoughts cut from answers",
    "answers with a thought's mark inside, left as they are",
    "dropped: an answer is a thought that never ends",
)
_MARKS = tuple(mark for pair in KNOWN for mark in pair)


def parted(text: str) -> Split:
    """The thought and the answer of a published text."""
    begun = text.lstrip()
    for mark in KNOWN:
        if begun.startswith(mark.open):
            return split(text, (mark,))
    for mark in KNOWN:
        alone = re.search(rf"^[ \t]*{re.escape(mark.close)}[ \t]*$", text, re.MULTILINE)
        if alone and text.count(mark.close) == 1 and mark.open not in text:
            return split(text, (mark,))
    return Split(None, text)


def without_thoughts(one: HumanRanking, account: Counter[str]) -> HumanRanking | None:
    """The ranking with answers alone; None, and counted, where one is a thought that never ends."""
    texts = [response.text for response in one.ranked.responses]
    if not any(mark in text for text in texts for mark in _MARKS):
        return one
    parts = [parted(text) for text in texts]
    if not all(part.closed for part in parts):
        account[OPEN] += 1
        return None
    cut = [part.answer != text for part, text in zip(parts, texts, strict=True)]
    account[CUT] += sum(cut)
    account[LEFT] += sum(any(mark in part.answer for mark in _MARKS) for part in parts)
    if not any(cut):
        return one
    old = one.ranked
    responses = tuple(
        Response.of(r.prompt_id, part.answer, r.author, r.draw, r.finish, part.thought)
        for r, part in zip(old.responses, parts, strict=True)
    )
    ranked = RankedSet.of(old.prompt, responses, old.ranks, old.reviews)
    return one.model_copy(update={"ranked": ranked})
