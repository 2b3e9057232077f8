"""The loop in the small: what each step makes, what its manifest says, and what other rewards and selections change."""

import gc
import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer, LlamaConfig, LlamaForSequenceClassification, PreTrainedModel
from trl import is_conversational

from srlm.engines.base import Engine, Request
from srlm.errors import CollapseError, DataError, StoreError
from srlm.methods.run import Run
from srlm.methods.train import train
from srlm.records import AnswerReward, Checkpoint, Demonstration, Judgement, PreferencePair, Prompt, Response, user
from srlm.run_file import load
from srlm.settings import Settings
from srlm.store import files

TINY = Path(__file__).resolve().parents[2] / "tiny.yaml"


def settings(runs: Path, *overrides: str) -> Settings:
    return load(TINY, [f"runs={runs}", *overrides])


@pytest.fixture(scope="module")
def finished(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was trained to M2."""
    runs = tmp_path_factory.mktemp("runs")
    shutil.copytree(trained / "runs/tiny", runs / "tiny")
    return runs / "tiny"


@pytest.fixture
def from_m1(finished: Path, tmp_path: Path) -> Path:
    """The same run up to M1, as a place to go on from in another way."""
    for step in ("data", "M0", "SFT", "M1"):
        shutil.copytree(finished / step, tmp_path / "tiny" / step)
    return tmp_path


def pairs_of(run: Path, step: str = "M2") -> list[PreferencePair]:
    return files.read(run / step / "pairs.jsonl", PreferencePair)


def test_a_manifest_names_every_file_with_its_digest_and_number_of_records(finished: Path) -> None:
    for step, expected in (
        ("data", {"ift.jsonl": 40, "eft_sets.jsonl": 12, "heldout_sets.jsonl": 6, "evaluation_prompts.jsonl": 8}),
        ("M1", {"eft_judgements.jsonl": 48}),  # 12 sets of 4 answers
        ("M2", {"prompts.jsonl": 24, "responses.jsonl": 48, "judgements.jsonl": 96}),  # 2 answers, 2 judgements of each
    ):
        outputs = json.loads((finished / step / "manifest.json").read_text())["outputs"]
        for name, records in expected.items():
            assert outputs[name]["records"] == records
        for name, fact in outputs.items():
            assert fact["sha256"] == hashlib.sha256((finished / step / name).read_bytes()).hexdigest()


def test_the_reference_is_the_model_that_training_starts_from(finished: Path) -> None:
    """The reward is beta log(policy / reference): 0 for every answer before the first step (Rafailov et al. 2023)."""
    first, *_, last = json.loads((finished / "M2/training.json").read_text())
    assert (first["step"], first["rewards/chosen"], first["rewards/rejected"]) == (1, 0, 0)
    assert last["rewards/chosen"] != 0


def test_candidates_are_the_whole_words_of_the_model_before(finished: Path) -> None:
    run = Run(settings(finished.parent))
    wanted, block = run.settings.candidates, run.block(run.settings.candidates.count)
    prompts = files.read(finished / "M2/prompts.jsonl", Prompt)[:block]
    m1 = run.folder.checkpoint("M1")
    assert m1 is not None
    with run.engine(m1) as engine:
        requests = [Request(messages=user(prompt.text), draws=wanted.count) for prompt in prompts]
        written = engine.generate(requests, wanted.sampling, run.seed("M2", "candidates", 0))
    kept = files.read(finished / "M2/responses.jsonl", Response)[: len(prompts) * wanted.count]
    assert [r.text for r in kept] == [completion.text for drawn in written for completion in drawn]
    assert max(len(r.text.split()) for r in kept) > 5


def test_every_model_names_its_parent_and_the_weights_it_came_from(finished: Path) -> None:
    manifests = {
        step: json.loads((finished / step / "manifest.json").read_text()) for step in ("M0", "SFT", "M1", "M2")
    }
    made = {step: Checkpoint.model_validate(manifest["checkpoint"]) for step, manifest in manifests.items()}
    assert [made[step].parent for step in made] == [None, "M0", "M0", "M1"]
    assert manifests["M2"]["inputs"] == {"M1 weights": {"sha256": made["M1"].digest, "records": None}}
    assert len({model.digest for model in made.values()}) == 4


def test_every_pair_is_of_the_best_and_the_worst_answer_to_its_prompt(finished: Path) -> None:
    answers = {r.id: r for r in files.read(finished / "M2/responses.jsonl", Response)}
    scores: dict[str, list[float]] = {}
    for judgement in files.read(finished / "M2/judgements.jsonl", Judgement):
        assert judgement.judge == "M1"
        if judgement.score is not None:
            scores.setdefault(judgement.response_id, []).append(judgement.score)
    made = pairs_of(finished)
    assert made
    for pair in made:
        mine = [id for id, answer in answers.items() if answer.prompt_id == pair.prompt_id]
        means = {id: sum(scores[id]) / len(scores[id]) for id in mine}
        assert means[pair.chosen_id] == max(means.values()) == pair.chosen_score
        assert means[pair.rejected_id] == min(means.values()) == pair.rejected_score


def test_a_pair_carries_the_conversation_and_both_answers_in_trl_s_form(finished: Path) -> None:
    answers = {r.id: r for r in files.read(finished / "M2/responses.jsonl", Response)}
    asked = {p.id: p.text for p in files.read(finished / "M2/prompts.jsonl", Prompt)}
    for line in (finished / "M2/pairs.jsonl").read_text().splitlines():
        row = json.loads(line)
        assert is_conversational(row)
        assert row["prompt"] == [{"role": "user", "content": asked[row["prompt_id"]]}]
        for side in ("chosen", "rejected"):
            answer = answers[row[f"{side}_id"]]
            assert row[side] == [{"role": "assistant", "content": answer.text}]
            assert (row[f"{side}_finish"], row[f"{side}_thought"]) == (answer.finish, None)


def test_a_finished_run_is_not_made_again(finished: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.glob("M*/**/*") if path.is_file()}
    assert train(Run(settings(finished.parent)), 2).name == "M2"
    assert {path: path.stat().st_mtime_ns for path in finished.glob("M*/**/*") if path.is_file()} == before


def test_flipped_pairs_choose_the_worst_and_train_another_model(finished: Path, from_m1: Path) -> None:
    train(Run(settings(from_m1, "selection.flip=true")), 2)
    straight = {pair.prompt_id: (pair.chosen_id, pair.rejected_id) for pair in pairs_of(finished)}
    flipped = {pair.prompt_id: (pair.rejected_id, pair.chosen_id) for pair in pairs_of(from_m1 / "tiny")}
    assert flipped == straight
    assert all(pair.margin < 0 for pair in pairs_of(from_m1 / "tiny"))
    assert (from_m1 / "tiny/M2/model/model.safetensors").read_bytes() != (
        finished / "M2/model/model.safetensors"
    ).read_bytes()


def test_random_scores_ask_no_judge(from_m1: Path) -> None:
    train(Run(settings(from_m1, "reward.kind=random")), 2)
    assert files.read(from_m1 / "tiny/M2/judgements.jsonl", Judgement) == []
    assert all(pair.chosen_score in range(6) for pair in pairs_of(from_m1 / "tiny"))
    drawn = {one.response_id: one.reward for one in files.read(from_m1 / "tiny/M2/rewards.jsonl", AnswerReward)}
    assert all(drawn[pair.chosen_id] == pair.chosen_score for pair in pairs_of(from_m1 / "tiny"))


def test_rules_and_length_control_train_in_the_place_of_the_judge(from_m1: Path) -> None:
    wanted = ("reward={kind: rules, per_character: 1}", "selection.kind=length_controlled", "selection.band=0")
    train(Run(settings(from_m1, *wanted)), 2)
    assert files.read(from_m1 / "tiny/M2/judgements.jsonl", Judgement) == []
    made = pairs_of(from_m1 / "tiny")
    assert made
    for pair in made:
        assert pair.chosen_score == len(pair.chosen[0].content) > len(pair.rejected[0].content) == pair.rejected_score


def test_a_reward_model_trains_in_the_place_of_the_judge_and_is_an_input_of_the_run(
    finished: Path, from_m1: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    words = AutoTokenizer.from_pretrained(finished / "M1/model")
    shape = LlamaConfig(
        vocab_size=len(words), hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=64, num_labels=1, pad_token_id=None, initializer_range=0.5,
    )  # fmt: skip
    torch.manual_seed(1)
    model = tmp_path_factory.mktemp("reward") / "model"
    LlamaForSequenceClassification(shape).save_pretrained(model)
    words.save_pretrained(model)
    wanted = (f"reward={{kind: model, path: '{model}', batch_size: 5}}",)
    train(Run(settings(from_m1, *wanted)), 2)
    rows = files.read(from_m1 / "tiny/M2/rewards.jsonl", AnswerReward)
    assert [row.response_id for row in rows] == [
        answer.id for answer in files.read(from_m1 / "tiny/M2/responses.jsonl", Response)
    ]
    reward = {row.response_id: row.reward for row in rows}
    for pair in pairs_of(from_m1 / "tiny"):
        assert (pair.chosen_score, pair.rejected_score) == (reward[pair.chosen_id], reward[pair.rejected_id])
    counts = json.loads((from_m1 / "tiny/M2/manifest.json").read_text())["counts"]
    assert (counts["responses scored"], counts["responses without reward"]) == (48, 0)
    assert "judgements" not in counts
    LlamaForSequenceClassification(shape).save_pretrained(model)  # other weights
    with pytest.raises(StoreError, match=r"reward\.path .*: model\.safetensors has changed"):
        train(Run(settings(from_m1, *wanted)), 3)


def test_no_pair_at_all_is_an_error_that_says_so(from_m1: Path) -> None:
    # Two tokens are never an answer: the exact program gives 0 to all.
    wanted = ("reward.kind=world", "candidates.sampling.max_new_tokens=2")
    with pytest.raises(DataError, match="M2: none of 24 prompts gave a pair"):
        train(Run(settings(from_m1, *wanted)), 2)


def test_positive_sft_fine_tunes_m0_on_seed_data_and_answers_scored_five(from_m1: Path) -> None:
    model = train(Run(settings(from_m1, "method=positive_sft")), 2)
    assert model.parent == "M0"
    counts = json.loads((from_m1 / "tiny/M2/manifest.json").read_text())["counts"]
    eft = len(files.read(from_m1 / "tiny/M1/eft.jsonl", Demonstration))
    assert counts["sft: eft examples"] == eft
    assert counts["sft: ift examples"] == 40 + counts["positive examples"]


def test_without_eft_there_is_none_and_its_judge_writes_no_scores(finished: Path, tmp_path: Path) -> None:
    for step in ("data", "M0", "SFT"):
        shutil.copytree(finished / step, tmp_path / "tiny" / step)
    with pytest.raises(CollapseError, match="M2: the judge collapsed: none of its judgements has a score"):
        wanted = ("eft.writer=off", "judge.complete=false", "judge.on_collapse=stop", "judge.monitor_sets=0")
        train(Run(settings(tmp_path, *wanted)), 2)
    assert not (tmp_path / "tiny/M1/eft.jsonl").exists()
    assert not (tmp_path / "tiny/M2/pairs.jsonl").exists()


def test_candidates_that_are_all_cut_stop_the_run_before_the_judge_is_asked(from_m1: Path) -> None:
    wanted = ("prompts.count=210", "candidates.sampling.max_new_tokens=2", "candidates.min_ended=0.1")
    with pytest.raises(CollapseError, match=r"M2: candidates: stopped early: \d+ of the first 400 answers"):
        train(Run(settings(from_m1, *wanted)), 2)
    assert not (from_m1 / "tiny/M2/judgements.jsonl.part").exists()
    log = (from_m1 / "tiny/log.txt").read_text()
    assert "M2: candidates: interrupted after" in log


def test_judgements_without_a_score_stop_the_run_before_all_are_made(finished: Path, tmp_path: Path) -> None:
    for step in ("data", "M0", "SFT"):
        shutil.copytree(finished / step, tmp_path / "tiny" / step)
    wanted = ("eft.writer=off", "judge.complete=false", "judge.on_collapse=stop", "judge.monitor_sets=0")
    with pytest.raises(
        CollapseError, match=r"M2: judgements: stopped early: 0 of the first 400 judgements have a score"
    ):
        train(Run(settings(tmp_path, *wanted, "prompts.count=110")), 2)
    assert (tmp_path / "tiny/M2/judgements.jsonl.part").exists()


def test_eft_judgements_without_a_score_stop_the_run_before_all_are_made(finished: Path, tmp_path: Path) -> None:
    wanted = ("data.eft_sets=110", "eft.writer=sft", "judge.complete=false", "judge.on_collapse=stop")
    with pytest.raises(
        CollapseError, match="M1: EFT judgements by the SFT baseline: stopped early: 0 of the first 400"
    ):
        train(Run(settings(tmp_path, *wanted)), 1)


def test_a_model_that_cannot_judge_stops_the_run_as_soon_as_it_is_trained(finished: Path, tmp_path: Path) -> None:
    for step in ("data", "M0", "SFT"):
        shutil.copytree(finished / step, tmp_path / "tiny" / step)
    wanted = ("eft.writer=off", "judge.complete=false", "judge.monitor_sets=2")
    with pytest.raises(CollapseError, match="M1, on held-out answers: the judge collapsed: none of its judgements"):
        train(Run(settings(tmp_path, *wanted, "judge.on_collapse=stop")), 1)
    assert not (tmp_path / "tiny/M1/manifest.json").exists()
    train(Run(settings(tmp_path, *wanted, "judge.on_collapse=continue")), 1)
    counts = json.loads((tmp_path / "tiny/M1/manifest.json").read_text())["counts"]
    assert counts["held-out: warning"] == "none of its judgements has a score"
    assert (counts["held-out: judgements"], counts["held-out: pairwise accuracy"]) == (2 * 4, None)


def test_the_manifest_says_how_a_new_model_judges_held_out_answers(finished: Path) -> None:
    for name in ("M1", "M2"):
        counts = json.loads((finished / name / "manifest.json").read_text())["counts"]
        assert counts["held-out: judgements"] == len(files.read(finished / name / "monitor.jsonl", Judgement)) == 4 * 4
        assert counts["held-out: score entropy"] >= 0
    assert "held-out: judgements" not in json.loads((finished / "SFT" / "manifest.json").read_text())["counts"]


def test_early_stopping_asks_a_judge_and_keeps_the_answers_it_compared(from_m1: Path) -> None:
    wanted = ("dpo.early_stop=pairwise", "data.validation_prompts=4")
    shutil.rmtree(from_m1 / "tiny")  # validation prompts are seed data: the run is made anew
    train(Run(settings(from_m1, *wanted)), 2)
    kept = sorted(path.name for path in (from_m1 / "tiny/M2/validation").iterdir())
    assert kept[:2] == ["validation-000000.jsonl", "validation-000002.jsonl"]
    assert len(files.read(from_m1 / "tiny/M2/validation/validation-000000.jsonl", Response)) == 4


def models_in_memory() -> int:
    """Garbage that was not collected counts: it holds its weights."""
    return sum(issubclass(type(one), PreTrainedModel) for one in gc.get_objects())


class CountsModels(Run):
    """A run that counts the models in memory whenever it is about to open an engine."""

    found: list[int]

    @contextmanager
    def engine(self, checkpoint: Checkpoint) -> Iterator[Engine]:
        self.found.append(models_in_memory())
        with super().engine(checkpoint) as engine:
            yield engine


def test_what_training_had_in_memory_is_free_before_an_engine_is_opened(tmp_path: Path) -> None:
    gc.collect()
    before = models_in_memory()
    run = CountsModels(settings(tmp_path))
    run.found = []
    train(run, 2)
    assert run.found == [before] * 3  # for M1's held-out judgements, what M2 is made from, and M2's own


def test_every_model_says_how_far_its_training_moved_it(finished: Path) -> None:
    for step in ("SFT", "M1", "M2"):
        counts = json.loads((finished / step / "manifest.json").read_text())["counts"]
        assert counts["movement: share of weights changed"] > 0.9
        assert counts["movement: held-out pairs"] == 6
        assert counts["movement: log-ratio margin"] != 0
        assert "movement: warning" not in counts


def test_a_training_that_changed_nothing_is_a_warning_in_manifest_and_log(from_m1: Path) -> None:
    """A step of 1e-30 is less than float32 can tell of any weight."""
    train(Run(settings(from_m1, "dpo.learning_rate=1e-30", "dpo.final_learning_rate=0")), 2)
    counts = json.loads((from_m1 / "tiny/M2/manifest.json").read_text())["counts"]
    assert counts["movement: share of weights changed"] == 0
    assert counts["movement: warning"].startswith(
        "the training of M2 did not change any weight: raise the learning rate"
    )
    assert "M2: warning: the training of M2 did not change any weight" in (from_m1 / "tiny/log.txt").read_text()


def test_a_run_in_bfloat16_with_adapters_hands_on_float32_and_generates_in_bfloat16(tmp_path: Path) -> None:
    lora = [f"{part}.lora.rank=2" for part in ("sft", "dpo")]
    train(Run(settings(tmp_path, "model.dtype=bfloat16", *lora)), 2)
    for step in ("M0", "SFT", "M1", "M2"):
        folder = tmp_path / "tiny" / step / "model"
        assert {weight.dtype for weight in load_file(folder / "model.safetensors").values()} == {torch.float32}
        assert json.loads((folder / "config.json").read_text())["dtype"] == "bfloat16"
        assert [path.name for path in folder.iterdir() if "adapter" in path.name] == []
    counts = json.loads((tmp_path / "tiny/M2/manifest.json").read_text())["counts"]
    assert counts["movement: share of weights changed"] > counts["movement: share of weights changed, in bfloat16"] > 0
    assert counts["movement: log-ratio margin, in bfloat16"] != counts["movement: log-ratio margin"]
