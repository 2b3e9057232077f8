"""People's votes on pairs of answers, blind and side by side (the paper's human evaluation)."""
