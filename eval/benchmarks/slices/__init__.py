"""The head to head by kind of prompt (the paper, figure 4)."""
