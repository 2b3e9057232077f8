"""Examples longer than the model's own context: left out of every training, counted, and told; never read.

The models are GPT-2s, which have no position behind their last one and fail there.
"""

from collections.abc import Mapping
from pathlib import Path

import pytest

from srlm.errors import DataError
from srlm.judge.pair_sampling import ShownPair
from srlm.methods import start
from srlm.methods.run import Run
from srlm.methods.stages import EFT, preference_step
from srlm.methods.stages_online import reward_model_step
from srlm.methods.weak_to_strong import choice_step, teachers_labels
from srlm.records import Count, Demonstration, PreferencePair, Prompt, Response, Step
from srlm.run_file import load
from srlm.selection import Paired
from srlm.settings import ModelSettings
from srlm.store import files
from srlm.text.chat import Tokens
from srlm.training.confidence import ConfidenceSettings
from srlm.training.drift import Drift, Drifting
from tests.srlm.training import families

CONTEXT = 24
"""Tokens. Of the 40 IFT examples of the tiny run, 28 have at most as many."""
TEMPLATE = Path(__file__).resolve().parents[3] / "configs/methods/beads_pair_letter.txt"
SETTINGS = (
    *(
        "pretraining=null",
        "eft.writer=sft",
        "judge.monitor_sets=0",
        "candidates.sampling.max_new_tokens=4",
        "method=weak_to_strong",
    ),
    f"method.template={TEMPLATE}",
    *("sft.max_steps=2", "dpo.max_steps=1", "reward_model.max_steps=1", "dpo.eft_replay=0"),
    *("reward_model.batch_size=2", "reward_model.micro_batch_size=2", "dpo.batch_size=2"),
)


@pytest.fixture(scope="module")
def run(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run whose M0 reads 24 tokens, up to the SFT baseline; every max_length is 2048, the default."""
    where = tmp_path_factory.mktemp("short context")
    families.make("gpt2", where / "gpt2", n_positions=CONTEXT)
    made = Run(load(tiny, [f"runs={where}", f"model.base={where}/gpt2", *SETTINGS]))
    for step in (start.DATA, start.BASE, start.BASELINE):
        start.make(made, step)
    return made


def counts(run: Run, step: str) -> Mapping[str, Count]:
    found = run.folder.manifest(step)
    assert found is not None
    return found.counts


def said(run: Run, step: str) -> list[str]:
    """What the log says of contexts in a step."""
    lines = (run.folder.path / "log.txt").read_text(encoding="utf-8").splitlines()
    return [line.partition(" ")[2] for line in lines if f" {step}: " in line and "context" in line]


def pair(words: int) -> PreferencePair:
    """Two answers to a prompt; the better one has so many words."""
    prompt = Prompt.of("a gold b red c blue copy", "beads")
    better, worse = (Response.of(prompt.id, " ".join(["gold"] * number), "M1", number) for number in (words, 2))
    return PreferencePair.of(prompt, better, worse, 1, 0)


def long_pair() -> ShownPair:
    """A pair whose first answer is as long as the context."""
    prompt = Prompt.of("a gold b red copy", "beads")
    first, second = (Response.of(prompt.id, text, "M1", draw) for draw, text in enumerate(("gold " * CONTEXT, "red")))
    return ShownPair(prompt=prompt, first=first, second=second)


PAIRS = [pair(4), pair(6), pair(60)]


def test_supervised_fine_tuning_leaves_out_what_is_longer_than_the_context(run: Run) -> None:
    assert counts(run, "SFT")["sft: examples too long"] == 12
    assert said(run, "SFT") == [
        "SFT: sft.max_length (2048) is more than the model's context: examples of more than 24 tokens are left out"
    ]


def test_held_out_pairs_longer_than_the_context_measure_no_movement(run: Run) -> None:
    found = counts(run, "SFT")["movement: held-out pairs"]
    assert isinstance(found, int)
    assert 0 < found < 6  # of the six held-out sets


def test_dpo_leaves_out_a_pair_longer_than_the_context(run: Run) -> None:
    step, data = Step(name="D", parent="SFT", role="intermediate", number=2), start.seed_data(run)
    preference_step(run, step, run.model(start.BASELINE), Paired(PAIRS, {}), data)
    assert (counts(run, "D")["dpo: pairs"], counts(run, "D")["dpo: pairs left out"]) == (2, 1)
    assert said(run, "D") == [
        "D: dpo.max_length (2048) is more than the model's context: examples of more than 24 tokens are left out"
    ]


def test_a_replay_without_an_example_is_warned_of(run: Run) -> None:
    """Once for want of EFT examples, and once for want of one that fits."""
    data, replaying = start.seed_data(run), run.settings.dpo.model_copy(update={"eft_replay": 0.3})
    for name in ("E", "F"):
        step = Step(name=name, parent="SFT", role="intermediate", number=2)
        preference_step(run, step, run.model(start.BASELINE), Paired(PAIRS, {}), data, replaying)
        files.write(run.path("M1", EFT), [Demonstration.of("eft", "gold " * 24, "red", "none")])
    warning = "warning: dpo.eft_replay 0.3 replays no EFT example, so it has no effect: "
    log = (run.folder.path / "log.txt").read_text(encoding="utf-8")
    assert f"E: {warning}the run has none\n" in log
    assert f"F: {warning}all 1 EFT example exceeds the model's context of 24 tokens (dpo.max_length is 2048)\n" in log


def test_a_reward_model_leaves_out_a_pair_longer_than_the_context(run: Run) -> None:
    reward_model_step(run, Step(name="R", parent="SFT", role="intermediate", number=2), PAIRS)
    found = counts(run, "R")
    assert (found["reward model: pairs"], found["reward model: pairs left out"]) == (2, 1)
    assert said(run, "R") == [
        "R: reward_model.max_length (2048) is more than the model's context: examples of more than 24 tokens are left "
        "out"
    ]


def test_where_nothing_fits_the_context_the_message_names_it(run: Run) -> None:
    data, model = start.seed_data(run), run.model(start.BASELINE)
    step = Step(name="N", parent="SFT", role="intermediate", number=2)
    limit = r"the model's context of 24 tokens \({}\.max_length is 2048\)"
    with pytest.raises(DataError, match="^N: none of 1 pair fits " + limit.format("dpo")):
        preference_step(run, step, model, Paired(PAIRS[2:], {}), data)
    with pytest.raises(DataError, match="^N: none of 1 pair can be trained on: .* fit " + limit.format("reward_model")):
        reward_model_step(run, step, PAIRS[2:])
    shown = long_pair()
    with pytest.raises(DataError, match="^N: none of 1 labelled pair fits " + limit.format("sft")):
        choice_step(run, step, [(shown, 1.0)], {}, ConfidenceSettings())


def test_judgements_without_room_are_blamed_on_the_context(run: Run) -> None:
    with pytest.raises(
        DataError, match=r"What may help: take a shorter judge\.template, or a model with a longer "
    ) as no:
        start.evaluation_examples(run, start.FIRST, start.seed_data(run))
    assert "(26 of 48 judgements had no room in it)" in str(no.value)


def test_a_teacher_without_any_verdict_is_named_with_the_reasons(run: Run) -> None:
    step, teacher = Step(name="T", parent="SFT", role="intermediate", number=2), run.model(start.BASELINE)
    with pytest.raises(
        DataError, match=r"^T: SFT gave no verdict on any of 2 pairs \(no room 2\), so there are no labels"
    ):
        teachers_labels(run, step, teacher, [(long_pair(), True), (long_pair().turned, False)])


def test_an_answer_longer_than_the_context_has_no_drift(run: Run) -> None:
    """Words read back may be more tokens than a model wrote."""
    folder = run.folder.model_path(run.model(start.BASELINE))
    models = Drifting(folder, folder, ModelSettings(base=str(folder)))
    answers = [Tokens([2] * 20, [5] * number) for number in (4, 5, 0)]
    assert list(models.of(answers)) == [Drift(4, 0.0, 0.0), Drift(5, None, None), Drift(0, 0.0, 0.0)]
