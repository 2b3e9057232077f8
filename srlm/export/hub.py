"""An exported folder to the Hub, in one commit; private unless asked otherwise.

The token is the one that the Hub's client finds (HF_TOKEN, or `hf auth login`); it is in no message.
"""

from pathlib import Path
from typing import Any, Literal

from srlm.errors import SettingsError, StoreError, first_line
from srlm.export.facts import HUB_ID
from srlm.export.place import NAME, Origin, read, same
from srlm.secrets import Secrets

Kind = Literal["model", "dataset"]
EMPTY = (".gitattributes", "README.md")
"""What a repository has that nobody put anything in."""


def check(name: str) -> None:
    """Raise SettingsError where nothing could be uploaded, before anything is read: no such name, no token, offline."""
    from huggingface_hub import get_token
    from huggingface_hub.constants import is_offline_mode

    if HUB_ID.fullmatch(name) is None or "/" not in name:
        raise SettingsError(f"hub:{name}: not a name of the Hub; write hub:OWNER/NAME")
    if is_offline_mode():
        raise SettingsError(f"hub:{name}: HF_HUB_OFFLINE is set; unset it, or export to a folder (--to DIR)")
    if not get_token():
        raise SettingsError(f"hub:{name}: no token of the Hub; log in (hf auth login), or set HF_TOKEN")


def upload(folder: Path, name: str, kind: Kind, origin: Origin, public: bool) -> str:
    """The address of the commit. Raises StoreError where the Hub refuses, or something else has the name.

    `public` counts for a repository that is made now. The client's own upload_folder commits in parts: killed, it would
    leave a repository that looks whole.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, get_token

    api, before = HfApi(), list[str]()
    try:
        if api.repo_exists(name, repo_type=kind):
            before = _own_files(api, name, kind, origin)
        else:
            api.create_repo(name, repo_type=kind, private=not public)
        files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
        done = api.create_commit(
            name,
            [
                *(CommitOperationAdd(file, str(path)) for file, path in files.items()),
                *(CommitOperationDelete(file) for file in before if file not in (*files, *EMPTY)),
            ],
            commit_message=f"{origin.model} of {origin.run}, exported by srlm",
            repo_type=kind,
        )
    except StoreError:
        raise
    except Exception as error:  # of the network, a proxy, the Hub
        said = Secrets([get_token() or ""]).hidden(first_line(error))
        raise StoreError(
            f"hub:{name}: could not be uploaded ({type(error).__name__}: {said}); the same command tries again"
        ) from None
    return str(done.commit_url)


def _own_files(api: Any, name: str, kind: Kind, origin: Origin) -> list[str]:
    """The files of a repository that is empty, or holds an export of the same model."""
    there: list[str] = api.list_repo_files(name, repo_type=kind)
    if set(there) <= set(EMPTY):
        return there
    found = read(Path(api.hf_hub_download(name, NAME, repo_type=kind)).parent) if NAME in there else None
    if found is None or not same(found.origin, origin):
        what = "no export of srlm" if found is None else f"{found.origin.model} of {found.origin.run}"
        raise StoreError(f"hub:{name}: exists and holds something else ({what}); choose another name")
    return there
