"""The stages of reinforcement learning that methods share: a reward model, and training on the rewards of own answers.

    human_pairs -> reward_model_step -> trained_reward -> online_step

TRL has no PPO trainer any more (1.16); RLOO and GRPO take its place, which need no value model.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import combinations
from pathlib import Path
from statistics import fmean
from typing import Literal

from srlm.contents import weights_digest
from srlm.engines.weights import WHEEL, weight_files
from srlm.errors import DataError
from srlm.judge.reward_model import RewardModel
from srlm.judge.scores import check_collapse
from srlm.methods import sampled, start
from srlm.methods.base import Generation, Lengths, Optimisation, Work
from srlm.methods.explain import Beside, Turn
from srlm.methods.run import Run
from srlm.methods.stages import (
    PAIRS,
    chat_of,
    context_of_model,
    finish_model,
    longest_example,
    place_of,
    prompt_counts,
    run_training,
)
from srlm.methods.work import answer_length, answers_a_set, judge_lengths, pairs_a_set
from srlm.records import Checkpoint, Count, PreferencePair, Prompt, RankedSet, Sample, Step
from srlm.rewards.base import Reward
from srlm.rewards.model import ModelReward
from srlm.rewards.open import open_reward
from srlm.settings import ModelRewardSettings, ModelSettings, Settings
from srlm.store import files
from srlm.text.counts import counted

BATCH = 16
"""Conversations that a reward model reads at once."""


def human_pairs(sets: Sequence[RankedSet], which: Literal["all", "best_worst"]) -> list[PreferencePair]:
    """Pairs of the answers that people ranked: every two of a set, or its best and worst; ties give none.

    The scores of a pair are minus the ranks.
    """
    pairs = []
    for one in sets:
        ranked = sorted(zip(one.ranks, one.responses, strict=True), key=lambda both: both[0])  # keeps equals in order
        twos = combinations(ranked, 2) if which == "all" else [(ranked[0], ranked[-1])]
        pairs += [
            PreferencePair.of(one.prompt, better, worse, float(-high), float(-low))
            for (high, better), (low, worse) in twos
            if high < low and better.text != worse.text
        ]
    return pairs


def reward_model_step(
    run: Run, step: Step, pairs: Sequence[PreferencePair], counts: Mapping[str, Count] | None = None
) -> None:
    """Train a reward model on pairs, from the step's parent, and finish the step (role `intermediate`).

    The manifest has its accuracy on the held-out ranked sets, as it will be asked, with n.
    """
    from srlm.training import launch, reward_model

    name, parent, settings = step.name, run.parent(step), run.settings.reward_model
    where = place_of(run, parent)
    reward_model.check_classifier(where, run.settings.model)
    tokenizer = reward_model.reading_tokenizer(chat_of(run, parent))
    longest = longest_example(run, name, parent, "reward_model", settings.max_length)
    rows, left_out = reward_model.examples(tokenizer, pairs, longest.tokens)
    if not rows:
        raise DataError(
            f"{name}: none of {counted(len(pairs), 'pairs')} can be trained on: use ranked answers without ties that "
            f"fit {longest.said}"
        )

    def training(work: Path, target: Path, report: Callable[[int, int], None]) -> None:
        launch.fit_reward_model(
            where,
            rows,
            run.settings,
            seed=run.seed(name, "reward model"),
            work=work,
            target=target,
            report=report,
        )

    files.write(run.path(name, PAIRS), pairs)
    run.trained(name, "reward model", len(rows))
    run_training(run, name, "reward model", training)
    digest = weights_digest(run.path(name, "model"), run.folder.sha256)
    run.finish(
        name,
        {
            **(counts or {}),
            "reward model: pairs": len(rows),
            "reward model: pairs left out": left_out,
            **_held_out_accuracy(run, step),
        },
        inputs={f"{parent.name} weights": parent.digest},
        checkpoint=Checkpoint(name=name, parent=parent.name, path=f"{name}/model", digest=digest),
    )


def _held_out_accuracy(run: Run, step: Step) -> dict[str, Count]:
    """How often a reward model prefers, of two held-out answers, the one that people do; a tie counts as half."""
    sets = files.read(run.path("data", "heldout_sets.jsonl"), RankedSet)
    pairs = human_pairs(sets, "all")
    folder = str(run.path(step.name, "model"))
    with run.stage(step.name, "held-out rewards", "answers"):
        trusted = run.settings.model.trust_remote_code
        model = RewardModel.load(folder, ModelSettings(base=folder, trust_remote_code=trusted), BATCH)
        with closing(model):
            chosen, rejected = (
                model.scores([(pair.prompt, turn.content) for pair, turn in zip(pairs, turns, strict=True)])
                for turns in ([pair.chosen[0] for pair in pairs], [pair.rejected[0] for pair in pairs])
            )
    both = [(a, b) for a, b in zip(chosen, rejected, strict=True) if a is not None and b is not None]
    return {
        "held-out: sets": len(sets),
        "held-out: pairs": len(pairs),
        "held-out: pairs scored": len(both),
        "held-out: accuracy": fmean((a > b) + 0.5 * (a == b) for a, b in both) if both else None,
    }


def trained_reward(run: Run, step: Step) -> Reward:
    """The reward of a finished reward model of the run; records call it by its step's name."""
    own = ModelRewardSettings(
        kind="model",
        path=str(run.folder.model_path(run.model(step))),
        trust_remote_code=run.settings.model.trust_remote_code,
        batch_size=BATCH,
    )
    return ModelReward(own, step.name)


def online_step(
    run: Run,
    step: Step,
    model: Checkpoint,
    prompts: Sequence[Prompt],
    reward: Reward | None = None,
    made_from: Sequence[Checkpoint] = (),
) -> None:
    """M_t -> M_t+1: answers sampled in training, rewarded by `reward` (None: the run's own), and the step finished.

    `made_from`: the models beside M_t and the reference that it comes from, such as a reward model of the run.
    """
    from srlm.training import launch, online

    name, settings, candidates = step.name, run.settings.online, run.settings.candidates
    folder, chat = run.folder.model_path(model), chat_of(run, model)
    asked = [online.Asked(place, chat.prompt_ids(prompt.messages)) for place, prompt in enumerate(prompts)]
    context = context_of_model(run, model)
    longest = min(settings.max_length - candidates.sampling.max_new_tokens, context - 1)
    fitting = [one for one in asked if len(one.prompt_ids) <= longest]
    if not fitting:
        raise DataError(
            f"{name}: none of {counted(len(prompts), 'prompts')} leaves room for "
            f"{counted(candidates.sampling.max_new_tokens, 'new tokens')} "
            f"(candidates.sampling.max_new_tokens) within online.max_length {settings.max_length}, or "
            f"one within the model's context of {context}"
        )

    def training(work: Path, target: Path, report: Callable[[int, int], None]) -> None:
        answers = sampled.Answers(prompts, {one.place: len(one.prompt_ids) for one in fitting})
        scorer = sampled.KeptRewards(run, step, model, answers, reward or open_reward(run.settings))
        with closing(scorer):
            launch.learn(
                folder,
                reference_folder(run, model),
                online.Plan(fitting, candidates.count, candidates.sampling, run.settings.engine.batch_size),
                scorer,
                run.settings,
                name=name,
                seed=run.seed(name, "online"),
                work=work,
                target=target,
                report=report,
            )

    steps = online.steps_for(settings, len(fitting), candidates.count)
    run.trained(name, "online training", steps * settings.batch_size)
    run_training(run, name, "online training", training)
    sampled.gather(run, step)
    counts = {
        **prompt_counts(run, step),
        "prompts": len(prompts),
        "prompts too long": len(prompts) - len(fitting),
        **sampled.sample_counts(run, step),
    }
    if warning := check_collapse(counts, run.settings.judge, name):
        run.folder.log(f"{name}: warning: {warning}")
        counts["warning"] = warning
    reference = [one for one in [_reference_model(run, model)] if one is not None and one != model]
    finish_model(run, step, model, counts, made_from=[*reference, *made_from])


def reference_folder(run: Run, model: Checkpoint) -> Path | None:
    """The folder of the model that the KL divergence is from; None: there is none, or it is the model itself without
    its adapters."""
    wanted = _reference_model(run, model)
    if wanted is None or run.settings.online.lora is not None:
        return None
    return weight_files(place_of(run, wanted), run.settings.model)[0].parent


def _reference_model(run: Run, model: Checkpoint) -> Checkpoint | None:
    settings = run.settings.online
    if not settings.beta:
        return None
    return model if settings.reference == "parent" else run.model(start.FIRST)


def check_online(settings: Settings) -> None:
    """Raise SettingsError where the settings of online training contradict each other."""
    from srlm.training.online import check

    check(settings.online, settings.candidates.count, settings.candidates.sampling)
    if settings.online.judge == "policy" and settings.launch.command:
        raise settings.refusal(
            "online.judge `policy`: with launch.command the model in training is in other processes, and cannot judge; "
            "set online.judge to `parent`, or train without launch.command",
            "online.judge",
            "launch.command",
        )


def check_reward_model(settings: Settings) -> None:
    """Raise ModelError where M0 cannot become a reward model; reads its configuration alone."""
    from srlm.training.reward_model import check_classifier

    base = settings.model.base
    if base != "scratch" and not base.startswith(WHEEL):  # a Llama; a file of weights without a configuration
        check_classifier(base, settings.model)


def online_rule(settings: Settings) -> str:
    """How a reward moves the model, in words, for `srlm explain`."""
    online = settings.online
    baseline = {
        "rloo": "RLOO: advantage = reward less the mean of the prompt's other answers",
        "grpo": "GRPO: advantage = reward less the mean of the prompt's answers, over their standard deviation",
    }[online.algorithm]
    if not online.beta:
        return baseline
    of = "M1" if online.reference == "first" else "the model that training started from"
    how = "taken off each reward" if online.algorithm == "rloo" else "added to the loss of each token"
    return f"{baseline}; {online.beta:g} x KL from {of} is {how}"


def sampled_beside(step: Path) -> list[Beside]:
    """What online training took from each answer of a step, for `srlm explain`."""
    path = step / sampled.SAMPLES
    samples = files.read(path, Sample) if path.exists() else []
    return [
        Beside(
            f"{one.response_id} in training",
            one.response_id,
            [f"sampled for optimiser step {one.step + 1}, advantage {one.advantage:+.3f}"],
        )
        for one in samples
    ]


def no_pairs(turn: Turn, prompt: Prompt) -> Iterator[str]:
    """Answers sampled in training come to no pairs."""
    yield from ()


def pairs_of_sets(settings: Settings) -> int:
    """Pairs of the EFT sets, before the data is read."""
    a_set = pairs_a_set(settings) if settings.reward_model.pairs == "all" else 1
    return round(settings.data.eft_sets * a_set)


def reward_model_work(settings: Settings, lengths: Lengths, step: Step, pairs: int) -> Iterator[Work]:
    """A reward model on so many pairs, and its held-out answers."""
    length = lengths.prompt + answer_length(settings, lengths)
    name = f"{step.name}: reward model"
    yield Optimisation(name, pairs, length, "reward_model", settings.reward_model, pairs=True, reference=False)
    held_out = round(settings.data.heldout_sets * answers_a_set(settings))
    yield Generation(f"{step.name}: held-out rewards", held_out, 1, length, 0)


def online_work(settings: Settings, lengths: Lengths, step: Step, reward: Reward | None) -> Iterator[Work]:
    """Answers sampled in training, their rewards, and the steps; `reward` None: a reward model as large as M0."""
    prompts, answer = settings.prompts.wanted(step.number), answer_length(settings, lengths)
    online, count, length = settings.online, settings.candidates.count, lengths.prompt + answer
    asked = online.steps_for(prompts * count) * online.batch_size // count
    yield Generation(f"{step.name}: samples", asked, count, lengths.prompt, answer)
    if reward is not None and reward.asks_judge:
        reads, writes = judge_lengths(settings, lengths)
        yield Generation(f"{step.name}: judgements", asked * count, settings.judge.draws, reads, writes)
    elif reward is None or settings.reward.kind == "model":
        yield Generation(f"{step.name}: rewards", asked * count, 1, length, 0)
    kept = online.beta > 0 and online.lora is None
    yield Optimisation(f"{step.name}: online training", prompts * count, length, "online", online, reference=kept)
