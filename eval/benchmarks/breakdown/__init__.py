"""The head to head and AlpacaEval by category, complexity and expected length (the paper, appendix A.6, figure 4)."""
