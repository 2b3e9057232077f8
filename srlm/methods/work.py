"""What the stages that methods share take of engines and trainers, for `srlm estimate`."""

from collections.abc import Iterator

from srlm.judge import rubric
from srlm.methods.base import Generation, Lengths, Optimisation, Work
from srlm.records import Step
from srlm.rewards.open import open_reward
from srlm.settings import Settings
from srlm.worlds.table import WORLDS

CHARACTERS_A_TOKEN = 4
"""Of English text, roughly."""
ANSWERS_A_SET = 2.85
"""Ranked answers a prompt: the paper's 541 held-out examples of 190 prompts."""


def answers_a_set(settings: Settings) -> float:
    """Ranked answers of a prompt, on average, before the data is read."""
    return WORLDS[settings.data.kind].answers_a_set if settings.data.kind in WORLDS else ANSWERS_A_SET


def pairs_a_set(settings: Settings) -> float:
    """Pairs of the ranked answers of a prompt, on average, before the data is read."""
    size = answers_a_set(settings)
    return size * (size - 1) / 2


def answer_length(settings: Settings, lengths: Lengths) -> int:
    """Tokens of an answer, on average."""
    return min(lengths.answer, settings.candidates.sampling.max_new_tokens)


def rubric_length(settings: Settings) -> int:
    """Tokens of the judge's template, with which its prompts begin."""
    return len(rubric.load(settings.judge.template).text) // CHARACTERS_A_TOKEN


def judge_lengths(settings: Settings, lengths: Lengths) -> tuple[int, int]:
    """Tokens that the judge reads and writes for one answer."""
    reads = rubric_length(settings) + lengths.prompt + answer_length(settings, lengths)
    return reads, min(lengths.judgement, settings.judge.sampling.max_new_tokens)


def new_prompt_work(settings: Settings, lengths: Lengths, step: Step) -> Iterator[Work]:
    """New prompts; none where they lie in a file or a program draws them."""
    prompts = settings.prompts
    if prompts.writer in ("self", "fixed"):
        shots = (prompts.shots_seed + prompts.shots_new) * lengths.prompt
        yield Generation(f"{step.name}: new prompts", prompts.wanted(step.number), 1, shots, lengths.prompt)


def answer_work(settings: Settings, lengths: Lengths, step: Step) -> Iterator[Work]:
    """New prompts and candidates."""
    number, count = settings.prompts.wanted(step.number), settings.candidates.count
    yield from new_prompt_work(settings, lengths, step)
    yield Generation(f"{step.name}: candidates", number, count, lengths.prompt, answer_length(settings, lengths))


def reward_work(settings: Settings, lengths: Lengths, step: Step) -> Iterator[Work]:
    """Rewards of the candidates; none where a program gives them."""
    answers = settings.prompts.wanted(step.number) * settings.candidates.count
    if open_reward(settings).asks_judge:
        reads, writes = judge_lengths(settings, lengths)
        yield Generation(
            f"{step.name}: judgements", answers, settings.judge.draws, reads, writes, rubric_length(settings)
        )
    elif settings.reward.kind == "model":  # taken to be as large as M0
        reads = lengths.prompt + answer_length(settings, lengths)
        yield Generation(f"{step.name}: rewards", answers, 1, reads, 0)


def preference_work(settings: Settings, lengths: Lengths, step: Step) -> Iterator[Work]:
    """DPO, and the contests that may stop it early: all of them, as if none did."""
    data, number, answer = settings.data, settings.prompts.wanted(step.number), answer_length(settings, lengths)
    length = lengths.prompt + answer
    yield Optimisation(f"{step.name}: DPO", number, length, "dpo", settings.dpo, pairs=True, loss=answer)
    if settings.dpo.early_stop != "off":
        # New answers, and two orders to compare them in.
        asked = data.validation_prompts * ((settings.dpo.steps_for(number) - 1) // settings.dpo.save_steps)
        yield Generation(f"{step.name}: early stop's answers", asked, 1, lengths.prompt, answer)
        yield Generation(f"{step.name}: early stop's verdicts", 2 * asked, 1, lengths.prompt + 2 * answer, 1)
