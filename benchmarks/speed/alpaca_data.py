"""AlpacaEval results for the scripts here: those of a folder, or made-up ones of the same size where there is none."""

import json
import random
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

from eval.data.alpaca_eval import ANNOTATOR, AlpacaEval, annotations_in

PROMPTS = 805
BASELINE = "gpt4_1106_preview"
GLM_FILES = ("prompts.jsonl.gz", "instruction_difficulty.csv", "df_gamed.csv", "df_gamed_surrogate.csv")


def lay_out(source: Path | None, folder: Path, models: int) -> AlpacaEval:
    """A folder like alpaca_eval's with `models` models: the source's, and again under new names where few."""
    folder.mkdir(parents=True, exist_ok=True)
    if source is None:
        _glm_files(folder)
    else:
        for name in GLM_FILES:
            if (source / name).is_file():
                (folder / name).symlink_to((source / name).resolve())
    for number, rows in zip(range(models), _models(source), strict=False):
        name = f"model-{number:02d}"
        path = folder / "results" / name
        (path / ANNOTATOR).mkdir(parents=True)
        # Where two models gave the same answer, alpaca-eval's cache joins both rows to it, and counts one prompt twice.
        rows = [row | {"generator_2": name, "output_2": f"{row['output_2']} ({name})"} for row in rows]
        (path / ANNOTATOR / "annotations.json").write_text(json.dumps(rows))
        for side, wrote, generator in (("2", path, name), ("1", folder, BASELINE)):
            outputs = [
                {"instruction": r["instruction"], "output": r[f"output_{side}"], "generator": generator} for r in rows
            ]
            (wrote / "model_outputs.json").write_text(json.dumps(outputs))
    return AlpacaEval(folder)


def _models(source: Path | None) -> Iterator[list[dict[str, Any]]]:
    """Each model's annotations, over and over."""
    if source is None:
        yield from (_made_up(seed) for seed in range(10**6))
    else:
        folders = [f for f in sorted((source / "results").iterdir()) if f.name != BASELINE]
        found = [path for folder in folders if (path := annotations_in(folder)) is not None]
        whole = [rows for path in found if len(rows := json.loads(path.read_text())) == PROMPTS]
        yield from cycle(whole)


def _made_up(seed: int) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    skill = chance.uniform(-4, 1)
    baseline = random.Random("baseline")
    rows = []
    for number in range(PROMPTS):
        answers = ["word " * max(1, int(who.gauss(400, 150))) for who in (baseline, chance)]
        win = 1 / (1 + 2.718 ** -(skill + (len(answers[1]) - len(answers[0])) / 900 + chance.gauss(0, 2)))
        rows.append(
            {
                "instruction": f"Question {number}?",
                "output_1": answers[0],
                "generator_1": BASELINE,
                "output_2": f"{answers[1]}{seed}",
                "annotator": ANNOTATOR,
                "preference": 1 + min(max(win, 1e-6), 1 - 1e-6),
                "raw_completion": "x" * 2500,  # as long as the official ones
                "price_per_example": 0.01,
                "time_per_example": 0.5,
            }
        )
    return rows


def _glm_files(folder: Path) -> None:
    chance = random.Random("difficulty")
    difficulty = [chance.gauss(0, 1) for _ in range(PROMPTS)]
    (folder / "prompts.jsonl").write_text(
        "".join(json.dumps({"instruction": f"Question {number}?"}) + "\n" for number in range(PROMPTS))
    )
    lines = [f"{index},{value}" for index, value in enumerate(difficulty)]
    (folder / "instruction_difficulty.csv").write_text("\n".join(["index,instruction_difficulty", *lines]) + "\n")
    lines = ["model,preference,index,std_delta_len,instruction_difficulty,not_gamed_baseline"]
    for model, middle in (("verbose", -1.5), ("concise", 1.5)):
        for index, value in enumerate(difficulty):
            length = chance.gauss(middle, 1)
            preference = 1 / (1 + 2.718 ** (1.6 * length / (1 + abs(length))))
            lines.append(f"{model},{preference},{index},{length},{value},False")
    (folder / "df_gamed.csv").write_text("\n".join(lines) + "\n")
