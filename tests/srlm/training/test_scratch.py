"""M0 from nothing: the tokenizer, the random weights, and where the base text carries loss."""

import pytest
import torch

from srlm.records import user
from srlm.settings import ScratchModel
from srlm.text.chat import Chat
from srlm.training import scratch
from srlm.worlds.base import BaseLine
from srlm.worlds.beads import base_text, program

SHAPE = ScratchModel(width=32, layers=2, heads=2, feed_forward=64, max_positions=32)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a gold b red c blue copy", id="prompt"),
        pytest.param("count yes clean yes \n score : 5", id="a-newline-is-a-word"),
        pytest.param("sure here you go 1 gold 2 red .", id="filler"),
    ],
)
def test_the_worlds_text_comes_back_as_it_went_in(text: str) -> None:
    words = scratch.tokenizer(program.vocabulary())
    ids = words(text, add_special_tokens=False)["input_ids"]
    assert len(ids) == len(text.split(" "))
    assert words.unk_token_id not in ids
    assert words.decode(ids) == text


def test_a_newline_is_one_token() -> None:
    words = scratch.tokenizer(program.vocabulary())
    assert words.convert_ids_to_tokens(words("yes \n score", add_special_tokens=False)["input_ids"]) == [
        "yes", "\n", "score",
    ]  # fmt: skip


def test_several_spaces_are_one() -> None:
    words = scratch.tokenizer(program.vocabulary())
    assert words("1  gold   .")["input_ids"] == words("1 gold .")["input_ids"]


def test_a_word_of_another_world_is_unknown() -> None:
    words = scratch.tokenizer(program.vocabulary())
    assert words("gold apple", add_special_tokens=False)["input_ids"][1] == words.unk_token_id


def test_a_prompt_is_a_user_turn_that_opens_the_answer() -> None:
    words = scratch.tokenizer(program.vocabulary())
    ids = Chat(words).prompt_ids(user("a gold b red c blue copy"))
    assert " ".join(words.convert_ids_to_tokens(ids)) == "<bos> <user> a gold b red c blue copy <asst>"


def test_every_word_has_its_own_id() -> None:
    words = scratch.tokenizer(program.vocabulary())
    assert len(words) == len(scratch.SPECIAL) + len(program.vocabulary())
    assert sorted(words.get_vocab().values()) == list(range(len(words)))


def test_the_same_seed_gives_the_same_weights_and_another_seed_others() -> None:
    words = scratch.tokenizer(program.vocabulary())
    one, again, other = (scratch.random_model(SHAPE, words, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not torch.equal(one["model.embed_tokens.weight"], other["model.embed_tokens.weight"])


@pytest.mark.parametrize("tied", [True, False])
def test_key_projections_start_as_copies_of_query_projections(tied: bool) -> None:
    model = scratch.random_model(
        SHAPE.model_copy(update={"tie_query_key": tied}), scratch.tokenizer(program.vocabulary()), 1
    )
    for layer in model.model.layers:
        query, key = layer.self_attn.q_proj.weight, layer.self_attn.k_proj.weight
        assert torch.equal(query, key) == tied
        assert query.data_ptr() != key.data_ptr()  # a copy: they part in training


def test_loss_is_on_the_words_that_can_be_foretold_and_on_the_end() -> None:
    words = scratch.tokenizer(program.vocabulary())
    line = BaseLine(["gold", "red", "other", "blue", "blue", "same"], [False, False, True, False, False, True])
    (example,) = scratch.base_examples(words, [line])
    assert " ".join(words.convert_ids_to_tokens(example.input_ids)) == "<bos> gold red other blue blue same <eos>"
    other, same, end = words.convert_tokens_to_ids(["other", "same", "<eos>"])
    assert example.labels == [-100, -100, -100, other, -100, -100, same, end]
    assert example.weight == 1.0


def test_every_base_line_is_made_of_known_words() -> None:
    words = scratch.tokenizer(program.vocabulary())
    made = scratch.base_examples(words, base_text.base_lines(300, seed=1))
    assert len(made) == 300
    assert all(words.unk_token_id not in example.input_ids for example in made)
    assert all(len(example.input_ids) == len(example.labels) for example in made)
