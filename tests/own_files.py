"""A model folder and files as people have them, of the bead world, whose models are small enough to train in a test."""

import json
from pathlib import Path
from typing import Any

from srlm.worlds.beads import data as bead_data
from srlm.worlds.beads.settings import BeadsData

SMALL = (
    *("threads=1", "iterations=2", "sft.max_steps=2", "dpo.max_steps=2", "judge.template=beads", "eft.writer=reviews"),
    *("candidates.count=2", "candidates.sampling={temperature: 1, top_p: 1, max_new_tokens: 6}", "judge.draws=1"),
    *("judge.sampling.max_new_tokens=6", "evaluation.judge=length", "engine.batch_size=32"),
)
"""Settings with which a run of them takes seconds."""


def write(place: Path, model: Path) -> None:
    """`model`, a link to a model's folder; a.jsonl: questions and answers, b.jsonl: ranked answers with reviews,
    c.jsonl: prompts."""
    (place / "model").symlink_to(model)
    world = BeadsData(base_lines=1, ift=30, eft_sets=12, heldout_sets=1, evaluation_prompts=8)
    data = bead_data.seed_data(world, 1)
    save(place / "a.jsonl", [{"question": one.prompt, "answer": one.response} for one in data.ift])
    save(
        place / "b.jsonl",
        [
            {
                "prompt": one.prompt.text,
                "responses": [response.text for response in one.responses],
                "ranks": one.ranks,
                "reviews": one.reviews,
            }
            for one in data.eft_sets
        ],
    )
    save(place / "c.jsonl", [{"instruction": prompt.text} for prompt in data.evaluation_prompts])


def save(path: Path, rows: list[dict[str, Any]]) -> None:
    """JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
