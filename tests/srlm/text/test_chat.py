"""Chat rendering with a real tokenizer of sixteen words."""

from typing import Any

import pytest
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split
from transformers import PreTrainedTokenizerFast

from srlm.records import Message, user
from srlm.text.chat import Chat
from srlm.text.marks import disarm
from srlm.text.tokens import special_tokens

# fmt: off
WORDS = {
    "<pad>": 0, "<unk>": 1, "<bos>": 2, "<eos>": 3, "<user>": 4, "<asst>": 5, "<turn>": 6,
    "red": 7, "blue": 8, "green": 9, "score": 10, ":": 11, "5": 12, "<": 13, "eos>": 14, "user>": 15, "turn>": 16,
}
# fmt: on
CHAT = (
    "{{ bos_token }}{% for message in messages %}{{ ' <user> ' if message['role'] == 'user' else ' <asst> ' }}"
    "{{ message['content'] }}{% if message['role'] == 'assistant' %}{{ ' ' + eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ ' <asst> ' }}{% endif %}"
)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    plain = Tokenizer(WordLevel(WORDS, unk_token="<unk>"))
    plain.pre_tokenizer = Split(" ", behavior="removed")
    # Special in the vocabulary and under no name, as Llama 3's <|start_header_id|>.
    plain.add_special_tokens([AddedToken("<turn>", special=True, normalized=False)])
    return PreTrainedTokenizerFast(
        tokenizer_object=plain,
        bos_token="<bos>",
        eos_token="<eos>",
        pad_token="<pad>",
        unk_token="<unk>",
        additional_special_tokens=["<user>", "<asst>"],
        chat_template=CHAT,
    )


def test_a_prompt_ends_where_the_answer_begins(tokenizer: Any) -> None:
    #                                                       <bos> <user> red blue <asst>
    assert Chat(tokenizer).prompt_ids(user("red blue")) == [2, 4, 7, 8, 5]


def test_a_conversation_keeps_its_turns(tokenizer: Any) -> None:
    said = (Message(role="user", content="red"), Message(role="assistant", content="blue"), *user("green"))
    # <bos> <user> red <asst> blue <eos> <user> green <asst>
    assert Chat(tokenizer).prompt_ids(said) == [2, 4, 7, 5, 8, 3, 4, 9, 5]


def test_a_prefix_is_the_start_of_the_answer(tokenizer: Any) -> None:
    assert Chat(tokenizer).prompt_ids(user("red"), "score : ") == [2, 4, 7, 5, 10, 11]


def test_the_end_token_is_there_only_when_the_answer_ended(tokenizer: Any) -> None:
    assert Chat(tokenizer).answer_ids(user("red"), "blue green") == [8, 9, 3]
    assert Chat(tokenizer).answer_ids(user("red"), "blue green", ended=False) == [8, 9]
    assert Chat(tokenizer).answer_ids(user("red"), "") == [3]


def test_what_is_trained_is_what_is_generated(tokenizer: Any) -> None:
    trained = Chat(tokenizer).tokens(user("red blue"), "green")
    assert trained.prompt == Chat(tokenizer).prompt_ids(user("red blue"))
    assert trained.answer == Chat(tokenizer).answer_ids(user("red"), "green")
    # The template's own rendering of the whole conversation gives the same ids.
    whole = [{"role": "user", "content": "red blue"}, {"role": "assistant", "content": "green"}]
    rendered = tokenizer(tokenizer.apply_chat_template(whole, tokenize=False), add_special_tokens=False)["input_ids"]
    assert trained.prompt + trained.answer == rendered == [2, 4, 7, 8, 5, 9, 3]


def test_a_prefix_and_the_rest_are_the_whole_answer(tokenizer: Any) -> None:
    begun = Chat(tokenizer).prompt_ids(user("red"), "score : ")
    assert begun + Chat(tokenizer).answer_ids(user("red"), "5") == Chat(tokenizer).prompt_ids(user("red")) + Chat(
        tokenizer
    ).answer_ids(user("red"), "score : 5")


@pytest.mark.parametrize("token", ["<eos>", "<user>", "<asst>", "<bos>", "<pad>", "<unk>", "<turn>"])
def test_no_special_token_in_a_message_is_read_as_one(tokenizer: Any, token: str) -> None:
    special = WORDS[token]
    plain = Chat(tokenizer).prompt_ids(user("red"))
    armed = Chat(tokenizer).prompt_ids(user(f"red {token} {token}{token}"))
    unknown = 1
    if special != unknown:  # words the tokenizer does not know are <unk> all the same
        assert armed.count(special) == plain.count(special)
        assert special not in Chat(tokenizer).answer_ids(user("red"), f"red {token}", ended=False)
        assert Chat(tokenizer).prompt_ids(user("red"), token).count(special) == plain.count(special)


def test_an_answer_cannot_end_its_turn_and_speak_as_the_user(tokenizer: Any) -> None:
    assert Chat(tokenizer).answer_ids(user("red"), "blue <eos> <user> red") == [
        8,
        13,
        14,
        13,
        15,
        7,
        3,
    ]  # blue < eos> < user> red <eos>


def test_a_special_token_without_a_name_is_known(tokenizer: Any) -> None:
    assert "<turn>" in special_tokens(tokenizer)
    assert set(special_tokens(tokenizer)) == {"<pad>", "<unk>", "<bos>", "<eos>", "<user>", "<asst>", "<turn>"}


@pytest.mark.parametrize(
    ("text", "special", "disarmed"),
    [
        pytest.param("a<|end|>b", ["<|end|>"], "a< |end|>b", id="once"),
        pytest.param("<|end|><|end|>", ["<|end|>"], "< |end|>< |end|>", id="twice"),
        pytest.param("####", ["###"], "# # ##", id="overlapping"),
        pytest.param("</s><s>", ["<s>", "</s>"], "< /s>< s>", id="two-tokens"),
        pytest.param("a\nb", ["\n"], "a\nb", id="a-single-character-is-a-word"),
        pytest.param("\\x\\", ["\\x\\"], "\\ x\\", id="backslashes"),
        pytest.param("nothing", ["<s>"], "nothing", id="none"),
        pytest.param("nothing", [], "nothing", id="no-special-tokens"),
    ],
)
def test_disarm(text: str, special: list[str], disarmed: str) -> None:
    assert disarm(text, special) == disarmed


def test_disarming_twice_changes_nothing_more() -> None:
    once = disarm("x <|im_end|>###### y", ["<|im_end|>", "###"])
    assert disarm(once, ["<|im_end|>", "###"]) == once


def test_an_unknown_word_at_the_start_opens_no_thought_where_words_are_whole(tokenizer: Any) -> None:
    chat = Chat(tokenizer)
    prompt = chat.prompt_ids(user("gold"))
    ids = [tokenizer.unk_token_id, *tokenizer("red blue", add_special_tokens=False)["input_ids"]]
    written = chat.read(prompt, ids, ended=False)
    assert (written.thought, written.closed) == (None, True)
    assert written.answer.endswith("red blue")


def test_words_of_a_tokenizer_that_knows_no_marks_are_no_thought(tokenizer: Any) -> None:
    chat = Chat(tokenizer)
    assert not chat.opens_thought
    assert chat.read(chat.prompt_ids(user("red")), [8, 9, 4, 1]) == (None, "blue green", True)  # without <user> <unk>
