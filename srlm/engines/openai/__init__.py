"""One client for every OpenAI-compatible server: an engine, and whoever asks a judge, are built on it."""
