"""Instruction data of one's own: every form goes in, and what does not is refused with file, line and what to do."""

import csv
import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from srlm.data.examples import Shape, examples, prompts, shapes_of
from srlm.errors import DataError
from srlm.records import Demonstration, Message, Prompt, user
from srlm.settings import ExamplesSource, PromptsSource

Json = dict[str, Any]
IFT = "data.sources.ift"


def said(*texts: str) -> list[Json]:
    """Messages by turns, the user first."""
    return [{"role": ("user", "assistant")[turn % 2], "content": text} for turn, text in enumerate(texts)]


def saved(folder: Path, *rows: Json, name: str = "rows.jsonl") -> str:
    (folder / name).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return str(folder / name)


def read(path: str, format: str = "alpaca", **more: Any) -> tuple[list[Demonstration], dict[str, int]]:
    """Examples and the account of a file."""
    account = Counter[str]()
    source = ExamplesSource.model_validate({"path": path, "format": format} | more)
    found = examples(source, None, account, IFT)
    return [one.demonstration for one in found], dict(account)


FRUIT = {"instruction": "Name a fruit.", "output": "An apple."}


@pytest.mark.parametrize(
    ("row", "more", "messages", "answer"),
    [
        pytest.param(FRUIT, {}, user("Name a fruit."), "An apple.", id="instruction"),
        pytest.param(FRUIT | {"input": "A red one."}, {}, user("Name a fruit.\n\nA red one."), "An apple.", id="input"),
        pytest.param(FRUIT | {"input": "", "id": 7}, {}, user("Name a fruit."), "An apple.", id="empty-input"),
        pytest.param(
            FRUIT | {"system": "Be brief."},
            {},
            (Message(role="system", content="Be brief."), *user("Name a fruit.")),
            "An apple.",
            id="system",
        ),
        pytest.param(
            {"question": "Wie heißt 水獺?", "answer": "Otter", "output": 3},
            {"columns": {"instruction": "question", "output": "answer"}},
            user("Wie heißt 水獺?"),
            "Otter",
            id="columns-of-other-names",
        ),
        pytest.param(
            {"prompt": said("Hi"), "completion": [{"role": "assistant", "content": "Hello."}]},
            {"columns": {"instruction": "prompt", "output": "completion"}},
            user("Hi"),
            "Hello.",
            id="trl",
        ),
        pytest.param({"messages": said("Hi", "Hello.")}, {"format": "messages"}, user("Hi"), "Hello.", id="messages"),
        pytest.param(
            {
                "conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello."}],
                "system": "Sing.",
            },
            {"format": "messages", "columns": {"messages": "conversations"}},
            (Message(role="system", content="Sing."), *user("Hi")),
            "Hello.",
            id="sharegpt",
        ),
    ],
)
def test_every_form_becomes_a_prompt_and_an_answer(
    tmp_path: Path, row: Json, more: Json, messages: tuple[Message, ...], answer: str
) -> None:
    ((one,), account) = read(saved(tmp_path, row), **more)
    assert (one.kind, one.messages, one.response) == ("ift", messages, answer)
    assert account == {"found": 1, "usable": 1}


def test_every_kind_of_file_holds_the_same_examples(tmp_path: Path) -> None:
    rows = [FRUIT, {"instruction": "Name a tree.", "output": 'Ολα,\n"oak"'}]
    plain = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    expected, _ = read(saved(tmp_path, *rows))
    assert [one.response for one in expected] == ["An apple.", 'Ολα,\n"oak"']
    (tmp_path / "crlf.jsonl").write_bytes(b"\xef\xbb\xbf" + plain.replace("\n", "\r\n").encode())
    (tmp_path / "rows.jsonl.gz").write_bytes(gzip.compress(plain.encode()))
    (tmp_path / "list.json").write_text(json.dumps(rows, indent=1))
    with (tmp_path / "rows.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, ["instruction", "output"])
        table.writeheader()
        table.writerows(rows)
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "rows.parquet")
    for name in ("crlf.jsonl", "rows.jsonl.gz", "list.json", "rows.csv", "rows.parquet"):
        assert read(str(tmp_path / name))[0] == expected, name


def test_a_local_folder_is_read_as_the_datasets_library_does(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    saved(tmp_path / "mine", FRUIT, name="train.jsonl")
    saved(tmp_path / "mine", FRUIT | {"output": "A pear."}, name="test.jsonl")
    found, _ = read(f"hub:{tmp_path}/mine", split="test")
    assert [one.response for one in found] == ["A pear."]


def test_all_turns_of_a_conversation_or_the_last_one(tmp_path: Path) -> None:
    path = saved(tmp_path, {"messages": said("Hi", "Hello.", "A fruit?", "An apple.")})
    ((last,), _) = read(path, "messages")
    assert (len(last.before), last.prompt, last.response) == (2, "A fruit?", "An apple.")
    every = examples(ExamplesSource(path=path, format="messages", turns="all"), None, Counter(), IFT)
    assert [one.demonstration.response for one in every] == ["Hello.", "An apple."]
    assert every[0].group == every[1].group  # never parted


def test_what_teaches_nothing_is_left_out_and_counted(tmp_path: Path) -> None:
    rows = [
        *(FRUIT, FRUIT, FRUIT | {"output": "A pear."}),
        *({"instruction": " ", "output": "x"}, {"instruction": "A?", "output": ""}),
        {"instruction": "B?", "output": "<think>Hm."},
        {"instruction": "C?", "output": "<think>Hm.</think>\nYes."},
    ]
    found, account = read(saved(tmp_path, *rows))
    assert [(one.response, one.thought) for one in found] == [("An apple.", None), ("Yes.", "Hm.")]
    assert account == {
        "found": 7,
        "dropped: stands twice": 1,
        "dropped: duplicate prompt": 1,
        "dropped: empty prompt": 1,
        "dropped: empty answer": 1,
        "dropped: an answer is a thought that never ends": 1,
        "thoughts cut from answers": 1,
        "usable": 2,
    }
    chats = [said("Hi"), said("Hi", "Ho", "He", "Hu")[1:], said("A", "B")]
    _, account = read(saved(tmp_path, *({"messages": chat} for chat in chats)), "messages")
    assert account == {
        "found": 3,
        "dropped: does not end with an answer": 1,
        "dropped: turns do not alternate": 1,
        "usable": 1,
    }


@pytest.mark.parametrize(
    ("row", "more", "message"),
    [
        pytest.param(
            {"instruction": "x"}, {}, "no column `output`; this row's are `instruction`; add it, ", id="absent"
        ),
        pytest.param(FRUIT | {"output": None}, {}, "`output` is null; write its text, or remove the row", id="null"),
        pytest.param(FRUIT | {"output": 5}, {}, "`output` must be a text, found 5", id="number"),
        pytest.param(FRUIT | {"input": ["x"]}, {}, "`input` must be a text, found ['x']", id="list-of-input"),
        pytest.param(FRUIT | {"history": [["a", "b"]]}, {}, "write the conversation as `messages`", id="history"),
        pytest.param({"messages": "Hi"}, {"format": "messages"}, "`messages` must be a list of messages", id="text"),
        pytest.param(
            {"messages": [{"role": "tool", "content": "x"}]}, {"format": "messages"}, "has the role 'tool'", id="role"
        ),
        pytest.param(
            {"messages": [{"role": "system", "content": "a"}, *said("b", "c")], "system": "d"},
            {"format": "messages"},
            "a system message in `system` and in the conversation; keep one",
            id="two-system-messages",
        ),
    ],
)
def test_a_row_of_a_wrong_form_is_named_by_file_and_line(tmp_path: Path, row: Json, more: Json, message: str) -> None:
    first = {"messages": said("a", "b")} if more else {"instruction": "a", "output": "b"}
    path = saved(tmp_path, *[first] * 36, row)
    with pytest.raises(DataError) as error:
        read(path, **more)
    assert str(error.value).startswith(f"{path}:37: ") and message in str(error.value)
    assert "\n" not in str(error.value)


def test_messages_in_a_csv_file_are_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text('messages\n"[{""role"": ""user"", ""content"": ""Hi""}]"\n')
    with pytest.raises(DataError, match=r"rows\.csv:2: `messages` must be a list .* save the data as JSON lines or"):
        read(str(tmp_path / "rows.csv"), "messages")


def test_the_columns_that_the_settings_name_must_be_there(tmp_path: Path) -> None:
    path = saved(tmp_path, {"question": "a", "answer": "b"})
    with pytest.raises(
        DataError, match=r"rows\.jsonl:1: no column `reply`, which data\.sources\.ift\.columns names for"
    ):
        read(path, columns={"instruction": "question", "output": "reply"})
    with pytest.raises(DataError, match=r"data\.sources\.ift\.columns: `answer` is given for several columns"):
        read(path, columns={"instruction": "answer", "output": "answer"})
    with pytest.raises(DataError, match=r"`prompt` is no column of alpaca, which reads `instruction`, `input`, "):
        read(path, columns={"prompt": "question", "output": "answer"})


def test_without_a_format_nothing_is_guessed_and_the_choice_is_shown(tmp_path: Path) -> None:
    def refused(row: Json) -> str:
        with pytest.raises(DataError) as error:
            examples(ExamplesSource(path=saved(tmp_path, row)), None, Counter(), IFT)
        return str(error.value).removeprefix(f"{IFT}.format is not set. {tmp_path}/rows.jsonl:1: the columns are ")

    assert refused(FRUIT) == "`instruction`, `output`; this could be format: alpaca"
    assert refused({"prompt": "a", "response": "b", "messages": []}) == (
        "`prompt`, `response`, `messages`; this could be format: messages, or format: alpaca, columns: {instruction: "
        "prompt, output: response}"
    )
    assert refused({"prompt": "a", "responses": ["b", "c"], "ranks": [0, 1]}) == (
        "`prompt`, `responses`, `ranks`; these are ranked answers (own): give them as data.sources.rankings"
    )
    assert refused({"a": 1}).startswith("`a`; set format: alpaca, columns: {instruction: PROMPT, output: ANSWER}")


def test_the_shapes_of_published_data_are_known() -> None:
    assert shapes_of({"instruction": "a", "input": "b", "output": "c"}, True) == [Shape("alpaca", {})]
    assert shapes_of({"input": "b", "output": "c"}, True) == [Shape("alpaca", {"instruction": "input"})]
    assert shapes_of({"conversations": []}, True) == [Shape("messages", {"messages": "conversations"})]
    assert shapes_of({"question": "a", "answer": "b"}, False) == [Shape("alpaca", {"instruction": "question"})]


def test_prompts_come_in_their_order_each_once(tmp_path: Path) -> None:
    path = saved(tmp_path, {"q": "Why?", "category": "short"}, {"q": "Who?"}, {"q": "Why?"})
    columns = {"instruction": "q"}
    found = prompts(PromptsSource(path=path, format="alpaca", columns=columns), "prompts.source")
    assert found == [Prompt.of("Why?", "file", "short"), Prompt.of("Who?", "file")]
    path = saved(tmp_path, {"messages": said("Hi", "Hello.", "Why?")})
    (one,) = prompts(PromptsSource(path=path, format="messages"), "prompts.source")
    assert (one.text, len(one.before)) == ("Why?", 2)


@pytest.mark.parametrize(
    ("row", "format", "message"),
    [
        pytest.param(
            {"instruction": " "}, "alpaca", "1: empty prompt; write the prompt, or remove the row", id="empty"
        ),
        pytest.param(
            {"messages": said("Hi", "Ho")}, "messages", "1: `messages` must end with a turn of the user", id="answer"
        ),
    ],
)
def test_a_prompt_that_is_none_is_refused(tmp_path: Path, row: Json, format: Any, message: str) -> None:
    with pytest.raises(DataError) as error:
        prompts(PromptsSource(path=saved(tmp_path, row), format=format), "prompts.source")
    assert message in str(error.value)


def test_real_conversations_go_in_with_all_their_turns(shared: Path, tmp_path: Path) -> None:
    """The best-ranked thread of each Open Assistant tree, as a file of messages."""
    rows = []
    with gzip.open(shared / "data/human_rankings/oasst_en_100/en_100_tree.jsonl.gz", "rt", encoding="utf-8") as file:
        for line in file:
            turn, messages = json.loads(line)["prompt"], []
            while turn is not None:
                role = {"prompter": "user", "assistant": "assistant"}[turn["role"]]
                messages.append({"role": role, "content": turn["text"]})
                turn = min(turn["replies"], key=lambda one: one.get("rank") or 0, default=None)
            rows.append({"messages": messages})
    path = saved(tmp_path, *rows)
    last, _ = read(path, "messages")
    every, account = read(path, "messages", turns="all")
    assert account["found"] == 94
    assert len(every) > len(last) > 50
    assert {one.response for one in last} <= {one.response for one in every}
