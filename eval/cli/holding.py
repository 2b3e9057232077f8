"""What a command writes to is its own until it ends: a second process is refused before it asks anybody anything."""

from pathlib import Path

import typer

from srlm.store.lock import hold_files, hold_folder


def hold(context: typer.Context, *files: Path | None, folder: Path | None = None, option: str = "--out") -> None:
    """Hold these until the command ends. Raises StoreError where another process has one, or none can be written.

    `option`: names the folder, for messages. Two processes may still share a file of calls (--record).
    """
    if folder is not None:
        context.with_resource(hold_folder(folder, option))
    context.with_resource(hold_files(*files))
