"""Who gave an answer: a server's address, and the weights behind the model's name where the server tells them."""

import datetime
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from srlm.records import Record, digest

TOLD = ("root", "parent", "meta", "sha", "model_sha", "digest", "checkpoint", "quantization")
"""What servers tell of a model beside its name: vLLM's `root` and `parent`, llama.cpp's `meta`, others' digests."""


class Origin(Record):
    """Part of the key under which an answer is kept."""

    address: str
    """Without password and query."""
    weights: str | None = None
    """Digest of what the server tells of the weights. None: it tells nothing."""

    @cached_property
    def key(self) -> str:
        return digest("origin", self.address, self.weights)


class ServedModel(Record):
    """What `GET /v1/models` says of one model."""

    weights: str | None = None
    """Digest of what makes it another model under the same name."""
    shutdown: datetime.date | None = None
    """The day from which it does not answer any more."""


def served_model(body: object, model: str) -> ServedModel:
    """What a server's list of models, or its page of one model, says of `model`; nothing where it is not there."""
    rows = body.get("data") if isinstance(body, dict) and "data" in body else [body]
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict) and row.get("id") == model:
            told = {name: _facts(row[name]) for name in TOLD if row.get(name) not in (None, "", model)}
            return ServedModel(weights=digest("weights", told) if told else None, shutdown=_shutdown(row))
    return ServedModel()


def _facts(value: object) -> object:
    """A value as JSON holds it; llama.cpp tells numbers of the file, all of which are the model's own."""
    return {str(key): _facts(one) for key, one in value.items()} if isinstance(value, Mapping) else str(value)


def _shutdown(row: Mapping[str, Any]) -> datetime.date | None:
    """OpenAI's `shutdown_date`, or Azure's `deprecation.inference` in seconds; None: none, or not legible."""
    deprecation = row.get("deprecation")
    seconds = deprecation.get("inference") if isinstance(deprecation, dict) else None
    try:
        if isinstance(row.get("shutdown_date"), str):
            return datetime.date.fromisoformat(row["shutdown_date"][:10])
        if isinstance(seconds, int) and not isinstance(seconds, bool):
            return datetime.datetime.fromtimestamp(seconds, datetime.UTC).date()
    except (ValueError, OverflowError, OSError):
        return None
    return None
