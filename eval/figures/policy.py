"""The content security policy of a page that shows what models wrote: its own script and style, and nothing else."""

import base64
import hashlib

NOWHERE = "base-uri 'none'; form-action 'none'"
"""What default-src does not rule: the base of addresses, and where forms go."""


def policy(script: str, style: str) -> str:
    """Admits this script and this style by their digests; no network, no other script."""
    return f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; {NOWHERE}"


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
