"""Tasks loaded once for the checks and for the measuring, and models that could not even write the questions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from srlm.errors import SettingsError
from srlm.settings.nlp import NlpSettings
from srlm.store.folder import RunFolder

from .tasks import AskedTask, documents_of, prepare

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_LOADED: dict[str, list[AskedTask]] = {}
"""By settings: the data of ten tasks take a minute to load, and are needed twice."""
TRIED = 20
"""Questions that a tokenizer is tried on."""
MOST_UNKNOWN = 0.2
"""Share of a question's tokens that may be unknown to a tokenizer: an alphabet that is not the model's has all."""


def prepared(wanted: NlpSettings) -> list[AskedTask]:
    """The tasks of these settings, from what was loaded last where it is the same."""
    key = wanted.model_dump_json()
    if key not in _LOADED:
        _LOADED.clear()
        _LOADED[key] = prepare(wanted)
    return _LOADED[key]


def refuse_other_alphabets(folder: RunFolder, tasks: Sequence[AskedTask]) -> None:
    """Raises SettingsError where a checkpoint's tokenizer does not know the words of the questions."""
    from tokenizers import Tokenizer

    texts = [text for task in tasks for text in _questions(task)]
    if not texts:
        return
    for checkpoint in folder.checkpoints():
        place = folder.model_path(checkpoint)
        if not (place / "tokenizer.json").exists():
            continue
        words = Tokenizer.from_file(str(place / "tokenizer.json"))
        unknown = _unknown(words, texts)
        if unknown > MOST_UNKNOWN:
            raise SettingsError(
                f"NLP benchmarks do not apply to {checkpoint.name}: {100 * unknown:.0f}% of the words of their "
                f"questions are not in its vocabulary of {words.get_vocab_size():,}; they need a model of English"
            )


def _questions(task: AskedTask) -> list[str]:
    """The first questions of a task; none where its own code fails to write them, which costs that task alone."""
    name, leaf = next(iter(task.leaves.items()))
    try:
        return [str(leaf.doc_to_text(doc)) for doc in documents_of(leaf)[: min(TRIED, task.documents[name])]]
    except Exception:  # as where it is measured
        return []


def _unknown(words: "Tokenizer", texts: Sequence[str]) -> float:
    """The share of the tokens of these texts that are unknown; of a text that gives no token at all, all of it."""
    mark = getattr(words.model, "unk_token", None)
    tokens = [token for text in texts for token in words.encode(text, add_special_tokens=False).tokens]
    if not tokens:
        return 1.0
    return sum(token == mark for token in tokens) / len(tokens)
