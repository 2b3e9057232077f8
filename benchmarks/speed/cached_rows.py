"""One model scored again whose 805 judgements are all cached, beside those of 40 earlier models, against alpaca-eval.

    PYTHONPATH=. OMP_NUM_THREADS=1 python benchmarks/speed/cached_rows.py --alpaca-dir alpaca_eval

Both read the outputs of the model and the baseline, find every judgement in their own cache, ask nobody, and give the
win rate with its standard error and counts: alpaca-eval's `evaluate` with its file of annotations, ours with the store
of calls, from the prompt's text to the parsed log-probabilities. In turns, in one process; imports are in neither time.
"""

import argparse
import json
import logging
import math
import os
import shutil
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

# Nobody is asked, and neither tool may try.
os.environ |= {"HF_HUB_OFFLINE": "1", "OPENAI_API_KEY": "none"}

import alpaca_data

from eval.benchmarks.alpaca_eval.scores import raw, sample, scored
from eval.data.alpaca_eval import ANNOTATOR, AlpacaEval, annotations_in
from eval.data.alpaca_files import Annotated, read_outputs
from eval.judging.annotating import AnnotatingJudge, annotate, calls_of, open_judge, questions
from eval.judging.annotator import Annotator, OutputPair
from eval.stats.intervals import Resampling
from srlm.engines.openai.calls import Answer, CallStore
from srlm.engines.openai.endpoint import Endpoint

EARLIER = 40


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--alpaca-dir", type=Path, help="without it: made-up rows of the same size")
    words.add_argument("--repeats", type=int, default=3)
    asked = words.parse_args()
    warnings.simplefilter("ignore")
    logging.disable()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "alpaca"
        data = alpaca_data.lay_out(asked.alpaca_dir, folder, EARLIER + 1)
        model = folder / "results" / f"model-{EARLIER:02d}"
        cache, store = Path(temporary) / "annotations.json", Path(temporary) / "calls.sqlite"
        fill(data, cache, store)
        print(f"caches of {(EARLIER + 1) * alpaca_data.PROMPTS} judgements are laid out", flush=True)
        own, whole, other = [], [], []
        for _ in range(asked.repeats):
            seconds, our_rate = ours(folder, model, store, intervals=False)
            own.append(seconds)
            whole.append(ours(folder, model, store, intervals=True)[0])
            seconds, their_rate = alpaca_evals(folder, model, cache)
            other.append(seconds)
        assert math.isclose(our_rate, their_rate, abs_tol=1e-6), (our_rate, their_rate)
    print(f"win rate of both: {our_rate:.4f}")
    print(f"ours:                                {min(own):7.2f} s")
    print(f"ours, with all intervals and LC:     {min(whole):7.2f} s")
    print(f"alpaca-eval's evaluate:              {min(other):7.2f} s   (the best of {asked.repeats} each)")
    print(
        f"ratio:                               {min(other) / min(own):7.0f}   with all intervals and LC: "
        f"{min(other) / min(whole):.0f}"
    )


def ours(folder: Path, model: Path, store: Path, *, intervals: bool) -> tuple[float, float]:
    """Seconds, and the win rate."""
    began = time.perf_counter()
    data = AlpacaEval(folder)
    judge, calls = opened(store)
    mine = read_outputs(model / "model_outputs.json", data.prompts)
    theirs = read_outputs(folder / "model_outputs.json", data.prompts)
    pairs = [OutputPair(p.id, p.text, mine.responses[p.id].text, theirs.responses[p.id].text) for p in data.prompts]
    said = annotate(judge, questions(judge.annotator, pairs), mine.model, theirs.model)
    calls.close()
    outputs = ({pair.prompt_id: pair.output for pair in pairs}, {pair.prompt_id: pair.baseline for pair in pairs})
    annotated = Annotated(tuple(said), *outputs, {})
    how = Resampling(resamples=100, confidence=0.95, seed=1)
    figures = scored(annotated, data.prompts, data, how) if intervals else raw(sample(annotated, data.prompts), how)
    return time.perf_counter() - began, next(m.value or 0.0 for m in figures if m.metric == "win_rate")


def alpaca_evals(folder: Path, model: Path, cache: Path) -> tuple[float, float]:
    """The same; it writes its cache again, so it gets a copy."""
    from alpaca_eval import evaluate

    copy = Path(shutil.copy(cache, cache.with_suffix(".copy.json")))
    began = time.perf_counter()
    board, _ = evaluate(
        model_outputs=str(model / "model_outputs.json"),
        reference_outputs=str(folder / "model_outputs.json"),
        annotators_config=ANNOTATOR,
        caching_path=str(copy),
        output_path=None,
        precomputed_leaderboard=None,
        is_return_instead_of_print=True,
        fn_metric="get_winrate",
        sort_by="win_rate",
    )
    return time.perf_counter() - began, float(board["win_rate"].iloc[0])


def opened(store: Path) -> tuple[AnnotatingJudge, CallStore]:
    """The official annotator, answered from the store alone."""
    calls = CallStore(store, replay=store.exists())
    return open_judge("openai", Annotator(), Endpoint(), calls, None, None), calls


def fill(data: AlpacaEval, cache: Path, store: Path) -> None:
    """Both caches with the annotations of every model."""
    rows: list[dict[str, Any]] = []
    judge, calls = opened(store)
    for folder in sorted(data.results().iterdir()):
        path = annotations_in(folder)
        assert path is not None
        told = json.loads(path.read_text())
        rows += told
        pairs = [OutputPair("", row["instruction"], row["output_2"], row["output_1"]) for row in told]
        asked = [q for q in questions(judge.annotator, pairs) if q.switched is not None]
        preference = {row["instruction"]: row["preference"] - 1 for row in told}
        for call, question in zip(calls_of(judge, asked), asked, strict=True):
            share = preference[question.pair.instruction]
            calls.put(call, answer(share if question.switched else 1 - share))
    calls.close()
    cache.write_text(json.dumps(rows))


def answer(first: float) -> Answer:
    """One token, and what the judge would have said of the output it was shown first."""
    first = min(max(first, 1e-12), 1 - 1e-12)
    top = [{"token": "m", "logprob": math.log(first)}, {"token": "M", "logprob": math.log1p(-first)}]
    content = [top[0] | {"top_logprobs": top}]
    choice = {"index": 0, "finish_reason": "length", "message": {"role": "assistant", "content": "m"}}
    choice["logprobs"] = {"content": content}
    return Answer(choice=choice, prompt_tokens=800, completion_tokens=1, seconds=0.5, attempts=1)


if __name__ == "__main__":
    main()
