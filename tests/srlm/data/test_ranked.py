"""Any ranked answers as seed data: published formats, conversations, reviews, and what is wrong with a file."""

import gzip
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from srlm.data import rankings
from srlm.data.ranked import seed_data
from srlm.errors import DataError
from srlm.records import Message, SeedData, user
from srlm.settings import RankedData
from srlm.store import files
from srlm.worlds.beads import data as bead_data
from srlm.worlds.beads.settings import BeadsData

Json = dict[str, Any]
THINGS = ("otter", "heron", "lynx", "newt", "wren", "mole", "stoat", "hare", "carp", "toad", "ibex", "moth")
DOCS = Path(__file__).resolve().parents[3] / "docs" / "rankings.md"
EXAMPLES = re.findall(r"^```json (\w+)\n(.*?)^```", DOCS.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def said(*texts: str) -> list[Json]:
    """Messages by turns, the user first."""
    return [{"role": ("user", "assistant")[turn % 2], "content": text} for turn, text in enumerate(texts)]


def pair(asked: str, /, **more: Any) -> Json:
    return {"prompt": asked, "chosen": f"good {asked}", "rejected": f"bad {asked}"} | more


PAIRS = [pair(f"Tell me {n} things about the {thing}") for n, thing in enumerate(THINGS)]


def saved(folder: Path, rows: list[Json], name: str = "rows.jsonl") -> str:
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(folder / name)


def drawn(folder: Path, rows: list[Json], seed: int = 1, **over: Any) -> SeedData:
    wanted: Json = {"ift": 4, "eft_sets": 3, "heldout_sets": 2, "evaluation_prompts": 2, "validation_prompts": 1}
    settings = {"kind": "ranked", "path": saved(folder, rows)} | wanted | over
    return seed_data(RankedData.model_validate(settings), seed)


@pytest.mark.parametrize(("format", "text"), EXAMPLES, ids=[f"{n}-{name}" for n, (name, _) in enumerate(EXAMPLES)])
def test_each_example_of_the_documentation_is_told_and_read(tmp_path: Path, format: str, text: str) -> None:
    (tmp_path / "rows.jsonl").write_text(text, encoding="utf-8")
    found = rankings.read(str(tmp_path / "rows.jsonl"))
    assert (found.format, found.account) == (format, {})
    for one in found.sets:
        best = one.ranked.responses[one.ranked.ranks.index(0)].text
        assert best in ("An apple.", "It is lighter than water.", "The Rhine.", "Oak.", "Hi.")


def test_the_documentation_has_an_example_of_every_format_but_folders_and_a_runs_own_sets() -> None:
    assert {name for name, _ in EXAMPLES} == set(rankings.NAMES) - {"faireval", "run"}


def test_sets_are_disjoint_as_large_as_asked_and_ift_takes_the_best_answer(tmp_path: Path) -> None:
    data = drawn(tmp_path, PAIRS)
    prompts = [
        *(one.prompt for one in data.ift),
        *(one.prompt.text for one in (*data.eft_sets, *data.heldout_sets)),
        *(one.text for one in (*data.evaluation_prompts, *data.validation_prompts)),
    ]
    assert len(prompts) == len(set(prompts)) == 12
    assert all(one.response == f"good {one.prompt}" for one in data.ift)
    assert [one.ranks for one in data.eft_sets] == [(0, 1)] * 3
    assert (data.account["found"], data.account["usable"]) == (12, 12)
    assert data == drawn(tmp_path, PAIRS)
    assert data != drawn(tmp_path, PAIRS, seed=2)


BEFORE = (*user("Hello!"), Message(role="assistant", content="Hi."))


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(
            {"chosen": "\n\nHuman: Hello!\n\nAssistant: Hi.\n\nHuman: A fruit?\n\nAssistant: Apple.",
             "rejected": "\n\nHuman: Hello!\n\nAssistant: Hi.\n\nHuman: A fruit?\n\nAssistant: Stone."},
            id="anthropic",
        ),
        pytest.param(
            {"chosen": "Human: Hello!\n\nAssistant: Hi.\n\nHuman: A fruit?\n\nAssistant: Apple.",
             "rejected": "Human: Hello!\n\nAssistant: Hi.\n\nHuman: A fruit?\n\nAssistant: Stone."},
            id="anthropic-stripped",
        ),
        pytest.param(
            {"prompt": said("Hello!", "Hi.", "A fruit?"), "chosen": said("Hello!", "Hi.", "A fruit?", "Apple."),
             "rejected": said("Hello!", "Hi.", "A fruit?", "Stone.")},
            id="whole-conversations-and-the-prompt-as-messages",
        ),
        pytest.param(
            {"prompt": "\n\nHuman: Hello!\n\nAssistant: Hi.\n\nHuman: A fruit?\n\nAssistant:",
             "chosen": "Apple.", "rejected": "Stone."},
            id="anthropic-with-a-prompt",
        ),
        pytest.param(
            {"chosen": said("Hello!", "Hi.", "A fruit?", "Apple."),
             "rejected": said("Hello!", "Hi.", "A fruit?", "Stone.")},
            id="messages",
        ),
        pytest.param(
            {"prompt": said("Hello!", "Hi.", "A fruit?"), "chosen": said("", "Apple.")[1:],
             "rejected": said("", "Stone.")[1:]},
            id="messages-with-a-prompt",
        ),
        pytest.param(
            {"prompt": "A fruit?", "chosen": said("Hello!", "Hi.", "A fruit?", "Apple."),
             "rejected": said("Hello!", "Hi.", "A fruit?", "Stone.")},
            id="messages-with-the-last-turn",
        ),
        pytest.param(
            {"conversations": [{"from": "human", "value": "Hello!"}, {"from": "gpt", "value": "Hi."},
                               {"from": "human", "value": "A fruit?"}],
             "chosen": {"from": "gpt", "value": "Apple."}, "rejected": {"from": "gpt", "value": "Stone."}},
            id="sharegpt",
        ),
        pytest.param(
            {"prompt": said("Hello!", "Hi.", "A fruit?"), "responses": ["Apple.", "Stone."], "scores": [5, 1]}, id="own"
        ),
        pytest.param(
            {"context": said("Hello!", "Hi.", "A fruit?"), "response1": "Apple.", "response2": "Stone.",
             "overall_preference": -1},
            id="helpsteer3",
        ),
        pytest.param(
            {"prompt": "Hello!\n<extra_id_1>Assistant\nHi.\n<extra_id_1>User\nA fruit?", "response_1": "Apple.",
             "response_2": "Stone.", "preference_strength": -2},
            id="helpsteer2",
        ),
        pytest.param(
            {"chosen": [{"role": "user", "content": [{"type": "text", "text": "Hello!"}]}, *said("", "Hi.")[1:],
                        *said("A fruit?", "Apple.")],
             "rejected": said("Hello!", "Hi.", "A fruit?", "Stone.")},
            id="content-in-parts",
        ),
    ],
)  # fmt: skip
def test_a_conversation_keeps_its_turns_in_every_form(tmp_path: Path, row: Json) -> None:
    (one,) = rankings.read(saved(tmp_path, [row])).sets
    assert (one.ranked.prompt.text, one.ranked.prompt.before) == ("A fruit?", BEFORE)
    assert [response.text for response in one.ranked.responses] == ["Apple.", "Stone."]
    assert one.ranked.ranks == (0, 1)


def test_a_system_message_stands_before_the_conversation_and_an_empty_one_does_not(tmp_path: Path) -> None:
    rows = [pair("A fruit?", system="Be brief."), pair("A tree?", system="  ")]
    first, second = rankings.read(saved(tmp_path, rows), "preferences").sets
    assert first.ranked.prompt.before == (Message(role="system", content="Be brief."),)
    assert second.ranked.prompt.before == ()


def test_conversations_reach_ift_with_their_turns(tmp_path: Path) -> None:
    rows = [
        {"chosen": said(f"A {thing}?", "What of it?", "Describe it.", "Good."),
         "rejected": said(f"A {thing}?", "What of it?", "Describe it.", "Bad.")}
        for thing in THINGS
    ]  # fmt: skip
    data = drawn(tmp_path, rows)
    assert [one.prompt for one in data.ift] == ["Describe it."] * 4
    assert len({one.before for one in data.ift}) == 4
    assert [turn.role for turn in data.ift[0].messages] == ["user", "assistant", "user"]
    assert data.ift[0].messages[:2] == data.seed_prompts[0].before


def test_conversations_with_one_beginning_are_never_parted(tmp_path: Path) -> None:
    rows = []
    for thing in THINGS:
        turns = [f"Tell me a very long story about the {thing} of the north", "Once ...", "Go on.", "And then ..."]
        for depth in (1, 3):
            spoken = turns[:depth]
            rows.append({"chosen": said(*spoken, "good"), "rejected": said(*spoken, "bad")})
    data = drawn(tmp_path, rows, heldout_sets=3, validation_prompts=0, evaluation_prompts=3, eft_sets=5, ift=5)
    begun = {
        "ift": {one.messages[0].content for one in data.ift},
        "eft": {one.prompt.messages[0].content for one in data.eft_sets},
        "heldout": {one.prompt.messages[0].content for one in data.heldout_sets},
        "evaluation": {one.messages[0].content for one in data.evaluation_prompts},
    }
    assert len(set().union(*begun.values())) == sum(len(held) for held in begun.values())
    assert data.account["dropped: its conversation is in another set"] > 0


def test_an_evaluation_prompt_that_a_conversation_began_with_is_not_trained_on(tmp_path: Path) -> None:
    asked = "What is the airspeed velocity of an unladen swallow?"
    (tmp_path / "asked.jsonl").write_text(json.dumps({"instruction": asked}) + "\n")
    turns = [asked, "Which kind?", "An African one."]
    leak = {"prompt": said(*turns), "chosen": said("", "24.")[1:], "rejected": said("", "No idea.")[1:]}
    data = drawn(
        tmp_path, [leak, *PAIRS], format="preferences", prompts_path=str(tmp_path / "asked.jsonl"),
        evaluation_prompts=1, validation_prompts=0, ift=20,
    )  # fmt: skip
    assert (
        data.account["dropped: is nearly an evaluation prompt"]
        + data.account.get("dropped: is an evaluation prompt", 0)
        == 1
    )
    assert "An African one." not in {one.prompt for one in data.ift}


def test_what_cannot_be_trained_on_is_counted_by_reason(tmp_path: Path) -> None:
    own = {"responses": ["x", "y"], "ranks": [0, 1]}
    rows = [
        *({"prompt": row["prompt"], "responses": ["good", "bad"], "ranks": [0, 1]} for row in PAIRS),
        {"prompt": PAIRS[0]["prompt"].upper(), **own},
        {"prompt": "tied", "responses": ["x", "y"], "ranks": [0, 0]},
        {"prompt": "  ", **own},
        {"prompt": "empty answer", "responses": ["x", " "], "ranks": [0, 1]},
        {"prompt": "one answer twice", "responses": ["x", "x "], "ranks": [0, 0]},
        {"prompt": "two ranks", "responses": ["x", "x", "y"], "ranks": [0, 1, 2]},
        {"prompt": [*said("a"), *said("b")], **own},
        {"prompt": said("a", "", "b"), **own},
        {"prompt": "no majority", "responses": ["x", "y"], "annotators": {"a": [0, 1], "b": [1, 0]}},
        {"prompt": "three, one empty", "responses": ["x", "", "y"], "ranks": [2, 0, 1]},
    ]
    data = drawn(tmp_path, rows, ift=30)
    assert {name: count for name, count in data.account.items() if name.startswith("dropped")} == {
        "dropped: duplicate prompt": 1,
        "dropped: all answers tied": 1,
        "dropped: empty prompt": 1,
        "dropped reply: empty text": 2,
        "dropped: fewer than two answers": 2,
        "dropped reply: the same answer again": 1,
        "dropped: one answer has two ranks": 1,
        "dropped: turns do not alternate": 1,
        "dropped: empty turn": 1,
        "dropped: no majority": 1,
    }
    assert data.account["usable"] == 13
    kept = [one for one in (*data.eft_sets, *data.heldout_sets) if one.prompt.text == "three, one empty"]
    assert all(one.ranks == (1, 0) and len(one.responses) == 2 for one in kept)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        pytest.param(
            {"chosen": said("a", "b", "c", "d"), "rejected": said("a", "e", "c", "f")},
            "chosen and rejected answer different conversations", id="other-conversations",
        ),
        pytest.param({"chosen": said("a", "b"), "rejected": said("a")}, "does not end with an answer", id="no-answer"),
        pytest.param(
            {"chosen": "\n\nHuman: a\n\nAssistant: b\n\nHuman: c", "rejected": "\n\nHuman: a\n\nAssistant: d"},
            "does not end with an answer", id="anthropic-no-answer",
        ),
        pytest.param(
            pair("A fruit?", score_chosen=1.0, score_rejected=2.0), "the rejected answer has the higher score",
            id="scores-contradict",
        ),
        pytest.param(
            {"prompt": "z", "chosen": said("a", "b"), "rejected": said("a", "c")},
            "chosen and rejected answer another prompt than the row's", id="another-prompt",
        ),
        pytest.param(
            {"prompt": "a", "chosen": said("a", "b"), "rejected": "c"},
            "one of chosen and rejected is a conversation, the other an answer", id="mixed-sides",
        ),
    ],
)  # fmt: skip
def test_a_pair_that_is_no_comparison_is_counted(tmp_path: Path, row: Json, reason: str) -> None:
    rows = [pair("Name a fruit.", score_chosen=2.0, score_rejected=1.0), row]
    found = rankings.read(saved(tmp_path, rows), "preferences")
    assert (len(found.sets), found.account) == (1, {f"dropped: {reason}": 1})


def test_equal_scores_are_a_tie(tmp_path: Path) -> None:
    (one,) = rankings.read(saved(tmp_path, [pair("a", score_chosen=7.0, score_rejected=7.0)])).sets
    assert one.ranked.ranks == (0, 0)


def test_ultrafeedback_takes_the_fine_score_where_a_row_has_no_other_and_counts_what_has_none(tmp_path: Path) -> None:
    completions = [{"response": text, "overall_score": None, "fine-grained_score": n} for n, text in enumerate("xyz")]
    completions[0]["fine-grained_score"] = None
    found = rankings.read(saved(tmp_path, [{"instruction": "a", "completions": completions}]))
    assert [response.text for response in found.sets[0].ranked.responses] == ["y", "z"]
    assert found.sets[0].ranked.ranks == (1, 0)
    assert found.account == {"dropped reply: no score": 1}


NAN = float("nan")


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        pytest.param([], "rows.jsonl: contains no rows", id="empty"),
        pytest.param([{"a": 1}], r":1: unknown format \(columns a\); choose one with data.format: oasst", id="no"),
        pytest.param(
            [pair("a"), {"prompt": "b", "responses": ["x", "y"], "ranks": [0, 1]}],
            r":2: rewardbench needs chosen, rejected; found prompt, responses, ranks", id="mixed-formats",
        ),
        pytest.param(
            [pair("a", score_chosen=NAN, score_rejected=1.0)], ":1: `score_chosen` must be a number, found nan",
            id="nan-score",
        ),
        pytest.param(
            [pair("a", score_chosen="8", score_rejected="7")], ":1: `score_chosen` must be a number, found '8'",
            id="score-as-text",
        ),
        pytest.param(
            [pair("a", score_chosen=8, score_rejected=None)], ":1: `score_rejected` must be a number, found None",
            id="one-score",
        ),
        pytest.param(
            [{"instruction": "a", "completions": [{"response": "x", "overall_score": "9"}] * 2}],
            ":1: `overall_score` must be a number, found '9'", id="ultrafeedback-score-as-text",
        ),
        pytest.param(
            [{"instruction": "a", "completions": "x"}], ":1: `completions` must be a list of objects", id="completions"
        ),
        pytest.param([{"prompt": "a", "responses": ["x"], "ranks": [0]}], ":1: .*at least two responses", id="single"),
        pytest.param(
            [{"prompt": "a", "responses": ["x", "y"], "ranks": [0, 1], "reviews": ["r"]}],
            ":1: 1 reviews of 2 responses", id="reviews-of-some",
        ),
        pytest.param(
            [{"prompt": "a", "responses": ["x", "y"], "ranks": [0, 1], "scores": [1, 0]}],
            ":1: `ranks` and `scores` both say", id="ranks-and-scores",
        ),
        pytest.param([{"prompt": "a", "responses": ["x", "y"], "scores": ["5", "1"]}], ":1: scores.0: ", id="own-text"),
        pytest.param([{"prompt": "a", "responses": ["x", "y"], "scores": [NAN, 1]}], ":1: scores.0: ", id="own-nan"),
        pytest.param(
            [{"chosen": "x", "rejected": "y"}],
            ":1: no column has the prompt of `chosen` and `rejected`", id="no-prompt",
        ),
        pytest.param(
            [pair("a", question="b", score_chosen=2, score_rejected=1)],
            ":1: several prompt columns, `prompt` and `question`; keep one", id="two-prompts",
        ),
        pytest.param(
            [{"chosen": [{"role": "tool", "content": "x"}], "rejected": said("a", "b")}],
            r":1: `chosen\[0\]` has the role 'tool'; known roles are user, human", id="unknown-speaker",
        ),
        pytest.param(
            [{"chosen": [{"role": "user", "content": [{"type": "image"}]}], "rejected": said("a", "b")}],
            r":1: `chosen\[0\]` must have a text `content`", id="an-image",
        ),
        pytest.param(
            [{"prompt": said("a", "b"), "chosen": said("", "x")[1:], "rejected": said("", "y")[1:]}],
            ":1: `prompt` must end with a turn of the user; the last turn is the assistant's",
            id="ends-with-the-assistant",
        ),
        pytest.param([pair("a", language="de")], ":1: no row is in language fr; .* one of de 1", id="other-language"),
        pytest.param(
            [{"prompt": "a", "responses": ["x", "y"], "ranks": [0, 0]}],
            r"no usable set of ranked answers in own \(found 1, dropped: all answers tied 1\)", id="all-tied",
        ),
        pytest.param(PAIRS[:2], "too few usable conversations: none left for data.", id="too-few"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_file_and_line(tmp_path: Path, rows: list[Json], says: str) -> None:
    over: Json = {"language": "fr"} if "language" in json.dumps(rows) else {}
    with pytest.raises(DataError, match=says) as error:
        drawn(tmp_path, rows, **over)
    assert str(error.value).startswith(str(tmp_path / "rows.jsonl"))


def test_rows_of_a_language_are_taken_and_those_that_say_none(tmp_path: Path) -> None:
    rows = [row | {"language": ("ru", "de", None)[n % 3]} for n, row in enumerate(PAIRS)]
    data = drawn(tmp_path, rows, language="ru")
    assert (data.account["found"], data.account["dropped: other language"]) == (8, 4)


def test_reviewed_sets_go_to_eft_first_and_keep_their_reviews(tmp_path: Path) -> None:
    rows: list[Json] = [{"prompt": row["prompt"], "responses": ["g", "b"], "ranks": [0, 1]} for row in PAIRS]
    for row in rows[:6]:
        row["reviews"] = ["Fine.\nScore: 5", "Poor.\nScore: 1"]
    data = drawn(tmp_path, rows, heldout_sets=1, evaluation_prompts=1, validation_prompts=0)
    assert data.account["with reviews"] == 6
    assert [one.reviews for one in data.eft_sets] == [("Fine.\nScore: 5", "Poor.\nScore: 1")] * 3


def test_the_reviewed_sets_of_another_run_are_data_too(tmp_path: Path) -> None:
    world = BeadsData(base_lines=1, ift=1, eft_sets=30, heldout_sets=1, evaluation_prompts=1)
    sets = bead_data.seed_data(world, 1).eft_sets
    files.write(tmp_path / "eft_sets.jsonl", sets)
    data = drawn(tmp_path, [], path=str(tmp_path / "eft_sets.jsonl"), heldout_sets=3, ift=5)
    assert all(one in sets and one.reviews for one in (*data.eft_sets, *data.heldout_sets))


def test_json_lists_zipped_lines_and_parquet_are_the_same_data(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    rows = [
        {"chosen": said(f"A {thing}?", "good"), "rejected": said(f"A {thing}?", "bad"), "score_chosen": 2.0,
         "score_rejected": 1.0}
        for thing in THINGS
    ]  # fmt: skip
    plain = drawn(tmp_path, rows)
    (tmp_path / "a.json").write_text(json.dumps(rows))
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress((tmp_path / "rows.jsonl").read_bytes()))
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "a.parquet")
    for name in ("a.json", "a.jsonl.gz", "a.parquet"):
        assert drawn(tmp_path, rows, path=str(tmp_path / name)) == plain


HUB = """
import sys
from srlm.data.rankings import read
from srlm.data import hub
from srlm.errors import DataError
for part in (hub.Part(), hub.Part(split="test"), hub.Part(folder="other")):
    found = read("hub:" + sys.argv[1], part=part)
    print(found.format, len(found.sets), found.sets[0].ranked.prompt.text)
for path, part in (("hub:" + sys.argv[1], hub.Part(split="nope")), ("hub:no-such-owner/no-such-set", hub.Part())):
    try:
        read(path, part=part)
    except DataError as error:
        print(error)
"""


def test_a_hub_dataset_is_read_whole_or_in_part_and_what_cannot_be_had_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    (folder / "other").mkdir(parents=True)
    saved(folder, PAIRS[:8], "train.jsonl")
    saved(folder, PAIRS[8:], "test.jsonl")
    saved(folder / "other", [{"prompt": "p", "response_1": "a", "response_2": "b", "preference_strength": 1}])
    env: Mapping[str, str] = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home")}
    # A process of its own: the hub's client reads the environment when it is imported.
    run = subprocess.run([sys.executable, "-c", HUB, str(folder)], env=env, capture_output=True, text=True, check=False)
    lines = run.stdout.splitlines()
    assert lines[:3] == [
        f"rewardbench 12 {PAIRS[0]['prompt']}",
        f"rewardbench 4 {PAIRS[8]['prompt']}",
        "helpsteer_preferences 1 p",
    ], run.stderr
    assert "could not be downloaded from the Hub" in lines[3]
    assert "nope" in lines[3]
    assert "hub:no-such-owner/no-such-set: could not be downloaded from the Hub" in lines[4]
