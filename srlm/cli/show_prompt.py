"""`srlm show-prompt`: exactly what a model reads and is trained on, token by token.

The text is the chat template's output; tokens that training teaches carry loss. Prompts carry no loss.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar

from srlm.engines.weights import WHEEL, gguf_chat, gguf_in_wheel, load_chat
from srlm.errors import DataError
from srlm.judge import eft, rubric
from srlm.methods.base import run_folder
from srlm.methods.start import read_seed_data
from srlm.printable import escaped
from srlm.records import Demonstration, Record, SeedData, seed_for
from srlm.settings import Settings
from srlm.store import files
from srlm.terminal import say
from srlm.text.chat import Chat, alike
from srlm.text.counts import counted
from srlm.worlds.table import WORLDS

Kind = Literal["ift", "eft", "judge", "prompt"]
T = TypeVar("T")
KINDS: tuple[Kind, ...] = ("ift", "eft", "judge", "prompt")
NAMES = {
    "ift": "IFT example",
    "eft": "EFT example",
    "judge": "judge's prompt",
    "prompt": "prompt of a candidate answer",
}


class Token(Record):
    """One token of a prompt or an answer."""

    id: int
    text: str
    loss: bool


class Shown(Record):
    """A training example or prompt, as the model reads it."""

    kind: Kind
    of: str
    """Id of the demonstration, response or prompt behind it."""
    template: str
    """Digest of the chat template."""
    arguments: dict[str, bool | int | float | str]
    date: str | None
    """The date given to the template; None: it does not use one."""
    ends: dict[str, int]
    """Tokens that end a turn."""
    prompt: str
    """The text before the first token with loss."""
    answer: str
    """The text that carries loss; empty for a prompt."""
    tokens: tuple[Token, ...]


def show(settings: Settings, kinds: Sequence[Kind], number: int, as_json: bool) -> None:
    """Print one example per kind. Raises SrlmError if a single kind was asked for and cannot be made."""
    chat, data = chat_of(settings), read_seed_data(settings)
    for kind in kinds:
        try:
            shown = example(settings, chat, data, kind, number)
        except DataError as error:
            if len(kinds) == 1:
                raise
            if not as_json:
                say(f"{NAMES[kind]}: {error}", "")
            continue
        if as_json:
            say(_json(shown))
        else:
            _print(shown)


def chat_of(settings: Settings) -> Chat:
    """The chat of M0: its tokenizer and template, read without the weights."""
    base, model = settings.model.base, settings.model
    if base == "scratch":
        from srlm.training.scratch import tokenizer

        return Chat(tokenizer(WORLDS[settings.data.kind].vocabulary(settings.data)))
    return (
        gguf_chat(gguf_in_wheel(base.removeprefix(WHEEL)), model) if base.startswith(WHEEL) else load_chat(base, model)
    )


def example(settings: Settings, chat: Chat, data: SeedData, kind: Kind, number: int) -> Shown:
    """The example or prompt of a kind. Raises DataError if the run has none, or not that many."""
    if kind in ("ift", "eft"):
        demonstration = _nth(data.ift if kind == "ift" else _eft(settings, data), number, NAMES[kind])
        messages, answer = demonstration.messages, demonstration.response
        tokens = chat.tokens(messages, answer, thought=demonstration.thought)
        start, whole = chat.texts(messages, answer, thought=demonstration.thought)
        prompt = whole[: alike(start, whole)]
        marked = [(token, False) for token in tokens.prompt] + [(token, True) for token in tokens.answer]
        return _shown(chat, kind, demonstration.id, prompt, whole[len(prompt) :], marked)
    if kind == "judge":
        judged = [(one.prompt, response) for one in (*data.eft_sets, *data.heldout_sets) for response in one.responses]
        asked, response = _nth(judged, number, NAMES[kind])
        of = response.id
        messages = rubric.load(settings.judge.template).request(asked.transcript, response.text).messages
    else:
        one = _nth([*data.seed_prompts, *data.evaluation_prompts], number, NAMES[kind])
        of, messages = one.id, one.messages
    marked = [(token, False) for token in chat.prompt_ids(messages)]
    return _shown(chat, kind, of, chat.texts(messages, "", ended=False)[0], "", marked)


def _eft(settings: Settings, data: SeedData) -> Sequence[Demonstration]:
    """The run's own EFT examples or, with eft.writer `reviews`, those that it will make."""
    for path in run_folder(settings).holding("eft.jsonl"):
        return files.read(path, Demonstration)
    if settings.eft.writer == "off":
        raise DataError("eft.writer is `off`: the run has no EFT examples")
    if settings.eft.writer != "reviews":
        raise DataError("the run's SFT baseline writes its judgements, and has not written any yet")
    wording = rubric.load(settings.judge.template)
    return eft.build(
        data.eft_sets, eft.reviews(data.eft_sets), wording, settings.eft, seed_for(settings.seed, "EFT")
    ).examples


def _nth(all_: Sequence[T], number: int, name: str) -> T:
    if number > len(all_):
        raise DataError(f"{name} {number}: the run has only {len(all_)}")
    return all_[number - 1]


def _shown(chat: Chat, kind: Kind, of: str, prompt: str, answer: str, marked: Sequence[tuple[int, bool]]) -> Shown:
    words: Callable[[Any], Any] = chat.tokenizer.convert_ids_to_tokens
    return Shown(
        kind=kind,
        of=of,
        template=chat.digest,
        arguments=chat.arguments,
        date=chat.date.isoformat() if chat.has_clock else None,
        ends={words(token): token for token in chat.ends},
        prompt=prompt,
        answer=answer,
        tokens=tuple(Token(id=token, text=words(token) or "", loss=loss) for token, loss in marked),
    )


def _print(shown: Shown) -> None:
    """For people; control characters are escaped."""
    taught = sum(token.loss for token in shown.tokens)
    ends = ", ".join(f"{text} ({token})" for text, token in shown.ends.items())
    given = ", ".join(f"{name}: {json.dumps(value)}" for name, value in shown.arguments.items())
    say(
        escaped(f"{NAMES[shown.kind]} ({shown.of})"),
        escaped(f"  chat template {shown.template}, arguments {given or 'none'}, date {shown.date or 'not used'}"),
        escaped(f"  a turn ends with {ends}"),
        "  text" + (" without loss" if taught else ""),
        *_indented(shown.prompt),
    )
    if taught:
        say("  text with loss", *_indented(shown.answer))
    say(f"  {counted(len(shown.tokens), 'tokens')}, {taught} with loss (*)")
    for place, token in enumerate(shown.tokens):
        text = escaped(token.text).replace("\n", "\\n")
        say(f"  {place:>6} {token.id:>8} {'*' if token.loss else ' '} {text}")
    say("")


def _json(shown: Shown) -> str:
    """A line of ASCII: json.dumps escapes all but DEL."""
    return json.dumps(shown.model_dump(mode="json")).replace("\x7f", "\\u007f")


def _indented(text: str) -> list[str]:
    return [f"    | {line}" for line in escaped(text).split("\n")]
