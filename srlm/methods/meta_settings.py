"""Settings of `meta_rewarding`, and what they are in one iteration."""

from collections.abc import Sequence
from typing import Annotated, Literal, TypeVar

from pydantic import Field

from srlm.judge.meta_judge import PLAIN
from srlm.records import Step
from srlm.section import Positive, Section, Share
from srlm.settings import SelectionSettings, Settings

T = TypeVar("T")


class MetaRewardingSettings(Section):
    """Settings of `meta_rewarding`. Lists have a value an iteration, from M2 on; the last is for all later ones."""

    rho: Annotated[tuple[Annotated[float, Field(ge=0, lt=0.5)], ...], Field(min_length=1)] = (0.0, 0.32, 0.32, 0.4)
    """Length control of pairs of answers, in place of selection.kind and selection.band (the paper: these values)."""
    max_answer: Annotated[tuple[Positive | None, ...], Field(min_length=1)] = (2500, None)
    """A pair of answers whose chosen one has more characters is dropped (the paper: 2,500 in the first iteration)."""
    judge_iterations: Annotated[int, Field(ge=0)] = 2
    """Iterations, from M2 on, that train the judge as well; later ones train the actor alone (the paper: 2)."""
    template: str = PLAIN[0]
    """The meta-judge's prompt: `meta_judge` (reasons, then `Winner:`), `meta_letter` (the probability of a letter, for
    small models), the kind of a world that teaches the skill, or a file with {prompt}, {response}, {first}, {second}
    and, if wanted, {rubric}."""
    tokens: Positive | None = None
    """Maximum length of a comparison in tokens. None: the template's own."""
    votes: Positive | None = None
    """Comparisons sampled for each order; the majority decides. None: one greedy comparison."""
    temperature: Annotated[float, Field(gt=0)] = 1.0
    """Sampling temperature of votes."""
    position_weights: bool = True
    """Weigh a win by how rarely its place wins (the paper). Off: all wins weigh the same."""
    ridge: Annotated[float, Field(ge=0)] = 0.01
    """Penalty on squared ratings, which keeps them finite where one judgement wins all. 0: no ratings there, and no
    pair (the paper has no penalty, and does not say what it does there)."""
    ties: Literal["any", "ends"] = "any"
    """Which equal ratings drop a pair of judgements. `any`: any two of the answer's judgements. `ends`: only the
    highest or the lowest."""
    max_judgement: Annotated[tuple[Positive | None, ...], Field(min_length=1)] = (1100, 1000)
    """A pair of judgements whose chosen one has more characters is dropped (the paper: 1,100 and 1,000)."""
    max_score_share: Share = 0.4
    """A pair of judgements is dropped if this share of the pairs before it has the same chosen score."""


def by_iteration(values: Sequence[T], step: Step) -> T:
    """The value of the iteration that makes this step's model."""
    return values[min(step.number - 2, len(values) - 1)]


def selection_of(run: Settings, settings: MetaRewardingSettings, step: Step) -> SelectionSettings:
    """How answers become pairs in an iteration."""
    return SelectionSettings(
        kind="length_controlled",
        band=by_iteration(settings.rho, step),
        max_chosen=by_iteration(settings.max_answer, step),
        flip=run.selection.flip,
    )


def refuse_others(run: Settings) -> None:
    """Raise SettingsError where another setting of the run says something that the method does not do."""
    default = SelectionSettings()
    if run.selection.band != default.band or run.selection.max_chosen is not None:
        raise run.refusal(
            "selection.band, selection.max_chosen: method meta_rewarding has a value for each iteration instead; set "
            "method.rho and method.max_answer",
            "selection.band",
            "selection.max_chosen",
        )
    if run.reward.kind != "judge":
        raise run.refusal(
            f"reward.kind {run.reward.kind}: method meta_rewarding compares the judgements behind the rewards; use "
            "reward.kind `judge`, or another method",
            "reward.kind",
        )
    if run.judge.engine is not None:
        raise run.refusal(
            "judge.engine: method meta_rewarding trains M_t on its own judgements, and a server's are not its own; "
            "remove judge.engine, or use method self_rewarding",
            "judge.engine",
        )
    if run.judge.draws < 2:
        raise run.refusal(
            "judge.draws 1: method meta_rewarding compares several judgements of an answer; set it to 2 or more (the "
            "paper: 11)",
            "judge.draws",
        )
