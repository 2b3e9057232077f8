"""The first screen: the sentence in every kind of run, the table, the prompt that is shown, and folded warnings."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from eval.benchmarks.base import Doubt, RunData
from eval.benchmarks.table import BENCHMARKS, WORDS
from eval.figures.words import MINUS
from eval.metrics import read
from eval.records import MetricValue, Verdict
from eval.report import page, verdict
from eval.report.first_screen.sides import change_of, measures
from eval.report.first_screen.summary import Summary, summary
from eval.run import measure
from srlm.methods.base import run_folder
from srlm.records import Checkpoint, RunManifest
from srlm.settings import EvaluationSettings, ModelSettings, OasstData, Settings
from srlm.store import files
from srlm.store.folder import CHAT_TEMPLATE, OWN_TEMPLATE, RunFolder
from srlm.worlds.beads.settings import BeadsData
from tests.eval.report import small
from tests.eval.test_run import ALL, WORLD, bead_answer, bead_judge, beads, made, opener

SCRATCH = "M0 answers no prompts (trained from random weights on text alone)"


def run_of(tmp_path: Path, names: Sequence[str], *metrics: MetricValue, **settings: Any) -> RunData:
    """A run with these finished models and these figures, and nothing else."""
    given = {"model": ModelSettings(base="scratch"), "data": OasstData(path="trees.jsonl"), **settings}
    folder = run_folder(Settings(name="said", runs=str(tmp_path / "runs"), **given))
    for name in names:
        if name == "M0" or folder.settings.method.name == "untrained":
            finish(folder, name)
        else:
            small.finish(folder, name)
    files.write_json(folder.step("evaluation") / "metrics.json", [m.model_dump(mode="json") for m in metrics])
    return page.data_of(folder.settings, folder)


def finish(folder: RunFolder, name: str) -> None:
    """A model whose tokenizer has a chat template of its own."""
    checkpoint = Checkpoint(name=name, parent=None, path=f"{name}/model", digest=name)
    folder.finish(
        RunManifest(
            step=name, settings_digest="0", seed=1, versions={}, commit="0123abcdef", checkpoint=checkpoint, inputs={},
            outputs={}, counts={CHAT_TEMPLATE: OWN_TEMPLATE},
        )
    )  # fmt: skip


def untrained(*names: str, reference: str) -> dict[str, Any]:
    """Settings of models that are measured as they are."""
    models = {name: {"model": f"hf:/models/{name}"} for name in names}
    return {
        "method": {"name": "untrained", "models": models},
        "data": {"kind": "measured", "prompts_path": "/data/asked.jsonl"},
        "evaluation": EvaluationSettings(reference=reference, judge="length"),
    }


def metric(benchmark: str, name: str, model: str, value: float | None, **more: Any) -> MetricValue:
    ends = more.pop("ends", (None, None))
    ends = (None, None) if value is None else ends
    known = {"low": ends[0], "high": ends[1], "n": 0 if value is None else 100, "unscored": 0, "method": "mean"}
    known |= {"benchmark": benchmark, "metric": name, "model": model, "value": value}
    return MetricValue.model_validate(known | more)


def right(model: str, value: float, **more: Any) -> MetricValue:
    return metric("beads", "correct", model, value, ends=(value - 0.1, value + 0.1), **more)


def gained(model: str, baseline: str, value: float, low: float | None, high: float | None, **more: Any) -> MetricValue:
    return metric("beads", "correct", model, value, baseline=baseline, ends=(low, high), **more)


def contest(model: str, baseline: str, wins: float, loses: float, p: float) -> list[MetricValue]:
    """A contest with narrow intervals, of which p says whether there is a difference."""
    apart = wins - loses
    shares = [
        metric("head_to_head", name, model, share, baseline=baseline, ends=(share - 0.1, share + 0.1))
        for name, share in (("win", wins), ("tie", 1 - wins - loses), ("lose", loses))
    ]
    ends = (apart - 0.05, apart + 0.05)
    whole = metric("head_to_head", "win_minus_lose", model, apart, baseline=baseline, ends=ends, p=p, p_adjusted=p)
    return [*shares, whole]


def agrees(model: str, value: float | None, **more: Any) -> MetricValue:
    return metric(
        "judge_agreement", "pairwise_accuracy", model, value, ends=((value or 0) - 0.1, 1.0), unit="pairs", **more
    )


def judged(model: str, baseline: str, value: float, low: float, high: float) -> MetricValue:
    return metric("judge_agreement", "pairwise_accuracy", model, value, baseline=baseline, ends=(low, high))


def said(found: Summary) -> str:
    """The sentence, with a hyphen for each minus."""
    return found.sentence.striptags().replace(MINUS, "-")


BETTER = gained("M2", "M1", 0.3, 0.2, 0.4)
WORSE_JUDGE = judged("M2", "M1", -0.2, -0.3, -0.1)
JUDGES = [agrees("M1", 0.9), agrees("M2", 0.7)]


@pytest.mark.parametrize(
    ("figures", "kind", "sentence"),
    [
        pytest.param(
            [BETTER, *JUDGES, judged("M2", "M1", 0.1, 0.05, 0.15)],
            "better",
            "M2 is better than M1: correct answers +30.0 points (95% interval +20.0 to +40.0 points, 100 prompts), "
            "and its judge is better: pairs ordered as ranked +10.0 points (+5.0 to +15.0 points, 100 prompts).",
            id="both-better",
        ),
        pytest.param(
            [BETTER, *JUDGES, judged("M2", "M1", 0.1, -0.05, 0.25)],
            "better",
            "M2 is better than M1: correct answers +30.0 points (95% interval +20.0 to +40.0 points, 100 prompts), "
            "and no difference is shown between their judges: pairs ordered as ranked +10.0 points (-5.0 to +25.0 "
            "points, 100 prompts).",
            id="judges-alike",
        ),
        pytest.param(
            [BETTER, *JUDGES, WORSE_JUDGE],
            "better",
            "M2 is better than M1: correct answers +30.0 points (95% interval +20.0 to +40.0 points, 100 prompts), "
            "but its judge is worse: pairs ordered as ranked -20.0 points (-30.0 to -10.0 points, 100 prompts).",
            id="judge-worse",
        ),
        pytest.param(
            [gained("M2", "M1", -0.3, -0.4, -0.2), *JUDGES, WORSE_JUDGE],
            "worse",
            "M2 is worse than M1: correct answers -30.0 points (95% interval -40.0 to -20.0 points, 100 prompts), and "
            "its judge is worse: pairs ordered as ranked -20.0 points (-30.0 to -10.0 points, 100 prompts).",
            id="both-worse",
        ),
        pytest.param(
            [gained("M2", "M1", 0.1, 0.0, 0.2)],
            "no difference",
            "No difference is shown between M2 and M1: correct answers +10.0 points (95% interval 0.0 to +20.0 "
            "points, 100 prompts).",
            id="an-interval-that-ends-at-0",
        ),
        pytest.param(
            [gained("M2", "M1", 0.1, 0.05, 0.2, p=0.03, p_adjusted=0.06)],
            "no difference",
            "No difference is shown between M2 and M1: correct answers +10.0 points (95% interval +5.0 to +20.0 "
            "points, 100 prompts).",
            id="p-after-holm-decides-too",
        ),
        pytest.param(
            contest("M2", "M1", 0.6, 0.2, 0.001),
            "better",
            "M2 is better than M1: wins minus losses +40.0 points (95% interval +35.0 to +45.0 points, 100 prompts).",
            id="a-contest-alone",
        ),
        pytest.param(
            [BETTER, *contest("M2", "M1", 0.2, 0.6, 0.001)],
            "mixed",
            "M2 is better than M1 by one measure and worse by another: correct answers +30.0 points (95% interval "
            "+20.0 to +40.0 points, 100 prompts); wins minus losses -40.0 points (-45.0 to -35.0 points, 100 prompts).",
            id="measures-disagree",
        ),
        pytest.param(
            [gained("M2", "M1", 0.1, None, None, n=3)],
            "too few",
            "Too few prompts were measured to compare M2 with M1.",
            id="too-few",
        ),
        pytest.param(JUDGES[:1], "missing", "M1 is the only model measured, so there is nothing to compare it with, "
            "and as a judge: pairs ordered as ranked 90.0% (80.0 to 100.0%, 100 pairs).", id="one-model",
        ),
        pytest.param([], "missing", "No model has been measured yet (srlm-eval all).", id="nothing"),
        pytest.param(
            [BETTER, agrees("M1", 0.9), agrees("M2", None, unscored=50)],
            "better",
            "M2 is better than M1: correct answers +30.0 points (95% interval +20.0 to +40.0 points, 100 prompts), "
            "and as a judge M2 gives no score that can be read.",
            id="a-silent-judge",
        ),
        pytest.param(
            [BETTER, agrees("M1", None, unscored=50), agrees("M2", None, unscored=50)],
            "better",
            "M2 is better than M1: correct answers +30.0 points (95% interval +20.0 to +40.0 points, 100 prompts), "
            "and as a judge neither M1 nor M2 gives a score that can be read.",
            id="two-silent-judges",
        ),
    ],
)  # fmt: skip
def test_the_sentence_says_what_the_intervals_show(
    tmp_path: Path, figures: list[MetricValue], kind: str, sentence: str
) -> None:
    answers = [right(name, 0.5) for name in ("M1", "M2")] if any(m.baseline for m in figures) else []
    found = summary(run_of(tmp_path, ("M0", "SFT", "M1", "M2"), *answers, *figures))
    assert (found.kind, said(found)) == (kind, sentence)


def test_a_run_that_was_not_judged_says_so_below_the_sentence(tmp_path: Path) -> None:
    found = summary(run_of(tmp_path, ("M0", "M1", "M2"), right("M1", 0.5), right("M2", 0.8), BETTER))
    assert [one.striptags() for one in found.more] == [
        "As judges the models were not measured (srlm-eval agreement).",
        f"Compared with M1, the first model of the loop: {SCRATCH}.",
    ]


def test_evidence_that_shows_nothing_stands_below_what_decided(tmp_path: Path) -> None:
    figures = [right("M1", 0.5), right("M2", 0.8), BETTER, *contest("M2", "M1", 0.4, 0.3, 0.5)]
    more = [one.striptags() for one in summary(run_of(tmp_path, ("M1", "M2"), *figures)).more]
    assert more[0] == (
        "Head to head: M2 wins 40.0%, loses 30.0%, wins minus losses +10.0 points (+5.0 to +15.0 points, 100 "
        "prompts); no difference is shown."
    )


def test_models_that_nobody_compared_are_not_called_equal(tmp_path: Path) -> None:
    run = run_of(tmp_path, ("M1", "M2"), *(metric("answers", "characters", name, 20.0) for name in ("M1", "M2")))
    assert said(summary(run)) == "M2 and M1 have not been compared (srlm-eval h2h)."


# With which model it is compared --------------------------------------------------------------------------------------


def test_a_base_that_answers_is_what_the_run_started_from_and_the_judge_is_compared_with_the_first_that_learnt_it(
    tmp_path: Path,
) -> None:
    run = run_of(
        tmp_path, ("M0", "SFT", "M1", "M2"),
        *contest("M2", "M0", 0.7, 0.1, 0.001), *contest("M2", "M1", 0.3, 0.3, 1.0),
        agrees("M0", 0.5), *JUDGES, WORSE_JUDGE,
        model=ModelSettings(base="some/model"),
    )  # fmt: skip
    found = summary(run)
    assert found.start == "M0"
    assert said(found) == (
        "M2 is better than M0: wins minus losses +60.0 points (95% interval +55.0 to +65.0 points, 100 prompts), but "
        "its judge is worse than M1's: pairs ordered as ranked -20.0 points (-30.0 to -10.0 points, 100 prompts)."
    )
    assert [one.striptags() for one in found.more] == ["Compared with M0, from which the run started."]


def test_a_base_that_answers_but_was_not_measured_is_named_as_missing(tmp_path: Path) -> None:
    figures = [right("M1", 0.5), right("M2", 0.8), BETTER]
    found = summary(run_of(tmp_path, ("M0", "M1", "M2"), *figures, model=ModelSettings(base="some/model")))
    assert found.start == "M1"
    assert found.more[-1] == "Compared with M1, the first model of the loop: M0 was not measured (srlm-eval all)."


def test_a_run_that_has_only_made_m1_compares_it_with_the_first_model_measured(tmp_path: Path) -> None:
    figures = contest("M1", "SFT", 0.3, 0.3, 1.0)
    found = summary(run_of(tmp_path, ("M0", "SFT", "M1"), *figures, agrees("SFT", None, unscored=9), agrees("M1", 0.9)))
    assert said(found) == (
        "No difference is shown between M1 and SFT: wins minus losses 0.0 points (95% interval -5.0 to +5.0 points, "
        "100 prompts), and as a judge: pairs ordered as ranked 90.0% (80.0 to 100.0%, 100 pairs)."
    )
    assert found.more[-1] == f"Compared with SFT, the first model measured: {SCRATCH}."


def test_the_reference_of_the_run_comes_before_all_others(tmp_path: Path) -> None:
    figures = contest("M2", "SFT", 0.6, 0.2, 0.001)
    run = run_of(tmp_path, ("SFT", "M1", "M2"), *figures, evaluation=EvaluationSettings(reference="SFT"))
    found = summary(run)
    assert said(found).startswith("M2 is better than SFT: ")
    assert found.more[-1].striptags() == "Compared with SFT, the run's reference."


def test_one_model_beside_a_reference_is_compared_as_the_last_of_a_run_is(tmp_path: Path) -> None:
    run = run_of(
        tmp_path, ("new", "old"), *contest("new", "old", 0.6, 0.2, 0.01), **untrained("new", "old", reference="old")
    )
    assert said(summary(run)) == (
        "new is better than old: wins minus losses +40.0 points (95% interval +35.0 to +45.0 points, 100 prompts)."
    )


def test_several_models_are_sorted_by_what_was_shown_against_the_reference(tmp_path: Path) -> None:
    names = ("a", "b", "c", "old")
    figures = [
        *contest("a", "old", 0.6, 0.2, 0.01),
        *contest("b", "old", 0.3, 0.3, 1.0),
        *contest("c", "old", 0.2, 0.6, 0.01),
    ]
    judges = [agrees(name, 0.7) for name in names]
    changes = [
        judged("a", "old", 0.0, -0.1, 0.1),
        judged("b", "old", 0.1, 0.05, 0.2),
        judged("c", "old", 0.0, -0.1, 0.1),
    ]
    found = summary(run_of(tmp_path, names, *figures, *judges, *changes, **untrained(*names, reference="old")))
    assert said(found) == (
        "Against old: a better; c worse; no difference is shown for b; as a judge (pairs ordered as ranked): "
        "b better; no difference is shown for a, c."
    )


def test_many_models_are_counted(tmp_path: Path) -> None:
    names = (*(f"m{n}" for n in range(8)), "old")
    figures = [one for name in names[:-1] for one in contest(name, "old", 0.6, 0.2, 0.01)]
    found = summary(run_of(tmp_path, names, *figures, **untrained(*names, reference="old")))
    assert said(found) == "Against old: 8 models better."
    assert ("models", "9 models") in found.made_of


# The differences that nobody measured ---------------------------------------------------------------------------------


def test_a_difference_from_disk_is_the_one_that_measuring_gives(tmp_path: Path) -> None:
    settings = beads(tmp_path)
    folder = made(settings, WORLD)
    measure(settings, folder, ALL, opener(bead_answer, bead_judge))
    measured = page.data_of(settings, folder)
    known = [m for m in measured.metrics if (m.model, m.baseline) != ("M2", "M1")]
    files.write_json(folder.step("evaluation") / "metrics.json", [m.model_dump(mode="json") for m in known])
    again = page.data_of(settings, folder)
    compared = [one for one in measures(measured) if one.lead.about in ("quality", "judge")]
    assert [one.lead.metric for one in compared] == ["pairwise_accuracy", "correct"]
    for one in compared:
        before, now = change_of(measured, one, "M2", "M1"), change_of(again, one, "M2", "M1")
        assert before is not None and now is not None
        assert (now.value, now.low, now.high, now.n, now.unscored) == (
            before.value, before.low, before.high, before.n, before.unscored
        )  # fmt: skip
    # SFT is never right, M2 on three of four prompts: no step compares the two.
    first = change_of(again, compared[1], "M2", "SFT")
    assert first is not None and first.value == 3 / 4


# The table, the prompt, what it was made of ---------------------------------------------------------------------------


def test_a_row_has_what_was_measured_of_a_model_and_a_contest_turned_round_where_it_came_first(tmp_path: Path) -> None:
    figures = [*contest("M1", "SFT", 0.5, 0.2, 0.01), *contest("M2", "M1", 0.6, 0.1, 0.01), *JUDGES]
    figures += [agrees("SFT", None, unscored=50), metric("answers", "characters", "M2", 20.5)]
    found = summary(run_of(tmp_path, ("SFT", "M1", "M2"), *figures))
    assert [one.title for one in found.columns] == ["Head to head with M1", "As a judge", "Length, characters"]
    contests = found.columns[0].cells
    assert [word for word, _ in contests[0].shares] == ["wins", "loses"]
    assert [share.value for _, share in contests[0].shares] == [0.2, 0.5]
    turned = contests[0].figure
    assert turned is not None
    assert (turned.model, turned.baseline) == ("SFT", "M1")
    assert [turned.value, turned.low, turned.high] == pytest.approx([-0.3, -0.35, -0.25])
    assert contests[1].figure is None
    assert [share.value for _, share in contests[2].shares] == [0.6, 0.1]
    assert list(found.unscored) == ["50 pairs", "0", "0"]
    content = page.gather(run_of(tmp_path, ("SFT", "M1", "M2"), *figures), "x")
    html = page.render("report.html", {**content, "browser": None, "paper": False}, WORDS)
    assert '<span class="missing">missing: no score</span>' in html
    assert "n: 100 prompts; 100 pairs (as a judge). Head to head: wins / loses, with the interval of wins" in html


def test_of_many_models_the_table_has_the_start_and_the_last_ones(tmp_path: Path) -> None:
    names = [f"M{t}" for t in range(1, 13)]
    run = run_of(tmp_path, names, *(metric("answers", "characters", name, 20.0) for name in names))
    found = summary(run)
    assert [run.names[place] for place in found.rows] == ["M1", *(f"M{t}" for t in range(4, 13))]
    assert found.more[-1] == "Compared with M1, the first model of the loop."
    html = page.render("report.html", {**page.gather(run, "x"), "browser": None, "paper": False}, WORDS)
    table = html[html.index('data-name="Summary"') :].partition("</table>")[0]
    assert table.count("<tr") == 1 + 10 and "<summary>All 12 models</summary>" in html


@pytest.mark.parametrize(
    ("points", "place"),
    [
        pytest.param([1, 0, 0, None, -1], 1, id="the-first-of-the-median-ones"),
        pytest.param([1, None, 1, -1, 1], 0, id="most-won"),
        pytest.param([None, -1, -1, 1, 0], 1, id="between-two-the-lower"),
    ],
)
def test_the_prompt_that_is_shown_is_the_first_with_the_median_gain(
    tmp_path: Path, points: list[float | None], place: int
) -> None:
    folder = small.run(tmp_path)
    path = folder.step("evaluation") / "verdicts" / "M2-vs-M1.jsonl"
    given: dict[float | None, tuple[str | None, float | None]] = {
        1: ("win", 1.0),
        0: ("tie", 0.5),
        -1: ("lose", 0.0),
        None: (None, None),
    }
    kept = files.read(path, Verdict)[: len(points)]
    outcomes = [given[one] for one in points]
    files.write(
        path,
        [
            one.model_copy(update={"outcome": outcome, "preference_ab": half, "preference_ba": half})
            for one, (outcome, half) in zip(kept, outcomes, strict=True)
        ],
    )
    found = summary(page.data_of(folder.settings, folder)).exhibit
    assert found is not None
    assert found.prompt.id == kept[place].prompt_id
    assert found.rule == "Chosen by rule: the first of 4 prompts with the median gain of M2 over M1 (head to head)."
    assert [one.model for one in found.answers] == ["SFT", "M1", "M2"]


def test_without_a_verdict_the_first_prompt_is_shown_and_said_to_be_the_first(tmp_path: Path) -> None:
    folder = small.run(tmp_path)
    for path in (folder.step("evaluation") / "verdicts").glob("*.jsonl"):
        path.unlink()
    found = summary(page.data_of(folder.settings, folder)).exhibit
    assert found is not None
    assert found.rule == "Chosen by rule: the first evaluation prompt."
    assert found.prompt.text.startswith("question 0")


def test_the_answers_of_many_models_are_those_of_the_start_and_of_the_last_ones(tmp_path: Path) -> None:
    folder = small.run(tmp_path)
    for t in range(3, 14):
        small.finish(folder, f"M{t}")
        path = folder.step("evaluation") / f"M{t}" / "responses.jsonl"
        path.parent.mkdir(parents=True)
        path.write_bytes((folder.step("evaluation") / "M2" / "responses.jsonl").read_bytes())
    found = summary(page.data_of(folder.settings, folder)).exhibit
    assert found is not None
    assert [one.model for one in found.answers] == ["M1", *(f"M{t}" for t in range(7, 14))]
    assert found.left_out == 6  # SFT, M2 to M6


def test_what_it_was_made_of_is_one_line(tmp_path: Path) -> None:
    run = run_of(tmp_path, ("old", "new"), **untrained("old", "new", reference="old"))
    assert summary(run).made_of == [
        ("models", "old (hf:.../old), new (hf:.../new)"),
        ("data", ".../asked.jsonl"),
        ("judge", "length"),
        ("commit", "0123abc"),
        ("seed", "1"),
    ]


# Warnings -------------------------------------------------------------------------------------------------------------


def test_a_model_before_the_loop_is_expected_to_be_no_judge_and_one_of_the_loop_is_not(tmp_path: Path) -> None:
    unread = [metric("judge_agreement", "unscored", name, 1.0, unit="judgements") for name in ("SFT", "M1")]
    silent = [agrees(name, None, unscored=50) for name in ("SFT", "M1")]
    own = [metric("bead_judge", "own_correct", name, None, unscored=8, unit="judgements") for name in ("SFT", "M1")]
    found = verdict.doubts(run_of(tmp_path, ("SFT", "M1"), *unread, *silent, *own))
    assert {one.expected for one in found if one.text.startswith("SFT")} == {"it was not taught to judge"}
    assert {one.expected for one in found if one.text.startswith("M1")} == {""}
    assert len(found) == 6


def test_the_models_of_a_user_are_not_expected_to_be_silent_judges(tmp_path: Path) -> None:
    given = untrained("new", "old", reference="old")
    run = run_of(
        tmp_path, ("new", "old"), metric("judge_agreement", "unscored", "old", 1.0, unit="judgements"), **given
    )
    assert [one.expected for one in verdict.doubts(run)] == [""]


def test_what_else_a_model_before_the_loop_lacks_is_no_expected_warning(tmp_path: Path) -> None:
    run = run_of(tmp_path, ("SFT", "M1"), metric("answers", "cut", "SFT", 0.0, unscored=100))
    assert [one.expected for one in verdict.doubts(run)] == [""]


@pytest.mark.parametrize(
    ("data", "expected"),
    [(BeadsData(), "all prompts of the bead world follow a few patterns"), (OasstData(path="trees.jsonl"), "")],
)
def test_prompts_of_a_small_world_are_expected_to_be_alike(tmp_path: Path, data: Any, expected: str) -> None:
    alike = metric("data_map", "near_duplicates", "evaluation", 0.2, baseline="IFT", note="by embeddings")
    run = run_of(tmp_path, ("SFT", "M1"), alike, data=data)
    (found,) = [one for one in verdict.doubts(run) if one.about == "evaluation prompts in the training data"]
    assert found.expected == expected


def test_doubts_about_the_same_thing_stand_together() -> None:
    found = [Doubt("judge", "first"), Doubt("length", "second"), Doubt("judge", "third")]
    assert [(about, [one.text for one in alike]) for about, alike in verdict.by_subject(found)] == [
        ("judge", ["first", "third"]),
        ("length", ["second"]),
    ]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the small run, with a silent judge before the loop: one expected warning, and three that are not."""
    folder = small.run(tmp_path_factory.mktemp("seen"))
    silent = metric("judge_agreement", "unscored", "SFT", 1.0, unit="judgements")
    figures = [*read(folder.step("evaluation") / "metrics.json"), silent]
    files.write_json(folder.step("evaluation") / "metrics.json", [m.model_dump(mode="json") for m in figures])
    return page.write(folder.settings, folder, "srlm-eval all --run small.yaml")


def test_unexpected_warnings_are_open_and_expected_ones_folded_with_their_number(chromium: Browser, seen: Path) -> None:
    tab = chromium.new_page(viewport={"width": 1280, "height": 800})
    tab.goto(seen.as_uri())
    assert tab.locator(".alarm").inner_text() == "3 warnings: read them before any figure."
    opened = tab.locator("#warnings > .findings").inner_text()
    assert "Warning, length drift: M2's answers are longer" in opened and "not taught" not in opened
    assert tab.locator("#warnings summary").inner_text() == "1 expected warning"
    folded = tab.locator("#warnings details li")
    assert not folded.is_visible()
    tab.locator("#warnings summary").click()
    assert folded.inner_text() == (
        "Judge: SFT as a judge: 100.0% of its judgements hold no score (expected: it was not taught to judge)"
    )
    tab.close()


def test_the_first_screen_has_sentence_table_chart_and_prompt_in_this_order(chromium: Browser, seen: Path) -> None:
    tab = chromium.new_page(viewport={"width": 1280, "height": 800})
    tab.goto(seen.as_uri())
    parts = (".lead", "[data-name=Summary]", ".exhibit", ".made-of")
    tops = [tab.locator(one).bounding_box()["y"] for one in parts]  # type: ignore[index]
    assert tops == sorted(tops) and tops[-1] < 800
    chart, table = (tab.locator(one).bounding_box() for one in (".glance figure", "[data-name=Summary]"))
    assert chart is not None and table is not None
    assert chart["y"] < table["y"] + table["height"] and chart["x"] >= table["x"] + table["width"]  # beside it
    tab.locator(".exhibit a").click()
    assert tab.locator("#prompt h3").inner_text().startswith("Prompt 1 ")
    tab.close()


def test_the_plain_file_says_what_the_first_screen_says(tmp_path: Path) -> None:
    folder = small.run(tmp_path)
    lines = page.write(folder.settings, folder, "x").with_name("report.md").read_text(encoding="utf-8").splitlines()
    start = lines.index("## Verdict") + 2
    assert lines[start].startswith("M2 is better than M1: wins minus losses +72.7 points (95% interval ")
    assert lines[start].endswith(f"Compared with M1, the first model of the loop: {SCRATCH}.")
    assert lines[start + 2] == "| Model | Head to head with M1 | Length, characters | Unscored |"
    assert lines[start + 5].startswith("| M1 (start) |  | 17.2 (no interval: fewer than 15 prompts) |")
    assert "- M2 (wins against M1): M2 says so to 0. M2 says so to 0." in lines
    assert "model: random weights, self rewarding; data: oasst, trees.jsonl, 12 evaluation prompts; judge: oracle; " \
        "commit: 0123abc; seed: 1" in lines  # fmt: skip


def test_every_benchmark_names_metrics_that_it_has() -> None:
    leads = [(one, lead) for one in BENCHMARKS for lead in one.leads]
    assert [(one.name, lead.metric) for one, lead in leads if lead.metric not in one.metrics] == []
    assert [(one.name, name) for one, lead in leads for name, _ in lead.shares if name not in one.metrics] == []
    assert {lead.about for _, lead in leads} == {"quality", "contest", "judge", "length"}
