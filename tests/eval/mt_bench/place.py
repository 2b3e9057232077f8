"""A folder with files in FastChat's form: questions, references and judge prompts of our own words, and a judge."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.chat_server import Reply, words

Json = dict[str, Any]
CATEGORIES = ("writing", "roleplay", "reasoning", "math", "coding", "extraction", "stem", "humanities")
RATE = 'Rate it like this: "[[rating]]".'
WINNER = '"[[A]]", "[[B]]" or "[[C]]".'


def question(number: int, category: str) -> Json:
    turns = [f"{category} question {number}?", f"And why, to question {number}?"]
    return {"question_id": number, "category": category, "turns": turns}


QUESTIONS = [question(81 + n, name) for n, name in enumerate(CATEGORIES * 2)]
REFERENCES = [
    {"question_id": one["question_id"], "choices": [{"index": 0, "turns": [f"ref {n} one", f"ref {n} two"]}]}
    for n, one in enumerate(QUESTIONS)
    if one["category"] in ("reasoning", "math", "coding")
]


def prompt(name: str, system: str, template: str) -> Json:
    kind = "single" if name.startswith("single") else "pairwise"
    form = "[[rating]]" if kind == "single" else "[[A]]"
    return {
        "name": name, "type": kind, "system_prompt": system, "prompt_template": template, "description": "ours",
        "category": "general", "output_format": form,
    }  # fmt: skip


_REF = "[Reference]\n{ref_answer_1}\n[End of reference]\n\n"
_REFS = "<|Reference|>\n{question_1}\n{ref_answer_1}\n{question_2}\n{ref_answer_2}\n<|End of reference|>\n\n"
_TALK = (
    "<|Talk|>\n### User:\n{question_1}\n### Model:\n{answer_1}\n"
    "### User:\n{question_2}\n### Model:\n{answer_2}\n<|End|>"
)
_PAIR = "[Question]\n{question}\n\n[A]\n{answer_a}\n[End of A]\n\n[B]\n{answer_b}\n[End of B]"
_PAIRS = (
    "<|A|>\n{question_1}\n{answer_a_1}\n{question_2}\n{answer_a_2}\n<|End of A|>\n"
    "<|B|>\n{question_1}\n{answer_b_1}\n{question_2}\n{answer_b_2}\n<|End of B|>"
)
_ONE = "[Question]\n{question}\n\n[Answer]\n{answer}\n[End of answer]"
PROMPTS = [
    prompt("single-v1", "Help.", f"{RATE}\n\n{_ONE}"),
    prompt("single-math-v1", "Help.", f"{RATE}\n\n{_REF}{_ONE}"),
    prompt("single-v1-multi-turn", RATE, _TALK),
    prompt("single-math-v1-multi-turn", RATE, _REFS + _TALK),
    prompt("pair-v2", WINNER, _PAIR),
    prompt("pair-math-v1", WINNER, _REF + _PAIR),
    prompt("pair-v2-multi-turn", WINNER, _PAIRS),
    prompt("pair-math-v1-multi-turn", WINNER, _REFS + _PAIRS),
    {"name": "single-somebody-elses", "type": "single"},
]


def lines(path: Path, rows: Sequence[Json]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def fastchat(
    folder: Path,
    questions: Sequence[Json] = QUESTIONS,
    references: Sequence[Json] = REFERENCES,
    prompts: Sequence[Json] = PROMPTS,
) -> Path:
    """The files as FastChat's fastchat/llm_judge has them."""
    lines(folder / "data/mt_bench/question.jsonl", questions)
    lines(folder / "data/mt_bench/reference_answer/gpt-4.jsonl", references)
    lines(folder / "data/judge_prompts.jsonl", prompts)
    return folder


def asked_of(body: Json) -> str:
    """All that a judge is shown."""
    return "\n".join(message["content"] for message in body["messages"])


def grader(body: Json, number: int = 0) -> Reply:
    """Rates an answer by the digit behind its last `worth`; 100 tokens in and none out."""
    worth = re.findall(r"worth (\d+)", asked_of(body))
    said = f"It is fine. Rating: [[{worth[-1]}]]" if worth else "I cannot say."
    return words(said, usage={"prompt_tokens": 100, "completion_tokens": 0})
