"""The judge: the rubric, judging answers by it, pairs from rewards, and training data for it."""
