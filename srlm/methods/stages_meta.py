"""The stages that `meta_rewarding` has beside the loop's: contests of judgements, meta-judgements, pairs of judgements.

judgements -> M_t compares them in both orders -> Elo -> pairs of judgements
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from srlm.judge import rubric
from srlm.judge.meta_judge import MetaJudge, load
from srlm.judge.meta_pairs import Contest, Match, comparison_counts, contests, matches, pair_judgements, rate
from srlm.judge.watched import VerdictWatch
from srlm.methods.explain import Beside
from srlm.methods.meta_settings import MetaRewardingSettings, by_iteration
from srlm.methods.run import Run
from srlm.printable import one_line
from srlm.records import (
    Checkpoint,
    Count,
    Judgement,
    JudgementRating,
    MetaJudgement,
    PreferencePair,
    Prompt,
    Response,
    Step,
    seed_for,
)
from srlm.rewards.base import JUDGEMENTS
from srlm.selection import Paired
from srlm.settings import PairSettings
from srlm.store import files

META, RATINGS, JUDGE_PAIRS = "meta_judgements.jsonl", "ratings.jsonl", "judge_pairs.jsonl"
"""Files of a step."""


def judgement_pairs(
    run: Run,
    step: Step,
    model: Checkpoint,
    prompts: Sequence[Prompt],
    responses: Sequence[Response],
    settings: MetaRewardingSettings,
) -> Paired:
    """Pairs of a better and a worse judgement, by what M_t says of its own judgements."""
    judgements = files.Kept(run.path(step.name, JUDGEMENTS), Judgement)
    found = contests(prompts, responses, judgements)
    said = meta_judgements(run, step, model, found.contests, settings)
    rated = rate(found.contests, said, position_weights=settings.position_weights, ridge=settings.ridge)
    files.write(run.path(step.name, RATINGS), rated.ratings)
    paired = pair_judgements(
        found.contests,
        rated.ratings,
        rubric.load(run.settings.judge.template),
        ties=settings.ties,
        longest=by_iteration(settings.max_judgement, step),
        max_score_share=settings.max_score_share,
    )
    files.write(run.path(step.name, JUDGE_PAIRS), paired.pairs)
    compared = {one.id: one for contest in found.contests for one in contest.judgements}
    counts: dict[str, Count] = {
        **found.counts,
        **comparison_counts(said, compared),
        **rated.counts,
        **paired.counts,
    }
    if warning := untrained_judge(counts):
        run.folder.log(f"{step.name}: warning: {warning}")
        counts["warning"] = warning
    return Paired(paired.pairs, {f"judge: {key}": value for key, value in counts.items()})


def untrained_judge(counts: Mapping[str, Count]) -> str | None:
    """What to say where no pair of judgements was made, so that the step trains the actor alone; None: there are pairs.

    With position weights, wins that all are of one place weigh nothing: nobody could say what the words had to do with
    them.
    """
    if counts["pairs"]:
        return None
    said = (
        f"the judge is not trained: no pair of judgements (contests: {counts['contests']}, comparisons: "
        f"{counts['comparisons']})"
    )
    if (share := counts["share won in the first place"]) in (0, 1):
        place = "first" if share else "second"
        said += f"; the meta-judge always prefers the judgement shown {place}, whatever it says"
    return f"{said} (`judge: ...` in `srlm status` counts why)"


def meta_judgements(
    run: Run, step: Step, model: Checkpoint, all_contests: Sequence[Contest], settings: MetaRewardingSettings
) -> Sequence[MetaJudgement]:
    """M_t compares the judgements of each contest, every two of them in both orders."""
    path, items = run.path(step.name, META), list(matches(all_contests))
    if path.exists():
        return files.finished(path, MetaJudgement, items, 1, _is_of)
    template = load(settings.template, rubric.load(run.settings.judge.template))
    asking = PairSettings(votes=settings.votes, temperature=settings.temperature, tokens=settings.tokens)
    with run.engine(model) as engine, run.stage(step.name, "meta-judgements", "comparisons") as report:
        judge = MetaJudge(engine, asking, template)

        def compare(chunk: Sequence[Match], index: int) -> list[MetaJudgement]:
            seed = seed_for(run.seed(step.name, "meta-judgements"), index)
            opinions = judge.compare([match.item for match in chunk], seed)
            return [
                MetaJudgement.of(
                    match.contest.response.id,
                    match.first.id,
                    match.second.id,
                    judge.id,
                    opinion.raw,
                    opinion.preference,
                    opinion.unread,
                )
                for match, opinion in zip(chunk, opinions, strict=True)
            ]

        return files.resumable(
            path,
            MetaJudgement,
            items,
            compare,
            per_item=1,
            block=run.block(settings.votes or 1),
            report=report,
            concurrency=lambda: judge.concurrency,
            belongs=_is_of,
            watch=VerdictWatch(
                f"{step.name}: meta-judgements",
                run.settings.judge,
                report.say,
                room="method.tokens",
                advice=["another method.template"],
            ),
        )


def _is_of(match: Match, said: MetaJudgement) -> bool:
    return (said.first_id, said.second_id) == (match.first.id, match.second.id)


def beside(step: Path) -> list[Beside]:
    """What `srlm explain` shows of a contest: who won each comparison, the ratings, and the pair."""
    if not (step / META).exists():
        return []
    draws = {one.id: one.draw for one in files.read(step / JUDGEMENTS, Judgement)}
    found = [Beside(one.id, one.response_id, _comparison(one, draws)) for one in files.read(step / META, MetaJudgement)]
    if (path := step / RATINGS).exists():
        for rating in files.read(path, JudgementRating):
            elo = "none" if rating.elo is None else f"{rating.elo:+.3f}"
            lines = [f"judgement {draws.get(rating.judgement_id)}: Elo {elo}"]
            found.append(Beside(rating.judgement_id, rating.response_id, lines))
    if (path := step / JUDGE_PAIRS).exists():
        found += [Beside(pair.id, pair.prompt_id, _pair(pair, draws)) for pair in files.read(path, PreferencePair)]
    return found


def _comparison(said: MetaJudgement, draws: Mapping[str, int]) -> list[str]:
    first, second = (f"judgement {draws.get(id)}" for id in (said.first_id, said.second_id))
    winners = {1.0: first, 0.0: second, 0.5: "neither", None: f"none ({said.unread})"}
    winner = winners[said.preference]
    return [f"meta-judgement {said.id} by {one_line(said.judge)}: {first} before {second}, winner {winner}", said.raw]


def _pair(pair: PreferencePair, draws: Mapping[str, int]) -> list[str]:
    chosen, rejected = (draws.get(id) for id in (pair.chosen_id, pair.rejected_id))
    ratings = f"{pair.chosen_score:+.3f} against {pair.rejected_score:+.3f}"
    return [f"pair of judgements {pair.id}: judgement {chosen} CHOSEN, judgement {rejected} REJECTED, Elo {ratings}"]
