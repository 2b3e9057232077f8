"""The pairwise judge of a run's head to head, from `evaluation.judge`, and what shapes its verdicts."""

from collections.abc import Callable
from typing import Any

from srlm.engines.base import Engine
from srlm.engines.openai.endpoint import Endpoint
from srlm.errors import SettingsError
from srlm.judge.open import CALLS, Around, Judge, Server, open_judge
from srlm.judge.pairwise import PairwiseJudge
from srlm.records import Checkpoint
from srlm.settings import Settings
from srlm.store.folder import RunFolder
from srlm.worlds.table import WORLDS


def open_run_judge(settings: Settings, folder: RunFolder, open_engine: Callable[[Checkpoint], Engine]) -> Judge:
    """The judge that `evaluation.judge` names. Raises SettingsError where there is no such judge, or it scores only."""
    url = settings.evaluation.base_url
    endpoint = Endpoint(service="compatible" if url else "openai", base_url=url, seed=settings.seed)
    judge = open_judge(
        settings.evaluation.judge,
        Around(
            server=Server(endpoint=endpoint, calls=folder.step("evaluation") / CALLS),
            run=folder,
            open_checkpoint=open_engine,
            world=WORLDS[settings.data.kind].score if settings.data.kind in WORLDS else None,
            option="evaluation.judge",
        ),
    )
    pairwise_of(judge)
    return judge


def pairwise_of(judge: Judge) -> PairwiseJudge:
    """The judge's comparisons. Raises SettingsError where it has none."""
    if judge.pairwise is None:
        raise SettingsError(f"evaluation.judge: {judge.id} has scores only, and no comparisons of two answers")
    return judge.pairwise


def judge_facts(settings: Settings, judge: Judge) -> dict[str, Any]:
    """What shapes this judge's verdicts, apart from the answers, as notes beside verdicts have always named it."""
    kind = settings.evaluation.judge.partition(":")[0]
    facts = judge.facts or {}
    noted: dict[str, Any] = {"judge": settings.evaluation.judge}
    if kind == "openai":
        noted["base_url"] = settings.evaluation.base_url
    else:
        own = ("judge", "template", "pairwise template", "sampling", "complete", "base_url")
        noted |= {f"judge {name}": value for name, value in facts.items() if name not in own}
    if "pairwise template" in facts:
        noted["template"] = facts["pairwise template"]
    return noted
