"""A model's chat template and tokenizer, tried in a process of their own before this one uses them.

Both are programs that anybody wrote. A template may loop for years within its sandbox, or double a text until memory
is full; a tokenizer's pattern may backtrack for as long. The child process has little time and memory. What passes is
then used directly: once a prompt, at no cost. A template that waits for one particular text is not found this way.
"""

import datetime
import json
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from srlm.bounded.files import TEMPLATE
from srlm.bounded.quote import cut, quoted
from srlm.errors import ModelError, first_line
from srlm.text.chat import STAND_INS
from srlm.text.clock import with_clock
from srlm.text.counts import counted

SECONDS = 5
"""Of processor time that a template takes for all trial conversations together; known ones take hundredths."""
WALL = 20
"""How much longer than that the child may take on a busy machine."""
MEMORY = 2**30
"""Bytes beyond what the child has when it begins."""
CHILD = Path(__file__).with_name("trial_child.py")

_ASKED, _ANSWER, _SYSTEM = STAND_INS
_LONG = "The quick brown fox jumps over 13 lazy dogs.\n" * 400


def _conversations() -> list[list[dict[str, str]]]:
    """Short ones, as srlm probes a template with, a long text, and many turns."""
    asked, answered = {"role": "user", "content": _ASKED}, {"role": "assistant", "content": _ANSWER}
    system = {"role": "system", "content": _SYSTEM}
    return [
        [asked],
        [asked, answered],
        [asked, answered, asked],
        [system, asked, answered],
        [{"role": "user", "content": _LONG}],
        [system, *[asked, answered] * 20, asked],
    ]


def try_template(template: str, tokens: Mapping[str, Any], arguments: Mapping[str, Any]) -> None:
    """Raises ModelError where the template takes too much time or memory. That it refuses a conversation is no fault
    here. `tokens`: the tokenizer's special tokens by name, which the template may name."""
    _tried("chat template", json.dumps([template, {**tokens, **arguments}, _conversations()], default=str), SECONDS)


def try_tokenizer(path: Path) -> None:
    """Raises ModelError where a tokenizer.json takes too much time or memory to open, or for a text of some thousand
    letters. That it does not open is no fault here: the library says why."""
    about = path.stat()
    # A vocabulary of 256,000 tokens has 30 MB, and opens in 3 s.
    _tried("tokenizer", json.dumps([str(path), about.st_size, about.st_mtime_ns]), SECONDS + about.st_size // 2**20)


@lru_cache(maxsize=256)
def _tried(what: str, given: str, seconds: int) -> None:
    memory = MEMORY + (32 * json.loads(given)[1] if what == "tokenizer" else 0)
    command = [sys.executable, "-P", str(CHILD), what.partition(" ")[0], str(seconds), str(memory)]
    try:
        done = subprocess.run(
            command, input=given.encode("utf-8", "replace"), capture_output=True, timeout=WALL * seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise ModelError(_too_slow(what, seconds)) from None
    except OSError as error:
        raise ModelError(f"the {what} could not be tried, because no process could be started: {error}") from None
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        raise ModelError(_too_slow(what, seconds))
    if done.returncode < 0:
        raise ModelError(f"the {what} ends the process that tries it ({signal.Signals(-done.returncode).name})")
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no message"]
        raise ModelError(f"the {what} could not be tried: {cut(said[-1], 300)}")
    if fault := done.stdout.decode("utf-8", "replace").strip():
        raise ModelError(f"the {what} {fault}")


def _too_slow(what: str, seconds: int) -> str:
    doing = "to render a short conversation" if what == "chat template" else "to open, or for a short text"
    return f"the {what} takes more than {seconds} s {doing}"


def refuse_hungry_template(tokenizer: Any, date: datetime.date | None, arguments: Mapping[str, Any]) -> None:
    """`try_template` with the template of a tokenizer, and what that hands to it; `date` is the template's clock.

    Raises ModelError too where there is no one template, or none that any model needs.
    """
    try:
        template = tokenizer.get_chat_template()
    except Exception as error:  # several templates, of which none is the default one, in whatever shape
        raise ModelError(f"the tokenizer has no default chat template: {first_line(error)}") from None
    if not isinstance(template, str):
        raise ModelError(f"the chat template must be text, found {quoted(template)}")
    if len(template) > TEMPLATE:
        raise ModelError(f"the chat template has {counted(len(template), 'characters')}; templates have some thousand")
    names: Sequence[str] = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
    found = {name: getattr(tokenizer, name, None) for name in names}
    tokens = {name: str(token) for name, token in found.items() if token is not None}
    try_template(with_clock(template, date or datetime.date.today()), tokens, arguments)
