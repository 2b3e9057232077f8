"""Which pairwise judge a run has: `oracle`, `checkpoint:NAME` or `openai:MODEL`."""

from collections.abc import Callable
from typing import Any

from srlm.engines.base import Engine
from srlm.errors import SettingsError
from srlm.judge.pairwise import ModelPairJudge, PairJudge, template
from srlm.records import Checkpoint, digest
from srlm.settings import Settings
from srlm.store.folder import RunFolder
from srlm.worlds.table import WORLDS

from .calls import CallStore
from .cost import Budget
from .once import Once
from .oracle import OracleJudge


def open_judge(settings: Settings, folder: RunFolder, open_engine: Callable[[Checkpoint], Engine]) -> PairJudge:
    """The judge that `evaluation.judge` names. Raises SettingsError where there is no such judge."""
    kind, _, name = settings.evaluation.judge.partition(":")
    match kind:
        case "oracle" if not name and settings.data.kind in WORLDS:
            return OracleJudge(WORLDS[settings.data.kind].score)
        case "oracle":
            raise SettingsError(
                "evaluation.judge: `oracle` knows the answers of the bead world only (data.kind beads); "
                "choose checkpoint:NAME or openai:MODEL"
            )
        case "checkpoint":
            return ModelPairJudge(open_engine(_checkpoint(folder, name)))
        case "openai" if name:
            from .asking import Asker  # the client is slow to import
            from .endpoint import Endpoint
            from .pairs import AskedPairJudge

            url = settings.evaluation.base_url
            endpoint = Endpoint(service="compatible" if url else "openai", base_url=url, seed=settings.seed)
            store = Once(lambda: CallStore(folder.step("evaluation") / "calls.sqlite"))
            return AskedPairJudge(name, endpoint.service, lambda: Asker(endpoint, store(), Budget()), store.close)
    raise SettingsError(
        f"evaluation.judge: {settings.evaluation.judge!r} is none of oracle, checkpoint:NAME, openai:MODEL"
    )


def judge_facts(settings: Settings, folder: RunFolder) -> dict[str, Any]:
    """What shapes this judge's verdicts, apart from the answers; opens nothing."""
    kind, _, name = settings.evaluation.judge.partition(":")
    facts: dict[str, Any] = {"judge": settings.evaluation.judge}
    if kind == "checkpoint":
        facts |= {f"judge {fact}": value for fact, value in folder.model_facts(_checkpoint(folder, name)).items()}
    if kind == "openai":
        facts["base_url"] = settings.evaluation.base_url
    if kind != "oracle":
        facts["template"] = digest("pairwise", template())
    return facts


def _checkpoint(folder: RunFolder, name: str) -> Checkpoint:
    found = {checkpoint.name: checkpoint for checkpoint in folder.checkpoints()}
    if name not in found:
        here = ", ".join(found) or "none"
        raise SettingsError(f"evaluation.judge: no finished checkpoint {name!r} in {folder.path} (finished: {here})")
    return found[name]
