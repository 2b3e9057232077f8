"""Training and evaluation prompts in two dimensions, and how far they overlap (the paper, appendix A.1)."""
