"""Whether a server would answer for a model, by its list of models: asking for that costs nothing."""

import asyncio

import openai

from srlm.engines.openai.connection import Connection
from srlm.engines.openai.endpoint import Endpoint
from srlm.engines.openai.loop import BackgroundLoop
from srlm.engines.openai.servers import find_key, shown
from srlm.errors import EngineError

PATIENCE = 10.0
"""Seconds that the list may take."""
NO_LIST = (404, 405, 501)
"""Statuses of servers that have none."""


def listed(endpoint: Endpoint, model: str) -> bool | None:
    """True: the server lists the model. None: it has no list. OpenAI is asked for the model's own page.

    Raises EngineError where there is no key, the key is refused, the server cannot be reached or does not list it.
    """
    where = endpoint.address
    connection, loop = Connection(endpoint, find_key(endpoint.api_key_env, endpoint)), BackgroundLoop()

    async def look() -> object:
        async with asyncio.timeout(PATIENCE):
            return await connection.models(model if endpoint.official else None)

    try:
        found = loop.run(look())
    except openai.APIStatusError as error:
        if error.status_code in (401, 403):
            raise EngineError(
                f"{where}: refuses the key in {endpoint.api_key_env} (status {error.status_code}); set another one"
            ) from None
        if error.status_code == 404 and endpoint.official:
            raise EngineError(f"{where}: has no model {model}, or not for this key") from None
        if error.status_code in NO_LIST:
            return None
        raise EngineError(f"{where}: its list of models failed (status {error.status_code}); try again later") from None
    except (TimeoutError, openai.APIConnectionError) as error:
        raise EngineError(f"{where}: cannot be reached ({shown(str(error)) or type(error).__name__})") from None
    except ValueError:
        return None
    finally:
        loop.run(connection.close())
        loop.close()
    names = _names(found)
    if endpoint.official or not names:
        return True if endpoint.official else None
    if model not in names:
        some = ", ".join(shown(name) for name in names[:10]) + (f" and {len(names) - 10} more" if names[10:] else "")
        raise EngineError(f"{where}: does not list the model {model}; it has {some}")
    return True


def _names(found: object) -> list[str]:
    rows = found.get("data") if isinstance(found, dict) else None
    return [row["id"] for row in rows or () if isinstance(row, dict) and isinstance(row.get("id"), str)]
