"""A run with answers to compare, and people who say what a test wants them to say."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from eval.benchmarks.human import ballots, draw, key
from eval.benchmarks.run_data import RunData
from eval.data.votes import Choice
from srlm.judge.pairwise import Outcome
from srlm.methods.base import run_folder
from srlm.records import Prompt, Response
from srlm.settings import Settings
from srlm.store import files
from srlm.store.folder import RunFolder
from tests.eval.report import small


def run(place: Path, answers: Mapping[str, Sequence[str]], prompts: Sequence[Prompt] = ()) -> RunFolder:
    """A run in which each model has given these answers; the prompts are `question 0` and so on."""
    folder = run_folder(settings(place))
    asked = prompts or [Prompt.of(f"question {n}", "test") for n in range(len(next(iter(answers.values()))))]
    files.write(folder.step("data") / "evaluation_prompts.jsonl", asked)
    for name, texts in answers.items():
        small.finish(folder, name)
        said = [Response.of(p.id, text, name, 0, "stop") for p, text in zip(asked, texts, strict=True)]
        files.write(folder.step("evaluation") / name / "responses.jsonl", said)
    return folder


def settings(place: Path, **evaluation: object) -> Settings:
    return Settings.model_validate(
        {
            "name": "study", "runs": str(place / "runs"), "model": {"base": "scratch"}, "pretraining": {},
            "data": {"kind": "beads"}, "evaluation": evaluation,
        }
    )  # fmt: skip


def data(folder: RunFolder) -> RunData:
    return RunData(folder.settings, folder)


def page(
    folder: RunFolder, pairs: Sequence[tuple[str, str]] = (("M1", "SFT"),), count: int = 50, seed: int = 1
) -> tuple[draw.Drawn, key.PageKey]:
    """A page of these pairs of model and baseline, its key kept."""
    one = data(folder)
    drawn = draw.draw_page(one.prompts, one.answers, [draw.Pair(*pair) for pair in pairs], count, seed)
    found = key.PageKey.of(seed, drawn.key, drawn.alike)
    key.keep(folder, found)
    return drawn, found


def choice(shown: key.ShownContest, said: Outcome | str) -> Choice:
    """The side that says it of `shown.model`."""
    if said in ("tie", "skip"):
        return "tie" if said == "tie" else "skip"
    return shown.model_side if said == "win" else ("right" if shown.model_side == "left" else "left")


def votes(found: key.PageKey, annotator: str, said: Mapping[tuple[str, str, str], str]) -> dict[str, object]:
    """The file of somebody who says so of a prompt, a model and a baseline, and nothing of all others."""
    return {
        "format": "srlm-votes-1",
        "page": found.page,
        "annotator": annotator,
        "items": len(found.shown),
        "votes": [
            {"item": one.id, "vote": choice(one, said[one.prompt_id, one.model, one.baseline])}
            for one in found.shown
            if (one.prompt_id, one.model, one.baseline) in said
        ],
    }


def write(path: Path, value: object) -> Path:
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def vote(
    place: Path, folder: RunFolder, found: key.PageKey, said: Mapping[str, Sequence[str | None]], model: str = "M1"
) -> None:
    """Import what each annotator says of `model` against SFT, prompt by prompt in their order; None: no vote."""
    ids = [prompt.id for prompt in data(folder).prompts]
    paths = [
        write(
            place / f"votes-{number}.json",
            votes(found, name, {(id, model, "SFT"): one for id, one in zip(ids, own, strict=True) if one is not None}),
        )
        for number, (name, own) in enumerate(said.items())
    ]
    ballots.take(data(folder), paths)
