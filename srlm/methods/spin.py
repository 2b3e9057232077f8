"""SPIN, self-play fine-tuning (Chen et al. 2024): people's answers against the model's own, no judge, no new prompts.

    M_t -> one answer to each IFT prompt -> the human answer over its own -> DPO, with M_t as reference, on these pairs
    and on those of the iteration before -> M_t+1

Its loss is DPO's. beta and the learning rate are given for each iteration. The authors train with RMSprop; here it is
AdamW, as everywhere in this trainer. M1 has learnt from the same IFT examples, so nothing is left to learn once its
answers cannot be told from people's: an answer with the same words as the human one gives no pair.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Annotated, NamedTuple

from pydantic import Field

from srlm.errors import DataError
from srlm.methods import start
from srlm.methods.base import Generation, Lengths, Optimisation, Work, own_settings
from srlm.methods.explain import Turn, explain_answers, pair_lines
from srlm.methods.run import Run
from srlm.methods.stages import PAIRS, drawn_answers, has_prompts, keep_prompts, preference_step
from srlm.methods.unused import refuse_unused
from srlm.methods.work import answer_length
from srlm.records import Checkpoint, Count, Demonstration, PreferencePair, Prompt, Response, SeedData, Step
from srlm.section import Positive, Section
from srlm.selection import Paired
from srlm.settings import DpoSettings, Settings
from srlm.store import files
from srlm.store.folder import RunFolder
from srlm.text.counts import counted

Rate = Annotated[float, Field(gt=0)]
WON, LOST = 1.0, 0.0
"""Scores of the human answer and of the model's: nobody gave them any, and one is the better by assumption."""


class SpinSettings(Section):
    """Settings of `spin`. In lists, the first value is for M2, the next for M3, ...; the last holds on."""

    betas: Annotated[tuple[Rate, ...], Field(min_length=1)] = (0.1, 0.1, 0.1, 5.0)
    """beta of each iteration, in the place of dpo.beta (the authors': 0.1, and 5.0 in the fourth)."""
    learning_rates: Annotated[tuple[Rate, ...], Field(min_length=1)] = (5e-7, 5e-7, 1e-7, 1e-7)
    """Peak learning rate of each iteration, in the place of dpo.learning_rate; the final one keeps its ratio to it (the
    authors': 5e-7 twice, then 1e-7). Adapters (dpo.lora) want about ten times as much."""
    prompts: Positive | None = None
    """IFT prompts that are answered in each iteration, drawn at random. None: all (the authors: 50,000 of 200,000)."""


class Spin:
    """DPO on people's answers against the model's own."""

    summary = "people's IFT answers against the model's own answers; DPO, no judge"
    paper = "Chen et al. 2024, arXiv 2401.01335"
    settings = SpinSettings

    def steps(self, settings: Settings, last: int) -> Sequence[Step]:
        later = [Step(name=f"M{t}", parent=f"M{t - 1}", role="iteration", number=t) for t in range(2, last + 1)]
        return [*start.STEPS, *later]

    def make(self, run: Run, step: Step) -> None:
        if step in start.STEPS:
            return start.make(run, step)
        data, model = start.seed_data(run), run.parent(step)
        asked = answered_by_people(run, step, data)
        responses = drawn_answers(run, step, model, [one.prompt for one in asked], 1)
        pairs = against_people(run, step, asked, responses)
        chosen = with_those_before(run, step, pairs)
        preference_step(run, step, model, chosen, data, training_of(run.settings, step), _earlier_models(run, step))

    def work(self, settings: Settings, lengths: Lengths) -> Iterator[Work]:
        yield from start.work(settings, lengths)
        own, answer = own_settings(settings, SpinSettings), answer_length(settings, lengths)
        number = min(own.prompts or settings.data.ift, settings.data.ift)
        for step in self.steps(settings, settings.iterations)[len(start.STEPS) :]:
            yield Generation(f"{step.name}: answers to IFT prompts", number, 1, lengths.prompt, answer)
            pairs = number if step.number == 2 else 2 * number
            training = training_of(settings, step)
            yield Optimisation(f"{step.name}: DPO", pairs, lengths.prompt + answer, "dpo", training, pairs=True)

    def check(self, settings: Settings, last: int) -> None:
        """See Prepared."""
        refuse_unused(settings, "reward", "selection")

    def inputs(self, settings: Settings) -> Mapping[str, str]:
        """See Prepared: its own settings name no files."""
        return {}

    def explain(self, folder: RunFolder, id: str) -> Iterator[str]:
        said = "the human answer over the model's own, and the pairs of the iteration before; no rewards"
        yield from explain_answers(folder, id, said, outcome=_outcome)


class AskedOfPeople(NamedTuple):
    """A prompt, and the answer that people gave."""

    prompt: Prompt
    answer: Demonstration


def training_of(settings: Settings, step: Step) -> DpoSettings:
    """DPO with the beta and the learning rate of the iteration that makes M_t."""
    own, place = own_settings(settings, SpinSettings), step.number - 2
    beta, rate = (values[min(place, len(values) - 1)] for values in (own.betas, own.learning_rates))
    final = settings.dpo.final_learning_rate * rate / settings.dpo.learning_rate
    return settings.dpo.model_copy(update={"beta": beta, "learning_rate": rate, "final_learning_rate": final})


def answered_by_people(run: Run, step: Step, data: SeedData) -> list[AskedOfPeople]:
    """The IFT examples of an iteration, one a prompt; their prompts are kept as the step's."""
    every: dict[str, AskedOfPeople] = {}
    sources = {prompt.id: prompt for prompt in data.seed_prompts}
    for one in data.ift:
        prompt = Prompt.of(one.prompt, "ift", before=one.before)
        prompt = sources.get(prompt.id, prompt)
        every.setdefault(prompt.id, AskedOfPeople(prompt, one))
    asked, wanted = list(every.values()), own_settings(run.settings, SpinSettings).prompts
    if wanted is not None and wanted < len(asked):
        drawn = Random(run.seed(step.name, "IFT prompts")).sample(range(len(asked)), wanted)
        asked = [asked[place] for place in sorted(drawn)]
    twice = len(data.ift) - len(every)
    counts: dict[str, Count] = {"dropped: the same prompt again": twice} if twice else {}
    if not has_prompts(run, step):
        keep_prompts(run, step, [one.prompt for one in asked], counts)
    return asked


def against_people(run: Run, step: Step, asked: Sequence[AskedOfPeople], responses: Sequence[Response]) -> Paired:
    """The human answer to each prompt over the model's own; the step's pairs."""
    account: Counter[str] = Counter()
    pairs: list[PreferencePair] = []
    for (prompt, human), own in zip(asked, responses, strict=True):
        if own.text.strip() == human.response.strip():
            account["prompts answered as people did"] += 1
            continue
        # Under the id of the demonstration, which is the record that there is of it.
        answer = Response(
            id=human.id, prompt_id=prompt.id, text=human.response, author="human", draw=0, thought=human.thought
        )
        pairs.append(PreferencePair.of(prompt, answer, own, WON, LOST))
    counts: dict[str, Count] = {
        "prompts": len(asked),
        "responses": len(responses),
        "responses cut": sum(one.finish == "length" for one in responses),
        "responses empty": sum(not one.text.strip() for one in responses),
        "pairs": len(pairs),
        "pair yield": len(pairs) / len(asked) if asked else None,
        **account,
    }
    files.write(run.path(step.name, PAIRS), pairs)
    if not pairs:
        raise DataError(
            f"{step.name}: all {counted(len(asked), 'answers have')} the words of the human ones, so there is "
            "nothing left to "
            f"learn from the IFT examples: stop at M{step.number - 1}, or use more examples in a new run (data.ift)"
        )
    return Paired(pairs, counts)


def with_those_before(run: Run, step: Step, own: Paired) -> Paired:
    """A step's pairs, and behind them those that the iteration before made."""
    before = [
        pair
        for one in run.iterations_up_to(step)
        if one.number == step.number - 1
        for pair in files.read(run.path(one.name, PAIRS), PreferencePair)
    ]
    return Paired([*own.pairs, *before], {**own.counts, "pairs of the iteration before": len(before)})


def _earlier_models(run: Run, step: Step) -> list[Checkpoint]:
    """Who wrote the answers in the pairs of the iteration before."""
    return [run.model(one) for one in run.folder.steps() if one.role == "iteration" and one.number == step.number - 2]


def _outcome(turn: Turn, prompt: Prompt) -> Iterator[str]:
    if any(pair.prompt_id == prompt.id for pair in turn.pairs):
        yield from pair_lines(turn, prompt)
    else:
        yield "no pair: the model's answer has the words of the human one"


METHOD = Spin()
