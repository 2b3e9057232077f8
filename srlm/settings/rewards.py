"""Where the reward of an answer comes from, and which answers make a pair."""

from typing import Annotated, Literal

from pydantic import Field

from srlm.section import Positive, Section


class JudgeRewardSettings(Section):
    """The mean score that the judge gives an answer (the paper); section `judge` says how the judge is asked."""

    kind: Literal["judge"] = "judge"
    """`judge`: the mean of the judge's scores. `model`: a reward model. `rules`: rules checked by a program. `random`:
    a random integer from 0 to 5. `world`: the exact program of the run's world."""


class ModelRewardSettings(Section):
    """The output of a reward model (a sequence classifier with one output) for the conversation with its answer."""

    kind: Literal["model"]
    """A reward model."""
    path: str
    """A folder or Hub id; the weights must be safetensors, and the tokenizer must have a chat template."""
    revision: str | None = None
    """Commit, tag or branch of a Hub model. None: the newest commit when the model is first used."""
    trust_remote_code: bool = False
    """Run Python code that comes with the model. Off: a model that needs it is refused."""
    dtype: Literal["float32", "bfloat16", "auto"] = "float32"
    """Number format of the model; `auto`: its own."""
    batch_size: Positive = 16
    """Conversations per forward pass."""
    max_length: Positive | None = None
    """Maximum length of conversation and answer together, in tokens; longer ones get no reward. None: the model's own
    limit."""


class Rule(Section):
    """One rule: an answer that meets all of its conditions gets its points."""

    points: float = 1.0
    """Points added to the reward; may be negative."""
    matches: str | None = None
    """A regular expression (Python's `re`) that must match somewhere in the answer."""
    min_characters: Annotated[int, Field(ge=0)] | None = None
    """The answer must have at least this many characters."""
    max_characters: Annotated[int, Field(ge=0)] | None = None
    """The answer must have at most this many characters."""


class RulesRewardSettings(Section):
    """Points from rules checked by a program; no judge is asked."""

    kind: Literal["rules"]
    """Rules checked by a program."""
    rules: tuple[Rule, ...] = ()
    """As in [{matches: "\\\\d", points: 2}, {max_characters: 400}]; the points of all rules that are met are added."""
    per_character: float = 0.0
    """Points per character of the answer: 0.001 rewards length, -0.001 brevity."""


class RandomRewardSettings(Section):
    """A random integer from 0 to 5: a baseline that shows what the loop gains without a judge."""

    kind: Literal["random"]
    """A random integer from 0 to 5."""


class WorldRewardSettings(Section):
    """The score given by the exact program of the run's world."""

    kind: Literal["world"]
    """The world's own program."""
    scores: Literal["exact", "form"] = "exact"
    """`exact`: the program grades each answer; no judge is asked. `form`: the judge reads each answer, and only its
    verdicts on `count` and `clean` are used."""


RewardSettings = (
    JudgeRewardSettings | ModelRewardSettings | RulesRewardSettings | RandomRewardSettings | WorldRewardSettings
)


class SelectionSettings(Section):
    """Which two answers to a prompt become a preference pair."""

    kind: Literal["best_worst", "length_controlled"] = "best_worst"
    """`best_worst`: the best against the worst answer (the paper). `length_controlled`: the shortest of the best
    answers against the longest of the worst (Meta-Rewarding, Wu et al. 2024, section 2.2)."""
    band: Annotated[float, Field(ge=0, lt=0.5)] = 0.32
    """Meta-Rewarding's rho (length_controlled): an answer counts as one of the best (or worst) if its reward is within
    this share of the prompt's reward range from the highest (or lowest) reward."""
    max_chosen: Positive | None = None
    """A pair whose chosen answer has more characters than this is dropped (Meta-Rewarding's first iteration: 2,500).
    None: no limit."""
    flip: bool = False
    """Swap chosen and rejected: a control experiment, in which the loop must do harm."""
