"""alpaca_eval's own annotators: prompt, settings, order and parser are those of the installed package, never a copy.

The default is AlpacaEval 2.0's: one token, `m` or `M`, read by its log-probability.
"""

import io
import json
import logging
import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from functools import cached_property
from typing import Any, Literal, NamedTuple

from pydantic import ValidationError

from srlm.engines.openai.answers import ChatAnswer, reason_of
from srlm.engines.openai.calls import Missing
from srlm.errors import SettingsError
from srlm.judge.chances import meant
from srlm.records import digest
from srlm.text.template import fill
from srlm.text.thoughts import split
from srlm.text.verdict import read_verdict

from ..data.alpaca_eval import ANNOTATOR

SENT = ("max_tokens", "temperature", "top_p", "logprobs", "top_logprobs", "tools", "tool_choice")
"""Settings of an annotator that are fields of the request."""
ALSO = ("model_name", "requires_chatml", "price_per_token")
"""Settings that are not sent, and change nothing here."""


class OutputPair(NamedTuple):
    """A model's output and the baseline's to one prompt."""

    prompt_id: str
    instruction: str
    output: str
    baseline: str


class Read(NamedTuple):
    """What a judge's answer says of the two outputs in the order it was shown them."""

    second: float | None
    """How far the second is preferred, 0..1. None: not readable."""
    missing: Missing | None
    by: Literal["parser", "letter"] = "parser"
    """`letter`: the server gave no log-probabilities of use, and the letter it wrote decides."""


class Annotator:
    """An annotator of alpaca_eval by its name. Raises SettingsError where there is none, or none for chat servers."""

    def __init__(self, name: str = ANNOTATOR) -> None:
        self.name = name
        self._annotator = _load(name)
        kwargs = self._annotator.completions_kwargs
        others = sorted(set(kwargs) - {*SENT, *ALSO})
        if others or self._annotator.batch_size != 1 or self._annotator.fn_completions.__name__ != "openai_completions":
            what = f"its settings {', '.join(others)} are" if others else "its completion function is"
            raise SettingsError(f"annotator {name}: {what} not supported here; choose another, such as {ANNOTATOR}")
        self.model: str = kwargs["model_name"]
        # alpaca_eval's decoder sends top_p 1 where the annotator says nothing.
        self.settings: dict[str, Any] = {"top_p": 1.0} | {key: kwargs[key] for key in SENT if key in kwargs}

    @cached_property
    def template(self) -> str:
        """Digest of the prompt and of how answers are read."""
        parser = self._annotator.fn_completion_parser
        return digest("annotator", self._annotator.prompt_template, parser.func.__name__, repr(parser.keywords))

    @property
    def characters(self) -> int:
        """Length of its prompt without the instruction and the two outputs."""
        return len(str(self._annotator.prompt_template))

    @property
    def verdicts(self) -> tuple[str, str] | None:
        """The tokens that stand for the first and the second output; None: the annotator reads words instead."""
        found = self._annotator.fn_completion_parser.keywords
        if "numerator_token" not in found:
            return None
        first = found["numerator_token"]
        return first, next(token for token in found["denominator_tokens"] if token != first)

    @cached_property
    def _turns(self) -> list[dict[str, str]]:
        from alpaca_eval.utils import prompt_to_chatml

        try:
            turns: list[dict[str, str]] = prompt_to_chatml(self._annotator.prompt_template)
        except AssertionError:
            raise SettingsError(
                f"annotator {self.name}: its prompt is not a chat; choose another, such as {ANNOTATOR}"
            ) from None
        return turns

    def messages(self, instruction: str, first: str, second: str) -> tuple[dict[str, str], ...]:
        """The conversation that asks for a verdict.

        The template is split into turns before its slots are filled, in one pass: text in an output can fill no slot
        and begin no turn.
        """
        values = {"instruction": instruction, "output_1": first, "output_2": second}
        here = [
            {name: value for name, value in values.items() if "{" + name + "}" in t["content"]} for t in self._turns
        ]
        return tuple(
            turn | {"content": fill(turn["content"], slots) if slots else turn["content"]}
            for turn, slots in zip(self._turns, here, strict=True)
        )

    def switched(self, instructions: Sequence[str]) -> list[bool]:
        """Whether the model's output is shown first, by alpaca_eval's own draw from each instruction."""
        from alpaca_eval.utils import convert_to_dataframe

        rows = [{"instruction": instruction, "output_1": "", "output_2": ""} for instruction in instructions]
        for processor in self._annotator.processors:
            if hasattr(processor, "two_columns_to_switch") and rows:
                drawn = processor.preprocess(convert_to_dataframe(rows))
                return [bool(flag) for flag in drawn[processor._switch_column]]
        return [False] * len(rows)

    def read(self, choice: dict[str, Any]) -> Read:
        """What one choice of a chat completion says, by the annotator's own parser.

        An annotator that reads the probabilities of two letters gets none from many servers: null, an empty list, other
        tokens, the letters as good as impossible. The letter that was written decides then, where it is clear. Where
        one letter is not listed, the package counts it as impossible, and so does this: figures stay comparable with
        the leaderboard's (where the letters have at least .49 of the probability together).
        """
        message, reason = choice["message"], reason_of(choice.get("finish_reason"))
        if reason == "filtered" or message.get("refusal"):
            return Read(None, "refusal")
        text = _text(choice)
        # One token is the whole room of some annotators, and a thought may take more: hidden, begun, or in the words.
        short = self.settings.get("max_tokens", 0) > 1 or len(text.split()) != 1 or not split(text).closed
        unread = Read(None, "cut" if short and reason == "length" else "parse")
        verdicts = self.verdicts
        if verdicts and not _likely(choice, verdicts):
            return self._by_letter(text, verdicts, choice) or unread
        answer: Any = {**choice, "text": text} if self._annotator.completion_key == "completions_all" else text
        # The parser is shown what a server wrote, and may stumble over it in any way.
        with _silent():
            try:
                (value,) = self._annotator.fn_completion_parser(answer)
                value = float(value)
            except Exception:
                value = math.nan
        value = 1.5 if value == 0 else value  # alpaca_eval's older word for a draw
        if math.isfinite(value) and 1 <= value <= 2:
            return Read(value - 1, None)
        return (verdicts and self._by_letter(text, verdicts, choice)) or unread

    def _by_letter(self, text: str, verdicts: tuple[str, str], choice: dict[str, Any]) -> Read | None:
        """What the words say behind any thought; None: no clear letter, or they may go on."""
        if reason_of(choice.get("finish_reason")) == "length" and text.strip() not in verdicts:
            return None
        preference = read_verdict(text, verdicts).preference
        return None if preference not in (0.0, 1.0) else Read(1 - preference, None, "letter")


def _text(choice: dict[str, Any]) -> str:
    """The words of an answer as alpaca_eval's decoder takes them: a tool call's arguments, where there is one."""
    message = choice["message"]
    match message.get("tool_calls"):
        case [{"function": {"arguments": str(arguments)}}, *_]:
            return arguments
        case [{"function": {"arguments": dict(decoded)}}, *_]:  # some servers decode them
            return json.dumps(decoded)
        case [_, *_]:
            return ""
    content = message.get("content")
    if not isinstance(content, list):
        return str(content or "")
    try:  # in parts, as servers of reasoning models send it
        return ChatAnswer.model_validate({"choices": [choice]}).completions()[0].text
    except ValidationError:
        return ""


def _likely(choice: dict[str, Any], verdicts: tuple[str, str]) -> bool:
    """Whether log-probabilities are there, and the letters are not as good as impossible at the one place there is.

    What the judge thinks of letters that it would not write, as before a thought, is no verdict.
    """
    try:
        places = choice["logprobs"]["content"]
        listed = [one["logprob"] for place in places for one in place["top_logprobs"] if one["token"] in verdicts]
        return len(places) > 1 or meant(listed)
    except (KeyError, TypeError, OverflowError):
        return False


def _load(name: str) -> Any:
    with _silent():
        from alpaca_eval.annotators import PairwiseAnnotator
        from alpaca_eval.constants import EVALUATORS_CONFIG_DIR

        if name not in {path.parent.name for path in EVALUATORS_CONFIG_DIR.glob("*/configs.yaml")}:
            raise SettingsError(f"alpaca_eval has no annotator {name!r}; its own default is {ANNOTATOR}")
        try:
            pool = PairwiseAnnotator(annotators_config=name, caching_path=None).annotators
        except ImportError as error:
            raise SettingsError(
                f"annotator {name} needs the package {error.name}, which is not installed; choose another, such as "
                f"{ANNOTATOR}"
            ) from None
    if len(pool) != 1:
        raise SettingsError(f"annotator {name} is a pool of {len(pool)}; choose a single one, such as {ANNOTATOR}")
    return next(iter(pool.values()))


@contextmanager
def _silent() -> Iterator[None]:
    """Without the package's warnings and log lines, which quote whole answers, or its set-up of all logging."""
    before, level, handlers = logging.root.manager.disable, logging.root.level, logging.root.handlers[:]
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
        logging.root.setLevel(level)
        logging.root.handlers[:] = handlers
