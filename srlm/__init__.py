"""Self-Rewarding Language Models (Yuan et al. 2024, arXiv 2401.10020): the trainer.

Read `srlm/methods/self_rewarding.py` first: it is the paper's algorithm, top to bottom, a stage a line.
"""

__version__ = "0.1.0"
