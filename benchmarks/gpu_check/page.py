"""gpu-check.json for people: one page of Markdown, which shows in an issue as it is."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from srlm.text.markdown import markdown, markdown_table


def page(found: Mapping[str, Any]) -> str:
    """The page of a check, finished or not."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    steps = found["steps"]
    states = [step["state"] for step in steps]
    counts = [f"{states.count(state)} {state}" for state in ("passed", "failed", "not run", "begun") if state in states]
    where = "on a GPU" if found["device"] == "cuda" else "without a GPU, to try the check itself"
    yield f"# srlm {where}: {', '.join(counts)}"
    yield ""
    if not found["ended"]:
        yield "The check has not ended: it is running, or was cut short in the step that is begun."
        yield ""
    facts = found["facts"]
    for number, gpu in enumerate(facts.get("gpus", [])):
        yield (
            f"- GPU {number}: {markdown(str(gpu['name']))}, {gpu['memory_gib']:.1f} GiB, compute capability "
            f"{gpu['capability']}, bfloat16 {'yes' if gpu['bfloat16'] else 'no'}"
        )
    told = {
        "srlm": f"{found['srlm']}, commit {found['commit'] or 'unknown'}",
        **facts.get("versions", {}),
        **{name: facts[name] for name in ("driver", "cuda", "cudnn", "processor") if facts.get(name)},
    }
    yield f"- {', '.join(f'{markdown(name)} {markdown(str(value))}' for name, value in told.items())}"
    yield f"- {found['when']}, {found['seconds']:.0f} s, models: {found['size']}"
    yield ""
    rows = [
        [
            step["title"],
            step["state"],
            f"{step['seconds']:.0f}" if "seconds" in step else "",
            _gib(step.get("peak_allocated_mib")),
            _gib(step.get("peak_device_mib")),
            "; ".join(f"{name}: {_figure(value)}" for name, value in step.get("figures", {}).items())
            or (step.get("why") or "").partition("\n")[0][:160],
        ]
        for step in steps
    ]
    header = ["step", "result", "s", "GiB, own", "GiB, whole GPU", "figures"]
    yield from markdown_table(header, rows)
    yield ""
    yield "`GiB, own`: the most that torch had allocated in the step's process. `whole GPU`: in use by all."
    for step in steps:
        yield from _details(step)


def _details(step: Mapping[str, Any]) -> Iterator[str]:
    parts = step.get("parts", {})
    why = step.get("why") or ""
    if step["state"] != "failed" and not parts:
        return
    yield ""
    yield f"## {markdown(step['title'])}"
    if step["state"] == "failed":
        yield ""
        yield from _block(why)
        if step.get("said"):
            yield ""
            yield "The last that it printed:"
            yield ""
            yield from _block(step["said"])
    if parts:
        yield ""
        rows = [
            [
                name,
                part["state"],
                f"{part.get('seconds', 0):.1f}",
                "; ".join(f"{key}: {_figure(value)}" for key, value in part.get("figures", {}).items())
                or (part.get("why") or "").partition("\n")[0][:160],
            ]
            for name, part in parts.items()
        ]
        yield from markdown_table(["", "result", "s", "figures"], rows)
        for name, part in parts.items():
            if part["state"] == "failed":
                yield ""
                yield f"{markdown(name)}:"
                yield ""
                yield from _block(part.get("why") or "")


def _block(text: str) -> Iterator[str]:
    """A text as it is, within a fence that it cannot close."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    yield fence
    yield from (re.sub(r"[^\x20-\x7e\u00a0-\uffff]", "?", line) for line in text.splitlines())
    yield fence


def _figure(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _gib(mib: Any) -> str:
    return "" if mib is None else f"{mib / 1024:.2f}"
