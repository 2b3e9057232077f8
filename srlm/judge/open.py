"""A judge by name: `transformers:DIR`, `openai:MODEL`, `file:PATH`, `length`, `random:SEED` or `constant`.

DIR may also be a model of the hub, OWNER/NAME or OWNER/NAME@REVISION.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from srlm.contents import model_files, sha256_of, weights_digest
from srlm.data.human_ranking import HumanRanking
from srlm.engines.base import Engine
from srlm.engines.hub import commit_of
from srlm.errors import SettingsError
from srlm.judge import rubric
from srlm.judge.pairwise import ModelPairJudge, Opinion, PairItem, PairJudge, template
from srlm.judge.reading import Answered, read_all
from srlm.records import Judgement, Record, digest, seed_for
from srlm.settings import EngineSettings, ModelSettings, Sampling
from srlm.store.folder import RunFolder, recorded
from srlm.text.chat import Chat

from .recorded import Recorded

SPECS = "transformers:DIR, openai:MODEL, file:PATH, length, random:SEED or constant"


class Asked(Record):
    """How a model is asked; the other judges heed none of it."""

    template: str = "additive"
    sampling: Sampling = Sampling()
    complete: bool = False
    """A reading that stopped without a score line is asked for it (see srlm.judge.reading)."""
    base_url: str | None = None
    batch_size: int = 32


class ScoreJudge(Protocol):
    """Anything that scores answers one by one."""

    def readings(self, answered: Sequence[Answered], draws: int, seed: int, path: Path) -> list[Judgement]:
        """`draws` readings of each answer, in order; what has to be asked for is kept in `path`."""
        ...


class Judge:
    """A judge as a command opens it: by scores, by pairs, or both."""

    def __init__(
        self,
        id: str,
        scores: ScoreJudge | None,
        pairs: PairJudge | None,
        *,
        facts: dict[str, Any] | None = None,
        five_points: bool = False,
        draws: int | None = None,
        one_order: bool = False,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self.id, self.scores, self.pairs, self.five_points, self.close = id, scores, pairs, five_points, close
        self.one_order = one_order
        """Whether its comparisons were made in one order only: such a verdict stands alone."""
        self.draws = draws
        """Readings of an answer that differ from each other; None: as many as are asked for."""
        self.facts = facts
        """What shapes its words, for the note beside them. None: it costs nothing and nothing is kept."""

    @property
    def file(self) -> str:
        """How names of its files begin; for people, it is never parsed."""
        return "".join(letter if letter.isalnum() or letter in "-._" else "-" for letter in self.id)[:80] or "judge"


def open_spec(spec: str, asked: Asked, sets: Sequence[HumanRanking]) -> Judge:
    """The judge of a spec; `sets` is what recorded judgements are looked up for. Raises SettingsError for another."""
    kind, _, name = spec.partition(":")
    match kind:
        case "length" | "constant" if not name:
            plain = Plain(spec, _length if kind == "length" else _constant)
            return Judge(spec, plain, plain, five_points=kind == "constant", draws=1)
        case "random" if name.isdecimal():
            drawn = Plain(spec, lambda prompt, text: random.Random(seed_for(int(name), prompt, text)).uniform(0, 5))
            return Judge(spec, drawn, drawn, draws=1)
        case "file" if name:
            said = Recorded.read(name, sets)
            return Judge(
                said.id,
                said if said.scores_known else None,
                said if said.pairs_known else None,
                five_points=said.five_points,
                draws=said.draws,
                one_order=said.one_order,
            )
        case "transformers" if name:
            from srlm.engines.transformers import TransformersEngine
            from srlm.engines.weights import called

            # A folder, or a name of the hub, may hold another model tomorrow.
            place, _, revision = (name, "", "") if Path(name).is_dir() else name.partition("@")
            facts = (
                folder_facts(Path(place)) if Path(place).is_dir() else {"commit": commit_of(place, revision or None)}
            )
            model = model_settings(place, facts.get("commit"))
            engine = TransformersEngine.load(place, called(place), model, asked.batch_size)
            return _model(f"transformers:{place}", engine, asked, {**facts, **chat_facts(engine.chat)})
        case "openai" if name:
            from srlm.engines.open import open_server

            server = EngineSettings(kind="openai", model=name, base_url=asked.base_url)
            return _model(spec, open_server(server), asked)
    raise SettingsError(f"--judge {spec}: a judge is {SPECS}")


def model_settings(place: str, revision: str | None = None) -> ModelSettings:
    """How a model in a folder, or of the hub, is loaded as a judge: one of a run with the run's date and arguments of
    the chat template, so that it judges as it does within the run."""
    plain = ModelSettings(base=place, dtype="auto", revision=revision)
    run = Path(place).resolve().parent.parent  # RUN/M2/model
    if not all((run / name).is_file() for name in ("settings.json", "inputs.json")):
        return plain
    own = RunFolder(recorded(run)).settings.model
    return plain.model_copy(update={"date": own.date, "template_arguments": own.template_arguments})


def chat_facts(chat: Chat) -> dict[str, str]:
    """What a chat template is told beside the conversation: its clock, where it has one, and its arguments."""
    found = {"date": chat.date.isoformat()} if chat.has_clock else {}
    return found | ({"template arguments": digest(chat.arguments)} if chat.arguments else {})


def folder_facts(folder: Path) -> dict[str, str]:
    """What a model's folder holds: its weights alone, and all files that make the model."""
    files = {name: sha256_of(path) for name, path in model_files(folder)}
    return {"weights": weights_digest(folder, lambda path: files[path.name]), "model files": digest(files)}


def _model(spec: str, engine: Engine, asked: Asked, model: Mapping[str, str] = {}) -> Judge:
    wording = rubric.load(asked.template)
    facts = {
        "judge": spec,
        "weights": None,
        **model,
        "template": wording.digest,
        "pairwise template": digest("pairwise", template()),
        **asked.model_dump(mode="json", include={"sampling", "complete", "base_url"}),
    }
    scores, pairs = ModelScores(engine, wording, asked), ModelPairJudge(engine)
    return Judge(engine.id, scores, pairs, facts=facts, five_points=True, close=engine.close)


class ModelScores:
    """A language model with the additive rubric."""

    def __init__(self, engine: Engine, wording: rubric.Rubric, asked: Asked) -> None:
        self._engine, self._wording, self._asked = engine, wording, asked

    def readings(self, answered: Sequence[Answered], draws: int, seed: int, path: Path) -> list[Judgement]:
        """See ScoreJudge."""
        sampling, complete = self._asked.sampling, self._asked.complete
        made = read_all(
            self._engine,
            self._wording,
            answered,
            draws=draws,
            sampling=sampling,
            complete=complete,
            seed=seed,
            path=path,
        )
        return list(made)


class Plain:
    """A judge that is a function of prompt and answer."""

    concurrency = 1
    """See PairJudge."""

    def __init__(self, id: str, score: Callable[[str, str], float]) -> None:
        self._id, self._score = id, score

    @property
    def id(self) -> str:
        return self._id

    def readings(self, answered: Sequence[Answered], draws: int, seed: int, path: Path) -> list[Judgement]:
        """See ScoreJudge: one value, as often as asked for."""
        found = []
        for one in answered:
            score = self._score(one.prompt.text, one.response.text)
            found += [Judgement.of(one.response.id, self._id, draw, f"{score:g}", score) for draw in range(draws)]
        return found

    def compare(self, items: Sequence[PairItem], seed: int) -> list[Opinion]:
        """See PairJudge: the higher score, from either side."""
        opinions = []
        for item in items:
            first, second = self._score(item.prompt, item.first), self._score(item.prompt, item.second)
            preference = 0.5 if first == second else float(first > second)
            opinions.append(Opinion(preference=preference, raw=f"{first:g} against {second:g}"))
        return opinions

    def close(self) -> None:
        """Nothing to give back."""


def _length(prompt: str, text: str) -> float:
    """Characters."""
    return float(len(text))


def _constant(prompt: str, text: str) -> float:
    return 3.0
