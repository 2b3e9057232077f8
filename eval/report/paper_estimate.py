"""`srlm-eval paper --dry-run`: time and price of the paper's whole table, before anything is trained or sent.

Benchmarks say what they would ask (`Benchmark.asked`). The time of the run's own models is calculated as `srlm
estimate` does it, for answers as long as they may be; the price of a server's model is that of the price list. Nothing
is measured. How fast a server answers, and a price that is not listed, are unknown and are not taken for 0.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from srlm.cli.estimate import generation, stages, stages_of
from srlm.cli.hardware import Hardware
from srlm.cli.shape import Shape
from srlm.engines.openai.cost import price_of
from srlm.engines.openai.endpoint import Endpoint
from srlm.methods import start
from srlm.methods.base import ASSUMED, method_of
from srlm.methods.sharing import shareable
from srlm.settings import Price, Settings
from srlm.terminal import Table

from ..benchmarks.ablations.arms import Arm
from ..benchmarks.base import Asked, Benchmark
from ..benchmarks.table import of_all


class Line(NamedTuple):
    """What one kind of request takes."""

    benchmark: str
    what: str
    model: str
    requests: int
    read: int
    """Tokens of all requests."""
    written: int
    """Tokens of all answers, at most."""
    hours: float | None
    """On the hardware. None: unknown, as of a server."""
    dollars: float | None
    """Of a server. None: unknown. 0: no server is asked."""


def measured_models(settings: Settings) -> list[str]:
    """Names of the checkpoints that a finished run has to measure.

    M0 among them where it is an instruct model: nothing of it is read here, so where the run file gives it no template.
    """
    steps = method_of(settings).steps(settings, settings.iterations)
    answers = settings.model.base != "scratch" and settings.model.chat_template is None
    return [step.name for step in steps if step.parent is not None or (answers and step == start.BASE)]


def training(settings: Settings, on: Hardware, shape: Shape, what: str = "training the models") -> Line:
    """All that `srlm train` does."""
    seconds = sum(stage.seconds for stage in stages(settings, on, shape, ASSUMED))
    return Line("srlm train", what, settings.model.base, 0, 0, 0, seconds / 3600, 0.0)


def ablation(given: Settings, arm: Arm, on: Hardware, shape: Shape) -> Iterator[Line]:
    """Training one ablation's run, but for what it shares with the run itself, and measuring it."""
    settings = arm.settings(given)
    shared, first = shareable(given, settings), list(start.work(settings, ASSUMED))
    done = first if start.FIRST in shared else first[:1] if start.BASELINE in shared else []
    seconds = sum(stage.seconds for stage in stages(settings, on, shape, ASSUMED))
    seconds -= sum(stage.seconds for stage in stages_of(done, settings, on, shape))
    name = f"ablation: {arm.name}"
    yield Line(name, "training", settings.model.base, 0, 0, 0, seconds / 3600, 0.0)
    by_model: dict[bool, list[Line]] = {}
    for line in lines(of_all(), settings, on, shape):
        by_model.setdefault(line.hours is None, []).append(line)
    for found in by_model.values():
        asked = ", ".join(dict.fromkeys(line.model for line in found))
        yield Line(
            name, "measuring", asked, sum(line.requests for line in found), sum(line.read for line in found),
            sum(line.written for line in found), _all([line.hours for line in found]),
            _all([line.dollars for line in found]),
        )  # fmt: skip


def _all(values: Sequence[float | None]) -> float | None:
    """The sum; None where a part is unknown."""
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def lines(benchmarks: Sequence[Benchmark], settings: Settings, on: Hardware, shape: Shape) -> Iterator[Line]:
    """A line a benchmark and kind of request; the requests to several checkpoints are one line."""
    models = measured_models(settings)
    for benchmark in benchmarks:
        by_kind: dict[tuple[str, str], list[Asked]] = {}
        for one in benchmark.asked(settings, models):
            asks = "own" if is_own(one.model, models) else one.model
            by_kind.setdefault((one.what, asks), []).append(one)
        for (what, asks), found in by_kind.items():
            yield _line(benchmark, what, asks, found, settings, on, shape)


def is_own(model: str, models: Sequence[str]) -> bool:
    """Whether a model that is asked has the shape of the run's: its checkpoints, M0 too."""
    return model in (*models, "M0") or model.startswith("checkpoint:")


def _line(
    benchmark: Benchmark, what: str, asks: str, found: Sequence[Asked], settings: Settings, on: Hardware, shape: Shape
) -> Line:
    requests = sum(one.requests for one in found)
    read = sum(one.requests * one.reads for one in found)
    written = sum(one.requests * one.writes for one in found)
    hours, dollars = None, None
    if asks == "own":
        seconds = (generation(shape, on, one.requests, 1, one.reads, one.writes)[0] for one in found if one.requests)
        hours, dollars = sum(seconds) / 3600, 0.0
    elif asks.partition(":")[0] != "openai":
        dollars = 0.0  # another model on this machine, whose shape nobody has said
    elif (price := found[0].price or _listed(found[0])) is not None:
        dollars = price.of(read, written)
    named = ", ".join(dict.fromkeys(_named(one) for one in found))
    return Line(benchmark.label, what, named, requests, read, written, hours, dollars)


def _listed(judge: Asked) -> Price | None:
    """What the price list says, which is true of the provider's own server alone."""
    return price_of(Endpoint.at(judge.base_url).provider, judge.model.partition(":")[2])


def _named(asked: Asked) -> str:
    """A model, and where it is asked if not at OpenAI's own address: there the list has no price."""
    where = Endpoint.at(asked.base_url).noted if asked.model.startswith("openai:") else None
    return asked.model if where is None else f"{asked.model} at {where}"


def table(found: Sequence[Line]) -> Table:
    """The lines with their sums; `?` is unknown, and a sum with an unknown part says so."""
    shown = Table("benchmark", "what", "asked", "requests", "M tokens read", "M written", "hours", "US dollars")
    for one in found:
        shown.add_row(
            one.benchmark, one.what, one.model, f"{one.requests:,}" if one.requests else "",
            f"{one.read / 1e6:,.2f}" if one.requests else "", f"{one.written / 1e6:,.2f}" if one.requests else "",
            _known(one.hours), "" if one.dollars == 0 else _known(one.dollars),
        )  # fmt: skip
    requests, hours, dollars = (sum(o.requests for o in found), [o.hours for o in found], [o.dollars for o in found])
    shown.add_row("all", "", "", f"{requests:,}", "", "", _sum(hours), _sum(dollars))
    return shown


def _known(value: float | None) -> str:
    return "?" if value is None else f"{value:,.2f}"


def _sum(values: Sequence[float | None]) -> str:
    known = sum(value for value in values if value is not None)
    return f"{known:,.2f}" + (" + ?" if None in values else "")


def unknowns(found: Sequence[Line], on: Hardware) -> Iterator[str]:
    """What the sums leave out, and what the hardware costs where its price is known."""
    hours = sum(one.hours for one in found if one.hours is not None)
    if on.price_per_gpu_hour:
        cost = hours * on.gpus * on.price_per_gpu_hour
        yield f"{hours * on.gpus:,.1f} GPU hours at {on.price_per_gpu_hour:g} a GPU hour: {cost:,.0f}"
    else:
        yield f"{hours * on.gpus:,.1f} GPU hours; their price is unknown (price_per_gpu_hour in the hardware file)"
    for judge in dict.fromkeys(one.model for one in found if one.dollars is None):
        yield (
            f"{judge}: no price is known; give evaluation.price, or `price` beside a judge of its own (US dollars per "
            "million tokens of input and output)"
        )
    for model in dict.fromkeys(one.model for one in found if one.hours is None):
        yield f"{model}: how fast it answers is unknown; its time is not in the hours"
