"""A reward of rules: helpfulness, and the weighted probabilities of propositions (Mu et al. 2024, section 4.2).

    total = helpfulness + sum_i w_i phi_i

phi_i is the grader's probability that proposition i holds of the answer, w the weights of the prompt's response type.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing

from srlm.judge.grades import Grade, grade, grade_counts, grade_types
from srlm.judge.pointwise import Answered
from srlm.records import OTHER_ID, AnswerReward, Count, Prompt, Record, digest
from srlm.rewards.base import REWARDS, Context, Reward, Rewarded
from srlm.store import files
from srlm.text.propositions import Propositions

GRADES, TYPES, HELPFULNESS = "grades.jsonl", "types.jsonl", "helpfulness.jsonl"
"""In a step's folder: the probability of each proposition, of each type, and the rewards that are added to."""


class RuleWeights(Record):
    """What the propositions of one response type weigh, and how well the total reward orders pairs with them."""

    id: str
    type: str
    propositions: str
    """Digest of the file of propositions."""
    names: tuple[str, ...]
    weights: tuple[float, ...]
    pairs: int
    """Ordered pairs of one prompt on which they were fitted."""
    hinge_before: float | None
    """Mean hinge loss of helpfulness alone. None: no pairs, as in what follows."""
    hinge: float | None
    """The same of the total reward: the least that there is."""
    error_before: float | None
    """Share of the pairs that helpfulness orders wrongly, a tie counting half."""
    error: float | None
    """The same of the total reward."""
    heldout_pairs: int
    """Pairs of prompts that had no part in the fit."""
    heldout_error_before: float | None
    heldout_error: float | None

    @classmethod
    def of(cls, type: str, propositions: str, weights: Mapping[str, float], **figures: float | None) -> "RuleWeights":
        """`figures`: the fields from `pairs` on."""
        rows = {"names": tuple(weights), "weights": tuple(weights.values()), **figures}
        identity = digest("rule weights", type, propositions, rows)
        return cls.model_validate({"id": identity, "type": type, "propositions": propositions, **rows})

    @property
    def by_name(self) -> dict[str, float]:
        return dict(zip(self.names, self.weights, strict=True))

    def fault(self) -> str | None:
        rows = self.model_dump(mode="json", exclude={"id", "type", "propositions"})
        return OTHER_ID if self.id != digest("rule weights", self.type, self.propositions, rows) else None


class RuleBasedReward:
    """Helpfulness and rules; without weights, helpfulness and grades alone, from which weights are fitted."""

    def __init__(self, helpful: Reward, propositions: Propositions, weights: Sequence[RuleWeights]) -> None:
        self._helpful, self._propositions = helpful, propositions
        self._weights = {one.type: one for one in weights}

    @property
    def asks_judge(self) -> bool:
        return self._helpful.asks_judge

    @property
    def rule(self) -> str:
        said = "; ".join(
            f"{one.type}: " + " ".join(f"{weight:+.3g} {name}" for name, weight in one.by_name.items())
            for one in self._weights.values()
        )
        return f"{self._helpful.rule}; plus the weighted probabilities of propositions ({said})"

    def check(self) -> None:
        self._helpful.check()

    def rewards(self, answered: Sequence[Answered], context: Context) -> Rewarded:
        """Helpfulness plus rules; an answer of which either is not known has no reward."""
        measured = self.measure(answered, context)
        numbers: list[float | None] = []
        for one, helpful, facts in zip(answered, measured.helpful, measured.features, strict=True):
            weights = self._weights.get(measured.types.get(one.prompt.id) or "")
            numbers.append(total(helpful, facts, weights.by_name if weights else None))
        rows = [
            AnswerReward(response_id=one.response.id, source="rules", reward=number)
            for one, number in zip(answered, numbers, strict=True)
        ]
        files.write(context.path(REWARDS), rows)
        unrewarded = sum(number is None for number in numbers)
        return Rewarded(numbers, {**measured.counts, "responses without reward": unrewarded})

    def measure(self, answered: Sequence[Answered], context: Context) -> "Measured":
        """What the reward is made of, kept in the step's folder."""
        helpful = self._helpful.rewards(answered, context._replace(numbers=HELPFULNESS))
        prompts = list({one.prompt.id: one.prompt for one in answered}.values())
        types, grades = self._types(prompts, context), self._grades(answered, context)
        each = len(self._propositions.propositions)
        features = [
            {grade.about: grade.yes for grade in grades[place * each : (place + 1) * each]}
            for place in range(len(answered))
        ]
        counts = {**helpful.counts, **grade_counts(grades)}
        if len(self._propositions.types) > 1:
            kinds = [kind.name for kind in self._propositions.types]
            counts |= {f"prompts of type {kind}": list(types.values()).count(kind) for kind in kinds}
            counts["prompts of no type"] = list(types.values()).count(None)
        return Measured(helpful=helpful.rewards, features=features, types=types, counts=counts)

    def _grades(self, answered: Sequence[Answered], context: Context) -> Sequence[Grade]:
        path, each = context.path(GRADES), len(self._propositions.propositions)
        if path.exists():
            return files.finished(path, Grade, answered, each, lambda one, found: found.of == one.response.id)
        with closing(context.judge()) as judge, context.stage("grades") as report:
            assert judge.engine is not None  # the loop's judge is a language model
            return grade(
                judge.engine,
                answered,
                self._propositions,
                seed=context.seed("grades"),
                path=path,
                block=context.block(each),
                report=report,
            )

    def _types(self, prompts: Sequence[Prompt], context: Context) -> dict[str, str | None]:
        """The likeliest type of each prompt."""
        kinds = self._propositions.types
        if len(kinds) == 1:
            return {prompt.id: kinds[0].name for prompt in prompts}
        path = context.path(TYPES)
        grades: Sequence[Grade]
        if path.exists():
            grades = files.finished(path, Grade, prompts, len(kinds), lambda one, found: found.of == one.id)
        else:
            with closing(context.judge()) as judge, context.stage("types"):
                assert judge.engine is not None
                seed, block = context.seed("types"), context.block(len(kinds))
                grades = grade_types(judge.engine, prompts, self._propositions, seed=seed, path=path, block=block)
        found: dict[str, str | None] = {}
        for place, prompt in enumerate(prompts):
            own = grades[place * len(kinds) : (place + 1) * len(kinds)]
            found[prompt.id] = likeliest({one.about: one.yes for one in own})
        return found


class Measured(Record):
    """What rewards are made of, by answer in the order of the answers."""

    helpful: list[float | None]
    features: list[dict[str, float | None]]
    """Probability by proposition."""
    types: dict[str, str | None]
    """By prompt."""
    counts: dict[str, Count]


def likeliest(chances: Mapping[str, float | None]) -> str | None:
    """The type of the highest probability; None: one is not known, or two are the highest."""
    known = [yes for yes in chances.values() if yes is not None]
    if not known or len(known) < len(chances):
        return None
    highest = max(known)
    first = [kind for kind, yes in chances.items() if yes == highest]
    return first[0] if len(first) == 1 else None


def total(
    helpful: float | None, facts: Mapping[str, float | None], weights: Mapping[str, float] | None
) -> float | None:
    """helpful + sum of w_i phi_i over the propositions that have weights; None where one of them is not known."""
    if helpful is None or weights is None:
        return None
    sums = helpful
    for name, weight in weights.items():
        if (phi := facts[name]) is None:
            return None
        sums += weight * phi
    return sums
