"""The judge in the loop, the training data for it, and how pairs are compared."""

from typing import Annotated, Literal

from pydantic import Field

from srlm.section import Positive, Section, Share
from srlm.settings.engines import EngineSettings, Price, Sampling
from srlm.settings.prompts import FIRST
from srlm.worlds.table import TEMPLATES


class JudgeSettings(Section):
    """How an answer is scored (the paper, section 2.2 and figure 2)."""

    template: Annotated[
        str,
        Field(
            description="Rubric: `additive` (five points), `multiple_choice` (one of five descriptions), "
            f"{TEMPLATES}, or a file with {{prompt}} and {{response}}. Its digest is recorded."
        ),
    ] = "additive"
    draws: Positive = 3
    """Judgements per answer; their mean is its reward (the paper: 3)."""
    sampling: Sampling = Sampling()
    """How judgements are sampled (the paper: like the candidates)."""
    thought_tokens: Positive | None = None
    """A judgement that was still a thought at sampling.max_new_tokens is sampled again with this maximum, thought and
    judgement together. None: it is unread."""
    complete: bool = False
    """If a judgement ends without a score line, or is cut at the token limit, ask for the score: 0 to 5 after `Score:`,
    sampled from the judge's own probabilities. For very small models, which explain well enough but omit the score.
    Never done within an open thought, or if the prompt leaves no room. Cut judgements are not used for EFT."""
    engine: EngineSettings | None = None
    """A server that judges. None: M_t judges its own answers, as in the paper. The run's calls.sqlite keeps a server's
    answers, so that no request is sent, or paid for, twice."""
    max_cost: Annotated[float | None, Field(ge=0)] = None
    """Limit in US dollars for a judge on a server (judge.engine), over all starts of this run; the run stops before it
    exceeds the limit."""
    price: Price | None = None
    """The server's price. None: from the price list, if it has the model."""
    max_top_share: Share = 0.95
    """The run stops if more than this share of judgements has the same score: the judge has collapsed."""
    min_pair_yield: Share = 0.05
    """The run stops if less than this share of prompts gives a pair."""
    min_scored: Annotated[
        Share,
        Field(
            description=f"The run stops early if less than this share of the first {FIRST} judgements of a stage (EFT, "
            "candidates) has a score, or of its first comparisons of two answers a verdict. At 1% nearly no prompt has "
            "two scored answers: the stage would end without an EFT example, or below min_pair_yield. 0 = never."
        ),
    ] = 0.01
    on_collapse: Literal["stop", "continue"] = "stop"
    """`continue`: warn, and train anyway."""
    monitor_sets: Annotated[int, Field(ge=0)] = 0
    """Held-out ranked sets that every M_i judges as soon as it is trained, one judgement each. Its manifest records the
    spread of the scores and the agreement with people; a collapsed judge stops the run. 0 = none."""


class EftSettings(Section):
    """Evaluation fine-tuning data: judgements of ranked answers (the paper, section 3.1)."""

    writer: Literal["sft", "reviews", "off"] = "sft"
    """`sft`: the SFT baseline writes the judgements, as in the paper. `reviews`: human reviews, if the data has them.
    `off`: no EFT data; M1 is trained on IFT alone."""
    draws: Positive = 1
    """Judgements that the baseline writes per answer; the first set whose order agrees is kept."""
    filter: bool = True
    """Keep a prompt's judgements only if the order of the scores agrees with the human order."""
    ties: Literal["strict", "lenient"] = "lenient"
    """What to do if people ranked two answers differently but the judge gave both the same score. `strict`: reject.
    `lenient`: accept if at least one pair is ordered as people ordered it and no pair the other way round."""
    max_score_share: Share = 0.4
    """Examples with the most common score are dropped until they are at most this share (the paper dropped some 4s)."""


class PairSettings(Section):
    """How a language model compares two answers; other judges ignore it."""

    template: str = "letter"
    """The judge's prompt and the form of its verdict: `letter` (A or B, read by its probability where there is one),
    `brackets` ([[A]], [[B]], [[C]]), `five-steps` ([[A>>B]] to [[B>>A]]), `json`, `scores` (a score for each answer, as
    generative reward models give), or a file (docs/judges.md)."""
    votes: Positive | None = None
    """Verdicts sampled for each order of the answers; their mean is the judge's preference. None: one greedy verdict,
    or 3 sampled ones where a server refuses log-probabilities."""
    temperature: Annotated[float, Field(gt=0)] = 1.0
    """Sampling temperature of votes."""
    tokens: Positive | None = None
    """Maximum length of the judge's answer in tokens, without a thought. None: the template's own."""
    thought_tokens: Positive = 4096
    """Maximum length in tokens, thought and answer together, of a judge that was still thinking at `tokens`."""
    reasoning_effort: str | None = None
    """`reasoning_effort` of the request (`low`, `medium`, `high`, ...), for servers that take it. If set, the judge has
    room for `thought_tokens` from the start."""
