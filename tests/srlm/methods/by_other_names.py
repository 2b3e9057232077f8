"""The method of by_length.py with other names than M2, M3, ...: only a method knows what its models are called."""

from collections.abc import Sequence

from srlm.methods import start
from srlm.records import Step
from srlm.settings import Settings
from tests.srlm.methods.by_length import ByLength


class ByOtherNames(ByLength):
    def steps(self, settings: Settings, last: int) -> Sequence[Step]:
        names = {t: f"length-{t}" if t > 1 else "M1" for t in range(1, last + 1)}
        loop = [Step(name=names[t], parent=names[t - 1], role="iteration", number=t) for t in range(2, last + 1)]
        return [*start.STEPS, *loop]


METHOD = ByOtherNames()
