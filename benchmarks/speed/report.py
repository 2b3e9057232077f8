"""How quickly the report of a large run is made, opened and filtered: 60 models on 805 prompts, words drawn at random.

    python benchmarks/speed/report.py [--models 60] [--prompts 805] [--words 250] [--run runs/pocket]

Prints what was asked of it beside what was measured. There is no peer that makes such a page; the ratio is to the goal.
The browser is Chromium through Playwright, as in the tests. With --run also the whole command on that run's folder,
the start of Python included, the quickest of five; processor seconds are its user and system time.
"""

import argparse
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from itertools import accumulate
from pathlib import Path

from playwright.sync_api import sync_playwright

from eval.benchmarks.answers.measure import described
from eval.benchmarks.head_to_head.measure import compared
from eval.records import Verdict, verdict_id
from eval.report import page
from eval.stats.intervals import Resampling
from srlm.methods.base import run_folder
from srlm.records import Checkpoint, Prompt, Response, RunManifest
from srlm.settings import ModelSettings, OasstData, Settings
from srlm.store import files
from srlm.store.folder import RunFolder

CHECKOUT = Path(__file__).resolve().parents[2]
HOW = Resampling(resamples=200, confidence=0.95, seed=1)
WORDS = 20_000
WEIGHTS = list(accumulate(1 / (place + 1) for place in range(WORDS)))
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
GOALS = {
    "command on a run, seconds": 2.0,
    "command on a run, processor seconds": 2.0,
    "seconds to make": 10.0,
    "megabytes": 25.0,
    "first paint, ms": 1000.0,
    "filter, ms": 100.0,
    "memory, MB": 500.0,
}


def text(draw: random.Random, words: list[str], about: int) -> str:
    """English has few words that are frequent: the n-th is drawn with weight 1 / n (Zipf's law)."""
    return " ".join(draw.choices(words, cum_weights=WEIGHTS, k=max(5, int(draw.gauss(about, about / 3)))))


def made(folder: Path, models: int, prompts: int, about: int) -> RunFolder:
    """A run with answers of `about` words, and verdicts on each model against the one before it."""
    draw = random.Random(1)
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    words = ["".join(draw.choices(letters, range(26, 0, -1), k=draw.randint(2, 9))) for _ in range(WORDS)]
    run = run_folder(
        Settings(
            name="large", runs=str(folder), model=ModelSettings(base="some/model"), data=OasstData(path="trees.jsonl")
        )
    )
    asked = [Prompt.of(f"{n} {text(draw, words, 30)}", "alpaca_eval", draw.choice("abcdefgh")) for n in range(prompts)]
    files.write(run.step("data") / "evaluation_prompts.jsonl", asked)
    metrics, before = [], []
    for place in range(models):
        name = f"M{place + 1}"
        checkpoint = Checkpoint(name=name, parent=None, path=f"{name}/model", digest=name)
        run.finish(
            RunManifest(
                step=name, settings_digest="0", seed=1, versions={}, commit=None, checkpoint=checkpoint, inputs={},
                outputs={}, counts={},
            )
        )  # fmt: skip
        answers = [Response.of(prompt.id, text(draw, words, about), name, 0, "stop") for prompt in asked]
        files.write(run.step("evaluation") / name / "responses.jsonl", answers)
        metrics += described(name, answers, HOW)
        if before:
            said = [verdict(draw, place, a, b) for a, b in zip(answers, before, strict=True)]
            files.write(run.step("evaluation") / "verdicts" / f"{name}-vs-M{place}.jsonl", said)
            metrics += compared(name, f"M{place}", said, HOW)
        before = answers
    files.write_json(run.step("evaluation") / "metrics.json", [m.model_dump(mode="json") for m in metrics])
    return run


def verdict(draw: random.Random, place: int, a: Response, b: Response) -> Verdict:
    """Either order says what it will."""
    ab, ba = draw.choice((1.0, 0.0)), draw.choice((1.0, 0.0))
    outcome = "tie" if ab != ba else "win" if ab else "lose"
    return Verdict(
        id=verdict_id(a.id, b.id, "judge"), prompt_id=a.prompt_id, model_a=f"M{place + 1}", model_b=f"M{place}",
        response_a_id=a.id, response_b_id=b.id, judge="judge", preference_ab=ab, preference_ba=ba, outcome=outcome,
        raw_ab="[[A]]" if ab else "[[B]]", raw_ba="[[B]]" if ba else "[[A]]",
    )  # fmt: skip


FILTER = """async () => {
  const took = [];
  const tried = [["pair", "0"], ["pair", ""], ["filter", "f"], ["filter", ""],
    ["kind", "2"], ["kind", ""], ["search", "e"], ["search", ""]];
  for (const [field, value] of tried) {
    const element = document.getElementById(field);
    const begun = performance.now();
    element.value = value;
    element.dispatchEvent(new Event("input", { bubbles: true }));
    document.getElementById("list").getBoundingClientRect();
    await new Promise((done) => requestAnimationFrame(done));
    took.push(performance.now() - begun);
  }
  return Math.max(...took);
}"""
IN_ANSWERS = """async () => {
  const begun = performance.now();
  document.getElementById("search-answers").checked = true;
  const search = document.getElementById("search");
  search.value = "no such words at all";
  search.dispatchEvent(new Event("input", { bubbles: true }));
  const found = document.getElementById("found");
  while (!found.textContent.startsWith("0 of")) await new Promise((done) => setTimeout(done, 5));
  return performance.now() - begun;
}"""


def resident(process: int) -> float:
    """Megabytes of a process, its part of what it shares included."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1000


def browsed(path: Path) -> dict[str, float]:
    """What a reader waits for: the slowest filter, a search through all answers, the page's memory afterwards."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        tab = chromium.new_page(viewport={"width": 1280, "height": 900})
        tab.goto(path.as_uri())
        tab.wait_for_selector("#prompt h3")
        paint = tab.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        shown = tab.evaluate("performance.now()")
        worst = tab.evaluate(FILTER)
        search = tab.evaluate(IN_ANSWERS)
        processes = chromium.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
        memory = max(resident(one["id"]) for one in processes if one["type"] == "renderer")
        chromium.close()
    return {
        "first paint, ms": paint, "filter, ms": worst, "memory, MB": memory,
        "first prompt shown, ms": shown, "search in all answers, ms": search,
    }  # fmt: skip


def commanded(run: Path, times: int = 5) -> dict[str, float]:
    """The least that `python -m eval report RUN` took: by the clock, and of the processor."""
    clock, processor = [], []
    with tempfile.TemporaryDirectory() as out:
        for _ in range(times):
            before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            words = [sys.executable, "-m", "eval", "report", str(run.resolve()), "--out", out]
            subprocess.run(words, cwd=CHECKOUT, check=True, stdout=subprocess.DEVNULL)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            clock.append(time.perf_counter() - begun)
            processor.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return {"command on a run, seconds": min(clock), "command on a run, processor seconds": min(processor)}


def said(found: dict[str, float]) -> None:
    """A line a figure, the goal beside it."""
    for name, value in found.items():
        goal = GOALS.get(name)
        print(f"{name:36} {value:10.1f}" + (f"   goal {goal:g}, {value / goal:.2f} of it" if goal else ""))


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("--models", type=int, default=60)
    told.add_argument("--prompts", type=int, default=805)
    told.add_argument("--words", type=int, default=250, help="of an answer, on average")
    told.add_argument("--run", type=Path, help="folder of a measured run, for the time of the whole command")
    wanted = told.parse_args()
    if wanted.run:
        said(commanded(wanted.run))
    with tempfile.TemporaryDirectory() as folder:
        run = made(Path(folder), wanted.models, wanted.prompts, wanted.words)
        begun = time.perf_counter()
        path = page.write(run.settings, run, "python -m eval report --run large.yaml")
        found = {"seconds to make": time.perf_counter() - begun, "megabytes": path.stat().st_size / 1e6} | browsed(path)
    print(f"{wanted.models} models, {wanted.prompts} prompts, {wanted.words} words an answer")
    said(found)


if __name__ == "__main__":
    main()
