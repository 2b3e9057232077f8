"""Judges held against people who ranked the same answers (the paper, section 3.1 and table 4)."""
