"""Open Assistant's ranked conversations."""

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlm.data import rankings
from srlm.data.split import shares
from srlm.data.trees import oasst, read
from srlm.errors import DataError
from srlm.records import Prompt, SeedData
from srlm.settings import OasstData

Json = dict[str, Any]

ANIMALS = ("otter", "heron", "lynx", "newt", "wren", "mole", "stoat", "hare", "carp", "toad", "ibex", "moth")


def reply(text: str, rank: object, *replies: Json, **over: Any) -> Json:
    message = {"text": text, "role": "assistant", "lang": "en", "rank": rank, "deleted": False, "synthetic": False}
    return message | {"review_result": True, "replies": list(replies)} | over


def prompt(text: str, *replies: Json, **over: Any) -> Json:
    return reply(text, None, *replies, role="prompter") | over


def tree(text: str, *replies: Json, **over: Any) -> Json:
    return {"message_tree_id": text, "tree_state": "ready_for_export", "prompt": prompt(text, *replies) | over}


def flat(trees: list[Json]) -> list[Json]:
    rows: list[Json] = []

    def down(message: Json, parent: str | None, state: str) -> None:
        identity = f"m{len(rows)}"
        rest = {key: value for key, value in message.items() if key != "replies"}
        rows.append({"message_id": identity, "parent_id": parent, "tree_state": state} | rest)
        for child in message["replies"]:
            down(child, identity, state)

    for one in trees:
        down(one["prompt"], None, one["tree_state"])
    return rows


def saved(path: Path, rows: list[Json]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def good(text: str) -> Json:
    return tree(text, reply(f"worse: {text}", 1), reply(f"better: {text}", 0))


MANY = [good(f"Are {animal}{n} and {animal}s{n} alike?") for n in range(3) for animal in ANIMALS]

MIXED = [
    tree("Which is best?", reply(" third ", 5), reply("first", 0), reply("second", 2), reply("also second", 2)),
    tree("unranked", reply("a", None), reply("b", None)),
    tree("lonely", reply("a", 0), reply("b", None)),
    tree("all the same", reply("a", 1), reply("b", 1)),
    tree("taken back", reply("a", 0), reply("b", 1), deleted=True),
    tree("rude", reply("a", 0), reply("b", 1), review_result=False),
    tree("by a model", reply("a", 0), reply("b", 1), synthetic=True),
    tree("auf Deutsch", reply("a", 0), reply("b", 1), lang="de"),
    tree("  ", reply("a", 0), reply("b", 1)),
    tree("in the works", reply("a", 0), reply("b", 1)) | {"tree_state": "ranking"},
    tree(
        "some fall away",
        reply("gone", 0, deleted=True),
        reply(" ", 1),
        reply("von mir", 2, lang="de"),
        reply("unseen", 3, review_result=None),
        reply("last", 4, prompt("and then?", reply("x", 0), reply("y", 1))),
        reply("machine", 5, synthetic=True),
        reply("bad", 6, review_result=False),
        prompt("me again"),
    ),
    tree("WHICH is best", reply("a", 0), reply("b", 1)),
]


@pytest.mark.parametrize("shape", ["nested", "flat", "nested.gz"])
def test_ranked_replies_come_best_first_with_dense_ranks_and_the_rest_is_counted(tmp_path: Path, shape: str) -> None:
    path = tmp_path / "trees.jsonl"
    saved(path, flat(MIXED) if shape == "flat" else MIXED)
    if shape == "nested.gz":
        path.write_bytes(gzip.compress(path.read_bytes()))
    trees = read(str(path), "en")
    first, second = trees.sets
    assert (first.prompt.text, first.prompt.source) == ("Which is best?", "oasst")
    assert [r.text for r in first.responses] == ["first", "second", "also second", "third"]
    assert first.ranks == (0, 1, 1, 2)
    assert [(r.author, r.draw) for r in first.responses] == [("human", 0), ("human", 1), ("human", 2), ("human", 3)]
    assert [r.text for r in second.responses] == ["unseen", "last"]
    assert second.ranks == (0, 1)
    assert trees.account == {
        "found": 12,
        "usable": 2,
        "dropped: no ranks": 1,
        "dropped: fewer than two ranked replies": 1,
        "dropped: all replies tied": 1,
        "dropped: deleted": 1,
        "dropped: failed review": 1,
        "dropped: synthetic": 1,
        "dropped: other language": 1,
        "dropped: empty text": 1,
        "dropped: tree not finished": 1,
        "dropped: duplicate prompt": 1,
        "dropped: not first turn": 1,
        "dropped reply: no rank": 3,
        "dropped reply: deleted": 1,
        "dropped reply: empty text": 1,
        "dropped reply: other language": 1,
        "dropped reply: synthetic": 1,
        "dropped reply: failed review": 1,
        "dropped reply: not an answer": 1,
    }


def test_another_language_can_be_asked_for(tmp_path: Path) -> None:
    one = tree("Hallo?", reply("Ja", 1, lang="de"), reply("Nein", 0, lang="de"), lang="de")
    assert [s.prompt.text for s in read(saved(tmp_path / "t", [one, *MANY]), "de").sets] == ["Hallo?"]


def test_ranks_that_went_through_a_data_frame_are_read(tmp_path: Path) -> None:
    one = tree("Which?", reply("b", 1.0), reply("a", 0.0), reply("c", float("nan")))
    (ranked,) = read(saved(tmp_path / "t", flat([one])), "en").sets
    assert ([r.text for r in ranked.responses], ranked.ranks) == (["a", "b"], (0, 1))


def test_flat_rows_may_come_in_any_order_and_orphans_are_counted(tmp_path: Path) -> None:
    rows = flat([good("Which?")])[::-1]
    rows.append(rows[0] | {"message_id": "lost", "parent_id": "nowhere"})
    trees = read(saved(tmp_path / "t", rows), "en")
    assert [r.text for r in trees.sets[0].responses] == ["better: Which?", "worse: Which?"]
    assert trees.account == {"found": 1, "usable": 1, "dropped: parent not in the file": 1}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        pytest.param([{"question": "?"}], r":1: neither a message tree .*the fields are question", id="another-format"),
        pytest.param([MANY[0], {"prompt": "Hi"}], r":2: a message tree without `prompt`", id="a-text-among-trees"),
        pytest.param(
            [tree("a", reply("b", "best"))], r":1: `rank` must be a whole number or null, found 'best'", id="rank-text"
        ),
        pytest.param([tree("a", reply("b", 0.5))], r":1: `rank` must be a whole number", id="rank-half"),
        pytest.param([tree("a", reply("b", True))], r":1: `rank` must be a whole number", id="rank-true"),
        pytest.param([tree("a", reply("b", 0, role=None))], r":1: a message needs `text` and a `role`", id="no-role"),
        pytest.param([tree("a", replies=["b"])], r":1: `replies` must hold messages, found a str", id="replies-text"),
        pytest.param(flat([MANY[0]]) * 2, r":4: duplicate message_id m0, first at .*:1", id="id-twice"),
        pytest.param([*flat([MANY[0]]), {"text": "a"}], r":4: a message needs a text `message_id`", id="no-id"),
    ],
)
def test_what_is_no_conversation_is_told_with_file_and_line(tmp_path: Path, rows: list[Json], message: str) -> None:
    path = saved(tmp_path / "trees.jsonl", rows)
    with pytest.raises(DataError, match=message) as error:
        read(path, "en")
    assert str(error.value).startswith(f"{path}:")


def test_a_broken_line_is_told(tmp_path: Path) -> None:
    path = tmp_path / "trees.jsonl"
    path.write_text(json.dumps(MANY[0]) + '\n{"prompt": {"text"\n')
    with pytest.raises(DataError, match=r"trees\.jsonl:2: not JSON"):
        read(str(path), "en")


def test_a_file_with_nothing_usable_says_what_it_holds(tmp_path: Path) -> None:
    path = saved(tmp_path / "t", [MIXED[1], MIXED[7]])
    with pytest.raises(DataError, match=r"no usable conversation .*found 2, .*no ranks 1, dropped: other language 1"):
        read(path, "en")
    with pytest.raises(DataError, match="the file is empty"):
        read(saved(tmp_path / "empty", []), "en")


def drawn(tmp_path: Path, seed: int = 1, rows: list[Json] = MANY, **over: Any) -> SeedData:
    path = saved(tmp_path / "trees.jsonl", rows)
    wanted: Json = {"ift": 12, "eft_sets": 9, "heldout_sets": 6, "evaluation_prompts": 5, "validation_prompts": 2}
    return oasst(OasstData.model_validate({"path": path} | wanted | over), seed)


def texts(data: SeedData) -> dict[str, set[str]]:
    return {
        "ift": {d.prompt for d in data.ift},
        "eft_sets": {s.prompt.text for s in data.eft_sets},
        "heldout_sets": {s.prompt.text for s in data.heldout_sets},
        "evaluation_prompts": {p.text for p in data.evaluation_prompts},
        "validation_prompts": {p.text for p in data.validation_prompts},
    }


def test_the_sets_are_as_large_as_asked_and_share_no_prompt(tmp_path: Path) -> None:
    data = drawn(tmp_path)
    sizes = {name: len(held) for name, held in texts(data).items()}
    assert sizes == {"ift": 12, "eft_sets": 9, "heldout_sets": 6, "evaluation_prompts": 5, "validation_prompts": 2}
    assert len(set().union(*texts(data).values())) == 34
    assert data.account["not needed"] == 36 - 34
    assert [p.text for p in data.seed_prompts] == [d.prompt for d in data.ift]


def test_ift_takes_the_best_ranked_answer(tmp_path: Path) -> None:
    for one in drawn(tmp_path).ift:
        assert (one.kind, one.response) == ("ift", f"better: {one.prompt}")


def test_the_seed_alone_decides_the_draw(tmp_path: Path) -> None:
    assert drawn(tmp_path, seed=3) == drawn(tmp_path, seed=3)
    assert texts(drawn(tmp_path, seed=3)) != texts(drawn(tmp_path, seed=4))


def test_too_few_conversations_are_split_in_proportion(tmp_path: Path) -> None:
    rows = [good(f"{animal} {animal}s {animal}y") for animal in ANIMALS]
    wanted = {"ift": 60, "eft_sets": 30, "heldout_sets": 20, "evaluation_prompts": 10, "validation_prompts": 0}
    data = drawn(tmp_path, rows=rows, **wanted)
    # 12 conversations for 120 asked: a tenth of each.
    sizes = {name: len(held) for name, held in texts(data).items()}
    assert sizes == {"ift": 6, "eft_sets": 3, "heldout_sets": 2, "evaluation_prompts": 1, "validation_prompts": 0}
    assert (data.account["ift: wanted"], data.account["ift: got"]) == (60, 6)


@given(st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), st.integers(0, 50), min_size=1), st.integers(0, 120))
def test_shares_use_all_there_is_and_starve_no_set(wanted: dict[str, int], there: int) -> None:
    got = shares(wanted, there)
    assert sum(got.values()) == min(there, sum(wanted.values()))
    assert all(0 <= got[name] <= wanted[name] for name in wanted)
    if there >= sum(want > 0 for want in wanted.values()):
        assert all(got[name] > 0 for name in wanted if wanted[name] > 0)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_set_that_would_be_empty_is_an_error(tmp_path: Path, count: int) -> None:
    rows = [good(f"{animal} {animal}s") for animal in ANIMALS[:count]]
    with pytest.raises(DataError, match=r"too few usable conversations: none left for .*data\.\w+ .*found"):
        drawn(tmp_path, rows=rows, validation_prompts=0)


def test_evaluation_prompts_of_a_file_are_never_trained_on(tmp_path: Path) -> None:
    asked = [f"Explain the {animal} in the voice of a tired judge" for animal in ANIMALS]
    leaked = [good("WHY are we here?!"), good("Why are the two of you always here?"), good(asked[0])]
    questions = ["Why are we here", "Why are you two always here?", *asked]
    path = saved(tmp_path / "prompts.jsonl", [{"dataset": "koala", "instruction": text} for text in questions])
    rows = [*leaked, *(good(f"{animal} {animal}s {animal}y") for animal in ANIMALS)]
    data = drawn(tmp_path, rows=rows, prompts_path=path, ift=5, eft_sets=4, heldout_sets=3)
    held = texts(data)
    assert {name: len(there) for name, there in held.items()} == {
        "ift": 5, "eft_sets": 4, "heldout_sets": 3, "evaluation_prompts": 5, "validation_prompts": 2,
    }  # fmt: skip
    assert held["evaluation_prompts"] | held["validation_prompts"] <= set(questions)
    assert not held["evaluation_prompts"] & held["validation_prompts"]
    assert not (held["ift"] | held["eft_sets"]) & {one["prompt"]["text"] for one in leaked}
    assert {(p.source, p.category) for p in data.evaluation_prompts} == {("alpaca_eval", "koala")}
    assert data.account["dropped: is an evaluation prompt"] == 2
    assert data.account["dropped: is nearly an evaluation prompt"] == 1


def test_near_duplicates_never_stand_on_both_sides(tmp_path: Path) -> None:
    twins = [good(f"{animal} {animal}s {animal}y {animal}ish {end}") for animal in ANIMALS for end in ("", "now")]
    data = drawn(tmp_path, rows=twins, ift=8, eft_sets=4, heldout_sets=4, evaluation_prompts=2, validation_prompts=0)
    held = texts(data)
    animals = {name: {text.split()[0] for text in there} for name, there in held.items()}
    assert not (animals["ift"] | animals["eft_sets"]) & (animals["heldout_sets"] | animals["evaluation_prompts"])
    assert data.account["dropped: is nearly an evaluation prompt"] > 0


DEEP = tree(
    "Who are you?",
    reply("A fox.", 0, prompt("Which one?", reply("The red one.", 1), reply("The arctic one.", 0))),
    reply("Nobody.", 1, prompt("And where?", reply("Here.", 0), reply("There.", 1)), deleted=True),
)


def test_deeper_prompts_come_with_the_turns_before_them_where_they_are_wanted(tmp_path: Path) -> None:
    path = saved(tmp_path / "t", [DEEP | {"prompt": DEEP["prompt"] | {"replies": [
        *DEEP["prompt"]["replies"], reply("You tell me.", 2),
    ]}}])  # fmt: skip
    first, deeper = read(path, "en", "all").sets
    assert (first.prompt.text, first.prompt.before) == ("Who are you?", ())
    assert deeper.prompt.text == "Which one?"
    assert [(turn.role, turn.content) for turn in deeper.prompt.before] == [
        ("user", "Who are you?"),
        ("assistant", "A fox."),
    ]
    assert [response.text for response in deeper.responses] == ["The arctic one.", "The red one."]
    assert deeper.prompt.id != Prompt.of("Which one?", "oasst").id
    assert read(path, "en", "all").account == {
        "found": 1, "usable": 2, "dropped reply: deleted": 1, "dropped: a turn before it: deleted": 1,
    }  # fmt: skip
    assert [one.prompt.text for one in read(path, "en").sets] == ["Who are you?"]


def test_the_prompts_of_one_tree_are_never_parted(tmp_path: Path) -> None:
    rows = [
        tree(f"{animal} {animal}s {animal}y", reply("b", 1),
             reply(f"a {animal}", 0, prompt(f"and the {animal} then?", reply("x", 0), reply("y", 1))))
        for animal in ANIMALS
    ]  # fmt: skip
    data = drawn(tmp_path, rows=rows, turns="all", ift=7, eft_sets=5, heldout_sets=5, evaluation_prompts=3)
    begun = [
        {one.messages[0].content for one in data.ift},
        {one.prompt.messages[0].content for one in data.eft_sets},
        {one.prompt.messages[0].content for one in data.heldout_sets},
        {one.messages[0].content for one in (*data.evaluation_prompts, *data.validation_prompts)},
    ]
    assert len(begun[0] | begun[1] | begun[2] | begun[3]) == sum(len(one) for one in begun)
    assert any(one.before for one in data.ift)


def test_a_language_takes_its_varieties_and_one_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    rows = [
        tree(text, reply("a", 0, lang=lang), reply("b", 1, lang=lang), lang=lang)
        for text, lang in (("Oi?", "pt-BR"), ("Ol\u00e1?", "pt"), ("Hallo?", "de"))
    ]
    path = saved(tmp_path / "t", rows)
    assert [one.prompt.text for one in read(path, "pt").sets] == ["Oi?", "Ol\u00e1?"]
    assert [one.prompt.text for one in read(path, "pt-BR").sets] == ["Oi?"]
    with pytest.raises(DataError, match=r"language .ru. .* the languages are pt-BR 1, pt 1, de 1"):
        read(path, "ru")


HUB = """
import sys
from srlm.data.trees import read
from srlm.errors import DataError
print(read("hub:" + sys.argv[1], "en").account)
try:
    read("hub:no-such-owner/no-such-set", "en")
except DataError as error:
    print(error)
"""


def test_a_hub_dataset_is_read_and_one_that_cannot_be_had_is_told(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    saved(tmp_path / "set" / "train.jsonl", flat(MANY))
    env: Mapping[str, str] = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home")}
    # A process of its own: the hub's client reads the environment when it is imported.
    run = subprocess.run(
        [sys.executable, "-c", HUB, str(tmp_path / "set")], env=env, capture_output=True, text=True, check=False
    )
    assert run.stdout.splitlines()[0] == "{'found': 36, 'usable': 36}", run.stderr
    assert "hub:no-such-owner/no-such-set: could not be downloaded from the Hub" in run.stdout


def test_the_shared_trees(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRLM_SHARED", str(shared))
    settings = OasstData(
        path="${SRLM_SHARED}/data/human_rankings/oasst_en_100/en_100_tree.jsonl.gz",
        prompts_path="${SRLM_SHARED}/data/alpaca_eval/prompts.jsonl.gz",
        ift=40, eft_sets=25, heldout_sets=20, evaluation_prompts=64, validation_prompts=20,
    )  # fmt: skip
    account = oasst(settings, 1).account
    assert {name: count for name, count in account.items() if ": wanted" not in name} == {
        "found": 94,
        "usable": 88,
        "dropped: synthetic": 5,
        "dropped: no ranks": 1,
        "dropped: not first turn": 104,
        "dropped reply: no rank": 3,
        "dropped: is nearly an evaluation prompt": 2,
        "ift: got": 40,
        "eft_sets: got": 25,
        "heldout_sets: got": 20,
        "evaluation_prompts: got": 64,
        "validation_prompts: got": 20,
        "not needed": 1,
    }


def test_deleted_answers_and_what_goes_with_them_are_counted_as_rankings(tmp_path: Path) -> None:
    trees = [
        tree("two are left", reply("a", 0), reply("b", 1), reply("gone", 2, deleted=True)),
        tree("one is left", reply("a", 0), reply("gone", 1, deleted=True)),
        tree("not ranked", reply("a", None), reply("gone", None, deleted=True)),
        tree("auf Deutsch", reply("a", 0, lang="de"), reply("b", 1, lang="de"), lang="de"),
    ]
    for rows in (trees, flat(trees)):
        path = saved(tmp_path / "trees.jsonl", rows)
        left_out = {
            "dropped reply: deleted": 2,
            "dropped: fewer than two ranked answers are left": 1,
            "dropped: trees without two ranked answers to a prompt": 1,
        }
        assert rankings.read(path).account == left_out
        found = rankings.read(path, language="en")
        assert [one.ranked.prompt.text for one in found.sets] == ["two are left"]
        assert found.account == left_out | {"dropped: other language": 1}
