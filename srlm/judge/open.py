"""Opens every judge there is, from a specification with one grammar everywhere.

    checkpoint:NAME     a model of the run: M1, M2, SFT, ...
    hf:DIR_OR_ID        a language model in a folder or on the hub, OWNER/NAME or OWNER/NAME@REVISION
    openai:MODEL        a language model behind an OpenAI-compatible server
    reward-model:DIR    a sequence classifier with one logit, in a folder or on the hub
    file:PATH           judgements that somebody recorded
    length              characters
    random:SEED         a score drawn by prompt and answer
    constant            3 of 5, whatever is shown
    oracle              the exact program of the data's world, where it has one

`transformers:` is an older name of `hf:`, and its results on disk still go by it. A new kind of judge is a file beside
this one and a case in `open_judge`. Models are loaded, and servers asked, only when a judge is first asked.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from srlm.contents import model_files, sha256_of, weights_digest
from srlm.data.human_ranking import HumanRanking
from srlm.engines.base import Engine
from srlm.engines.hub import commit_of
from srlm.engines.once import LateEngine, Once
from srlm.engines.openai.calls import CallStore
from srlm.engines.openai.cost import Budget, price_of, spent_on
from srlm.engines.openai.endpoint import Endpoint
from srlm.errors import ModelError, SettingsError
from srlm.judge import rubric
from srlm.judge.asked import AskedPairJudge
from srlm.judge.pair_template import load as load_pair_template
from srlm.judge.pairwise import ModelPairJudge, PairwiseJudge
from srlm.judge.plain import PlainJudge
from srlm.judge.pointwise import ModelPointJudge, PointwiseJudge
from srlm.judge.recorded import Recorded
from srlm.records import Checkpoint, Record, digest, seed_for
from srlm.settings import ModelSettings, PairSettings, Price, Sampling, Settings
from srlm.store.folder import RunFolder, recorded
from srlm.text.chat import Chat
from srlm.text.pair_prompt import PairTemplate
from srlm.worlds.table import TITLES, WORLDS

if TYPE_CHECKING:
    from srlm.engines.openai.client import Client

SPECS = (
    "checkpoint:NAME, hf:DIR_OR_ID, openai:MODEL, reward-model:DIR, file:PATH, length, random:SEED, constant or oracle"
)
CALLS = "calls.sqlite"
"""Name of the file of a server's answers, in a run's folder and beside other results."""
WRITERS = ("openai", "hf", "transformers", "checkpoint")
"""Kinds of judges that write words, whatever they are asked."""


class PointwiseSettings(Record):
    """How a language model is asked for scores; the other judges heed none of it."""

    template: str = "additive"
    sampling: Sampling = Sampling(max_new_tokens=256)
    thought_tokens: int | None = None
    """Tokens, thought and judgement together, of a judge that was still thinking at its limit. None: it is unread."""
    complete: bool = False
    """A judgement that stopped without a score line is asked for it (see srlm.judge.pointwise)."""
    draws: int = 3
    """Judgements of each answer."""
    batch_size: int = 32


class Server(Record):
    """Where an `openai:` judge is asked, what keeps its answers, and what it may cost."""

    endpoint: Endpoint = Endpoint()
    calls: Path | None = None
    """The file of its answers: what is in it is not asked again. None: nothing is kept."""
    replay: bool = False
    """Whether all answers come from that file, and nobody is asked."""
    price: Price | None = None
    """None: the price list's."""
    max_cost: float | None = None
    """US dollars it may cost. None: no limit."""
    whole_file: bool = False
    """Whether what the file's answers have cost before counts, too."""


class Around(NamedTuple):
    """What specifications refer to, where a judge is opened."""

    asking: PointwiseSettings = PointwiseSettings()
    pairs: PairSettings = PairSettings()
    server: Server = Server()
    run: RunFolder | None = None
    """Holds the checkpoints."""
    open_checkpoint: Callable[[Checkpoint], Engine] | None = None
    """None: as the run's `engine` says."""
    world: Callable[[str, str], float] | None = None
    """The exact program: (prompt, answer) -> score."""
    sets: Sequence[HumanRanking] = ()
    """What recorded judgements are looked up for."""
    option: str = "--judge"
    """The option or setting that names the judge, for messages."""
    pair_template: PairTemplate | None = None
    """How pairs are compared, where it is none that `pairs.template` could name."""


def _nothing() -> None:
    """Nothing to give back."""


def _ignored(error: Exception) -> None:
    """Nothing is asked of a server."""


@dataclass(frozen=True)
class Judge:
    """A judge: by scores, by pairs, or both."""

    id: str
    """As judgements and verdicts carry it."""
    pointwise: PointwiseJudge | None
    pairwise: PairwiseJudge | None
    facts: Mapping[str, Any] | None = None
    """What shapes its words, for the note beside them. None: it costs nothing and nothing is kept."""
    five_points: bool = False
    """Whether all its scores lie in 0..5."""
    draws: int | None = None
    """Judgements of an answer that differ from each other; None: as many as are asked for."""
    one_order: bool = False
    """Whether its comparisons were made in one order only: such a verdict stands alone."""
    budget: Callable[[], Budget] | None = None
    """What its answers have cost; each is kept as it comes. None: no server is asked."""
    calls: Path | None = None
    """The file of a server's answers."""
    engine: Engine | None = None
    """What writes its words, whatever it is asked. None: it writes none."""
    account: Mapping[str, int] = field(default_factory=dict)
    """What a file of judgements holds and is not used, by reason."""
    close: Callable[[], None] = field(default=_nothing)
    stop: Callable[[Exception], None] = field(default=_ignored)
    """Has other threads that ask a server ask nothing more; they raise the error."""

    @property
    def file(self) -> str:
        """How names of its files begin; for people, it is never parsed."""
        name = "".join(letter if letter.isalnum() or letter in "-._" else "-" for letter in self.id)[:80] or "judge"
        return name.encode(errors="replace")[:200].decode(errors="ignore")  # a file's name has at most 255 bytes


def open_judge(spec: str, around: Around) -> Judge:
    """The judge of a specification. Raises SettingsError where there is no such judge, ModelError where no model."""
    kind, _, name = spec.partition(":")
    match kind:
        case "length" | "constant" if not name:
            return _plain(spec, _length if kind == "length" else _constant, five_points=kind == "constant")
        case "random" if name.isdecimal() and name.isascii():
            return _plain(spec, partial(_drawn, int(name)))
        case "oracle" if not name:
            if around.world is None:
                raise SettingsError(
                    f"{around.option}: `oracle` is the exact program of a world ({TITLES}), and "
                    "this data has none; use checkpoint:NAME or openai:MODEL"
                )
            return _plain(spec, around.world)
        case "file" if name:
            said = Recorded.read(name, around.sets)
            return Judge(
                said.id,
                said if said.scores_known else None,
                said if said.pairs_known else None,
                five_points=said.five_points,
                draws=said.draws,
                one_order=said.one_order,
                account={name: count for name, count in said.account.items() if count},
            )
        case "checkpoint" if name:
            return _of_run(name, around)
        case "hf" | "transformers" if name:
            return _local(name, around)
        case "reward-model" if name:
            return _reward_model(name, around)
        case "openai" if name:
            return _behind_server(name, around)
    raise SettingsError(f"{around.option} {spec}: not one of the judges {SPECS}")


def loops_judge(
    run: RunFolder,
    model: Checkpoint,
    pair_template: PairTemplate | None = None,
    open_checkpoint: Callable[[Checkpoint], Engine] | None = None,
) -> Judge:
    """Who judges in a run's loop: the server of `judge.engine` where there is one, else the model itself.

    `pair_template`: how it is asked to compare two answers; None: as srlm asks. `open_checkpoint`: opens the model
    where it judges itself, as one who keeps it open does; None: it is opened anew. A server's answers are kept in the
    run's folder, and `judge.max_cost` caps what all of them cost together.
    """
    settings = run.settings
    asking = PointwiseSettings(
        template=settings.judge.template,
        sampling=settings.judge.sampling,
        complete=settings.judge.complete,
        thought_tokens=settings.judge.thought_tokens,
        draws=settings.judge.draws,
    )
    engine = settings.judge.engine
    if engine is None:
        return open_judge(
            f"checkpoint:{model.name}",
            Around(
                asking=asking, run=run, option="judge", pair_template=pair_template, open_checkpoint=open_checkpoint
            ),
        )
    server = Server(
        endpoint=Endpoint.of(engine, settings.seed),
        calls=run.path / CALLS,
        price=settings.judge.price,
        max_cost=settings.judge.max_cost,
        whole_file=True,
    )
    pairs = PairSettings(reasoning_effort=engine.reasoning_effort)
    around = Around(
        asking=asking, pairs=pairs, server=server, run=run, option="judge.engine", pair_template=pair_template
    )
    return open_judge(f"openai:{engine.model}", around)


def contest_judge(run: RunFolder, open_checkpoint: Callable[[Checkpoint], Engine] | None = None) -> Judge:
    """Who compares a run's models head to head: `evaluation.judge`. A server's answers are kept in the run's folder.

    Raises SettingsError where there is no such judge, or it scores only.
    """
    wanted = run.settings.evaluation
    endpoint = Endpoint.at(wanted.base_url, run.settings.seed)
    server = Server(endpoint=endpoint, price=wanted.price, max_cost=wanted.max_cost)
    judge = evaluation_judge(run, wanted.judge, "evaluation.judge", server, open_checkpoint)
    pairwise_of(judge)
    return judge


def evaluation_judge(
    run: RunFolder,
    spec: str,
    option: str,
    server: Server,
    open_checkpoint: Callable[[Checkpoint], Engine] | None = None,
    pairs: PairSettings | None = None,
) -> Judge:
    """A judge of a run's evaluation, which the setting `option` names.

    Servers' answers are kept in one file, where `server` names no other, and what one judge has cost counts for every
    use of it there. `pairs`: instead of `evaluation.pairs`.
    """
    settings = run.settings
    kept = {"calls": server.calls or run.step("evaluation") / CALLS, "whole_file": server.max_cost is not None}
    return open_judge(
        spec,
        Around(
            pairs=pairs or settings.evaluation.pairs,
            server=server.model_copy(update=kept),
            run=run,
            open_checkpoint=open_checkpoint,
            world=WORLDS[settings.data.kind].score if settings.data.kind in WORLDS else None,
            option=option,
        ),
    )


def mt_bench_judge(run: RunFolder, open_checkpoint: Callable[[Checkpoint], Engine] | None = None) -> Judge:
    """Who grades a run's models on MT-Bench: `evaluation.mt_bench.judge`, else `evaluation.judge`.

    Raises SettingsError where there is no such judge, or it writes no words.
    """
    wanted = run.settings.evaluation
    own = wanted.mt_bench
    spec, option = mt_bench_spec(run.settings)
    server = Server(
        endpoint=Endpoint.at(own.base_url or wanted.base_url, run.settings.seed),
        price=own.price or wanted.price,
        max_cost=wanted.max_cost if own.max_cost is None else own.max_cost,
    )
    judge = evaluation_judge(run, spec, option, server, open_checkpoint)
    if judge.engine is None:
        judge.close()
        raise SettingsError(
            f"{option} {spec}: writes no words, so it cannot grade MT-Bench; set evaluation.mt_bench.judge to "
            "openai:MODEL, hf:DIR_OR_ID or checkpoint:NAME"
        )
    return judge


def mt_bench_spec(settings: Settings) -> tuple[str, str]:
    """The judge of MT-Bench, and the setting that names it."""
    own = settings.evaluation.mt_bench.judge
    return (settings.evaluation.judge, "evaluation.judge") if own is None else (own, "evaluation.mt_bench.judge")


def pairwise_of(judge: Judge) -> PairwiseJudge:
    """The judge's comparisons. Raises SettingsError where it has none."""
    if judge.pairwise is None:
        raise SettingsError(f"evaluation.judge: {judge.id} has scores only, and no comparisons of two answers")
    return judge.pairwise


def check_budget(settings: Settings) -> None:
    """Raise EngineError where `judge.max_cost` is to be kept and the price of `judge.engine` is not known."""
    engine = settings.judge.engine
    if engine is not None:
        provider = Endpoint.of(engine).provider
        Budget(settings.judge.price or price_of(provider, engine.model or ""), settings.judge.max_cost)


class AskedModel(NamedTuple):
    """A model behind a server that a run asks."""

    setting: str
    endpoint: Endpoint
    model: str


def asked_models(settings: Settings) -> list[AskedModel]:
    """Every model behind a server that the run asks: its judge, its writer of prompts, the judges of its evaluation."""
    engines = {"judge.engine": settings.judge.engine, "prompts.engine": settings.prompts.engine}
    found = [
        AskedModel(name, Endpoint.of(engine, settings.seed), engine.model)
        for name, engine in engines.items()
        if engine is not None and engine.kind == "openai" and engine.model is not None
    ]
    wanted = settings.evaluation
    judges = {
        "evaluation.judge": (wanted.judge, wanted.base_url),
        "evaluation.mt_bench.judge": (wanted.mt_bench.judge, wanted.mt_bench.base_url or wanted.base_url),
        "evaluation.breakdown.judge": (wanted.breakdown.judge, wanted.breakdown.base_url),
    }
    for name, (spec, base_url) in judges.items():
        kind, _, model = (spec or "").partition(":")
        if kind == "openai" and model:
            found.append(AskedModel(name, Endpoint.at(base_url, settings.seed), model))
    return found


# Plain ones -----------------------------------------------------------------------------------------------------------


def _plain(spec: str, score: Callable[[str, str], float], five_points: bool = False) -> Judge:
    plain = PlainJudge(spec, score)
    return Judge(spec, plain, plain, five_points=five_points, draws=1)


def _length(prompt: str, text: str) -> float:
    """Characters."""
    return float(len(text))


def _constant(prompt: str, text: str) -> float:
    return 3.0


def _drawn(seed: int, prompt: str, text: str) -> float:
    return random.Random(seed_for(seed, prompt, text)).uniform(0, 5)


# Language models ------------------------------------------------------------------------------------------------------


def _of_run(name: str, around: Around) -> Judge:
    run = around.run
    if run is None:
        raise SettingsError(f"{around.option} checkpoint:{name}: there is no run here; use hf:runs/NAME/{name}/model")
    found = {checkpoint.name: checkpoint for checkpoint in run.all_checkpoints()}
    if name not in found:
        here = ", ".join(found) or "none"
        raise SettingsError(f"{around.option}: no finished checkpoint {name!r} in {run.path} (finished: {here})")

    def load() -> Engine:
        if around.open_checkpoint is not None:
            return around.open_checkpoint(found[name])
        from srlm.engines.open import open_checkpoint

        return open_checkpoint(run.settings, found[name], run.path)

    return _model(f"checkpoint:{name}", LateEngine(name, load), around, run.model_facts(found[name]))


def _local(name: str, around: Around) -> Judge:
    from srlm.engines.weights import called

    local = local_model(name, around.option)

    def load() -> Engine:
        from srlm.engines.transformers import TransformersEngine

        settings, effort = local.settings, around.pairs.reasoning_effort
        if effort is not None:  # a variable of the chat template, as of gpt-oss
            given = {**settings.template_arguments, "reasoning_effort": effort}
            settings = settings.model_copy(update={"template_arguments": given})
        return TransformersEngine.load(local.place, called(local.place), settings, around.asking.batch_size)

    # Results that lie on disk go by the older name of `hf:`.
    return _model(f"transformers:{local.place}", LateEngine(called(local.place), load), around, local.facts)


def _model(
    spec: str, engine: Engine, around: Around, model: Mapping[str, str], pairwise: PairwiseJudge | None = None
) -> Judge:
    asking, wording = around.asking, rubric.load(around.asking.template)
    pair_template = around.pair_template or load_pair_template(around.pairs.template)
    changed = around.pairs.model_dump(mode="json", exclude_defaults=True, exclude={"template"})
    facts = {
        "judge": spec,
        "weights": None,
        **model,
        "template": wording.digest,
        "pairwise template": pair_template.digest,
        **({"pairs": changed} if changed else {}),
        **asking.model_dump(mode="json", include={"sampling", "complete"}),
        **({} if asking.thought_tokens is None else {"thought tokens": asking.thought_tokens}),
        "base_url": around.server.endpoint.noted,
    }
    pointwise = ModelPointJudge(engine, wording, asking.sampling, asking.complete, asking.thought_tokens)
    pairs = pairwise or ModelPairJudge(engine, around.pairs, pair_template)
    close = engine.close if pairwise is None else pairwise.close
    return Judge(engine.id, pointwise, pairs, facts=facts, five_points=True, close=close, engine=engine)


def _behind_server(name: str, around: Around) -> Judge:
    server = around.server
    store = None if server.calls is None else Once(partial(CallStore, server.calls, server.replay))

    def connect() -> "Client":
        from srlm.engines.openai.client import Client  # slow to import
        from srlm.engines.openai.engine import unread

        price = server.price or price_of(server.endpoint.provider, name)
        kept = None if store is None else store()
        spent = spent_on(kept, name, price) if server.whole_file and kept is not None and price is not None else 0.0
        return Client(server.endpoint, kept, Budget(price, server.max_cost, spent), unread)

    client = Once(connect)

    def engine() -> Engine:
        from srlm.engines.openai.engine import OpenAIEngine

        return OpenAIEngine(client(), name, around.pairs.reasoning_effort)

    def close() -> None:
        client.close()
        if store is not None:
            store.close()

    judge = _model(
        f"openai:{name}",
        LateEngine(name, engine),
        around,
        {"server": _whose(around)},
        AskedPairJudge(name, client, close, around.pairs, around.pair_template),
    )

    def stop(error: Exception) -> None:
        if client.opened is not None:
            client.opened.stop(error)

    return replace(judge, budget=lambda: client().budget, calls=server.calls, stop=stop)


def _whose(around: Around) -> str:
    """Whose answers judgements on disk are. A run's own server may move to another port, and is then still its own."""
    endpoint = around.server.endpoint
    return endpoint.address if endpoint.official or around.run is None else "not OpenAI's own"


def _reward_model(name: str, around: Around) -> Judge:
    from srlm.engines.weights import called
    from srlm.judge.reward_model import RewardModel, RewardModelJudge

    local = local_model(name, around.option)
    load = partial(RewardModel.load, local.place, local.settings, around.asking.batch_size)
    judge = RewardModelJudge(called(local.place), load)
    facts = {"judge": f"reward-model:{local.place}", **local.facts}
    return Judge(judge.id, judge, judge, facts=facts, draws=1, close=judge.close)


# Models on this machine -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LocalModel:
    """A model in a folder, or of the hub at a commit."""

    place: str
    settings: ModelSettings
    facts: Mapping[str, str]
    """What it is made of: a folder, or a name of the hub, may hold another model tomorrow."""


def local_model(name: str, option: str = "--judge") -> LocalModel:
    """The model of DIR, OWNER/NAME or OWNER/NAME@REVISION; its weights are not loaded. Raises ModelError for none."""
    from srlm.engines.weights import load_chat

    place, _, revision = (name, "", "") if Path(name).is_dir() else name.partition("@")
    try:
        facts = folder_facts(Path(place)) if Path(place).is_dir() else {"commit": commit_of(place, revision or None)}
        settings = model_settings(place, facts.get("commit"))
        return LocalModel(place, settings, {**facts, **chat_facts(load_chat(place, settings))})
    except ModelError as error:
        raise ModelError(f"{option}: {error}") from error


def model_settings(place: str, revision: str | None = None) -> ModelSettings:
    """How a model in a folder, or of the hub, is loaded as a judge: one of a run with the run's date and arguments of
    the chat template, so that it judges as it does within the run."""
    plain = ModelSettings(base=place, dtype="auto", revision=revision)
    run = Path(place).resolve().parent.parent  # RUN/M2/model
    if not all((run / name).is_file() for name in ("settings.json", "inputs.json")):
        return plain
    own = RunFolder(recorded(run), ()).settings.model  # its steps play no part in that
    return plain.model_copy(update={"date": own.date, "template_arguments": own.template_arguments})


def chat_facts(chat: Chat) -> dict[str, str]:
    """What a chat template is told beside the conversation: its clock, where it has one, and its arguments."""
    found = {"date": chat.date.isoformat()} if chat.has_clock else {}
    return found | ({"template arguments": digest(chat.arguments)} if chat.arguments else {})


def folder_facts(folder: Path) -> dict[str, str]:
    """What a model's folder holds: its weights alone, and all files that make the model."""
    files = {name: sha256_of(path) for name, path in model_files(folder)}
    return {"weights": weights_digest(folder, lambda path: files[path.name]), "model files": digest(files)}
