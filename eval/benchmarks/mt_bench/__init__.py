"""MT-Bench: 80 questions of two turns, graded by a judge (Zheng et al. 2023; the paper, table on MT-Bench)."""
