"""Every method at its smallest, from the M1 of the tiny run: what tests of all methods set, and how far they train."""

from pathlib import Path
from typing import NamedTuple

from srlm.run_file import load
from srlm.settings import Settings

CHECKOUT = Path(__file__).resolve().parents[3]
TINY = CHECKOUT / "tests/tiny.yaml"
LETTERS = CHECKOUT / "configs/methods/beads_pair_letter.txt"
META = "form: letter\nlabels: a e\n---\nreview : {prompt} response : {response} a : {first} b : {second} yes\n"
PROPOSITIONS = """
question: "review : {prompt} response : {response} {question}"
propositions: [{name: correct, question: correct}, {name: clean, question: clean}]
"""
SMALL = (
    *("name=small", "model.date=2026-02-03", "prompts.count=8", "candidates.count=2", "judge.draws=1"),
    *("judge.monitor_sets=0", "engine.batch_size=2", "dpo.max_steps=1", "dpo.save_steps=1", "sft.max_steps=2"),
    *(
        "sft.batch_size=4",
        "sft.micro_batch_size=2",
        "sft.save_steps=1",
        "online.batch_size=8",
        "online.micro_batch_size=2",
    ),
    *("online.learning_rate=1e-3", "online.save_steps=1", "reward_model.batch_size=4"),
    *("reward_model.micro_batch_size=2", "reward_model.max_steps=1", "reward_model.save_steps=1"),
)
"""A block is 8 sequences: stages have several. Two processes can share each step, and no training comes to the end of
its examples, where they would begin again at other ones."""


class Small(NamedTuple):
    """A method at its smallest."""

    settings: tuple[str, ...] = ()
    """Its own, as overrides."""
    last: int = 2
    """The t of the M_t to which all that the method does has happened once."""
    files: tuple[tuple[str, str, str], ...] = ()
    """A setting that names a file, the file's name, and what is in it."""
    copied: tuple[str, ...] = ("data", "M0", "SFT", "M1")
    """Steps that it has from the tiny run."""


RUNS = {
    "self_rewarding": Small(),
    "positive_sft": Small(("method.min_reward=0",)),
    "meta_rewarding": Small(
        ("method.ties=ends", "judge.draws=3", "judge.sampling.max_new_tokens=48"),
        files=(("method.template", "letters.txt", META),),
    ),
    "self_rewarding_rl": Small(),
    "rlhf": Small(),
    "constitutional": Small(
        (
            *("method.principles=beads", "method.critique_tokens=24", "method.reasons=true"),
            *("method.reason_tokens=8", "candidates.sampling.max_new_tokens=12", "prompts.count=24"),
            *("sft.max_steps=10", "sft.batch_size=8"),  # less, and M2 chooses nothing
        ),
        last=3,  # M2 by revisions, M3 by choices
    ),
    "self_taught_evaluator": Small(
        (
            *("method.changed_by=world", f"method.template={LETTERS}", "method.complete=true"),
            *("method.draws=2", "method.heldout_pairs=4"),
        )
    ),
    "autorater": Small(
        ("method.sets={beads: run}", f"method.template={LETTERS}", "method.examples=16", "method.heldout_pairs=4")
    ),
    "weak_to_strong": Small(
        (
            *(f"method.template={LETTERS}", "method.heldout_pairs=4"),
            "method.weak.scratch={width: 16, layers: 1, heads: 2, feed_forward: 32, max_positions: 128}",
        ),
        last=1,
        copied=("data", "M0", "SFT"),
    ),
    "spin": Small(("method.learning_rates=[1e-3]", "method.prompts=8")),
    "cream": Small(),
    "temporal": Small(),
    "length_regularised": Small(("method.alpha=0.3",)),
    "rest": Small(("method.thresholds=[0]", "method.replay=seeds")),
    "rule_based_rewards": Small(
        ("method.penalty=0", "method.sets=6"), files=(("method.propositions", "propositions.yaml", PROPOSITIONS),)
    ),
}


def overrides(method: str, folder: Path, *more: str) -> list[str]:
    """The overrides of the tiny run's file by which a method is run below `folder`, where its files are written."""
    own = RUNS[method]
    for _, name, text in own.files:
        (folder / name).write_text(text)
    named = [f"{setting}={folder / name}" for setting, name, _ in own.files]
    return [*SMALL, f"method.name={method}", *own.settings, *named, f"runs={folder / 'runs'}", *more]


def small(method: str, folder: Path, *more: str) -> Settings:
    """The settings of such a run."""
    return load(TINY, overrides(method, folder, *more))
