"""Skills that bead models have only where the run file asks for them: a file each, and a line in `table.py`."""
