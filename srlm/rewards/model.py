"""A reward model: a sequence classifier with one output, which reads the conversation with the answer.

It is read from safetensors, and the conversation is rendered by its own chat template, as it was when it was trained.
"""

from collections.abc import Sequence
from typing import Any

from srlm.engines.weights import context_of, read_config
from srlm.errors import ModelError, first_line
from srlm.judge.reading import Answered
from srlm.records import AnswerReward, Message
from srlm.rewards.base import REWARDS, Context, Rewarded
from srlm.settings import ModelRewardSettings, ModelSettings
from srlm.store.files import resumable
from srlm.text.marks import disarm
from srlm.text.tokens import special_tokens


class ModelReward:
    """What the model gives each answer; an answer that does not fit its context has no reward, and is counted."""

    asks_judge = False

    def __init__(self, settings: ModelRewardSettings) -> None:
        self._settings = settings

    @property
    def rule(self) -> str:
        return f"reward = the output of the reward model {self._settings.path}"

    def check(self) -> None:
        classifier_context(self._settings)
        load_tokenizer(self._settings)

    def rewards(self, answered: Sequence[Answered], context: Context) -> Rewarded:
        wanted = self._settings
        scorer: list[Classifier] = []  # opened when the first block is missing

        def work(chunk: Sequence[Answered], _: int) -> list[AnswerReward]:
            scorer[:] = scorer or [Classifier(wanted)]
            numbers = scorer[0].rewards([conversation(one) for one in chunk])
            return [
                AnswerReward(response_id=one.response.id, source=wanted.path, reward=number)
                for one, number in zip(chunk, numbers, strict=True)
            ]

        with context.stage("rewards") as report:
            rows = resumable(
                context.folder / REWARDS,
                AnswerReward,
                answered,
                work,
                per_item=1,
                block=4 * wanted.batch_size,
                report=report,
            )
        found = [row.reward for row in rows]
        return Rewarded(found, {"responses without reward": sum(number is None for number in found)})


def conversation(one: Answered) -> list[Message]:
    """The prompt and the answer as its last turn."""
    return [*one.prompt.messages, Message(role="assistant", content=one.response.text)]


def classifier_context(settings: ModelRewardSettings) -> int:
    """Tokens that the model can read. Raises ModelError where it is no sequence classifier with one output."""
    config = read_config(settings.path, _as_model(settings))
    kinds = tuple(config.architectures or ())
    if not any("ForSequenceClassification" in kind for kind in kinds) or config.num_labels != 1:
        raise ModelError(
            f"reward.path {settings.path}: a {', '.join(kinds) or config.model_type} with {config.num_labels} outputs; "
            "a reward model is a sequence classifier with one"
        )
    return min(settings.max_length or context_of(config), context_of(config))


def load_tokenizer(settings: ModelRewardSettings) -> Any:
    """The model's tokenizer. Raises ModelError where it has no chat template."""
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(settings.path, revision=settings.revision, trust_remote_code=False)
    except Exception as error:  # transformers raises anything from OSError to KeyError for a broken folder
        raise ModelError(f"reward.path {settings.path}: no tokenizer can be loaded: {first_line(error)}") from error
    if tokenizer.chat_template is None:
        raise ModelError(f"reward.path {settings.path}: its tokenizer has no chat template; use a model that has one")
    return tokenizer


class Classifier:
    """A reward model in memory."""

    def __init__(self, settings: ModelRewardSettings) -> None:
        import torch
        from transformers import AutoModelForSequenceClassification

        self._batch_size, self._longest = settings.batch_size, classifier_context(settings)
        self._tokenizer = load_tokenizer(settings)
        self._special = special_tokens(self._tokenizer)
        try:
            model = AutoModelForSequenceClassification.from_pretrained(
                settings.path,
                revision=settings.revision,
                dtype=settings.dtype,
                use_safetensors=True,
                trust_remote_code=False,
            )
        except Exception as error:  # as above
            raise ModelError(f"reward.path {settings.path}: no model can be loaded: {first_line(error)}") from error
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._model = model.to(self._device).eval()

    def rewards(self, conversations: Sequence[Sequence[Message]]) -> list[float | None]:
        """The model's output for each; None for one that is longer than it can read."""
        rows = [self._ids(turns) for turns in conversations]
        found: list[float | None] = [None] * len(rows)
        fitting = [place for place, ids in enumerate(rows) if len(ids) <= self._longest]
        fitting.sort(key=lambda place: -len(rows[place]))
        for start in range(0, len(fitting), self._batch_size):
            places = fitting[start : start + self._batch_size]
            for place, number in zip(places, self._outputs([rows[place] for place in places]), strict=True):
                found[place] = number
        return found

    def _ids(self, turns: Sequence[Message]) -> list[int]:
        # Nobody's words end a turn or begin one: a policy would soon find out what that is worth.
        messages = [{"role": turn.role, "content": disarm(turn.content, self._special)} for turn in turns]
        text = self._tokenizer.apply_chat_template(messages, tokenize=False)
        # The template has written the special tokens.
        ids: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _outputs(self, rows: Sequence[list[int]]) -> list[float]:
        import torch

        width = max(map(len, rows))
        # transformers takes the output at the last token that is not the pad token. A turn may end with the tokenizer's
        # own, so the pad token is one that no row holds; what follows a row is masked, whatever it is.
        used = {token for row in rows for token in row}
        pad = next(token for token in range(len(used) + 1) if token not in used)
        self._model.config.get_text_config().pad_token_id = pad
        ids = torch.tensor([[*row, *[pad] * (width - len(row))] for row in rows], device=self._device)
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows], device=self._device)
        with torch.inference_mode():
            logits = self._model(input_ids=ids, attention_mask=mask).logits
        return [float(number) for number in logits[:, 0].float()]


def _as_model(settings: ModelRewardSettings) -> ModelSettings:
    """The same as the loaders of engines.weights take it."""
    return ModelSettings(base=settings.path, revision=settings.revision)
