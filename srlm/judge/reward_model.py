"""A reward model as judge: a sequence classifier with one logit reads the conversation and its answer.

The chat template is the model's own, and an answer can neither end its turn nor begin another. The logit is the score,
on a scale of its own; of two answers the first is preferred with probability sigmoid(difference), the model's own
assumption (Bradley and Terry). Weights are safetensors only, and no code that comes with a model is run.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from srlm.engines.once import Once
from srlm.engines.trial import refuse_hungry_template
from srlm.engines.weights import context_of, read_config, refuse_unusable
from srlm.errors import ModelError, first_line
from srlm.judge.pairwise import Opinion, PairItem
from srlm.judge.pointwise import BLOCK, Answered, Report, Watch, judges, quiet
from srlm.records import Judgement, Message, user
from srlm.settings import ModelSettings
from srlm.store.files import resumable
from srlm.text.counts import counted
from srlm.text.rewarded import RewardedText
from srlm.usage import Usage, count, judging


def context_of_reward_model(path: str, settings: ModelSettings, max_length: int | None = None) -> int:
    """Tokens that a reward model can read, at most `max_length`; no weights are loaded.

    Raises ModelError where it is no sequence classifier with one output.
    """
    config = read_config(path, settings)
    kinds = tuple(config.architectures or ())
    if not any("ForSequenceClassification" in kind for kind in kinds):
        raise ModelError(
            f"{path}: a {', '.join(kinds) or config.model_type}; a reward model must be a sequence classifier. For a "
            "language model, use `hf:DIR`"
        )
    if config.num_labels != 1:
        raise ModelError(
            f"{path}: a classifier with {counted(config.num_labels, 'labels')}; a reward model must have one"
        )
    return min(max_length or context_of(config), context_of(config))


def load_tokenizer(path: str, settings: ModelSettings) -> Any:
    """A reward model's tokenizer. Raises ModelError where it has no chat template."""
    from transformers import AutoTokenizer

    refuse_unusable(path, settings, vocabulary=True)
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            path, trust_remote_code=settings.trust_remote_code, revision=settings.revision
        )
    except Exception as error:  # transformers raises anything from OSError to KeyError for a broken folder
        raise ModelError(f"{path}: cannot load a tokenizer: {first_line(error)}") from error
    if tokenizer.chat_template is None:
        raise ModelError(f"{path}: its tokenizer has no chat template; use a reward model that has one")
    try:
        refuse_hungry_template(tokenizer, None, {})
    except ModelError as error:
        raise ModelError(f"{path}: {error}; use another reward model") from None
    return tokenizer


class RewardModel:
    """A classifier in memory, in evaluation mode."""

    def __init__(self, model: Any, tokenizer: Any, longest: int, batch_size: int) -> None:
        self._model, self._longest, self._batch_size = model, longest, batch_size
        self._text = RewardedText(tokenizer)

    @classmethod
    def load(cls, path: str, settings: ModelSettings, batch_size: int, max_length: int | None = None) -> "RewardModel":
        """From a folder or the hub. Raises ModelError where it is no classifier with one output, or lacks a part."""
        import torch
        from transformers import AutoModelForSequenceClassification

        longest, tokenizer = (
            context_of_reward_model(path, settings, max_length),
            load_tokenizer(path, settings),
        )
        try:
            model, loaded = AutoModelForSequenceClassification.from_pretrained(
                path,
                dtype=settings.dtype,
                use_safetensors=True,
                trust_remote_code=settings.trust_remote_code,
                revision=settings.revision,
                output_loading_info=True,
            )
        except Exception as error:  # as above
            raise ModelError(f"{path}: cannot load the model: {first_line(error)}") from error
        if missing := sorted(loaded["missing_keys"]):
            raise ModelError(
                f"{path}: has no weights for {', '.join(missing[:3])}; they would be initialised at random"
            )
        return cls(model.to("cuda" if torch.cuda.is_available() else "cpu").eval(), tokenizer, longest, batch_size)

    def scores(self, answered: Sequence[tuple[Sequence[Message], str]]) -> list[float | None]:
        """The output for each conversation with its answer; None: it is longer than the model reads, or no number."""
        rows = [self.ids(messages, answer) for messages, answer in answered]
        found: list[float | None] = [None] * len(rows)
        fitting = sorted((-len(row), place) for place, row in enumerate(rows) if len(row) <= self._longest)
        with judging():
            count(Usage(requests=len(fitting), read=-sum(length for length, _ in fitting)))
        for start in range(0, len(fitting), self._batch_size):
            places = [place for _, place in fitting[start : start + self._batch_size]]
            for place, score in zip(places, self._batch([rows[place] for place in places]), strict=True):
                found[place] = score if math.isfinite(score) else None
        return found

    def ids(self, messages: Sequence[Message], answer: str) -> list[int]:
        """Tokens of a conversation as the template renders it, to its last line break: so reward models are trained."""
        return self._text.ids(messages, answer)

    def _batch(self, rows: Sequence[Sequence[int]]) -> list[float]:
        import torch

        # transformers takes the output at the last token that is not the pad token, and a turn may end with the
        # tokenizer's own: the pad token is one that no row holds. What follows a row is masked, whatever it is.
        used = {token for row in rows for token in row}
        pad = next(token for token in range(len(used) + 1) if token not in used)
        self._model.config.get_text_config().pad_token_id = self._model.config.pad_token_id = pad
        width = max(map(len, rows))
        ids = torch.tensor([[*row, *[pad] * (width - len(row))] for row in rows], device=self._model.device)
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows], device=self._model.device)
        with torch.inference_mode():
            logits = self._model(input_ids=ids, attention_mask=mask).logits
        return [float(logit) for logit in logits[:, 0].float().cpu()]

    def close(self) -> None:
        """Give the memory back."""
        from srlm.engines.weights import give_memory_back

        self._model = None
        give_memory_back()


class RewardModelJudge:
    """A reward model, loaded when it is first needed, as pointwise and pairwise judge."""

    concurrency = 1
    """See PairwiseJudge."""

    def __init__(self, id: str, open: Callable[[], RewardModel]) -> None:
        self._id, self._model = id, Once(open)

    @property
    def id(self) -> str:
        return self._id

    def judge(
        self,
        answered: Sequence[Answered],
        draws: int,
        seed: int,
        path: Path,
        report: Report = quiet,
        block: int = BLOCK,
        watch: Watch | None = None,
    ) -> Sequence[Judgement]:
        """See PointwiseJudge; every draw is the same."""

        def work(chunk: Sequence[Answered], index: int) -> list[Judgement]:
            scores = self._model().scores([(one.prompt.messages, one.response.text) for one in chunk])
            return [
                Judgement.of(
                    one.response.id,
                    self._id,
                    draw,
                    "" if score is None else f"{score:.6g}",
                    score,
                    unread="no room" if score is None else None,
                )
                for one, score in zip(chunk, scores, strict=True)
                for draw in range(draws)
            ]

        return resumable(
            path,
            Judgement,
            answered,
            work,
            per_item=draws,
            block=block,
            report=report,
            belongs=judges,
            watch=watch,
        )

    def compare(self, items: Sequence[PairItem], seed: int) -> list[Opinion]:
        """See PairwiseJudge. The prompt of an item is one turn, whatever turns it tells of."""
        shown = [(user(item.prompt), answer) for item in items for answer in (item.first, item.second)]
        scores = iter(self._model().scores(shown) if shown else [])
        return [_preferred(next(scores), next(scores)) for _ in items]

    def close(self) -> None:
        self._model.close()


def _preferred(first: float | None, second: float | None) -> Opinion:
    if first is None or second is None:
        return Opinion(preference=None, raw="", unread="no room")
    raw = f"{first:.6g} against {second:.6g}"
    probability = 1 / (1 + math.exp(min(700.0, second - first)))
    return Opinion(preference=0.5 if first == second else float(first > second), probability=probability, raw=raw)
