"""Everything that reads what others wrote, given anything at all (`python -m tests.fuzz`)."""
