"""The errands as benchmarks."""
