"""How often a model prefers the answer that people preferred, on sets it never saw: figures for its manifest.

One pair is drawn of each group of rankings (a prompt, a conversation), so that pairs are independent. Both orders are
asked. A pair is right where the model prefers the better answer in both, as in the paper's head-to-head: a preference
for either place alone gets 0 by that measure, and .5 where the orders' mean is counted (`accuracy by half`). The
interval is Wilson's for a share of independent pairs, at 95%.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations

from srlm.data.human_ranking import HumanRanking
from srlm.judge import pair_template
from srlm.judge.pair_sampling import ShownPair, kept_opinions
from srlm.judge.pairwise import ModelPairJudge, outcome_of
from srlm.judge.watched import VerdictWatch, counting
from srlm.judge.wording import Shipped
from srlm.methods.run import Run
from srlm.methods.stages import Look
from srlm.records import Checkpoint, Count, PairJudgement, Prompt, RankedSet, Response, Step, seed_for
from srlm.text.pair_prompt import PairTemplate

FILE = "held_out_pairs"
"""Begins the name of the file of a set's judgements, in the step's folder."""


def of_run(sets: Sequence[RankedSet]) -> list[HumanRanking]:
    """A run's own ranked sets as rankings that any reader returns."""
    return [HumanRanking(ranked=one, group=one.prompt.id) for one in sets]


def template_input(name: str) -> str | Shipped:
    """A pairwise judge's template as `Prepared.inputs` names it: a file, or one that comes with srlm."""
    return pair_template.SHIPPED.get(name, name)


def better_first(rankings: Sequence[HumanRanking], seed: int, most: int) -> list[ShownPair]:
    """At most `most` pairs that people ordered, one a group, the better answer first; drawn by the seed.

    Two answers of the same words are no pair.
    """
    groups: dict[str, list[ShownPair]] = {}
    for ranking in rankings:
        groups.setdefault(ranking.group, []).extend(ordered_pairs(ranking.ranked))
    drawn = [random.Random(seed_for(seed, "pair of", group)).choice(pairs) for group, pairs in groups.items() if pairs]
    if len(drawn) <= most:
        return drawn
    places = sorted(random.Random(seed_for(seed, "held-out pairs")).sample(range(len(drawn)), most))
    return [drawn[place] for place in places]


def ordered_pairs(ranked: RankedSet) -> list[ShownPair]:
    """Every two answers that people ranked apart, the better one first."""
    found = []
    for i, j in combinations(range(len(ranked.responses)), 2):
        better, worse = (i, j) if ranked.ranks[i] < ranked.ranks[j] else (j, i)
        first, second = ranked.responses[better], ranked.responses[worse]
        if ranked.ranks[i] != ranked.ranks[j] and first.text.strip() != second.text.strip():
            found.append(_shown(ranked.prompt, first, second))
    return found


def _shown(prompt: Prompt, first: Response, second: Response) -> ShownPair:
    return ShownPair(prompt=prompt, first=first, second=second)


def look_at_pairs(run: Run, step: Step, template: PairTemplate, sets: Mapping[str, Sequence[ShownPair]]) -> Look:
    """What measures a new model on each set's pairs, whose better answer stands first: `pairs on NAME`.

    M2's manifest also has M1's figures, `pairs on NAME, by M1`: with what the loop began.
    """

    def look(checkpoint: Checkpoint) -> Mapping[str, Count]:
        if not any(sets.values()):
            return {}
        found = {}
        if step.number == 2:
            first = run.previous_model(step)
            figures = held_pair_figures(run, step.name, first, template, sets, f"{FILE}.{first.name}")
            found = {f"pairs on {name}, by {first.name}": own for name, own in figures.items()}
        figures = held_pair_figures(run, step.name, checkpoint, template, sets, FILE)
        return found | {f"pairs on {name}": own for name, own in figures.items()}

    return look


def held_pair_figures(
    run: Run,
    step: str,
    checkpoint: Checkpoint,
    template: PairTemplate,
    sets: Mapping[str, Sequence[ShownPair]],
    file: str,
) -> dict[str, dict[str, int | float | None]]:
    """Figures by set. The judgements are kept in the step's folder, a file a set, numbered in the order of `sets`."""
    figures = {}
    with run.engine(checkpoint) as engine, run.stage(step, f"held-out pairs by {checkpoint.name}", "pairs") as report:
        judge = ModelPairJudge(engine, template=template)
        for number, (name, pairs) in enumerate(sets.items()):
            both = [one for pair in pairs for one in (pair, pair.turned)]
            path, seed = run.path(step, f"{file}.{number}.jsonl"), run.seed(step, "held-out pairs", name)
            watch = VerdictWatch(path.stem, counting(run.settings.judge), report.say, room=None, advice=())
            said = kept_opinions(judge, both, seed, path, report, run.block(2), watch)
            figures[name] = pair_figures(list(said))
    return figures


def pair_figures(said: Sequence[PairJudgement]) -> dict[str, int | float | None]:
    """Figures of judgements that come by twos: with the better answer first, and the same pair turned."""
    from scipy.stats import binomtest  # slow to import

    outcomes = Counter(
        outcome_of(listed.preference, None if turned.preference is None else 1 - turned.preference)
        for listed, turned in zip(said[::2], said[1::2], strict=True)
    )
    right, tied, wrong = outcomes["win"], outcomes["tie"], outcomes["lose"]
    n = right + tied + wrong
    interval = binomtest(right, n).proportion_ci(0.95, "wilson") if n else None
    return {
        "n": n,
        "right": right,
        "accuracy": right / n if n else None,
        "low": None if interval is None else float(interval.low),
        "high": None if interval is None else float(interval.high),
        "accuracy by half": (right + tied / 2) / n if n else None,
        "orders disagree": tied,
        "unscored": outcomes[None],
    }
