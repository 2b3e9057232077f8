import pytest

from srlm.store.progress import Reporter


def test_a_stage_says_its_beginning_and_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    log: list[str] = []
    with Reporter("M2: candidates", log.append) as report:
        report(0, 10)
        report(10, 10)
    assert log[0] == "M2: candidates: started"
    assert log[1].startswith("M2: candidates: done after ")
    begun, done = capsys.readouterr().err.splitlines()
    assert begun == "M2: candidates ..."
    assert done.startswith("M2: candidates: done in ")


def test_a_stage_that_fails_is_logged_as_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    log: list[str] = []
    with pytest.raises(ZeroDivisionError), Reporter("M2: pairs", log.append):
        _ = 1 / 0
    assert log[1].startswith("M2: pairs: interrupted after ")
    assert "done" not in capsys.readouterr().err


def test_what_a_stage_has_seen_stands_behind_its_numbers_and_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    log: list[str] = []
    with Reporter("M2: judgements", log.append, "answers", line_every=0) as report:
        report(0, 10)
        report.say("2 of 6 without a score (2 cut)")
        report(4, 10)
    _, first, second, done = capsys.readouterr().err.splitlines()
    assert first == "M2: judgements: 0/10"
    assert second.startswith("M2: judgements: 4/10, ")
    assert second.endswith("; 2 of 6 without a score (2 cut)")
    assert done.endswith(" s; 2 of 6 without a score (2 cut)")
    assert log[1].endswith(" s; 2 of 6 without a score (2 cut)")
