"""The meta-judge: a model that compares two judgements of one answer (Wu et al. 2024, section 2.3).

It is asked as any pairwise judge is; its prompt shows the answer beside the judgements, and their scores were removed.
"""

import re
from typing import ClassVar

from srlm.engines.base import Engine, Request
from srlm.judge.pairwise import ModelPairJudge, PairItem
from srlm.judge.rubric import Rubric
from srlm.judge.wording import shipped, text_of
from srlm.records import user
from srlm.settings import PairSettings
from srlm.text.pair_prompt import PairTemplate, parts
from srlm.text.template import frame
from srlm.text.verdict import Verdict
from srlm.text.written import checked

_JUDGEMENT = re.compile(r"""\bjudge?ment(?=[ \t_#-]{0,3}[\[("']{0,2}[AaBb][\])"']{0,2}(?![^\W_]))""", re.IGNORECASE)
PLAIN = ("meta_judge", "meta_letter")
"""The templates that are no world's: the model explains and names a winner, or is asked for the probability of a
letter, for those too small to explain. A world has its own, where it teaches the skill."""
SHIPPED = shipped({name: f"{name}.txt" for name in PLAIN}, "{kind}_meta.txt")


class MetaItem(PairItem):
    """Two judgements of one response, in the order in which they are shown, without their scores."""

    response: str

    @property
    def turned(self) -> "MetaItem":
        return self.model_copy(update={"first": self.second, "second": self.first})


class MetaTemplate(PairTemplate):
    """A meta-judge's prompt: slots {prompt}, {response}, {first}, {second} and, where it shows the rubric, {rubric}."""

    slots: ClassVar[tuple[str, ...]] = ("prompt", "response", "first", "second")

    rubric: str
    """The rubric by which the judgements were made, as its template has it."""

    def read(self, text: str) -> Verdict:
        """See PairTemplate. `Judgement A` is a name here; elsewhere `Final judgement` is a heading."""
        return super().read(_JUDGEMENT.sub("response", text))

    def shown(self, item: MetaItem) -> str:
        """What the meta-judge is asked; text in a judgement fills no slot."""
        values = item.model_dump(include={"prompt", "response", "first", "second"})
        return frame(self.text, values | ({"rubric": self.rubric} if "{rubric}" in self.text else {}))


class MetaJudge(ModelPairJudge):
    """A model that is shown MetaItems."""

    def __init__(self, engine: Engine, asking: PairSettings, template: MetaTemplate) -> None:
        super().__init__(engine, asking, template)
        self._wording = template

    def _request(self, item: PairItem) -> Request:
        assert isinstance(item, MetaItem)
        return Request(messages=user(self._wording.shown(item)), draws=self._asking.votes or 1)


def load(name: str, rubric: Rubric) -> MetaTemplate:
    """The shipped template, a world's, or a file's. Raises SettingsError where it cannot be used.

    Without a head that says otherwise its answer is read as any verdict is (`srlm/text/verdict.py`). With `form:
    letter` a very small model, which cannot write a comparison, is asked for the probability of a letter.
    """
    fields = {"form": "verdict", **parts(text_of(name, SHIPPED, "method.template"))}
    rules = rubric.prompt("(the question)", "(the response)")
    return checked(MetaTemplate, {**fields, "name": name, "rubric": rules}, f"method.template {name}")
