"""One self-rewarding iteration, ours against the way of self-rewarding-lm-pytorch (0.2.12 on PyPI).

    srlm train --run configs/pocket.yaml --to M1
    python benchmarks/speed/iteration.py

Same model (the pocket run's M1), prompts, N = 4 answers, k = 3 judgements, and DPO steps, one thread. That package
crashes on every score it finds, so its algorithm is done here as it does it: prompt by prompt, answer by answer; every
token from a pass over the whole sequence, without a cache; every sequence written to its full length, for no end token
is given to its sampler; DPO with each answer in a pass of its own. Two differences, both in its favour: its sequences
end at our token limits, not at its own of 1,024 and 256, and its scores count as parsed.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import logsigmoid

from srlm.engines.base import Request
from srlm.engines.transformers import TransformersEngine
from srlm.engines.weights import load_chat, load_model
from srlm.judge import rubric
from srlm.records import Prompt, Response, user
from srlm.run_file import load
from srlm.selection import pair
from srlm.settings import Sampling, Settings
from srlm.text.score import parse_score
from srlm.training import dpo
from srlm.worlds.beads import data as bead_data
from srlm.worlds.beads.settings import BeadsData

RUN = Path(__file__).resolve().parents[2] / "configs/pocket.yaml"


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--run", type=Path, default=RUN)
    words.add_argument("--prompts", type=int, default=64)
    words.add_argument("--steps", type=int, default=8, help="of DPO")
    asked = words.parse_args()
    torch.set_num_threads(1)
    settings = load(asked.run, [])
    assert isinstance(settings.data, BeadsData)
    model = settings.folder / "M1/model"
    prompts = bead_data.fresh_prompts(settings.data, 1, 0, asked.prompts)
    mine = ours(settings, model, prompts, asked.steps)
    other = theirs(settings, model, prompts, asked.steps)
    print("| seconds | ours | self-rewarding-lm-pytorch's way | ratio |\n|---|---|---|---|")
    for name in mine:
        print(f"| {name} | {mine[name]:.2f} | {other[name]:.2f} | {other[name] / mine[name]:.1f} |")
    total, slower = sum(mine.values()), sum(other.values())
    print(f"| all | {total:.2f} | {slower:.2f} | {slower / total:.1f} (goal 10) |")


def ours(settings: Settings, folder: Path, prompts: list[Prompt], steps: int) -> dict[str, float]:
    """Seconds of each stage, by the engine and the trainer of every run."""
    engine = TransformersEngine.load(folder, "M1", settings.model, settings.engine.batch_size)
    took = {}
    began = time.perf_counter()
    requests = [Request(messages=user(prompt.text), draws=settings.candidates.count) for prompt in prompts]
    drawn = engine.generate(requests, settings.candidates.sampling, seed=1)
    answers = [
        Response.of(prompt.id, one.text, "M1", draw, one.finish)
        for prompt, many in zip(prompts, drawn, strict=True)
        for draw, one in enumerate(many)
    ]
    took["candidates"] = time.perf_counter() - began
    began = time.perf_counter()
    wording, texts = rubric.load(settings.judge.template), {prompt.id: prompt.text for prompt in prompts}
    judgements = engine.generate(
        [wording.request(texts[answer.prompt_id], answer.text, settings.judge.draws) for answer in answers],
        settings.judge.sampling,
        seed=2,
    )
    points = {
        answer.id: [parse_score(one.text) for one in many] for answer, many in zip(answers, judgements, strict=True)
    }
    known = {name: [point for point in found if point is not None] for name, found in points.items()}
    made = pair(prompts, answers, {name: sum(found) / len(found) for name, found in known.items() if found})
    took["judgements"] = time.perf_counter() - began
    began = time.perf_counter()
    rows, _ = dpo.examples(engine.chat, made.pairs, 256)
    with tempfile.TemporaryDirectory() as place:
        dpo.optimise(
            load_model(folder, settings.model),
            load_model(folder, settings.model).eval(),
            engine.chat.tokenizer,
            rows,
            [],
            settings.dpo.model_copy(update={"max_steps": steps, "eft_replay": 0.0, "nll_weight": 0.0}),
            seed=1,
            dtype="float32",
            work=Path(place, "work"),
            target=Path(place, "model"),
        )
    took[f"DPO, {steps} steps"] = time.perf_counter() - began
    return took


def theirs(settings: Settings, folder: Path, prompts: list[Prompt], steps: int) -> dict[str, float]:
    """Seconds of the same stages, done its way."""
    model, chat = load_model(folder, settings.model).eval(), load_chat(folder, settings.model)
    wording, pairs = rubric.load(settings.judge.template), []
    took = {"candidates": 0.0, "judgements": 0.0}
    for prompt in prompts:
        began = time.perf_counter()
        ids = chat.prompt_ids(user(prompt.text))
        drawn = sample(model, ids, settings.candidates.count, settings.candidates.sampling)
        texts = [text_of(chat.tokenizer, row) for row in drawn]
        took["candidates"] += time.perf_counter() - began
        began = time.perf_counter()
        points = []
        for text in texts:
            asked = chat.prompt_ids(user(wording.prompt(prompt.text, text)))
            read = sample(model, asked, settings.judge.draws, settings.judge.sampling)
            found = [point for row in read if (point := parse_score(text_of(chat.tokenizer, row))) is not None]
            points.append(sum(found) / len(found) if found else None)
        took["judgements"] += time.perf_counter() - began
        scored = [(point, row) for point, row in zip(points, drawn, strict=True) if point is not None]
        if len(scored) > 1:
            best, worst = max(scored, key=lambda one: one[0]), min(scored, key=lambda one: one[0])
            if best[0] > worst[0]:
                pairs.append((ids, best[1], worst[1]))
    began = time.perf_counter()
    policy, reference = load_model(folder, settings.model), load_model(folder, settings.model).eval()
    optimiser = torch.optim.AdamW(policy.parameters(), lr=settings.dpo.learning_rate)
    size = settings.dpo.batch_size
    for step in range(steps):
        batch = [pairs[(step * size + place) % len(pairs)] for place in range(size)]
        logs = []
        for which in (1, 2):  # chosen, rejected: a pass each, through policy and reference
            rows = [one[0] + one[which] for one in batch]
            starts = [len(one[0]) for one in batch]
            with torch.no_grad():
                fixed = log_likelihood(reference, rows, starts)
            logs.append(log_likelihood(policy, rows, starts) - fixed)
        loss = -logsigmoid(settings.dpo.beta * (logs[0] - logs[1])).mean()
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    took[f"DPO, {steps} steps"] = time.perf_counter() - began
    return took


@torch.no_grad()
def sample(model: Any, prompt: list[int], copies: int, sampling: Sampling) -> list[list[int]]:
    """New tokens of each copy, every one from a pass over all that is there."""
    ids = torch.tensor([prompt] * copies)
    for _ in range(sampling.max_new_tokens):
        logits = model(ids, use_cache=False).logits[:, -1]
        ordered, places = logits.sort(descending=True)
        gone = ordered.softmax(-1).cumsum(-1) > sampling.top_p
        gone = torch.cat([torch.zeros_like(gone[:, :1]), gone[:, :-1]], 1)
        kept = torch.full_like(logits, -torch.inf).scatter(1, places, ordered.masked_fill(gone, -torch.inf))
        noise = -torch.log(-torch.log(torch.rand_like(kept).clamp(min=1e-20)))
        ids = torch.cat([ids, (kept / sampling.temperature + noise).argmax(-1, keepdim=True)], 1)
    return [row[len(prompt) :] for row in ids.tolist()]


def text_of(words: Any, row: list[int]) -> str:
    ends = row.index(words.eos_token_id) if words.eos_token_id in row else len(row)
    text: str = words.decode(row[:ends], skip_special_tokens=True)
    return text


def log_likelihood(model: Any, rows: list[list[int]], starts: list[int]) -> torch.Tensor:
    """Sum over each answer's tokens."""
    width = max(map(len, rows))
    ids = torch.tensor([row + [0] * (width - len(row)) for row in rows])
    logs = model(ids, use_cache=False).logits[:, :-1].log_softmax(-1).gather(2, ids[:, 1:, None])[..., 0]
    places = torch.arange(1, width)
    counts = torch.tensor([[len(row)] for row in rows])
    mask = (places >= torch.tensor(starts)[:, None]) & (places < counts)
    total: torch.Tensor = (logs * mask).sum(1)
    return total


if __name__ == "__main__":
    main()
