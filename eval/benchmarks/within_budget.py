"""What a budget reaches: a random part of the prompts, whole ones only, and the same ones for every judge.

A judge behind a server keeps its answers call by call, so that what is asked twice is paid once. First the prompts are
asked in a random order until the budget has no room left. The figures are then computed on those that it reached, from
answers that are there. A larger budget adds prompts to these.

AlpacaEval's judges are asked call by call, all calls being known beforehand: `asked_by_prompt` (eval/judging) asks them
in the same order of prompts, and the client leaves out what the budget does not reach.
"""

import math
from collections.abc import Callable, Sequence

from srlm.engines.openai.cost import Budget, BudgetSpent
from srlm.errors import DataError
from srlm.records import digest
from srlm.text.counts import counted

from ..records import MetricValue

MOST_AT_ONCE = 32
"""Prompts that are asked about side by side; fewer where the budget has not room for twice as many."""


def random_place(prompt: str, seed: int) -> str:
    """What prompts are sorted by, so that the first of them are a random part, and more of them hold fewer."""
    return digest("asked", seed, prompt)


def reached(prompts: Sequence[str], ask: Callable[[Sequence[str]], object], budget: Budget, seed: int) -> list[str]:
    """The prompts that the budget reaches: the first of a random order; all, where it reaches all.

    `prompts`: their ids, each once. `ask` asks all there is to ask about some of them, in that order, and raises
    BudgetSpent where `budget` has no room for it.
    """
    order = sorted(prompts, key=lambda prompt: random_place(prompt, seed))
    done, at_once = 0, 1
    while done < len(order):
        some, before = order[done : done + at_once], budget.spent
        try:
            ask(some)
        except BudgetSpent:
            if at_once == 1:
                break
            at_once = 1  # what of these was answered is found again
            continue
        done += len(some)
        each = (budget.spent - before) / len(some)
        left = math.inf if budget.most is None else budget.most - budget.spent
        # Half of what is left: prompts cost different amounts, and one that is asked in part is paid for nothing.
        at_once = max(1, min(MOST_AT_ONCE, 2 * at_once, int(left / 2 / each) if each else MOST_AT_ONCE))
    return order[:done]


def sample_of(prompts: Sequence[str], by_judge: Sequence[Sequence[str]], most: float | None) -> frozenset[str]:
    """The prompts that every judge has reached. `by_judge`: of each, the result of `reached` with one seed.

    Raises DataError where they are none.
    """
    found = min(by_judge, key=len, default=prompts)
    if prompts and not found:
        raise DataError(f"no prompt was judged whole within {most:g} US dollars (--max-cost, max_cost); raise it")
    return frozenset(found)


def budget_note(reached: int, prompts: int) -> str:
    """What stands beside a figure; empty where the budget reached all."""
    return f"on {reached} of {counted(prompts, 'prompts')}, drawn at random (budget)" if reached < prompts else ""


def noted(metrics: Sequence[MetricValue], note: str) -> list[MetricValue]:
    """The figures with a note before their own."""
    return [m.model_copy(update={"note": f"{note}; {m.note}" if m.note else note}) if note else m for m in metrics]
