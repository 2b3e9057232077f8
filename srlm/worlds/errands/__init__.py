"""Errands: short English instructions about lists of everyday words and small numbers, and a program that checks."""
