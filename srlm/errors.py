"""What can go wrong that the user can mend.

SrlmError               prints as its message, exit status 2
├── SettingsError       a run file, a key or a value
├── DataError           a seed file: trees, prompts, rankings
├── RecordError         a line of a run's own files
├── StoreError          the run's folder: locked, full, made with other settings
├── ModelError          a model folder, its tokenizer or its chat template
├── EngineError         a server or a local engine that cannot answer
│   ├── DeadEngineError a process that an engine had started is gone
│   ├── RoomError       a prompt and its continuation do not fit into the model's context
│   └── CapabilityError an engine has no log-probabilities, or no way to go on with a beginning
├── LaunchError         training processes that could not start, or ended with a fault
└── CollapseError       the judge no longer tells answers apart, or next to nothing that a stage makes is of use (the
                        run stops before it trains on noise)

Anything else that is raised is a defect of ours and keeps its traceback.
"""

from srlm.bounded.quote import cut
from srlm.printable import block, one_line
from srlm.secrets import withheld

LINE = 1_000
"""Characters of one line of another library's error that a message quotes."""


def first_line(error: BaseException) -> str:
    """The first line of what an error says, without keys that this process knows of, or its name where it says
    nothing."""
    return cut(withheld(str(error).strip() or type(error).__name__).splitlines()[0], LINE)


class SrlmError(Exception):
    """Something the user can mend; the message says what was found, where, and what to do.

    Messages quote files that anybody wrote: what would steer a terminal is shown as `?`, keys that this process knows
    of as `***`, and a message that is longer than any terminal shows is cut in its middle.
    """

    def __str__(self) -> str:
        return block(cut(withheld(super().__str__())))


class SettingsError(SrlmError):
    """A run file, a key or a value is not usable."""


class DataError(SrlmError):
    """A seed file holds something that is not what it should hold; the message is one line, whatever it quotes."""

    def __str__(self) -> str:
        return one_line(super().__str__())


class RecordError(SrlmError):
    """A line of one of the run's own files does not decode."""


class StoreError(SrlmError):
    """The run's folder cannot be used: held by another process, out of space, or made with other settings."""


class ModelError(SrlmError):
    """A model folder is missing a part, or its tokenizer cannot do what the loop needs."""


class EngineError(SrlmError):
    """An engine could not answer."""


class DeadEngineError(EngineError):
    """A process that an engine had started is gone, and the engine with it; a new one may answer."""


class RoomError(EngineError):
    """A prompt leaves no room for a continuation in the model's context; others may fit."""


class CapabilityError(EngineError):
    """An engine does not have what it was asked for, such as log-probabilities, and another try would not change that;
    whoever asks may ask in words. One that is lost, busy or out of money is no such case."""


class LaunchError(SrlmError):
    """The processes that train could not be started, or one of them ended with a fault."""


class CollapseError(SrlmError):
    """The judge gives almost one score, almost no prompt yields a pair, or a stage makes almost nothing of use."""
