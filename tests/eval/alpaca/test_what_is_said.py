"""What `python -m eval alpaca` says beside its figures: another judge, cut thoughts, rows that match nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.chat_server import Serve, words
from tests.eval.alpaca.place import Place, verdict

WARNING = (
    "judge tiny, not gpt-4-1106-preview, answers of 127.0.0.1, not of api.openai.com, 12 prompts of another set, not "
    "AlpacaEval's 805: not comparable with the published figures; use `srlm-eval bridge`"
)


def change(place: Place, *numbers: int, **fields: Any) -> None:
    """Set fields of some rows of the model's outputs; a function changes the old value."""
    rows = json.loads(place.outputs.read_text())
    for number in numbers:
        rows[number] |= {key: new(rows[number][key]) if callable(new) else new for key, new in fields.items()}
    place.outputs.write_text(json.dumps(rows))


def test_another_judge_is_warned_of_in_the_terminal_and_in_every_figures_note(serve: Serve, place: Place) -> None:
    said = place.alpaca("--judge", "openai:tiny", "--base-url", serve(verdict).url)
    assert f"WARNING: mine: {WARNING}" in said.out
    found = place.metrics()
    assert {name for name, metric in found.items() if WARNING in metric.note} == {
        "win_rate",
        "discrete_win_rate",
        "standard_error",
    }


def test_an_address_from_the_environment_is_warned_of_too(
    serve: Serve, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", serve(verdict).url)
    said = place.alpaca("--judge", "openai")
    assert said.status == 0, said.err
    assert "answers of 127.0.0.1, not of api.openai.com" in said.out


def test_verdicts_without_log_probabilities_are_counted_in_the_warning(serve: Serve, place: Place) -> None:
    server = serve(lambda body, number: words("M", finish="length"))
    judge = ("--judge", "openai:tiny", "--base-url", server.url)
    assert "11 verdicts without log-probabilities" in place.alpaca(*judge, "--votes", 1).out
    assert "66 verdicts without log-probabilities" in place.alpaca(*judge).out


def test_a_thought_is_cut_from_what_is_judged_and_measured_and_counted(serve: Serve, place: Place) -> None:
    change(place, 1, 2, output=lambda text: f"<think>Mine or not?</think>\n\n{text}")
    change(place, 3, output=lambda text: f"Hm, Mine.</think>{text}")
    change(place, 4, output="<think>Mine will not end")
    server = serve(verdict)
    said = place.alpaca("--judge", "openai:tiny", "--base-url", server.url)
    assert said.status == 0, said.err
    line = "mine: a thought was cut from 4 outputs, 1 of them never closed (an empty answer is judged)"
    assert line in said.out.splitlines()
    sent = "".join(body["messages"][-1]["content"] for body in server.asked)
    assert "think>" not in sent and "will not end" not in sent
    found = place.metrics()
    assert "4 outputs whose thought was cut off, 1 thought that never closed" in found["win_rate"].note
    # Ten answers of ten characters, one of none ("Mine is 10." and "Mine is 11." have eleven): (9 x 10 + 2 x 11) / 12.
    assert (found["avg_length"].value, found["avg_length"].n) == (9, 12)
    kept = {
        row["instruction"]: row["output_2"] for row in json.loads((place.results() / "annotations.json").read_text())
    }
    assert [kept[f"Question {n}?"] for n in (1, 3, 4)] == ["Mine is 1.", "Mine is 3.", ""]


def test_thoughts_are_judged_where_that_is_asked_for(serve: Serve, place: Place) -> None:
    change(place, 1, output=lambda text: f"<think>Which?</think>{text}")
    server = serve(verdict)
    said = place.alpaca("--judge", "openai:tiny", "--base-url", server.url, "--thoughts", "keep")
    assert said.status == 0, said.err
    assert "a thought was cut" not in said.out
    recorded = place.results() / "annotations.json"
    assert "1 output judged with a thought before the answer" in place.alpaca("--judge", f"file:{recorded}").out
    assert sum("<think>Which?</think>" in body["messages"][-1]["content"] for body in server.asked) == 1


def test_recorded_annotations_of_the_answer_behind_a_thought_are_of_these_outputs(serve: Serve, place: Place) -> None:
    change(place, 1, output=lambda text: f"<think>Which?</think>{text}")
    place.alpaca("--judge", "openai:tiny", "--base-url", serve(verdict).url)
    recorded = place.folder / "recorded.json"
    (place.results() / "annotations.json").rename(recorded)
    said = place.alpaca("--judge", f"file:{recorded}")
    assert said.status == 0, said.err
    assert "77.50" in said.out
    kept = json.loads((place.out / "results" / "mine" / "model_outputs.json").read_text())
    assert [row["output"] for row in kept] == [f"Mine is {n}." for n in range(12)]


def test_several_verdicts_on_a_prompt_are_counted_and_warned_of(serve: Serve, place: Place) -> None:
    place.alpaca("--judge", "openai:tiny", "--base-url", serve(verdict).url)
    rows = json.loads((place.results() / "annotations.json").read_text())
    recorded = place.folder / "recorded.json"
    recorded.write_text(json.dumps([*rows, rows[1] | {"preference": 1.2, "time_per_example": None}]))
    said = place.alpaca("--judge", f"file:{recorded}")
    assert f"{recorded}: 1 prompt annotated several times, whose mean counts" in said.out
    assert "several verdicts on 1 prompt, not one verdict in one order" in said.out


def test_a_models_name_cannot_steer_the_terminal(serve: Serve, place: Place) -> None:
    for n in range(12):
        change(place, n, generator="m\x1b[31m\nine")
    said = place.alpaca("--judge", "openai:tiny", "--base-url", serve(verdict).url)
    assert said.status == 0, said.err
    assert "m?[31m?ine: files in " in said.out
    assert "\x1b" not in said.out and "\x1b" not in said.err


def test_rows_that_were_saved_otherwise_are_judged_and_strangers_are_named(serve: Serve, place: Place) -> None:
    change(place, 1, instruction="Question 1?\r\n")
    change(place, 2, instruction="Question Two?")
    said = place.alpaca("--judge", "openai:tiny", "--base-url", serve(verdict).url)
    assert said.status == 0, said.err
    assert (
        "mine: 1 row joined after normalising white space, line ends, quotes or Unicode, 1 row of other "
        "instructions, 1 prompt without row" in said.out
    )
    assert f'{place.outputs}: row 3: "Question Two?" matches no prompt; the nearest is "Question ' in said.out
    rate = place.metrics()["win_rate"]
    assert (rate.n, rate.unscored) == (11, 1)
    assert "1 row joined after normalising" in rate.note and "1 row of other instructions, left out" in rate.note


def test_a_model_that_cannot_be_judged_costs_itself_and_not_the_others(
    serve: Serve, place: Place, tmp_path: Path
) -> None:
    """Two models as `--run` judges them; the recorded annotations are of the first one's outputs."""
    from eval.benchmarks.alpaca_eval import measure
    from eval.data.alpaca_eval import AlpacaEval
    from eval.data.alpaca_files import read_outputs

    data = AlpacaEval(place.data)
    place.alpaca("--judge", "openai:tiny", "--base-url", serve(verdict).url)
    recorded = place.results() / "annotations.json"
    mine = read_outputs(place.outputs, data.prompts)
    change(place, *range(12), output="Else.")
    other = read_outputs(place.outputs, data.prompts, "other")
    wanted = measure.Judging(judge=f"file:{recorded}", length_control=False)
    lines: list[str] = []
    models = [measure.Model(other, tmp_path / "o"), measure.Model(mine, tmp_path / "o")]
    metrics = measure.run(wanted, models, data, lines.append, lambda line: None).metrics
    assert {metric.model for metric in metrics} == {"mine"}
    assert any(line.startswith("left out: ") and "its annotations are of other outputs" in line for line in lines)


def test_a_cap_is_spent_on_the_same_prompts_of_every_model(serve: Serve, place: Place, tmp_path: Path) -> None:
    from eval.benchmarks.alpaca_eval import measure
    from eval.data.alpaca_eval import AlpacaEval
    from eval.data.alpaca_files import read_outputs
    from srlm.engines.openai.endpoint import Endpoint
    from srlm.settings import Price

    data = AlpacaEval(place.data)
    mine = read_outputs(place.outputs, data.prompts)
    change(place, *range(12), output="Mine is long.")
    other = read_outputs(place.outputs, data.prompts, "other")
    wanted = measure.Judging(
        judge="openai:tiny", length_control=False, price=Price(input=10, output=30), max_cost=0.047,
        endpoint=Endpoint(service="compatible", base_url=serve(verdict).url, concurrency=1),
    )  # fmt: skip
    lines: list[str] = []
    models = [measure.Model(mine, tmp_path / "o"), measure.Model(other, tmp_path / "o")]
    metrics = measure.run(wanted, models, data, lines.append, lambda line: None).metrics
    rates = {metric.model: metric for metric in metrics if metric.metric == "win_rate"}
    assert set(rates) == {"mine", "other"}
    assert rates["mine"].n == rates["other"].n > 0
    assert all(
        f"on {one.n} of {len(data.prompts)} prompts, drawn at random (budget)" in one.note for one in rates.values()
    )
