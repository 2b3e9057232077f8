"""The judge: the rubric, readings of it, pairs from rewards, and training data for it."""
