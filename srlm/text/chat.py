"""One turn of a chat, for training and generation alike: what is trained is what is generated.

The tokenizer's own chat template renders it. Where a turn begins, what stands before the answer in a finished turn (an
empty thought, a channel) and what ends it are read off what the template makes of an unmistakable answer. Answers are
tokenised in their place behind the prompt, because many tokenizers write the first word of a text in another way.
"""

import datetime
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import takewhile
from typing import Any, Literal, NamedTuple

from srlm.errors import ModelError, first_line
from srlm.records import Message, digest, user
from srlm.text.clock import with_clock
from srlm.text.marks import disarm, disarm_plain, marks_around
from srlm.text.thoughts import KNOWN, THINK, Marks, split
from srlm.text.tokens import TAIL, Words, special_tokens

RESERVED = frozenset(
    {
        *("conversation", "messages", "tokenize", "add_generation_prompt", "continue_final_message", "strftime_now"),
        *("chat_template", "padding", "truncation", "max_length", "return_tensors", "return_dict", "tokenizer_kwargs"),
        *("return_assistant_tokens_mask", "sanitize_control_tokens", "tools", "documents"),
    }
)
"""Arguments of a template that are not the user's to set."""

_ANSWER, _THOUGHT, _ASKED, _SYSTEM = (f"srlm{word}7f3c9d" for word in ("answer", "thought", "asked", "system"))
STAND_INS = (_ASKED, _ANSWER, _SYSTEM)
"""What stands for a user's, an assistant's and the system's words where a template is looked at."""
_TAG = re.compile(r"([<\[]\|?)([^<>\[\]/\s]+[>\]])")


class Tokens(NamedTuple):
    """A prompt and an answer as token ids."""

    prompt: list[int]
    answer: list[int]


class Scored(NamedTuple):
    """A prompt and several continuations of it as token ids."""

    prompt: list[int]
    continuations: list[list[int]]


class Written(NamedTuple):
    """What a model wrote, as text."""

    thought: str | None
    """None: no thought."""
    answer: str
    closed: bool = True
    """False: the thought never closed, and there is no answer."""


class Chat:
    """A tokenizer, and the turns of a chat as its template renders them."""

    def __init__(
        self,
        tokenizer: Any,
        arguments: Mapping[str, bool | int | float | str] | None = None,
        date: datetime.date | None = None,
        thoughts: Literal["cut", "train"] = "cut",
    ) -> None:
        """`date` is the clock of a template that has one. Raises ModelError where the template cannot be used."""
        self.tokenizer = tokenizer
        self.arguments = dict(arguments or {})
        self.date = date or datetime.date.today()
        self.thoughts = thoughts
        self._plain = False
        self._special = special_tokens(tokenizer)
        self._words = Words(tokenizer)
        self._added_texts = tuple(self._words.added.values())
        self._marks: tuple[Marks, ...] = ()
        self._turns: tuple[str, ...] = ()
        self._parts = False
        self._parts = not self._shows_the_user()
        if self._parts and not self._shows_the_user():
            raise ModelError("the chat template drops the user's message")
        if not self._words.ids(self._generation_prompt(user(_ASKED))):
            raise ModelError("the tokenizer gives no tokens for a prompt; does it belong to this model?")
        self._probe = self._finished(user(_ASKED), self._generation_prompt(user(_ASKED)), "")
        self._closing, self.end = self._find_end(self._probe.tail)
        self._marks = self._thought_marks()
        self._turns = self._turn_marks()
        # No answer ends its turn or begins another, even where the tokens for it are not special ones.
        frame = self._generation_prompt(user(_ASKED)) + self._probe.tail
        mine = {text for mark in self._marks for text in mark}
        own = [text for text in self._words.added.values() if text in frame and text not in mine]
        self._armed = sorted({*self._special, *own}, key=lambda token: (-len(token), token))

    # What an engine and a training ask -------------------------------------------------------------------------------

    def prompt_ids(self, messages: Sequence[Message], prefix: str = "") -> list[int]:
        """Token ids of the conversation up to where the model writes on, and `prefix` as its answer's first words.

        Without a prefix that is where the template's generation prompt ends, within a thought where it opens one; a
        prefix stands behind a closed thought, because it belongs to the answer.
        """
        start = self._generation_prompt(messages)
        ids = self._words.ids(start)
        return self._words.on(ids, start, self._begun(messages, start, prefix)) if prefix else ids

    def opening(self, messages: Sequence[Message], prefix: str = "") -> str:
        """The text of which `prompt_ids` gives the token ids."""
        start = self._generation_prompt(messages)
        return self._begun(messages, start, prefix) if prefix else start

    def tokens(
        self, messages: Sequence[Message], answer: str, ended: bool = True, thought: str | None = None
    ) -> Tokens:
        """A conversation and its answer as the template renders a finished turn.

        The prompt is what the generation prompt and the finished turn begin with, and the answer all behind it up to
        the end token. Not `ended`: an answer that was cut at the token limit, and has no end. `thought` counts only
        where thoughts are trained on.
        """
        start, text = self.texts(messages, answer, ended, thought)
        end = [self.end] if ended and not self._closing else []
        if text.startswith(start):
            ids = self._words.ids(start)
            return Tokens(ids, self._words.following(ids, start, text[len(start) :]) + end)
        # The generation prompt opens a thought that a finished turn does not have.
        whole = self._words.ids(text)
        shared = alike(whole, self._words.ids(start))
        return Tokens(whole[:shared], whole[shared:] + end)

    def texts(
        self, messages: Sequence[Message], answer: str, ended: bool = True, thought: str | None = None
    ) -> tuple[str, str]:
        """The generation prompt and the finished turn, as `tokens` takes them, each as the template renders it."""
        start = self._generation_prompt(messages)
        shown = thought if self.thoughts == "train" else None
        if not ended and not answer:  # nothing was written, or a thought that never closed
            opening = "" if self._opens(start) or not shown else self._marks[0].open
            return start, start + opening + disarm(shown or "", self._armed)
        turn = self._finished(messages, start, answer, shown)
        closing = self._closing if ended else None
        return start, turn.head + disarm(turn.kept(answer, closing), self._armed) + (closing or "")

    def answer_ids(
        self, messages: Sequence[Message], answer: str, ended: bool = True, thought: str | None = None
    ) -> list[int]:
        """The answer alone of `tokens`."""
        return self.tokens(messages, answer, ended, thought).answer

    def scored(self, messages: Sequence[Message], prefix: str, texts: Sequence[str]) -> Scored:
        """Continuations of an answer that begins with `prefix`, each tokenised in its place; the prompt is all before.

        They are the answer's own words: a thought that the template opens is closed before them.
        """
        start = self._generation_prompt(messages)
        begun = self._begun(messages, start, prefix)
        first = self._words.ids(start)
        lead = begun[len(start) :] if begun.startswith(start) else ""
        if not prefix and not lead.strip() and begun.startswith(start):
            # White space before an answer (Llama 2's) is one token with its first word.
            place = self._words.place(first, start)
            return Scored(first, [place(lead + disarm(text, self._armed)) for text in texts])
        ids = self._words.on(first, start, begun)
        if not prefix and lead and texts:
            # White space at the end may be other tokens where a word follows it.
            whole = self._words.following(first, start, lead + disarm(texts[0], self._armed))
            wanted = self._words.decode(ids[len(first) :], skip=False)
            longer = [
                first + whole[:end] for end in range(len(whole)) if self._words.decode(whole[:end], False) == wanted
            ]
            ids = longer[-1] if longer else ids
        place = self._words.place(ids, begun)
        return Scored(ids, [place(disarm(text, self._armed)) for text in texts])

    @cached_property
    def ends(self) -> tuple[int, ...]:
        """Every token id that ends a turn: the template's own, what it puts before the next turn, the tokenizer's."""
        found = {self.end, self.tokenizer.eos_token_id} - {None}
        if not self._closing and not self._plain:
            try:
                after = self._render([*user(_ASKED), Message(role="assistant", content=_ANSWER), *user(_SYSTEM)])
            except ModelError:
                after = ""
            between = after.partition(_ANSWER)[2].partition(_SYSTEM)[0]
            if between and (token := self._first_token(between)) is not None:
                found.add(token[1])
        return tuple(sorted(found))

    def read(self, prompt: Sequence[int], ids: Sequence[int], ended: bool = True) -> Written:
        """What the tokens `ids` say behind the prompt's, without the token that ended them."""
        if self._plain:
            return Written(None, self._words.decode(ids, skip=True))
        raw = self._words.behind(ids, skip=False)
        # Some tokenizers put a space behind an added token, and take it off the text again.
        made_up = int(
            self._words.makes_up_spaces and bool(prompt) and prompt[-1] in self._words.added and raw.startswith(" ")
        )
        opened = self._opens(self._words.decode(prompt[-2 * TAIL :], skip=False))
        found = split(raw[made_up:], self._marks, opened)
        if not found.closed:
            return Written(self._words.without_special(found.thought or ""), "", closed=False)
        start, begun = made_up + found.start, raw[made_up:]
        if not ended and begun.strip() and self._begins_a_mark(begun):
            return Written(None, "")
        if not found.start:
            lead = next((lead for lead in self._leads if begun.startswith(lead)), "")
            start += len(lead) + (
                self._words.makes_up_spaces and begun.startswith(lead + " ") and lead.endswith(self._added_texts)
            )
        answer = self._words.said_from(ids, start) if start else self._words.behind(ids, skip=True)
        room = self._closing[: len(self._closing) - len(self._closing.lstrip())]
        if ended and room and answer.endswith(room):
            answer = answer[: -len(room)]
        return Written(self._words.without_special(found.thought) if found.thought else None, answer)

    def plain(self) -> "Chat":
        """The same tokenizer for text that goes on as it stands, and is nobody's turn (`PLAIN`)."""
        made = object.__new__(Chat)
        made.__dict__.update(self.__dict__)
        made.__dict__.pop("ends", None)
        made._plain, made._parts, made._closing, made._turns = True, False, "", ()
        made.end = self.tokenizer.eos_token_id
        return made

    # What a doctor asks ----------------------------------------------------------------------------------------------

    @property
    def digest(self) -> str:
        """Id of the template's text."""
        return digest("chat template", self.template)

    @property
    def template(self) -> str:
        text: str = PLAIN if self._plain else self.tokenizer.get_chat_template()
        return text

    @property
    def has_clock(self) -> bool:
        """Whether the template's words depend on the date."""
        return self._render(user(_ASKED)) != self._render(user(_ASKED), date=self.date + datetime.timedelta(days=397))

    @property
    def opens_thought(self) -> bool:
        """Whether the generation prompt ends within a thought."""
        return self._opens(self._generation_prompt(user(_ASKED)))

    @property
    def thinks(self) -> bool:
        """Whether a thought comes before an answer: the generation prompt opens one, or a finished turn holds one."""
        lead, marks = self.lead.strip(), (*self._marks, *KNOWN)
        held = any(mark.open in lead or mark.close in lead or mark.close.endswith(lead) for mark in marks)
        return self.opens_thought or (bool(lead) and held)

    @property
    def ignores_generation_prompt(self) -> bool:
        """Whether the template says the same whether or not an answer is to follow."""
        return self._render(user(_ASKED)) == self._render(user(_ASKED), prompt=True)

    @property
    def renders_end(self) -> bool:
        """Whether the template ends a turn with a token; else the tokenizer's end token is put there."""
        return bool(self._closing)

    @property
    def renders_answers(self) -> bool:
        """Whether the template shows an assistant's turn at all."""
        return self._probe.found

    @property
    def lead(self) -> str:
        """What a finished turn holds between the generation prompt and the answer, such as an empty thought."""
        return self._probe.lead

    # Rendering -------------------------------------------------------------------------------------------------------

    def _generation_prompt(self, messages: Sequence[Message]) -> str:
        return self._render(self._disarmed(messages), prompt=True)

    def _begun(self, messages: Sequence[Message], start: str, prefix: str) -> str:
        """The conversation up to where the answer itself begins, and its first words; `start`: generation's prompt."""
        if self._plain:
            return start + disarm(prefix, self._armed)
        turn = self._finished(messages, start, prefix.rstrip())
        return turn.head + disarm(turn.kept(prefix, None), self._armed)

    def _finished(self, messages: Sequence[Message], start: str, answer: str, thought: str | None = None) -> "_Turn":
        """The finished turn around an answer; a mark stands for the words, as a template may cut what they hold.

        `start` is the generation prompt of the messages.
        """
        left, right = len(answer) - len(answer.lstrip()), len(answer) - len(answer.rstrip())
        stand_in = answer[:left] + _ANSWER + (answer[len(answer) - right :] if right and answer.strip() else "")
        final = Message(role="assistant", content=stand_in)
        text = self._render([*self._disarmed(messages), final], thought=_THOUGHT if thought else None)
        head, found, tail = text.rpartition(_ANSWER)
        if not found:
            return _Turn(start, "", "", found=False)
        if thought and _THOUGHT in head:
            before, _, behind = head.rpartition(_THOUGHT)
            head = before + disarm(thought, self._armed) + behind
        elif thought:
            head = self._with_thought(start, disarm(thought, self._armed))
        return _Turn(head, tail, head[len(start) :] if head.startswith(start) else "")

    def _with_thought(self, start: str, thought: str) -> str:
        """A thought in a turn whose template shows none: as its model writes it."""
        mark = self._marks[0] if self._marks else THINK
        opening = "" if self._opens(start) else mark.open + "\n"
        return f"{start}{opening}{thought}\n{mark.close}\n\n"

    def _disarmed(self, messages: Sequence[Message]) -> list[Message]:
        return [
            Message(role=m.role, content=disarm_plain(disarm(m.content, self._special), self._turns)) for m in messages
        ]

    def _render(
        self,
        messages: Sequence[Message],
        prompt: bool = False,
        thought: str | None = None,
        date: datetime.date | None = None,
    ) -> str:
        """The template's words. Raises ModelError with its own where it refuses the conversation."""
        conversation: list[dict[str, Any]] = [
            {"role": m.role, "content": [{"type": "text", "text": m.content}] if self._parts else m.content}
            for m in messages
        ]
        if thought is not None:  # each family has its own name for it
            conversation[-1] |= {"reasoning_content": thought, "thinking": thought, "reasoning": thought}
        try:
            text: str = self.tokenizer.apply_chat_template(
                conversation,
                tokenize=False,
                add_generation_prompt=prompt,
                chat_template=with_clock(self.template, date or self.date),
                **self.arguments,
            )
        except Exception as error:  # a template is a program, and may raise anything
            roles = ", ".join(m.role for m in messages)
            said = first_line(error)
            raise ModelError(f"the chat template cannot render a conversation of {roles}: {said}") from error
        return text

    # What the template does, found by looking ------------------------------------------------------------------------

    def _shows_the_user(self) -> bool:
        """Whether a user's words are rendered; some templates take them in parts only, and drop plain text."""
        try:
            return _ASKED in self._render(user(_ASKED), prompt=True)
        except ModelError:
            if self._parts:
                raise
            return False

    def _find_end(self, tail: str) -> tuple[str, int]:
        """What ends a turn, as text (empty where the template has no token there) and as the last token's id."""
        found = self._first_token(tail)
        if found is None:
            if self.tokenizer.eos_token_id is None:
                raise ModelError("neither the chat template nor the tokenizer names an end token")
            return "", self.tokenizer.eos_token_id
        place, token, text = found
        closing = tail[: place + len(text)]
        # Several tokens may end a turn together: the last is the one that ends other turns, too.
        asked = self._first_token(self._probe.head.partition(_ASKED)[2])
        last = {self.tokenizer.eos_token_id, asked[1] if asked else None}
        behind, run = tail[len(closing) :], closing
        while token not in last and (following := self._first_token(behind)) is not None and following[0] == 0:
            run, behind = run + following[2], behind[len(following[2]) :]
            if following[1] in last:
                return run, following[1]
        return closing, token

    def _first_token(self, text: str) -> tuple[int, int, str] | None:
        """(place, id, text) of the first special token or, where there is none, of the first added one."""
        for wanted in (True, False):
            found = [
                (place, -len(content), number, content)
                for number, content in self._words.added.items()
                if (content in self._words.special) is wanted and (place := text.find(content)) >= 0
            ]
            if found:
                place, _, number, content = min(found)
                return place, number, content
        return None

    def _thought_marks(self) -> tuple[Marks, ...]:
        """Marks of a thought: what the template puts around one, and those that it or the vocabulary names."""
        derived: list[Marks] = []
        try:
            start = self._generation_prompt(user(_ASKED))
            final = Message(role="assistant", content=_ANSWER)
            head = self._render([*user(_ASKED), final], thought=_THOUGHT).rpartition(_ANSWER)[0]
        except ModelError:
            head = start = ""
        before, found, behind = head.rpartition(_THOUGHT)
        forced = "" if found or self._probe.head.startswith(start) else start[alike(start, head) :].strip()
        if found and behind.strip():
            opening = before[len(start) :].strip() if before.startswith(start) else ""
            derived.append(Marks(opening or before.split()[-1], behind.strip()))
        elif tag := _TAG.fullmatch(forced):  # the generation prompt opens what a finished turn does not show
            derived.append(Marks(forced, f"{tag[1]}/{tag[2]}"))
        template, added = self.template, set(self._words.added.values())
        named = [
            mark
            for mark in KNOWN
            if mark.open in template or mark.close in template or {mark.open, mark.close} <= added
        ]
        marks = tuple(dict.fromkeys([*derived, *named, THINK]))
        decoded = [Marks(*(self._spaced(text).strip() for text in mark)) for mark in marks]
        return tuple(dict.fromkeys([*marks, *decoded]))

    def _spaced(self, text: str) -> str:
        """A mark as its tokens are decoded, by a tokenizer that puts spaces behind added tokens."""
        decoded = self._words.behind(self._words.ids(text), skip=False)
        return decoded if decoded.replace(" ", "") == text.replace(" ", "") else text

    def _turn_marks(self) -> tuple[str, ...]:
        """Plain text with which the template marks turns, and tokens of it that are not special."""
        answered = [Message(role="user", content=_ASKED), Message(role="assistant", content=_ANSWER)]
        conversations = [
            [*answered, Message(role="user", content=_ASKED)],
            [Message(role="system", content=_SYSTEM), *answered],
        ]
        found: set[str] = set()
        for conversation in conversations:
            try:
                text = self._render(conversation, prompt=True)
            except ModelError:  # no system turn, say
                continue
            for special in self._special:
                text = text.replace(special, "\n")
            for stand_in in (_ASKED, _ANSWER):
                text = text.replace(stand_in, _SYSTEM)
            found |= set(marks_around(text.split(_SYSTEM)))
        # A thought's marks end no turn, and people may well speak of them.
        found -= {text for mark in self._marks for text in mark}
        return tuple(sorted(found, key=lambda mark: (-len(mark), mark)))

    def _begins_a_mark(self, written: str) -> bool:
        """Whether a cut answer is nothing but the beginning of what stands before a thought or an answer."""
        marks = [*(mark.open for mark in self._marks), *(lead for lead in self._leads if lead.strip())]
        return any(mark.startswith(text) for mark in marks for text in (written, written.lstrip()))

    def _opens(self, prompt: str) -> bool:
        return any(prompt.rstrip().endswith(mark.open) for mark in self._marks)

    @cached_property
    def _leads(self) -> tuple[str, ...]:
        """What a model may write before its answer where it thinks nothing, as its tokens are decoded."""
        lead = self._probe.lead
        return tuple(text for text in (lead, self._spaced(lead).lstrip(" ")) if text)


PLAIN = "{{ bos_token }}{% for message in messages %}{{ ' ' + message['content'] }}{% endfor %}"
"""A chat template for a base model: the text as it stands, and nobody's turn."""


class _Turn(NamedTuple):
    """What stands around an answer in a finished turn."""

    head: str
    """All before the answer's first word, its own white space among it as the template leaves it."""
    tail: str
    lead: str
    """The part of `head` behind the generation prompt; empty where that is no beginning of it."""
    found: bool = True
    """False: the template shows no assistant's turn, and this is the generation prompt."""

    def kept(self, answer: str, closing: str | None) -> str:
        """The answer's words as the template leaves them before `closing`: without white space that it cuts off.

        None: the answer was cut, and nothing closes it.
        """
        words = answer.lstrip() if self.found else answer
        space = words[len(words.rstrip()) :]
        return words if closing is None or self.tail.startswith(space + closing) else words.rstrip()


def alike(first: Sequence[Any], second: Sequence[Any]) -> int:
    """How many items (characters, tokens) both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False)))
