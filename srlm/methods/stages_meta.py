"""The stages that `meta_rewarding` has beside the loop's: contests of judgements, meta-judgements, pairs of judgements.

judgements -> M_t compares them in both orders -> Elo -> pairs of judgements
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from srlm.judge import rubric
from srlm.judge.meta_judge import MetaJudge, load
from srlm.judge.meta_pairs import Contest, Match, comparison_counts, contests, matches, pair_judgements, rate
from srlm.methods.explain import Beside, Turn, indented
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
    return Paired(paired.pairs, {f"judge: {key}": value for key, value in counts.items()})


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
        )


def _is_of(match: Match, said: MetaJudgement) -> bool:
    return (said.first_id, said.second_id) == (match.first.id, match.second.id)


def _owner(folder: Path, turn: Turn) -> Mapping[str, str]:
    """The prompt of each meta-judgement and pair of judgements of a turn."""
    pairs, said = _read(folder)
    known = turn.owner
    owned = {pair.id: pair.prompt_id for pair in pairs if pair.prompt_id in turn.prompts}
    return owned | {one.id: known[one.first_id] for one in said if one.first_id in known}


def _read(folder: Path) -> tuple[list[PreferencePair], list[MetaJudgement]]:
    pairs, said = folder / JUDGE_PAIRS, folder / META
    return (
        files.read(pairs, PreferencePair) if pairs.exists() else [],
        files.read(said, MetaJudgement) if said.exists() else [],
    )


def _lines(folder: Path, turn: Turn, prompt: Prompt) -> Iterator[str]:
    """The contest of a prompt: who won each comparison, the ratings, and the pair."""
    pairs, every = _read(folder)
    said = [one for one in every if turn.owner.get(one.first_id) == prompt.id]
    if not said:
        yield "no judgements of its answers were compared"
        return
    draws = {judgement.id: judgement.draw for judgement in turn.judgements}
    yield f"\njudgements of response {said[0].response_id} compared by {one_line(said[0].judge)}"
    for one in said:
        first, second = (draws.get(id, "?") for id in (one.first_id, one.second_id))
        winner = {1.0: f"judgement {first}", 0.0: f"judgement {second}", 0.5: "neither"}.get(
            -1.0 if one.preference is None else one.preference, f"none ({one.unread})"
        )
        yield f"  comparison {one.id}: judgement {first} shown before judgement {second}, winner {winner}"
        yield indented(one.raw, 6)
    if (path := folder / RATINGS).exists():
        for rating in files.read(path, JudgementRating):
            if turn.owner.get(rating.judgement_id) == prompt.id:
                value = "none" if rating.elo is None else f"{rating.elo:+.3f}"
                yield f"  judgement {draws.get(rating.judgement_id, '?')}: Elo {value}"
    for pair in pairs:
        if pair.prompt_id == prompt.id:
            yield (
                f"pair of judgements {pair.id}: judgement {draws.get(pair.chosen_id, '?')} CHOSEN, "
                f"judgement {draws.get(pair.rejected_id, '?')} REJECTED, Elo margin {pair.margin:.3f}"
            )
            return
    yield "no pair of judgements: their ratings are missing or not unique, or a rule of the method dropped it"


BESIDE = Beside(_owner, _lines)
"""What `srlm explain` shows of a contest."""
