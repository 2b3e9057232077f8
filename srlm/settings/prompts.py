"""New prompts, and the candidates that answer them."""

from typing import Annotated, Literal

from pydantic import Field

from srlm.section import Positive, Section, Share
from srlm.settings.data import PromptsSource
from srlm.settings.engines import EngineSettings, Sampling
from srlm.worlds.table import TITLES

NOT_IN_WORDS = (
    *("image", "images", "graph", "graphs", "picture", "pictures", "file", "files", "map", "maps", "draw", "plot"),
    *("video", "audio", "music", "flowchart", "diagram"),
)
"""English words of tasks that a language model cannot do (Self-Instruct)."""

FIRST = 400
"""Prompts asked for, answers or judgements by which it is seen whether a stage is hopeless. Where one in 20 is usable,
fewer than 4 of 400 (1%) are usable once in 300,000 stages, so that none which has a use is stopped; and 400 are few
beside the tens of thousands of a whole stage."""


class PromptSettings(Section):
    """New prompts for an iteration (the paper, section 2.3 step 1)."""

    writer: Annotated[
        Literal["fixed", "self", "world", "file"],
        Field(
            description="`fixed`: `model` writes them (as the paper's Llama-2-Chat); `self`: M_t writes them; `world`: "
            f"sampled from the {TITLES}; `file`: the next prompts in `path` or "
            "`source`."
        ),
    ] = "self"
    model: str | None = None
    """A folder, a Hub id, or `M0` (writer `fixed`)."""
    revision: str | None = None
    """Commit, tag or branch, if `model` is a Hub id. None: the newest commit when the model is first used."""
    engine: EngineSettings | None = None
    """A server that writes prompts (writer `fixed`, kind openai). None: `model` on this machine."""
    path: str | None = None
    """Rows with `instruction` or `messages` (writer `file`)."""
    source: PromptsSource | None = None
    """Instead of `path`: a file with other columns, or a Hub dataset (writer `file`)."""
    count: Positive = 1000
    """New prompts in the first iteration (M1 -> M2)."""
    growth: Annotated[float, Field(gt=0)] = 1.0
    """Growth factor of the number of prompts per iteration. For a better model, more prompts have only right answers,
    and those give no pair (the paper's pairs grew from 3,964 to 6,942: 1.75 times)."""
    max_attempts: Positive = 10_000
    """Maximum number of prompts requested per iteration; then the run stops."""
    min_kept: Annotated[
        Share,
        Field(
            description=f"The run stops early if, after {FIRST} attempts or more, less than this share of the attempts "
            "was kept, and max_attempts would end at that rate before there are `count` prompts. At the default a "
            "hundred attempts give less than one prompt. 0 = never."
        ),
    ] = 0.01
    shots_seed: Positive = 6
    """Seed prompts shown as examples in each request (the paper: 6)."""
    shots_new: Annotated[int, Field(ge=0)] = 2
    """Generated prompts shown as examples in each request (the paper: 2)."""
    sampling: Sampling = Sampling(temperature=0.6, top_p=0.9, max_new_tokens=160)
    """How prompts are sampled (the paper: T 0.6, p 0.9)."""
    max_rouge: Share = 0.7
    """A prompt this similar (ROUGE-L F) to a seed or an earlier prompt is dropped (Self-Instruct, section 2.2)."""
    min_words: Positive = 3
    """Shorter prompts are dropped. In scripts without spaces, words are estimated: characters divided by the length of
    a short word, 1 in Chinese, 2 in Japanese kana, Thai, Lao, Khmer and Burmese. In other non-ASCII text, two words or
    more count as one word per five letters, if that is more."""
    max_words: Positive = 150
    """Longer prompts are dropped. In scripts without spaces, words are estimated: characters divided by the mean length
    of a word, 1.6 in Chinese, 2.5 in Japanese kana, 3.5 in Thai, Lao, Khmer and Burmese."""
    blocked_words: tuple[str, ...] = NOT_IN_WORDS
    """A prompt with one of these words asks for something a language model cannot do, and is dropped (Self-Instruct).
    The default is English: if data.language is another language, no words are blocked unless you give some here."""
    template: str | None = None
    """A file with the request for one more task, for example in the language of the data. Slots: {tasks} (the examples,
    each after `Task N:`) and {number} (of the new task). It should end with `Task {number}:`. None: the built-in
    request, in English."""

    @property
    def own_model(self) -> str | None:
        """A folder or Hub id of a model that only writes prompts; None if M0, M_t, a server or no model writes them."""
        used = self.writer == "fixed" and self.engine is None and self.model != "M0"
        return self.model if used else None

    def in_language(self, language: str | None) -> "PromptSettings":
        """These settings for data of a language: English words are blocked in English only."""
        if self.blocked_words != NOT_IN_WORDS or language is None or language.lower().split("-")[0] == "en":
            return self
        return self.model_copy(update={"blocked_words": ()})

    def wanted(self, t: int) -> int:
        """New prompts on the way to M_t, from t = 2 on."""
        return round(self.count * self.growth ** (t - 2))

    def before(self, t: int) -> int:
        """New prompts of all iterations before the one that makes M_t."""
        return sum(self.wanted(earlier) for earlier in range(2, t))


class CandidateSettings(Section):
    """Answers that M_t writes to each new prompt (the paper, section 2.3 step 2)."""

    count: Annotated[int, Field(ge=2)] = 4
    """Answers per prompt (the paper: 4)."""
    sampling: Sampling = Sampling()
    """How answers are sampled (the paper: T 0.7, p 0.9)."""
    min_ended: Annotated[
        Share,
        Field(
            description=f"The run stops early if less than this share of the first {FIRST} answers of a stage has "
            "words and came to its end: all others are empty, or cut at the token limit. 0 = never."
        ),
    ] = 0.01
