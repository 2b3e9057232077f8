"""Whether a model's weights, its tokenizer and its chat template fit together, found without loading the weights.

Each finding names what was found, where, and what to do.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from srlm.engines.processor import quick_in_bfloat16
from srlm.engines.weights import check_weights, read_config, serving_format
from srlm.errors import ModelError
from srlm.records import Message, user
from srlm.settings import ModelSettings, Settings
from srlm.text.chat import Chat
from srlm.text.counts import counted

ROOM = 1024
"""New tokens below which a thought may well leave none for the answer."""
EXAMPLES = 3
"""Names shown of many."""


class Misfit(NamedTuple):
    """Something that does not fit."""

    state: Literal["warning", "problem"]
    what: str


def refuse_misfits(path: str | Path, settings: ModelSettings, chat: Chat) -> None:
    """Raises ModelError for the first problem; warnings are the doctor's."""
    for misfit in misfits(path, settings, chat):
        if misfit.state == "problem":
            raise ModelError(misfit.what)


def misfits(path: str | Path, settings: ModelSettings, chat: Chat) -> Iterator[Misfit]:
    """What does not fit of a model folder or hub id."""
    try:
        check_weights(path, settings)
        config = read_config(path, settings)
    except ModelError as error:
        yield Misfit("problem", str(error))
        return
    yield from _embedding(path, config, chat)
    yield from _ends(path, config, chat)
    yield from _template(path, chat)
    yield from _format(path, settings)


def _embedding(path: str | Path, config: Any, chat: Chat) -> Iterator[Misfit]:
    """Token ids behind the last row of the embedding."""
    rows = getattr(config.get_text_config(), "vocab_size", None)
    if not isinstance(rows, int):
        return
    tokenizer = chat.tokenizer
    if tokenizer.pad_token_id is not None and tokenizer.pad_token_id >= rows:
        yield Misfit(
            "problem",
            f"{path}: the pad token {tokenizer.pad_token!r} has the id {tokenizer.pad_token_id}, but the embedding has "
            f"{counted(rows, 'rows')}; set pad_token in tokenizer_config.json to {tokenizer.eos_token!r} "
            "(padding is masked)",
        )
    ends = [token for token in (chat.end, tokenizer.eos_token_id) if token >= rows]
    if ends:
        named = tokenizer.convert_ids_to_tokens(ends[0])
        yield Misfit(
            "problem",
            f"{path}: the end token {named!r} has the id {ends[0]}, but the embedding has "
            f"{counted(rows, 'rows')}, so the model "
            "cannot write it; use the tokenizer and the weights of the same model, or resize the embedding",
        )
    behind = sorted(
        (number, text)
        for text, number in tokenizer.get_vocab().items()
        if number >= rows and number not in (tokenizer.pad_token_id, *ends)
    )
    if behind:
        shown = ", ".join(repr(text) for _, text in behind[:EXAMPLES])
        used = {*chat.prompt_ids(user("hello"))} & {number for number, _ in behind}
        yield Misfit(
            "problem" if used or len(behind) > len(tokenizer.added_tokens_decoder) else "warning",
            f"{path}: the tokenizer has {counted(len(behind), 'tokens')} beyond the embedding's "
            f"{counted(rows, 'rows')} ({shown}"
            f"{', ...' if len(behind) > EXAMPLES else ''}); a text that contains one stops the run: use the tokenizer "
            "and the weights of the same model, or resize the embedding",
        )


def _ends(path: str | Path, config: Any, chat: Chat) -> Iterator[Misfit]:
    """What ends a turn by the template, the tokenizer and the generation configuration."""
    tokenizer = chat.tokenizer
    named = tokenizer.convert_ids_to_tokens(chat.end)
    if not chat.renders_answers:
        yield Misfit(
            "problem",
            f"{path}: the chat template does not render assistant turns, so there is nothing to train on; fix the "
            "template, or use another model",
        )
    elif not chat.renders_end:
        yield Misfit(
            "warning",
            f"{path}: the chat template puts no end token after an assistant turn; training and generation use the "
            f"tokenizer's end token {named!r}",
        )
    elif chat.end != tokenizer.eos_token_id:
        yield Misfit(
            "warning",
            f"{path}: the chat template ends a turn with {named!r}, but tokenizer_config.json has "
            f"{tokenizer.eos_token!r} as eos_token; training uses the template's, and either ends an answer here. "
            f"Other programs may not stop: list both ({chat.end} and {tokenizer.eos_token_id}) in "
            "generation_config.json",
        )


def _template(path: str | Path, chat: Chat) -> Iterator[Misfit]:
    """What a template does not do."""
    if chat.lead.strip() and not chat.thinks and chat.ignores_generation_prompt:
        yield Misfit(
            "problem",
            f"{path}: the chat template does not open the assistant turn (it ignores add_generation_prompt), so "
            f"the model would have to write {chat.lead!r} itself; end the template with "
            "{% if add_generation_prompt %}...{% endif %}",
        )
    try:
        chat.prompt_ids([*user("hello"), Message(role="assistant", content="hi"), *user("go on")])
    except ModelError as error:
        yield Misfit("warning", f"{path}: conversations of several turns cannot be used: {error}")


def _format(path: str | Path, settings: ModelSettings) -> Iterator[Misfit]:
    """A number format that this machine can only emulate."""
    import torch

    if not torch.cuda.is_available() and not quick_in_bfloat16() and serving_format(path, settings) == "bfloat16":
        yield Misfit(
            "warning",
            "the model generates in bfloat16, which this processor emulates (no avx512_bf16, no amx): expect several "
            "times the time of float32 (model.dtype=float32)",
        )


def thinking(settings: Settings, chat: Chat) -> Iterator[Misfit]:
    """What a run does to a model that thinks before it answers."""
    if not chat.thinks:
        return
    limits = {
        "candidates.sampling.max_new_tokens": settings.candidates.sampling.max_new_tokens,
        "judge.sampling.max_new_tokens": settings.judge.sampling.max_new_tokens,
        "evaluation.sampling.max_new_tokens": settings.evaluation.sampling.max_new_tokens,
    }
    off = "enable_thinking" in chat.template
    without = ", or set model.template_arguments {enable_thinking: false}" if off else ""
    small = [f"{name} {limit}" for name, limit in limits.items() if limit < ROOM]
    if small:
        yield Misfit(
            "warning",
            "the chat template starts each answer with a thought, and a thought that does not end within "
            f"{', '.join(small)} tokens makes a cut answer; raise the limits to {ROOM} or more{without}",
        )
    if chat.thoughts == "cut":
        yield Misfit(
            "warning",
            "the model thinks before it answers, but training leaves its thoughts out (model.thoughts cut), so it "
            f"learns to stop thinking; set model.thoughts to train to keep its thoughts{without}",
        )
