"""Rules that a program checks: regular expressions and lengths, given in the settings."""

import re
from collections.abc import Sequence

from srlm.errors import SettingsError
from srlm.judge.pointwise import Answered
from srlm.rewards.base import Context, Rewarded, keep_rewards
from srlm.settings import Rule, RulesRewardSettings


class RulesReward:
    """The points of the rules that an answer keeps, and `per_character` for each of its characters."""

    asks_judge = False

    def __init__(self, settings: RulesRewardSettings) -> None:
        self._settings = settings

    @property
    def rule(self) -> str:
        length = self._settings.per_character
        return (
            f"reward = the points of the rules that hold ({len(self._settings.rules)} in reward.rules)"
            f"{f', {length:+g} a character' if length else ''}"
        )

    def check(self) -> None:
        if not self._settings.rules and not self._settings.per_character:
            raise SettingsError("reward.kind `rules` has no rules; set reward.rules or reward.per_character")
        for number, rule in enumerate(self._settings.rules):
            if rule.matches is None and rule.min_characters is None and rule.max_characters is None:
                raise SettingsError(
                    f"reward.rules[{number}] has no condition; set matches, min_characters or max_characters"
                )
            try:
                re.compile(rule.matches or "")
            except re.error as error:
                raise SettingsError(
                    f"reward.rules[{number}].matches {rule.matches!r}: not a regular expression: {error}"
                ) from None

    def rewards(self, answered: Sequence[Answered], context: Context) -> Rewarded:
        responses = [one.response for one in answered]
        numbers = [points(one.text, self._settings) for one in responses]
        return keep_rewards(context.folder, "rules", responses, numbers, context.numbers_name)


def points(text: str, settings: RulesRewardSettings) -> float:
    """The reward of one answer's words."""
    return sum(rule.points for rule in settings.rules if holds(rule, text)) + settings.per_character * len(text)


def holds(rule: Rule, text: str) -> bool:
    """Whether an answer meets every condition of a rule."""
    if rule.matches is not None and not re.search(rule.matches, text):
        return False
    return (
        (rule.min_characters or 0) <= len(text) <= (len(text) if rule.max_characters is None else rule.max_characters)
    )
