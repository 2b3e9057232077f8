"""Many seeds and arms of the pocket run: what the loop gains, what its arms gain, and what worse judges cost.

    python benchmarks/pocket/study.py --seeds 11-20 --arms arms --jobs 2     # every arm beside the loop itself
    python benchmarks/pocket/study.py --seeds 11-15 --arms judge --jobs 2    # worse judges: wrong verdicts, less EFT
    python benchmarks/pocket/study.py --summary                              # the tables again, from what is there
    python benchmarks/pocket/study.py --summary --plot gain.svg              # gain as a function of the judge, drawn
    python benchmarks/pocket/study.py --run mine.yaml --found mine.json      # of another recipe, in a file of its own

Runs lie under runs/study/ and go on where they were; steps that an arm shares with the loop itself are taken from it.
What is found is kept, an entry a run, in benchmarks/pocket/study.json (--found). Intervals are by bootstrap over seeds
and prompts: both are drawn anew in every resample, and all runs answered the same prompts
(eval/benchmarks/beads/study.py, from which `python -m eval report --study FILE` shows them, too).
"""

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from running import CHECKOUT, LOOP, RUNS, measure, seeds_of, settings_of, train

sys.path.insert(0, str(CHECKOUT))
from eval.benchmarks.beads.study import beyond_loop, by_seed, gain, of_arm, values, worse_judges

FOUND = CHECKOUT / "benchmarks/pocket/study.json"
ONE_AT_A_TIME = Lock()


class Arm(NamedTuple):
    """Settings that make an arm, how far it goes, the steps it shares with the loop itself, and how it is measured."""

    settings: tuple[str, ...]
    last: int
    shares: tuple[str, ...]
    suite: str


def _arm(*settings: str) -> Arm:
    return Arm(settings, 3, ("data", "M0", "SFT", "M1"), "h2h")


def _judge(setting: str) -> Arm:
    return Arm((setting,), 3, ("M0", "SFT"), "all")


ARMS = {
    LOOP: Arm((), 4, (), "all"),
    "random_scores": _arm("reward.kind=random"),
    "flipped_pairs": _arm("selection.flip=true"),
    "positive_only": _arm("method=positive_sft"),
    "form_scores": _arm("reward.kind=world", "reward.scores=form"),
    "oracle_scores": _arm("reward.kind=world"),
}
JUDGES = {
    **{f"wrong_{percent}": _judge(f"data.wrong_verdicts={percent / 100}") for percent in (10, 20, 30, 40)},
    **{f"eft_{number}": _judge(f"data.eft_sets={number // 4}") for number in (500, 1500, 4000)},
}
EVERY = ARMS | JUDGES


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--run", type=Path, default=Path("configs/pocket.yaml"))
    words.add_argument("--seeds", default="11-20")
    words.add_argument("--arms", default="arms", help="`arms`, `judge`, or names with commas between")
    words.add_argument("--last", type=int, default=4, help="last model of the loop itself; the arms end at M3")
    words.add_argument("--jobs", type=int, default=2, help="runs at once, one thread each")
    words.add_argument("--found", type=Path, default=FOUND, help="the file in which entries are kept")
    words.add_argument("--summary", action="store_true", help="run nothing")
    words.add_argument("--plot", type=Path, help="draw gain against judge, as SVG or PNG")
    asked = words.parse_args()
    if not asked.summary:
        names = {"arms": list(ARMS), "judge": list(JUDGES)}.get(asked.arms) or asked.arms.split(",")
        with ThreadPoolExecutor(asked.jobs) as pool:
            list(pool.map(lambda seed: study(asked.run, seed, names, asked.found, asked.last), seeds_of(asked.seeds)))
    print(summary(kept(asked.found)))
    if asked.plot:
        plot(kept(asked.found), asked.plot)


def study(run: Path, seed: int, names: Sequence[str], path: Path, last: int = 4) -> None:
    """All wanted arms of one seed, one after the other; the loop itself comes first, for they share its steps."""
    for name in (LOOP, *(name for name in names if name != LOOP)):
        ends = last if name == LOOP else EVERY[name].last
        settings = (*settings_of(name, seed, ends), *EVERY[name].settings)
        before = kept(path).get(f"{name}, seed {seed}")
        if before is None:
            keep(path, f"{name}, seed {seed}", one(run, seed, name, settings))
            print(f"{name}, seed {seed}: done", flush=True)
        elif before["settings_digest"] != digest_of(run, settings):
            sys.exit(f"{path}: {name}, seed {seed} was made with other settings; move the file away to begin anew")


def digest_of(run: Path, settings: Sequence[str]) -> str:
    from srlm.run_file import load

    return load(CHECKOUT / run, settings).digest


def one(run: Path, seed: int, name: str, settings: Sequence[str]) -> dict[str, Any]:
    """Train and measure one arm of one seed; what is kept of it."""
    arm, folder, loop = EVERY[name], CHECKOUT / RUNS / f"{name}-s{seed}", CHECKOUT / RUNS / f"{LOOP}-s{seed}"
    for step in arm.shares:
        for shared in (step, f"evaluation/{step}"):
            if (loop / shared).is_dir() and not (folder / shared).exists():
                shutil.copytree(loop / shared, folder / shared)
    train(run, settings)
    measure(run, settings, arm.suite)
    return what_was_found(folder, digest_of(run, settings))


def what_was_found(folder: Path, settings_digest: str) -> dict[str, Any]:
    """The share of figures that the tables need, and every model's points on every prompt."""
    from srlm.records import Prompt, Response
    from srlm.store import files
    from srlm.worlds.beads import program

    prompts = files.read(folder / "data/evaluation_prompts.jsonl", Prompt)
    models: dict[str, Any] = {}
    for metric in json.loads((folder / "evaluation/metrics.json").read_text(encoding="utf-8")):
        if metric["baseline"] is None and metric["benchmark"] != "head_to_head":
            name = f"{metric['benchmark']}/{metric['metric']}"
            models.setdefault(metric["model"], {})[name] = metric["value"]
    for path in sorted(folder.glob("evaluation/*/responses.jsonl")):
        answers = files.read(path, Response)
        grades = [program.grade(p.text, r.text) for p, r in zip(prompts, answers, strict=True)]
        models[path.parent.name]["right"] = "".join(str(int(grade.correct)) for grade in grades)
        models[path.parent.name]["points"] = "".join(str(grade.score) for grade in grades)
    last = sorted(folder.glob("M*/manifest.json"))[-1]
    commit = json.loads(last.read_text(encoding="utf-8"))["commit"]
    return {"commit": commit, "settings_digest": settings_digest, "models": models}


def kept(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def keep(path: Path, key: str, found: dict[str, Any]) -> None:
    from srlm.store import files

    with ONE_AT_A_TIME:
        files.write_json(path, kept(path) | {key: found})


# Tables ----------------------------------------------------------------------------------------------------------


def mean(found: dict[str, Any], arm: str, model: str, metric: str) -> str:
    known = list(values(found, arm, model, metric).values())
    return f"{np.mean(known):.3f} ({min(known):.3f} to {max(known):.3f})" if known else "-"


def beyond(found: dict[str, Any], arm: str) -> str:
    value, seeds = beyond_loop(found, arm, "M3", "M1")
    return f"{value} ({seeds})" if value and arm != LOOP else "-"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    lines = [list(head), ["---"] * len(head), *([str(cell) for cell in row] for row in rows)]
    return ["| " + " | ".join(line) + " |" for line in lines] + [""]


SAME = "M3 - M1, less the loop's from the same seeds (how many)"
STEPS = (("M2", "M1"), ("M3", "M2"), ("M4", "M3"))
READ = (
    "beads/correct", "bead_skills/greedy_correct", "answers/characters", "judge_agreement/pairwise_accuracy",
    "judge_agreement/spearman", "bead_judge/heldout_correct", "bead_judge/own_pairwise_accuracy",
    "bead_judge/own_correct", "bead_judge/own_relevant",
    *(f"bead_skills/greedy_correct_{name}" for name in ("copy", "reverse", "skip", "turn", "mate")),
)  # fmt: skip
JUDGED = ("bead_judge/heldout_correct", "judge_agreement/pairwise_accuracy")


def summary(found: dict[str, Any]) -> str:
    """Everything as Markdown."""
    arms = [(arm, len(of_arm(found, arm))) for arm in ARMS if of_arm(found, arm)]
    lines = table(
        ("right answers at T = 1", "seeds", *(f"{a} - {b}" for a, b in STEPS), "M3 - M1", SAME),
        [
            (arm, n, *(gain(found, arm, *pair) or "-" for pair in (*STEPS, ("M3", "M1"))), beyond(found, arm))
            for arm, n in arms
        ],
    )
    lines += table(
        ("points of the exact program", "seeds", *(f"{a} - {b}" for a, b in STEPS), "M3 - M1"),
        [(arm, n, *(gain(found, arm, *pair, "points") or "-" for pair in (*STEPS, ("M3", "M1")))) for arm, n in arms],
    )
    for later, earlier in STEPS[:2]:
        known = sorted(by_seed(found, LOOP, later, earlier).values())
        reached = f"{sum(value >= 0.2 for value in known)} of {len(known)} seeds at least +.20"
        lines.append(f"{later} - {earlier} by seed: {' '.join(f'{value:+.3f}' for value in known)}; {reached}")
    models = ("M0", "SFT", "M1", "M2", "M3", "M4")
    lines += ["", f"{LOOP}, mean over seeds (lowest to highest):", ""]
    lines += table(("", *models), [(name, *(mean(found, LOOP, model, name) for model in models)) for name in READ])
    lines += table(
        ("judge", "seeds", *JUDGED, "M3 - M1", SAME),
        [
            (
                arm,
                len(seeds),
                *(mean(found, arm, "M1", name) for name in JUDGED),
                gain(found, arm, "M3", "M1"),
                beyond(found, arm),
            )
            for arm in (LOOP, *JUDGES)
            if (seeds := by_seed(found, arm, "M3", "M1"))
        ],
    )
    return "\n".join(lines)


def plot(found: dict[str, Any], path: Path) -> None:
    """Gain after two iterations against the judge's balanced accuracy at M1: a point a seed, and each judge's mean."""
    import vl_convert

    path.write_text(vl_convert.vegalite_to_svg(chart(found)), encoding="utf-8")


def chart(found: dict[str, Any]) -> dict[str, Any]:
    """The plot as a Vega-Lite specification."""
    each, means = [], []
    for arm, total, seeds, judged, *_ in worse_judges(found):
        each += [{"kind": arm.kind, "judge": judged[seed], "gain": seeds[seed]} for seed in judged]
        if judged:
            middle = float(np.mean(list(judged.values())))
            means.append({"kind": arm.kind, "name": arm.name, "judge": middle, **total._asdict()})
    colour = {
        "field": "kind",
        "scale": {"range": ["#0072b2", "#d55e00", "#009e73"]},
        "legend": {"title": None, "orient": "top-left"},
    }
    x = {
        "field": "judge",
        "type": "quantitative",
        "title": "the judge at M1: balanced accuracy of its verdicts on `correct`",
        "scale": {"zero": False},
    }
    y = {"type": "quantitative", "title": "gain in right answers at T = 1, M3 - M1"}
    at = {"x": x, "color": colour}
    dot = {"type": "point", "filled": True}
    # Both kinds lie on one curve: their names stand on either side of it.
    left = "datum.kind == 'fewer EFT examples'"
    words = {
        "type": "text",
        "align": {"expr": f"{left} ? 'right' : 'left'"},
        "dx": {"expr": f"{left} ? -8 : 8"},
        "dy": -6,
    }

    def of(field: str) -> dict[str, Any]:
        return {"y": {**y, "field": field}}

    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": 520,
        "height": 320,
        "background": "white",
        "config": {"font": "sans-serif"},
        "layer": [
            {"data": {"values": [{}]}, "mark": {"type": "rule", "color": "#999"}, "encoding": {"y": {**y, "datum": 0}}},
            {"data": {"values": each}, "mark": {**dot, "size": 18, "opacity": 0.4}, "encoding": {**at, **of("gain")}},
            {"data": {"values": means}, "mark": "rule", "encoding": {**at, **of("low"), "y2": {"field": "high"}}},
            {"data": {"values": means}, "mark": {**dot, "size": 80}, "encoding": {**at, **of("value")}},
            {"data": {"values": means}, "mark": words, "encoding": {**at, **of("value"), "text": {"field": "name"}}},
        ],
    }  # fmt: skip


if __name__ == "__main__":
    main()
