"""What the paper leaves out or puts in another's place, each as another run with a few settings changed."""

from collections.abc import Sequence
from typing import NamedTuple

from srlm.errors import SettingsError, first_line
from srlm.run_file import overridden
from srlm.settings import Settings
from srlm.worlds.table import WORLDS

RUBRICS = ("additive", "multiple_choice")
"""The judge's prompts that are compared; the second is the other."""
JUDGE_PROMPT = "judge_prompt"
"""The ablation that trains nothing: the SFT baseline judges with each of RUBRICS."""


class Arm(NamedTuple):
    """One ablation that trains another run."""

    name: str
    what: str
    overrides: Sequence[str]

    def settings(self, given: Settings) -> Settings:
        """The settings of its run, from those that a run's file has."""
        name = f"{given.name}-ablation-{self.name}"
        if len(name) > 100:
            raise SettingsError(f"{name}: the name of a run has 100 characters at most; rename the run")
        return overridden(given, [*self.overrides, f"name={name}"])


ARMS = (
    Arm("positive_only", "SFT on answers that the model scored 5, no pairs", ["method=positive_sft"]),
    Arm(
        "ift_only",
        "M1 trained on IFT alone, no EFT data",
        # The paper's judge gives almost one score then; the run is to show that, and not to stop there.
        ["eft.writer=off", "judge.on_collapse=continue"],
    ),
    Arm("own_prompts", "new prompts by M_t itself", ["prompts.writer=self"]),
)
NAMES = (JUDGE_PROMPT, *(arm.name for arm in ARMS))


def inapplicable(name: str, given: Settings) -> str:
    """Why an ablation says nothing of a run; empty where it does."""
    if name == JUDGE_PROMPT:
        world = given.data.kind in WORLDS
        return f"the models of {given.data.kind} read no English rubric" if world else ""
    arm = next(arm for arm in ARMS if arm.name == name)
    try:
        same = arm.settings(given).digest == given.digest
    except SettingsError as error:  # what the arm changes does not go with the rest of the run
        return first_line(error)
    if same:
        return f"the run itself is trained like that ({', '.join(arm.overrides)})"
    return ""


def chosen(names: Sequence[str]) -> list[str]:
    """Those of these names, in order; all where none is given. Raises SettingsError for another name."""
    for name in names:
        if name not in NAMES:
            raise SettingsError(f"{name}: no such ablation; the ablations are {', '.join(NAMES)}")
    return [name for name in NAMES if not names or name in names]
