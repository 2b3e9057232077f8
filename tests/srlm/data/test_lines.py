"""JSON lines that people bring."""

import gzip
from pathlib import Path

import pytest

from srlm.data.lines import every_row, instructions, locate, rows, table
from srlm.errors import DataError
from srlm.records import Prompt


def test_plain_and_zipped_lines_read_the_same_whatever_the_name(tmp_path: Path) -> None:
    text = '{"a": 1}\n\n{"a": "caf\u00e9"}\n'.encode()
    (tmp_path / "plain.gz").write_bytes(text)
    (tmp_path / "zipped").write_bytes(gzip.compress(text))
    for name in ("plain.gz", "zipped"):
        path = tmp_path / name
        assert [tuple(row) for row in rows(path)] == [(f"{path}:1", {"a": 1}), (f"{path}:3", {"a": "caf\u00e9"})]


def test_a_byte_order_mark_windows_line_ends_and_zstandard_change_nothing(tmp_path: Path) -> None:
    import pyarrow

    text, path = '{"a": 1}\n{"a": "caf\u00e9"}\n'.encode(), tmp_path / "rows"
    windows = b"\xef\xbb\xbf" + text.replace(b"\n", b"\r\n")
    values = []
    for content in (text, windows, gzip.compress(windows), pyarrow.compress(windows, "zstd", asbytes=True)):
        path.write_bytes(content)
        values.append([row.value for row in every_row(path)])
    assert values == [[{"a": 1}, {"a": "caf\u00e9"}]] * 4
    path.write_bytes(pyarrow.compress(windows * 99, "zstd", asbytes=True)[:-9])
    with pytest.raises(DataError, match=r"cannot be read: .*is the file whole"):
        every_row(path)


def test_a_question_of_arena_hard_is_a_prompt_of_its_category(tmp_path: Path) -> None:
    row = '{"uid": "2e", "category": "hard_prompt", "subcategory": "coding", "prompt": "Write a loop."}\n'
    (tmp_path / "question.jsonl").write_text(row)
    assert instructions(str(tmp_path / "question.jsonl")) == [Prompt.of("Write a loop.", "file", "hard_prompt")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b'{"a": 1}\n{"a": \n', r":2: not JSON: Expecting value", id="cut-off"),
        pytest.param(b"{}\n[1]\n", r":2: a JSON list, not an object", id="a-list"),
        pytest.param(b'{}\n{"a": "\xff"}\n', r": not UTF-8 text", id="latin-1"),
        pytest.param(b"[" * 100_000 + b"\n", r":1: (JSON nested too deep|not JSON)", id="nested-too-deep"),
        pytest.param(
            gzip.compress(b'{"a": 1}\n' * 1000)[:40], r": cannot be read: .*; is the file whole", id="half-a-gz"
        ),
    ],
)
def test_what_is_not_json_lines_is_told_with_file_and_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as error:
        list(rows(path))
    assert str(error.value).startswith(f"{path}:")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.jsonl: no such file"):
        list(rows(tmp_path / "none.jsonl"))


def test_a_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot be read: .*directory"):
        list(rows(tmp_path))


def test_a_path_takes_names_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRLM_TEST_FOLDER", "/data/of mine")
    assert locate("${SRLM_TEST_FOLDER}/trees.jsonl") == Path("/data/of mine/trees.jsonl")


@pytest.mark.parametrize("value", [None, ""])
def test_a_name_that_is_not_set_is_told(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("SRLM_SHARED", raising=False)
    if value is not None:
        monkeypatch.setenv("SRLM_SHARED", value)
    with pytest.raises(DataError, match=r"^\$\{SRLM_SHARED\}/x: the environment variable SRLM_SHARED is not set"):
        locate("${SRLM_SHARED}/x")


def test_instructions_are_prompts_to_the_letter_and_each_text_once(tmp_path: Path) -> None:
    path = tmp_path / "prompts.jsonl"
    path.write_text(
        '{"index": 0, "dataset": "koala", "instruction": " Hi there\\n"}\n'
        '{"instruction": "Count to ten."}\n{"instruction": "Count to ten."}\n'
    )
    assert instructions(str(path)) == [
        Prompt.of(" Hi there\n", "alpaca_eval", "koala"),
        Prompt.of("Count to ten.", "file"),
    ]
    assert instructions(str(path), "mine")[1] == Prompt.of("Count to ten.", "mine")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param('{"prompt": "Hi"}\n', r":1: .*non-empty text `instruction`; found `prompt`", id="another-field"),
        pytest.param('{"instruction": " "}\n', r":1: .*non-empty text `instruction`", id="blank"),
        pytest.param('{"instruction": 3}\n', r":1: .*non-empty text `instruction`", id="a-number"),
        pytest.param("\n", r"contains no prompts", id="nothing"),
    ],
)
def test_what_is_no_prompt_is_told(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "prompts.jsonl"
    path.write_text(content)
    with pytest.raises(DataError, match=message):
        instructions(str(path))


def test_alpaca_evals_prompts(shared: Path) -> None:
    prompts = instructions(str(shared / "data/alpaca_eval/prompts.jsonl.gz"))
    assert len(prompts) == 805
    assert {p.source for p in prompts} == {"alpaca_eval"}
    assert sum(p.category == "oasst" for p in prompts) == 188


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", r"no column b; its columns are none", id="empty"),
        pytest.param("a,c\n1,2\n", r"no column b; its columns are a, c", id="wrong-columns"),
        pytest.param("a,b\n1,2\n3\n", r":3: a row whose length differs from the header's 2", id="short-row"),
        pytest.param("a,b\n1,2,3\n", r":2: a row whose length differs from the header's 2", id="long-row"),
        pytest.param('a,b\n1,"2\n', r": not CSV: unexpected end of data", id="open-quote"),
    ],
)
def test_what_is_not_a_table_is_told(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "rows.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        table(tmp_path / "rows.csv", ["b"])


def test_a_table_is_text_by_column(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(gzip.compress(b"a,b\n1,x\n"))
    assert table(path, ["b"]) == [(f"{path}:2", {"a": "1", "b": "x"})]
