"""Outputs of reasoning models: the answer is judged, whatever marks stand around the thought before it."""

import json
from pathlib import Path

import pytest

from eval.data.alpaca_eval import AlpacaEval
from eval.data.alpaca_files import Outputs, read_outputs
from srlm.records import Prompt
from srlm.text.thoughts import KNOWN, Marks

PROMPTS = [Prompt.of(f"Question {n}?", "alpaca_eval") for n in range(4)]


def read(folder: Path, *outputs: str) -> Outputs:
    path = folder / "model_outputs.json"
    rows = zip(PROMPTS, outputs, strict=False)
    path.write_text(json.dumps([{"instruction": p.text, "output": text, "generator": "m"} for p, text in rows]))
    return read_outputs(path, PROMPTS)


@pytest.mark.parametrize("marks", KNOWN, ids=[marks.open for marks in KNOWN])
def test_a_thought_between_any_known_marks_is_cut(tmp_path: Path, marks: Marks) -> None:
    found = read(
        tmp_path,
        f"{marks.open}\nA or B?\n{marks.close}\n\nIt is A.",
        f"A or B?{marks.close}It is B.",
        f"{marks.open}A or B? Hm",
        "It is C.",
    )
    assert list(found.texts.values()) == ["It is A.", "It is B.", "", "It is C."]
    assert (found.thoughts, found.open_thoughts) == (3, 1)
    assert [one.finish for one in found.responses.values()] == [None, None, "length", None]
    assert [one.thought for one in found.responses.values()] == ["A or B?", "A or B?", "A or B? Hm", None]


def test_no_official_output_loses_a_word(data: AlpacaEval) -> None:
    for path in sorted(data.results().glob("*/model_outputs.json")):
        found = read_outputs(path, data.prompts)
        whole = {row["instruction"]: row["output"] for row in json.loads(path.read_text())}
        assert found.thoughts == 0
        assert {p.text: found.texts[p.id] for p in data.prompts if p.id in found.texts} == whole
