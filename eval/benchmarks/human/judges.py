"""How far the judges of the head to head agree with people, on the same answers."""

from collections import defaultdict
from collections.abc import Mapping

from srlm.judge.pairwise import Outcome
from srlm.text.counts import counted

from ...records import MetricValue, Verdict
from ...stats.intervals import Resampling, share
from ..measuring import figure
from ..run_data import RunData
from .gathered import Gathered
from .key import Contest
from .people import BENCHMARK, UNIT, cohen, share_alike

TURNED: Mapping[Outcome, Outcome] = {"win": "lose", "tie": "tie", "lose": "win"}


def figures(run: RunData, found: Gathered, needed: int | None, how: Resampling) -> list[MetricValue]:
    """Of each judge with a verdict on answers that people have an outcome for."""
    people = {
        one.contest: outcome for one in found.told if not one.alike and (outcome := one.outcome(needed)) is not None
    }
    metrics = []
    for judge, said in sorted(verdicts_of(run, set(people)).items()):
        metrics += _judge(judge, people, said, how.using(BENCHMARK, "judge", judge))
    return metrics


def verdicts_of(run: RunData, contests: set[Contest]) -> dict[str, dict[Contest, Outcome | None]]:
    """What each judge says of these pairs of answers, from every file of verdicts in the run's folder.

    Verdicts are found by the answers they are of, whatever their file is called and whichever answer stands first.
    """
    wanted = {(one.model_response_id, one.baseline_response_id): one for one in contests}
    found: dict[str, dict[Contest, Outcome | None]] = defaultdict(dict)
    for path in sorted((run.evaluation / "verdicts").rglob("*.jsonl")):
        for verdict in run.records(path, Verdict):
            listed = wanted.get((verdict.response_a_id, verdict.response_b_id))
            turned = wanted.get((verdict.response_b_id, verdict.response_a_id))
            if listed is not None:
                found[verdict.judge][listed] = verdict.outcome
            elif turned is not None:
                found[verdict.judge][turned] = None if verdict.outcome is None else TURNED[verdict.outcome]
    return dict(found)


def _judge(
    judge: str, people: Mapping[Contest, Outcome], said: Mapping[Contest, Outcome | None], how: Resampling
) -> list[MetricValue]:
    both = [
        (contest.prompt_id, outcome, verdict)
        for contest, outcome in people.items()
        if (verdict := said.get(contest)) is not None
    ]
    decided = [row for row in both if "tie" not in row[1:]]
    silent = len(people) - len(both)
    missing = sum(contest not in said for contest in people)
    reasons = [
        f"{missing} without a verdict of this judge" if missing else "",
        f"{silent - missing} whose verdict could not be read" if silent > missing else "",
    ]
    note = "; ".join(filter(None, reasons))
    rows = [
        ("judge_agreement", both, share_alike(both, how) if both else share([], how), note),
        ("judge_agreement_decided", decided, share_alike(decided, how) if decided else share([], how),
         "; ".join(filter(None, (note, f"{counted(len(both) - len(decided), 'ties')} of people or judge left out")))),
    ]  # fmt: skip
    if both:
        kappa, why = cohen(both, how)
        rows.append(("judge_kappa", both, kappa, "; ".join(filter(None, (note, why)))))
    return [
        figure(judge, BENCHMARK, metric, estimate, n=len(own), unscored=len(people) - len(own), unit=UNIT, note=said_)
        for metric, own, estimate, said_ in rows
    ]
