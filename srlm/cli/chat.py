"""`srlm chat`: talk to a model of a run, in its own chat template, with its judge's view of each answer on request.

Reads a turn a line, from a terminal or a pipe. Ctrl-C ends an answer, Ctrl-D the conversation. Nothing is written into
the run.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Annotated

import typer

from srlm.engines.base import Completion, Engine, Request
from srlm.printable import block
from srlm.records import Judgement, Message, Prompt, Response, seed_for
from srlm.secrets import withheld
from srlm.settings import JudgeSettings, Sampling
from srlm.terminal import say, show, write

if TYPE_CHECKING:
    from srlm.judge.pointwise import PointwiseJudge

HELP = "/judge: the judge's view of the last answer; /new: begin again; /quit or Ctrl-D: end; Ctrl-C: end an answer"


def chat(
    run: Annotated[Path, typer.Argument(help="The run file (YAML), or the run's folder.")],
    model: Annotated[str, typer.Argument(help="A finished model: M3, SFT, ...")],
    judge: Annotated[bool, typer.Option("--judge", help="Show the judge's score and words after each answer.")] = False,
    greedy: Annotated[bool, typer.Option("--greedy", help="Take the likeliest token each time.")] = False,
    seed: Annotated[int | None, typer.Option(min=0, help="Random seed. Default: the run's.")] = None,
    set: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a setting.")] = None,
) -> None:
    """Talk to a model of a run; a line is a turn. Answers are sampled as `evaluation.sampling` says."""
    from srlm.cli.main import quiet
    from srlm.engines.open import open_checkpoint, open_server
    from srlm.export.sources import find, open_run, refuse_changed
    from srlm.judge.pointwise import ModelPointJudge

    source = find(open_run(run, set or []), model)
    settings = source.folder.settings
    quiet(settings.threads)
    refuse_changed(source)
    sampling = settings.evaluation.sampling
    if greedy:
        sampling = sampling.model_copy(update={"temperature": 0.0})
    with ExitStack() as opened:
        engine = opened.enter_context(closing(open_checkpoint(settings, source.checkpoint, source.folder.path)))

        def open_judge() -> "PointwiseJudge":
            server = settings.judge.engine
            asked = engine if server is None else opened.enter_context(closing(open_server(server)))
            return ModelPointJudge.of(asked, settings.judge)

        talk = Conversation(engine, sampling, settings.seed if seed is None else seed, open_judge, settings.judge)
        if sys.stdin.isatty():
            say(f"{source.step.name} of {settings.name}. {HELP}")
        for line in lines():
            answer_line(talk, line, judge)


def lines() -> Iterator[str]:
    """The lines of standard input up to its end, without their ends and without empty ones."""
    at_terminal = sys.stdin.isatty()
    if hasattr(sys.stdin, "reconfigure"):
        sys.stdin.reconfigure(errors="replace")
    while True:
        try:
            if at_terminal:
                write("> ")
            line = sys.stdin.readline()
        except KeyboardInterrupt:
            if not at_terminal:
                raise
            say("", "Ctrl-D ends the conversation")
            continue
        if not line:
            break
        if line.strip():
            yield line.rstrip("\r\n")
    if at_terminal:
        say("")


def answer_line(talk: "Conversation", line: str, judge: bool) -> None:
    """Do what a line says: a command, or a turn for the model."""
    match line.strip():
        case "/quit":
            raise typer.Exit()
        case "/new":
            talk.begin()
        case "/judge":
            show_judgements(talk)
        case words if words.startswith("//"):
            _turn(talk, words[1:], judge)
        case words if words.startswith("/"):
            say(f"{HELP}; a line that begins with / is sent with one more: /{words}")
        case _:
            _turn(talk, line, judge)


def _turn(talk: "Conversation", line: str, judge: bool) -> None:
    shown = Shown()
    said = talk.answer(line, shown.look)
    shown.finish(said.text)
    if (why := _unusual(said)) is not None:
        say(f"({why})")
    if judge and said.text:
        show_judgements(talk)


def _unusual(said: Completion) -> str | None:
    """What a reader should know of how an answer ended."""
    if said.refused is not None:
        return f"refused: {said.refused}"
    if said.finish is None:
        return "stopped"
    if not said.text:
        if said.thought:
            return "a thought and no answer: cut at the token limit (evaluation.sampling.max_new_tokens)"
        if said.tokens == 0 and said.finish == "length":
            return "no room is left in the model's context; /new begins again"
        return "an empty answer"
    return "cut at the token limit (evaluation.sampling.max_new_tokens)" if said.finish == "length" else None


def show_judgements(talk: "Conversation") -> None:
    """Print what the judge says of the last answer: the mean of its scores, and its words."""
    judged = talk.judge()
    if not judged:
        say("(there is no answer to judge)")
        return
    scores = [one.score for one in judged if one.score is not None]
    each = ", ".join("none" if one.score is None else f"{one.score:g}" for one in judged)
    mean = f"{fmean(scores):.3g} of 5" if scores else "no score"
    say(f"judge {judged[0].judge}: {mean} ({each})")
    for one in judged:
        words = one.raw.strip() or "(no words)"
        show("\n".join(f"  | {line}" for line in words.splitlines()))
        if one.unread is not None:
            say(f"  ({one.unread})")


class Shown:
    """An answer on the terminal while it is written: whole words only, so that nothing is shown that is taken back."""

    def __init__(self) -> None:
        self._shown = ""

    def look(self, text: str) -> None:
        """Show what there is so far."""
        words = block(withheld(text[: len(text.rstrip()) - len(text.split()[-1])] if text.split() else ""))
        if words.startswith(self._shown):
            write(words[len(self._shown) :])
            self._shown = words

    def finish(self, text: str) -> None:
        """Show all of it."""
        whole = block(withheld(text))
        if self._shown and not whole.startswith(self._shown):
            say("")
            self._shown = ""
        write(f"{whole[len(self._shown) :]}\n")


class Conversation:
    """Turns of a user and a model, and what a judge says of the last answer."""

    def __init__(
        self,
        engine: Engine,
        sampling: Sampling,
        seed: int,
        open_judge: "Callable[[], PointwiseJudge]",
        judge: JudgeSettings,
    ) -> None:
        self._engine, self._sampling, self._seed = engine, sampling, seed
        self._open_judge, self._draws = open_judge, judge.draws
        self._judge: PointwiseJudge | None = None
        self._answers = 0
        self.messages: list[Message] = []

    def begin(self) -> None:
        """Forget all turns."""
        self.messages = []

    def answer(self, text: str, look: Callable[[str], None]) -> Completion:
        """The model's answer to a turn; `look` is given what there is of it while it is written.

        After Ctrl-C it is what was written so far, and its `finish` is None. A turn without an answer is forgotten.
        """
        asked = [*self.messages, Message(role="user", content=text)]
        so_far = ""

        def keep(written: str) -> None:
            nonlocal so_far
            so_far = written
            look(written)

        try:
            said = streamed(self._engine, asked, self._sampling, seed_for(self._seed, "chat", self._answers), keep)
        except KeyboardInterrupt:
            said = Completion(text=so_far, finish=None)
        self._answers += 1
        if said.text:
            self.messages = [*asked, Message(role="assistant", content=said.text)]
        return said

    def judge(self) -> Sequence[Judgement]:
        """What the judge says of the last answer, as often as it judges in the run; empty: there is no answer."""
        from srlm.judge.pointwise import Answered

        if not self.messages:
            return []
        *before, asked, answer = self.messages
        self._judge = self._judge or self._open_judge()
        prompt = Prompt.of(asked.content, "chat", before=tuple(before))
        response = Response.of(prompt.id, answer.content, self._engine.id, 0)
        with tempfile.TemporaryDirectory(prefix="srlm-chat-") as place:
            path = Path(place) / "judgements.jsonl"
            seed = seed_for(self._seed, "judge", response.id)
            return list(self._judge.judge([Answered(prompt=prompt, response=response)], self._draws, seed, path))


def streamed(
    engine: Engine, messages: Sequence[Message], sampling: Sampling, seed: int, look: Callable[[str], None]
) -> Completion:
    """The answer that `engine.generate` gives; of a model in this process, `look` sees it every few tokens."""
    from srlm.engines.transformers import TransformersEngine, Work
    from srlm.engines.written import completion

    if not isinstance(engine, TransformersEngine):
        [(said,)] = engine.generate([Request(messages=tuple(messages))], sampling, seed)
        return said
    prompt, ends = engine.chat.prompt_ids(messages), set(engine.ends)
    room = min(sampling.max_new_tokens, engine.memory.longest - len(prompt))
    if room <= 0:
        return Completion(text="", finish="length", tokens=0)

    def stopped(ids: list[int]) -> bool:
        end = next((place for place, token in enumerate(ids) if token in ends), len(ids))
        look(engine.chat.read(prompt, ids[:end], ended=False).answer)
        return False

    work = Work([prompt], 1, sampling, room, seed_for(seed, "batch", 0), tuple(engine.ends), stopped=stopped)
    [ids], _ = engine.within_memory(work, engine.batch_size)
    return completion(engine.chat, prompt, ids, ends)
