"""Figures of human evaluation, each computed by hand."""

import json
from pathlib import Path

import pytest

from eval.benchmarks.human import ballots, labels, measure
from eval.benchmarks.human.majority import majority
from eval.data import published
from eval.data.labels import read
from eval.data.rankings import read as read_rankings
from eval.records import MetricValue, Verdict, verdict_id
from srlm.judge.pairwise import outcome_of
from srlm.records import Response
from srlm.store import files
from srlm.store.folder import RunFolder
from tests.eval.human import study

# Of four prompts, what three people say of M1 against SFT.
SAID = {
    "ana": ["win", "win", "tie", "win"],
    "ben": ["win", "win", "lose", "tie"],
    "chi": ["win", "lose", "lose", "lose"],
}


@pytest.fixture
def four(tmp_path: Path) -> RunFolder:
    """The answers of M1 have 2, 4, 6 and 8 letters, those of SFT 5."""
    return study.run(tmp_path, {"SFT": ["b" * 5] * 4, "M1": ["ab" * n for n in (1, 2, 3, 4)]})


def named(metrics: list[MetricValue]) -> dict[tuple[str, str, str | None], MetricValue]:
    return {(m.metric, m.model, m.baseline): m for m in metrics}


def verdict(folder: RunFolder, number: int, ab: float | None, ba: float | None, judge: str = "judge") -> Verdict:
    prompt = study.data(folder).prompts[number]
    a, b = (study.data(folder).answers[name][prompt.id] for name in ("M1", "SFT"))
    return Verdict(
        id=verdict_id(a.id, b.id, judge), prompt_id=prompt.id, model_a="M1", model_b="SFT", response_a_id=a.id,
        response_b_id=b.id, judge=judge, preference_ab=ab, preference_ba=ba, outcome=outcome_of(ab, ba), raw_ab="",
        raw_ba="",
    )  # fmt: skip


def test_the_outcome_is_what_more_than_half_of_the_votes_say(tmp_path: Path, four: RunFolder) -> None:
    study.vote(tmp_path, four, study.page(four)[1], SAID)
    found = named(measure.figures(study.data(four)))
    # win, win, lose, and three votes for three outcomes
    win, tie, lose = (found[outcome, "M1", "SFT"] for outcome in ("win", "tie", "lose"))
    assert [win.value, tie.value, lose.value] == pytest.approx([2 / 3, 0, 1 / 3])
    assert (win.n, win.unscored) == (3, 1)
    difference = found["win_minus_lose", "M1", "SFT"]
    assert difference.value == pytest.approx(1 / 3)
    assert difference.p == 1  # two wins, one loss
    assert difference.note.startswith("majority of 3 annotators; unscored: 1 no majority")


def test_agreement_between_people(tmp_path: Path, four: RunFolder) -> None:
    study.vote(tmp_path, four, study.page(four)[1], SAID)
    found = named(measure.figures(study.data(four)))
    # Of the three twos on each prompt 3, 1, 1 and 0 agree.
    raw = found["raw_agreement", "people", None]
    assert raw.value == pytest.approx(5 / 12) and (raw.n, raw.unit) == (12, "pairs of votes")
    # Disagreeing ordered twos over 3 - 1: 0 + 2 + 2 + 3 of 12. By chance, with 6 wins, 2 ties and 4 losses:
    # (144 - 36 - 4 - 16) / (12 * 11) = 2 / 3. 1 - (7 / 12) / (2 / 3)
    alpha = found["krippendorff_alpha", "people", None]
    assert alpha.value == pytest.approx(0.125) and alpha.n == 4
    # ana: 3 wins, 1 tie. ben: 2 wins, 1 loss, 1 tie. Agreed 2 / 4, by chance 3/4 * 2/4 + 1/4 * 1/4 = 7 / 16.
    kappa = found["cohen_kappa", "ana", "ben"]
    assert kappa.value == pytest.approx((1 / 2 - 7 / 16) / (9 / 16)) and kappa.n == 4
    assert found["raw_agreement", "ana", "ben"].value == 0.5
    assert found["raw_agreement", "ana", "chi"].value == 0.25
    assert found["raw_agreement", "ben", "chi"].value == 0.5
    # On prompt 0 everybody says what both others say. On prompt 1 ana's others differ, ben's too; chi's say win, and
    # chi does not. On prompt 2 ana's others say lose. On prompt 3 no two agree.
    others = found["person_agreement", "people", None]
    assert (others.value, others.n, others.unscored) == (3 / 5, 5, 7)


def test_a_judge_is_held_against_people_on_the_same_answers(tmp_path: Path, four: RunFolder) -> None:
    study.vote(tmp_path, four, study.page(four)[1], SAID)
    place = four.step("evaluation") / "verdicts"
    files.write(
        place / "M1-vs-SFT.jsonl",
        [verdict(four, 0, 1, 1), verdict(four, 1, 1, 0), verdict(four, 2, 0, 0), verdict(four, 3, 1, 1)],
    )
    # Another judge, in another file, with the answers listed the other way round; one verdict cannot be read.
    turned = verdict(four, 0, 0, 0, "other")
    turned = turned.model_copy(
        update={
            "id": verdict_id(turned.response_b_id, turned.response_a_id, "other"), "model_a": "SFT", "model_b": "M1",
            "response_a_id": turned.response_b_id, "response_b_id": turned.response_a_id,
        }
    )  # fmt: skip
    files.write(place / "other" / "any.jsonl", [turned, verdict(four, 1, None, 1, "other")])
    found = named(measure.figures(study.data(four)))
    # People: win, win, lose. The judge: win, tie, lose.
    agreement, decided = (found[name, "judge", None] for name in ("judge_agreement", "judge_agreement_decided"))
    assert agreement.value == pytest.approx(2 / 3) and (agreement.n, agreement.unscored) == (3, 0)
    assert (decided.value, decided.n, decided.unscored) == (1, 2, 1)
    # Agreed 2 / 3; by chance 2/3 * 1/3 + 1/3 * 1/3 = 1 / 3.
    assert found["judge_kappa", "judge", None].value == pytest.approx(0.5)
    other = found["judge_agreement", "other", None]
    assert (other.value, other.n, other.unscored) == (1, 1, 2)
    assert other.note == "1 without a verdict of this judge; 1 whose verdict could not be read"


def test_what_may_sway_people_is_counted(tmp_path: Path, four: RunFolder) -> None:
    _, key = study.page(four)
    study.vote(tmp_path, four, key, SAID)
    found = named(measure.figures(study.data(four)))
    ids = [prompt.id for prompt in study.data(four).prompts]
    sides = {one.prompt_id: one.model_side for one in key.shown}
    # Wins and losses by prompt: 3 and 0, 2 and 1, 0 and 2, 1 and 1.
    counts = zip(ids, ((3, 0), (2, 1), (0, 2), (1, 1)), strict=True)
    left = sum(wins if sides[id] == "left" else losses for id, (wins, losses) in counts)
    chosen = found["left_chosen", "people", None]
    assert chosen.value == pytest.approx(left / 10) and (chosen.n, chosen.unscored) == (10, 2)
    # M1 wins with 2 and 4 letters against 5, and loses with 6.
    longer = found["longer_chosen", "people", None]
    assert (longer.value, longer.n) == (0, 3)


def test_the_papers_counts_give_the_papers_test_results(tmp_path: Path) -> None:
    """14 wins, 13 ties and 23 losses of M1; 28, 12 and 10 of M2; 33, 8 and 9 of M3, all against SFT."""
    counts = {"M1": (14, 13, 23), "M2": (28, 12, 10), "M3": (33, 8, 9)}
    names = ["SFT", *counts]
    folder = study.run(
        tmp_path, {name: [f"{'abcd'[place] * 3} {n}" for n in range(50)] for place, name in enumerate(names)}
    )
    _, key = study.page(folder, [(name, "SFT") for name in counts])
    assert len(key.shown) == 150
    ids = [prompt.id for prompt in study.data(folder).prompts]
    said = {
        (id, name, "SFT"): outcome
        for name, (wins, ties, losses) in counts.items()
        for id, outcome in zip(ids, ["win"] * wins + ["tie"] * ties + ["lose"] * losses, strict=True)
    }
    paths = [study.write(tmp_path / f"{name}.json", study.votes(key, name, said)) for name in ("ana", "ben", "chi")]
    ballots.take(study.data(folder), paths)
    found = named(measure.figures(study.data(folder)))
    tested = [found["win_minus_lose", name, "SFT"] for name in counts]
    assert [one.p for one in tested] == pytest.approx([0.18774, 0.0050976, 0.00027153], rel=1e-4)
    # Holm: three times the smallest, twice the next, the largest as it is.
    assert [one.p_adjusted for one in tested] == pytest.approx([0.18774, 0.0101953, 0.00081460], rel=1e-4)
    shares = [tuple(found[outcome, name, "SFT"].value for outcome in ("win", "tie", "lose")) for name in counts]
    assert shares == [(one.win, one.tie, one.lose) for one in published.human().rows]
    assert found["krippendorff_alpha", "people", None].value == 1
    assert found["raw_agreement", "people", None].n == 450


def test_skips_and_missing_votes_count_as_what_they_are(tmp_path: Path, four: RunFolder) -> None:
    said: dict[str, list[str | None]] = {
        "ana": ["win", "skip", None, "win"],
        "ben": ["skip", "skip", None, "win"],
        "chi": ["skip", "skip", None, "lose"],
    }
    study.vote(tmp_path, four, study.page(four)[1], said)
    found = named(measure.figures(study.data(four)))
    # One vote of three people is too few; nobody judged the second; nobody looked at the third; two of three say win.
    win = found["win", "M1", "SFT"]
    assert (win.value, win.n, win.unscored) == (1, 1, 3)
    assert "unscored: 1 nobody has voted, 1 skipped by all, 1 too few votes" in win.note


@pytest.mark.parametrize(
    ("needed", "n"), [pytest.param(None, 2, id="half"), pytest.param(1, 3, id="one"), pytest.param(3, 1, id="three")]
)
def test_the_votes_that_a_prompt_needs_are_a_setting(
    tmp_path: Path, four: RunFolder, needed: int | None, n: int
) -> None:
    said: dict[str, list[str | None]] = {
        "ana": ["win", "win", "win", None],
        "ben": ["win", "win", None, None],
        "chi": ["win", None, None, None],
    }
    study.vote(tmp_path, four, study.page(four)[1], said)
    folder = RunFolder(study.settings(tmp_path, human={"votes": needed}), [])
    assert folder.path == four.path
    run = study.data(four)
    run.settings = folder.settings
    assert named(measure.figures(run))["win", "M1", "SFT"].n == n


@pytest.mark.parametrize(
    ("votes", "outcome"),
    [
        pytest.param(["win"], "win", id="one"),
        pytest.param(["win", "lose"], None, id="two-apart"),
        pytest.param(["win", "tie", "lose"], None, id="three-apart"),
        pytest.param(["win", "win", "lose", "lose"], None, id="two-against-two"),
        pytest.param(["tie", "tie", "lose"], "tie", id="two-of-three"),
        pytest.param([], None, id="none"),
    ],
)
def test_a_majority_is_more_than_half(votes: list[str], outcome: str | None) -> None:
    assert majority(votes) == outcome  # type: ignore[arg-type]


def test_answers_of_the_same_words_are_ties_that_nobody_is_asked_about(tmp_path: Path) -> None:
    folder = study.run(tmp_path, {"SFT": ["a", "b", "c", "d"], "M1": ["a", "b", "x", "y"]})
    _, key = study.page(folder)
    assert (len(key.shown), len(key.alike)) == (2, 2)
    study.vote(tmp_path, folder, key, {"ana": [None, None, "win", "win"]})
    found = named(measure.figures(study.data(folder)))
    assert (found["tie", "M1", "SFT"].value, found["tie", "M1", "SFT"].n) == (0.5, 4)
    assert "2 answered alike: ties" in found["tie", "M1", "SFT"].note


def test_people_who_always_say_the_same_have_no_kappa(tmp_path: Path, four: RunFolder) -> None:
    study.vote(tmp_path, four, study.page(four)[1], {"ana": ["win"] * 4, "ben": ["win"] * 4})
    found = named(measure.figures(study.data(four)))
    kappa, alpha = found["cohen_kappa", "ana", "ben"], found["krippendorff_alpha", "people", None]
    assert kappa.value is None and kappa.note == "undefined: both always say the same one thing"
    assert alpha.value is None and alpha.note == "undefined: all annotators say the same of every pair of answers"
    assert found["raw_agreement", "people", None].value == 1


def test_one_person_has_nobody_to_agree_with(tmp_path: Path, four: RunFolder) -> None:
    study.vote(tmp_path, four, study.page(four)[1], {"ana": ["win", "lose", "tie", "skip"]})
    found = named(measure.figures(study.data(four)))
    assert found["win", "M1", "SFT"].n == 3
    assert not {"raw_agreement", "krippendorff_alpha", "cohen_kappa"} & {metric for metric, *_ in found}


def test_two_pages_of_one_pair_are_put_together(tmp_path: Path, four: RunFolder) -> None:
    ids = [prompt.id for prompt in study.data(four).prompts]
    _, first = study.page(four, seed=1)
    _, second = study.page(four, seed=2)
    assert first.page != second.page
    study.vote(tmp_path, four, first, {"Ana": ["win", "win", "win", None]})
    # She says the same of the first prompt again, another thing of the second, and judges the fourth.
    study.vote(tmp_path, four, second, {"ana": ["win", "lose", None, "lose"]})
    found = named(measure.figures(study.data(four)))
    win = found["win", "M1", "SFT"]
    assert win.value == pytest.approx(2 / 3) and (win.n, win.unscored) == (3, 1)
    assert (
        "unscored: 1 contradictory votes; opinions that one person changed from page to page, left out: 1" in win.note
    )
    (series,) = measure.by_prompt(study.data(four))
    assert dict(zip(series.prompts, series.values, strict=True)) == dict(zip(ids, [1, None, 1, -1], strict=True))


def test_votes_on_answers_that_have_changed_since_are_left_out(tmp_path: Path, four: RunFolder) -> None:
    study.vote(tmp_path, four, study.page(four)[1], {"ana": ["win"] * 4})
    path = four.step("evaluation") / "M1" / "responses.jsonl"
    said = files.read(path, Response)
    files.write(path, [Response.of(said[0].prompt_id, "another", "M1", 0, "stop"), *said[1:]])
    found = named(measure.figures(study.data(four)))
    assert (found["win", "M1", "SFT"].n, found["win", "M1", "SFT"].unscored) == (3, 1)
    assert "unscored: 1 answers changed since" in found["win", "M1", "SFT"].note


def test_without_votes_there_are_no_figures(tmp_path: Path, four: RunFolder) -> None:
    assert measure.figures(study.data(four)) == []
    study.page(four)
    assert measure.figures(study.data(four)) == []
    assert not labels.labels_path(four).exists()


def test_votes_are_labels_and_rankings_of_other_commands(tmp_path: Path, four: RunFolder) -> None:
    study.vote(tmp_path, four, study.page(four)[1], SAID)
    measure.figures(study.data(four))
    ids = [prompt.id for prompt in study.data(four).prompts]
    said = read(labels.labels_path(four))
    assert [(one.unit, one.value, one.model, one.baseline) for one in said] == [
        (ids[0], 1.0, "M1", "SFT"), (ids[1], 1.0, "M1", "SFT"), (ids[2], 0.0, "M1", "SFT"),
    ]  # fmt: skip
    sets = read_rankings(str(labels.rankings_path(four)), None).sets
    # Three votes for three outcomes have no consensus there, either.
    assert [one.ranked.prompt.text for one in sets] == ["question 0", "question 1", "question 2"]
    assert [one.ranked.ranks for one in sets] == [(0, 1), (0, 1), (1, 0)]
    row = json.loads(labels.rankings_path(four).read_text().splitlines()[2])
    assert row["annotators"] == {"ana": [0, 0], "ben": [1, 0], "chi": [1, 0]}
