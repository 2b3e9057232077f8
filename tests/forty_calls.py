"""Forty calls to a server, for tests that ask them themselves, and as a process that they stop.

python -m tests.forty_calls ADDRESS STORE '{"concurrency": 4}'    # the last: settings of the endpoint
"""

import json
import signal
import sys
from pathlib import Path
from typing import Any

from srlm.engines.openai.calls import Answer, Call, CallStore
from srlm.engines.openai.client import Client
from srlm.engines.openai.endpoint import Endpoint


def call(number: int, **changes: Any) -> Call:
    """Question `number`, asked in a token."""
    settings = {"max_tokens": 1, "temperature": 1}
    given = {"service": "compatible", "model": "judge", "settings": settings, "template": "t", **changes}
    return Call(messages=({"role": "user", "content": f"question {number}"},), **given)


def calls(number: int) -> list[Call]:
    """The first questions."""
    return [call(n) for n in range(number)]


def main(address: str, path: str, settings: str) -> None:
    with CallStore(Path(path)) as store:
        client = Client(Endpoint(service="compatible", base_url=address, **json.loads(settings)), store)
        said = client.ask(calls(40))
        client.close()
    print(json.dumps([one.choice["message"]["content"] if isinstance(one, Answer) else None for one in said]))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    main(*sys.argv[1:])
