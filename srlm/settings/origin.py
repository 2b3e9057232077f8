"""Where settings were written, for messages about them."""

from collections.abc import Callable, Sequence

RUN_FILE = "run file"
"""What messages call the place of settings that stand in no file."""


def nowhere(*names: str) -> str:
    """Of settings that no file states."""
    return RUN_FILE


class Origin:
    """The file in which settings stand, by their dotted names; of no names, the run file.

    Settings are the same wherever they stand, so all origins are equal.
    """

    def __init__(self, where: Callable[..., str] = nowhere, options: Sequence[str] = ()) -> None:
        self._where = where
        self.options = tuple(options)
        """Of a command, which give these settings once more: --run FILE --set KEY=VALUE ...; none: no file has them."""

    def __call__(self, *names: str) -> str:
        return self._where(*names)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Origin)

    def __hash__(self) -> int:
        return hash(Origin)
