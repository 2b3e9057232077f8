"""AlpacaEval's annotators, and the judge of the head to head; srlm.judge.open opens all judges."""
