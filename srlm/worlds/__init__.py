"""Small worlds with an exact program: one Protocol (`base.py`), one table (`table.py`), a folder a world."""
