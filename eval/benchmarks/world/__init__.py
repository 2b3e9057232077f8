"""What only the exact program of a small world can tell of a run in it."""
