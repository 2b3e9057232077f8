"""Whether a figure may stand beside AlpacaEval 2.0's published ones, and if not, why not, in words.

The published win rates have one judge (gpt-4-1106-preview, asked once in one order), one template, one decoding, one
baseline and 805 prompts. A figure with any other of these is on another scale.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from srlm.records import Record
from srlm.text.counts import counted

from .alpaca_eval import ANNOTATOR, BASELINE

JUDGE = "gpt-4-1106-preview"
PROMPTS = 805
PROMPTS_DIGEST = "a02c3e1be71e54ac"
"""digest("prompts", *ids) of AlpacaEval's prompts in their order."""
BASELINE_DIGEST = "dad8a741c6964aee"
"""digest("baseline", *outputs) of GPT-4 1106 preview's outputs to them."""
TEMPLATE_DIGEST = "67a36aade31297f5"
"""Annotator.template of weighted_alpaca_eval_gpt4_turbo: its prompt and its parser."""
DECODING: Mapping[str, Any] = {"max_tokens": 1, "temperature": 1, "top_p": 1.0, "logprobs": True, "top_logprobs": 5}
NOT_COMPARABLE = "not comparable with the published figures"
ANOTHER_SAMPLE = "not the sample of the published figures"
NOT_A_TARGET = "a shape to compare, not a target"
BRIDGE = "use `srlm-eval bridge`"


class Setup(Record):
    """What a win rate depends on beside the model's answers. None: the records do not say."""

    judge: str
    """The model that was asked; of recorded annotations, the name of their annotator."""
    annotator: str | None = None
    """alpaca_eval's annotator whose prompt and parser were used."""
    template: str | None = None
    """Digest of its prompt and parser."""
    decoding: dict[str, Any] | None = None
    """Settings of the request, as they are wanted."""
    address: str | None = None
    """Host that was asked, where it is not the provider's own."""
    manner: str = ""
    """How the judge is asked, where not once in one order: `both orders`, `3 draws`."""
    without_probabilities: int = 0
    """Verdicts read from the letter that was written, for there were no log-probabilities."""
    baseline: str
    baseline_outputs: str | None = None
    """Digest of its outputs to all prompts."""
    prompts: str
    """Digest of the benchmark's prompts."""
    scored: int
    """Prompts with a preference."""


def differences(setup: Setup) -> tuple[list[str], list[str]]:
    """How a setup differs from the published one: in who judges and how; in what is judged."""
    judging, judged = [], []
    if setup.judge != (ANNOTATOR if setup.annotator is None else JUDGE):
        judging.append(f"judge {setup.judge}, not {JUDGE}")
    if setup.annotator not in (None, ANNOTATOR):
        judging.append(f"annotator {setup.annotator}, not {ANNOTATOR}")
    elif setup.template not in (None, TEMPLATE_DIGEST):
        judging.append(f"template {setup.template}, not {ANNOTATOR}'s {TEMPLATE_DIGEST}")
    if setup.decoding is not None and setup.annotator == ANNOTATOR:
        judging += [f"{what}, not {cited}" for what, cited in _decoding(setup.decoding)]
    if setup.address is not None:
        judging.append(f"answers of {setup.address}, not of api.openai.com")
    if setup.manner:
        judging.append(f"{setup.manner}, not one verdict in one order")
    if setup.without_probabilities:
        judging.append(f"{counted(setup.without_probabilities, 'verdicts')} without log-probabilities")
    if setup.baseline != BASELINE:
        judged.append(f"baseline {setup.baseline}, not {BASELINE}")
    elif setup.prompts == PROMPTS_DIGEST and setup.baseline_outputs not in (None, BASELINE_DIGEST):
        judged.append(f"other outputs of the baseline {BASELINE} than AlpacaEval's")
    if setup.prompts != PROMPTS_DIGEST:
        judged.append(f"{counted(setup.scored, 'prompts')} of another set, not AlpacaEval's {PROMPTS}")
    elif setup.scored != PROMPTS:
        judged.append(f"{setup.scored} of {PROMPTS} prompts")
    return judging, judged


def _decoding(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    # Newer models know the limit by another name.
    given = {"max_tokens" if key == "max_completion_tokens" else key: value for key, value in settings.items()}
    names = [name for name in (*DECODING, *(given.keys() - DECODING.keys())) if given.get(name) != DECODING.get(name)]
    return [(f"{name} {given.get(name, 'not set')}", f"{DECODING.get(name, 'set')}") for name in names]


def warning(setup: Setup) -> str:
    """One sentence: how the setup differs, and what that means. Empty: it is the published one."""
    judging, judged = differences(setup)
    if not judging and not judged:
        return ""
    found = ", ".join([*judging, *judged])
    if differences(setup.model_copy(update={"scored": PROMPTS})) == ([], []):
        return f"{found}: {ANOTHER_SAMPLE}"
    return f"{found}: {NOT_COMPARABLE}" + (f"; {BRIDGE}" if judging else "")


def unlike(facts: Iterable[tuple[str, str, str]]) -> str:
    """How a figure differs from the paper's beside it, from (what, ours, the paper's); empty where all are the same."""
    found = [f"{what} {ours}, not {theirs}" for what, ours, theirs in facts if ours != theirs]
    return f"{'; '.join(found)}: {NOT_A_TARGET}" if found else ""


def warning_of(note: str) -> str:
    """The sentence of `warning` in the note of a figure that ends with it; empty where there is none."""
    return note.partition(_MARK)[2]


def without_warning(note: str) -> str:
    """The rest of it."""
    return note.partition(_MARK)[0]


def warned(note: str, sentence: str) -> str:
    """The note with the sentence behind it."""
    return note + _MARK + sentence if sentence else note


_MARK = "; warning: "


def other_host(base_url: str | None) -> str | None:
    """The host of an address that is not the provider's own; None where it is, or nothing is said."""
    # An address without a host may hold anything, a key too.
    host = (urlsplit(base_url).hostname or "another address") if base_url else None
    official = host is None or host == "api.openai.com" or host.endswith(".azure.com")
    return None if official else host
