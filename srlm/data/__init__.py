"""Seed data and new prompts: Open Assistant trees, the bead world, Self-Instruct."""
