"""How votes of people are counted."""

from srlm.section import Positive, Section


class HumanSettings(Section):
    """Human evaluation: votes of people on pairs of answers (`srlm-eval annotate`)."""

    votes: Positive | None = None
    """Votes that a prompt needs; with fewer it is unscored. None: from at least half of the annotators of its page."""
