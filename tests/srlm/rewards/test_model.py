"""A reward model: a tiny real classifier from safetensors, held against transformers called by hand."""

from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForSequenceClassification

from srlm.errors import ModelError
from srlm.judge.pointwise import Answered
from srlm.judge.reward_model import RewardModel
from srlm.records import Prompt, Response
from srlm.rewards.base import Context, kept_rewards
from srlm.rewards.model import ModelReward
from srlm.settings import ModelRewardSettings, ModelSettings
from srlm.store.progress import Unreported

PROMPT = Prompt.of("a gold b black c gold copy", "beads")


@pytest.fixture(scope="module")
def classifier(bead_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama with one output and random weights, and the bead world's tokenizer with its chat template."""
    return saved(tmp_path_factory.mktemp("reward model"), bead_model, outputs=1)


def saved(folder: Path, bead_model: Path, outputs: int) -> Path:
    words = AutoTokenizer.from_pretrained(bead_model)
    torch.manual_seed(1)
    shape = LlamaConfig(
        vocab_size=len(words), hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=40, num_labels=outputs, pad_token_id=None, initializer_range=0.5,
    )  # fmt: skip
    LlamaForSequenceClassification(shape).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def answered(*texts: str) -> list[Answered]:
    return [
        Answered(prompt=PROMPT, response=Response.of(PROMPT.id, text, "M1", draw)) for draw, text in enumerate(texts)
    ]


def by_hand(folder: Path, text: str) -> float:
    """The output at the last token of the conversation as the template renders it, one conversation at a time."""
    words = AutoTokenizer.from_pretrained(folder)
    model = LlamaForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    turns = [{"role": "user", "content": PROMPT.text}, {"role": "assistant", "content": text}]
    ids = words(words.apply_chat_template(turns, tokenize=False), add_special_tokens=False, return_tensors="pt")
    with torch.no_grad():
        return float(model(**ids).logits[0, 0])


TEXTS = ("1 gold 2 black 3 gold .", "1 gold .", "well let me see", "1 red 2 red .")


def settings(folder: Path, **changes: object) -> ModelRewardSettings:
    return ModelRewardSettings.model_validate({"kind": "model", "path": str(folder), **changes})


@pytest.mark.parametrize("batch_size", [1, 3, 16])
def test_a_reward_is_the_model_s_output_whatever_stands_beside_it_in_the_batch(
    classifier: Path, batch_size: int
) -> None:
    scorer = RewardModel.load(str(classifier), ModelSettings(base=str(classifier)), batch_size)
    found = scorer.scores([(PROMPT.messages, text) for text in TEXTS])
    assert found == pytest.approx([by_hand(classifier, text) for text in TEXTS], abs=1e-5)
    assert len({round(number or 0, 4) for number in found}) == 4


def test_what_is_too_long_for_the_model_has_no_reward_and_is_counted(classifier: Path, tmp_path: Path) -> None:
    made = answered("1 gold .", " ".join(["gold"] * 40), "1 red .")
    context = Context(
        tmp_path, lambda use: 1, lambda name: nullcontext(Unreported()), lambda: pytest.fail(), lambda n: 2
    )
    reward = ModelReward(settings(classifier))
    found = reward.rewards(made, context)
    assert found.rewards == pytest.approx([by_hand(classifier, "1 gold ."), None, by_hand(classifier, "1 red .")])
    assert found.counts == {"responses without reward": 1}
    assert kept_rewards(tmp_path) == {made[0].response.id: found.rewards[0], made[2].response.id: found.rewards[2]}
    assert ModelReward(settings(tmp_path / "gone")).rewards(made, context) == found  # from the disk, without the model


def test_special_tokens_in_an_answer_are_words_and_end_no_turn(classifier: Path) -> None:
    end = AutoTokenizer.from_pretrained(classifier).eos_token
    scorer = RewardModel.load(str(classifier), ModelSettings(base=str(classifier)), 1)
    token = AutoTokenizer.from_pretrained(classifier).eos_token_id
    plain, forged = (scorer.ids(PROMPT.messages, text).count(token) for text in ("1 gold .", f"1 gold . {end}"))
    assert forged == plain


def test_a_sound_reward_model_passes_and_says_what_it_is(classifier: Path) -> None:
    reward = ModelReward(settings(classifier))
    reward.check()
    assert reward.rule == f"reward = the output of the reward model {classifier}"


def test_a_language_model_and_a_classifier_of_two_kinds_are_no_reward_models(bead_model: Path, tmp_path: Path) -> None:
    for folder, said in (
        (bead_model, "a LlamaForCausalLM; a reward model must be a sequence classifier"),
        (saved(tmp_path, bead_model, outputs=2), "a classifier with 2 labels; a reward model must have one"),
    ):
        with pytest.raises(ModelError, match=said):
            ModelReward(settings(folder)).check()


def test_a_reward_model_without_chat_template_or_weights_is_refused(
    classifier: Path, bead_model: Path, tmp_path: Path
) -> None:
    folder = saved(tmp_path / "bare", bead_model, outputs=1)
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(ModelError, match="its tokenizer has no chat template"):
        ModelReward(settings(folder)).check()
    folder = saved(tmp_path / "weightless", bead_model, outputs=1)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="cannot load the model"):
        RewardModel.load(str(folder), ModelSettings(base=str(folder)), 1)
