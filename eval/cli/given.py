"""Named benchmarks: of a run, or of any models, without training."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from srlm.errors import SettingsError
from srlm.terminal import say, show

from .options import (
    MOST,
    Format,
    JudgeDraws,
    JudgeServer,
    KeyEnv,
    Overrides,
    Prices,
    Rankings,
    RunOrNot,
    Seed,
    refuse_given,
)

OF_MODELS = {
    "reference": "--reference",
    "prompts": "--prompts",
    "limit": "--limit",
    "rankings": "--rankings",
    "format": "--format",
    "judge": "--judge",
    "judge_base_url": "--judge-base-url",
    "judge_price": "--judge-price",
    "max_cost": "--max-cost",
    "judge_draws": "--judge-draws",
    "judge_tokens": "--judge-tokens",
    "max_new_tokens": "--max-new-tokens",
    "temperature": "--temperature",
    "dtype": "--dtype",
    "chat_template": "--chat-template",
    "base_url": "--base-url",
    "api_key_env": "--api-key-env",
    "price": "--price",
    "batch_size": "--batch-size",
    "task": "--task",
    "nlp_limit": "--nlp-limit",
    "nlp_data": "--nlp-data",
    "mt_bench_files": "--mt-bench-files",
    "alpaca_dir": "--alpaca-dir",
    "folder": "--out",
    "seed": "--seed",
    "trust_remote_code": "--trust-remote-code",
}
"""Options that need --model, by their parameters."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
TAKEN = ("data", "evaluation", "model", "training", "validation", "sampled", "logs", "launch")
"""Names of folders that a run has itself."""
SPECS = "a folder, hf:DIR_OR_ID (OWNER/NAME or OWNER/NAME@REVISION of the Hub), wheel:PACKAGE or openai:NAME"


def run(
    context: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME...", help="Names of benchmarks, as with --benchmarks.")
    ] = None,
    run: RunOrNot = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help=f"Instead of --run: a model, [NAME=]{SPECS}; repeatable. The first is the reference."),
    ] = None,
    benchmarks: Annotated[
        str | None,
        typer.Option(
            help="Names of benchmarks, with commas. Default with --model: h2h and agreement, where all that they need "
            "is given."
        ),
    ] = None,
    reference: Annotated[
        str | None, typer.Option(help="The model that every other is compared with. Default: the first.")
    ] = None,
    prompts: Annotated[Path | None, typer.Option(help="Prompts to answer: JSON lines with `instruction`.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Answer at most N prompts, drawn at random. Default: all of them.")
    ] = None,
    rankings: Rankings = None,
    format: Format = None,
    judge: Annotated[
        str | None,
        typer.Option(
            help="Judge of answers: openai:MODEL, hf:DIR_OR_ID, checkpoint:NAME (one of the models), reward-model:DIR, "
            "file:PATH, length, random:SEED or constant."
        ),
    ] = None,
    judge_base_url: JudgeServer = None,
    judge_price: Annotated[
        tuple[float, float] | None,
        typer.Option("--judge-price", help="The judge's US dollars per million input and output tokens."),
    ] = None,
    max_cost: Annotated[
        float | None, typer.Option(min=0, max=MOST, help="Limit in US dollars for the judge, over all starts.")
    ] = None,
    judge_draws: JudgeDraws = 3,
    judge_tokens: Annotated[
        int, typer.Option(min=1, help="Maximum tokens of a model's judgement of a ranked answer.")
    ] = 256,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Maximum tokens of an answer.")] = 512,
    temperature: Annotated[float, typer.Option(min=0, max=MOST, help="Temperature of answers; 0 = greedy.")] = 0.7,
    dtype: Annotated[
        Literal["auto", "float32", "bfloat16"], typer.Option(help="Number format; auto: each model's own.")
    ] = "auto",
    chat_template: Annotated[
        list[str] | None,
        typer.Option(help="[NAME=]FILE: Jinja chat template for models that have none; repeatable."),
    ] = None,
    base_url: Annotated[
        list[str] | None,
        typer.Option(help="[NAME=]URL: server of openai: models, ending in /v1; repeatable."),
    ] = None,
    api_key_env: KeyEnv = "OPENAI_API_KEY",
    price: Prices = None,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run Python code that comes with a model.")
    ] = False,
    batch_size: Annotated[int, typer.Option(min=1, help="Sequences decoded together on this machine.")] = 32,
    task: Annotated[
        list[str] | None, typer.Option(help="nlp: a task or group of lm-eval, or a YAML file; repeatable.")
    ] = None,
    nlp_limit: Annotated[int | None, typer.Option(min=1, help="nlp: ask the first N documents of each task.")] = None,
    nlp_data: Annotated[Path | None, typer.Option(help="nlp: folder with the data of the tasks.")] = None,
    mt_bench_files: Annotated[Path | None, typer.Option(help="mt_bench: folder with FastChat's files.")] = None,
    alpaca_dir: Annotated[Path | None, typer.Option(help="alpaca: a checkout of alpaca_eval, or its files.")] = None,
    folder: Annotated[
        Path | None, typer.Option("--out", help="Folder of the measurement: answers, figures and report.html.")
    ] = None,
    seed: Seed = 1,
    overrides: Overrides = None,
) -> None:
    """Run the named benchmarks: of a run's checkpoints, or of any models, without training (docs/any_model.md).

    With --model the last line is the path of the report.
    """
    words = [*(names or ()), *(part.strip() for part in (benchmarks or "").split(",") if part.strip())]
    if (run is None) == (not model):
        raise SettingsError("run needs either --run FILE, or --model MODEL (repeatable) with --out FOLDER")
    if run is not None:
        refuse_given(context, f"{', '.join(OF_MODELS.values())} need --model; a run has its own settings", *OF_MODELS)
        if not words:
            raise SettingsError("run --run FILE needs the names of benchmarks")
        _of_run(run, overrides, words)
        return
    if folder is None:
        raise SettingsError("--out FOLDER is missing: answers, figures and the report go there")
    models = dict(_named(model or ()))
    served = {name: one for name, one in models.items() if one.startswith("openai:")}
    templates = _by_model("--chat-template", chat_template or (), [name for name in models if name not in served])
    addresses = _by_model("--base-url", base_url or (), list(served))
    given: dict[str, dict[str, Any]] = {}
    for name, spec in models.items():
        given[name] = {"model": spec}
        if name in served:
            given[name] |= {"base_url": addresses.get(name), "api_key_env": api_key_env}
            if price is not None:
                given[name]["price"] = {"input": price[0], "output": price[1]}
        else:
            template = templates.get(name)
            given[name] |= {"dtype": dtype, "trust_remote_code": trust_remote_code}
            given[name] |= {"chat_template": None if template is None else _absolute(template)}
    evaluation: dict[str, Any] = {
        "reference": _known("--reference", reference, models) or next(iter(models)),
        "sampling": {"temperature": temperature, "max_new_tokens": max_new_tokens},
        "judge_draws": judge_draws,
        "max_cost": max_cost,
        "nlp": {
            "limit": nlp_limit,
            **({"tasks": list(task)} if task else {}),
            "data": None if nlp_data is None else str(nlp_data),
        },
        "mt_bench": {"files": None if mt_bench_files is None else str(mt_bench_files)},
        "alpaca_dir": None if alpaca_dir is None else str(alpaca_dir),
    }
    if judge is not None:
        evaluation |= _judge(judge, judge_base_url, judge_price, given)
    elif judge_base_url or judge_price:
        raise SettingsError("--judge-base-url and --judge-price need --judge openai:MODEL")
    data = {
        "kind": "measured",
        "prompts_path": None if prompts is None else _absolute(str(prompts)),
        "path": "" if rankings is None else _absolute(rankings),
        "format": format,
        **({} if limit is None else {"evaluation_prompts": limit}),
    }
    place = folder.resolve()
    settings = {
        "name": place.name,
        "runs": str(folder.parent),
        "seed": seed,
        "method": {"name": "untrained", "models": given},
        "model": {"base": "none"},
        "data": data,
        "engine": {"batch_size": batch_size},
        "judge": {"sampling": {"max_new_tokens": judge_tokens}},
        "evaluation": evaluation,
    }
    _measure(settings, overrides, words, _command(models, words, judge, folder))


def _of_run(run: Path, overrides: Sequence[str] | None, words: Sequence[str]) -> None:
    from ..benchmarks.table import chosen
    from ..figures.text import listed
    from ..run import of_run

    wanted = chosen(words)
    figures = of_run(run, overrides, wanted)
    show(listed([one for one in figures if one.benchmark in {benchmark.name for benchmark in wanted}], "model"))


def _measure(given: Mapping[str, Any], overrides: Sequence[str] | None, words: Sequence[str], command: str) -> None:
    from srlm.run_file import composed

    from ..benchmarks.table import chosen
    from ..benchmarks.without_training import HOW, measurable, refuse_lacking
    from ..figures.text import listed
    from ..report import page
    from ..run import measure, opened_run

    if not NAME.fullmatch(given["name"]):
        raise SettingsError(f"--out {given['name']}: its last part may have letters, digits, `.`, `_` and `-` only")
    if Path(given["runs"], given["name"]).is_file():
        raise SettingsError(f"--out {Path(given['runs'], given['name'])}: a file; give a folder, which may be new")
    settings = composed(given, overrides or ())
    wanted = chosen(words) if words else measurable(chosen(["h2h", "agreement"]), settings)
    if not wanted:
        raise SettingsError(
            f"nothing to measure: h2h needs {HOW['prompts']} and {HOW['judge']}; agreement needs "
            f"{HOW['rankings']}; or name others with --benchmarks"
        )
    refuse_lacking(wanted, settings)
    with opened_run(settings) as (settings, folder, open_engine):
        figures = measure(settings, folder, wanted, open_engine)
        show(listed([one for one in figures if one.benchmark in {benchmark.name for benchmark in wanted}], "model"))
        say(str(page.write(settings, folder, command)))


def _command(models: Mapping[str, str], words: Sequence[str], judge: str | None, folder: Path) -> str:
    """How the report says that it was made; all other options stand among its settings."""
    named = [f"--model {name}={spec}" for name, spec in models.items()]
    more = [f"--benchmarks {','.join(words)}"] if words else []
    return " ".join(["srlm-eval run", *named, *more, *([f"--judge {judge}"] if judge else []), f"--out {folder}"])


# Models ---------------------------------------------------------------------------------------------------------------


def _named(given: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(name, specification) of each --model. Raises SettingsError for a wrong one, or a name that stands twice."""
    from srlm.engines.weights import called
    from srlm.store.file_names import file_name

    seen: dict[str, str] = {}
    for one in given:
        name, equals, rest = one.partition("=")
        if Path(one).is_dir() or not equals or not NAME.fullmatch(name):
            name, rest = "", one
        spec = _spec(rest)
        kind, _, what = spec.partition(":")
        name = name or file_name(
            called(what if kind != "hf" else what.partition("@")[0] if not Path(what).is_dir() else what)
        )
        if name.casefold() in TAKEN:
            raise SettingsError(
                f"--model {one}: the name {name} is taken by a folder of ours; name it: --model OTHER={rest}"
            )
        if name.casefold() in seen:
            raise SettingsError(
                f"--model {one}: two models have the name {name} (the other is {seen[name.casefold()]}); name one: "
                f"--model OTHER={rest}"
            )
        seen[name.casefold()] = one
        yield name, spec


def _spec(given: str) -> str:
    """A model as settings name it, a folder by its whole path."""
    kind, colon, what = given.partition(":")
    if colon and kind in ("openai", "wheel") and what:
        return given
    if colon and kind in ("hf", "transformers") and what:
        given = what
    elif colon and not Path(given).is_dir():
        raise SettingsError(f"--model {given}: not {SPECS}")
    if not given:
        raise SettingsError(f"--model is empty; give {SPECS}")
    place = Path(given).expanduser()
    if place.is_dir():
        if not (place / "config.json").is_file():
            raise SettingsError(
                f"--model {given}: the folder has no config.json, so it is no model's; {_inside(place)}"
            )
        return f"hf:{place.resolve()}"
    if given.startswith(("/", ".", "~")) or given.count("/") != 1:
        raise SettingsError(f"--model {given}: no such folder, and not OWNER/NAME of the Hub; give {SPECS}")
    return f"hf:{given}"


def _inside(place: Path) -> str:
    """What may have been meant: a model's folder one or two floors further down, as in a run's."""
    found = sorted(
        {path.parent for pattern in ("*/config.json", "*/model/config.json") for path in place.glob(pattern)}
    )
    if not found:
        return "give the folder that save_pretrained wrote"
    return f"did you mean {' or '.join(map(str, found[:3]))}?"


def _absolute(name: str) -> str:
    return str(Path(name).resolve()) if Path(name).exists() else name


def _known(option: str, name: str | None, models: Mapping[str, str]) -> str | None:
    if name is not None and name not in models:
        raise SettingsError(f"{option} {name}: no such model; the models are {', '.join(models)}")
    return name


def _by_model(option: str, given: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """What `[NAME=]VALUE` says of each model; without a name, of all that no other names."""
    own, every = {}, None
    for one in given:
        name, equals, rest = one.partition("=")
        if equals and NAME.fullmatch(name) and not Path(one).exists():
            if name not in names:
                raise SettingsError(
                    f"{option} {one}: no model {name} takes it; those that do are {', '.join(names) or 'none'}"
                )
            own[name] = rest
        else:
            every = one
    if given and not names:
        raise SettingsError(f"{option}: none of the models takes it")
    return {**({} if every is None else dict.fromkeys(names, every)), **own}


def _judge(
    spec: str, base_url: str | None, price: tuple[float, float] | None, given: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Settings of the judge; one of the models that is behind a server is asked as a judge there is."""
    kind, _, name = spec.partition(":")
    if kind == "checkpoint":
        _known("--judge checkpoint:", name, {one: "" for one in given})
        own = given[name]
        if str(own["model"]).startswith("openai:"):
            return {"judge": own["model"], "base_url": own["base_url"], "price": own.get("price")}
    return {
        "judge": spec,
        "base_url": base_url,
        "price": None if price is None else {"input": price[0], "output": price[1]},
    }
