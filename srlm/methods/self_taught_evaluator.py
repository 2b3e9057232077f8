"""Self-Taught Evaluators (Wang et al. 2024): a judge that learns without people's preferences.

    M_t -> new prompts -> an answer to each
        -> a changed instruction for each, and an answer to that: worse, for the prompt as it was
        -> N sampled judgements of both answers in both orders -> right ones, one a prompt, A and B balanced
    M0 (or the SFT baseline) -> SFT on the seed data and the judgements kept -> M_t+1

Every round begins at the same base: what M_t+1 knows of judging it has from this round's judgements alone. M1 is the
common start; with `eft.writer: off` no person's ranking enters it. How good a judge each model is, the run's held-out
sets tell: nothing is trained on them.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Annotated, Literal

from pydantic import Field

from srlm.errors import DataError
from srlm.judge import pair_template
from srlm.judge.balanced import BOTH, FIRST_ONLY, SECOND_ONLY, balanced
from srlm.judge.changed_instructions import REQUEST, ChangedInstruction, refused_counts, request_text, write_changed
from srlm.judge.open import loops_judge
from srlm.judge.pair_sampling import PairSampler, ShownPair
from srlm.judge.watched import VerdictWatch
from srlm.judge.wording import Shipped
from srlm.methods import start
from srlm.methods.base import Generation, Lengths, Optimisation, Work, own_settings
from srlm.methods.explain_pairs import explain_pairs
from srlm.methods.held_pairs import better_first, look_at_pairs, of_run, template_input
from srlm.methods.run import Run
from srlm.methods.stages import EFT, RESPONSES, drawn_answers, new_prompts, prompt_counts, supervised
from srlm.methods.unused import refuse_unused
from srlm.methods.work import CHARACTERS_A_TOKEN, answer_length, new_prompt_work
from srlm.records import Checkpoint, Count, Demonstration, PairJudgement, Prompt, Response, Step
from srlm.section import Positive, Section
from srlm.settings import Sampling, Settings
from srlm.store import files
from srlm.store.folder import RunFolder
from srlm.text.counts import counted
from srlm.worlds.table import WORLDS

CHANGED, WORSE, PAIR_JUDGEMENTS = "changed_instructions.jsonl", "worse_responses.jsonl", "pair_judgements.jsonl"
"""Files of a step."""


class SelfTaughtSettings(Section):
    """Settings of `self_taught_evaluator`."""

    base: Literal["M0", "SFT"] = "M0"
    """The model that every round trains: M0, or the SFT baseline (the paper: an instruction-tuned model)."""
    seed_data: bool = True
    """Train on the IFT examples beside the judgements."""
    keep_eft: bool = False
    """Train also on M1's EFT examples, which are made from people's rankings."""
    changed_by: Literal["model", "world"] = "model"
    """Who writes the changed instruction: M_t itself, as in the paper, or the exact program of the data's world."""
    changed_template: str | None = None
    """A file with the request for a changed instruction, with {prompt}. None: ours."""
    template: str = "brackets"
    """The pairwise judge's prompt and the form of its verdict: `brackets`, `letter`, a world's name, or a file
    (docs/judges.md)."""
    draws: Positive = 15
    """Judgements sampled of each pair in each order (the paper: 15)."""
    sampling: Sampling = Sampling(temperature=0.7, top_p=0.9, max_new_tokens=1024)
    """How judgements are sampled (the paper: temperature 0.7, top_p 0.9)."""
    complete: bool = False
    """If a judgement ends without a verdict, draw its letter from the model's own probabilities. For very small models,
    which compare well enough but omit the verdict."""
    heldout_pairs: Annotated[int, Field(ge=0)] = 500
    """Pairs of the held-out sets on which every M_t is measured as a judge, at most; 0 = none."""


class SelfTaughtEvaluator:
    """SFT of the base on each model's own right judgements of pairs that it made itself."""

    summary = "each model judges pairs that it made worse itself; SFT of the base on its right judgements"
    paper = "Wang et al. 2024, arXiv 2408.02666"
    settings = SelfTaughtSettings

    def steps(self, settings: Settings, last: int) -> Sequence[Step]:
        base = own_settings(settings, SelfTaughtSettings).base
        later = [Step(name=f"M{t}", parent=base, role="iteration", number=t) for t in range(2, last + 1)]
        return [*start.STEPS, *later]

    def make(self, run: Run, step: Step) -> None:
        if step in start.STEPS:
            return start.make(run, step)
        data, model = start.seed_data(run), run.previous_model(step)
        own = own_settings(run.settings, SelfTaughtSettings)
        with run.warm(model):
            prompts = new_prompts(run, step, model, data)
            good = drawn_answers(run, step, model, prompts, 1, RESPONSES, "answers")
            changed = changed_instructions(run, step, model, prompts)
            pairs, counts = pairs_of(run, step, model, prompts, good, changed)
            judgements = sampled_judgements(run, step, model, pairs)
        examples, kept = right_examples(run, step, pairs, judgements)
        wording = pair_template.load(own.template)
        counts |= {**prompt_counts(run, step), **kept, "pairwise template": wording.digest}
        earlier = [path for path in run.folder.holding(EFT) if own.keep_eft and path.parent.name == start.FIRST.name]
        seeds = [
            *(data.ift if own.seed_data else ()),
            *(d for path in earlier for d in files.read(path, Demonstration)),
        ]
        held = better_first(of_run(data.heldout_sets), run.settings.seed, own.heldout_pairs)
        look = look_at_pairs(run, step, wording, {"held-out sets": held} if held else {})
        supervised(run, step, [*seeds, *examples], counts, [model], look)

    def work(self, settings: Settings, lengths: Lengths) -> Iterator[Work]:
        """As if every prompt gave a right judgement: how many will, nobody knows."""
        own = own_settings(settings, SelfTaughtSettings)
        first = list(start.work(settings, lengths))
        yield from first
        answer = answer_length(settings, lengths)
        mixed = next(one for one in reversed(first) if isinstance(one, Optimisation))  # IFT and EFT
        ift_tokens = settings.data.ift * (lengths.prompt + answer)
        seeds = own.seed_data * settings.data.ift + own.keep_eft * (mixed.examples - settings.data.ift)
        seed_tokens = own.seed_data * ift_tokens + own.keep_eft * (mixed.examples * mixed.length - ift_tokens)
        template = pair_template.load(own.template)
        a_letter = template.form == "letter"  # all draws are from the probabilities of one reading
        reads = len(template.text) // CHARACTERS_A_TOKEN + lengths.prompt + 2 * answer
        writes = 1 if a_letter else min(lengths.judgement, own.sampling.max_new_tokens)
        draws = 1 if a_letter else own.draws
        for step in self.steps(settings, settings.iterations)[len(start.STEPS) :]:
            number = settings.prompts.wanted(step.number)
            yield from new_prompt_work(settings, lengths, step)
            yield Generation(f"{step.name}: answers", number, 1, lengths.prompt, answer)
            if own.changed_by == "model":
                asked = len(request_text(own.changed_template)) // CHARACTERS_A_TOKEN + lengths.prompt
                yield Generation(f"{step.name}: changed instructions", number, 1, asked, lengths.prompt)
            yield Generation(f"{step.name}: worse answers", number, 1, lengths.prompt, answer)
            yield Generation(f"{step.name}: judgements", 2 * number, draws, reads, writes)
            tokens = seed_tokens + number * (reads + writes)
            name = f"{step.name}: supervised fine-tuning"
            yield Optimisation(name, seeds + number, tokens // (seeds + number), "sft", settings.sft)

    def explain(self, folder: RunFolder, id: str) -> Iterator[str]:
        own = own_settings(folder.settings, SelfTaughtSettings)
        rule = (
            f"template {own.template}; of {counted(own.draws, 'judgements')} in each order those that prefer "
            "the answer to the "
            "prompt as it was are right; one of them is drawn, both places equally often"
        )
        yield from explain_pairs(folder, id, rule)

    def check(self, settings: Settings, last: int) -> None:
        """See Prepared."""
        refuse_unused(settings, "reward", "selection")
        own = own_settings(settings, SelfTaughtSettings)
        pair_template.load(own.template)
        request_text(own.changed_template)
        if own.changed_by == "world" and own.changed_template is not None:
            raise settings.refusal(
                "method.changed_template: with method.changed_by `world` a program changes the prompts, and asks no "
                "model; remove it, or use `model`",
                "method.changed_template",
            )
        if own.changed_by == "world" and settings.data.kind in WORLDS and settings.prompts.writer != "world":
            raise settings.refusal(
                f"method.changed_by `world` changes prompts of the world alone, and prompts.writer is "
                f"`{settings.prompts.writer}`; use `model`, or prompts.writer=world",
                "method.changed_by",
                "prompts.writer",
            )
        if own.changed_by == "world" and settings.data.kind not in WORLDS:
            raise settings.refusal(
                f"method.changed_by `world` needs data of a world ({', '.join(WORLDS)}), and data.kind is "
                f"`{settings.data.kind}`; use `model`",
                "method.changed_by",
                "data.kind",
            )

    def inputs(self, settings: Settings) -> Mapping[str, str | Shipped]:
        """See Prepared."""
        own = own_settings(settings, SelfTaughtSettings)
        found = {"method.template": template_input(own.template)}
        if own.changed_by == "model":
            found["method.changed_template"] = own.changed_template or REQUEST
        return found


def changed_instructions(
    run: Run, step: Step, model: Checkpoint, prompts: Sequence[Prompt]
) -> Sequence[ChangedInstruction]:
    """A changed instruction for each prompt, by M_t or by the world's program."""
    name, own = step.name, own_settings(run.settings, SelfTaughtSettings)
    path = run.path(name, CHANGED)
    if path.exists():
        return files.read(path, ChangedInstruction)
    seed = run.seed(name, "changed instructions")
    if own.changed_by == "world":
        kind = run.settings.data.kind
        texts = [WORLDS[kind].changed(one.text, seed) for one in prompts]
        made = [ChangedInstruction.of(one.id, kind, text, text) for one, text in zip(prompts, texts, strict=True)]
        files.write(path, made)
        return made
    with run.engine(model) as engine, run.stage(name, "changed instructions") as report:
        text = request_text(own.changed_template)
        sampling = run.settings.prompts.sampling
        return write_changed(engine, prompts, text, sampling, seed=seed, path=path, report=report, block=run.block(1))


def pairs_of(
    run: Run,
    step: Step,
    model: Checkpoint,
    prompts: Sequence[Prompt],
    good: Sequence[Response],
    changed: Sequence[ChangedInstruction],
) -> tuple[list[ShownPair], dict[str, Count]]:
    """Each prompt's answer and, second, M_t's answer to the changed instruction; and what became of the others."""
    asked = [(prompt, own.prompt(prompt)) for prompt, own in zip(prompts, changed, strict=True)]
    instead = [other for _, other in asked if other is not None]
    worse = iter(drawn_answers(run, step, model, instead, 1, WORSE, "worse answers"))
    found: list[ShownPair] = []
    same = empty = 0
    for (prompt, other), better in zip(asked, good, strict=True):
        if other is None:
            continue
        second = next(worse)
        if not better.text.strip() or not second.text.strip():
            empty += 1
        elif better.text.strip() == second.text.strip():
            same += 1
        else:
            found.append(ShownPair(prompt=prompt, first=better, second=second))
    counts: dict[str, Count] = {
        "prompts": len(prompts),
        **refused_counts(changed),
        "pairs": len(found),
        "pairs dropped: an answer is empty": empty,
        "pairs dropped: both answers are the same words": same,
    }
    return found, counts


def sampled_judgements(run: Run, step: Step, model: Checkpoint, pairs: Sequence[ShownPair]) -> Sequence[PairJudgement]:
    """N judgements of each pair in each order, by the loop's judge (M_t, or the server of `judge.engine`)."""
    name, own = step.name, own_settings(run.settings, SelfTaughtSettings)
    template = pair_template.load(own.template)
    both = [one for pair in pairs for one in (pair, pair.turned)]
    with (
        closing(loops_judge(run.folder, model, open_checkpoint=run.open)) as judge,
        run.stage(name, "judgements", "pairs") as report,
    ):
        assert judge.engine is not None
        sampler = PairSampler(judge.engine, template, own.sampling, own.complete)
        path, seed = run.path(name, PAIR_JUDGEMENTS), run.seed(name, "judgements")
        advice = [
            "another method.template",
            *([] if own.complete else ["let it complete its verdict (method.complete=true)"]),
        ]
        room = "method.sampling.max_new_tokens"
        watch = VerdictWatch(f"{name}: judgements", run.settings.judge, report.say, room=room, advice=advice)
        return sampler.judge(both, own.draws, seed, path, report, run.block(own.draws), watch)


def right_examples(
    run: Run, step: Step, pairs: Sequence[ShownPair], judgements: Sequence[PairJudgement]
) -> tuple[list[Demonstration], dict[str, Count]]:
    """The judgements to learn from as EFT examples, also kept as the step's eft.jsonl. Raises DataError for none."""
    own = own_settings(run.settings, SelfTaughtSettings)
    template = pair_template.load(own.template)
    chosen = balanced(judgements, {pair.prompt.id: pair.first.id for pair in pairs}, run.seed(step.name, "balance"))
    if not chosen.judgements:
        raise DataError(none_kept(step.name, chosen.counts))
    shown = {(one.first.id, one.second.id): one for pair in pairs for one in (pair, pair.turned)}
    examples = [
        Demonstration.of(
            "eft", shown[one.first_id, one.second_id].asked(template), one.raw, one.id, thought=one.thought
        )
        for one in chosen.judgements
    ]
    files.write(run.path(step.name, EFT), examples)
    return examples, chosen.counts


def none_kept(step: str, counts: Mapping[str, Count]) -> str:
    """Why a round has no judgement to learn from, and what may help, by the counts of `balanced`."""
    first, second, both = (counts[name] for name in (FIRST_ONLY, SECOND_ONLY, BOTH))
    found = (
        f"{step}: no judgement can be trained on. Prompts judged: {counts['prompts judged']}; with a right judgement "
        f"only with the better answer first: {first}, only with it second: {second}, in both orders: {both}, none: "
        f"{counts['prompts without a right judgement']}. Judgements without a verdict: "
        f"{counts['judgements unscored']} of {counts['judgements']}. Inspect them (`srlm explain` with a prompt's id)"
    )
    if not (first or second):
        return found + (
            ". What may help: more room (method.sampling.max_new_tokens), a verdict that the model can write "
            "(method.template, method.complete=true), more draws (method.draws), or a better judge (judge.engine, or "
            "another model.base)"
        )
    return found + (
        ". Both places are kept equally often, and this judge prefers one of them whatever the answers are: its "
        "judgements would teach the place alone. What may help: more draws (method.draws) or a higher "
        "method.sampling.temperature, so that it also prefers the other place, another method.template, or a better "
        "judge (judge.engine, or another model.base)"
    )


METHOD = SelfTaughtEvaluator()
