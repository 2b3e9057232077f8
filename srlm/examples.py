"""The run files that come with srlm: `configs/` of a checkout, `srlm/configs/` where it is installed.

`example:NAME` is one of them wherever a run file is named: `srlm train --run example:pocket`; `extends`, too.
`srlm examples --to configs` writes them all, with what other programs are told by its path
(`configs/accelerate/fsdp.yaml`). A template that a run file names as `configs/...` is found without that.
"""

from pathlib import Path

from srlm.errors import SettingsError

PREFIX = "example:"
_HERE = Path(__file__).parent
FOLDER = _HERE / "configs" if (_HERE / "configs").is_dir() else _HERE.parent / "configs"


def names() -> list[str]:
    """Of every run file that comes with srlm, what follows `example:`."""
    found = [*FOLDER.glob("*.yaml"), *FOLDER.glob("methods/*.yaml")]
    return sorted(path.relative_to(FOLDER).with_suffix("").as_posix() for path in found)


def path_of(run: str) -> Path | None:
    """The file of an `example:NAME`; None: it is a path. Raises SettingsError where no example has that name."""
    if not run.startswith(PREFIX):
        return None
    name = run.removeprefix(PREFIX).removesuffix(".yaml")
    if name not in names():
        near = [one for one in names() if name and name in one] or [one for one in names() if "/" not in one]
        raise SettingsError(
            f"{run}: srlm has no example of this name; it has {', '.join(near)} (`srlm examples` lists them all)"
        )
    return FOLDER / f"{name}.yaml"


def named(path: Path) -> Path:
    """The file that a run file names by its path: where it is not there, the one of that path that comes with srlm, so
    that an example which names another file of `configs` works in any folder."""
    return FOLDER.joinpath(*path.parts[1:]) if not path.exists() and _comes_along(path) else path


def advice(path: Path) -> str:
    """What the message about a file that is not there adds, where one of that path comes with srlm; else empty."""
    return "; it comes with srlm, and `srlm examples --to configs` writes it here" if _comes_along(path) else ""


def _comes_along(path: Path) -> bool:
    """Whether a file of `configs` has this path."""
    return path.parts[:1] == (FOLDER.name,) and ".." not in path.parts and FOLDER.joinpath(*path.parts[1:]).is_file()
