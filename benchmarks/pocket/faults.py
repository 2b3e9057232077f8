"""The faults of `mutants.py` in the loop itself: one at a time, each of the kind that a person could make.

Those of the other methods are in `method_faults.py`.
"""

from typing import NamedTuple

TESTS = (
    *("tests/srlm/judge", "tests/srlm/test_selection.py", "tests/srlm/training"),
    "tests/srlm/methods/test_self_rewarding.py",
    *("tests/srlm/engines/test_transformers.py", "--ignore=tests/srlm/training/test_launch.py"),
)
"""All that test what a fault can touch, but for the slow ones, which would notice it no better."""


class Fault(NamedTuple):
    """Words of the code and what stands in their place."""

    name: str
    file: str
    right: str
    """They stand exactly once in the file."""
    wrong: str
    first: str = ""
    """The first step of the gate's run that the fault can touch; those before it are taken from the run of the code as
    it is. Empty: that run does not come to these words, and the gate is not run."""
    tests: tuple[str, ...] = TESTS
    """Words for pytest: the tests that should notice it."""


FAULTS = (
    Fault(
        "chosen and rejected are swapped",
        "srlm/selection.py",
        "        if settings.flip:\n",
        "        if not settings.flip:\n",
        "M2",
    ),
    Fault(
        "equal scores give a pair",
        "srlm/selection.py",
        '            if reward[best.id] > reward[worst.id]:\n',
        '            if reward[best.id] >= reward[worst.id]:\n',
        "M2",
    ),
    Fault(
        "DPO's reference is M0 instead of M_t",
        "srlm/training/job.py",
        " else weights().eval()\n",
        " else load_model(Path(job.base).parents[1] / 'M0/model', job.model, dtype=\"float32\").eval()\n",
        "M2",
    ),
    Fault(
        "log-probabilities are off by one token",
        "srlm/training/dpo.py",
        "            loss = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)\n",
        "            inputs = {**inputs, 'completion_mask': inputs['completion_mask'].roll(-1, 1)}\n"
        "            loss = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)\n",
        "M2",
    ),
    Fault(
        "supervised loss on the prompt too",
        "srlm/training/sft.py",
        "[IGNORED] * len(prompt) + answer",
        "prompt + answer",
        "SFT",
    ),
    Fault(
        "scores are read from the prompt and the judge's words together",
        "srlm/judge/pointwise.py",
        'draw, completion, finished.get((row, draw)))',
        'draw, completion.model_copy(update={"text": answer.response.text + completion.text}), None)',
        "M1",
    ),
    Fault(
        "a judgement without a score counts as 0",
        "srlm/judge/scores.py",
        """        if judgement.score is not None:
            scores.setdefault(judgement.response_id, []).append(judgement.score)
""",
        "        scores.setdefault(judgement.response_id, []).append(judgement.score or 0)\n",
        "M2",
    ),
    Fault(
        "the judge is drawn at temperature 0 only",
        "srlm/judge/pointwise.py",
        '        drawn = engine.generate(requests, sampling, seed_for(seed, "readings", index))',
        '        drawn = engine.generate(requests, Sampling(temperature=0, max_new_tokens=sampling.max_new_tokens), 0)',
        "M1",
    ),
    Fault(
        "candidates are cut in half",
        "srlm/methods/stages.py",
        "return draw_responses(engine, chunk, sampling, count, run.seed(name, stage, index))",
        "drawn = draw_responses(engine, chunk, sampling, count, run.seed(name, stage, index)); "
        'return [one.model_copy(update={"text": one.text[: len(one.text) // 2]}) for one in drawn]',
        "M2",
    ),
    Fault(
        "the EFT filter is off",
        "srlm/judge/eft.py",
        'if verdict == "kept" or (not settings.filter and len(scores) > 1):',
        "if len(scores) > 1:",
        "M1",
    ),
    Fault(
        "only the first judgement of an answer counts",
        "srlm/judge/scores.py",
        "    return {response: fmean(points) for response, points in scores.items()}",
        "    return {response: points[0] for response, points in scores.items()}",
        "M2",
    ),
    Fault(
        "answers are trained without their end token",
        "srlm/text/chat.py",
        '        return start, turn.head + disarm(turn.kept(answer, closing), self._armed) + (closing or "")',
        "        return start, turn.head + disarm(turn.kept(answer, closing), self._armed)",
        "SFT",
    ),
    Fault(
        "rows that go on remember another row",
        "srlm/engines/memory.py",
        '            self.cache.reorder_cache(rows)\n\n',
        '            self.cache.reorder_cache(rows.flip(0))\n\n',
        "M2",
    ),
)  # fmt: skip
