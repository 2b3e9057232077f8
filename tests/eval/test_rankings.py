"""Rankings as they are published: each format by its columns, with what is left out counted and bad rows named."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from eval.data import rankings
from srlm.data.published_rankings import consensus, dense
from srlm.data.rankings import Rankings
from srlm.errors import SrlmError
from srlm.records import Prompt, RankedSet, Response
from srlm.store import files

TURNS = {
    name: [{"role": role, "content": f"{name} {turn}"} for turn, role in enumerate(("user", "assistant") * 2)]
    for name in "ab"
}
VOTE = {
    "question_id": 81,
    "model_a": "vicuna",
    "model_b": "alpaca",
    "turn": 1,
    "judge": "expert_1",
    "winner": "model_a",
}
VOTE |= {"conversation_a": TURNS["a"], "conversation_b": TURNS["b"]}
PANDALM = {"idx": 7, "instruction": "Say", "input": "hello", "response1": "hi", "response2": True, "cmp_key": "x_y"}
MESSAGE = {"lang": "en", "deleted": False}


def message(id: str, parent: str | None, role: str, text: str, rank: int | None = None) -> dict[str, Any]:
    return MESSAGE | {"message_id": id, "parent_id": parent, "role": role, "text": text, "rank": rank}


ROWS: dict[str, list[dict[str, Any]]] = {
    "own": [{"prompt": "p", "responses": ["x", "y", "z"], "ranks": [1, 0, 1], "category": "c"}],
    "llmbar": [{"input": "p", "output_1": "x", "output_2": "y", "label": 2}],
    "pandalm": [PANDALM | {"annotator1": 1, "annotator2": 0, "annotator3": 1}],
    "usr": [{"source": "p", "system_output": str(n), "scores": {"overall": n % 2}} for n in range(3)],
    "mt_bench": [
        VOTE,
        VOTE | {"judge": "expert_2", "model_a": "alpaca", "model_b": "vicuna", "winner": "model_b"}
        | {"conversation_a": TURNS["b"], "conversation_b": TURNS["a"]},
        VOTE | {"judge": "expert_3", "winner": "tie"},
    ],
    "rewardbench": [{"prompt": "p", "chosen": "y", "rejected": ["x", "z"], "subset": "s"}],
    "helpsteer": [{"prompt": "p", "response": str(n), "helpfulness": n, "coherence": 4} for n in (2, 4, 4)],
    "oasst": [
        message("1", None, "prompter", "p"),
        message("2", "1", "assistant", "worse", 1),
        message("3", "1", "assistant", "better", 0),
        message("4", "3", "prompter", "and then"),
        message("5", "4", "assistant", "one", 0),
        message("6", "4", "assistant", "two", 1),
    ],
}  # fmt: skip
SEEN = {
    "own": [("p", ("x", "y", "z"), (1, 0, 1))],
    "llmbar": [("p", ("x", "y"), (1, 0))],
    "pandalm": [("Say\n\nhello", ("hi", "True"), (0, 1))],
    "usr": [("p", ("0", "1", "2"), (1, 0, 1))],
    "mt_bench": [("b 0", ("b 1", "a 1"), (1, 0))],
    "rewardbench": [("p", ("y", "x", "z"), (0, 1, 1))],
    "helpsteer": [("p", ("2", "4", "4"), (1, 0, 0))],
    "oasst": [
        ("p", ("better", "worse"), (0, 1)),
        ("User: p\n\nAssistant: better\n\nUser: and then", ("one", "two"), (0, 1)),
    ],
}


def written(folder: Path, rows: object, name: str = "rows.json") -> str:
    path = folder / name
    text = json.dumps(rows) if name.endswith("json") else "".join(json.dumps(row) + "\n" for row in rows)  # type: ignore[attr-defined]
    path.write_text(text)
    return str(path)


def seen(found: Rankings) -> list[tuple[str, tuple[str, ...], tuple[int, ...]]]:
    return [
        (one.ranked.prompt.text, tuple(response.text for response in one.ranked.responses), one.ranked.ranks)
        for one in found.sets
    ]


@pytest.mark.parametrize("name", ROWS)
def test_a_format_is_told_by_its_columns(tmp_path: Path, name: str) -> None:
    found = rankings.read(written(tmp_path, ROWS[name], "rows.jsonl"))
    assert (found.format, seen(found)) == (name, SEEN[name])


def test_a_list_and_a_zipped_file_and_parquet_hold_the_same(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    rows = ROWS["helpsteer"]
    plain = rankings.read(written(tmp_path, rows))
    (tmp_path / "rows.gz").write_bytes(gzip.compress(json.dumps(rows).encode()))
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "rows.parquet")
    assert plain == rankings.read(str(tmp_path / "rows.gz")) == rankings.read(str(tmp_path / "rows.parquet"))


def test_what_several_people_said_is_kept_and_joined(tmp_path: Path) -> None:
    (one,) = rankings.read(written(tmp_path, ROWS["mt_bench"])).sets
    # alpaca is listed first: models in alphabetical order, whoever stood first in a vote
    assert one.annotators == {"expert_1": (1, 0), "expert_2": (1, 0), "expert_3": (0, 0)}
    assert one.group == "question 81"


def test_a_pair_without_a_majority_is_left_out_and_counted(tmp_path: Path) -> None:
    split = PANDALM | {"annotator1": 1, "annotator2": 0, "annotator3": 2}
    agreed = PANDALM | {"annotator1": 1, "annotator2": 1, "annotator3": 1}
    found = rankings.read(written(tmp_path, [split, agreed]))
    assert (len(found.sets), found.account) == (1, {"dropped: no majority": 1})


def test_a_ranking_that_stands_twice_is_read_once(tmp_path: Path) -> None:
    found = rankings.read(written(tmp_path, ROWS["llmbar"] * 2))
    assert (len(found.sets), found.account) == (1, {"dropped: stands twice": 1})


@pytest.mark.parametrize(
    ("ranks", "together"),
    [
        ([(0, 1), (0, 1), (1, 0)], (0, 1)),
        ([(0, 0), (0, 0), (1, 0)], (0, 0)),
        ([(0, 1), (1, 0)], None),
        ([(0, 1, 2), (0, 2, 1)], (0, 1, 1)),  # means 0, 1.5, 1.5
    ],
)
def test_consensus(ranks: list[tuple[int, ...]], together: tuple[int, ...] | None) -> None:
    assert consensus(ranks) == together


def test_dense_ranks_count_from_the_lowest() -> None:
    assert dense([2.5, -1, 2.5, 7]) == (1, 0, 1, 2)


def test_fairevals_folder_is_one_ranking_a_question(tmp_path: Path) -> None:
    (tmp_path / "answer").mkdir()
    (tmp_path / "review").mkdir()
    asked = [{"question_id": n, "text": f"q{n}", "category": "generic"} for n in (1, 2)]
    written(tmp_path, asked, "question.jsonl")
    for name in ("gpt35", "vicuna-13b"):
        answers = [{"question_id": n, "text": f"{name} {n}"} for n in (2, 1)]
        written(tmp_path / "answer", answers, f"answer_{name}.jsonl")
    (tmp_path / "review" / "review_gpt35_vicuna-13b_human.txt").write_text("VICUNA13B\nTIE\n")
    found = rankings.read(str(tmp_path))
    assert seen(found) == [("q1", ("gpt35 1", "vicuna-13b 1"), (1, 0)), ("q2", ("gpt35 2", "vicuna-13b 2"), (0, 0))]
    (tmp_path / "review" / "review_gpt35_vicuna-13b_human.txt").write_text("TIE\n")
    with pytest.raises(SrlmError, match="1 verdict on 2 questions"):
        rankings.read(str(tmp_path))


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        pytest.param([], "contains no rows", id="empty"),
        pytest.param([{"a": 1}], "unknown format .columns a.; choose one with --format: oasst", id="unknown"),
        pytest.param(
            [ROWS["llmbar"][0] | {"prompt": "p", "chosen": "x", "rejected": "y"}],
            "matches llmbar and rewardbench; choose one with --format",
            id="ambiguous",
        ),
        pytest.param([ROWS["llmbar"][0] | {"label": 3}], "row 1: `label` must be 1 or 2, found 3", id="label"),
        pytest.param([ROWS["llmbar"][0] | {"output_1": None}], "`output_1` must be text, found None", id="no-text"),
        pytest.param(
            [ROWS["llmbar"][0], {"input": "p"}], "row 2: llmbar needs output_1, output_2, label", id="lacks-columns"
        ),
        pytest.param([ROWS["usr"][0] | {"scores": 3}], "`overall` must be a number", id="no-scores"),
        pytest.param(ROWS["helpsteer"][:1], "no ranking of two or more answers .dropped: a single", id="single"),
        pytest.param([ROWS["helpsteer"][0] | {"helpfulness": True}], "must be a number, found True", id="truth-value"),
        pytest.param(
            [{name: one for name, one in ROWS["own"][0].items() if name != "ranks"} | {"rank": [0, 1]}],
            "row 1: unknown column `rank`; did you mean `ranks`?",
            id="own-unknown-key",
        ),
        pytest.param([ROWS["own"][0] | {"ranks": [0]}], "at least two responses, each with a rank", id="own-short"),
        pytest.param([{"prompt": "p", "responses": ["x", "y"]}], "these responses are not ranked", id="own-unranked"),
        pytest.param([VOTE | {"winner": "both"}], "`winner` must be model_a, model_b or tie", id="winner"),
        pytest.param([VOTE | {"conversation_a": []}], "a list of at least 2 turns", id="no-conversation"),
        pytest.param([PANDALM | {"annotator1": 5}], "`annotator1` must be 0", id="annotator"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, rows: list[dict[str, Any]], says: str) -> None:
    with pytest.raises(SrlmError, match=says):
        rankings.read(written(tmp_path, rows))


def test_a_runs_own_held_out_sets_are_read_as_they_lie(tmp_path: Path) -> None:
    path, prompts = tmp_path / "heldout_sets.jsonl", [Prompt.of(f"question {n}", "oasst") for n in range(3)]
    answers = [tuple(Response.of(p.id, text, "person", n, None) for n, text in enumerate("abc")) for p in prompts]
    sets = [RankedSet.of(p, own, (2, 0, 0)) for p, own in zip(prompts, answers, strict=True)]
    files.write(path, sets)
    found = rankings.read(str(path))
    assert (found.format, [one.ranked for one in found.sets]) == ("run", sets)
    row = json.loads(path.read_text().splitlines()[1])
    path.write_text(json.dumps({**row, "ranks": [0, 1]}) + "\n")
    with pytest.raises(SrlmError, match=r"heldout_sets.jsonl:1: .*each with a rank"):
        rankings.read(str(path))


def test_an_unknown_format_and_a_missing_file_are_told(tmp_path: Path) -> None:
    with pytest.raises(SrlmError, match="unknown format; known formats are oasst, faireval, own"):
        rankings.read("x", "nope")
    with pytest.raises(SrlmError, match="no such file"):
        rankings.read(str(tmp_path / "none.json"))
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"[" + b"1," * 5000)[:-9])
    with pytest.raises(SrlmError, match="cannot be read"):
        rankings.read(str(tmp_path / "cut.gz"))


def test_annotations_of_a_run_with_fewer_rows_are_read_as_rankings(shared: Path) -> None:
    """gpt35_turbo_instruct has 804 of the 805 rows; they are an automatic annotator's, which is said."""
    results = shared / "data" / "alpaca_eval" / "results" / "gpt35_turbo_instruct"
    found = rankings.read(str(results / "weighted_alpaca_eval_gpt4_turbo" / "annotations.json"))
    assert (found.format, len(found.sets)) == ("alpaca_eval", 804)
    assert found.account == {"opinions of an automatic annotator": 804}
    authors = {response.author for one in found.sets for response in one.ranked.responses}
    assert authors == {"gpt4_1106_preview", "gpt35_turbo_instruct"}


def test_peoples_annotations_of_alpaca_eval_are_joined_and_rows_without_a_preference_counted(tmp_path: Path) -> None:
    row = {"instruction": "p", "input": "", "output_1": "x", "output_2": "y", "generator_1": "a", "generator_2": "b"}
    rows = [row | {"annotator_index": n, "preference": preference} for n, preference in enumerate((2, 2, 0, None))]
    found = rankings.read(written(tmp_path, rows))
    (one,) = found.sets
    assert (one.ranked.ranks, one.annotators) == ((1, 0), {"0": (1, 0), "1": (1, 0), "2": (0, 0)})
    assert found.account == {"dropped rows: no preference": 1}


@pytest.mark.parametrize(
    ("name", "format", "sets", "answers"),
    [
        ("oasst_en_100/en_100_tree.jsonl.gz", "oasst", 197, 601),
        ("pandalm_testset/testset-v1.json.gz", "pandalm", 999, 1998),
        ("topical_chat_usr/topical_chat.json.gz", "usr", 60, 360),
        ("llmbar/Processed_FairEval.dataset.json.gz", "llmbar", 66, 132),
    ],
)
def test_published_files_are_read_whole(shared: Path, name: str, format: str, sets: int, answers: int) -> None:
    found = rankings.read(str(shared / "data" / "human_rankings" / name))
    assert (found.format, len(found.sets)) == (format, sets)
    assert sum(len(one.ranked.responses) for one in found.sets) == answers
