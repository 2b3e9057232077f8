"""Who labels prompts, and what was asked: a judge's words are kept, and a prompt is asked once.

evaluation/breakdown/categories.jsonl     the judge's list of categories, with its words
evaluation/breakdown/head_to_head.jsonl   labels of the evaluation prompts, with the judge's words
evaluation/breakdown/alpaca_eval.jsonl    labels of AlpacaEval's prompts that are not among these
evaluation/breakdown/calls.sqlite         a server's answers
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from srlm.engines.base import Completion, Engine, Request
from srlm.engines.openai.endpoint import Endpoint
from srlm.engines.openai.retired import refuse_retired
from srlm.errors import DataError, SettingsError
from srlm.judge.open import CALLS, WRITERS, Judge, Server, evaluation_judge
from srlm.judge.unread import parted, still_thinking, why_unread
from srlm.records import Prompt, digest, seed_for, user
from srlm.settings import BreakdownSettings, PairSettings, Sampling, Settings
from srlm.store import files
from srlm.store.folder import RunFolder
from srlm.store.progress import Reporter
from srlm.terminal import say
from srlm.text.template import frame

from ...data import cited
from ...data.kinds import read_names
from ...records import CategoryList, Labels, PromptKind, Unlabelled
from ..base import Asked, OpenEngine
from ..measuring import BLOCK, made_from, refuse_others
from ..within_budget import budget_note, reached, sample_of
from .reading import LENGTHS, read_categories, read_labels, unusable

SETTING = "evaluation.breakdown.judge"
AT_ONCE = 16
"""Prompts that a server is asked about side by side."""
MOST_LETTERS = 200
"""Of a prompt that is shown to find categories."""
LIST_TOKENS = 1024
"""Room for the list of categories."""
TEMPLATE_TOKENS, PROMPT_TOKENS, NAME_TOKENS, LABEL_TOKENS = 250, 50, 8, 25
"""For estimates: of a question without its slots, of a prompt, of a category's name, of the three labels."""


class Labelled(NamedTuple):
    """Labels of a set of prompts."""

    kinds: Sequence[PromptKind]
    note: str
    """Which part of the prompts these are; empty: all."""


def settings_of(settings: Settings) -> BreakdownSettings:
    """The settings of the breakdown, with what they leave to `evaluation.judge`."""
    own, head = settings.evaluation.breakdown, settings.evaluation
    if own.judge is not None or head.judge.partition(":")[0] not in WRITERS:
        return own
    return own.model_copy(
        update={
            "judge": head.judge,
            "base_url": own.base_url or head.base_url,
            "max_cost": head.max_cost if own.max_cost is None else own.max_cost,
            "price": own.price or head.price,
            "reasoning_effort": own.reasoning_effort or head.pairs.reasoning_effort,
        }
    )


def place(folder: RunFolder) -> Path:
    """The folder of all that the breakdown keeps."""
    return folder.step("evaluation") / "breakdown"


def check(settings: Settings) -> None:
    """Raise where the judge can label nothing, or a file is missing, before anybody is asked."""
    wanted = settings_of(settings)
    if wanted.labels is not None:
        return
    if wanted.categories not in ("paper", "own"):
        names_in(wanted.categories)
        if wanted.judge is None:
            raise SettingsError(
                "evaluation.breakdown.categories is a list, and nobody sorts prompts by it; name a judge that writes "
                f"text ({SETTING}), such as openai:MODEL"
            )
    if wanted.judge is None:
        return
    kind, _, name = wanted.judge.partition(":")
    if kind not in WRITERS:
        raise SettingsError(
            f"{SETTING}: {wanted.judge} writes no text, so it cannot label prompts; use openai:MODEL, hf:DIR_OR_ID or "
            "checkpoint:NAME"
        )
    if kind == "openai":
        refuse_retired(Endpoint.at(wanted.base_url, settings.seed), name)


def open_labeller(settings: Settings, folder: RunFolder, open_engine: OpenEngine) -> Judge:
    """The judge of the settings, which has an engine. Raises SettingsError where there is none."""
    wanted = settings_of(settings)
    if wanted.judge is None:
        raise SettingsError(f"{SETTING} is missing: openai:MODEL, hf:DIR_OR_ID or checkpoint:NAME")
    server = Server(
        endpoint=Endpoint.at(wanted.base_url, settings.seed),
        calls=place(folder) / CALLS,
        price=wanted.price,
        max_cost=wanted.max_cost,
    )
    pairs = PairSettings(reasoning_effort=wanted.reasoning_effort)
    return evaluation_judge(folder, wanted.judge, SETTING, server, open_engine, pairs)


# Categories -----------------------------------------------------------------------------------------------------------


def names_in(path: str) -> tuple[str, ...]:
    """The categories of a file. Raises DataError where prompts cannot be sorted by them."""
    names = read_names(Path(path))
    if fault := unusable(names):
        raise DataError(f"{path}: cannot be used as a list of categories: {fault}")
    return names


def found_categories(settings: Settings, folder: RunFolder, prompts: Sequence[Prompt], judge: Judge) -> tuple[str, ...]:
    """The categories that the judge finds in a random part of the prompts, asked once.

    Raises DataError where its list cannot be read: without one nothing else is worth its price.
    """
    wanted, path = settings_of(settings), place(folder) / "categories.jsonl"
    template = _template("categories")
    made_from(path, _facts(judge, wanted) | {"number": wanted.number, "template": digest("template", template)})
    shown = Random(seed_for(settings.seed, "categories")).sample(list(prompts), min(len(prompts), wanted.shown))
    lines = "\n".join(f"- {_short(prompt.transcript)}" for prompt in shown)
    question = frame(template, {"prompts": lines, "number": str(wanted.number)})
    room = Sampling(temperature=0.0, top_p=1.0, max_new_tokens=LIST_TOKENS)

    def work(chunk: Sequence[str], index: int) -> list[CategoryList]:
        (said,) = _written(judge, chunk, [""], wanted, room, seed_for(settings.seed, "categories asked"))
        why = why_unread(said)
        read = read_categories(said.text, wanted.number)
        names, unread = ((), why) if why is not None else read
        return [CategoryList.of(judge.id, tuple(one.id for one in shown), said.text, names, unread)]

    (found,) = files.resumable(path, CategoryList, [question], work, per_item=1, block=1)
    if not found.names:
        raise DataError(
            f"{judge.id}: its list of categories could not be read ({found.unread}); its words are in {path}. Name "
            "another judge, or give a list with --categories FILE, or use --categories own"
        )
    return found.names


def _short(text: str) -> str:
    whole = " ".join(text.split())
    return whole if len(whole) <= MOST_LETTERS else whole[:MOST_LETTERS] + " ..."


# Labels ---------------------------------------------------------------------------------------------------------------


def labelled(
    settings: Settings,
    folder: RunFolder,
    name: str,
    prompts: Sequence[Prompt],
    categories: Sequence[str] | None,
    judge: Judge,
) -> Labelled:
    """The judge's labels of these prompts; `categories` None: their own counts, and it is not asked for one."""
    wanted, path = settings_of(settings), place(folder) / f"{name}.jsonl"
    template = _template("label_own" if categories is None else "label")
    facts = _facts(judge, wanted) | {
        "prompts": digest("prompts", *(prompt.id for prompt in prompts)),
        "categories": None if categories is None else digest("names", *categories),
        "template": digest("template", template, LENGTHS),
        "tokens": wanted.tokens,
        "thought tokens": wanted.thought_tokens,
    }
    seed = seed_for(settings.seed, "labels of prompts")
    room = Sampling(temperature=0.0, top_p=1.0, max_new_tokens=wanted.tokens)
    offered = "\n".join(f"- {one}" for one in categories or ())
    lengths = "\n".join(f"- {one}" for one in LENGTHS)

    def asked(some: Sequence[Prompt], index: int = 0) -> list[PromptKind]:
        slots = {"lengths": lengths} | ({} if categories is None else {"categories": offered})
        questions = [frame(template, {"prompt": prompt.transcript, **slots}) for prompt in some]
        said = _written(judge, questions, [prompt.id for prompt in some], wanted, room, seed)
        return [_kind(prompt, one, judge.id, categories) for prompt, one in zip(some, said, strict=True)]

    by_id = {prompt.id: prompt for prompt in prompts}
    if wanted.max_cost is not None and judge.budget is not None and not path.exists():
        refuse_others(path, facts)
        with Reporter("breakdown: within the budget", folder.log):
            done = reached(list(by_id), lambda ids: asked([by_id[id] for id in ids]), judge.budget(), settings.seed)
        sample = sample_of(list(by_id), [done], wanted.max_cost)
        if note := budget_note(len(sample), len(prompts)):
            say(f"stopped at evaluation.breakdown.max_cost: labels {note}; raise it and run again to resume")
            return Labelled(asked([prompt for prompt in prompts if prompt.id in sample]), note)
    made_from(path, facts)
    with Reporter(f"{judge.id}: labels of prompts", folder.log) as report:
        found = files.resumable(
            path,
            PromptKind,
            prompts,
            asked,
            per_item=1,
            block=BLOCK,
            report=report,
            belongs=lambda prompt, kind: kind.prompt_id == prompt.id,
        )
    return Labelled(found, "")


def _kind(prompt: Prompt, said: Completion, judge: str, categories: Sequence[str] | None) -> PromptKind:
    why = why_unread(said)
    labels, unread = read_labels(said.text, categories)
    if why is not None:
        asked = [name for name in Labels.model_fields if name != "category" or categories is not None]
        labels, unread = Labels(), dict.fromkeys(asked, _reason(why))
    if categories is None:
        labels = labels.model_copy(update={"category": prompt.category})
        unread = unread if prompt.category is not None else {**unread, "category": "none of its own"}
    return PromptKind.of(prompt.id, judge, said.text, labels, unread)


def _reason(why: str) -> Unlabelled:
    match why:
        case "cut" | "open thought" | "no room" | "refused":
            return why
    raise AssertionError(why)


def own_categories(prompts: Sequence[Prompt]) -> list[PromptKind]:
    """Labels where nobody is asked: the prompts' own categories."""
    return [
        PromptKind.of(
            prompt.id,
            "prompts",
            "",
            Labels(category=prompt.category),
            {
                **({} if prompt.category is not None else {"category": "none of its own"}),
                "complexity": "not asked",
                "length": "not asked",
            },
        )
        for prompt in prompts
    ]


# Asking ---------------------------------------------------------------------------------------------------------------


def _written(
    judge: Judge, questions: Sequence[str], names: Sequence[str], wanted: BreakdownSettings, room: Sampling, seed: int
) -> list[Completion]:
    """What the judge writes, with time to end a thought. `names`: what the seed of a server's request follows from."""
    engine = judge.engine
    if engine is None:
        raise SettingsError(f"{SETTING}: {judge.id} writes no text")
    long = room.model_copy(update={"max_new_tokens": max(room.max_new_tokens, wanted.thought_tokens)})
    first = room if wanted.reasoning_effort is None else long  # it is known to think
    said = _ask(engine, judge.budget is not None, questions, names, first, seed)
    thinking = [row for row, one in enumerate(said) if still_thinking(one)] if long != first else []
    if thinking:
        open_ones, of = [questions[row] for row in thinking], [names[row] for row in thinking]
        again = _ask(engine, judge.budget is not None, open_ones, of, long, seed)
        for row, one in zip(thinking, again, strict=True):
            said[row] = one
    return said


def _ask(
    engine: Engine, behind_server: bool, questions: Sequence[str], names: Sequence[str], sampling: Sampling, seed: int
) -> list[Completion]:
    """Greedy answers. A server is asked about one prompt a request whose words follow from the prompt alone, so that it
    is found again whichever prompts a budget reaches with it."""
    requests = [Request(messages=user(question)) for question in questions]
    if not behind_server:
        return [parted(one) for (one,) in engine.generate(requests, sampling, seed)]

    def ask(row: int) -> Completion:
        ((one,),) = engine.generate([requests[row]], sampling, seed_for(seed, names[row]))
        return parted(one)

    if not requests:
        return []
    first = ask(0)  # settles for all what the server takes
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [first, *pool.map(ask, range(1, len(requests)))]


def _facts(judge: Judge, wanted: BreakdownSettings) -> dict[str, Any]:
    """What shapes the judge's words, apart from what it is asked."""
    other = ("template", "pairwise template", "pairs", "sampling", "complete", "thought tokens")
    own = {f"judge {name}": value for name, value in (judge.facts or {}).items() if name not in other}
    return own | ({} if wanted.reasoning_effort is None else {"reasoning effort": wanted.reasoning_effort})


def _template(name: str) -> str:
    return resources.files(__package__).joinpath(f"{name}.txt").read_text(encoding="utf-8").rstrip("\n")


def requests(settings: Settings) -> Iterator[Asked]:
    """What labelling the evaluation prompts asks: a question about each, and one for the list of categories."""
    wanted = settings_of(settings)
    if wanted.labels is not None or wanted.judge is None:
        return
    count = settings.data.evaluation_prompts
    names = wanted.number if wanted.categories == "paper" else 0
    if wanted.categories == "paper":
        reads = TEMPLATE_TOKENS + min(wanted.shown, count) * PROMPT_TOKENS
        yield Asked(
            "categories of the prompts", wanted.judge, 1, reads, names * NAME_TOKENS, wanted.price, wanted.base_url
        )
    reads = TEMPLATE_TOKENS + PROMPT_TOKENS + names * NAME_TOKENS
    alpaca = "labels of AlpacaEval's prompts, if it is judged"
    for what, prompts in (("labels of the prompts", count), (alpaca, cited.PROMPTS)):
        yield Asked(what, wanted.judge, prompts, reads, LABEL_TOKENS, wanted.price, wanted.base_url)
