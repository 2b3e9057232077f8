"""Where texts lie on the map: as scikit-learn puts them."""

import random

import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from eval.report.placing import placed


def test_texts_lie_where_scikit_learn_puts_them_but_for_the_sign_of_an_axis() -> None:
    draw, words = random.Random(1), [f"W{number}é" for number in range(40)]
    texts = [" ".join(draw.choices(words, range(40, 0, -1), k=draw.randint(1, 12))) for _ in range(60)] + ["", "?!"]
    table = TfidfVectorizer(sublinear_tf=True, token_pattern=r"(?u)\b\w+\b").fit_transform(texts)
    theirs = TruncatedSVD(2, algorithm="arpack", random_state=1).fit(table)
    ours = placed(texts, seed=1)
    assert ours is not None
    np.testing.assert_allclose(np.abs(ours.at), np.abs(theirs.transform(table)), atol=1e-9)
    np.testing.assert_allclose(ours.explained, theirs.explained_variance_ratio_.sum())


def test_the_same_seed_gives_the_same_places() -> None:
    texts = ["red and blue", "blue and green", "green alone", "a red one"]
    first, again = placed(texts, seed=1), placed(texts, seed=1)
    assert first is not None and again is not None
    assert first.at.tolist() == again.at.tolist()


def test_too_few_words_have_no_places() -> None:
    assert placed(["red blue", "blue red", "red"], seed=1) is None
    assert placed(["", "", ""], seed=1) is None
    assert placed([], seed=1) is None
