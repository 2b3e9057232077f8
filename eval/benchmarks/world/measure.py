"""What only an exact program can tell, in a small world: who answers right, and which verdicts of a judge are true.

    evaluation/M2/responses.jsonl (one answer a prompt, as the head-to-head has them) -> WORLDs
    evaluation/M2/greedy.jsonl (the likeliest answer) -> WORLD_skills, by kind of prompt, for M0 too
    evaluation/M2/own_responses.jsonl (four a prompt) -> evaluation/M2/own_judgements.jsonl -> WORLD_judge
    evaluation/M2/judgements.jsonl (held-out ranked answers) -> WORLD_judge

M0's skills stand beside the others' because the loop can only bring back what M0 holds. An M0 from random weights is
given a prompt as its own training text has it, without any sign of a user.
"""

from collections.abc import Mapping, Sequence

from srlm.judge import agreement
from srlm.judge.pointwise import Answered
from srlm.records import Checkpoint, Judgement, Prompt, RankedSet, Response, seed_for
from srlm.settings import Sampling, Settings
from srlm.store import files
from srlm.store.folder import RunFolder
from srlm.worlds.base import Grade
from srlm.worlds.table import WORLDS

from ...records import MetricValue, Series
from ...stats.bounded import Bounds
from ...stats.intervals import Resampling, balanced, mean, pooled, share
from ..base import OpenEngine
from ..finished import measured
from ..judge_agreement.measure import answered, heldout_judgements, judged_series, scores_of
from ..measuring import aligned, answers, figure, judge_answers, resampling
from ..scored import differences
from .benchmark import WorldWords

POINTS = Bounds(0.0, 5.0)
OWN_DRAWS = 4
"""Answers a prompt on which a model judges itself."""


def answered_right(
    words: WorldWords, settings: Settings, folder: RunFolder, written: Mapping[str, Sequence[Response]]
) -> list[MetricValue]:
    """What the exact program says of the answers to the evaluation prompts."""
    prompts, groups = _prompts(folder), WORLDS[words.kind].groups(settings.data)
    return graded(words, prompts, written, groups, resampling(settings), settings.evaluation.reference)


def skilled(words: WorldWords, settings: Settings, folder: RunFolder, open_engine: OpenEngine) -> list[MetricValue]:
    """What each checkpoint, M0 too, answers when it writes what it thinks likeliest."""
    prompts, how = _prompts(folder), resampling(settings)
    return [
        metric
        for checkpoint in folder.checkpoints()
        for metric in skills(
            words, checkpoint.name, prompts, greedy(settings, folder, checkpoint, prompts, open_engine), how
        )
    ]


def judged(words: WorldWords, settings: Settings, folder: RunFolder, open_engine: OpenEngine) -> list[MetricValue]:
    """What the exact program says of each checkpoint's verdicts."""
    prompts, how = _prompts(folder), resampling(settings)
    return [
        metric
        for checkpoint in measured(folder)
        for metric in judge(words, settings, folder, checkpoint, prompts, open_engine, how)
    ]


def _prompts(folder: RunFolder) -> list[Prompt]:
    return files.read(folder.step("data") / "evaluation_prompts.jsonl", Prompt)


def right_by_prompt(words: WorldWords, folder: RunFolder) -> list[Series]:
    """Right answers and exact scores of every checkpoint on every prompt."""
    prompts = _prompts(folder)
    ids = tuple(prompt.id for prompt in prompts)
    found = []
    for checkpoint in measured(folder):
        path = folder.step("evaluation") / checkpoint.name / "responses.jsonl"
        if path.exists():
            responses = files.read(path, Response)
            aligned(path, [response.prompt_id for response in responses], ids, 1)
            grades = _grades(words, prompts, responses)
            for metric, values in (
                ("correct", tuple(float(grade.met["correct"]) for grade in grades)),
                ("oracle_score", tuple(float(grade.score) for grade in grades)),
            ):
                found.append(
                    Series(model=checkpoint.name, benchmark=words.command, metric=metric, prompts=ids, values=values)
                )
    return found


def judged_by_prompt(words: WorldWords, folder: RunFolder) -> list[Series]:
    """The judges on their own answers, every checkpoint on every prompt."""
    prompts = _prompts(folder)
    ids = tuple(prompt.id for prompt in prompts)
    found = []
    for checkpoint in measured(folder):
        place = folder.step("evaluation") / checkpoint.name
        if (path := place / "own_judgements.jsonl").exists():
            own = files.read(place / "own_responses.jsonl", Response)
            aligned(place / "own_responses.jsonl", [response.prompt_id for response in own], ids, OWN_DRAWS)
            found += judged_series(checkpoint.name, f"{words.one}_judge", ids, path, own_sets(words, prompts, own))
    return found


def graded(
    words: WorldWords,
    prompts: Sequence[Prompt],
    written: Mapping[str, Sequence[Response]],
    groups: Mapping[str, Sequence[str]],
    how: Resampling,
    reference: str | None = None,
) -> list[MetricValue]:
    """The exact program's grades: the share that meets each criterion, right answers by group of kinds, the mean score,
    and what each step changed."""
    grades = {name: _grades(words, prompts, responses) for name, responses in written.items()}
    name_of = words.command
    metrics = []
    for name, found in grades.items():
        own = how.using(name_of, name)
        for criterion in words.criteria:
            metrics.append(figure(name, name_of, criterion, share([g.met[criterion] for g in found], own)))
        for group, kinds in groups.items():
            right = [g.met["correct"] for g, prompt in zip(found, prompts, strict=True) if prompt.category in kinds]
            note = "" if right else "no prompt is of these kinds"
            metrics.append(figure(name, name_of, f"correct_{group}", share(right, own), note=note))
        metrics.append(figure(name, name_of, "oracle_score", mean([float(g.score) for g in found], own, POINTS)))
    values = {name: [float(g.met["correct"]) for g in found] for name, found in grades.items()}
    points = {name: [float(g.score) for g in found] for name, found in grades.items()}
    return [
        *metrics,
        *differences(name_of, "correct", values, how, reference),
        *differences(name_of, "oracle_score", points, how, reference),
    ]


def _grades(words: WorldWords, prompts: Sequence[Prompt], responses: Sequence[Response]) -> list[Grade]:
    world = WORLDS[words.kind]
    return [world.grade(prompt.text, response.text) for prompt, response in zip(prompts, responses, strict=True)]


def greedy(
    settings: Settings, folder: RunFolder, checkpoint: Checkpoint, prompts: Sequence[Prompt], open_engine: OpenEngine
) -> list[Response]:
    """The checkpoint's likeliest answer to each evaluation prompt."""
    return answers(
        folder,
        checkpoint,
        prompts,
        lambda one, plain=False: open_engine(one, plain=one.name == "M0" and settings.model.base == "scratch"),
        name="greedy",
        label="greedy answers",
        sampling=Sampling(temperature=0, max_new_tokens=settings.evaluation.sampling.max_new_tokens),
        draws=1,
        seed=0,
    )


def skills(
    words: WorldWords, model: str, prompts: Sequence[Prompt], written: Sequence[Response], how: Resampling
) -> list[MetricValue]:
    """The share of greedy answers that are right, over all and by kind of prompt."""
    name = f"{words.one}_skills"
    right = [grade.met["correct"] for grade in _grades(words, prompts, written)]
    how = how.using(name, model)
    metrics = [figure(model, name, "greedy_correct", share(right, how))]
    for kind in words.kinds:
        own = [hit for hit, prompt in zip(right, prompts, strict=True) if prompt.category == kind]
        note = "" if own else "no prompt asks for it"
        metrics.append(figure(model, name, f"greedy_correct_{kind}", share(own, how), note=note))
    return metrics


def judge(
    words: WorldWords,
    settings: Settings,
    folder: RunFolder,
    checkpoint: Checkpoint,
    prompts: Sequence[Prompt],
    open_engine: OpenEngine,
    how: Resampling,
) -> list[MetricValue]:
    """The checkpoint's verdicts against the exact program's, on held-out answers and on its own."""
    name = checkpoint.name
    own = answers(
        folder,
        checkpoint,
        prompts,
        open_engine,
        name="own_responses",
        label="answers of its own",
        sampling=settings.candidates.sampling,
        draws=OWN_DRAWS,
        seed=seed_for(settings.seed, "own answers", name),
    )
    sets = own_sets(words, prompts, own)
    samples = answered(sets)
    said = judge_answers(
        settings,
        folder,
        checkpoint,
        samples,
        folder.step("evaluation") / name / "own_responses.jsonl",
        open_engine,
        name="own_judgements",
        label="judging its own answers",
        seed=seed_for(settings.seed, "own judgements", name),
    )
    metrics = [*verdicts(words, name, "own", samples, said, how), *order(words, name, sets, scores_of(sets, said), how)]
    heldout = answered(files.read(folder.step("data") / "heldout_sets.jsonl", RankedSet))
    said = heldout_judgements(settings, folder, checkpoint, heldout, open_engine)
    return metrics + verdicts(words, name, "heldout", heldout, said, how)


def own_sets(words: WorldWords, prompts: Sequence[Prompt], own: Sequence[Response]) -> list[RankedSet]:
    """A model's own answers to each prompt, ranked by the exact program; answers of equal score tie."""
    sets = []
    for place, prompt in enumerate(prompts):
        responses = tuple(own[place * OWN_DRAWS : (place + 1) * OWN_DRAWS])
        scores = [WORLDS[words.kind].score(prompt.text, response.text) for response in responses]
        ladder = sorted(set(scores), reverse=True)
        sets.append(RankedSet.of(prompt, responses, tuple(ladder.index(score) for score in scores)))
    return sets


def order(
    words: WorldWords, model: str, sets: Sequence[RankedSet], scores: Sequence[agreement.Scores], how: Resampling
) -> list[MetricValue]:
    """Pairs of a model's own answers that it orders as the exact program does; its ties are wrong."""
    pairs = agreement.measure([one.ranks for one in sets], scores)["pairwise_accuracy"]
    estimate = pooled(list(pairs.hits), list(pairs.total), how.using("own pairs", model))
    return [
        figure(
            model,
            f"{words.one}_judge",
            "own_pairwise_accuracy",
            estimate,
            n=int(pairs.total.sum()),
            unscored=int(pairs.unscored.sum()),
            unit="pairs",
            note="no pair could be compared" if estimate.value is None else "",
        )
    ]


def verdicts(
    words: WorldWords, model: str, part: str, shown: Sequence[Answered], said: Sequence[Judgement], how: Resampling
) -> list[MetricValue]:
    """Balanced accuracy of the verdicts on each criterion, judgement by judgement.

    The mean of two shares: of the answers that meet the criterion, those said to; of those that do not, those said not
    to. 0.5 is what a judge gets that always says the same.
    """
    draws = len(said) // len(shown) if shown else 0
    world = WORLDS[words.kind]
    truth = [world.grade(one.prompt.text, one.response.text) for one in shown]
    found = [world.verdicts(judgement.raw) for judgement in said]
    unread = sum(one is None for one in found)
    metrics = []
    for criterion in words.criteria:
        by_prompt: dict[str, list[int]] = {}
        for place, one in enumerate(shown):
            counts = by_prompt.setdefault(one.prompt.id, [0, 0, 0, 0])
            met = truth[place].met[criterion]
            for verdict in found[place * draws : (place + 1) * draws]:
                if verdict is not None:
                    counts[0 if met else 2] += verdict[criterion] == met
                    counts[1 if met else 3] += 1
        hits, met_all, rejected, unmet_all = zip(*by_prompt.values(), strict=True)
        own = how.using("verdicts", model, part, criterion)
        estimate = balanced((hits, met_all), (rejected, unmet_all), own)
        metrics.append(
            figure(
                model,
                f"{words.one}_judge",
                f"{part}_{criterion}",
                estimate,
                n=len(found) - unread,
                unscored=unread,
                unit="judgements",
                note="" if estimate.value is not None else "no judgements of answers of both kinds",
            )
        )
    return metrics
