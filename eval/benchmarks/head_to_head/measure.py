"""Every checkpoint against every other on the same prompts, judged in both orders (the paper, section 3.1, figure 3).

    data/evaluation_prompts.jsonl -> evaluation/M2/responses.jsonl -> evaluation/verdicts/M2-vs-M1.jsonl -> metrics

Model names in file names are for people; which models a verdict is about stands in the verdict.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from srlm.engines.openai.retired import refuse_retired
from srlm.judge.open import Judge, asked_models, contest_judge, pairwise_of
from srlm.judge.pairwise import BothOrders, Opinion, Outcome, PairItem, PairwiseJudge, in_both_orders
from srlm.records import Prompt, Response, seed_for
from srlm.settings import Settings
from srlm.store import files
from srlm.store.folder import RunFolder
from srlm.store.progress import Reporter
from srlm.terminal import say
from srlm.text.counts import counted

from ...judging.open import judge_facts
from ...records import MetricValue, Series, Verdict, verdict_id
from ...stats.bounded import SHARE, SIGNED
from ...stats.intervals import Resampling, mean, share
from ...stats.significance import sign_test
from ...stats.votes import on_these_prompts
from ..base import OpenEngine
from ..finished import measured
from ..measuring import BLOCK, are_there, figure, made_from, refuse_others, resampling, with_holm
from ..paired import contests_of
from ..within_budget import budget_note, noted, reached, sample_of
from .places import verdicts_path

BENCHMARK = "head_to_head"
POINTS = {"win": 1.0, "tie": 0.0, "lose": -1.0}


class AnswerPair(NamedTuple):
    """Two answers to one prompt."""

    prompt: Prompt
    a: Response
    b: Response


def figures(
    settings: Settings, folder: RunFolder, written: Mapping[str, Sequence[Response]], open_engine: OpenEngine
) -> list[MetricValue]:
    """All figures of the head-to-head, from the answers of each checkpoint; the judge is asked what is not on disk."""
    prompts = files.read(folder.step("data") / "evaluation_prompts.jsonl", Prompt)
    how = resampling(settings)
    contests = {
        (later, earlier): [AnswerPair(*row) for row in zip(prompts, written[later], written[earlier], strict=True)]
        for later, earlier in contests_of(list(written), settings.evaluation.reference)
    }
    metrics = []
    with closing(contest_judge(folder, open_engine)) as judge:
        sample = _affordable(settings, folder, contests, judge)
        for (later, earlier), own in contests.items():
            if len(sample) == len(prompts):
                said = verdicts(settings, folder, later, earlier, own, judge)
            else:  # kept among the judge's calls alone: a file of verdicts is of all prompts
                part = [one for one in own if one.prompt.id in sample]
                said = judged(pairwise_of(judge), later, earlier, part, settings.seed)
            metrics += compared(later, earlier, said, how)
    return noted(with_holm(metrics, how, shares=True), budget_note(len(sample), len(prompts)))


def _affordable(
    settings: Settings, folder: RunFolder, contests: Mapping[tuple[str, str], Sequence[AnswerPair]], judge: Judge
) -> frozenset[str]:
    """Ids of the prompts that `evaluation.max_cost` reaches, with every contest on them judged."""
    ids = [one.prompt.id for one in next(iter(contests.values()), ())]
    most = settings.evaluation.max_cost
    if most is None or judge.budget is None:
        return frozenset(ids)
    kept = {verdicts_path(folder, *models): _facts(settings, folder, judge, *models) for models in contests}
    if are_there(folder, kept):
        return frozenset(ids)
    for path, facts in kept.items():
        refuse_others(path, facts)
    pairwise = pairwise_of(judge)

    def ask(prompts: Sequence[str]) -> None:
        place = {prompt: number for number, prompt in enumerate(prompts)}
        for (later, earlier), own in contests.items():
            part = sorted((one for one in own if one.prompt.id in place), key=lambda one: place[one.prompt.id])
            judged(pairwise, later, earlier, part, settings.seed)

    with Reporter("head to head: within the budget", folder.log):
        done = reached(ids, ask, judge.budget(), settings.seed)
    found = sample_of(ids, [done], most)
    if note := budget_note(len(found), len(ids)):
        folder.log(f"head to head: stopped at evaluation.max_cost: figures {note}")
        say(f"stopped at evaluation.max_cost: figures {note}; raise it and run the same command again to resume")
    return found


def refuse_retired_judge(settings: Settings, folder: RunFolder) -> None:
    """Raise EngineError where verdicts are missing and their judge was shut down."""
    names = [checkpoint.name for checkpoint in measured(folder)]
    if not all(verdicts_path(folder, *pair).exists() for pair in contests_of(names, settings.evaluation.reference)):
        for one in asked_models(settings):
            if one.setting == "evaluation.judge":
                refuse_retired(one.endpoint, one.model)


Read = Callable[[Path, type[Verdict]], list[Verdict]]


def by_prompt(settings: Settings, folder: RunFolder, read: Read = files.read) -> list[Series]:
    """Win 1, tie 0, lose -1 of every pair of checkpoints on every prompt, from the verdicts on disk.

    `read`: what reads a file of them; `RunData.records` for one that the report has read already.
    """
    found = []
    names = [checkpoint.name for checkpoint in measured(folder)]
    for later, earlier in contests_of(names, settings.evaluation.reference):
        path = verdicts_path(folder, later, earlier)
        if path.exists():
            said = read(path, Verdict)
            found.append(
                Series(
                    model=later,
                    baseline=earlier,
                    benchmark=BENCHMARK,
                    metric="win_minus_lose",
                    prompts=tuple(verdict.prompt_id for verdict in said),
                    values=tuple(None if v.outcome is None else POINTS[v.outcome] for v in said),
                )
            )
    return found


def outcome_points(verdicts: Sequence[Verdict]) -> dict[str, float | None]:
    """Win 1, tie 0, lose -1 by prompt; None: not readable."""
    return {one.prompt_id: None if one.outcome is None else POINTS[one.outcome] for one in verdicts}


def verdicts(
    settings: Settings,
    folder: RunFolder,
    model_a: str,
    model_b: str,
    contests: Sequence[AnswerPair],
    judge: Judge,
) -> list[Verdict]:
    """The judge's verdict on each contest, kept as they come."""
    path, facts = verdicts_path(folder, model_a, model_b), _facts(settings, folder, judge, model_a, model_b)
    made_from(path, facts, folder)
    pairwise, seed = pairwise_of(judge), facts["seed"]

    def work(chunk: Sequence[AnswerPair], index: int) -> list[Verdict]:
        return judged(pairwise, model_a, model_b, chunk, seed_for(seed, index))

    with Reporter(f"{model_a} against {model_b}: verdicts", folder.log) as report:
        made = files.resumable(
            path,
            Verdict,
            contests,
            work,
            per_item=1,
            block=BLOCK,
            report=report,
            concurrency=lambda: pairwise.concurrency,
            belongs=lambda contest, said: (said.response_a_id, said.response_b_id) == (contest.a.id, contest.b.id),
        )
        return list(made)


def _facts(settings: Settings, folder: RunFolder, judge: Judge, model_a: str, model_b: str) -> dict[str, Any]:
    """What the verdicts on two models are made from."""
    evaluation = folder.step("evaluation")
    return {
        **judge_facts(settings, judge),
        **{name: files.fact(evaluation / name / "responses.jsonl").sha256 for name in (model_a, model_b)},
        "seed": seed_for(settings.seed, "verdicts", model_a, model_b),
    }


def judged(
    judge: PairwiseJudge, model_a: str, model_b: str, contests: Sequence[AnswerPair], seed: int
) -> list[Verdict]:
    """Both orders of every contest. Answers of the same words are equal, and no judge is asked."""
    equal = Opinion(preference=0.5, raw="(the same words)")
    asked = [c for c in contests if c.a.text != c.b.text]
    items = [PairItem(prompt=c.prompt.transcript, first=c.a.text, second=c.b.text) for c in asked]
    said = iter(in_both_orders(judge, items, seed))
    made = []
    for contest in contests:
        both = next(said) if contest.a.text != contest.b.text else BothOrders(equal, equal)
        made.append(
            Verdict(
                id=verdict_id(contest.a.id, contest.b.id, judge.id),
                prompt_id=contest.prompt.id,
                model_a=model_a,
                model_b=model_b,
                response_a_id=contest.a.id,
                response_b_id=contest.b.id,
                judge=judge.id,
                preference_ab=both.listed.preference,
                preference_ba=both.turned.preference,
                outcome=both.outcome,
                probability_ab=both.listed.probability,
                probability_ba=both.turned.probability,
                raw_ab=both.listed.raw,
                raw_ba=both.turned.raw,
                votes_ab=both.listed.votes,
                votes_ba=both.turned.votes,
                unread_ab=both.listed.unread,
                unread_ba=both.turned.unread,
            )
        )
    return made


def compared(model: str, baseline: str, verdicts: Sequence[Verdict], how: Resampling) -> list[MetricValue]:
    """Win, tie and lose shares, win minus lose with the sign test, and how often the order of showing decided.

    Where the judge gives probabilities, also their mean over both orders: 0.5 is no preference.
    """
    outcomes = [verdict.outcome for verdict in verdicts if verdict.outcome is not None]
    unscored = len(verdicts) - len(outcomes)
    judge = f"judge {verdicts[0].judge}" if verdicts else ""
    note = judge if outcomes else f"no verdict could be read ({judge or 'there are no prompts'})"
    how = how.using(BENCHMARK, model, baseline)
    shares = outcome_figures(BENCHMARK, model, baseline, outcomes, how, unscored, note)
    read = [v for v in verdicts if v.outcome is not None]
    flips = figure(
        model,
        BENCHMARK,
        "order_decided",
        share([v.preference_ab != v.preference_ba for v in read], how),
        unscored=unscored,
        baseline=baseline,
        note=note,
    )
    # A judge that always takes the answer shown first makes every verdict a tie; its probabilities may still lean.
    both = [(v.probability_ab, v.probability_ba) for v in verdicts]
    leans = [(ab + ba) / 2 for ab, ba in both if ab is not None and ba is not None]
    if not leans:
        return [*shares, flips]
    preference = figure(
        model,
        BENCHMARK,
        "preference",
        mean(leans, how, SHARE),
        unscored=len(verdicts) - len(leans),
        baseline=baseline,
        note=judge,
    )
    return [*shares, flips, preference, *asked_again(model, baseline, verdicts, how, judge)]


def outcome_figures(
    benchmark: str,
    model: str,
    baseline: str,
    outcomes: Sequence[Outcome],
    how: Resampling,
    unscored: int,
    note: str,
) -> list[MetricValue]:
    """Win, tie and lose shares of two models, whoever judged, and win minus lose with the exact sign test."""
    shares = [
        figure(
            model,
            benchmark,
            outcome,
            share([found == outcome for found in outcomes], how),
            unscored=unscored,
            baseline=baseline,
            note=note,
        )
        for outcome in ("win", "tie", "lose")
    ]
    difference = figure(
        model,
        benchmark,
        "win_minus_lose",
        mean([POINTS[found] for found in outcomes], how, SIGNED),
        unscored=unscored,
        baseline=baseline,
        p=sign_test(outcomes.count("win"), outcomes.count("lose")) if outcomes else None,
        note=note,
    )
    return [*shares, difference]


def asked_again(
    model: str, baseline: str, verdicts: Sequence[Verdict], how: Resampling, note: str
) -> list[MetricValue]:
    """Where the judge would put the preference if it were asked again about the same prompts; of sampled verdicts.

    The noise of votes is within the interval of `preference`, too. This is what it alone amounts to.
    """
    voted = [
        [[vote for vote in own if vote is not None] for own in (verdict.votes_ab, verdict.votes_ba)]
        for verdict in verdicts
        if verdict.probability_ab is not None and verdict.probability_ba is not None and verdict.votes_ab
    ]
    estimate = on_these_prompts(voted, how.confidence)
    if estimate is None:
        return []
    votes = max(len(verdict.votes_ab) for verdict in verdicts)
    return [
        figure(
            model,
            BENCHMARK,
            "preference_asked_again",
            estimate,
            unscored=len(verdicts) - len(voted),
            baseline=baseline,
            note=f"{note}; {counted(votes, 'sampled verdicts')} for each order",
        )
    ]
