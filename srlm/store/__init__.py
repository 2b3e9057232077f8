"""A run's folder: records in JSON lines that appear whole or not at all, a lock, manifests, a log."""
