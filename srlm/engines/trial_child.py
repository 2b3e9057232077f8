"""The process in which srlm/engines/trial.py tries what came with a model; run as a file, it imports nothing of srlm.

Prints what is wrong, or nothing.
"""

import ctypes
import json
import os
import signal
import sys
from typing import Any

TEXTS = (
    "a",
    "A",
    " ",
    "\n",
    "0",
    ".",
    "\u00e9",
    "\u4e00",
    "'",
    "aA",
    "a ",
    "a\n",
    "a1",
    " \n",
    ".\n",
    "a'",
    "\u00e9a ",
)
"""What is repeated to try a pattern, and once with another ending: patterns backtrack where the end does not fit."""
LETTERS = 2_000
ADDED = 100_000
"""Added tokens. Models that speak add tens of thousands of them, one for each sound; each takes transformers up to a
millisecond."""
GROWTH, MORE = 20, 1_000_000
"""A rendered conversation is at most so often as long as its JSON, and some characters more."""


def main() -> None:
    if sys.platform == "linux":  # it ends with its parent, however that ends
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    what, seconds, memory = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    given = json.loads(sys.stdin.buffer.read())
    try_it = _template if what == "chat" else _tokenizer
    try_it(given, seconds, memory)


def counted(number: int, nouns: str) -> str:
    """As srlm.text.counts has it, which is not here to import."""
    return f"{number:,} {nouns if number != 1 else nouns.removesuffix('s')}"


def _say(fault: str) -> None:
    os.write(1, fault.encode("utf-8", "replace"))  # to the parent, which reads it as the fault


def _limit(seconds: int, memory: int) -> None:
    """From here on this much processor time and memory; what was imported before does not count."""
    try:
        import resource
    except ImportError:  # Windows: only the time that the parent waits
        return
    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    resource.setrlimit(resource.RLIMIT_CPU, (int(used) + seconds, int(used) + seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        with open("/proc/self/statm", encoding="ascii") as file:
            has = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (has + memory, has + memory))


def _template(given: Any, seconds: int, memory: int) -> None:
    from jinja2 import nodes
    from jinja2.exceptions import TemplateError
    from jinja2.ext import Extension
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        """`{% generation %}`, with which transformers marks what an assistant says."""

        tags = {"generation"}  # noqa: RUF012

        def parse(self, parser: Any) -> Any:
            line = next(parser.stream).lineno
            return nodes.Scope(parser.parse_statements(("name:endgeneration",), drop_needle=True), lineno=line)

    def refuse(message: str) -> None:
        raise TemplateError(message)

    def as_json(value: Any, **options: Any) -> str:
        return json.dumps(value, **{"ensure_ascii": False, **options})

    template, names, conversations = given
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, "jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = as_json
    environment.globals.update(raise_exception=refuse, strftime_now=lambda format: "2024-11-05")
    _limit(seconds, memory)
    try:
        compiled = environment.from_string(template)
    except MemoryError:
        _say("needs more than 1 GiB of memory to compile")
        return
    except Exception:  # it renders nothing: transformers says why
        return
    for messages in conversations:
        for parts in (False, True):
            said = [{**m, "content": [{"type": "text", "text": m["content"]}]} for m in messages] if parts else messages
            for prompt in (True, False):
                try:
                    text = compiled.render(
                        messages=said, tools=None, documents=None, add_generation_prompt=prompt, **names
                    )
                except MemoryError:
                    _say(f"needs more than 1 GiB of memory for a conversation of {counted(len(messages), 'turns')}")
                    return
                except Exception:  # it refuses this conversation, as many do
                    continue
                if len(text) > GROWTH * len(json.dumps(said)) + MORE:
                    _say(
                        f"makes {counted(len(text), 'characters')} of a conversation of "
                        f"{counted(len(messages), 'turns')}"
                    )
                    return


def _tokenizer(given: Any, seconds: int, memory: int) -> None:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    from tokenizers import Tokenizer

    _limit(seconds, memory)
    try:
        with open(given[0], encoding="utf-8") as file:
            text = file.read()
        added = json.loads(text).get("added_tokens") or []
        if len(added) > ADDED:
            _say(
                f"has {counted(len(added), 'added tokens')}, and is not opened with over {ADDED:,}, which "
                "would take minutes"
            )
            return
        tokenizer = Tokenizer.from_str(text)
    except MemoryError:
        _say("needs too much memory to open")
        return
    except Exception:  # it does not open: transformers says why
        return
    for text in TEXTS:
        for end in ("", "\u2603", "!"):
            try:
                tokenizer.encode(text * (LETTERS // len(text)) + end)
            except Exception:  # of a text that this tokenizer cannot say
                continue
            except BaseException as error:  # what Rust calls a panic
                _say(f"fails on a text of {LETTERS:,} letters: {str(error)[:200]}")
                return


if __name__ == "__main__":
    main()
