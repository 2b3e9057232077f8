"""A working folder for `python -m eval alpaca`, and a judge for it behind real HTTP."""

import contextlib
import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from eval.cli import main
from eval.records import MetricValue
from srlm.records import Prompt
from tests.chat_server import Reply, words

KEY = "sk-a-key-nobody-may-see"
NUMBER = 12
OFFICIAL = "weighted_alpaca_eval_gpt4_turbo"
PROMPTS = [Prompt.of(f"Question {n}?", "alpaca_eval", "made_up") for n in range(NUMBER)]


class Said(NamedTuple):
    """How a command ended, and all it wrote."""

    status: object
    out: str
    err: str


class Place:
    """A working folder with an alpaca_eval folder and one model's outputs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data, self.out = folder, folder / "alpaca", folder / "out"
        self.outputs = folder / "outputs.json"
        (self.data / "results" / "gpt4_1106_preview").mkdir(parents=True)
        rows = [{"instruction": p.text, "dataset": "made_up"} for p in PROMPTS]
        self.write(self.outputs, rows, "mine", lambda n: f"Mine is {n}.")
        self.write(
            self.data / "results" / "gpt4_1106_preview" / "model_outputs.json", rows, "gpt4_1106_preview",
            lambda n: "Mine is 0." if n == 0 else f"The baseline's answer is {n}.",
        )  # fmt: skip

    def write(self, path: Path, rows: list[dict[str, Any]], name: str, text: Callable[[int], str]) -> None:
        path.write_text(json.dumps([row | {"output": text(n), "generator": name} for n, row in enumerate(rows)]))

    def add_length_control(self) -> None:
        """The data of the length-controlled regression: difficulties, and made-up rows of a gamed baseline."""
        lines = ["index,instruction_difficulty", *(f"{n},{n / 6 - 1:.3f}" for n in range(NUMBER))]
        (self.data / "instruction_difficulty.csv").write_text("\n".join(lines) + "\n")
        header = "model,preference,index,std_delta_len,instruction_difficulty,not_gamed_baseline"
        gamed = [f"v,{0.3 + n / 30:.3f},{n},{n / 5 - 1:.3f},{n / 6 - 1:.3f},False" for n in range(NUMBER)]
        (self.data / "df_gamed.csv").write_text("\n".join([header, *gamed]) + "\n")

    def alpaca(self, *words: object, outputs: bool = True) -> Said:
        given = ["--outputs", self.outputs, "--out", self.out] if outputs else []
        said = ["alpaca", *given, "--alpaca-dir", self.data, "--no-length-control", "--resamples", 100, *words]
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as left:
            main([str(word) for word in said])
        return Said(left.value.code or 0, out.getvalue(), err.getvalue())

    def results(self, judge: str = f"tiny_{OFFICIAL}") -> Path:
        return self.out / "results" / "mine" / judge

    def metrics(self, judge: str = f"tiny_{OFFICIAL}") -> dict[str, MetricValue]:
        rows = json.loads((self.results(judge) / "metrics.json").read_text())
        return {row["metric"]: MetricValue.model_validate(row) for row in rows}


def verdict(body: dict[str, Any], _: int = 0) -> Reply:
    """A judge that gives 0.8 to the model's answer, wherever it stands."""
    shown = body["messages"][-1]["content"].split('"model_identifier": "M"')[0]
    first = 0.8 if "Mine is" in shown else 0.2
    top = [{"token": token, "logprob": math.log(p)} for token, p in (("m", first), ("M", 1 - first))]
    reply = words("m", finish="length", usage={"prompt_tokens": 400, "completion_tokens": 1})
    reply.body["choices"][0]["logprobs"] = {"content": [{**top[0], "top_logprobs": top}]}
    return reply
