"""What measuring will ask, known before anything is loaded: from the sizes of the known tasks."""

from collections.abc import Iterator, Sequence

from srlm.settings.nlp import NlpSettings

from ..base import Asked
from .known import KNOWN


def foreseen(wanted: NlpSettings, models: Sequence[str]) -> Iterator[Asked]:
    """An entry a model and task. Of a task that is not known the size is not known either: it says so."""
    for model in models:
        for name in wanted.tasks:
            known = KNOWN.get(name)
            if known is None:
                yield Asked(f"{name}: its size is known when its data are read", model, 0, 0, 0)
                continue
            documents = min(known.documents, wanted.limit or known.documents)
            own = wanted.shots.get(name, known.shots)
            question = known.reads // (known.shots + 1)  # an example is about as long as a question
            yield Asked(
                f"{known.title}: {'answers' if known.writes else 'log-likelihoods of choices'}",
                model,
                documents * (known.choices or 1),
                known.reads + (own - known.shots) * question,
                known.writes,
            )
