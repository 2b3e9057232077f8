"""Pairwise judges: one Protocol (`base.py`), one chooser (`open.py`), an implementation a file."""
