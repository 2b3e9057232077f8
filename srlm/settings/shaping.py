"""Which settings shape a run's models, and which may change within a run."""

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel

from srlm.section import Section
from srlm.settings.training import OnlineSettings, RewardModelSettings

ELSEWHERE = ("name", "runs", "iterations", "report_to", "evaluation", "launch")
"""Sections and settings that do not affect the trained models: the run's folder, the number of iterations, trackers,
evaluation, and the number of processes (the global batch is the same; sums differ in the last digits)."""

TRANSPORT = (
    *("base_url", "api_key_env", "concurrency", "timeout", "retries", "batch_api"),
    *("worker", "ray", "tensor_parallel_size", "gpu_memory_utilization", "enforce_eager"),
)
"""Settings of any engine that say how and where a model runs, not which model it is."""

LATER: Mapping[str, Any] = {
    "model.date": None,
    "judge.thought_tokens": None,
    **{f"{engine}.reasoning_effort": None for engine in ("engine", "judge.engine", "prompts.engine")},
    "model.thoughts": "cut",
    "data.revision": None,
    "data.turns": "first",
    "data.skills": [],
    "prompts.revision": None,
    "prompts.source": None,
    "prompts.template": None,
    "reward.kind": "judge",
    "reward.trust_remote_code": False,
    "selection.kind": "best_worst",
    "selection.band": 0.32,
    "selection.max_chosen": None,
    "selection.flip": False,
    "dpo.length_margin": 0.0,
    "evaluation.alpaca_dir": None,
    "evaluation.reference": None,
    **{f"{training}.autocast": "auto" for training in ("pretraining", "sft", "dpo")},
    **{f"reward_model.{name}": value for name, value in RewardModelSettings().model_dump(mode="json").items()},
    **{f"online.{name}": value for name, value in OnlineSettings().model_dump(mode="json").items()},
}
"""Settings added after digests of runs were recorded, with the value that those runs had. With that value they are
left out of the digest (of `evaluation`: of what says how figures were measured)."""

GONE: Mapping[str, Any] = {"arm": "self_rewarding"}
"""Removed settings, with the value of runs whose digest was recorded: they stay in the digest."""

GUARDS = (
    *("judge.max_top_share", "judge.min_pair_yield", "judge.min_scored", "judge.on_collapse", "judge.monitor_sets"),
    *("prompts.min_kept", "candidates.min_ended"),
    *("judge.max_cost", "judge.price"),
)
"""When the run stops because of what it makes; it can resume with other values."""


def shaping(dumped: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted name, value) of every setting that affects the trained models; the others may change within a run."""
    if dumped.get("kind") == "ray":  # a cluster's output equals that of a single worker
        dumped = {**dumped, "kind": dumped["worker"]}
    if "vllm" in dumped and dumped.get("kind") != "vllm":
        dumped = {name: value for name, value in dumped.items() if name != "vllm"}
    for name, value in sorted(dumped.items()):
        if (not prefix and name in ELSEWHERE) or name in TRANSPORT or f"{prefix}{name}" in GUARDS:
            continue
        if name == "method" and not prefix and isinstance(value, Mapping):
            yield name, value["name"]
            value = {own: given for own, given in value.items() if own != "name"}
        if isinstance(value, Mapping):
            yield from shaping(value, f"{prefix}{name}.")
        elif f"{prefix}{name}" not in LATER or value != LATER[f"{prefix}{name}"]:
            yield f"{prefix}{name}", value


def fields(section: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting as (dotted name, pydantic field), depth first; unions of sections give the fields of each."""
    for name, field in section.model_fields.items():
        inner = [
            t for t in (field.annotation, *get_args(field.annotation)) if isinstance(t, type) and issubclass(t, Section)
        ]
        if inner:
            yield f"{prefix}{name}", field
            for kind in inner:
                yield from fields(kind, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field
