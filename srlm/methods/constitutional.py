"""Constitutional AI (Bai et al. 2022): principles instead of people's labels.

    M0 -> SFT baseline (IFT) -> EFT -> M1
    M1 -> new prompts -> answers -> rounds of critique and revision by principles -> SFT on the last revisions -> M2
    M_t -> new prompts -> answers -> pairs -> the feedback model chooses by a principle, in both orders -> DPO -> M_t+1

The paper's second part is a reward model on the soft labels and RL; DPO on the same labels is its place here.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from srlm.errors import DataError
from srlm.judge import constitution
from srlm.judge.choices import AnswerPair, Choice, choice_counts, choose, is_of, label
from srlm.judge.open import loops_judge
from srlm.judge.revision import Revision, last_revisions, revise, revises, revision_counts
from srlm.judge.scores import check_collapse
from srlm.judge.watched import VerdictWatch
from srlm.judge.wording import Shipped
from srlm.methods import start
from srlm.methods.base import Generation, Lengths, Optimisation, Work, own_settings
from srlm.methods.explain import Beside, explain_answers
from srlm.methods.run import Run
from srlm.methods.stages import (
    EFT,
    PAIRS,
    beside_prompts,
    candidates,
    kept_warm,
    new_prompts,
    preference_step,
    prompt_counts,
    supervised,
)
from srlm.methods.unused import refuse_unused
from srlm.methods.work import CHARACTERS_A_TOKEN, answer_length, answer_work, preference_work
from srlm.records import Checkpoint, Count, Demonstration, PreferencePair, Prompt, Response, SeedData, Step
from srlm.section import Positive, Section
from srlm.selection import Paired
from srlm.settings import Settings
from srlm.store import files
from srlm.store.folder import RunFolder
from srlm.text.counts import counted
from srlm.text.principles import REASONS

REVISIONS, CHOICES = "revisions.jsonl", "choices.jsonl"
"""Files of a step: the rounds of each answer; what the feedback model says of each pair."""


class ConstitutionalSettings(Section):
    """Settings of `constitutional`."""

    principles: str = constitution.GENERAL
    """The constitution: `general` (srlm's own, for assistants), the name of a world, or a YAML file
    (docs/methods/constitutional.md). Its digest is recorded."""
    supervised: Annotated[int, Field(ge=0)] = 1
    """How many iterations, M2 first, are made by critiques and revisions (SL-CAI); all later ones by choices (RL-CAI).
    The paper: one."""
    author: Literal["model", "baseline"] = "model"
    """Who answers, criticises and revises in a supervised iteration: `model` is M_t, `baseline` the SFT baseline."""
    revisions: Positive = 4
    """Rounds of critique and revision of each answer; the last revision is trained on."""
    critique_tokens: Positive = 160
    """Maximum length of a critique, in tokens; answers and revisions have candidates.sampling.max_new_tokens."""
    train_from: Literal["base", "model"] = "base"
    """What a supervised iteration fine-tunes: `base` is M0 (the paper), `model` is M_t."""
    mix: Literal["seed", "ift", "none"] = "seed"
    """What is mixed in with the revisions: `seed` is IFT and EFT, as M1 has them; `ift`; `none`."""
    reasons: bool = False
    """The feedback model writes reasons before it chooses, at most `reason_tokens`."""
    reason_tokens: Positive = REASONS
    """Maximum length of those reasons, in tokens."""
    clamp: Annotated[float, Field(ge=0.5, le=1)] = 0.6
    """With reasons, each probability is clamped to 1 - clamp .. clamp (the paper: 40 to 60%). 1: not at all."""
    soft_labels: bool = True
    """DPO gives a pair's label its probability p: p l(z) + (1 - p) l(-z). False: the likelier answer is chosen, and the
    label is taken as sure."""


class Constitutional:
    """SFT on revisions by principles, then DPO on choices by principles."""

    summary = "answers revised by principles, SFT on them; then DPO on pairs chosen by principles"
    paper = "Bai et al. 2022, arXiv 2212.08073"
    settings = ConstitutionalSettings

    def steps(self, settings: Settings, last: int) -> Sequence[Step]:
        own = own_settings(settings, ConstitutionalSettings)
        from_base = own.supervised + 1 if own.train_from == "base" else 1
        later = [
            Step(name=f"M{t}", parent="M0" if t <= from_base else f"M{t - 1}", role="iteration", number=t)
            for t in range(2, last + 1)
        ]
        return [*start.STEPS, *later]

    def check(self, settings: Settings, last: int) -> None:
        refuse_unused(settings, "reward", "selection")
        own = own_settings(settings, ConstitutionalSettings)
        found = constitution.load(own.principles, "method.principles")
        where = ("method.principles", "method.supervised")
        revises, chooses = last > 1 and own.supervised > 0, last > own.supervised + 1
        if revises and not found.revising:
            raise settings.refusal(
                f"method.principles {own.principles}: no principle has critique and revision, which M2 needs; add one, "
                "or set method.supervised to 0",
                *where,
            )
        if chooses and not found.choosing:
            raise settings.refusal(
                f"method.principles {own.principles}: no principle has choice, which M{own.supervised + 2} needs; add "
                f"one, or set method.supervised to {last - 1}",
                *where,
            )

    def inputs(self, settings: Settings) -> Mapping[str, str | Shipped]:
        name = own_settings(settings, ConstitutionalSettings).principles
        return {"method.principles": constitution.SHIPPED.get(name, name)}

    def make(self, run: Run, step: Step) -> None:
        if step in start.STEPS:
            return start.make(run, step)
        own = own_settings(run.settings, ConstitutionalSettings)
        data, model = start.seed_data(run), run.previous_model(step)
        if step.number <= own.supervised + 1:
            author = model if own.author == "model" else run.model(start.BASELINE)
            with run.warm(author):
                prompts = new_prompts(run, step, model, data)
                responses = candidates(run, step, author, prompts)
                examples, counts = revised(run, step, author, prompts, responses)
            supervised(
                run,
                step,
                [*mixed_in(run, data), *examples],
                {**prompt_counts(run, step), **counts},
                made_from=[author],
            )
        else:
            with kept_warm(run, model):
                prompts = new_prompts(run, step, model, data)
                responses = candidates(run, step, model, prompts)
                chosen = chosen_pairs(run, step, model, prompts, responses)
            preference_step(run, step, model, chosen, data)

    def work(self, settings: Settings, lengths: Lengths) -> Iterator[Work]:
        own = own_settings(settings, ConstitutionalSettings)
        first = list(start.work(settings, lengths))
        yield from first
        seeds = next(one for one in reversed(first) if isinstance(one, Optimisation))
        for step in self.steps(settings, settings.iterations)[len(start.STEPS) :]:
            yield from answer_work(settings, lengths, step)
            if step.number <= own.supervised + 1:
                yield from _revision_work(settings, lengths, step, seeds)
            else:
                yield from _choice_work(settings, lengths, step)

    def explain(self, folder: RunFolder, id: str) -> Iterator[str]:
        own = own_settings(folder.settings, ConstitutionalSettings)
        found = constitution.load(own.principles, "method.principles")
        clamped = f", each clamped to {1 - own.clamp:g} .. {own.clamp:g}" if own.reasons else ""
        rule = (
            f"principles {own.principles} ({found.digest}); up to M{own.supervised + 1} SFT on each answer's last "
            f"revision, then the answer with the higher mean probability over both orders{clamped} is chosen"
        )
        yield from explain_answers(folder, id, rule, beside=beside)


def revised(
    run: Run, step: Step, author: Checkpoint, prompts: Sequence[Prompt], responses: Sequence[Response]
) -> tuple[list[Demonstration], dict[str, Count]]:
    """Each answer's last revision as an IFT example, and the account of all rounds."""
    own = own_settings(run.settings, ConstitutionalSettings)
    principles = constitution.load(own.principles, "method.principles")
    answered, sampling = beside_prompts(prompts, responses), run.settings.candidates.sampling
    path = run.path(step.name, REVISIONS)
    if path.exists():
        revisions: Sequence[Revision] = files.finished(path, Revision, answered, own.revisions, revises)
    else:
        with run.engine(author) as engine, run.stage(step.name, "critiques and revisions", "answers") as report:
            revisions = revise(
                engine,
                answered,
                principles,
                own.revisions,
                critique=sampling.model_copy(update={"max_new_tokens": own.critique_tokens}),
                revision=sampling,
                seed=run.seed(step.name, "revisions"),
                path=path,
                block=run.block(1),
                report=report,
            )
    last = last_revisions(revisions)
    counts = revision_counts(answered, revisions)
    if not last:
        why = ", ".join(f"{key} {number}" for key, number in counts.items() if key.startswith("unrevised"))
        raise DataError(
            f"{step.name}: none of {counted(len(answered), 'answers')} was revised ({why}); inspect {path}, and raise "
            "method.critique_tokens or candidates.sampling.max_new_tokens where they were cut, or take a model that "
            "can revise"
        )
    examples = [
        Demonstration.of("ift", one.prompt.text, last[id].text or "", last[id].id, one.prompt.before, last[id].thought)
        for one in answered
        if (id := one.response.id) in last
    ]
    return examples, {**counts, "principles": principles.digest}


def mixed_in(run: Run, data: SeedData) -> list[Demonstration]:
    """The seed examples that stand beside the revisions."""
    mix = own_settings(run.settings, ConstitutionalSettings).mix
    ift = [] if mix == "none" else list(data.ift)
    eft = [] if mix != "seed" else [one for path in run.folder.holding(EFT) for one in files.read(path, Demonstration)]
    return ift + eft


def chosen_pairs(
    run: Run, step: Step, model: Checkpoint, prompts: Sequence[Prompt], responses: Sequence[Response]
) -> Paired:
    """The answers of each prompt two by two, the one that the feedback model chooses against the other."""
    own = own_settings(run.settings, ConstitutionalSettings)
    principles = constitution.load(own.principles, "method.principles")
    pairs, alike = two_by_two(prompts, responses)
    path = run.path(step.name, CHOICES)
    if path.exists():
        choices: Sequence[Choice] = files.finished(path, Choice, pairs, 1, is_of)
    else:
        template = principles.pair_template(own.reason_tokens if own.reasons else None)
        with (
            closing(loops_judge(run.folder, model, template, run.open)) as judge,
            run.stage(step.name, "choices", "pairs") as report,
        ):
            assert judge.pairwise is not None
            choices = choose(
                judge.pairwise,
                pairs,
                principles.choosing,
                seed=run.seed(step.name, "choices"),
                path=path,
                block=run.block(2),
                report=report,
                watch=VerdictWatch(
                    f"{step.name}: choices",
                    run.settings.judge,
                    report.say,
                    room="method.reason_tokens" if own.reasons else None,
                    advice=["other method.principles"],
                ),
            )
    found = labelled(pairs, choices, own.clamp if own.reasons else 1.0, own.soft_labels)
    counts: dict[str, Count] = {
        "prompts": len(prompts),
        "responses": len(responses),
        "pairs of the same words": alike,
        **choice_counts(choices),
        **found.counts,
        "principles": principles.digest,
    }
    if warning := check_collapse(counts, run.settings.judge, step.name):
        run.folder.log(f"{step.name}: warning: {warning}")
        counts["warning"] = warning
    files.write(run.path(step.name, PAIRS), found.pairs)
    return Paired(found.pairs, counts)


def two_by_two(prompts: Sequence[Prompt], responses: Sequence[Response]) -> tuple[list[AnswerPair], int]:
    """The first answer of a prompt with its second, the third with the fourth; and how many such pairs say the same."""
    answers: dict[str, list[Response]] = {}
    for response in responses:
        answers.setdefault(response.prompt_id, []).append(response)
    every = [
        AnswerPair(prompt=prompt, first=first, second=second)
        for prompt in prompts
        for first, second in zip(answers.get(prompt.id, [])[::2], answers.get(prompt.id, [])[1::2], strict=False)
    ]
    apart = [one for one in every if one.first.text != one.second.text]
    return apart, len(every) - len(apart)


def labelled(pairs: Sequence[AnswerPair], choices: Sequence[Choice], most: float, soft: bool) -> Paired:
    """Preference pairs by the soft labels: chosen is what is more likely the better one; an even label gives none."""
    found: list[PreferencePair] = []
    labels = [label(choice, most) for choice in choices]
    for pair, p in zip(pairs, labels, strict=True):
        if p is None or p == 0.5:
            continue
        better, worse = (pair.first, pair.second) if p > 0.5 else (pair.second, pair.first)
        sure = max(p, 1 - p)
        made = PreferencePair.of(pair.prompt, better, worse, sure, 1 - sure)
        found.append(made.model_copy(update={"label_weight": sure}) if soft else made)
    known = [max(p, 1 - p) for p in labels if p is not None]
    return Paired(
        found,
        {
            "pairs": len(found),
            "pair yield": len(found) / len(pairs) if pairs else None,
            "pairs with an even label": sum(p == 0.5 for p in labels),
            "label mean": sum(known) / len(known) if known else None,
        },
    )


def beside(step: Path) -> list[Beside]:
    """The rounds of each answer, and the choices of each prompt."""
    found: list[Beside] = []
    if (path := step / REVISIONS).exists():
        for one in files.read(path, Revision):
            new = one.text if one.text is not None else f"none ({one.unrevised})"
            said = [f"round {one.round}, principle {one.principle}, critique:", f"  {one.critique}"]
            found.append(Beside(one.id, one.response_id, [*said, "revision:", f"  {new}"]))
    if (path := step / CHOICES).exists():
        for choice in files.read(path, Choice):
            p = label(choice)
            said = [f"choice {choice.id} by {choice.judge}, principle {choice.principle}"]
            of = f"first {choice.first_id} against {choice.second_id}"
            found.append(Beside(choice.id, choice.prompt_id, [*said, f"{of}: {'unread' if p is None else f'{p:.3f}'}"]))
    return found


def _revision_work(settings: Settings, lengths: Lengths, step: Step, seeds: Optimisation) -> Iterator[Work]:
    """Critiques, revisions and SFT, as if every answer came to a revision."""
    own = own_settings(settings, ConstitutionalSettings)
    found = constitution.load(own.principles, "method.principles")
    answers, answer = settings.prompts.wanted(step.number) * settings.candidates.count, answer_length(settings, lengths)
    reads, critique = lengths.prompt + answer, min(lengths.judgement, own.critique_tokens)
    frames = [len(text) // CHARACTERS_A_TOKEN for text in (found.critique, found.revision)]
    calls = answers * own.revisions
    yield Generation(f"{step.name}: critiques", calls, 1, frames[0] + reads, critique)
    yield Generation(f"{step.name}: revisions", calls, 1, frames[1] + reads + critique, answer)
    mixed = {"seed": seeds.examples, "ift": settings.data.ift, "none": 0}[own.mix]
    tokens = mixed * seeds.length + answers * reads
    examples = mixed + answers
    yield Optimisation(f"{step.name}: supervised fine-tuning", examples, tokens // examples, "sft", settings.sft)


def _choice_work(settings: Settings, lengths: Lengths, step: Step) -> Iterator[Work]:
    """Choices in both orders, and DPO on a pair for every two answers."""
    own = own_settings(settings, ConstitutionalSettings)
    found = constitution.load(own.principles, "method.principles")
    pairs = settings.prompts.wanted(step.number) * (settings.candidates.count // 2)
    frame = len(found.reasoned_choice if own.reasons else found.choice) // CHARACTERS_A_TOKEN
    reads = frame + lengths.prompt + 2 * answer_length(settings, lengths)
    writes = min(lengths.judgement, own.reason_tokens) if own.reasons else 1
    yield Generation(f"{step.name}: choices", 2 * pairs, 1, reads, writes)
    for one in preference_work(settings, lengths, step):
        yield one._replace(examples=pairs) if isinstance(one, Optimisation) else one


METHOD = Constitutional()
