"""A tiny run measured from end to end with scripted models: figures, resuming, the page, the command line."""

import datetime
import json
import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from eval.benchmarks.base import OpenEngine
from eval.benchmarks.head_to_head import measure as head_to_head
from eval.benchmarks.table import WORDS, chosen
from eval.cli import app, main
from eval.data import published
from eval.figures.words import p_value
from eval.metrics import read as read_metrics
from eval.records import MetricValue, Verdict
from eval.report import page
from eval.run import measure, opened
from eval.stats.intervals import Resampling
from srlm.engines.base import Engine, Request
from srlm.engines.scripted import ScriptedEngine
from srlm.errors import EngineError, RecordError, SettingsError, StoreError
from srlm.methods.base import run_folder
from srlm.records import Checkpoint, Prompt, RankedSet, Response, RunManifest
from srlm.settings import EvaluationSettings, JudgeSettings, ModelSettings, OasstData, Settings, Training
from srlm.store import files
from srlm.store.folder import RunFolder
from srlm.worlds.beads.program import review
from srlm.worlds.beads.settings import BeadsData

WORLD = (
    "a gold b black c brown copy",
    "a red b blue c gold reverse",
    "a pink b green c white mate",
    "a red b red c blue turn",
)
RIGHT = dict(
    zip(
        WORLD,
        ("1 gold 2 black 3 brown .", "1 gold 2 blue 3 red .", "1 blue 2 red 3 black .", "1 red 2 blue 3 red ."),
        strict=True,
    )
)
STRAY = "hope this helps"
HOSTILE = (
    "<script>alert('x')</script>",
    "</script></style></textarea><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)" style=\'x\' &lt;b&gt; {{ 4321*8 }} {% raw %}',
    "\u202eevil\x07\x1b[31m <svg/onload=alert(1)> " + "long " * 200,
)


def beads(tmp_path: Path, **evaluation: Any) -> Settings:
    return Settings(
        name="tiny",
        runs=str(tmp_path / "runs"),
        model=ModelSettings(base="scratch"),
        pretraining=Training(),
        data=BeadsData(),
        judge=JudgeSettings(template="beads"),
        evaluation=EvaluationSettings(bootstrap=200, judge_draws=2, **evaluation),
    )


def made(settings: Settings, prompts: tuple[str, ...], names: tuple[str, ...] = ("M0", "SFT", "M1", "M2")) -> RunFolder:
    """A run folder as the trainer leaves it."""
    folder = run_folder(settings)
    asked = [Prompt.of(text, "test", text.split()[-1]) for text in prompts]
    files.write(folder.step("data") / "evaluation_prompts.jsonl", asked)
    sets = [
        RankedSet.of(
            prompt, tuple(Response.of(prompt.id, text, "human", draw) for draw, text in enumerate("xyz")), (0, 1, 2)
        )
        for prompt in asked
    ]
    files.write(folder.step("data") / "heldout_sets.jsonl", sets)
    for step in ("data", *names):
        checkpoint = (
            None if step == "data" else Checkpoint(name=step, parent=None, path=f"{step}/model", digest=f"d{step}")
        )
        folder.finish(
            RunManifest(
                step=step,
                settings_digest=settings.digest,
                seed=1,
                versions={"torch": "2.13.0"},
                commit="0123abc",
                checkpoint=checkpoint,
                inputs={},
                outputs={},
                counts={"prompts": 1000, "ties": None, "scores": {"5": 12, "4": 0.25}} if step == "M2" else {},
            )
        )
    return folder


def opener(answer: Callable[[str, str], str], judge: Callable[[str, str], str]) -> OpenEngine:
    """Engines that answer `answer(model, prompt)` and judge `judge(model, response letter)`."""

    def open_engine(checkpoint: Checkpoint, plain: bool = False) -> Engine:
        def write(request: Request, seed: int) -> str:
            content = request.messages[0].content
            found = re.match(r"review : (.*) response : (.*)$", content)
            if found and found[1] in WORLD and found[2] not in "xyz":
                return own_judge(checkpoint.name, found[1], found[2])
            return judge(checkpoint.name, found[2]) if found else answer(checkpoint.name, content)

        return ScriptedEngine(write, checkpoint.name)

    return open_engine


def bead_answer(model: str, prompt: str) -> str:
    """SFT is never right, M1 on the first two prompts, M2 on the first three, M0 (with no user about) always."""
    return RIGHT[prompt] if WORLD.index(prompt) < {"M0": 4, "SFT": 0, "M1": 2, "M2": 3}[model] else STRAY


def own_judge(model: str, prompt: str, response: str) -> str:
    """Of answers to the prompts of the world M1 tells the truth, M2 says that all are perfect, SFT says nothing."""
    perfect = review(prompt, RIGHT[prompt])
    return {"SFT": "no idea", "M1": review(prompt, response), "M2": perfect}[model]


def bead_judge(model: str, letter: str) -> str:
    """SFT scores everything 5; M1 orders as people did; M2 says nothing of z."""
    scores = {"SFT": "555", "M1": "531", "M2": "53-"}[model]
    score = scores["xyz".index(letter)]
    return "no idea" if score == "-" else f"well \n score : {score}"


def refuse(checkpoint: Checkpoint, plain: bool = False) -> Engine:
    raise EngineError(f"{checkpoint.name} was asked again")


def by_key(metrics: list[MetricValue]) -> dict[tuple[str, str, str | None], MetricValue]:
    return {(m.metric, m.model, m.baseline): m for m in metrics}


HEAD_TO_HEAD = [one for one in chosen(["h2h"]) if one.name != "slices"]
AGREEMENT, BEADS, AUDIT = chosen(["agreement"]), chosen(["beads"]), chosen(["audit"])
ALL = [*HEAD_TO_HEAD, *AGREEMENT, *BEADS]


def test_the_figures_of_a_tiny_run_are_the_sums_they_should_be(tmp_path: Path) -> None:
    settings = beads(tmp_path)
    found = by_key(measure(settings, made(settings, WORLD), ALL, opener(bead_answer, bead_judge)))
    assert found["win", "M1", "SFT"].value == 2 / 4
    assert found["tie", "M1", "SFT"].value == 2 / 4
    assert found["lose", "M1", "SFT"].value == 0
    assert found["win_minus_lose", "M2", "SFT"].value == 3 / 4
    assert found["win_minus_lose", "M2", "SFT"].p == 2 * 0.5**3
    assert found["win_minus_lose", "M2", "SFT"].p_adjusted == 3 * 0.25  # three pairs, this one the smallest p
    assert [found["correct", name, None].value for name in ("SFT", "M1", "M2")] == [0, 2 / 4, 3 / 4]
    assert found["oracle_score", "M2", None].value == 5 * 3 / 4
    assert found["correct", "M2", "M1"].value == 1 / 4
    assert found["characters", "SFT", None].value == len(STRAY)
    assert found["cut", "SFT", None].value == 0
    assert {metric for metric, model, _ in found if model == "M0"} == {
        "greedy_correct",
        *(f"greedy_correct_{operation}" for operation in ("copy", "reverse", "skip", "turn", "mate")),
    }


def test_a_judge_that_takes_what_is_shown_first_may_still_lean_in_its_probabilities() -> None:
    said = [
        Verdict(
            id=f"v{i}", prompt_id=f"p{i}", model_a="M2", model_b="M1", response_a_id="a", response_b_id="b", judge="j",
            preference_ab=1.0, preference_ba=0.0, outcome="tie", probability_ab=ab, probability_ba=ba,
            raw_ab="", raw_ba="",
        )
        for i, (ab, ba) in enumerate([(0.9, 0.3), (0.8, 0.4), (0.9, None)])
    ]  # fmt: skip
    how = Resampling(resamples=100, confidence=0.95, seed=1)
    found = by_key(head_to_head.compared("M2", "M1", said, how))
    assert found["tie", "M2", "M1"].value == 1
    assert found["order_decided", "M2", "M1"].value == 1
    assert found["preference", "M2", "M1"].value == pytest.approx((0.6 + 0.6) / 2)
    assert (found["preference", "M2", "M1"].n, found["preference", "M2", "M1"].unscored) == (2, 1)


def test_the_verdicts_of_a_judge_are_held_against_the_exact_program(tmp_path: Path) -> None:
    settings = beads(tmp_path)
    found = by_key(measure(settings, made(settings, WORLD), BEADS, opener(bead_answer, bead_judge)))
    # M2's own answers are right on three prompts and stray on one; it calls all of them right: (3/3 + 0/1) / 2.
    assert [found["own_correct", name, None].value for name in ("SFT", "M1", "M2")] == [None, 1, 0.5]
    assert found["own_correct", "SFT", None].unscored == 4 * 4 * 2  # prompts, answers, judgements
    assert found["own_correct", "M2", None].n == 4 * 4 * 2
    assert found["own_correct", "M1", None].unit == "judgements"
    # Four draws of a scripted model are the same answer, so the exact program orders no pair of them.
    assert found["own_pairwise_accuracy", "M1", None].value is None
    assert found["own_pairwise_accuracy", "M1", None].note == "no pair could be compared"
    assert found["heldout_correct", "M1", None].unscored == 4 * 3 * 2  # its words on x, y and z hold no verdict


def test_greedy_answers_are_counted_by_operation_for_the_base_model_too(tmp_path: Path) -> None:
    settings = beads(tmp_path)
    found = by_key(measure(settings, made(settings, WORLD), BEADS, opener(bead_answer, bead_judge)))
    assert [found["greedy_correct", name, None].value for name in ("M0", "SFT", "M1", "M2")] == [1, 0, 2 / 4, 3 / 4]
    assert found["greedy_correct_turn", "M0", None].value == 1  # the fourth prompt, the only one that turns
    assert found["greedy_correct_turn", "M2", None].value == 0
    assert found["greedy_correct_skip", "M0", None].value is None
    assert found["greedy_correct_skip", "M0", None].note == "no prompt asks for it"


def test_the_judges_figures_count_ties_as_wrong_and_missing_scores_as_unscored(tmp_path: Path) -> None:
    settings = beads(tmp_path)
    found = by_key(measure(settings, made(settings, WORLD), AGREEMENT, opener(bead_answer, bead_judge)))
    assert found["pairwise_accuracy", "SFT", None].value == 0
    assert found["pairwise_accuracy_half", "SFT", None].value == 0.5
    assert found["five_best", "SFT", None].value == pytest.approx(1 / 3)
    assert (found["spearman", "SFT", None].value, found["spearman", "SFT", None].unscored) == (None, 4)
    assert found["spearman_undefined_as_0", "SFT", None].value == 0
    assert found["pairwise_accuracy", "M1", None].value == found["exact_match", "M1", None].value == 1
    assert found["kendall", "M1", None].value == pytest.approx(1)
    m2 = found["pairwise_accuracy", "M2", None]
    assert (m2.value, m2.n, m2.unscored, m2.unit) == (1, 4 * 1, 4 * 2, "pairs")
    assert found["unscored", "M2", None].value == pytest.approx(1 / 3)
    assert found["pairwise_accuracy", "M1", "SFT"].value == 1
    assert found["spearman", "M1", "SFT"].value is None


def test_measuring_again_asks_no_model_and_gives_the_same_bytes(tmp_path: Path) -> None:
    settings = beads(tmp_path)
    folder = made(settings, WORLD)
    measure(settings, folder, ALL, opener(bead_answer, bead_judge))
    path = folder.step("evaluation") / "metrics.json"
    before = path.read_bytes()
    measure(settings, folder, ALL, refuse)
    assert path.read_bytes() == before


def test_one_suite_leaves_the_figures_of_the_other_as_they_are(tmp_path: Path) -> None:
    settings = beads(tmp_path)
    folder = made(settings, WORLD)
    measure(settings, folder, ALL, opener(bead_answer, bead_judge))
    both = len(read_metrics(folder.step("evaluation") / "metrics.json"))
    assert len(measure(settings, folder, AGREEMENT, refuse)) == both


def test_answers_made_with_other_settings_are_not_taken_for_these(tmp_path: Path) -> None:
    settings = beads(tmp_path)
    folder = made(settings, WORLD)
    measure(settings, folder, HEAD_TO_HEAD, opener(bead_answer, bead_judge))
    other = settings.model_copy(update={"seed": 2})
    with pytest.raises(StoreError, match="seed: "):
        measure(other, run_folder(other), HEAD_TO_HEAD, refuse)


def test_a_checkpoint_that_was_edited_is_not_measured(trained: Path, tiny: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "runs", tmp_path / "runs")
    config = tmp_path / "runs/tiny/M2/model/tokenizer_config.json"
    config.write_text(config.read_text() + " ")
    with (
        pytest.raises(StoreError, match=r"M2/model/tokenizer_config\.json has changed since M2 was finished"),
        opened(tiny, [f"runs={tmp_path}/runs"]),
    ):
        pass


def test_the_run_is_measured_on_the_day_it_began(trained: Path, tiny: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "runs", tmp_path / "runs")
    record = tmp_path / "runs/tiny/inputs.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"date": "2026-02-03"}))
    (tmp_path / "runs/tiny/seals.json").unlink()  # as an older srlm leaves it
    with opened(tiny, [f"runs={tmp_path}/runs"]) as (settings, folder, _):
        assert settings.model.date == folder.settings.model.date == datetime.date(2026, 2, 3)


def test_another_world_than_that_of_the_beads_has_none_of_their_figures_and_asks_no_model(tmp_path: Path) -> None:
    settings = oasst(tmp_path, judge="checkpoint:SFT")
    folder = made(settings, ("one", "two"), ("SFT", "M1"))
    assert measure(settings, folder, BEADS, refuse) == []


def test_an_answer_file_of_unknown_origin_is_not_used(tmp_path: Path) -> None:
    settings = beads(tmp_path)
    folder = made(settings, WORLD)
    files.write(folder.step("evaluation") / "SFT" / "responses.jsonl", [])
    with pytest.raises(StoreError, match=r"exists without responses\.jsonl\.from\.json, which records its inputs"):
        measure(settings, folder, HEAD_TO_HEAD, refuse)


def test_a_stopped_measurement_goes_on_and_ends_as_one_that_never_stopped(tmp_path: Path) -> None:
    prompts = tuple(f"question {number}" for number in range(150))
    whole, stopped = (
        oasst(tmp_path / name, judge="checkpoint:M1").model_copy(update={"name": name}) for name in ("whole", "stopped")
    )
    folders = [made(settings, prompts, ("SFT", "M1")) for settings in (whole, stopped)]
    calls = 0

    def answer(model: str, prompt: str) -> str:
        return "A" if prompt.startswith("Two assistants") else f"{model} on {prompt}"

    def breaks(model: str, prompt: str) -> str:
        nonlocal calls
        calls += 1
        if calls == 100:
            raise KeyboardInterrupt
        return answer(model, prompt)

    with pytest.raises(KeyboardInterrupt):
        measure(stopped, folders[1], HEAD_TO_HEAD, opener(breaks, bead_judge))
    for settings, folder in zip((whole, stopped), folders, strict=True):
        measure(settings, folder, HEAD_TO_HEAD, opener(answer, bead_judge))
    for name in ("SFT/responses.jsonl", "verdicts/M1-vs-SFT.jsonl", "metrics.json"):
        first, second = (folder.step("evaluation") / name for folder in folders)
        assert first.read_bytes() == second.read_bytes(), name


def oasst(tmp_path: Path, **evaluation: Any) -> Settings:
    return Settings(
        name="hostile",
        runs=str(tmp_path / "runs"),
        model=ModelSettings(base="some/model"),
        data=OasstData(path="trees.jsonl"),
        evaluation=EvaluationSettings(bootstrap=200, judge_draws=1, **evaluation),
    )


def test_a_judge_that_always_says_the_first_gives_ties_only(tmp_path: Path) -> None:
    settings = oasst(tmp_path, judge="checkpoint:SFT")
    folder = made(settings, ("one", "two", "three"), ("SFT", "M1"))

    def answer(model: str, prompt: str) -> str:
        return "A" if prompt.startswith("Two assistants") else f"{model} {prompt}"

    found = by_key(measure(settings, folder, HEAD_TO_HEAD, opener(answer, bead_judge)))
    assert found["tie", "M1", "SFT"].value == 1
    assert found["order_decided", "M1", "SFT"].value == 1
    said = files.read(folder.step("evaluation") / "verdicts" / "M1-vs-SFT.jsonl", Verdict)
    assert {(v.preference_ab, v.preference_ba, v.model_a) for v in said} == {(1.0, 0.0, "M1")}


def test_equal_answers_tie_without_asking(tmp_path: Path) -> None:
    settings = oasst(tmp_path, judge="checkpoint:SFT")
    folder = made(settings, ("one", "two"), ("SFT", "M1"))

    def answer(model: str, prompt: str) -> str:
        assert not prompt.startswith("Two assistants")
        return "the same"

    assert by_key(measure(settings, folder, HEAD_TO_HEAD, opener(answer, bead_judge)))["tie", "M1", "SFT"].value == 1


@pytest.mark.parametrize(
    ("judge", "message"),
    [
        ("oracle", r"exact program of a world \(bead world or errands world\), and this data has none"),
        ("checkpoint:M7", "no finished checkpoint 'M7'"),
        ("openai:", "not one of"),
        ("gpt-4", "not one of"),
    ],
)
def test_a_judge_that_does_not_exist_is_named(tmp_path: Path, judge: str, message: str) -> None:
    settings = oasst(tmp_path, judge=judge)
    folder = made(settings, ("one", "two"), ("SFT", "M1"))
    with pytest.raises(SettingsError, match=message):
        measure(settings, folder, HEAD_TO_HEAD, opener(lambda model, prompt: model, bead_judge))


class Page(HTMLParser):
    """The elements of a page, the figures in it, and what is visible."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.figures: list[tuple[str, str]] = []
        self.text = ""
        self._value: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.text += " "
        self.attributes += attrs
        if tag == "data":
            self._value = dict(attrs)["value"]

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._value is not None:
            self.figures.append((self._value, data))
            self._value = None


def written(settings: Settings, folder: RunFolder) -> str:
    return page.write(settings, folder, "srlm-eval all --run x.yaml").read_text(encoding="utf-8")


def test_every_figure_on_the_page_is_in_the_metrics_and_the_other_way_round(tmp_path: Path) -> None:
    settings = beads(tmp_path)
    folder = made(settings, WORLD)
    metrics = measure(settings, folder, ALL, opener(bead_answer, bead_judge))
    # Of the two ends of an interval the second alone has the unit.
    shown = {
        (value, said.removesuffix(" points").removesuffix("%"))
        for value, said in Page(written(settings, folder)).figures
    }
    expected = {
        (repr(value), WORDS.text_of(m, value).removesuffix(" points").removesuffix("%"))
        for m in metrics
        for value in (m.value, m.low, m.high)
        if value is not None
    }
    expected |= {
        (repr(p), str(p_value(p).striptags()).replace("&lt;", "<"))
        for m in metrics
        for p in (m.p, m.p_adjusted)
        if p is not None
    }
    assert expected <= shown
    # Besides them the first screen has what the last model gained on the start, where nobody measured these two.
    content = page.gather(page.data_of(settings, folder), "x")
    gained = [
        cell.figure
        for column in content["summary"].columns
        for cell in column.cells
        if cell.figure is not None and cell.figure not in metrics
    ]
    assert {(m.model, m.baseline) for m in gained} == {("SFT", "M1")}
    assert {value for value, _ in shown - expected} <= {repr(v) for m in gained for v in (m.value, m.low, m.high)}


def test_the_page_says_in_words_what_was_found(tmp_path: Path) -> None:
    settings = beads(tmp_path)
    prompts = tuple(f"a {x} b {y} c gold copy" for x in ("red", "blue", "pink") for y in ("red", "blue", "pink"))
    folder = made(settings, prompts)

    def answer(model: str, prompt: str) -> str:
        words = prompt.split()
        return STRAY if model == "SFT" else f"1 {words[1]} 2 {words[3]} 3 {words[5]} ."

    measure(settings, folder, HEAD_TO_HEAD, opener(answer, bead_judge))
    text = " ".join(Page(written(settings, folder)).text.split())
    # M1 : SFT, nine wins: p = 2 / 2^9 = .0039, Holm over three pairs .0117
    assert "M1 beats SFT on 9 prompts: 100.0% wins, 0.0% ties, 0.0% losses, p = .012" in text
    assert "No difference seen between M2 and M1 on 9 prompts: 0.0% wins, 100.0% ties" in text


def test_what_a_model_writes_cannot_act_on_the_page(tmp_path: Path) -> None:
    settings = oasst(tmp_path, judge="checkpoint:SFT")
    folder = made(settings, HOSTILE, ("SFT", "M1"))

    def answer(model: str, prompt: str) -> str:
        return HOSTILE[0] if prompt.startswith("Two assistants") else model + prompt

    measure(settings, folder, HEAD_TO_HEAD, opener(answer, bead_judge))
    html = written(settings, folder)
    found = Page(html)
    assert not {"img", "iframe", "link", "textarea", "object"} & set(found.tags)
    assert found.tags.count("script") == 3  # the browser's index, its one chunk, and the page's own
    assert html.count("<script>") == 1
    assert not [name for name, _ in found.attributes if name.startswith("on") or name in ("style", "src")]
    assert all((value or "").startswith("#") for name, value in found.attributes if name == "href")
    assert "{{ 4321*8 }}" in found.text and "34568" not in found.text
    shown = json.dumps(json.loads(re.findall(r'id="index">(.*)</script>', html)[0]), ensure_ascii=False)
    assert all(json.dumps(text)[1:-1] in shown for text in HOSTILE[:2])
    assert "\x07" not in html and "\x1b" not in html
    policy = next(value or "" for name, value in found.attributes if (value or "").startswith("default-src"))
    assert policy.startswith("default-src 'none'; script-src 'sha256-") and "unsafe" not in policy
    assert html.lstrip().startswith("<!doctype html>")


def test_what_was_not_measured_is_shown_as_missing_with_its_reason(tmp_path: Path) -> None:
    settings = beads(tmp_path)
    folder = made(settings, WORLD)
    text = " ".join(Page(written(settings, folder)).text.split())
    assert "missing: not compared yet" in text
    assert "missing: not measured yet" in text
    assert "missing: no model has answered the evaluation prompts yet" in text


def test_the_page_shows_the_loops_counts_and_what_could_not_be_told(tmp_path: Path) -> None:
    settings = beads(tmp_path)
    text = " ".join(Page(written(settings, made(settings, WORLD))).text.split())
    for part in ("prompts 1,000", "ties not known", "scores: 5 12", "scores: 4 0.250", "0123abc", "torch 2.13.0"):
        assert part in text


def test_the_page_is_the_same_bytes_when_written_again(tmp_path: Path) -> None:
    settings = beads(tmp_path)
    folder = made(settings, WORLD)
    measure(settings, folder, ALL, opener(bead_answer, bead_judge))
    assert written(settings, folder) == written(settings, folder)


def test_broken_metrics_are_named(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    files.write_json(path, [{"model": "M1"}])
    with pytest.raises(RecordError, match=r"metrics\.json"):
        read_metrics(path)


def test_published_shares_add_up_to_one_within_rounding() -> None:
    rows = published.head_to_head().rows
    assert len(rows) == 6
    assert all(row.win + row.tie + row.lose == pytest.approx(1, abs=0.0015) for row in rows)
    assert [row.model for row in published.judge_agreement().rows] == ["SFT", "M1", "M2", "M3"]


def run_file(tmp_path: Path) -> Path:
    path = tmp_path / "run.yaml"
    path.write_text(json.dumps(beads(tmp_path).model_dump(mode="json")), encoding="utf-8")
    return path


def test_the_report_command_prints_the_pages_path_last(tmp_path: Path) -> None:
    made(beads(tmp_path), WORLD)
    result = CliRunner().invoke(app, ["report", "--run", str(run_file(tmp_path)), "--set", "evaluation.bootstrap=100"])
    assert result.exit_code == 0, result.output
    path = Path(result.output.splitlines()[-1])
    assert path == tmp_path / "runs" / "tiny" / "report.html"
    assert "--set evaluation.bootstrap=100" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("command", ["all", "h2h", "agreement", "report"])
def test_what_the_user_can_mend_is_a_message_and_status_2(
    tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["eval", command, "--run", str(run_file(tmp_path))])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    said = capsys.readouterr()
    assert "first: srlm train --run" in said.err
    assert "Traceback" not in said.err


def test_an_audit_of_a_run_tells_spread_and_self_preference_and_asks_once(tmp_path: Path) -> None:
    settings = beads(tmp_path)
    folder = made(settings, WORLD)
    metrics = measure(settings, folder, AUDIT, opener(bead_answer, bead_judge))
    found = by_key(metrics)
    assert found["scored_5", "SFT", None].value == found["ties", "SFT", None].value == 1
    assert found["score_entropy", "SFT", None].value == 0
    assert found["unscored", "M2", None].value == pytest.approx(1 / 3)
    # SFT's judgements of everybody's answers hold no score: no prompt can be told.
    own = found["self_preference", "M2", None]
    assert (own.value, own.n, own.unscored) == (None, 0, 4)
    assert measure(settings, folder, AUDIT, refuse) == metrics
    page.write(settings, folder, "srlm-eval all")
    text = (folder.path / "report.html").read_text()
    assert "What besides quality sways the judges" in text
    assert "M2" in text
