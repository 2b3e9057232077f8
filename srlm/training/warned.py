"""What training warns of, where a user finds it later: in the run's log, too."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from srlm.terminal import logger, note


@contextmanager
def also_logged(log: Callable[[str], None]) -> Iterator[None]:
    """Warnings of `srlm.training` are printed, a line each, and given to `log`."""
    heard, handler = logger("srlm.training"), _Lines(log)
    heard.addHandler(handler)
    try:
        yield
    finally:
        heard.removeHandler(handler)


class _Lines(logging.Handler):
    def __init__(self, log: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        line = " ".join(record.getMessage().split())
        note(f"warning: {line}")
        self._log(f"warning: {line}")
