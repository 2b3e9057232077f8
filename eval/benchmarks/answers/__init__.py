"""The answers to the evaluation prompts by themselves."""
