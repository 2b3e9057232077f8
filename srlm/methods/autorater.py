"""One judge trained on many sets of human judgements (FLAMe, Vu et al. 2024), and measured on sets it never saw.

    many sets of rankings -> pairs in one text form, at most 2^16 examples of a set -> mixed in proportion
    M1 (or M0, or the SFT baseline) -> SFT on a portion of the mixture -> M2 -> on the next portion -> M3 ...

M1 is the common start. Every M_t goes on from the one before, so that the run shows what more human judgements bring;
without `method.examples` each M_t is one pass over all of them. `method.heldout` names sets on which every model is
measured and none is trained; no prompt of theirs, none of the run's own evaluation and no question of MT-Bench is in
any example.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from srlm.data import hub, mt_bench, rankings
from srlm.data.human_ranking import HumanRanking
from srlm.data.lines import locate
from srlm.data.overlap import EvaluationPrompts
from srlm.errors import DataError
from srlm.judge import pair_template, rubric
from srlm.judge.rated import portion, rated, refuse_form
from srlm.judge.wording import Shipped
from srlm.methods import start
from srlm.methods.base import Lengths, Optimisation, Rows, Work, own_settings
from srlm.methods.explain_examples import explain_examples
from srlm.methods.held_pairs import better_first, look_at_pairs, of_run, template_input
from srlm.methods.run import Run
from srlm.methods.stages import EFT, measured_prompts, supervised
from srlm.methods.unused import refuse_unused
from srlm.methods.work import CHARACTERS_A_TOKEN, answer_length, pairs_a_set
from srlm.records import Count, Demonstration, SeedData, Step
from srlm.section import Positive, Section
from srlm.settings import RankingFormat, Settings
from srlm.store import files
from srlm.store.folder import RunFolder
from srlm.text.counts import counted

OWN = "run"
"""The path of the run's own EFT sets."""
NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"


class RatingSet(Section):
    """A set of human judgements: its path alone, or with how it is read."""

    path: str
    """A local file or folder, `hub:OWNER/NAME`, or `run`: the run's own EFT sets. `${NAME}` is replaced by the
    environment variable."""
    format: RankingFormat | None = None
    """None: recognised by the columns of the first row (docs/rankings.md)."""
    config: str | None = None
    """Configuration of a Hub dataset that has several."""
    folder: str | None = None
    """Folder within a Hub dataset. None: as its authors declare."""
    split: str | None = None
    """Split of a Hub dataset. None: all splits."""
    revision: str | None = None
    """Commit, tag or branch of a Hub dataset. None: the newest commit when the run starts."""
    language: str | None = None
    """Use only rows that are in this language, or do not say. None: use all rows."""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        return {"path": given} if isinstance(given, str) else given

    @property
    def rows(self) -> Rows:
        """As inputs.json knows it."""
        return Rows(self.path, self.config, self.folder, self.revision)


Sets = dict[Annotated[str, Field(pattern=NAME)], RatingSet]


class AutoraterSettings(Section):
    """Settings of `autorater`."""

    sets: Sets = Field({})
    """Human judgements to train on, by name: {llmbar: PATH, oasst: {path: PATH, format: oasst}}."""
    heldout: Sets = Field({})
    """Human judgements to measure on, by name. The run's own held-out sets are always among them."""
    base: Literal["M0", "SFT", "M1"] = "M1"
    """The model that M2 is trained from."""
    template: str = "letter"
    """The prompt of all pairs and the form of the verdict: `letter`, `brackets` ([[C]] is a tie), or a file. Evaluate
    with the same one (evaluation.pairs.template)."""
    most: Positive = 2**16
    """Examples of a set, at most (FLAMe: 65,536)."""
    examples: Positive | None = None
    """Examples of the mixture on which each M_t is trained. None: all of them, once."""
    reviews: bool = True
    """Train also on the reviews of sets that have some, as the pointwise judge writes them (judge.template)."""
    heldout_pairs: Positive = 500
    """Pairs of each held-out set on which every M_t is measured, at most."""


class Autorater:
    """SFT on human judgements of many sets in one text form."""

    summary = "one judge trained on many sets of human judgements, measured on sets it never saw"
    paper = "Vu et al. 2024, arXiv 2407.10817"
    settings = AutoraterSettings

    def steps(self, settings: Settings, last: int) -> Sequence[Step]:
        parents = {2: own_settings(settings, AutoraterSettings).base}
        later = [
            Step(name=f"M{t}", parent=parents.get(t, f"M{t - 1}"), role="iteration", number=t)
            for t in range(2, last + 1)
        ]
        return [*start.STEPS, *later]

    def make(self, run: Run, step: Step) -> None:
        if step in start.STEPS:
            return start.make(run, step)
        data, own = start.seed_data(run), own_settings(run.settings, AutoraterSettings)
        template = pair_template.load(own.template)
        held, counts = held_out_sets(run, data)
        examples, more = training_examples(run, step, data, [one for own in held.values() for one in own])
        counts |= more
        measured = {"held-out sets": of_run(data.heldout_sets), **held}
        pairs = {name: better_first(own_, run.settings.seed, own.heldout_pairs) for name, own_ in measured.items()}
        look = look_at_pairs(run, step, template, pairs)
        supervised(run, step, examples, {**counts, "pairwise template": template.digest}, look=look)

    def work(self, settings: Settings, lengths: Lengths) -> Iterator[Work]:
        """As many examples as `method.examples` says or, where it says nothing, pairs as the files have."""
        own = own_settings(settings, AutoraterSettings)
        yield from start.work(settings, lengths)
        template = len(pair_template.load(own.template).text) // CHARACTERS_A_TOKEN
        length = template + lengths.prompt + 2 * answer_length(settings, lengths) + 1
        number = own.examples or sum(_number_of_pairs(settings, one, own.most) for one in own.sets.values())
        for step in self.steps(settings, settings.iterations)[len(start.STEPS) :]:
            yield Optimisation(f"{step.name}: supervised fine-tuning", max(1, number), length, "sft", settings.sft)

    def explain(self, folder: RunFolder, id: str) -> Iterator[str]:
        own = own_settings(folder.settings, AutoraterSettings)
        yield from explain_examples(folder, id, f"template {own.template}; people's verdicts of {', '.join(own.sets)}")

    def check(self, settings: Settings, last: int) -> None:
        """See Prepared."""
        refuse_unused(settings, "reward", "selection")
        own = own_settings(settings, AutoraterSettings)
        refuse_form(pair_template.load(own.template), "method.template")
        if not own.sets:
            raise settings.refusal(
                "method.sets: names no set of human judgements; give at least one, as {NAME: PATH}",
                "method.sets",
            )
        for name, one in own.heldout.items():
            if one.path == OWN:
                raise settings.refusal(
                    f"method.heldout.{name}: `run` names the sets to train on; the held-out ones are in",
                    "method.heldout",
                )
            same = [other for other, own_ in own.sets.items() if other == name or own_ == one]
            if same:
                raise settings.refusal(
                    f"method.heldout.{name}: is method.sets.{same[0]}, which is trained on; name other data",
                    "method.heldout",
                )
        mt_bench_questions(settings)
        for setting, rows in _rows(own).items():
            if not rows.path.startswith(hub.HUB) and not locate(rows.path).exists():
                raise DataError(
                    f"{settings.where(setting)}: {setting}: {rows.path} does not exist; give a file, a folder or "
                    "hub:OWNER/NAME"
                )

    def inputs(self, settings: Settings) -> Mapping[str, str | Shipped | Rows]:
        """See Prepared."""
        own = own_settings(settings, AutoraterSettings)
        found: dict[str, str | Shipped | Rows] = {**_rows(own), "method.template": template_input(own.template)}
        with suppress(DataError):  # `check` refuses what is missing
            if (questions := mt_bench_questions(settings)) is not None:
                found["evaluation.mt_bench.files"] = str(questions)
        return found


def _rows(own: AutoraterSettings) -> dict[str, Rows]:
    """The sets that lie elsewhere than in the run, by setting."""
    every = chain(
        ((f"method.sets.{name}", one) for name, one in own.sets.items()),
        ((f"method.heldout.{name}", one) for name, one in own.heldout.items()),
    )
    return {f"{setting}.path": one.rows for setting, one in every if one.path != OWN}


def mt_bench_questions(settings: Settings) -> Path | None:
    """The file of the questions on which `srlm-eval mt-bench` measures: of the folder that evaluation.mt_bench.files
    names, or of the installed fastchat package. None: there is neither. Raises DataError where the folder has none."""
    files = settings.evaluation.mt_bench.files
    try:
        return mt_bench.question_file(mt_bench.folder_of(files))
    except DataError:
        if files is not None:
            raise
        return None


def read_set(run: Run, setting: str, one: RatingSet) -> Sequence[HumanRanking]:
    """The rankings of a set as the run began with them. Raises DataError, with the place, for what cannot be read."""
    if one.path == OWN:
        return of_run(start.seed_data(run).eft_sets)
    inputs = run.folder.inputs()
    revision = (inputs.commit(f"{setting}.path", one.path) if inputs else None) or one.revision
    part = hub.Part(one.config, one.folder, one.split, revision)
    return rankings.read(one.path, one.format, language=one.language, part=part, option=f"{setting}.format").sets


def held_out_sets(run: Run, data: SeedData) -> tuple[dict[str, Sequence[HumanRanking]], dict[str, Count]]:
    """The sets to measure on, without rankings whose prompt the run's seed data has: M1 was trained on it. Raises
    DataError where nothing is left of one."""
    seeds = EvaluationPrompts([*data.seed_prompts, *(one.prompt for one in data.eft_sets)])
    held: dict[str, Sequence[HumanRanking]] = {}
    counts: dict[str, Count] = {}
    for name, one in own_settings(run.settings, AutoraterSettings).heldout.items():
        found = read_set(run, f"method.heldout.{name}", one)
        held[name] = [each for each in found if seeds.find_prompt(each.ranked.prompt) is None]
        met = len(found) - len(held[name])
        if not held[name]:
            raise DataError(
                f"method.heldout.{name}: {one.path} has {counted(len(found), 'rankings')}, all of prompts that the "
                "run's own seed data has, and M1 is trained on these; name other data, or other seed data (data.path)"
            )
        counts |= {f"held out, {name}: rankings": len(held[name])}
        counts |= {f"held out, {name}: dropped: the run's seed data has its prompt": met} if met else {}
    return held, counts


def training_examples(
    run: Run, step: Step, data: SeedData, held: Sequence[HumanRanking]
) -> tuple[list[Demonstration], dict[str, Count]]:
    """This step's portion of the mixture, also kept as the step's eft.jsonl, and what was left out of each set."""
    own, path = own_settings(run.settings, AutoraterSettings), run.path(step.name, EFT)
    template = pair_template.load(own.template)
    words = rubric.load(run.settings.judge.template) if own.reviews else None
    questions = mt_bench_questions(run.settings)
    asked = [] if questions is None else mt_bench.question_prompts(questions)
    prompts, named = measured_prompts(data), [*(one.ranked.prompt for one in held), *asked]
    measured, elsewhere = EvaluationPrompts([*prompts, *named]), EvaluationPrompts(named)
    counts: dict[str, Count] = {
        "looked for: prompts of the run's evaluation": len(prompts),
        "looked for: prompts of method.heldout": len(held),
        "looked for: questions of MT-Bench": len(asked) // 3,
    }
    sets: dict[str, list[Demonstration]] = {}
    with run.stage(step.name, "human judgements"):
        for name, one in own.sets.items():
            found = read_set(run, f"method.sets.{name}", one)
            seed = run.seed("autorater", name)
            apart = elsewhere if one.path == OWN else measured  # the run's own sets share no prompt with each other
            sets[name], left_out = rated(found, template, words, apart, most=own.most, seed=seed)
            counts |= {f"{name}: {key}": number for key, number in left_out.items()}
        whole = sum(map(len, sets.values()))
        if not whole:
            raise DataError(
                f"{step.name}: no example in {', '.join(own.sets)} ({counts}); name other sets in method.sets"
            )
        number = own.examples or whole
        chosen = portion(sets, run.seed("autorater"), (step.number - 2) * number, number)
        files.write(path, chosen)
    owner = {example.id: name for name, examples in sets.items() for example in examples}
    for name in sets:
        counts[f"{name}: trained on"] = sum(owner[example.id] == name for example in chosen)
    return chosen, counts


def _number_of_pairs(settings: Settings, one: RatingSet, most: int) -> int:
    """Pairs of a set; of one on the hub, which is not read for an estimate, as many as may be."""
    if one.path == OWN:
        return min(most, round(settings.data.eft_sets * pairs_a_set(settings)))
    if one.path.startswith(hub.HUB):
        return most
    part = hub.Part(one.config, one.folder, one.split, one.revision)
    sizes = [len(each.ranked.responses) for each in rankings.read(one.path, one.format, part=part).sets]
    return min(most, sum(size * (size - 1) // 2 for size in sizes))


METHOD = Autorater()
