"""How the models of a run are measured."""

from typing import Annotated

from pydantic import Field

from srlm.addresses import Address
from srlm.section import Positive, Section
from srlm.settings.breakdown import BreakdownSettings
from srlm.settings.data_map import DataMapSettings
from srlm.settings.engines import Price, Sampling
from srlm.settings.human import HumanSettings
from srlm.settings.judge import PairSettings
from srlm.settings.mt_bench import MtBenchSettings
from srlm.settings.nlp import NlpSettings
from srlm.worlds.table import TITLES


class EvaluationSettings(Section):
    """How every M_i is evaluated."""

    reference: str | None = None
    """The model that every other one is compared with. None: each model is compared with the one before it, and in the
    head to head with every earlier one."""
    sampling: Sampling = Sampling()
    """How answers to the evaluation prompts are sampled."""
    judge: Annotated[
        str,
        Field(
            description=f"Pairwise judge of the head-to-head: `oracle` ({TITLES} only), `checkpoint:M0` (a model of "
            "the run), `openai:MODEL`, `hf:DIR_OR_ID`, `reward-model:DIR`, `length`, `random:SEED` or `constant`."
        ),
    ] = "oracle"
    base_url: Address = None
    """Server of an `openai:` judge. None: the client's default. `${NAME}` is replaced by the environment variable."""
    pairs: PairSettings = PairSettings()
    max_cost: Annotated[float | None, Field(ge=0)] = None
    """Limit in US dollars for an `openai:` judge, over all starts of this run. What it does not reach is left out: the
    figures are then of a random part of the prompts."""
    price: Price | None = None
    """The server's price. None: from the price list, if it has the model."""
    alpaca_dir: str | None = None
    """A checkout of alpaca_eval, or a folder with its files. None: $SRLM_ALPACA_DIR, else the Hub."""
    also: tuple[str, ...] = ()
    """Benchmarks that `srlm-eval all` measures beside those it always does, by name or by the word of
    their command."""
    breakdown: BreakdownSettings = BreakdownSettings()
    data_map: DataMapSettings = DataMapSettings()
    mt_bench: MtBenchSettings = MtBenchSettings()
    nlp: NlpSettings = NlpSettings()
    judge_draws: Positive = 3
    """Judgements per held-out ranked answer by each M_i."""
    bootstrap: Positive = 2000
    """Accepted, and without effect: the intervals of a run no longer resample its prompts."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """Confidence level of the intervals."""
    human: HumanSettings = HumanSettings()
