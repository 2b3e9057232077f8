"""What people said, as other commands read it: labels for `--labels`, rankings for `--rankings`.

evaluation/human/labels.jsonl     a line an outcome: srlm-eval h2h --labels (docs/labels.md)
evaluation/human/rankings.jsonl   a line a pair of answers, everybody's opinion: srlm-eval agreement --rankings
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from srlm.records import Prompt
from srlm.store import files
from srlm.store.folder import RunFolder

from ..run_data import RunData
from .gathered import Gathered
from .key import human_folder

RANKS = {"win": [0, 1], "tie": [0, 0], "lose": [1, 0]}


def labels_path(folder: RunFolder) -> Path:
    """The file for `--labels`."""
    return human_folder(folder) / "labels.jsonl"


def rankings_path(folder: RunFolder) -> Path:
    """The file for `--rankings`."""
    return human_folder(folder) / "rankings.jsonl"


def write_labels(run: RunData, found: Gathered, needed: int | None) -> None:
    """Write both files; what has no outcome has no label."""
    labels = [
        {
            "id": one.contest.prompt_id,
            "label": outcome,
            "model": one.contest.model,
            "baseline": one.contest.baseline,
        }
        for one in found.told
        if (outcome := one.outcome(needed)) is not None
    ]
    prompts = {prompt.id: prompt for prompt in run.prompts}
    rankings = [
        {
            "prompt": _prompt(prompts[one.contest.prompt_id]),
            "responses": [
                run.answers[name][one.contest.prompt_id].text for name in (one.contest.model, one.contest.baseline)
            ],
            "annotators": {name: RANKS[vote] for name, vote in one.votes.items()},
        }
        for one in found.told
        if one.votes
    ]
    files.write_text(labels_path(run.folder), _lines(labels))
    files.write_text(rankings_path(run.folder), _lines(rankings))


def _prompt(prompt: Prompt) -> str | list[dict[str, str]]:
    return [turn.model_dump() for turn in prompt.messages] if prompt.before else prompt.text


def _lines(rows: Iterable[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
