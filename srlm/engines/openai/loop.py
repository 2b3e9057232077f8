"""An event loop in a thread of its own, which serves whoever asks: any thread, also one that runs a loop itself."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import wait
from typing import Any, TypeVar

R = TypeVar("R")


class BackgroundLoop:
    """One loop for all that a client does, so that nothing it holds is ever met by another loop."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="openai client", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, R], interrupted: Callable[[], None] = lambda: None) -> R:
        """What the coroutine returns. At Ctrl-C, or the SystemExit of a handler of SIGTERM, `interrupted` is called in
        the loop, and the coroutine may end by itself; at a second one it is cancelled. The interruption is raised then.
        """
        if threading.current_thread() is self._thread:
            work.close()
            raise AssertionError("a client's own loop cannot wait for itself")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except (KeyboardInterrupt, SystemExit):
            self._loop.call_soon_threadsafe(interrupted)
            try:
                wait([future])  # what it finds when it is to stop is not what ended it
            except (KeyboardInterrupt, SystemExit):
                future.cancel()
            raise

    def call(self, what: Callable[[], None]) -> None:
        """Have it called in the loop, soon."""
        self._loop.call_soon_threadsafe(what)

    def close(self) -> None:
        """Cancel what is left, and end the thread; closing again does nothing."""
        if self._loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(_cancel_others(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _cancel_others() -> None:
    left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()
