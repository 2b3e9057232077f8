"""How far a training moved a model, from the two folders alone, whoever trained it and in however many processes.

Weights are read tensor by tensor. What was learnt is the mean log-ratio margin of a few held-out pairs,

    [log pi(y_w|x) - log ref(y_w|x)] - [log pi(y_l|x) - log ref(y_l|x)]

with pi the new model and ref the one that it was trained from. It is taken twice: with the weights as they lie on disk,
from which the next training goes on, and with those of both models rounded to the format in which models generate. The
arithmetic is float32 both times, so that the difference is what rounding the weights takes.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import torch

from srlm.engines.weights import give_memory_back, load_model, safetensors, serving_format, weight_files
from srlm.records import Count, PreferencePair, RankedSet
from srlm.settings import ModelSettings
from srlm.text.chat import Chat
from srlm.training import dpo

PAIRS = 8
"""Held-out pairs, at most."""
AT_ONCE = 2**24
"""Weights compared at once, so that a large tensor needs no memory of its size."""
TOO_SMALL = 1e-4
"""Margin, in nats, under which float32 arithmetic decides, and no share of it is told."""
MOST = 0.5
"""Share of the margin above which what rounding takes is warned of."""


class Changes(NamedTuple):
    """Weights compared, and how many of them differ: as they lie on disk, and as the models generate."""

    weights: int
    changed: int
    served: int
    unmatched: int
    """Tensors that only one of the two models has, or in another shape."""


def movement(
    name: str,
    parent: Path | str,
    folder: Path,
    settings: ModelSettings,
    chat: Chat,
    sets: Sequence[RankedSet],
    max_length: int,
) -> dict[str, Count]:
    """Counts for the manifest of the model in `folder`, trained from `parent`; a `warning` where it hardly moved."""
    served = serving_format(parent, settings)
    format = getattr(torch, served)
    moved = changes(weight_files(parent, settings), weight_files(folder, settings), format)
    counts: dict[str, Count] = {
        "weights": moved.weights,
        "share of weights changed": moved.changed / moved.weights if moved.weights else None,
    }
    if format != torch.float32:
        counts[f"share of weights changed, in {served}"] = moved.served / moved.weights if moved.weights else None
    if moved.unmatched:
        counts["tensors that could not be compared"] = moved.unmatched
    pairs = held_out(sets, chat, max_length)
    whole = rounded = lost = None
    if pairs:
        whole = margin(parent, folder, settings, pairs)
        rounded = whole if format == torch.float32 else margin(parent, folder, settings, pairs, format)
        lost = 1 - rounded / whole if abs(whole) > TOO_SMALL else None
    counts |= {"held-out pairs": len(pairs), "log-ratio margin": whole}
    if format != torch.float32:
        counts |= {f"log-ratio margin, in {served}": rounded, f"share of the margin lost to {served}": lost}
    if warning := _warning(name, served, moved, lost):
        counts["warning"] = warning
    return counts


def _warning(name: str, served: str, moved: Changes, lost: float | None) -> str | None:
    remedy = "raise the learning rate (`srlm doctor` checks whether a rate can change the weights)"
    if moved.weights and not moved.changed:
        return f"the training of {name} did not change any weight: {remedy}"
    if moved.weights and not moved.served:
        return (
            f"{name} generates exactly like its parent model: rounding to {served} removes every change of a weight. "
            f"The changes are kept in float32 and passed on; {remedy}, or set model.dtype to float32"
        )
    if lost is not None and lost > MOST:
        return (
            f"rounding to {served} removes {lost:.0%} of what {name} learnt (log-ratio margin on held-out pairs) when "
            f"it generates. The changes are kept in float32 and passed on; {remedy}, or set model.dtype to float32"
        )
    return None


def changes(before: Sequence[Path], after: Sequence[Path], served: torch.dtype, at_once: int = AT_ONCE) -> Changes:
    """Compare the weights in safetensors files, by their names; about `at_once` of them are in memory."""
    weights = changed = in_service = 0
    with ExitStack() as opened:
        old, new = (
            {name: file for path in paths for file in [opened.enter_context(safetensors(path))] for name in file.keys()}  # noqa: SIM118
            for paths in (before, after)
        )
        unmatched = len(old.keys() ^ new.keys())
        for name in sorted(old.keys() & new.keys()):
            one, other = old[name].get_slice(name), new[name].get_slice(name)
            if one.get_shape() != other.get_shape():
                unmatched += 1
                continue
            for a, b in zip(_rows(one, at_once), _rows(other, at_once), strict=True):
                if not (a.is_floating_point() and b.is_floating_point()):
                    continue
                weights += a.numel()
                changed += int((a.float() != b.float()).sum())
                in_service += int((a.to(served) != b.to(served)).sum())
    return Changes(weights, changed, in_service, unmatched)


def _rows(tensor: Any, at_once: int) -> Iterator[torch.Tensor]:
    """A tensor on disk, some of its rows at a time."""
    shape = tensor.get_shape()
    if not shape:
        yield tensor[...]
        return
    step = max(1, at_once // max(1, torch.Size(shape[1:]).numel()))
    for start in range(0, shape[0], step):
        yield tensor[start : start + step]


def held_out(sets: Sequence[RankedSet], chat: Chat, max_length: int) -> list[dpo.PairExample]:
    """The answers that people ranked best and worst, of the first held-out prompts; no model is trained on them."""
    pairs: list[dpo.PairExample] = []
    for one in sets:
        best, worst = (
            choose(zip(one.ranks, one.responses, strict=True), key=lambda ranked: ranked[0]) for choose in (min, max)
        )
        if best[0] == worst[0] or best[1].text == worst[1].text:
            continue
        pair_examples, _ = dpo.examples(chat, [PreferencePair.of(one.prompt, best[1], worst[1], 0, 0)], max_length)
        pairs += pair_examples
        if len(pairs) == PAIRS:
            break
    return pairs


def margin(
    parent: Path | str,
    folder: Path,
    settings: ModelSettings,
    pairs: Sequence[dpo.PairExample],
    served: torch.dtype | None = None,
) -> float:
    """Mean log-ratio margin of the model in `folder` against `parent`, nats; both rounded to `served` where given.

    One model is in memory at a time, over all GPUs where there are some.
    """
    new, old = (_preferences(path, settings, pairs, served) for path in (folder, parent))
    return math.fsum(a - b for a, b in zip(new, old, strict=True)) / len(pairs)


@torch.inference_mode()  # type: ignore[untyped-decorator]
def _preferences(
    path: Path | str, settings: ModelSettings, pairs: Sequence[dpo.PairExample], served: torch.dtype | None
) -> list[float]:
    """log p(chosen) - log p(rejected) of each pair."""
    model = load_rounded(path, settings, served)
    return [log_preference(model, pair) for pair in pairs]


@torch.inference_mode()  # type: ignore[untyped-decorator]
def load_rounded(path: Path | str, settings: ModelSettings, served: torch.dtype | None) -> Any:
    """A model for float32 arithmetic over all GPUs there are; its weights are rounded to `served` where given."""
    give_memory_back()  # of a model that was looked at before
    model = load_model(path, settings, device="auto", dtype="float32").eval()
    if served is not None:
        for weight in model.parameters():
            weight.copy_(weight.to(served))
    if torch.cuda.is_available():
        from accelerate import dispatch_model, infer_auto_device_map

        model = dispatch_model(
            model, infer_auto_device_map(model, no_split_module_classes=list(model._no_split_modules or ()))
        )
    return model


def log_preference(model: Any, pair: dpo.PairExample) -> float:
    """log p(chosen) - log p(rejected) after the prompt, in nats, from one pass over both."""
    start, answers = len(pair.prompt_ids), (pair.chosen_ids, pair.rejected_ids)
    width = start + max(map(len, answers))
    # What fills up the shorter one stands behind it, where no causal model sees it.
    rows = [[*pair.prompt_ids, *ids, *[0] * (width - start - len(ids))] for ids in answers]
    logs = model(input_ids=torch.tensor(rows, device=model.device), use_cache=False).logits.float().log_softmax(-1)
    chosen, rejected = (
        sum(float(logs[row, start + place - 1, token]) for place, token in enumerate(ids))
        for row, ids in enumerate(answers)
    )
    return float(chosen - rejected)
