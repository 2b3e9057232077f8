"""Memory and time of a million records, kept by the store, paired and counted, and whether memory is flat meanwhile.

    python benchmarks/speed/records.py                     # 62,500 prompts x 4 answers x 3 judgements, and their pairs
    python benchmarks/speed/records.py --prompts 100000    # the soak: four hours' worth of a real engine

The stages of one turn of the loop (candidates, judgements, pairs), with words from a function in place of a model.
Printed: the largest memory of the process (goal: 1 GB), and memory at each twentieth of the judgements (goal: flat).
"""

import argparse
import gc
import random
import resource
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from srlm.engines.base import Request
from srlm.engines.scripted import ScriptedEngine
from srlm.judge import rubric
from srlm.judge.pointwise import Answered, ModelPointJudge
from srlm.judge.scores import judgement_counts, rewards
from srlm.records import Prompt, Response, seed_for, user
from srlm.selection import pair
from srlm.settings import Sampling
from srlm.store import files

ANSWER = "It depends on what is asked for, and on how much time there is; three things matter most, and the first is "
REASONS = (
    "The answer is relevant and covers most of the question, in a clear order, though it says little of its limits. "
)


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--prompts", type=int, default=62_500)
    words.add_argument("--answers", type=int, default=4)
    words.add_argument("--judgements", type=int, default=3)
    asked = words.parse_args()
    with tempfile.TemporaryDirectory() as place:
        turn(Path(place), asked.prompts, asked.answers, asked.judgements)


def turn(place: Path, number: int, answers: int, draws: int) -> None:
    """Candidates, judgements and pairs of so many prompts; prints what each took."""
    prompts = [
        Prompt.of(f"Question {n}: what follows from rule {n % 97} in case {n % 1013}?", "made") for n in range(number)
    ]
    print(f"{number:,} prompts                      {peak():5.0f} MB")
    writer = ScriptedEngine(lambda _, seed: f"{ANSWER}number {seed}.", "M1")
    began = time.perf_counter()

    def answer(chunk: Sequence[Prompt], index: int) -> list[Response]:
        requests = [Request(messages=user(prompt.text), draws=answers) for prompt in chunk]
        drawn = writer.generate(requests, Sampling(), seed_for(1, index))
        return [
            Response.of(prompt.id, one.text, "M1", draw, one.finish)
            for prompt, many in zip(chunk, drawn, strict=True)
            for draw, one in enumerate(many)
        ]

    path = place / "responses.jsonl"
    responses = list(files.resumable(path, Response, prompts, answer, per_item=answers, block=512))
    said(f"{len(responses):,} answers", began)
    began = time.perf_counter()
    by_id = {prompt.id: prompt for prompt in prompts}
    answered = [Answered(prompt=by_id[response.prompt_id], response=response) for response in responses]
    judge = ScriptedEngine(lambda _, seed: f"{REASONS * 2}\nScore: {random.Random(seed).randint(0, 5)}", "M1")
    seen: list[float] = []

    def watch(done: int, total: int) -> None:
        if total and done >= len(seen) * total / 20:
            gc.collect()
            seen.append(now())

    judgements = ModelPointJudge(judge, rubric.load("additive"), Sampling(), False).judge(
        answered, draws, 1, place / "judgements.jsonl", watch
    )
    said(f"{len(judgements):,} judgements", began)
    began = time.perf_counter()
    made = pair(prompts, responses, rewards(judgements))
    counts = {**made.counts, **judgement_counts(judgements)}
    files.write(place / "pairs.jsonl", made.pairs)
    said(f"{len(made.pairs):,} pairs", began)
    total = len(prompts) + len(responses) + len(judgements) + len(made.pairs)
    size = sum(path.stat().st_size for path in place.iterdir()) / 1e6
    print(f"{total:,} records, {size:,.0f} MB on disk: at most {peak():.0f} MB of memory (goal 1,000)")
    print(f"while judging: {' '.join(f'{mb:.0f}' for mb in seen)} MB; last less first {seen[-1] - seen[1]:+.0f} MB")
    assert counts["judgements"] == len(judgements)


def said(what: str, began: float) -> None:
    print(f"{what:<28}{time.perf_counter() - began:6.1f} s {peak():5.0f} MB")


def peak() -> float:
    """Largest memory of this process so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def now() -> float:
    """Memory of this process now, MB (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


if __name__ == "__main__":
    main()
