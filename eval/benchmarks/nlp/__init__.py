"""NLP benchmarks by lm-eval: what a model still knows and can do after it was aligned (the paper, table 3)."""
