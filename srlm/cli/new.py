"""`srlm new`: a run file for one's own model and data, with the reason for every choice beside it.

What the data looks like is found here, once, from its first row, shown, and written into the file: a run guesses
nothing. Paths stay as they were given, relative to the working directory.
"""

import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from srlm.errors import DataError, SettingsError
from srlm.terminal import say
from srlm.text.counts import counted


class Wanted(NamedTuple):
    """What a run file is made from."""

    model: str
    ift: str | None
    rankings: str | None
    prompts: str | None
    evaluation_prompts: str | None
    columns: dict[str, dict[str, str]]
    """By use: the format's column -> the file's."""
    judge: str
    base_url: str | None
    hardware: str


HARDWARE = re.compile(r"cpu|([1-8])x([a-z0-9]+)")
MEMORY_GIB = {"a100": 79.2, "h100": 79.6, "h200": 140.4}
USES = ("ift", "rankings", "prompts", "evaluation_prompts")


def new(
    file: Annotated[Path, typer.Argument(help="The run file to write; the run takes its name.")],
    model: Annotated[str | None, typer.Option(help="M0: a folder, or a Hub id.")] = None,
    ift: Annotated[str | None, typer.Option(help="Prompts with answers: a file, or hub:OWNER/NAME.")] = None,
    rankings: Annotated[str | None, typer.Option(help="Ranked answers, for EFT: a file, or hub:OWNER/NAME.")] = None,
    prompts: Annotated[
        str | None, typer.Option(help="New prompts for the iterations. Default: a model writes them.")
    ] = None,
    evaluation_prompts: Annotated[
        str | None, typer.Option(help="Prompts to measure on. Default: set aside from the data.")
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="USE.COLUMN=NAME", help="A column with another name, as in ift.output=answer."),
    ] = None,
    judge: Annotated[str | None, typer.Option(help="`self` (as in the paper) or openai:MODEL.")] = None,
    base_url: Annotated[str | None, typer.Option(help="Server of an openai: judge.")] = None,
    hardware: Annotated[str | None, typer.Option(help="cpu, 1xh100, 8xh100, 1xh200, 1xa100, ...")] = None,
) -> None:
    """Write a run file for your own model and data. On a terminal it asks for what is not given."""
    refuse_existing(file)
    ask = Terminal() if sys.stdin.isatty() else None
    model = _chosen(model, check_model, ask, "--model", "Model: a folder, or a Hub id")
    if ask:
        ift = ift or ask("IFT examples (prompts with answers): a file or hub:OWNER/NAME; empty: none", "")
        rankings = rankings or ask("Ranked answers, to learn to judge: a file or hub:OWNER/NAME; empty: none", "")
        prompts = prompts or ask("New prompts: a file or hub:OWNER/NAME; empty: a model writes them", "")
        evaluation_prompts = evaluation_prompts or ask("Evaluation prompts: a file; empty: set some data aside", "")
    if not ift and not rankings:
        raise SettingsError("--ift or --rankings is missing: the file with what the model is to learn")
    judge = judge or (None if ask else "self")
    judge = _chosen(judge, check_judge, ask, "--judge", "Judge: self, or openai:MODEL", "self")
    check_server(base_url, judge)
    hardware = _chosen(hardware, check_hardware, ask, "--hardware", "Hardware: cpu, 1xh100, 8xh100, ...", "cpu")
    given = {"ift": ift, "rankings": rankings, "prompts": prompts, "evaluation_prompts": evaluation_prompts}
    columns = columns_of(column or (), [use for use, path in given.items() if path])
    wanted = Wanted(model, ift, rankings, prompts, evaluation_prompts, columns, judge, base_url, hardware)
    text = run_text(file, wanted, ask)
    check(text)
    refuse_existing(file)
    with file.open("x", encoding="utf-8") as opened:
        opened.write(text)
    say(f"{file}: written. Next:", f"  srlm doctor --run {file}", f"  srlm train --run {file} --to M1")


class Terminal:
    """Asks questions, a line each."""

    def __call__(self, question: str, default: str | None = None) -> str:
        """The answer; `default` for an empty one. None: asked again until there is one."""
        while True:
            say(f"{question}" + (f" [{default}]" if default else "") + ":")
            line = sys.stdin.readline()
            if not line:
                raise SettingsError("input ended before all questions were answered; nothing was written")
            if line.strip() or default is not None:
                return line.strip() or default or ""


Ask = Callable[[str, str | None], str]


def _chosen(
    given: str | None,
    check: Callable[[str], str],
    ask: Ask | None,
    flag: str,
    question: str,
    default: str | None = None,
) -> str:
    """What was given, or is answered, as it is written down. A wrong answer is asked for again. Raises SettingsError
    where it is given wrong, or missing."""
    if given:
        return check(given.strip())
    if ask is None:
        raise SettingsError(f"{flag} is missing, and nobody can be asked: standard input is no terminal")
    while True:
        try:
            return check(ask(question, default))
        except SettingsError as error:
            say(str(error))


def check_model(model: str) -> str:
    """M0 as the run file names it. Raises SettingsError for what is none."""
    path = Path(model).expanduser()
    if path.is_file():
        raise SettingsError(f"--model {model}: a file; give the folder with config.json and *.safetensors in it")
    if model in ("scratch", "none"):
        raise SettingsError(f"--model {model}: `srlm new` is for a model that exists; `srlm examples` has others")
    found = str(path) if model.startswith("~") else model
    _numbers(found)
    return found


def check_judge(judge: str) -> str:
    """Who judges the answers of the loop. Raises SettingsError for what is none."""
    kind, _, name = judge.partition(":")
    if judge != "self" and (kind != "openai" or not name):
        raise SettingsError(f"--judge {judge}: write self, or openai:MODEL")
    return judge


def check_server(base_url: str | None, judge: str) -> None:
    """Raises SettingsError for an address that is none, or that nobody uses."""
    if base_url is not None and judge == "self":
        raise SettingsError("--base-url needs --judge openai:MODEL: the model judges its own answers")
    if base_url is not None and not re.match(r"https?://[^/]", base_url):
        raise SettingsError(f"--base-url {base_url}: write it as http://HOST:PORT/v1")


def check_hardware(hardware: str) -> str:
    """The hardware in small letters. Raises SettingsError for what is not known."""
    found = HARDWARE.fullmatch(hardware.lower())
    if found is None or (found[2] and found[2] not in MEMORY_GIB):
        raise SettingsError(
            f"--hardware {hardware}: write cpu, or N x GPU with N from 1 to 8, as in 1xh100; GPUs are "
            f"{', '.join(MEMORY_GIB)}. Several machines: docs/scale.md"
        )
    return hardware.lower()


def refuse_existing(file: Path) -> None:
    """Raises SettingsError where the file exists, or its name is none for a run."""
    if file.exists():
        raise SettingsError(f"{file}: exists; choose another name, or delete it")
    if not file.parent.is_dir():
        raise SettingsError(f"{file}: there is no folder {file.parent}")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", file.stem) or file.suffix not in (".yaml", ".yml"):
        raise SettingsError(
            f"{file}: name it NAME.yaml, with letters, digits, `.`, `_` and `-`: the run takes its name"
        )


def columns_of(given: Sequence[str], uses: Sequence[str] = USES) -> dict[str, dict[str, str]]:
    """`ift.output=answer` and the like, by use. Raises SettingsError for anything else, and for a use without data."""
    from srlm.data.examples import COLUMNS

    names = sorted({name for own in COLUMNS.values() for name in own})
    found: dict[str, dict[str, str]] = {}
    for one in given:
        ours, equals, theirs = one.partition("=")
        use, dot, name = ours.partition(".")
        use = use.replace("-", "_")
        if not (equals and dot and name and theirs) or use not in USES:
            raise SettingsError(f"--column {one}: write it as USE.COLUMN=NAME; uses are {', '.join(USES)}")
        if use not in uses:
            raise SettingsError(f"--column {one}: --{use.replace('_', '-')} is not given")
        if use != "rankings" and name not in names:
            raise SettingsError(f"--column {one}: {name} is no column of ours; they are {', '.join(names)}")
        found.setdefault(use, {})[name] = theirs
    return found


FEW = 2000
"""Rows up to which all sets are drawn before the file is written; of more, `srlm doctor` does, which takes longer."""


def check(text: str) -> None:
    """The file as `srlm train` reads it: a fault here is ours. Raises DataError where the data does not suffice for all
    sets of a run."""
    from srlm.data.own_files import seed_data
    from srlm.run_file import load
    from srlm.settings import FilesData

    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "run.yaml"
        path.write_text(text, encoding="utf-8")
        settings = load(path)
    assert isinstance(settings.data, FilesData)
    if settings.data.ift + settings.data.eft_sets <= FEW:
        try:
            seed_data(settings.data, settings.seed)
        except DataError as error:
            raise DataError(f"{error}; nothing was written") from None


# The data -------------------------------------------------------------------------------------------------------------


class Looked(NamedTuple):
    """A source as the file names it, and what is in it."""

    source: dict[str, Any]
    usable: int
    lengths: list[int]
    """Characters of its answers, where it has some."""


def _source(path: str, use: str, wanted: Wanted, with_answers: bool, ask: Ask | None) -> dict[str, Any]:
    """Path, format and columns of instruction data, as its first row shows them."""
    from srlm.data.examples import rows_of, shapes_of
    from srlm.data.lines import names_of
    from srlm.data.rankings import fitting_own
    from srlm.settings import Source

    flag = f"--{use.replace('_', '-')}"
    row = rows_of(Source(path=path), flag)[0]
    named = wanted.columns.get(use, {})
    there = names_of(row.value, "`") or "none"
    if named:
        shape: dict[str, Any] = {"format": "messages" if "messages" in named else "alpaca", "columns": named}
    else:
        shapes = shapes_of(row.value, with_answers)
        if not shapes and (ranked := fitting_own(row)):
            raise DataError(
                f"{row.place}: {flag} is for {'prompts with answers' if with_answers else 'prompts'}, and these are "
                f"ranked answers ({' or '.join(ranked)}); give them as --rankings"
            )
        inner = [name for name, one in row.value.items() if isinstance(one, list) and one and isinstance(one[0], dict)]
        if not shapes and inner:
            raise DataError(
                f"{row.place}: columns of no known form (columns {there}); {names_of(inner, '`')} holds a list of "
                f"objects: if these are the rows, save that list alone; if it is a conversation, --column "
                f"{use}.messages={inner[0]}"
            )
        if len(shapes) != 1 and ask is None:
            which = ", or ".join(one.said for one in shapes)
            needs = f"--column {use}.instruction=NAME" + (f" --column {use}.output=NAME" if with_answers else "")
            raise DataError(
                f"{row.place}: {f'could be {which}' if shapes else 'columns of no known form'} (columns {there}); say "
                f"which with {needs}, or --column {use}.messages=NAME"
            )
        if len(shapes) == 1:
            (only,) = shapes
            shape = {"format": only.format, "columns": only.columns}
        else:
            assert ask is not None
            say(f"{row.place}: columns {there}")
            names = {"instruction": ask("Which column is the prompt? (messages: whole conversations)", None)}
            if isinstance(row.value.get(names["instruction"]), list):
                shape = {"format": "messages", "columns": {"messages": names["instruction"]}}
            else:
                if with_answers:
                    names["output"] = ask("Which column is the answer?", None)
                shape = {"format": "alpaca", "columns": names}
    columns = {ours: theirs for ours, theirs in shape["columns"].items() if ours != theirs}
    return {"path": path, "format": shape["format"]} | ({"columns": columns} if columns else {})


def _ift(wanted: Wanted, ask: Ask | None) -> Looked:
    from srlm.data.examples import examples
    from srlm.settings import ExamplesSource

    assert wanted.ift is not None
    source = _source(wanted.ift, "ift", wanted, True, ask)
    account = Counter[str]()
    found = examples(ExamplesSource.model_validate(source), None, account, "data.sources.ift")
    first = found[0].demonstration
    _shown("IFT examples", source, account, f"{first.transcript!r:.60} -> {first.response!r:.60}")
    return Looked(source, len(found), [len(one.demonstration.response) for one in found])


def _rankings(wanted: Wanted, ask: Ask | None) -> Looked:
    from srlm.data.columns import renamed
    from srlm.data.examples import rows_of
    from srlm.data.lines import names_of
    from srlm.data.ranked import usable_sets
    from srlm.data.rankings import fitting_own, read
    from srlm.settings import Source

    path, columns = wanted.rankings, wanted.columns.get("rankings", {})
    assert path is not None
    rows = rows_of(Source(path=path), "data.sources.rankings")[:1]
    row = renamed(rows, columns, "--column rankings")[0] if columns else rows[0]
    fitting = fitting_own(row)
    if len(fitting) != 1 and ask is None:
        raise DataError(
            f"{row.place}: {'could be ' + ' or '.join(fitting) if fitting else 'no known form of ranked answers'} "
            f"(columns {names_of(row.value, '`') or 'none'}); name the columns, as in --column rankings.prompt=NAME "
            "--column rankings.chosen=NAME --column rankings.rejected=NAME (docs/rankings.md)"
        )
    form = (
        fitting[0] if len(fitting) == 1 else ask("Format of the ranked answers (docs/rankings.md)", None) if ask else ""
    )
    sets, account = usable_sets(read(path, form, option="--rankings", columns=columns), path)
    source = {"path": path, "format": form} | ({"columns": columns} if columns else {})
    one = sets[0].ranked
    ranks = ", ".join(f"{r.text!r:.30} (rank {rank})" for r, rank in zip(one.responses, one.ranks, strict=True))
    _shown("ranked answers", source, account, f"{one.prompt.transcript!r:.60} -> {ranks:.160}")
    return Looked(source, len(sets), [len(r.text) for one in sets for r in one.ranked.responses])


def _prompts(path: str, use: str, wanted: Wanted, ask: Ask | None) -> Looked:
    from srlm.data.examples import prompts
    from srlm.settings import PromptsSource

    source = _source(path, use, wanted, False, ask)
    found = prompts(
        PromptsSource.model_validate(source), "prompts.source" if use == "prompts" else f"data.sources.{use}"
    )
    _shown(use.replace("_", " "), source, {"usable": len(found)}, f"{found[0].transcript!r:.60}")
    return Looked(source, len(found), [])


def _shown(what: str, source: dict[str, Any], account: Any, first: str) -> None:
    counts = ", ".join(f"{name} {count}" for name, count in account.items() if count)
    columns = "".join(f", {ours} from column {theirs}" for ours, theirs in source.get("columns", {}).items())
    say(f"{what}: {source['path']}: format {source['format']}{columns}; {counts}", f"  first: {first}")


# The file -------------------------------------------------------------------------------------------------------------


def run_text(file: Path, wanted: Wanted, ask: Ask | None = None) -> str:
    """The run file. Raises DataError for data that cannot be read."""
    hardware = HARDWARE.fullmatch(wanted.hardware)
    assert hardware is not None, "it was checked"
    judge = wanted.judge.partition(":")[2]
    ift = _ift(wanted, ask) if wanted.ift else None
    ranked = _rankings(wanted, ask) if wanted.rankings else None
    prompts = _prompts(wanted.prompts, "prompts", wanted, ask) if wanted.prompts else None
    measured = (
        _prompts(wanted.evaluation_prompts, "evaluation_prompts", wanted, ask) if wanted.evaluation_prompts else None
    )
    numbers = _numbers(wanted.model)
    page = _Page()
    gpus = int(hardware[1] or 0)
    page.put("name", file.stem, "the run's folder is runs/NAME")
    page.put("iterations", 3, "M1, M2, M3, as in the paper; `srlm train --to M1` stops earlier")
    page.section("model", "")
    page.put("base", wanted.model, f"M0{'' if numbers is None else f', {numbers / 1e9:.2f} billion weights'}")
    page.put("dtype", "bfloat16" if gpus else "float32", "of answers and judgements; training keeps float32 weights")
    page.end()
    sizes = _sizes(ift, ranked, measured)
    page.section("data", "your own files (docs/my_data.md); paths are relative to the folder you start srlm in")
    page.put("kind", "files", "")
    page.section("sources", "formats and columns as found in the first row; nothing is guessed later")
    for use, looked, why in (
        ("ift", ift, "what M1 learns to answer"),
        ("rankings", ranked, "what M1 learns to judge from, and what its judging is measured on"),
        ("evaluation_prompts", measured, "never trained on; training prompts that resemble them are left out"),
    ):
        if looked is not None:
            page.put(use, looked.source, why)
    page.end()
    for name, (number, why) in sizes.items():
        page.put(name, number, why)
    page.end()
    _write_training(page, sizes, numbers, gpus, hardware[2] or "")
    _write_loop(page, wanted, judge, ranked, prompts, numbers, gpus, _answer_tokens(ift or ranked))
    return page.text


def _numbers(model: str) -> int | None:
    """Weights of a model folder. None: unknown, as on the Hub. Raises SettingsError for a path to nothing."""
    from srlm.engines.hub import weight_files
    from srlm.engines.sizes import numbers_in

    folder = Path(model)
    if folder.is_dir():
        names = weight_files(path.name for path in folder.iterdir())
        if not names or not (folder / "config.json").is_file():
            raise SettingsError(f"--model {model}: the folder has no config.json and *.safetensors; is it a model's?")
        return numbers_in(folder, names)
    if model.startswith("wheel:"):
        return None
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", model) or model.startswith("."):
        raise SettingsError(f"--model {model}: no such folder, and not a Hub id (OWNER/NAME)")
    return None


def _sizes(ift: Looked | None, ranked: Looked | None, measured: Looked | None) -> dict[str, tuple[int, str]]:
    """How many rows go where: all that there are, but for what is measured on."""
    sets = ranked.usable if ranked else 0
    aside = 0 if measured else min(256, max(1, (ift.usable if ift else sets) // 10))
    heldout = min(190, max(1, sets // 4)) if ranked else 0
    found: dict[str, tuple[int, str]] = {}
    rest = max(1, sets - heldout - (0 if ift else aside)) if ranked else 0
    if ift:
        found["ift"] = (max(1, ift.usable - aside), "all usable rows" + ("" if measured else " but those set aside"))
        eft = min(600, rest)
    else:
        eft = min(600, max(1, rest // 2))
        found["ift"] = (max(1, rest - eft), "the best answer of each ranked set that EFT does not use")
    more = f" of {counted(rest, 'usable sets')}; more cost more judgements" if eft < rest and ift else ""
    found["eft_sets"] = (
        (eft, f"ranked sets from which M1 learns to judge{more}") if ranked else (0, "no ranked answers: no EFT")
    )
    found["heldout_sets"] = (
        (heldout, "ranked sets kept to measure the judge (the paper: about 190)") if ranked else (0, "as above")
    )
    if measured:
        found["evaluation_prompts"] = (min(256, measured.usable), "drawn from evaluation_prompts (the paper: 256)")
    else:
        found["evaluation_prompts"] = (aside, "set aside from the data, a tenth of it (the paper: 256)")
    return found


SMALL, LARGE = 10**9, 3 * 10**9
"""Weights: below the first, a model needs help as a judge; above the second, 20 bytes a weight do not fit one H100."""


def _answer_tokens(looked: Looked | None) -> tuple[int, str]:
    """Room for 95 of 100 of the data's answers."""
    lengths = sorted(looked.lengths) if looked else []
    longest = lengths[len(lengths) * 95 // 100] / 4 if lengths else 512
    tokens = min(1024, max(64, -(-int(longest * 1.3) // 64) * 64))
    return tokens, "95 of 100 answers of your data fit, at 4 characters a token; other scripts than Latin need more"


def _write_training(
    page: "_Page",
    sizes: dict[str, tuple[int, str]],
    numbers: int | None,
    gpus: int,
    gpu: str,
) -> None:
    small = numbers is not None and numbers < SMALL
    adapters = gpus == 1 and not (numbers is not None and numbers * 20 < 0.9 * MEMORY_GIB[gpu] * 2**30)
    page.section("engine", "what writes answers and judgements")
    if gpus > 1:
        page.put("kind", "ray", "a copy of the model on each GPU; pip install 'srlm[ray,vllm]'")
        page.put("worker", "vllm", "without vLLM: transformers")
        page.put("ray", {"workers": gpus, "gpus_per_worker": 1}, "")
    else:
        page.put("kind", "vllm" if gpus else "transformers", "pip install 'srlm[vllm]'" if gpus else "runs on a CPU")
    page.put("batch_size", 256 if gpus else 16, "sequences at once")
    page.end()
    if gpus > 1:
        page.section("launch", "trainings in one process a GPU")
        command = (
            ["torchrun", "--standalone", f"--nproc-per-node={gpus}"]
            if numbers is not None and numbers < LARGE
            else ["accelerate", "launch", "--config_file", "configs/accelerate/fsdp.yaml", "--num_processes", str(gpus)]
        )
        why = "the whole model fits each GPU" if command[0] == "torchrun" else "FSDP; the file is srlm's repository's"
        page.put("command", command, why)
        page.end()
    unit = 2 * max(1, gpus)  # a micro batch in every process
    batch = -(-(16 if sizes["ift"][0] >= 160 else 8) // unit) * unit
    for name, why in (("sft", "SFT baseline and M1"), ("dpo", "M2, M3")):
        page.section(name, why)
        page.put("epochs", 2 if name == "sft" else 1, "passes over the data")
        page.put("batch_size", batch, "examples a step (the paper: 16)")
        page.put("micro_batch_size", 2, "examples at once; larger is faster where memory allows")
        if adapters:
            page.put("lora", {"rank": 16}, "adapters: all weights, 20 bytes each, may not fit the GPU; null trains all")
        elif small:
            rates = (2.0e-5, 2.0e-6) if name == "sft" else (1.0e-6, 1.0e-7)
            page.put("learning_rate", rates[0], "for a small model (configs/smollm2.yaml); the paper's are for 70B")
            page.put("final_learning_rate", rates[1], "")
        page.put("max_length", 2048 if gpus else 1024, "tokens of prompt and answer; longer examples are left out")
        if gpus:
            page.put("activation_checkpointing", True, "less memory, about a third more time")
        page.end()


def _write_loop(
    page: "_Page",
    wanted: Wanted,
    judge: str,
    ranked: Looked | None,
    prompts: Looked | None,
    numbers: int | None,
    gpus: int,
    answer: tuple[int, str],
) -> None:
    small = numbers is not None and numbers < SMALL
    page.section("eft", "how M1 learns to judge")
    if ranked:
        page.put("writer", "sft", "the SFT baseline judges your ranked answers; what agrees with the ranks is taught")
        page.put("draws", 3, "tries an answer; more give more examples")
        if ranked.usable < 200:
            page.put("max_score_share", 0.6, "with few sets, thinning the most common score must not eat them up")
    else:
        page.put("writer", "off", "no ranked answers to learn from")
    page.end()
    page.section("judge", "who scores the answers of the loop")
    page.put("template", "additive", "the paper's five points; a file of yours is possible (docs/judges.md)")
    page.put("draws", 3, "judgements an answer, averaged (the paper: 3)")
    page.put("sampling", {"temperature": 0.7, "top_p": 0.9, "max_new_tokens": 512 if gpus else 128}, "as candidates")
    if judge:
        server = {"kind": "openai", "model": judge} | ({"base_url": wanted.base_url} if wanted.base_url else {})
        page.put("engine", server, "this server judges, not M_t; its key is in OPENAI_API_KEY")
    else:
        page.put("engine", None, "null: M_t judges its own answers, as in the paper")
        if small:
            page.put("complete", True, "a small model rarely ends with its score, and is asked for it")
            page.put("on_collapse", "continue", "warn and go on if it gives everybody the same score; `stop` is safer")
    page.end()
    page.section("prompts", "new prompts for each iteration")
    if prompts is not None:
        page.put("writer", "file", "yours, the next ones at each iteration")
        page.put("source", prompts.source, "format and columns as found in the first row; lines may be added later")
        page.put("count", max(1, prompts.usable // 2), "an iteration: half of the file for M2, half for M3")
    else:
        page.put("writer", "fixed", "an instruction-tuned model writes them, as in the paper; `self`: M_t")
        page.put("model", "M0", "that model is M0")
        page.put("count", 1000 if gpus else 32, "an iteration; each gives at most one pair")
        page.put("sampling", {"temperature": 0.6, "top_p": 0.9, "max_new_tokens": 160 if gpus else 64}, "the paper's")
    page.end()
    page.section("candidates", "answers that are judged")
    page.put("count", 4, "a prompt (the paper: 4); the best is trained against the worst")
    page.put("sampling", {"temperature": 0.7, "top_p": 0.9, "max_new_tokens": answer[0]}, answer[1])
    page.end()
    page.section("evaluation", "srlm-eval all --run FILE")
    page.put("sampling", {"temperature": 0.7, "top_p": 0.9, "max_new_tokens": answer[0]}, "as candidates")
    if judge:
        page.put("judge", f"openai:{judge}", "the same server; another judge than the loop's measures more honestly")
        if wanted.base_url:
            page.put("base_url", wanted.base_url, "")
    else:
        page.put("judge", "checkpoint:M0", "costs nothing, and is weak; openai:MODEL measures better")
    page.end()


class _Page:
    """YAML with a comment beside each line."""

    def __init__(self) -> None:
        self.text = "# Written by `srlm new`; every line may be changed. `srlm settings NAME` explains a setting.\n"
        self._depth = 0

    def section(self, name: str, why: str) -> None:
        self._line(f"{name}:", why)
        self._depth += 1

    def end(self) -> None:
        self._depth -= 1

    def put(self, name: str, value: Any, why: str) -> None:
        self._line(f"{name}: {_yaml(value)}", why)

    def _line(self, line: str, why: str) -> None:
        self.text += f"{'  ' * self._depth}{line}" + (f"  # {why}" if why else "") + "\n"


_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*")
_WORDS = ("true", "false", "null", "yes", "no", "on", "off")


def _yaml(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_yaml(key)}: {_yaml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return "off" if value == "off" else json.dumps(value, ensure_ascii=False)
