"""Small worlds with an exact program: one Protocol (`base.py`), one table (`table.py`), one way to draw
data (`drawing.py`), a folder a world."""
