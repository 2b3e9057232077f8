"""Methods: each file turns M_t into M_t+1. `self_rewarding.py` is the paper's."""
