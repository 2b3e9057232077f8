"""Suites: from checkpoints to metric values, with everything asked of a model kept on disk."""
