"""How far each model has drifted from M1, on its own answers to the evaluation prompts (srlm/training/drift.py)."""

from collections.abc import Iterator, Sequence

from srlm.methods.base import ASSUMED
from srlm.settings import Settings

from ...records import MetricValue
from ..base import Answers, Asked, Benchmark, MetricSpec, OpenEngine, RunData

FIRST = "M1"
METRICS = {
    "kl": MetricSpec(label="KL from M1, nats a token", digits=4),
    "log_ratio": MetricSpec(label="log pi - log pi of M1 of the drawn tokens, nats a token", digits=4, signed=True),
}


class ModelDrift(Benchmark):
    """KL divergence of the loop's models from M1; both models are loaded for it, so it is asked for by name."""

    name = "drift"
    label = "drift from M1"
    by_default = False
    evaluation_prompts = True
    metrics = METRICS

    def asked(self, settings: Settings, models: Sequence[str]) -> Iterator[Asked]:
        later = models[list(models).index(FIRST) + 1 :] if FIRST in models else ()
        for name in later:
            yield Asked("answers read twice", name, 2 * settings.data.evaluation_prompts, 2 * ASSUMED.prompt, 0)

    def measure(self, run: RunData, answers: Answers, open_engine: OpenEngine) -> list[MetricValue]:
        from .measure import drifted

        return drifted(run.settings, run.folder, answers)
