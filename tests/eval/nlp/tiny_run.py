"""A run with real tiny models of English bytes, and small data files for the tasks: all that NLP benchmarks need."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import lm_eval

from eval.benchmarks.base import OpenEngine
from srlm.contents import weights_digest
from srlm.engines.base import Engine
from srlm.engines.open import open_checkpoint
from srlm.engines.weights import save
from srlm.methods.base import run_folder
from srlm.records import Checkpoint, Prompt, RunManifest
from srlm.settings import EvaluationSettings, ModelSettings, OasstData, ScratchModel, Settings
from srlm.store import files
from srlm.store.folder import CHAT_TEMPLATE, RunFolder
from srlm.training import scratch
from tests.tiny_tokenizers import byte_level

NAMES = ("M0", "SFT", "M1", "M2")
TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
COLOURS = ("red", "green", "blue", "gold", "black", "white", "pink", "brown")


def settings(tmp_path: Path, **nlp: Any) -> Settings:
    return Settings(
        name="tiny",
        runs=str(tmp_path / "runs"),
        threads=1,
        model=ModelSettings(base=str(tmp_path / "base")),
        data=OasstData(path="trees.jsonl"),
        evaluation=EvaluationSettings(nlp={"data": str(tmp_path / "data"), **nlp}),
    )


def made(wanted: Settings, names: Sequence[str] = NAMES, **shape: int) -> RunFolder:
    """The folder of a run whose models are random Llamas of width 32, each with its own weights; M0 is a base model, to
    which the run file gave a template."""
    words = byte_level(["<|user|>", "<|assistant|>", "<|system|>", "<|end|>"], "<|end|>")
    words.chat_template = TEMPLATE
    size = ScratchModel(**{"width": 32, "layers": 1, "heads": 2, "feed_forward": 32, "max_positions": 1024, **shape})
    folder = run_folder(wanted)
    files.write(folder.step("data") / "evaluation_prompts.jsonl", [Prompt.of("which colour", "test")])
    for seed, name in enumerate(names):
        place = folder.step(name) / "model"
        save(scratch.random_model(size, words, seed=seed), words, place)
        checkpoint = Checkpoint(name=name, parent=None, path=f"{name}/model", digest=weights_digest(place))
        folder.finish(
            RunManifest(
                step=name, settings_digest="0", seed=1, versions={}, commit=None, checkpoint=checkpoint, inputs={},
                outputs={}, counts={CHAT_TEMPLATE: "model.chat_template"} if name == "M0" else {},
            )
        )  # fmt: skip
    files.write_json(folder.path / "settings.json", wanted.model_dump(mode="json"))
    return folder


def opening(folder: RunFolder, opened: list[str] | None = None) -> OpenEngine:
    """Opens the run's models; their names are added to `opened`."""

    def open_engine(checkpoint: Checkpoint, plain: bool = False) -> Engine:
        if opened is not None:
            opened.append(checkpoint.name)
        return open_checkpoint(folder.settings, checkpoint, folder.path, plain)

    return open_engine


def lines(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def arc(number: int, name: str = "arc_easy") -> Callable[[Path], Path]:
    """Writes that many questions as on the Hub."""

    def write(data: Path) -> Path:
        rows = [
            {
                "id": f"q{n}",
                "question": f"Which colour is number {n}?",
                "choices": {"text": [COLOURS[(n + k) % 8] for k in range(4)], "label": ["A", "B", "C", "D"]},
                "answerKey": "ABCD"[n % 4],
            }
            for n in range(number)
        ]
        return lines(data / name / "test.jsonl", rows)

    return write


def gsm8k(data: Path, number: int = 4, examples: int = 6) -> None:
    for split, count in (("test", number), ("train", examples)):
        rows = [{"question": f"What is {n} and 2?", "answer": f"{n} + 2 = {n + 2}\n#### {n + 2}"} for n in range(count)]
        lines(data / "gsm8k" / f"{split}.jsonl", rows)


def mmlu(data: Path, subjects: Sequence[str] = ("anatomy", "virology", "astronomy"), number: int = 3) -> None:
    for split in ("test", "dev"):
        rows = [
            {
                "subject": subject,
                "question": f"{split} {n} of {subject}?",
                "choices": ["one", "two", "three", "four"],
                "answer": n % 4,
            }
            for subject in subjects
            for n in range(5 if split == "dev" else number)
        ]
        lines(data / "mmlu" / f"{split}.jsonl", rows)


def ifeval(place: Path) -> str:
    """A file with IFEval of two prompts, whose answers have 16 tokens at most, not 1,280."""
    rows = [
        {"key": 1, "prompt": "Write without commas.", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]},
        {
            "key": 2,
            "prompt": "Write at least 300 sentences, and no comma.",
            "instruction_id_list": ["punctuation:no_comma", "length_constraints:number_sentences"],
            "kwargs": [{}, {"relation": "at least", "num_sentences": 300}],
        },
    ]
    stock = Path(lm_eval.__file__).parent / "tasks" / "ifeval" / "ifeval.yaml"
    file = place / "ifeval.yaml"
    file.write_text(
        f"include: {stock}\ndataset_path: json\n"
        f"dataset_kwargs: {{data_files: {{train: {lines(place / 'ifeval.jsonl', rows)}}}}}\n"
        "generation_kwargs: {until: [], do_sample: false, max_gen_toks: 16}\n",
        encoding="utf-8",
    )
    return str(file)
