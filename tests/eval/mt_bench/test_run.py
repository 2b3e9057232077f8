"""MT-Bench of a run: both turns are answered, a judge behind a server grades, and nothing is asked twice."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from eval.benchmarks.base import Asked, RunData
from eval.benchmarks.paper_table import PaperTable
from eval.benchmarks.table import chosen
from eval.cli import main
from eval.records import MetricValue
from eval.report.page import sections
from eval.run import measure
from srlm.engines.base import Completion, Engine, Request
from srlm.engines.scripted import ScriptedEngine
from srlm.errors import DataError, EngineError, SettingsError, StoreError
from srlm.records import Checkpoint
from srlm.run_file import load
from srlm.settings import EvaluationSettings, ModelSettings, OasstData, Price, RankedData, Sampling
from srlm.settings.mt_bench import MtBenchSettings
from srlm.store import files
from srlm.store.folder import RunFolder
from tests.chat_server import Reply, Serve, Server, reasoning, refusal, words
from tests.eval.mt_bench import place
from tests.eval.report import small

WORTH = {"SFT": 3, "M1": 5, "M2": 7}
Opener = Callable[..., Engine]
BENCH, PAIRS = "mt_bench", "mt_bench_pairs"


class Models:
    """Models whose answers are worth as WORTH says, one less at turn 2; what each was asked, and how, is kept."""

    def __init__(self, most: int = 10_000) -> None:
        self.asked: list[tuple[str, Request, Sampling]] = []
        self.most = most
        """Answers after which an engine breaks."""

    def __call__(self, checkpoint: Checkpoint, plain: bool = False) -> Engine:
        outer, name = self, checkpoint.name

        class Noted(ScriptedEngine):
            def generate(
                self, requests: Sequence[Request], sampling: Sampling, seed: int
            ) -> list[tuple[Completion, ...]]:
                if len(outer.asked) + len(requests) > outer.most:
                    raise EngineError("killed")
                outer.asked += [(name, request, sampling) for request in requests]
                return super().generate(requests, sampling, seed)

        def write(request: Request, seed: int) -> str:
            turn = sum(message.role == "user" for message in request.messages)
            return f"{name} on {request.messages[-1].content} worth {WORTH[name] + 1 - turn}"

        return Noted(write, name)

    @property
    def questions(self) -> Counter[tuple[str, str]]:
        """How often each model was asked each question."""
        return Counter((name, request.messages[-1].content) for name, request, _ in self.asked)


def refuse(checkpoint: Checkpoint, plain: bool = False) -> Engine:
    raise EngineError(f"{checkpoint.name} was asked again")


def run(tmp_path: Path, server: Server | None, **own: Any) -> RunFolder:
    folder = place.fastchat(tmp_path / "files")
    judge = {} if server is None else {"judge": "openai:grader", "base_url": server.url}
    wanted = MtBenchSettings(files=str(folder), **{**judge, **own})
    return small.run(tmp_path, evaluation=EvaluationSettings(mt_bench=wanted))


def figures(folder: RunFolder, models: Opener, *names: str) -> dict[tuple[str, str | None, str], MetricValue]:
    wanted = names or (BENCH,)
    found = measure(folder.settings, folder, chosen(wanted), models)
    return {(m.model, m.baseline, m.metric): m for m in found if m.benchmark in wanted}


def calls(server: Server) -> Counter[str]:
    return Counter(json.dumps(body, sort_keys=True) for body in server.asked)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "test")


# Answers --------------------------------------------------------------------------------------------------------------


def test_both_turns_are_answered_at_fastchats_temperatures_and_the_second_sees_the_own_first(
    serve: Serve, tmp_path: Path
) -> None:
    models = Models()
    figures(run(tmp_path, serve(place.grader)), models)
    assert len(models.questions) == 3 * 16 * 2 and set(models.questions.values()) == {1}
    by_category: dict[str, set[tuple[float, float, int]]] = {}
    for name, request, sampling in models.asked:
        category = request.messages[0].content.split()[0]
        by_category.setdefault(category, set()).add((sampling.temperature, sampling.top_p, sampling.max_new_tokens))
        if len(request.messages) > 1:
            first, own, _ = request.messages
            assert (own.role, own.content) == ("assistant", f"{name} on {first.content} worth {WORTH[name]}")
    warmth = {"writing": 0.7, "roleplay": 0.7, "stem": 0.1, "humanities": 0.1}
    assert by_category == {name: {(warmth.get(name, 0.0), 1.0, 1024)} for name in place.CATEGORIES}


def test_means_are_by_turn_and_category_and_models_are_compared_with_the_one_before(
    serve: Serve, tmp_path: Path
) -> None:
    found = figures(run(tmp_path, serve(place.grader)), Models())
    for name, worth in WORTH.items():
        own = [found[name, None, metric].value for metric in ("turn_1", "turn_2", "overall", "category: math")]
        assert own == [worth, worth - 1, worth - 0.5, worth - 0.5]
    assert found["M2", None, "overall"].note == "judge grader; 16 questions, 16 of turn 1 and 16 of turn 2"
    assert (found["M2", "M1", "overall"].value, found["M2", "M1", "overall"].n) == (2, 32)
    assert found["M2", "M1", "overall"].p_adjusted == found["M1", "SFT", "overall"].p_adjusted < 0.001  # type: ignore[operator]
    assert {(model, baseline) for model, baseline, _ in found if baseline} == {("M1", "SFT"), ("M2", "M1")}


def test_what_was_answered_and_graded_is_not_asked_again(serve: Serve, tmp_path: Path) -> None:
    server = serve(place.grader)
    folder = run(tmp_path, server)
    first = figures(folder, Models())
    assert set(calls(server).values()) == {1} and len(server.asked) == 3 * 32
    assert figures(folder, refuse) == first
    assert len(server.asked) == 3 * 32


def test_a_run_that_was_stopped_among_its_answers_asks_the_rest_alone(serve: Serve, tmp_path: Path) -> None:
    whole = figures(run(tmp_path / "whole", serve(place.grader)), Models())
    folder = run(tmp_path / "stopped", serve(place.grader))
    asked: Counter[tuple[str, str]] = Counter()
    for most in (20, 30, 40):
        models = Models(most)
        with pytest.raises(EngineError, match="killed"):
            figures(folder, models)
        asked += models.questions
    models = Models()
    assert figures(folder, models) == whole
    asked += models.questions
    assert len(asked) == 3 * 16 * 2 and set(asked.values()) == {1}


def test_a_run_that_was_stopped_among_its_grades_asks_the_rest_alone(serve: Serve, tmp_path: Path) -> None:
    def stops(body: place.Json, number: int) -> Reply:
        return refusal(401, "no such key") if number == 40 else place.grader(body)

    server = serve(stops)
    folder = run(tmp_path, server)
    with pytest.raises(EngineError, match="no such key"):
        figures(folder, Models())
    found = figures(folder, refuse)
    assert found["M2", None, "overall"].value == 6.5
    assert sorted(calls(server).values()) == [*[1] * 95, 2]


def test_an_even_part_of_the_categories_is_asked_where_few_questions_are_wanted(serve: Serve, tmp_path: Path) -> None:
    models = Models()
    found = figures(run(tmp_path, serve(place.grader), questions=8), models)
    assert found["M2", None, "overall"].n == 16
    assert {found["M2", None, f"category: {name}"].n for name in place.CATEGORIES} == {2}


# The judge ------------------------------------------------------------------------------------------------------------


def test_a_judge_is_asked_with_fastchats_prompts_and_references_whoever_it_is(serve: Serve, tmp_path: Path) -> None:
    server = serve(place.grader)
    figures(run(tmp_path, server), Models())
    assert {(b["temperature"], b["max_tokens"], b["n"]) for b in server.asked} == {(0.0, 2048, 1)}
    by_question: dict[str, list[list[str]]] = {}
    for body in server.asked:
        assert [message["role"] for message in body["messages"]] == ["system", "user"]
        told = [message["content"] for message in body["messages"]]
        if "SFT on" in told[1]:
            by_question.setdefault("math 84" if "math question 84" in told[1] else "other", []).append(told)
    one, two = sorted(by_question["math 84"])
    assert one == [
        "Help.",
        'Rate it like this: "[[rating]]".\n\n[Reference]\nref 3 one\n[End of reference]\n\n[Question]\n'
        "math question 84?\n\n[Answer]\nSFT on math question 84? worth 3\n[End of answer]",
    ]
    assert two[0] == place.RATE and "ref 3 two" in two[1] and "SFT on And why, to question 84? worth 2" in two[1]
    assert sum("ref " in user for _, user in by_question["other"]) == 2 * 5  # two of each of three categories, less one


def test_judgements_without_a_score_are_counted_with_their_reasons(serve: Serve, tmp_path: Path) -> None:
    """Of each model's 32: a refusal, a cut one, one off the scale, one without words, one that says nothing."""

    def odd(body: place.Json, number: int) -> Reply:
        text = place.asked_of(body)
        if "on writing question 81" in text and "And why" not in text:
            return refusal(400, "The response was filtered: content_filter")
        if "on roleplay question 82" in text and "And why" not in text:
            return words("Rating: [[9]] but then", finish="length")
        if "on stem question 87" in text and "And why" not in text:
            return words("Rating: [[70]]")
        if "on humanities question 88" in text and "And why" not in text:
            return words("")
        if "on math question 84" in text and "And why" not in text:
            return words("<think>[[9]]")
        return place.grader(body)

    whole = figures(run(tmp_path, serve(odd)), Models())["SFT", None, "overall"]
    assert (whole.n, whole.unscored) == (27, 5)
    assert whole.value == pytest.approx((3 * 11 + 2 * 16) / 27)
    reasons = ("cut 1", "no score 1", "not on the scale 1", "open thought 1", "refused 1")
    assert whole.note.endswith("; ".join(f"unscored: {reason}" for reason in reasons))


def test_a_reasoning_judge_is_asked_again_with_room_for_its_thought(serve: Serve, tmp_path: Path) -> None:
    def write(body: place.Json) -> str:
        content: str = place.grader(body).body["choices"][0]["message"]["content"]
        return content

    server = serve(reasoning(write, thought=3000))
    found = figures(run(tmp_path, server, questions=8), Models())
    assert (found["M2", None, "overall"].value, found["M2", None, "overall"].unscored) == (6.5, 0)
    assert {body["max_completion_tokens"] for body in server.asked if "max_completion_tokens" in body} == {2048, 6144}


def test_a_budget_reaches_whole_questions_and_a_larger_one_pays_only_the_rest(serve: Serve, tmp_path: Path) -> None:
    server = serve(place.grader)
    price = Price(input=10_000, output=0)  # a dollar a call
    folder = run(tmp_path, server, price=price, max_cost=50)
    found = figures(folder, Models())["M2", None, "overall"]
    assert 6 <= found.n // 2 <= 8 and found.note.startswith(
        f"on {found.n // 2} of 16 questions, drawn at random (budget)"
    )
    assert len(server.asked) <= 50 and not list(folder.path.rglob("mt_bench_grades.jsonl"))
    more = folder.settings.evaluation.mt_bench.model_copy(update={"max_cost": 1000.0})
    evaluation = folder.settings.evaluation.model_copy(update={"mt_bench": more})
    folder.settings = folder.settings.model_copy(update={"evaluation": evaluation})
    assert figures(folder, refuse)["M2", None, "overall"].n == 32
    assert set(calls(server).values()) == {1} and len(server.asked) == 96


@pytest.mark.parametrize(
    ("benchmark", "kept"), [(BENCH, "M2/mt_bench_grades.jsonl"), (PAIRS, "mt_bench/M2-vs-M1.jsonl")]
)
def test_a_budget_of_another_judge_does_not_leave_the_values_of_the_one_before(
    serve: Serve, tmp_path: Path, benchmark: str, kept: str
) -> None:
    """One file is missing, so that the budget would be spent: figures by the new, values a question by the old."""
    server = serve(place.grader)
    first = run(tmp_path, server)
    figures(first, Models(), benchmark)
    sent = len(server.asked)
    (first.step("evaluation") / kept).unlink()
    folder = run(tmp_path, server, judge="openai:another", price=Price(input=10_000, output=0), max_cost=50)
    with pytest.raises(StoreError, match=r"was made with other inputs \(.*grader.*another.*move the file away"):
        figures(folder, refuse, benchmark)
    assert len(server.asked) == sent


def test_a_model_of_the_run_judges_and_is_told_all_in_one_turn(tmp_path: Path) -> None:
    models = Models()
    found = figures(run(tmp_path, None, judge="checkpoint:M2"), models)
    graded = [request for _, request, sampling in models.asked if sampling.max_new_tokens == 2048]
    assert len(graded) == 96 and {len(one.messages) for one in graded} == {1}
    assert graded[0].messages[0].content.startswith("Help.\n\nRate it like this:")
    assert found["SFT", None, "overall"].note.startswith("judge M2; ")


@pytest.mark.parametrize(
    ("judge", "error", "says"),
    [
        (None, SettingsError, "evaluation.judge: `oracle` is the exact program of a world"),
        ("length", SettingsError, "evaluation.mt_bench.judge length: writes no words, so it cannot grade MT-Bench"),
        ("checkpoint:M9", SettingsError, "evaluation.mt_bench.judge: no finished checkpoint 'M9'"),
        ("openai:gpt-4-0613", EngineError, "gpt-4-0613"),
        ("mine", SettingsError, "evaluation.mt_bench.judge mine: not one of the judges"),
    ],
)
def test_a_judge_that_cannot_grade_is_refused_before_anybody_is_asked(
    tmp_path: Path, judge: str | None, error: type[Exception], says: str
) -> None:
    models = Models()
    with pytest.raises(error, match=says):
        figures(run(tmp_path, None, judge=judge), models)
    assert not models.asked


def test_a_judge_that_was_shut_down_is_refused_only_where_it_has_something_to_say_yet(tmp_path: Path) -> None:
    folder = run(tmp_path, None, judge="openai:gpt-4-0613")
    data = RunData(folder.settings, folder)
    grades, verdicts = (chosen([name])[0] for name in (BENCH, PAIRS))
    for models in ("M1-vs-SFT", "M2-vs-M1"):
        with pytest.raises(EngineError, match="gpt-4-0613: was shut down on 2026-10-23"):
            verdicts.check(data)
        files.write_text(folder.step("evaluation") / "mt_bench" / f"{models}.jsonl", "")
    verdicts.check(data)
    with pytest.raises(EngineError, match="gpt-4-0613: was shut down on 2026-10-23"):
        grades.check(data)


def test_missing_files_are_told_before_anybody_is_asked(serve: Serve, tmp_path: Path) -> None:
    models, server = Models(), serve(place.grader)
    folder = run(tmp_path, server)
    (tmp_path / "files/data/judge_prompts.jsonl").unlink()
    with pytest.raises(DataError, match="no judge prompts; looked for"):
        figures(folder, models)
    assert not models.asked and not server.asked


# Pairs ----------------------------------------------------------------------------------------------------------------


def test_pairs_are_asked_in_both_orders_and_a_disagreement_is_a_tie(serve: Serve, tmp_path: Path) -> None:
    """The judge prefers the later model, but on stem the answer shown first, and says nothing of the first writing."""

    def compares(body: place.Json, number: int) -> Reply:
        text = place.asked_of(body)
        later = "M2" if "M2 on" in text else "M1"
        if "writing question 81" in text and "And why" not in text:
            return words("Both are fine.")
        if "stem question" in text:
            return words("[[A]]")
        first = text.index(f"{later} on") < text.index(f"{'M1' if later == 'M2' else 'SFT'} on")
        return words("[[A]]" if first else "[[B]]")

    server = serve(compares)
    folder = run(tmp_path, server)
    found = figures(folder, Models(), PAIRS)
    own = {name: found["M2", "M1", name] for name in ("win", "tie", "lose", "win_minus_lose", "order_decided")}
    assert {name: one.value for name, one in own.items()} == {
        "win": 27 / 31, "tie": 4 / 31, "lose": 0, "win_minus_lose": 27 / 31, "order_decided": 4 / 31,
    }  # fmt: skip
    assert (own["win"].n, own["win"].unscored, own["win"].unit) == (31, 1, "pairs")
    assert own["win_minus_lose"].p is not None and own["win_minus_lose"].p < 0.001
    assert len(server.asked) == 2 * 2 * 32 and set(calls(server).values()) == {1}
    assert figures(folder, refuse, PAIRS) == found


# The command, the page, the gate, the plan ----------------------------------------------------------------------------


def test_the_command_shows_a_row_a_model_and_writes_every_figure(
    serve: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = run(tmp_path, serve(place.grader))
    both = figures(folder, Models(), BENCH, PAIRS)
    file, out = tmp_path / "small.yaml", tmp_path / "m.json"
    dumped = folder.settings.model_dump(mode="json")
    file.write_text(yaml.safe_dump(dumped | {"model": {"base": str(tmp_path)}, "pretraining": None}))
    files.write_json(folder.path / "settings.json", load(file).model_dump(mode="json"))
    capsys.readouterr()
    with pytest.raises(SystemExit) as left:
        main(["mt-bench", "--run", str(file), "--files", str(tmp_path / "files"), "--pairs", "--out", str(out)])
    assert not left.value.code, capsys.readouterr().err
    written = [MetricValue.model_validate(one) for one in json.loads(out.read_text())]
    assert {(m.model, m.baseline, m.metric): m for m in written} == both
    said = capsys.readouterr().out
    assert "SFT    2.50 [" in said and "M2     6.50 [" in said and "M2 minus M1   overall" in said
    with pytest.raises(SystemExit) as left:
        main(["mt-bench", "--run", str(file), "--confidence", "0.9"])
    assert left.value.code == 2
    assert "--confidence and --seed need --judgments" in capsys.readouterr().err


def test_the_page_has_a_chapter_where_it_was_measured_alone(serve: Serve, tmp_path: Path) -> None:
    folder = run(tmp_path, serve(place.grader))
    assert not [one for one in sections(RunData(folder.settings, folder))["own"] if one.id == "mt-bench"]
    figures(folder, Models())
    (own,) = (one for one in sections(RunData(folder.settings, folder))["own"] if one.id == "mt-bench")
    assert own.content["models"] == ["SFT", "M1", "M2"]
    assert own.content["published"]["M2", "overall"] == 7.01
    unlike = "judge grader, not gpt-4; model scratch, not Llama-2-70B; questions 16, not 80"
    assert own.content["unlike"] == f"{unlike}: a shape to compare, not a target"
    assert own.charts[0].rows[-1][:3] == ("published", "M2", "7.01")


@pytest.mark.parametrize(
    ("base", "data", "unlike"),
    [
        pytest.param(
            "meta-llama/Llama-2-70b-hf", OasstData(path="trees.jsonl"), "questions 0, not 80", id="the paper's"
        ),
        pytest.param("meta-llama/Llama-2-70b-hf", RankedData(path="mine"), "data ranked, not oasst; ", id="other data"),
        pytest.param("meta-llama/Llama-3.1-70B", OasstData(path="trees.jsonl"), "model meta-llama/", id="other model"),
    ],
)
def test_the_papers_model_and_data_are_known_to_mt_bench_too(tmp_path: Path, base: str, data: Any, unlike: str) -> None:
    folder = run(tmp_path, None, judge="openai:gpt-4")
    settings = folder.settings.model_copy(update={"model": ModelSettings(base=base), "data": data})
    (table, _) = chosen([BENCH])[0].paper_tables(RunData(settings, folder))
    assert isinstance(table, PaperTable)
    assert table.unlike.startswith(unlike)


def test_the_gate_has_a_value_a_question(serve: Serve, tmp_path: Path) -> None:
    folder = run(tmp_path, serve(place.grader))
    figures(folder, Models())
    found = {(one.model, one.metric): one for one in chosen([BENCH])[0].per_prompt(RunData(folder.settings, folder))}
    assert set(found) == {(name, metric) for name in WORTH for metric in ("overall", "turn_1", "turn_2")}
    assert found["M2", "overall"].values == (6.5,) * 16 and found["M2", "overall"].weights == (2.0,) * 16
    assert len(found["M2", "turn_1"].prompts) == 16


def test_what_it_would_ask_is_known_beforehand(serve: Serve, tmp_path: Path) -> None:
    folder = run(tmp_path, None, judge="openai:gpt-4.1")
    asked = list(chosen([BENCH])[0].asked(folder.settings, ["SFT", "M1"]))
    assert asked[0] == Asked("MT-Bench: answers to turn 1", "SFT", 80, 90, 1024)
    assert [(one.model, one.requests) for one in asked] == [
        *[("SFT", 80)] * 2, *[("M1", 80)] * 2, ("openai:gpt-4.1", 160), ("openai:gpt-4.1", 160)
    ]  # fmt: skip
    pairs = list(chosen([PAIRS])[0].asked(folder.settings, ["SFT", "M1", "M2"]))
    assert [one.requests for one in pairs] == [320, 320]
