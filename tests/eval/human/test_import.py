"""Votes files as people send them back: imported, or refused with what is wrong and what to do."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eval.benchmarks.human import ballots, key
from eval.data import votes as votes_file
from srlm.errors import DataError, RecordError, SrlmError, StoreError
from srlm.records import Response
from srlm.store import files
from srlm.store.folder import RunFolder
from tests.eval.human import study

PAIR = ("M1", "SFT")


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return study.run(tmp_path, {"SFT": [f"a {n}" for n in range(6)], "M1": [f"b {n}" for n in range(6)]})


@pytest.fixture
def page(folder: RunFolder) -> key.PageKey:
    return study.page(folder)[1]


@pytest.fixture
def sent(page: key.PageKey) -> dict[str, Any]:
    """Ana's file: M1 wins all six."""
    return dict(study.votes(page, "Ana", {(one.prompt_id, *PAIR): "win" for one in page.shown}))


def taken(folder: RunFolder, *paths: Path, replace: bool = False) -> list[ballots.Taken]:
    return ballots.take(study.data(folder), paths, replace=replace)


def test_a_file_is_kept_and_importing_it_again_changes_nothing(
    tmp_path: Path, folder: RunFolder, sent: dict[str, Any]
) -> None:
    path = study.write(tmp_path / "votes.json", sent)
    (one,) = taken(folder, path)
    assert (one.votes.annotator, len(one.votes.votes), one.known) == ("Ana", 6, 0)
    (again,) = taken(folder, path)
    assert again.known == 6
    (kept,) = ballots.kept(key.pages(folder)[0])
    assert kept == one.votes


Edit = Callable[[dict[str, Any]], Any]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        pytest.param(lambda one: one | {"page": "f" * 16}, "votes of another page", id="another-page"),
        pytest.param(lambda one: one | {"page": "M1"}, "'page': String should match", id="page-is-no-id"),
        pytest.param(lambda one: one | {"format": "srlm-votes-2"}, "not a file of votes", id="another-format"),
        pytest.param(lambda one: one | {"votes": []}, "holds no votes", id="no-votes"),
        pytest.param(lambda one: one | {"annotator": " \n"}, "'annotator': .*name or initials", id="nobody"),
        pytest.param(lambda one: one | {"annotator": "a" * 81}, "at most 80 characters", id="long-name"),
        pytest.param(lambda one: one | {"annotator": None}, "'annotator': Input should be", id="null-name"),
        pytest.param(lambda one: one | {"more": 1}, "'more': Extra inputs", id="more-fields"),
        pytest.param(
            lambda one: one | {"votes": [*one["votes"], {"item": "0" * 16, "vote": "tie"}]},
            "1 vote on comparisons that the page has not \\(0000000000000000\\): the file was edited",
            id="an-id-of-nothing",
        ),
        pytest.param(
            lambda one: one | {"votes": [*one["votes"], {"item": one["votes"][0]["item"], "vote": "skip"}]},
            "two different votes on",
            id="contradicting",
        ),
        pytest.param(
            lambda one: one | {"votes": [{"item": one["votes"][0]["item"], "vote": "M1"}]},
            "'votes.0.vote': Input should be 'left', 'tie', 'right' or 'skip'",
            id="a-vote-that-is-none",
        ),
        pytest.param(lambda one: one | {"votes": "all"}, "'votes': Input should be a valid tuple", id="votes-are-text"),
        pytest.param(lambda one: one | {"items": 7}, "7 comparisons, where the page has 6", id="another-length"),
        pytest.param(lambda one: [one], "not a file of votes", id="a-list"),
        pytest.param(lambda one: None, "not a file of votes", id="null"),
    ],
)
def test_an_edited_file_is_refused_and_nothing_is_kept(
    tmp_path: Path, folder: RunFolder, sent: dict[str, Any], edit: Edit, message: str
) -> None:
    good = study.write(tmp_path / "good.json", sent | {"annotator": "Ben"})
    path = study.write(tmp_path / "bad.json", edit(sent))
    with pytest.raises(DataError, match=message) as refused:
        taken(folder, good, path)
    assert str(path) in str(refused.value) and "\n" not in str(refused.value)
    assert ballots.kept(key.pages(folder)[0]) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "not JSON", id="empty"),
        pytest.param(b'{"format": "srlm-votes-1", "page": "', "not JSON", id="half"),
        pytest.param(b"\xff\xfe\x00", "not JSON: not UTF-8 text", id="bytes"),
        pytest.param(b"[" * 5000, "JSON nested too deep|not JSON", id="deep"),
        pytest.param(b'{"format": "srlm-votes-1", "format": "x"}', "stands twice in one object", id="twice"),
        pytest.param(b" " * (votes_file.MOST + 1), "over 16", id="huge"),
    ],
)
def test_what_is_no_file_of_votes_is_refused(
    tmp_path: Path, folder: RunFolder, page: key.PageKey, content: bytes, message: str
) -> None:
    path = tmp_path / "votes.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        taken(folder, path)


def test_files_that_are_not_there_are_refused(tmp_path: Path, folder: RunFolder, page: key.PageKey) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(DataError, match="cannot be read"):
            taken(folder, path)


def test_equal_votes_that_stand_twice_count_once(tmp_path: Path, folder: RunFolder, sent: dict[str, Any]) -> None:
    path = study.write(tmp_path / "votes.json", sent | {"votes": sent["votes"] * 2})
    assert len(taken(folder, path)[0].votes.votes) == 6


def test_one_annotator_twice_is_refused(tmp_path: Path, folder: RunFolder, sent: dict[str, Any]) -> None:
    paths = [study.write(tmp_path / f"{name}.json", sent | {"annotator": name}) for name in ("Ana", " ANA ")]
    with pytest.raises(DataError, match=r"annotator ANA has votes on this page in .*Ana\.json, too"):
        taken(folder, *paths)
    assert ballots.kept(key.pages(folder)[0]) == []


def test_an_annotator_who_goes_on_later_adds_votes(tmp_path: Path, folder: RunFolder, sent: dict[str, Any]) -> None:
    taken(folder, study.write(tmp_path / "half.json", sent | {"votes": sent["votes"][:3]}))
    (one,) = taken(folder, study.write(tmp_path / "whole.json", sent))
    assert (one.known, len(one.votes.votes)) == (3, 6)


def test_other_votes_of_an_annotator_are_refused_unless_they_replace(
    tmp_path: Path, folder: RunFolder, sent: dict[str, Any]
) -> None:
    taken(folder, study.write(tmp_path / "first.json", sent))
    changed = [{**sent["votes"][0], "vote": "tie"}, *sent["votes"][1:]]
    for votes in (changed, sent["votes"][1:]):
        path = study.write(tmp_path / "second.json", sent | {"votes": votes})
        with pytest.raises(DataError, match=r"1 of 6 differ or are missing.*--replace"):
            taken(folder, path)
    assert taken(folder, study.write(tmp_path / "second.json", sent | {"votes": changed}), replace=True)[0].known == 5
    assert ballots.kept(key.pages(folder)[0])[0].votes[0].vote == "tie"


def test_votes_of_a_page_whose_answers_have_changed_are_refused(
    tmp_path: Path, folder: RunFolder, sent: dict[str, Any]
) -> None:
    path = folder.step("evaluation") / "M1" / "responses.jsonl"
    said = files.read(path, Response)
    files.write(path, [Response.of(said[0].prompt_id, "another", "M1", 0, "stop"), *said[1:]])
    with pytest.raises(
        DataError, match=r"have changed since its page was written \(1 of 6 pairs of answers, M1, SFT\)"
    ):
        taken(folder, study.write(tmp_path / "votes.json", sent))


def test_votes_for_a_run_without_a_page_are_refused(tmp_path: Path, sent: dict[str, Any]) -> None:
    other = study.run(tmp_path / "other", {"SFT": ["a"], "M1": ["b"]})
    with pytest.raises(StoreError, match="has no page of human evaluation"):
        taken(other, study.write(tmp_path / "votes.json", sent))


def test_kept_votes_that_were_edited_are_refused(tmp_path: Path, folder: RunFolder, sent: dict[str, Any]) -> None:
    taken(folder, study.write(tmp_path / "votes.json", sent))
    (path,) = key.pages(folder)[0].place.glob("votes-*.json")
    whole = path.read_text()
    for edited in (whole.replace("Ana", "Eve"), whole.replace(sent["votes"][0]["item"], "0" * 16)):
        path.write_text(edited)
        with pytest.raises(RecordError, match="not what was imported; delete it and import"):
            ballots.kept(key.pages(folder)[0])


def test_names_that_steer_a_terminal_are_shown_harmless(
    tmp_path: Path, folder: RunFolder, sent: dict[str, Any]
) -> None:
    hostile = "\x1b[2J\u202eevil"
    taken(folder, study.write(tmp_path / "first.json", sent | {"annotator": hostile}))
    path = study.write(tmp_path / "second.json", sent | {"annotator": hostile, "votes": sent["votes"][1:]})
    with pytest.raises(SrlmError) as refused:
        taken(folder, path)
    assert "\x1b" not in str(refused.value) and "\u202e" not in str(refused.value)
    assert json.loads(path.read_text())["annotator"] == hostile
