"""`srlm explain`: one pair from end to end, whatever its models wrote."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from srlm.records import Judgement, PreferencePair, Prompt, Response
from srlm.store import files


@pytest.fixture
def run(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the run trained to M2."""
    shutil.copytree(trained / "runs", tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs" / "tiny"


def test_any_id_of_a_pair_leads_to_all_that_is_known_of_it(run: Path, tiny: Path, srlm: Any) -> None:
    pair = files.read(run / "M2/pairs.jsonl", PreferencePair)[0]
    answers = [r for r in files.read(run / "M2/responses.jsonl", Response) if r.prompt_id == pair.prompt_id]
    readings = [j for j in files.read(run / "M2/judgements.jsonl", Judgement) if j.response_id == answers[0].id]
    prompt = next(p for p in files.read(run / "M2/prompts.jsonl", Prompt) if p.id == pair.prompt_id)
    shown = {
        srlm("explain", id[:12], "--run", tiny).stdout for id in (pair.id, prompt.id, answers[1].id, readings[0].id)
    }
    assert len(shown) == 1
    text = shown.pop()
    assert text.startswith(f"M2, prompt {prompt.id} (from beads)\n  {prompt.text}\n")
    assert text.count("\nresponse ") == 2
    assert text.count("    reading ") == 4
    assert f"response {pair.chosen_id} by M1: reward {pair.chosen_score:.3f}, CHOSEN" in text
    assert f"response {pair.rejected_id} by M1: reward {pair.rejected_score:.3f}, REJECTED" in text
    assert f"reading 0 by M1: score {readings[0].score}, asked to finish\n" in text
    assert "".join(f"      {line}\n" for line in readings[0].raw.split("\n")) in text
    assert "rule: arm self_rewarding; rubric beads (" in text
    assert text.endswith(
        f"pair {pair.id}: {pair.chosen_score:.3f} against {pair.rejected_score:.3f}, margin {pair.margin:.3f}\n"
    )


def test_an_id_that_nothing_has_is_an_error(run: Path, tiny: Path, srlm: Any) -> None:
    result = srlm("explain", "nothing", "--run", tiny)
    assert result.exit_code == 2
    assert result.stderr == "srlm: nothing: no pair, prompt, response or judgement of runs/tiny has this id\n"


def test_a_beginning_that_many_have_is_an_error(run: Path, tiny: Path, srlm: Any) -> None:
    result = srlm("explain", "", "--run", tiny)
    assert result.exit_code == 2
    assert result.stderr == "srlm: '': 24 prompts of M2 match; give more characters of the id\n"


def test_a_beginning_that_two_steps_have_is_an_error(run: Path, tiny: Path, srlm: Any) -> None:
    shutil.copytree(run / "M2", run / "M3")
    prompt = files.read(run / "M2/prompts.jsonl", Prompt)[0]
    result = srlm("explain", prompt.id, "--run", tiny)
    assert result.exit_code == 2
    assert "2 prompts of M2, M3 match" in result.stderr


def test_before_there_are_answers_no_id_is_known(tmp_path: Path, tiny: Path, srlm: Any) -> None:
    result = srlm("explain", "abc", "--run", tiny, "--set", f"runs={tmp_path}")
    assert result.exit_code == 2
    assert "no pair, prompt, response or judgement" in result.stderr


def test_answers_that_nobody_judged_yet_are_shown(run: Path, tiny: Path, srlm: Any) -> None:
    prompt = files.read(run / "M2/prompts.jsonl", Prompt)[0]
    (run / "M2/judgements.jsonl").unlink()
    (run / "M2/pairs.jsonl").unlink()
    shown = srlm("explain", prompt.id, "--run", tiny).stdout
    assert shown.count("reward none") == 2
    assert "no pair: the scored answers are equal, or fewer than two have a score" in shown


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        pytest.param("\x1b[2J\x1b[31mred", "<U+001B>[2J<U+001B>[31mred", id="terminal-commands"),
        pytest.param("\x9b31m", "<U+009B>31m", id="one-byte-terminal-commands"),
        pytest.param("over\rwritten", "over<U+000D>written", id="carriage-return"),
        pytest.param("\x08\x07", "<U+0008><U+0007>", id="backspace-and-bell"),
        pytest.param("\u202eneddih", "<U+202E>neddih", id="direction"),
        pytest.param("\u2067\u061c", "<U+2067><U+061C>", id="isolates-and-marks"),
        pytest.param("a\u200bb\ufeffc", "a<U+200B>b<U+FEFF>c", id="without-width"),
        pytest.param("\U000e0041", "<U+E0041>", id="tags"),
        pytest.param("a\u2028b\x85c", "a<U+2028>b<U+0085>c", id="line-ends-of-unicode"),
        pytest.param("[bold red]x[/] [/nothing]", "[bold red]x[/] [/nothing]", id="markup"),
        pytest.param("word " * 60 + "end", "word " * 60 + "end", id="long-lines-stay-whole"),
        pytest.param("na\u00efve \u4f60\u597d \U0001f600", "na\u00efve \u4f60\u597d \U0001f600", id="any-script"),
    ],
)
def test_what_a_model_wrote_is_shown_and_not_obeyed(run: Path, tiny: Path, srlm: Any, written: str, shown: str) -> None:
    prompt = Prompt.of(written, "beads")
    responses = [Response.of(prompt.id, f"{written} {draw}", "M1", draw) for draw in range(2)]
    readings = [Judgement.of(responses[0].id, "M1", 0, written, None)]
    for name, records in (("prompts", [prompt]), ("responses", responses), ("judgements", readings), ("pairs", [])):
        files.write(run / f"M2/{name}.jsonl", records)
    result = srlm("explain", prompt.id, "--run", tiny)
    assert result.exit_code == 0
    assert f"\n  {shown}\n" in result.stdout
    assert f"\n  {shown} 1\n" in result.stdout
    assert f"\n      {shown}\n" in result.stdout


def test_lines_of_an_answer_stay_under_their_heading(run: Path, tiny: Path, srlm: Any) -> None:
    prompt = Prompt.of("two\nlines", "beads")
    files.write(run / "M2/prompts.jsonl", [prompt])
    files.write(run / "M2/responses.jsonl", [Response.of(prompt.id, "a\npair 1234: CHOSEN", "M1", 0)])
    for name in ("judgements", "pairs"):
        files.write(run / f"M2/{name}.jsonl", [])
    shown = srlm("explain", prompt.id, "--run", tiny).stdout
    assert "\n  two\n  lines\n" in shown
    assert "\n  a\n  pair 1234: CHOSEN\n" in shown


def test_a_reading_of_an_answer_that_is_gone_is_an_error(run: Path, tiny: Path, srlm: Any) -> None:
    responses = files.read(run / "M2/responses.jsonl", Response)
    files.write(run / "M2/responses.jsonl", responses[1:])
    result = srlm("explain", responses[5].id, "--run", tiny)
    assert result.exit_code == 2
    assert "judgements.jsonl: a judgement of " in result.stderr
