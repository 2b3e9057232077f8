"""`srlm export`: a model of a run as a folder or on the Hub, and the records that made it as data sets."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import typer

from srlm.errors import SettingsError
from srlm.terminal import say
from srlm.text.counts import counted

if TYPE_CHECKING:
    from srlm.export.hub import Kind
    from srlm.export.place import Origin
    from srlm.export.sources import Source

HUB = "hub:"


class Wanted(NamedTuple):
    """What is asked for beside the model."""

    base: str | None
    license: str | None
    adapter: bool
    dtype: Literal["float32", "bfloat16"]
    gguf: bool
    converter: Path | None
    public: bool


def export(
    run: Annotated[Path, typer.Argument(help="The run file (YAML), or the run's folder.")],
    model: Annotated[str, typer.Argument(help="A finished model: M3, SFT, ...")],
    to: Annotated[
        str | None,
        typer.Option(metavar="DIR|hub:NAME", help="Weights, tokenizer and model card go here."),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|hub:NAME", help="Pairs, demonstrations and judgements that made it go here, for TRL."
        ),
    ] = None,
    adapter: Annotated[
        bool, typer.Option("--adapter", help="A LoRA adapter of the base model instead of the merged weights.")
    ] = False,
    base: Annotated[
        str | None, typer.Option(metavar="OWNER/NAME", help="What the base model is called on the Hub.")
    ] = None,
    license: Annotated[
        str | None, typer.Option(help="License for the card, as the Hub has it (apache-2.0). Default: the base's.")
    ] = None,
    dtype: Annotated[
        Literal["float32", "bfloat16"],
        typer.Option(help="Number format of the weights; float32: those that were trained."),
    ] = "float32",
    gguf: Annotated[bool, typer.Option("--gguf", help="Also a GGUF file, by llama.cpp's converter.")] = False,
    converter: Annotated[
        Path | None, typer.Option(help="llama.cpp's convert_hf_to_gguf.py, if it is not on the PATH.")
    ] = None,
    public: Annotated[bool, typer.Option("--public", help="On the Hub, for everybody. Default: private.")] = False,
    set: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a setting.")] = None,
) -> None:
    """Export a model with its card, and its data for TRL. The same command again finishes an interrupted export."""
    from srlm.export.sources import find, open_run

    if to is None and data is None:
        raise typer.BadParameter("say where to: --to DIR, --to hub:NAME or --data DIR")
    if to is None and (adapter or gguf or dtype != "float32"):
        raise typer.BadParameter("--adapter, --gguf and --dtype need --to")
    if adapter and dtype != "float32":
        raise typer.BadParameter("--adapter and --dtype cannot be used together: an adapter is float32")
    if adapter and gguf:
        raise typer.BadParameter("--adapter and --gguf cannot be used together: a GGUF file holds merged weights")
    source = find(open_run(run, set or []), model)
    wanted = Wanted(base, license, adapter, dtype, gguf or converter is not None, converter, public)
    check_places(to, data, wanted)
    if to is not None:
        export_model(source, to, wanted)
    if data is not None:
        export_data(source, data, wanted)


def check_places(to: str | None, data: str | None, wanted: Wanted) -> None:
    """Raise SettingsError where a place or a program is missing, before anything is written."""
    from srlm.export import gguf, hub

    given = [place for place in (to, data) if place is not None]
    # On the Hub a model and a data set may have one name.
    folders = [Path(os.path.realpath(place)) for place in given if not place.startswith(HUB)]
    if len(folders) == 2 and (folders[0].is_relative_to(folders[1]) or folders[1].is_relative_to(folders[0])):
        raise SettingsError("--to and --data name one folder, or one within the other; give each a folder of its own")
    for place in given:
        if place.startswith(HUB):
            hub.check(place.removeprefix(HUB))
    if wanted.gguf:
        gguf.find_converter(wanted.converter)


def export_model(source: "Source", to: str, wanted: Wanted) -> None:
    """Weights, tokenizer and card."""
    from srlm.export import gguf
    from srlm.export.adapter import adapter_of, write_adapter
    from srlm.export.card import model_card
    from srlm.export.cast import to_bfloat16
    from srlm.export.facts import facts_of, origin_of
    from srlm.export.model import copy_model

    origin = origin_of(source, "adapter" if wanted.adapter else "model")
    if wanted.dtype == "bfloat16":
        origin = origin.model_copy(update={"dtype": wanted.dtype})
    facts = facts_of(source, origin, wanted.base, wanted.license)
    name = to.removeprefix(HUB) if to.startswith(HUB) else None
    made = adapter_of(source, wanted.base) if wanted.adapter else None
    told: list[str] = []

    def write(part: Path) -> None:
        if made is not None:
            told.append(write_adapter(source, made, part))
        elif changed := copy_model(source, part):
            told.append(f"without entries that named a place of this machine: {', '.join(changed)}")
        card = model_card(facts, name, wanted.adapter)
        (part / "README.md").write_text(card, encoding="utf-8")
        if wanted.gguf:
            file = f"{origin.run}-{origin.model}-f16.gguf"
            gguf.convert(gguf.find_converter(wanted.converter), part, part / file)
            told.append(f"with {file}")
        if wanted.dtype == "bfloat16":  # last: a converter rounds what was trained
            to_bfloat16(part)
            told.append("rounded to bfloat16")

    put_at(to, "model", origin, source, wanted.public, write)
    figures, others = len(facts.measured.figures), facts.measured.other
    say(f"{to}: {origin.model} of {origin.run}, weights {origin.weights[:12]}", *(f"  {one}" for one in told))
    if not figures:
        say(f"  no metrics in the card: {origin.model} was not measured; srlm-eval all --run FILE, then export again")
    else:
        say(f"  {counted(figures, 'figures')} in the card")
    if others:
        say(f"  left out, as measured on other weights: {', '.join(others)}")
    if facts.base.license is None:
        say("  no license in the card: none is known; --license apache-2.0, mit, ...")


def export_data(source: "Source", to: str, wanted: Wanted) -> None:
    """Pairs, demonstrations and judgements."""
    from srlm.export.card import data_card
    from srlm.export.dataset import Data, write_data
    from srlm.export.facts import facts_of, origin_of

    origin = origin_of(source, "data")
    facts = facts_of(source, origin, wanted.base, wanted.license)
    found = Data([], [])

    def write(part: Path) -> None:
        nonlocal found
        found = write_data(source, part)
        if not found.tables:
            why = "; ".join(found.missing) or "its step wrote none"
            raise SettingsError(f"{origin.model} of {origin.run} has no pairs, demonstrations or judgements: {why}")
        (part / "README.md").write_text(data_card(facts, found.tables, found.missing), encoding="utf-8")

    put_at(to, "dataset", origin, source, wanted.public, write)
    say(f"{to}: the data that made {origin.model} of {origin.run}")
    say(*(f"  {table.file}: {counted(table.rows, 'rows')}, each {table.what}" for table in found.tables))
    say(*(f"  left out: {one}" for one in found.missing))


def put_at(
    to: str, kind: "Kind", origin: "Origin", source: "Source", public: bool, write: Callable[[Path], None]
) -> None:
    """Write a folder, at its place or for the Hub."""
    from srlm.export import hub
    from srlm.export.clean import Own
    from srlm.export.place import put

    own = Own.of(source.folder.path, source.folder.settings)
    if not to.startswith(HUB):
        put(Path(to), origin, own, write)
        return
    with tempfile.TemporaryDirectory(prefix="srlm-export-") as place:
        folder = Path(place) / "export"
        put(folder, origin, own, write)
        say(f"  {hub.upload(folder, to.removeprefix(HUB), kind, origin, public)}")
