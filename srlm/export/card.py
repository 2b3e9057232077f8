"""A model card (README.md, with the Hub's metadata in front) from the records of a run.

Every word that somebody else may have written goes through `srlm.text.markdown`; the metadata is written by PyYAML from
values of a fixed form. What the records do not say is said to be missing.
"""

from collections.abc import Iterator, Mapping, Sequence

import yaml

from srlm.export.clean import bare
from srlm.export.facts import Facts
from srlm.export.figures import Figure
from srlm.records import Count
from srlm.text.markdown import markdown, markdown_table

PAPER = """@article{yuan2024selfrewarding,
  title={Self-Rewarding Language Models},
  author={Yuan, Weizhe and Pang, Richard Yuanzhe and Cho, Kyunghyun and Li, Xian and Sukhbaatar, Sainbayar and Xu, Jing and Weston, Jason},
  journal={arXiv preprint arXiv:2401.10020},
  year={2024}
}"""  # noqa: E501
FEW = 12
"""Digits of a digest that a table shows."""


def model_card(facts: Facts, name: str | None, adapter: bool = False) -> str:
    """The text of README.md. `name`: on the Hub; None: the folder goes to no Hub. `adapter`: it holds an adapter."""
    parts = [
        _metadata(facts, adapter),
        "\n".join(_head(facts)),
        "\n".join(_use(facts, name or "THIS_FOLDER", adapter)),
        "\n".join(_lineage(facts)),
        "\n".join(_counts(facts)),
        "\n".join(_figures(facts)),
        "\n".join(_limits(facts)),
        "\n".join(_settings(facts)),
        "\n".join(_cite(facts)),
    ]
    return "\n\n".join(parts) + "\n"


def _metadata(facts: Facts, adapter: bool) -> str:
    found: dict[str, object] = {"library_name": "peft" if adapter else "transformers"}
    if facts.base.license is not None:
        found["license"] = facts.base.license
    if facts.base.hub_id is not None:
        found["base_model"] = facts.base.hub_id
        found["base_model_relation"] = "adapter" if adapter else "finetune"
    if facts.data_ids:
        found["datasets"] = list(facts.data_ids)
    found["pipeline_tag"] = "text-generation"
    found["tags"] = ["srlm", facts.method.replace("_", "-"), *(["lora"] if adapter else [])]
    return "---\n" + yaml.safe_dump(found, sort_keys=False, allow_unicode=False, width=1000) + "---"


def _head(facts: Facts) -> Iterator[str]:
    model = facts.origin.model
    yield f"# {markdown(facts.origin.run)}: {model}"
    yield ""
    method = f"`{facts.method}`: {markdown(facts.method_summary)} ({markdown(facts.method_paper)})"
    what = (
        f"{model} of the run {markdown(facts.origin.run)}, trained with srlm by the method {method}"
        if facts.lineage[-1].parent is not None
        else f"{model}, the model from which the run {markdown(facts.origin.run)} starts (method {method})"
    )
    yield f"{what}. This card was written by a program from the run's records."
    yield ""
    base = facts.base
    commit = f", commit {markdown(base.commit)}" if base.commit else ""
    yield f"- Base model: {markdown(base.name)}{commit}."
    if base.license is None:
        yield "- License: not known from the records. The terms of the base model and of the data apply."
    else:
        yield f"- License: {base.license}, as {base.license_from} says. The terms of base model and data apply."
    yield f"- Data: {markdown(bare(facts.data))}."
    yield (
        f"- The run began on {facts.date.isoformat()}."
        if facts.date is not None
        else "- The day on which the run began is not recorded."
    )


def _use(facts: Facts, name: str, adapter: bool) -> Iterator[str]:
    yield "## Use"
    yield ""
    sampling = facts.sampling
    drawn = (
        f"do_sample=True, temperature={sampling['temperature']}, top_p={sampling['top_p']}"
        if sampling["temperature"]
        else "do_sample=False"
    )
    given = "".join(f", {key}={value!r}" for key, value in facts.template_arguments.items() if key.isidentifier())
    trust = ", trust_remote_code=True" if facts.own_code else ""
    yield "```python"
    if adapter:
        yield "from peft import AutoPeftModelForCausalLM as AutoModel"
        yield "from transformers import AutoTokenizer"
    else:
        yield "from transformers import AutoModelForCausalLM as AutoModel, AutoTokenizer"
    yield ""
    yield f'tokenizer = AutoTokenizer.from_pretrained("{name}"{trust})'
    yield f'model = AutoModel.from_pretrained("{name}"{trust})'
    yield 'messages = [{"role": "user", "content": "..."}]'
    yield "prompt = tokenizer.apply_chat_template("
    yield f'    messages, add_generation_prompt=True, return_dict=True, return_tensors="pt"{given}'
    yield ")"
    yield f"answer = model.generate(**prompt, max_new_tokens={sampling['max_new_tokens']}, {drawn})"
    yield 'print(tokenizer.decode(answer[0, prompt["input_ids"].shape[1] :], skip_special_tokens=True))'
    yield "```"
    yield ""
    if adapter:
        yield "The weights are a LoRA adapter of the base model, in float32."
    elif facts.origin.dtype is not None:
        yield (
            f"The weights are {facts.origin.dtype}, rounded from the float32 in which they were trained. The run's "
            f"models generated in {facts.served}: its figures are of those"
            + ("." if facts.served == facts.origin.dtype else ", and answers may differ.")
        )
    else:
        yield (
            f"The weights are float32, as they were trained; config.json names {facts.served}, the format in which the "
            "run's models generate."
        )
    if facts.own_code:
        yield "The model comes with Python code of its own, which is run when it is loaded."


def _lineage(facts: Facts) -> Iterator[str]:
    yield "## Lineage"
    yield ""
    yield " → ".join(made.name for made in facts.lineage)
    yield ""
    rows = [
        [
            made.name,
            made.parent or facts.base.name,
            ", ".join(f"{stage}: {number:,}" for stage, number in made.examples.items()) or "not recorded",
            _number(made.counts.get("pairs")),
            _number(made.counts.get("judgements")),
            made.weights[:FEW] if not made.weights.startswith("hub:") else made.weights.removeprefix("hub:"),
        ]
        for made in facts.lineage
    ]
    header = ("model", "trained from", "examples by training", "pairs", "judgements", "weights (digest)")
    yield from markdown_table(header, [[bare(cell) for cell in row] for row in rows])
    yield ""
    origin = facts.origin
    yield f"Digest of the settings: {markdown(origin.settings)}. Weights in full: {markdown(origin.weights)}."


def _counts(facts: Facts) -> Iterator[str]:
    last = facts.lineage[-1]
    yield "## Data counts"
    yield ""
    if not facts.data_counts and not last.counts:
        yield "No counts are recorded."
        return
    rows = [["data", name, _value(value)] for name, value in facts.data_counts.items()]
    rows += [[last.name, name, _value(value)] for name, value in last.counts.items()]
    yield from markdown_table(("step", "what", "number"), [[bare(cell) for cell in row] for row in rows])


def _figures(facts: Facts) -> Iterator[str]:
    measured = facts.measured
    yield "## Metrics"
    yield ""
    if measured.figures:
        yield (
            "Shares are between 0 and 1 unless a unit is given; with another model in `against`, the figure compares "
            "both on the same prompts. `unscored` counts what could not be scored and is in no figure."
        )
        yield ""
        header = ("benchmark", "metric", "against", "value", "interval", "n", "unscored", "how")
        yield from markdown_table(header, [[bare(cell) for cell in _figure(one)] for one in measured.figures])
    else:
        yield f"None: the run's records hold no figure of {facts.origin.model} with these weights."
    if measured.other:
        yield ""
        yield (
            f"Left out, because the records do not tie them to these weights: {markdown(', '.join(measured.other))}."
        )


def _figure(one: Figure) -> list[str]:
    unit = {"percent": " %", "": ""}.get(one.value_unit, f" {one.value_unit}")
    interval = "none" if one.low is None or one.high is None else f"{one.low:.4g} to {one.high:.4g}{unit}"
    value = "not known" if one.value is None else f"{one.value:.4g}{unit}"
    how = "; ".join(part for part in (one.method, one.note) if part)
    n, unscored = f"{one.n:,} {one.unit}", f"{one.unscored:,}"
    return [one.benchmark, one.metric, one.baseline or "", value, interval, n, unscored, how]


def _limits(facts: Facts) -> Iterator[str]:
    last, benchmarks = facts.lineage[-1], dict.fromkeys(one.benchmark for one in facts.measured.figures)
    yield "## Limits"
    yield ""
    if facts.judged_by == "itself":
        yield (
            "- The judge is the model itself: the scores by which its answers were chosen are its predecessor's own, "
            "and no person's. What it prefers in error, it learns."
        )
    elif facts.judged_by is not None:
        yield f"- Its answers were rewarded by {markdown(facts.judged_by)}; no person judged them."
    else:
        yield "- The records of its last step hold no judgements of answers."
    scored, unscored = last.counts.get("judgements"), last.counts.get("judgements unscored")
    if isinstance(scored, int) and scored and isinstance(unscored, int):
        yield f"- Judgements of its last step without a readable score: {unscored:,} of {scored:,}; they count nowhere."
    if benchmarks:
        yield f"- Measured are {markdown(', '.join(benchmarks))}, and nothing else. Safety and bias were not measured."
    else:
        yield "- Nothing was measured of it: neither how well it answers, nor safety, nor bias."
    if benchmarks and "judge_agreement" not in benchmarks:
        yield "- How far its judgements agree with people's was not measured."
    yield "- It is one run with one seed. Intervals, where given, say how they were computed; other seeds vary more."
    if facts.world:
        words = " It knows the words of that world and no natural language." if facts.scratch else ""
        yield f"- The run's data is a small world that a program makes up, for tests of the method.{words}"
    for made in facts.lineage:
        for warning in made.warnings:
            yield f"- Warning in the records of {made.name}: {markdown(bare(warning))}."


def _settings(facts: Facts) -> Iterator[str]:
    yield "## Settings"
    yield ""
    yield "Those that shaped the model and differ from srlm's defaults, and the most important ones. Of paths, the last"
    yield "part is shown."
    yield ""
    yield from markdown_table(("setting", "value"), facts.settings)
    yield ""
    versions = ", ".join(f"{name} {version}" for name, version in facts.versions.items())
    yield f"Versions: {markdown(versions) or 'not recorded'}."


def _cite(facts: Facts) -> Iterator[str]:
    yield "## How to cite"
    yield ""
    if "2401.10020" not in facts.method_paper:
        yield f"The method `{facts.method}`: {markdown(facts.method_paper)}. It goes back to:"
        yield ""
    yield "```bibtex"
    yield PAPER
    yield "```"
    yield ""
    origin = facts.origin
    commit = f"commit {markdown(origin.commit)}" if origin.commit else "its commit is not recorded"
    version = f"version {markdown(origin.srlm)}" if origin.srlm else "its version is not recorded"
    yield f"And the program: srlm (Self-Rewarding Language Models), {version}, {commit}."


def _number(value: Count) -> str:
    return f"{value:,}" if isinstance(value, int) else ""


def _value(value: Count | Mapping[str, Count]) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_value(own)}" for name, own in value.items()) or "none"
    if value is None:
        return "not known"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else value


def data_card(facts: Facts, tables: Sequence[tuple[str, int, str]], missing: Sequence[str]) -> str:
    """The text of README.md of exported data. `tables`: (file, rows, what a row is); `missing`: what is left out."""
    found: dict[str, object] = {
        "configs": [{"config_name": file.partition(".")[0], "data_files": file} for file, _, _ in tables],
        "tags": ["srlm", facts.method.replace("_", "-"), "preference", "synthetic"],
    }
    model = facts.origin.model
    lines = [
        "---\n" + yaml.safe_dump(found, sort_keys=False, allow_unicode=False, width=1000) + "---",
        "",
        f"# {markdown(facts.origin.run)}: the data that made {model}",
        "",
        f"Records of the run {markdown(facts.origin.run)} (method `{facts.method}`, {markdown(facts.method_paper)}), "
        "as TRL reads them. Prompts and words of people may be among them: look at them before you give them away.",
        "",
        *markdown_table(("file", "rows", "a row"), [[file, f"{rows:,}", what] for file, rows, what in tables]),
        "",
        f"Data of the run: {markdown(bare(facts.data))}. Base model: {markdown(facts.base.name)}. License: not known "
        "from the records.",
        *([""] if missing else []),
        *(f"- Left out: {markdown(bare(one))}." for one in missing),
        "",
        *_cite(facts),
    ]
    return "\n".join(lines) + "\n"
