"""The version of both packages; pyproject.toml takes it from here."""

VERSION = "0.1.0"
