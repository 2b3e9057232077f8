"""Online RL, M_t -> M_t+1: answers sampled from the model in training, rewarded at once (TRL's RLOO and GRPO trainers).

With r the reward of an answer y to x, N answers a prompt, KL = sum over tokens of log pi(y) - log ref(y):

    rloo   R = r - beta * KL;  advantage A_i = R_i - mean of the prompt's other R (Ahmadian et al. 2024)
           loss = - mean over answers of A * pi(y) / pi_sampled(y), whole answers
    grpo   A_i = (r_i - mean r) / (standard deviation of r + 1e-4) within a prompt (Shao et al. 2024)
           loss = - mean over answers of the mean over tokens of (A - beta * k3) * pi(token) / pi_sampled(token)

with k3 = ref / pi - log(ref / pi) - 1; the ratio before it makes its gradient that of the KL divergence (TRL's default;
DeepSeek-V3.2). Each batch is sampled from the model as it is and used for one step, so both ratios are 1 and clip
nothing. An answer without a reward has no part in any sum above.

TRL computes advantages and losses. Sampling is ours: the run's transformers engine on the model in training, from a
seed of its own for each step, so that a training that was interrupted and resumed samples the same answers. TRL draws
prompts again for each pass, which a resumed training cannot repeat; `passes` lays all passes end to end instead.
"""

import logging
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
from accelerate.utils import broadcast_object_list, gather, gather_object
from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer, RLOOConfig, RLOOTrainer

from srlm.engines.base import Completion, Engine
from srlm.engines.transformers import TransformersEngine
from srlm.engines.written import completion, generation_ends
from srlm.errors import SettingsError
from srlm.records import seed_for
from srlm.settings import OnlineSettings, Sampling
from srlm.text.chat import Chat
from srlm.training.adapters import adapters, peft_without_noise
from srlm.training.dropout import set_dropout
from srlm.training.head import TRIAL, router_arguments, use_right_head
from srlm.training.saving import Brought, in_parts
from srlm.training.trainer import Watch, arguments, on_one_gpu, train

FEWEST = 2
"""Answers a prompt: one has no other to be compared with."""


class Asked(NamedTuple):
    """A prompt to answer."""

    place: int
    """Its number among the prompts of the training."""
    prompt_ids: list[int]


class Sampled(NamedTuple):
    """An answer that the model in training wrote."""

    place: int
    """The number of its prompt."""
    written: Completion


class Scorer(Protocol):
    """What rewards the answers of a step. In a training of several processes the first alone asks it."""

    def rewards(self, step: int, sampled: Sequence[Sampled], policy: Engine | None) -> list[float | None]:
        """A number an answer; None: it could not be rewarded. `policy`: the model in training as it is now; None: it is
        in another process."""
        ...

    def keep(self, step: int, advantages: Sequence[float]) -> None:
        """What the trainer made of the rewards of the same answers, in the same order."""
        ...


class Plan(NamedTuple):
    """What is sampled from, and how."""

    prompts: Sequence[Asked]
    answers: int
    """Of each prompt."""
    sampling: Sampling
    batch_size: int
    """Sequences decoded together."""


def check(settings: OnlineSettings, count: int, sampling: Sampling) -> None:
    """Raise SettingsError where the settings of an online training contradict each other."""
    if count < FEWEST:
        raise SettingsError(f"candidates.count {count}: online training compares a prompt's answers; use 2 or more")
    if settings.batch_size % count:
        raise SettingsError(
            f"online.batch_size {settings.batch_size} is no multiple of candidates.count {count}: a prompt's answers "
            "are compared within one step"
        )
    if sampling.temperature == 0:
        raise SettingsError(
            "candidates.sampling.temperature 0: all answers to a prompt would be the same, and online training has "
            "nothing to compare; use a temperature above 0"
        )
    if settings.lora is not None and settings.beta and settings.reference != "parent":
        raise SettingsError(
            f"online.reference `{settings.reference}`: with online.lora the reference is the model without its "
            "adapters; set online.reference to `parent`, or train without lora"
        )


def steps_for(settings: OnlineSettings, prompts: int, count: int) -> int:
    """Optimiser steps of a training on so many prompts."""
    return settings.steps_for(prompts * count)


def passes(number: int, wanted: int, seed: int) -> list[int]:
    """`wanted` places of `number` prompts: pass after pass, each in an order of its own, and none twice in a pass."""
    places: list[int] = []
    while number and len(places) < wanted:
        order = list(range(number))
        random.Random(seed_for(seed, "pass", len(places) // number)).shuffle(order)
        places += order
    return places[:wanted]


class _Rows(NamedTuple):
    """Rows of a prompt and its answer, moved to their left ends."""

    ids: torch.Tensor
    """(rows, tokens of the longest row)."""
    mask: torch.Tensor
    kept: int
    """How many tokens at the end of `ids` hold all answers."""
    places: torch.Tensor
    """(rows, tokens of an answer): where each token of the answers is among the `kept` ones; beyond them: nowhere."""

    @classmethod
    def of(cls, ids: torch.Tensor, mask: torch.Tensor, answer: int) -> "_Rows":
        """Of rows whose last `answer` tokens are answers; `mask` is 0 at what pads them, on both sides."""
        width = ids.size(1)
        left = (mask.cumsum(1) == 0).sum(1, keepdim=True)
        every = torch.arange(width, device=ids.device)
        turned = (every + left) % width
        ids, mask = ids.gather(1, turned), mask.gather(1, turned)
        longest = int((mask * (every + 1)).max())
        kept = max(1, longest - int((width - answer - left).min()))
        return cls(ids[:, :longest], mask[:, :longest], kept, every[-answer:] - left - (longest - kept))

    def back(self, values: torch.Tensor) -> torch.Tensor:
        """Values of the `kept` tokens, (rows, kept), as those of the answers' tokens, (rows, tokens of an answer); 0
        where there is none."""
        nowhere = self.places >= self.kept
        return values.gather(1, self.places.clamp(max=self.kept - 1)).masked_fill(nowhere, 0)


class _Online:
    """What our two trainers share: a mixin before TRL's class."""

    policy: "_Policy"
    scorer: Scorer
    own_seed: int
    _asked: list[Asked]
    _unscored: torch.Tensor

    # What TRL's trainers have.
    accelerator: Any
    state: Any

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        self._asked = [Asked(row["place"], row["prompt_ids"]) for row in inputs]
        output: dict[str, Any] = super()._generate_and_score_completions(inputs)  # type: ignore[misc]
        advantages = gather(output["advantages"]).tolist()
        if self.accelerator.is_main_process:
            self.scorer.keep(self.state.global_step, advantages)
        return output

    def _tokenize_prompts(self, prompts: list[Any]) -> tuple[list[list[int]], None, dict[str, Any]]:
        # TRL would render them by its own rules.
        return [one.prompt_ids for one in self._asked], None, {}

    def sample(self) -> list[list[int]]:
        """New token ids of each row, the end token among them."""
        return self.policy.answers(self._asked, seed_for(self.own_seed, "answers", *self._turn()))

    def _turn(self) -> tuple[int, int]:
        return self.state.global_step, self.accelerator.process_index

    def _get_per_token_logps_and_entropies(
        self,
        model: Any,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        logits_to_keep: int,
        *rest: Any,
        **named: Any,
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        """TRL's, of rows that begin with their prompt; (rows, logits_to_keep) each.

        TRL pads prompts on the left. That makes rows longer than a model can read. Where positions are counted from a
        row's first token (GPT-2), it also gives other probabilities than those that answers were sampled with.
        """
        rows = _Rows.of(input_ids, attention_mask, logits_to_keep)
        logs, entropies, balance = super()._get_per_token_logps_and_entropies(  # type: ignore[misc]
            model, rows.ids, rows.mask, rows.kept, *rest, **named
        )
        return rows.back(logs), None if entropies is None else rows.back(entropies), balance

    def _calculate_rewards(self, inputs: Any, prompts: Any, completions: Any, ids: list[list[int]]) -> torch.Tensor:
        with _without_noise():
            found: torch.Tensor = super()._calculate_rewards(inputs, prompts, completions, ids)  # type: ignore[misc]
        first = self.accelerator.process_index * len(prompts)
        self._unscored = torch.isnan(found[first : first + len(prompts)]).all(dim=1)
        return found

    def reward(self, completion_ids: list[list[int]]) -> list[float | None]:
        """The numbers of this process's answers."""
        mine = [
            Sampled(one.place, self.policy.completion(one, ids))
            for one, ids in zip(self._asked, completion_ids, strict=True)
        ]
        every: list[Sampled] = gather_object(mine)
        numbers: list[list[float | None] | None] = [None]
        if self.accelerator.is_main_process:
            with self.policy.reading() as engine:
                numbers = [self.scorer.rewards(self.state.global_step, every, engine)]
        broadcast_object_list(numbers)
        assert numbers[0] is not None
        first = self.accelerator.process_index * len(mine)
        return numbers[0][first : first + len(mine)]


class OnlineRloo(_Online, RLOOTrainer):  # type: ignore[misc]
    """RLOOTrainer with our sampling and rewards. An answer without a reward has advantage 0, and so no gradient."""

    def _generate_single_turn(self, prompt_ids: Any, images: Any, fields: Any) -> list[list[int]]:
        return self.sample()


class OnlineGrpo(_Online, GRPOTrainer):  # type: ignore[misc]
    """GRPOTrainer with our sampling and rewards."""

    def _generate_single_turn(
        self, prompt_ids: Any, images: Any, fields: Any, count: int, has_tool_images: bool = False
    ) -> tuple[list[list[int]], None]:
        return self.sample(), None

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        output = super()._generate_and_score_completions(inputs)
        # Advantage 0 alone would leave them the KL term, which is in the loss here and not in the reward.
        output["completion_mask"] = output["completion_mask"] * (~self._unscored)[:, None].int()
        return output


class _Policy:
    """The model in training as an engine."""

    def __init__(self, trainer: Any, chat: Chat, plan: Plan, name: str) -> None:
        self._trainer, self._chat, self._plan, self._name = trainer, chat, plan, name
        self._ends = sorted(trainer.eos_token_ids)  # the trainer takes them out of the model's own settings
        self._engine: TransformersEngine | None = None

    @contextmanager
    def reading(self) -> Iterator[TransformersEngine]:
        """The engine; the model is in evaluation mode within."""
        model = self._trainer.accelerator.unwrap_model(self._trainer.model)
        own = model.get_base_model() if hasattr(model, "get_base_model") else model
        training = model.training
        model.eval()
        try:
            if self._engine is None:
                self._engine = TransformersEngine(
                    own, self._chat, self._name, self._plan.batch_size, autocast=self._trainer.args.bf16
                )
                self._engine.ends = self._ends
            yield self._engine
        finally:
            model.train(training)

    def answers(self, asked: Sequence[Asked], seed: int) -> list[list[int]]:
        """New token ids for each row; the rows of a prompt stand together, and it is read once for all of them."""
        groups = [list(rows) for _, rows in groupby(asked, key=lambda one: one.place)]
        with self.reading() as engine:
            drawn = engine.draw_ids(
                [rows[0].prompt_ids for rows in groups], [len(rows) for rows in groups], self._plan.sampling, seed
            )
        return [_up_to_end(ids, set(self._ends)) for own in drawn for ids in own]

    def completion(self, asked: Asked, ids: Sequence[int]) -> Completion:
        """What the token ids say."""
        return completion(self._chat, asked.prompt_ids, ids, self._ends)


def _up_to_end(ids: list[int], ends: set[int]) -> list[int]:
    place = next((place for place, token in enumerate(ids) if token in ends), len(ids))
    return ids[: place + 1]


@contextmanager
def _without_noise() -> Iterator[None]:
    """Without TRL's warning of answers without a reward, which holds their words; they are counted instead."""
    heard = [logging.getLogger(f"trl.trainer.{name}_trainer") for name in ("rloo", "grpo")]  # noqa: TID251  (TRL's)

    def other(record: logging.LogRecord) -> bool:
        return "All reward functions returned None" not in str(record.msg)

    for one in heard:
        one.addFilter(other)
    try:
        yield
    finally:
        for one in heard:
            one.removeFilter(other)


def learn(
    model: Any,
    reference: Path | None,
    chat: Chat,
    plan: Plan,
    settings: OnlineSettings,
    scorer: Scorer,
    *,
    name: str,
    seed: int,
    dtype: str,
    work: Path,
    target: Path,
    report: Callable[[int, int], None] = lambda done, total: None,
    report_to: Sequence[str] = (),
    beside: Mapping[str, bytes] | None = None,
    trust_remote_code: bool = False,
) -> list[dict[str, float]]:
    """Train `model` on the rewards of its own answers and save it to `target`. Returns the loss history.

    `name` is who writes the answers, `reference` the folder of the model that the KL divergence is from (None with
    adapters, or where beta is 0), and `trust_remote_code` whether Python code that comes with it may run; the others as
    in `sft.fine_tune`. Raises SettingsError where the model is in parts.
    """
    tokenizer = chat.tokenizer
    brought = Brought.by(model, tokenizer, dtype, beside)
    model.generation_config.eos_token_id = sorted({*chat.ends, *generation_ends(brought.generation)})
    set_dropout(model, 0.0)
    model.float()
    if reference is not None:
        model.config._name_or_path = str(reference)  # TRL loads the reference from there
    steps = steps_for(settings, len(plan.prompts), plan.answers)
    places = passes(len(plan.prompts), steps * settings.batch_size // plan.answers, seed)
    rows = [{"prompt": "", **plan.prompts[place]._asdict()} for place in places]
    given = arguments(settings, work, seed, dtype, report_to)
    del given["max_length"]  # what is too long was left out
    given |= {"num_train_epochs": 1, "max_steps": steps, "disable_dropout": True, "shuffle_dataset": False}
    trial = plan.prompts[0].prompt_ids[:TRIAL]
    given |= {
        "num_generations": plan.answers,
        "max_completion_length": plan.sampling.max_new_tokens,
        "temperature": plan.sampling.temperature,
        "top_p": plan.sampling.top_p,
        "beta": settings.beta,
        "trust_remote_code": trust_remote_code,
        **router_arguments(model, trial),
    }
    trainer: Any = None

    def reward(completion_ids: list[list[int]], **rest: Any) -> list[float | None]:
        numbers: list[float | None] = trainer.reward(completion_ids)
        return numbers

    kind, args = (
        (OnlineRloo, RLOOConfig(**given))
        if settings.algorithm == "rloo"
        else (OnlineGrpo, GRPOConfig(**given, loss_type="grpo", scale_rewards="group"))
    )
    with peft_without_noise():
        trainer = kind(
            model=model,
            reward_funcs=reward,
            args=on_one_gpu(args),
            train_dataset=Dataset.from_list(rows),
            processing_class=tokenizer,
            peft_config=adapters(model, settings.lora),
        )
    if in_parts(trainer):
        raise SettingsError(
            "online training samples from the model that it trains, which must be whole in each process; use a launch "
            "without FSDP or DeepSpeed"
        )
    use_right_head(trainer, trial, plan.sampling.temperature)
    trainer.policy, trainer.scorer, trainer.own_seed = _Policy(trainer, chat, plan, name), scorer, seed
    return train(trainer, tokenizer, brought, Watch(report), work, target)
