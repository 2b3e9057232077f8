"""`python -m eval alpaca`, from the command line to the files it leaves, with a judge behind real HTTP."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from eval.benchmarks.alpaca_eval.judging import chosen
from eval.cli import main
from eval.data.alpaca_files import read_annotations, read_outputs
from eval.records import Annotation, MetricValue
from srlm.records import Prompt
from srlm.store import files
from srlm.store.file_names import file_name
from tests.chat_server import Reply, Serve, refusal, words
from tests.eval.alpaca.place import KEY, NUMBER, OFFICIAL, PROMPTS, Place, verdict


def test_a_models_outputs_are_judged_and_every_file_is_left(serve: Serve, place: Place) -> None:
    server = serve(verdict)
    judge = ("--judge", "openai:tiny", "--base-url", server.url)
    said = place.alpaca(*judge, "--price", 10, 30)
    assert said.status == 0, said.err
    # Eleven at 0.8; the first is a draw, for the outputs are the same words: (11 x 0.8 + 0.5) / 12 = 77.5%.
    found = place.metrics()
    assert found["win_rate"].value == pytest.approx(77.5)
    assert (found["n_total"].value, found["n_draws"].value, found["n_wins"].value) == (12, 1, 11)
    assert found["price_per_call"].value == pytest.approx(11 / 12 * (400 * 10 + 30) / 1e6)
    assert len(server.asked) == 11
    assert "77.50" in said.out and "11 answered; $0.0443 spent now" in said.out
    back = read_annotations(place.results() / "annotations.json", PROMPTS)
    assert [one.preference for one in back.annotations] != []
    assert read_outputs(place.out / "results" / "mine" / "model_outputs.json", PROMPTS).model == "mine"
    assert (place.results() / "leaderboard.csv").read_text().startswith(",win_rate,standard_error,n_wins,")
    before = {path: path.read_bytes() for path in place.results().iterdir()}
    again = place.alpaca(*judge, "--price", 10, 30)
    assert "11 found; $0.0000 spent now" in again.out
    assert len(server.asked) == 11
    assert {path: path.read_bytes() for path in place.results().iterdir()} == before


def test_a_dry_run_tells_count_and_price_and_sends_and_writes_nothing(serve: Serve, place: Place) -> None:
    server = serve(verdict)
    priced = place.alpaca("--dry-run")
    assert priced.status == 0
    assert f"mine: 11 calls to {OFFICIAL}, 0 of them already answered; about $0.03, at most $0.06" in priced.out
    assert "prices of " in priced.out and "nothing was sent" in priced.out
    unpriced = place.alpaca("--dry-run", "--both-orders", "--judge", "openai:tiny", "--base-url", server.url)
    assert "22 calls" in unpriced.out and "cost unknown: " in unpriced.out
    assert server.asked == []
    assert not place.out.exists()


def test_both_orders_are_asked_and_their_mean_counts(serve: Serve, place: Place) -> None:
    server = serve(verdict)
    said = place.alpaca("--judge", "openai:tiny", "--base-url", server.url, "--both-orders")
    assert said.status == 0, said.err
    assert len(server.asked) == 22
    both = f"tiny_{OFFICIAL}_both_orders"
    assert place.metrics(both)["win_rate"].value == pytest.approx(77.5)
    assert (place.metrics(both)["order_decided"].value, place.metrics(both)["order_decided"].n) == (0.0, 11)
    assert len(files.read(place.results(both) / "annotations.jsonl", Annotation)) == 23


def test_a_cap_stops_cleanly_with_a_partial_interval_and_a_later_run_goes_on(serve: Serve, place: Place) -> None:
    server = serve(verdict)
    judge = ("--judge", "openai:tiny", "--base-url", server.url, "--price", 10, 30, "--concurrency", 1)
    capped = place.alpaca(*judge, "--max-cost", 0.02)
    assert capped.status == 0, capped.err
    held = NUMBER - 1 - len(server.asked)
    assert 0 < held < NUMBER - 1
    assert f"mine: stopped at --max-cost with {held} calls not made; run the same command again to resume" in capped.out
    rate = place.metrics()["win_rate"]
    # What was not asked is no fault of the judge's, and a random part of the prompts.
    assert (rate.n, rate.unscored) == (NUMBER - held, 0)
    assert rate.low is not None and rate.low < rate.high  # type: ignore[operator]
    assert f"on {NUMBER - held} of {NUMBER} prompts, drawn at random (budget)" in rate.note
    place.alpaca(*judge)
    assert (place.metrics()["win_rate"].n, len(server.asked)) == (NUMBER, NUMBER - 1)


def test_a_cap_that_lets_nothing_through_scores_nothing(serve: Serve, place: Place) -> None:
    server = serve(verdict)
    said = place.alpaca("--judge", "openai:tiny", "--base-url", server.url, "--price", 10, 30, "--max-cost", 0)
    # The draw of equal outputs costs nothing, but alone it would stand for all: half of the prompts won.
    assert said.status == 2 and "nothing was judged within --max-cost" in said.err
    assert server.asked == []


def test_a_cap_without_a_price_is_told_before_anything_is_sent(serve: Serve, place: Place) -> None:
    server = serve(verdict)
    said = place.alpaca("--judge", "openai:tiny", "--base-url", server.url, "--max-cost", 1)
    assert said.status == 2 and "--max-cost needs a price" in said.err
    assert server.asked == []


def test_missing_judgements_are_counted_by_kind_with_bounds_and_asked_again_alone(serve: Serve, place: Place) -> None:
    ill = True

    def reply(body: dict[str, Any], number: int) -> Reply:
        content = body["messages"][-1]["content"]
        if ill and "Question 3?" in content:
            return words("neither of them")
        if ill and "Question 5?" in content:
            return Reply({"error": {"message": "no", "code": "content_filter"}}, 400)
        return verdict(body)

    server = serve(reply)
    judge = ("--judge", "openai:tiny", "--base-url", server.url)
    said = place.alpaca(*judge)
    assert "mine: 1 parse, 1 refusal missing; run the same command again to ask only these" in said.out
    found = place.metrics()
    assert (found["win_rate"].n, found["win_rate"].unscored) == (10, 2)
    assert found["win_rate_if_missing_lost"].value == pytest.approx(100 * (9 * 0.8 + 0.5) / 12)
    assert found["win_rate_if_missing_won"].value == pytest.approx(100 * (9 * 0.8 + 0.5 + 2) / 12)
    asked, ill = len(server.asked), False
    place.alpaca(*judge)
    assert len(server.asked) - asked == 2
    assert place.metrics()["win_rate"].n == 12


def test_recorded_calls_replay_to_the_same_bytes_without_a_server(serve: Serve, place: Place) -> None:
    server = serve(verdict)
    judge = ("--judge", "openai:tiny")
    tape = place.folder / "calls.tape"
    assert place.alpaca(*judge, "--base-url", server.url, "--record", tape).status == 0
    before = {path.name: path.read_bytes() for path in place.results().iterdir()}
    nowhere = ("--base-url", "http://127.0.0.1:9/v1")
    assert place.alpaca(*judge, *nowhere, "--replay", tape).status == 0
    assert {path.name: path.read_bytes() for path in place.results().iterdir()} == before
    missed = place.alpaca(*judge, *nowhere, "--replay", tape, "--both-orders")
    assert missed.status == 2 and "no recorded answer to a call of tiny" in missed.err
    both = place.alpaca(*judge, "--replay", tape, "--record", tape)
    assert both.status == 2 and "--record and --replay cannot be used together" in both.err


def test_recorded_annotations_can_be_the_judge(serve: Serve, place: Place) -> None:
    server = serve(verdict)
    place.alpaca("--judge", "openai:tiny", "--base-url", server.url)
    recorded = place.folder / "recorded.json"
    (place.results() / "annotations.json").rename(recorded)
    said = place.alpaca("--judge", f"file:{recorded}")
    assert said.status == 0, said.err
    assert "77.50" in said.out
    rows = json.loads(place.outputs.read_text())
    rows[3]["output"] = "another answer"
    place.outputs.write_text(json.dumps(rows))
    other = place.alpaca("--judge", f"file:{recorded}")
    assert other.status == 2 and "its annotations are of other outputs than those given: 1 of 12 differ" in other.err


def test_canaries_are_tried_on_request_and_a_fooled_judge_is_told(serve: Serve, place: Place) -> None:
    def gullible(body: dict[str, Any], _: int) -> Reply:
        content = body["messages"][-1]["content"]
        first, second = content.split('"model_identifier": "m"')[1].split('"model_identifier": "M"')
        return words("m" if first.count("Score: 5") > second.count("Score: 5") else "M")

    server = serve(gullible)
    said = place.alpaca("--judge", "openai:tiny", "--base-url", server.url, "--canaries")
    assert said.status == 0, said.err
    assert "WARNING: canaries win with tiny" in said.out and "score" in said.out


def test_no_key_reaches_any_file_or_output(serve: Serve, place: Place) -> None:
    def leaky(body: dict[str, Any], number: int) -> Reply:
        reply = verdict(body)
        reply.body["choices"][0]["message"]["content"] = f"m {KEY}"
        return refusal(500, f"never show {KEY}") if number == 0 else reply

    server = serve(leaky)
    said = [place.alpaca("--judge", "openai:tiny", "--base-url", server.url)]
    refusing = serve(lambda body, _: refusal(401, f"Incorrect API key provided: {KEY}"))
    said.append(place.alpaca("--judge", "openai:other", "--base-url", refusing.url))
    assert [one.status for one in said] == [0, 2]
    assert "Incorrect API key provided: ***" in said[1].err
    written = [path.read_bytes() for path in place.folder.rglob("*") if path.is_file()]
    assert len(written) > 6
    assert KEY.encode() not in b"".join([*written, *(f"{one.out}{one.err}".encode() for one in said)])


def test_every_model_of_a_run_answers_and_is_judged_beside_its_other_figures(
    serve: Serve, place: Place, trained: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shutil.copytree(trained, place.folder / "work"))
    evaluation = Path("runs/tiny/evaluation")
    other = MetricValue(
        model="M1", benchmark="beads", metric="correct", value=0.5, low=0.4, high=0.6, n=8, unscored=0, method="by hand"
    )
    files.write_json(evaluation / "metrics.json", [other.model_dump(mode="json")])
    asked = [prompt.text for prompt in files.read(Path("runs/tiny/data/evaluation_prompts.jsonl"), Prompt)]
    rows = [{"instruction": text, "dataset": "beads"} for text in asked]
    baseline = place.data / "results" / "gpt4_1106_preview" / "model_outputs.json"
    place.write(baseline, rows, "gpt4_1106_preview", lambda n: f"The baseline's answer is {n}.")
    server = serve(lambda body, _: words("M"))
    command = ("--run", tiny, "--judge", "openai:tiny", "--base-url", server.url, "--votes", 1)
    said = place.alpaca(*command, outputs=False)
    assert said.status == 0, said.err
    kept = [MetricValue.model_validate(row) for row in files.read_json(evaluation / "metrics.json")]
    assert kept[0] == other
    rates = {m.model: m for m in kept if m.metric == "win_rate"}
    assert list(rates) == ["SFT", "M1", "M2"]
    assert {m.n for m in rates.values()} == {len(asked)}
    answers = (evaluation / "M2" / "alpaca_eval.jsonl").read_bytes()
    sent = len(server.asked)
    assert 0 < sent <= 3 * len(asked)
    assert place.alpaca(*command, outputs=False).status == 0
    assert (len(server.asked), (evaluation / "M2" / "alpaca_eval.jsonl").read_bytes()) == (sent, answers)
    assert (evaluation / "alpaca_eval" / "results" / "M2" / "model_outputs.json").is_file()
    # A smaller request leaves the figures of all prompts where the report reads them.
    few = place.alpaca(*command, "--limit", 3, outputs=False)
    assert few.status == 0 and "M2: verdicts on more prompts are kept and stay" in few.out
    assert [MetricValue.model_validate(row) for row in files.read_json(evaluation / "metrics.json")] == kept
    with pytest.raises(SystemExit) as left:
        main(["report", "--run", str(tiny)])
    assert not left.value.code
    page, markdown, table = (
        Path(f"runs/tiny/{name}").read_text() for name in ("report.html", "report.md", "metrics.csv")
    )
    for text in (page, markdown.replace("\\", ""), table):
        assert "judge tiny, not gpt-4-1106-preview, answers of 127.0.0.1, not of api.openai.com" in text
    assert f"Against the baseline on {len(asked)} prompts with a preference" in page
    # Recorded annotations of M2's outputs are none of the other models'.
    recorded = evaluation / "alpaca_eval" / "results" / "M2" / f"tiny_{OFFICIAL}" / "annotations.json"
    said = place.alpaca("--run", tiny, "--judge", f"file:{recorded}", outputs=False)
    assert said.status == 1, said.err
    assert "left out: " in said.out
    assert {m["model"] for m in files.read_json(evaluation / "metrics.json") if m["metric"] == "win_rate"} == {"M2"}


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ((), "needs a key: set the environment variable NO_SUCH_KEY"),
        (("--judge", "gpt"), "is not one of openai, openai:MODEL"),
        (("--annotator", "nobody"), "alpaca_eval has no annotator 'nobody'"),
        (("--judge", "transformers:/nowhere"), "no such folder"),
        (("--judge", "file:/nowhere.json"), "no such file"),
        (("--replay", "/nowhere.sqlite"), "no such file to replay"),
        (("--base-url", "nonsense"), "is not an address"),
        (("--azure",), "needs a key"),
        (("--run", "run.yaml"), "either --run FILE or --outputs FILE"),
    ],
)
def test_what_cannot_work_is_one_line_and_no_traceback(place: Place, words: tuple[str, ...], part: str) -> None:
    said = place.alpaca(*words, "--api-key-env", "NO_SUCH_KEY")
    assert said.status == 2
    message = said.err.splitlines()[-1]
    assert message.startswith("srlm: ") and part in message
    assert "Traceback" not in said.err
    assert not (place.out / "results").exists()


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("", "not JSON"),
        ("[]", "needs the same `generator`"),
        ('[{"instruction": "Question 1?"}]', "must be text"),
        ('[{"instruction": "Another.", "output": "x", "generator": "g"}]', "no output for any of the 12 prompts"),
        ('{"a": 1}', "list"),
    ],
    ids=["empty", "no-rows", "no-output", "other-prompts", "no-list"],
)
def test_outputs_that_are_none_are_told(place: Place, content: str, part: str) -> None:
    place.outputs.write_text(content)
    said = place.alpaca()
    assert said.status == 2 and part in said.err.splitlines()[-1]


def test_a_larger_limit_adds_prompts_to_a_smaller_ones() -> None:
    few, more = (chosen(PROMPTS, limit, seed=3) for limit in (4, 8))
    assert len(few) == 4 and set(few) < set(more)
    assert [p for p in PROMPTS if p in more] == more
    assert chosen(PROMPTS, 99, seed=3) == PROMPTS
    assert {p.id for p in few} != {p.id for p in chosen(PROMPTS, 4, seed=4)}


def test_a_name_of_a_judge_or_model_is_one_folder() -> None:
    assert file_name("meta-llama/Llama-3 (x)") == "meta-llama_Llama-3_x"
    assert file_name("../..") == file_name("\x00") == file_name("\u202e") == "unnamed"
    assert file_name("CON") == "CON_" and file_name("lpt1.txt") == "lpt1.txt_" and file_name("console") == "console"
    long, other = file_name("m" * 10_000), file_name("m" * 10_001)
    assert len(long) == 150 and long.startswith("m" * 133 + "-") and long != other
