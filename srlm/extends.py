"""What a run file says: its own settings, laid over those of the run file that it extends.

    extends: ../pocket.yaml
    name: spin
    method: spin
    dpo: {beta: 0.2}

Sections are merged setting by setting; a list or a plain value replaces what was there. So does a section of another
kind (`data.kind`, `reward.kind`, the name of the method): settings of one kind mean nothing to the other. `null` over a
section takes all of it away. The name is never another file's: two runs with one name would be one folder.
"""

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from srlm import examples
from srlm.bounded import files, yaml_text
from srlm.bounded.quote import cut, quoted
from srlm.bounded.yaml_text import NotYaml
from srlm.errors import SettingsError
from srlm.located import located
from srlm.settings import Settings

FILES = 20
"""Run files of which each extends the next."""
SHOWN = 400
"""Characters of a path that are shown."""

TAGS: Mapping[str, str] = {
    **{name: str(field.discriminator) for name, field in Settings.model_fields.items() if field.discriminator},
    "method": "name",
}
"""By section, the setting that says which others it has."""


class Stated(NamedTuple):
    """A setting or a section, and the file in which it stands."""

    value: Any
    """Of a section: a Stated by name."""
    file: str
    """What messages call the file; of a section, the last one that says something of it."""
    empty: int | None = None
    """The line of a name with nothing behind it, not even `null`."""

    def plain(self) -> Any:
        """The value as YAML has it."""
        return {name: one.plain() for name, one in self.value.items()} if isinstance(self.value, dict) else self.value


class Laid(NamedTuple):
    """A run file and those that it extends, as one."""

    root: Stated
    files: Sequence[str]
    """The run file, the one that it extends, and so on."""

    @classmethod
    def of(cls, settings: Mapping[str, Any], file: str) -> "Laid":
        """Settings that stand in no other file than this one."""
        return cls(_stated(settings, file), [file])

    def where(self, names: Sequence[str], overridden: Collection[str] = ()) -> str:
        """The file that messages about these settings (`section.setting`) name: the last of those that state them.

        What is `overridden` stands in no file; its file is the run file, and so is that of what nobody has stated.
        """
        if not names or any(f"{name}.".startswith(f"{other}.") for name in names for other in overridden):
            return self.files[0]
        found = [self._stated_at(name) for name in names]
        stated = [file for file, whole in found if whole] or [file for file, _ in found]
        return min(stated, key=self.files.index)

    def _stated_at(self, name: str) -> tuple[str, bool]:
        """The file that says the most of a setting, and whether it says all of it."""
        at = self.root
        for part in name.split("."):
            inner = {str(key): one for key, one in at.value.items()} if isinstance(at.value, dict) else {}
            if part not in inner:
                return at.file, not isinstance(at.value, dict)
            at = inner[part]
        return at.file, True


def read(path: Path) -> Laid:
    """What the run file at `path` says over those that it extends.

    Raises SettingsError where one of them is missing, cannot be read, is no YAML mapping or extends itself.
    """
    chain = list(_chain(path))
    found = chain[-1]
    for upper in reversed(chain[:-1]):
        found = _over(upper, found) or upper
    return Laid(found, [one.file for one in chain])


def _chain(path: Path) -> Iterator[Stated]:
    """The run file, the one that it extends, and so on."""
    written, asked, seen = path, "", dict[str, str]()
    path = examples.path_of(str(path)) or path
    while True:
        # What stands for an environment variable is shown as it was written.
        name = cut(str(written), SHOWN)
        real = os.path.realpath(path)
        if real in seen:
            circle = " extends ".join([*seen.values(), name])
            raise SettingsError(f"{circle}: these run files extend each other in a circle; remove one `extends`")
        if len(seen) == FILES:
            raise SettingsError(f"{name}: more than {FILES} run files in a row, each extending the next{asked}")
        seen[real] = name
        text = _text(path, name, asked)
        settings = _mapping(text, name, asked)
        if asked:
            settings.pop("name", None)
        extends = "extends" in settings
        base = settings.pop("extends", None)
        yield _stated(settings, name, dict(yaml_text.empty_names(text)) if extends else {})
        if not extends:
            return
        if not isinstance(base, str) or not base:
            raise SettingsError(f"{name}: extends: must be the path of a run file (found {quoted(base)})")
        asked = f"; {name} extends it"
        found = located(base, f"{name}: extends: {cut(base, SHOWN)}", SettingsError)
        if (example := examples.path_of(found)) is not None:
            written, path = Path(base), example
        else:
            written, path = written.parent / base, path.parent / found


def _text(path: Path, shown: str, asked: str) -> str:
    try:
        return files.read_text(path, yaml_text.SIZE)
    except FileNotFoundError:
        near = sorted(p.as_posix() for p in path.parent.glob("*.yaml")) if path.parent.is_dir() else []
        raise SettingsError(
            f"{shown}: no such run file{asked}"
            + (examples.advice(path) or (f"; found here: {', '.join(near)}" if near else ""))
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        wanted = "; give a YAML file" if os.path.isdir(path) else ""
        wanted = "; a run file is YAML, plain text in UTF-8" if isinstance(error, UnicodeDecodeError) else wanted
        raise SettingsError(f"{shown}: cannot be read as a run file: {cut(str(error))}{wanted}{asked}") from None


def _mapping(text: str, shown: str, asked: str) -> dict[str, Any]:
    try:
        data = yaml_text.decode(text)
    except NotYaml as error:
        raise SettingsError(f"{shown}{f':{error.line}' if error.line else ''}: {error}{asked}") from None
    if not isinstance(data, dict):
        found = "empty" if data is None else f"a {type(data).__name__}"
        raise SettingsError(f"{shown}: a run file must be a mapping of settings, found {found}{asked}")
    return dict(data)


def _stated(
    value: Any, file: str, empty: Mapping[tuple[str, ...], int] | None = None, names: tuple[str, ...] = ()
) -> Stated:
    if isinstance(value, Mapping):
        inner = {name: _stated(one, file, empty, (*names, str(name))) for name, one in value.items()}
        return Stated(inner, file)
    return Stated(value, file, (empty or {}).get(names))


def _over(upper: Stated, lower: Stated, names: tuple[str, ...] = ()) -> Stated | None:
    """`upper` over `lower`. None: what was there is taken away."""
    if names == ("method",) and isinstance(upper.value, dict) and isinstance(lower.value, str):
        lower = Stated({"name": lower}, lower.file)
    if not isinstance(lower.value, dict):
        return upper
    if upper.value is None:
        if upper.empty is not None:
            name = ".".join(names)
            raise SettingsError(
                f"{upper.file}:{upper.empty}: {name}: nothing stands here; to keep what {lower.file} says of it remove "
                f"the line, to take that away write `null`"
            )
        return None
    if not isinstance(upper.value, dict) or _of_another_kind(upper.value, lower.value, names):
        return upper
    found = dict(lower.value)
    for name, one in upper.value.items():
        laid = _over(one, found[name], (*names, str(name))) if name in found else one
        if laid is None:
            del found[name]
        else:
            found[name] = laid
    return Stated(found, upper.file)


def _of_another_kind(upper: Mapping[Any, Stated], lower: Mapping[Any, Stated], names: Sequence[str]) -> bool:
    kind = TAGS.get(names[0]) if len(names) == 1 else None
    return kind in upper and (kind not in lower or upper[kind].value != lower[kind].value)
