"""Rows of beads, five operations, and an exact program that knows every answer."""
