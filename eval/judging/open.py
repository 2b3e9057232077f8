"""What shapes the verdicts of a run's head to head."""

from typing import Any

from srlm.judge.open import Judge
from srlm.settings import Settings


def judge_facts(settings: Settings, judge: Judge) -> dict[str, Any]:
    """What shapes this judge's verdicts, apart from the answers, as notes beside verdicts have always named it."""
    kind = settings.evaluation.judge.partition(":")[0]
    facts = judge.facts or {}
    noted: dict[str, Any] = {"judge": settings.evaluation.judge}
    if kind == "openai":
        noted["base_url"] = facts.get("base_url")
    else:
        own = ("judge", "pairs", "template", "pairwise template", "sampling", "complete", "base_url", "thought tokens")
        noted |= {f"judge {name}": value for name, value in facts.items() if name not in own}
    if "pairs" in facts:
        noted["judge pairs"] = facts["pairs"]
    if "pairwise template" in facts:
        noted["template"] = facts["pairwise template"]
    return noted
