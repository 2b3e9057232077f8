"""Models of the hub by content: the commit behind a name, and what its weights take."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from srlm.errors import ModelError, first_line
from srlm.secrets import Secrets


def commit_of(name: str, revision: str | None) -> str:
    """The commit that a hub id and a branch, tag or commit stand for now; in the cache, where the hub is not reached.

    Raises ModelError where neither knows it.
    """
    from huggingface_hub import hf_hub_download

    try:
        # What every loader asks for first: it lies in snapshots/COMMIT of the cache afterwards.
        return Path(hf_hub_download(name, "config.json", revision=revision)).parent.name
    except Exception as error:  # of the network, a proxy, the hub, or a name that is none
        raise ModelError(f"{named(name, revision)}: {_why(error)}") from error


def refuse_unreached(name: str, revision: str | None) -> None:
    """Raise ModelError where the hub is not reached for a model that the cache does not have.

    Its client tries for 23 seconds; who asks for one file after the other would wait as long for each.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import LocalEntryNotFoundError, OfflineModeIsEnabled

    try:
        hf_hub_download(name, "config.json", revision=revision)
    except (LocalEntryNotFoundError, OfflineModeIsEnabled) as error:
        raise ModelError(f"{named(name, revision)}: {_why(error)}") from error
    except Exception:  # of a name that is none, or without that file: who opens it says so
        return


def named(name: str, revision: str | None) -> str:
    """A hub id as messages and records have it: `OWNER/NAME`, with `@REVISION` where one is asked for."""
    return name if revision is None else f"{name}@{revision}"


def cache() -> Path:
    """Where the hub's client keeps what it downloads (HF_HOME, HF_HUB_CACHE)."""
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)


class Download(NamedTuple):
    """What a hub model takes."""

    size: int
    """Bytes of its weights as they are published."""
    weights: int | None
    """Numbers in them. None: the hub does not say."""
    cached: Path | None
    """Its folder in the cache, where all of its weights lie there already."""


def download_of(name: str, revision: str | None) -> Download:
    """Looked up in the cache, then on the hub. Raises ModelError where neither can tell."""
    from huggingface_hub import HfApi, try_to_load_from_cache

    try:
        found = try_to_load_from_cache(name, "config.json", revision=revision)
        if isinstance(found, str) and (there := _whole(Path(found).parent)):
            return Download(sum(path.stat().st_size for path in there), None, Path(found).parent)
        about = HfApi().model_info(name, revision=revision, files_metadata=True)
    except Exception as error:  # as above
        raise ModelError(f"{named(name, revision)}: {_why(error)}") from error
    sizes = {one.rfilename: one.size or 0 for one in about.siblings or ()}
    return Download(
        sum(sizes[file] for file in weight_files(sizes)), about.safetensors.total if about.safetensors else None, None
    )


def weight_files(names: Iterable[str]) -> list[str]:
    """Those of a folder's files that are loaded as weights: some models are published in two layouts side by side."""
    tensors = sorted(name for name in names if name.endswith(".safetensors") and "/" not in name)
    whole = [name for name in tensors if name == "model.safetensors"]
    return whole or [name for name in tensors if name.startswith("model-")] or tensors


def _whole(snapshot: Path) -> list[Path]:
    """The weight files of a snapshot; none where one is still missing."""
    there = [snapshot / name for name in weight_files(path.name for path in snapshot.iterdir())]
    parts = {name.rpartition("-of-")[2].removesuffix(".safetensors") for name in (path.name for path in there)}
    expected = {part for part in parts if part.isdecimal()}
    return there if not expected or {int(part) for part in expected} == {len(there)} else []


def _why(error: Exception) -> str:
    from huggingface_hub import get_token
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError, OfflineModeIsEnabled

    if isinstance(error, HFValidationError):
        return "no such folder, and not a valid Hub id"
    if isinstance(error, LocalEntryNotFoundError | OfflineModeIsEnabled):
        return "the Hub cannot be reached, and the cache (HF_HOME) does not contain it"
    said = Secrets([get_token() or ""]).hidden(first_line(error))
    return f"could not be downloaded from the Hub ({type(error).__name__}: {said})"
