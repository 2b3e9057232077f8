"""Rewards: where the number for an answer comes from, a file a kind."""
