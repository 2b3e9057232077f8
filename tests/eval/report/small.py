"""A small measured run whose every figure and flag is known."""

from pathlib import Path

from eval.benchmarks.alpaca_eval import judging
from eval.benchmarks.answers.measure import described
from eval.benchmarks.head_to_head.measure import compared
from eval.benchmarks.measuring import with_holm
from eval.benchmarks.slices import measure as slices
from eval.data.alpaca_files import Annotated, Outputs
from eval.records import Annotation, MetricValue, Verdict, annotation_id, verdict_id
from eval.stats.intervals import Resampling
from srlm.judge.pairwise import outcome_of
from srlm.methods.base import run_folder
from srlm.records import Checkpoint, Demonstration, Judgement, Prompt, RankedSet, Response, RunManifest
from srlm.settings import ModelSettings, OasstData, Settings
from srlm.store import files
from srlm.store.folder import RunFolder

NAMES = ("M0", "SFT", "M1", "M2")
HOW = Resampling(resamples=200, confidence=0.95, seed=1)
# What the judge said of M2 against M1 with M2 first and with M1 first (1: M2 is better): a win, a loss, a verdict that
# flips with the order, one that cannot be read, then wins.
SAID = [(1.0, 1.0), (0.0, 0.0), (1.0, 0.0), (None, 1.0), *[(1.0, 1.0)] * 8]


def run(tmp_path: Path, name: str = "small", text: str = "is the sky blue", **settings: object) -> RunFolder:
    """Twelve prompts in two categories; SFT, M1 and M2 answer them, and M2 writes twice as much as M1."""
    folder = run_folder(
        Settings(
            name=name,
            runs=str(tmp_path / "runs"),
            model=ModelSettings(base="scratch"),
            data=OasstData(path="trees.jsonl"),
            **settings,
        )
    )
    prompts = [
        Prompt.of(f"question {n}: {text}" + "?" * n, "oasst", ("colour", "shape")[n % 2]) for n in range(len(SAID))
    ]
    files.write(folder.step("data") / "evaluation_prompts.jsonl", prompts)
    files.write(folder.step("data") / "ift.jsonl", [Demonstration.of("ift", p.text, "yes", p.id) for p in prompts[:3]])
    metrics: list[MetricValue] = []
    answers = {}
    for step in NAMES:
        finish(folder, step)
        files.write_json(folder.step(step) / "training.json", [{"step": n, "loss": 1 / n} for n in (1, 2, 4)])
        if step != "M0":
            length = 2 if step == "M2" else 1
            answers[step] = [
                Response.of(p.id, f"{step} says so to {n}. " * length, step, 0, "stop") for n, p in enumerate(prompts)
            ]
            files.write(folder.step("evaluation") / step / "responses.jsonl", answers[step])
            metrics += described(step, answers[step], HOW)
    for later, earlier in (("M1", "SFT"), ("M2", "M1")):
        said = [
            _verdict(later, earlier, a, b, *(opinions if later == "M2" else (0.5, 0.5)))
            for a, b, opinions in zip(answers[later], answers[earlier], SAID, strict=True)
        ]
        files.write(folder.step("evaluation") / "verdicts" / f"{later}-vs-{earlier}.jsonl", said)
        metrics += with_holm(compared(later, earlier, said, HOW), HOW)
        metrics += slices.compared(later, earlier, prompts, said, HOW)
    _judged(folder, prompts, answers["M1"])
    files.write_json(folder.step("evaluation") / "metrics.json", [m.model_dump(mode="json") for m in metrics])
    files.write_json(folder.path / "settings.json", folder.settings.model_dump(mode="json"))
    return folder


def alpaca(
    folder: RunFolder,
    prompts: list[Prompt],
    outputs: dict[str, list[str]],
    said: dict[str, list[tuple[float | None, str]]],
) -> None:
    """AlpacaEval: `outputs` by model, and what judge `tiny` `said` of them with the reference shown first."""
    references = {prompt.id: f"The reference to {number}." for number, prompt in enumerate(prompts)}
    for model, texts in outputs.items():
        answers = [Response.of(p.id, text, model, 0, "length") for p, text in zip(prompts, texts, strict=True)]
        files.write(folder.step("evaluation") / model / "alpaca_eval.jsonl", answers[:1])
        single = [
            Annotation(
                id=annotation_id(prompt.id, text, references[prompt.id], "tiny", False), prompt_id=prompt.id,
                model=model, baseline="gpt4_1106_preview", judge="tiny", preference=preference,
                missing="parse" if preference is None else None, switched=False, raw=raw,
            )
            for prompt, text, (preference, raw) in zip(prompts, texts, said[model], strict=True)
        ]  # fmt: skip
        written = {prompt.id: text for prompt, text in zip(prompts, texts, strict=True)}
        found = judging.JudgedOutputs(Annotated(tuple(single), written, references, {}), single)
        outputs_of = Outputs(model, {answer.prompt_id: answer for answer in answers}, {})
        out = folder.step("evaluation") / "alpaca_eval"
        place = judging.write_annotated(out, "tiny", found, outputs_of, prompts, prompts, None).folder
        judging.write_figures(place, [])


def finish(folder: RunFolder, step: str) -> None:
    counts = {"eft: sets kept": 7} if step == "M1" else {}
    made = Checkpoint(name=step, parent=None, path=f"{step}/model", digest=step)
    folder.finish(
        RunManifest(
            step=step, settings_digest="0", seed=1, versions={"torch": "2.13.0"}, commit="0123abc",
            checkpoint=made, inputs={}, outputs={}, counts=dict(counts),
        )
    )  # fmt: skip


def _verdict(later: str, earlier: str, a: Response, b: Response, ab: float | None, ba: float | None) -> Verdict:
    return Verdict(
        id=verdict_id(a.id, b.id, "judge"), prompt_id=a.prompt_id, model_a=later, model_b=earlier, response_a_id=a.id,
        response_b_id=b.id, judge="judge", preference_ab=ab, preference_ba=ba, outcome=outcome_of(ab, ba),
        raw_ab=f"[[{ab}]]", raw_ba=f"[[{ba}]]",
    )  # fmt: skip


def _judged(folder: RunFolder, prompts: list[Prompt], answers: list[Response]) -> None:
    """M1 reads two answers that people ranked, and its own; two judgements of the sixth of these are 3 points apart."""
    both = tuple(Response.of(prompts[0].id, word, "human", draw) for draw, word in enumerate(("good", "bad")))
    files.write(folder.step("data") / "heldout_sets.jsonl", [RankedSet.of(prompts[0], both, (0, 1))])
    place = folder.step("evaluation") / "M1"
    read = [
        Judgement.of(one.id, "M1", 0, f"score : {score}", score) for one, score in zip(both, (5.0, 2.0), strict=True)
    ]
    files.write(place / "judgements.jsonl", read)
    files.write(place / "own_responses.jsonl", answers)
    own = [
        Judgement.of(one.id, "M1", draw, f"judgement {draw}", 1.0 + draw * (3.0 if number == 5 else 0.0))
        for number, one in enumerate(answers)
        for draw in (0, 1)
    ]
    files.write(place / "own_judgements.jsonl", own)
