"""Seed data and new prompts: Open Assistant trees, other ranked answers, Self-Instruct."""
