"""Any judge on any rankings: reference judges, recorded ones, models, people, and what LLMBar published."""

import datetime
import itertools
import json
import re
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from eval.benchmarks.judge_agreement import as_published, baselines, people, ranked
from eval.benchmarks.judge_agreement.ranked_pair import RankedPair
from eval.cli import main
from eval.data import rankings
from eval.records import MetricValue
from eval.stats.intervals import Resampling
from srlm.data.rankings import Rankings
from srlm.engines.base import Request
from srlm.engines.scripted import ScriptedEngine
from srlm.errors import SrlmError
from srlm.judge import rubric
from srlm.judge.open import Around, Judge, open_judge
from srlm.judge.pairwise import ModelPairJudge, PairItem
from srlm.judge.pointwise import ModelPointJudge
from srlm.records import digest
from srlm.settings import Sampling
from tests.batch_server import serving_batches
from tests.chat_server import Reply, Serve, words

HOW = Resampling(resamples=200, confidence=0.95, seed=1)
BESIDE = (baselines.CEILING, *baselines.NAMES)
"""What stands beside every judge."""
ROWS: list[dict[str, Any]] = [
    {"prompt": f"question {n}", "responses": [f"{'x' * n}a", f"{'x' * n}ab", f"{'x' * n}abc"], "ranks": [2, 1, 0]}
    for n in range(8)
]


def file(folder: Path, rows: Sequence[object], name: str = "rows.jsonl") -> str:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def figures(path: str, specs: Sequence[str], keep: Path, ask: ranked.Ask = "scores") -> dict[Any, MetricValue]:
    found = rankings.read(path)
    judges = [open_judge(spec, Around(sets=found.sets)) for spec in specs]
    return by_key(ranked.run(found, judges, draws=3, ask=ask, how=HOW, seed=1, keep=keep))


def by_key(metrics: Sequence[MetricValue]) -> dict[Any, MetricValue]:
    return {(m.model, m.metric, m.baseline): m for m in metrics}


def test_longer_is_better_on_open_assistant_has_the_figures_computed_elsewhere(shared: Path, tmp_path: Path) -> None:
    path = shared / "data" / "human_rankings" / "oasst_en_100" / "en_100_tree.jsonl.gz"
    found = figures(str(path), ["length"], tmp_path, "both")
    for model in ("length", "length (pairs)"):
        measured = [found[model, name, None].value for name in ("pairwise_accuracy", "spearman", "kendall")]
        assert [round(value or 0, 3) for value in measured] == [0.698, 0.488, 0.449]
    assert found["length", "pairwise_accuracy", None].n == 719
    assert ("length", "five_best", None) not in found  # characters are no points


LLMBAR = {
    "LLMBar, right as listed": "correct_False",
    "LLMBar, right turned": "correct_True",
    "LLMBar, right in both": "correct_both",
    "LLMBar, orders agree": "equal",
    "LLMBar, right on average": "correct_average",
}


def llmbar_figures(found: Rankings, judge: Judge, keep: Path) -> dict[str, float | None]:
    pairs = ranked.compared(judge, found.sets, 1, keep)
    return {
        LLMBAR[m.metric.removeprefix(as_published.MARK)]: m.value
        for m in as_published.of_pairs("llmbar", judge.id, found.sets, pairs, HOW)
    }


def official_figures(path: Path) -> dict[str, Any]:
    """Of `"80 / 100 = 80.0%"` the exact share."""
    words = json.loads(path.read_text())
    counts = {name: words[name].split(" = ")[0].split(" / ") for name in LLMBAR.values() if " / " in words[name]}
    found = {name: int(hits) / int(n) for name, (hits, n) in counts.items()}
    return found | {"correct_average": pytest.approx(float(words["correct_average"].removesuffix("%")) / 100)}


@pytest.mark.parametrize("way", ["Vanilla", "CoT", "Rating"])
@pytest.mark.parametrize(
    "subset", ["Natural", *(f"Adversarial_{x}" for x in ("GPTInst", "GPTOut", "Manual", "Neighbor"))]
)
def test_llmbars_statistics_follow_from_its_judges_words(shared: Path, tmp_path: Path, subset: str, way: str) -> None:
    folder = shared / "data" / "human_rankings" / "llmbar"
    outputs = folder / "judge_outputs" / subset / "ChatGPT" / way
    found = rankings.read(str(folder / f"{subset}.dataset.json.gz"))
    judge = open_judge(f"file:{outputs / 'result.json.gz'}", Around(sets=found.sets))
    assert llmbar_figures(found, judge, tmp_path) == official_figures(outputs / "statistics.json")


def test_a_judge_of_another_data_set_is_refused(shared: Path, tmp_path: Path) -> None:
    folder = shared / "data" / "human_rankings" / "llmbar"
    spec = f"file:{folder / 'judge_outputs' / 'Natural' / 'ChatGPT' / 'CoT' / 'result.json.gz'}"
    other = rankings.read(str(folder / "Adversarial_Manual.dataset.json.gz"))
    with pytest.raises(SrlmError, match=r"its label differs from the rankings'|is not a row of the rankings"):
        open_judge(spec, Around(sets=other.sets))
    with pytest.raises(SrlmError, match="a judge's outputs on LLMBar's data set"):
        open_judge(spec, Around(sets=rankings.read(file(tmp_path, ROWS)).sets))


def test_reference_judges_and_their_paired_differences(tmp_path: Path) -> None:
    found = figures(file(tmp_path, ROWS), ["length", "constant"], tmp_path, "both")
    assert found["length", "pairwise_accuracy", None].value == 1
    assert found["constant", "pairwise_accuracy", None].value == 0
    assert found["constant", "pairwise_accuracy_half", None].value == 0.5
    assert found["constant", "pairwise_accuracy_half", "length"].value == -0.5
    assert found["constant (pairs)", "position_agreement", None].value == 1


def test_recorded_scores_and_comparisons_are_looked_up_and_the_rest_is_unread(tmp_path: Path) -> None:
    first = ROWS[1]
    a, b, c = first["responses"]
    said: list[dict[str, Any]] = [
        {"prompt": "question 1", "response": a, "raw": "Poor.\nScore: 1"},
        {"prompt": "question 1", "response": b, "score": 3},
        {"prompt": "question 1", "response": c, "raw": "no score at all"},
        {"prompt": "question 1", "first": a, "second": b, "raw": "B"},
        {"prompt": "question 1", "first": b, "second": a, "preference": 1},
    ]
    spec = f"file:{file(tmp_path, said, 'said.jsonl')}"
    found = figures(file(tmp_path, [first]), [spec], tmp_path, "both")
    name = f"{tmp_path.name}/said"
    scores, pairs = found[name, "pairwise_accuracy", None], found[f"{name} (pairs)", "pairwise_accuracy", None]
    assert (scores.value, scores.n, scores.unscored) == (1, 1, 2)
    assert (pairs.value, pairs.n, pairs.unscored) == (1, 1, 2)
    assert found[name, "unscored", None].value == pytest.approx(1 / 3)


def test_recorded_judgements_of_conversations_are_told_apart_by_all_their_turns(tmp_path: Path) -> None:
    """Two conversations that end in the same question, with the same answers to it."""

    def asked(subject: str) -> list[dict[str, str]]:
        turns = [("user", f"Tell me of {subject}."), ("assistant", "Gladly."), ("user", "Is it large?")]
        return [{"role": role, "content": content} for role, content in turns]

    rows = [{"prompt": asked(subject), "responses": ["Yes.", "No."], "ranks": [0, 1]} for subject in ("Asia", "Malta")]
    said = [
        {"prompt": one.ranked.prompt.transcript, "response": response.text, "score": score}
        for one, scores in zip(rankings.read(file(tmp_path, rows)).sets, ((4, 2), (1, 3)), strict=True)
        for response, score in zip(one.ranked.responses, scores, strict=True)
    ]
    assert said[0]["prompt"] == "User: Tell me of Asia.\n\nAssistant: Gladly.\n\nUser: Is it large?"
    found = figures(file(tmp_path, rows), [f"file:{file(tmp_path, said, 'said.jsonl')}"], tmp_path)
    (value,) = [m for (who, name, _), m in found.items() if name == "pairwise_accuracy" and who not in BESIDE]
    assert (value.value, value.n, value.unscored) == (0.5, 2, 0)  # right on Asia, wrong on Malta


@pytest.mark.parametrize(("score", "known"), [(5, True), (7, False)])
def test_a_five_is_told_only_where_all_scores_are_points(tmp_path: Path, score: float, known: bool) -> None:
    said = [{"prompt": "question 1", "response": text, "score": score} for text in ROWS[1]["responses"]]
    found = figures(file(tmp_path, ROWS[1:2]), [f"file:{file(tmp_path, said, 'said.jsonl')}"], tmp_path)
    assert ((f"{tmp_path.name}/said", "five_best", None) in found) == known


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ([], "contains no judgements"),
        ([{"prompt": "p"}], "said.jsonl:1: response: Field required"),
        ([{"prompt": "p", "response": "r", "score": "NaN"}], "score"),
        ([{"prompt": "p", "first": "a", "second": "b", "preference": 2}], "preference: .*less than or equal to 1"),
        (
            [{"prompt": "p", "first": "a", "second": "b", "preference": n} for n in (0, 1)],
            "duplicate comparison with a different outcome",
        ),
    ],
)
def test_broken_recorded_judgements_are_told(tmp_path: Path, said: list[dict[str, Any]], says: str) -> None:
    with pytest.raises(SrlmError, match=says):
        open_judge(f"file:{file(tmp_path, said, 'said.jsonl')}", Around(sets=rankings.read(file(tmp_path, ROWS)).sets))


@pytest.mark.parametrize("spec", ["", "length:3", "random:", "random:x", "openai:", "gpt-4"])
def test_an_unknown_judge_is_told_what_there_is(spec: str) -> None:
    with pytest.raises(SrlmError, match="not one of the judges checkpoint:NAME, hf:DIR_OR_ID, openai:MODEL"):
        open_judge(spec, Around())


def scripted(calls: list[str]) -> Judge:
    """A judge whose score is the answer's length, or one more in every second draw."""

    def write(request: Request, seed: int) -> str:
        text = request.messages[0].content
        calls.append(text)
        if text.startswith("Two assistants"):
            return "A"
        return f"Score: {min(5, len(text.split('<response>')[1].split('</response>')[0].strip()) % 3 + seed % 2)}"

    engine = ScriptedEngine(write, "scripted")
    scores = ModelPointJudge(engine, rubric.load("additive"), Sampling(), complete=False)
    return Judge("scripted", scores, ModelPairJudge(engine), facts={"judge": "scripted"}, five_points=True)


def test_comparisons_are_shared_out_where_an_engine_takes_several_calls(tmp_path: Path) -> None:
    both, thread, shared_out = threading.Barrier(2), threading.local(), threading.Event()

    def write(request: Request, seed: int) -> str:
        if shared_out.is_set() and not hasattr(thread, "met"):
            thread.met = both.wait(timeout=60)  # nobody comes where one thread does all the work
        return "A"

    rows = [{**row, "prompt": f"{row['prompt']}, part {part}"} for row in ROWS for part in range(3)]
    found, judged = rankings.read(file(tmp_path, rows)), []
    for name, engine in (
        ("alone", ScriptedEngine(lambda request, seed: "A")),
        ("pool", ScriptedEngine(write, concurrency=2)),
    ):
        shared_out.clear()
        asking = ModelPairJudge(engine)
        asking.compare([PairItem(prompt="p", first="a", second="b")], seed=1)  # the first one settles how, alone
        shared_out.set()
        judge = Judge("scripted", None, asking, facts={"judge": "scripted"}, five_points=True)
        judged.append(ranked.run(found, [judge], draws=1, ask="pairs", how=HOW, seed=1, keep=tmp_path / name))
    kept = [(tmp_path / name / "scripted-comparisons.jsonl").read_bytes() for name in ("alone", "pool")]
    assert kept[0].count(b"\n") == 24 * 3 * 2
    assert kept[1] == kept[0]
    assert judged[1] == judged[0]


def test_a_models_words_are_kept_and_asked_for_once(tmp_path: Path) -> None:
    found, calls = rankings.read(file(tmp_path, ROWS)), list[str]()
    first = ranked.run(found, [scripted(calls)], draws=5, ask="both", how=HOW, seed=1, keep=tmp_path / "out")
    assert calls
    again: list[str] = []
    assert ranked.run(found, [scripted(again)], draws=5, ask="both", how=HOW, seed=1, keep=tmp_path / "out") == first
    assert again == []
    with pytest.raises(SrlmError, match="draws: 5 -> 3"):
        ranked.run(found, [scripted(again)], draws=3, ask="scores", how=HOW, seed=1, keep=tmp_path / "out")
    named = by_key(first)
    # The one draw, the three and the five are the same judgements: a mean of more of them.
    assert {baseline for _, _, baseline in named if baseline} == {"scripted (k=1)", "scripted (k=3)", "scripted"}
    # It says A whatever is shown: the orders never agree, and each of its wins is a tie.
    assert named["scripted (pairs)", "position_agreement", None].value == 0
    assert named["scripted (pairs)", "first_shown_preferred", None].value == 1
    assert named["scripted (pairs)", "pairwise_accuracy_half", None].value == 0.5


PREFERENCES = st.sampled_from([None, 0.0, 0.5, 1.0])


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), PREFERENCES, PREFERENCES), min_size=1, max_size=8))
def test_pairwise_measures_equal_a_slow_reference(rows: list[tuple[int, int, float | None, float | None]]) -> None:
    ranks = [(a, b) for a, b, _, _ in rows]
    found = ranked.pair_measures(ranks, [RankedPair(s, 0, 1, x, y) for s, (_, _, x, y) in enumerate(rows)])
    both = [(a, b, x, y) for a, b, x, y in rows if a != b and x is not None and y is not None]
    wins = [(x == y == 1, x == y == 0) if a < b else (x == y == 0, x == y == 1) for a, b, x, y in both]
    agreed = [x == y for _, _, x, y in rows if x is not None and y is not None]
    values = {
        "pairwise_accuracy": [float(right) for right, _ in wins],
        "pairwise_accuracy_half": [1.0 if right else 0.0 if wrong else 0.5 for right, wrong in wins],
        "accuracy_as_listed": [float(x == (a < b)) for a, b, x, _ in rows if a != b and x is not None],
        "accuracy_turned": [float(y == (a < b)) for a, b, _, y in rows if a != b and y is not None],
        "accuracy_both_orders": [float(x == y == (a < b)) for a, b, x, y in both],
        "position_agreement": [float(one) for one in agreed],
    }
    for name, expected in values.items():
        if expected:
            assert found[name].value == pytest.approx(sum(expected) / len(expected)), name
        else:
            assert name not in found or found[name].value is None


def test_a_liking_for_either_place_cancels_out_of_the_probability_of_both_orders() -> None:
    """A judge that always prefers the first shown, less surely where the other is better; of 4 pairs 3 were ordered."""
    ranks = [(0, 1), (0, 1), (1, 0), (0, 0)]
    sure = [(0.9, 0.7), (0.6, 0.8), (0.7, 0.9), (0.9, 0.6)]  # P(first shown), as listed and turned
    pairs = [RankedPair(s, 0, 1, 1.0, 0.0, (x + 1 - y) / 2) for s, (x, y) in enumerate(sure)]
    found = ranked.pair_measures(ranks, pairs)
    assert found["pairwise_accuracy"].value == 0
    assert found["accuracy_by_probability"].value == pytest.approx(2 / 3)
    unsaid = ranked.pair_measures(ranks, [pair._replace(chance=None) for pair in pairs])
    assert "accuracy_by_probability" not in unsaid
    mixed = ranked.pair_measures(
        ranks, [pairs[0], pairs[1]._replace(chance=None), pairs[2]._replace(chance=0.5), pairs[3]]
    )
    assert (mixed["accuracy_by_probability"].value, mixed["accuracy_by_probability"].unscored.sum()) == (0.5, 1)


def annotated(opinions: Sequence[tuple[int, int, int]]) -> list[dict[str, Any]]:
    ranks = [[0, 1], [0, 0], [1, 0]]
    return [
        {"prompt": f"p{n}", "responses": ["x", "y"], "ranks": [0, 1]}
        | {"annotators": {f"a{i}": ranks[told] for i, told in enumerate(row)}}
        for n, row in enumerate(opinions)
    ]


def test_peoples_agreement_is_the_libraries_and_the_ceiling_leaves_one_out(tmp_path: Path) -> None:
    generator = np.random.default_rng(3)
    rows = [tuple((int(generator.integers(3)) + (generator.random(3) < 0.3)) % 3) for _ in range(40)]
    opinions = [(int(a), int(b), int(c)) for a, b, c in rows]
    found = by_key(people.figures(rankings.read(file(tmp_path, annotated(opinions))).sets, HOW))
    columns = list(zip(*opinions, strict=True))
    kappas = [cohen_kappa_score(a, b) for a, b in itertools.combinations(columns, 2)]
    kappa, alpha = found["people", "cohen_kappa", None], found["people", "krippendorff_alpha", None]
    assert kappa.value == pytest.approx(np.mean(kappas))
    assert alpha.value == pytest.approx(krippendorff.alpha(np.array(columns), level_of_measurement="nominal"))
    for one in (kappa, alpha):
        assert one.low is not None and one.high is not None and one.value is not None
        assert one.low < one.value < one.high
    hits = total = 0
    for row in opinions:
        for place, own in enumerate(row):
            others = [told for at, told in enumerate(row) if at != place]
            if others[0] == others[1] != 1:
                total, hits = total + 1, hits + (own == others[0])
    ceiling = found["people (one against the others)", "pairwise_accuracy", None]
    assert ceiling.value == pytest.approx(hits / total)
    assert ceiling.n == total


@given(st.lists(st.integers(0, 6), min_size=9, max_size=9))
def test_the_formulas_behind_the_intervals_are_the_libraries(cells: list[int]) -> None:
    table = np.array(cells, dtype=float).reshape(3, 3)
    a, b = np.repeat(np.arange(9) // 3, cells), np.repeat(np.arange(9) % 3, cells)
    if len({*a, *b}) > 1:
        assert people.kappa(table) == pytest.approx(cohen_kappa_score(a, b))
        expected = krippendorff.alpha(np.array([a, b]), level_of_measurement="nominal")
        assert people.alpha(table + table.T) == pytest.approx(expected)


def test_nobody_to_compare_gives_no_figures_of_people(tmp_path: Path) -> None:
    assert people.figures(rankings.read(file(tmp_path, ROWS)).sets, HOW) == []


def test_annotators_who_always_say_the_same_have_no_kappa_and_the_reason(tmp_path: Path) -> None:
    rows = [
        {"prompt": f"p{n}", "responses": ["a", "b"], "annotators": {"x": [0, 1], "y": [0, 1], "z": [n % 2, 1 - n % 2]}}
        for n in range(12)
    ]
    alike = [row | {"annotators": {"x": [0, 1], "y": [0, 1]}} for row in rows]
    found = by_key(people.figures(rankings.read(file(tmp_path, alike)).sets, HOW))
    kappa, alpha = (found["people", name, None] for name in ("cohen_kappa", "krippendorff_alpha"))
    assert (kappa.value, kappa.low, kappa.unscored) == (None, None, 12)
    assert kappa.note == "undefined for 1 pair of annotators, who say the same of every pair"
    assert (alpha.value, alpha.n) == (None, 12)
    mixed = by_key(people.figures(rankings.read(file(tmp_path, rows)).sets, HOW))["people", "cohen_kappa", None]
    assert mixed.value == 0  # x and z, y and z agree as chance would; of x and y nothing can be said
    assert mixed.note.startswith("2 pairs of annotators") and "undefined for 1 pair of" in mixed.note


def test_baselines_and_every_policy_on_ties_stand_beside_a_judge(tmp_path: Path) -> None:
    said = [
        {"prompt": row["prompt"], "response": text, "score": score}
        for n, row in enumerate(ROWS)
        for text, score in zip(row["responses"], (1, 1, 2) if n % 2 else (1, 2, 3), strict=True)
    ]
    found = figures(file(tmp_path, ROWS), [f"file:{file(tmp_path, said, 'said.jsonl')}"], tmp_path)
    (judge,) = {who for who, _, _ in found} - {*BESIDE}
    # 24 pairs; the judge ties one in four of the sets, and orders the other 20 rightly.
    for policy, value in (("", 20 / 24), ("_half", 22 / 24), ("_ties_left_out", 1.0), ("_ties_right", 1.0)):
        one = found[judge, f"pairwise_accuracy{policy}", None]
        assert one.value == pytest.approx(value) and one.low is not None and one.low < value
        assert one.n == (20 if policy == "_ties_left_out" else 24)
    for policy, value in (("", 0.0), ("_half", 0.5), ("_ties_right", 1.0)):
        assert found[baselines.CONSTANT, f"pairwise_accuracy{policy}", None].value == value
    assert found[baselines.CONSTANT, "pairwise_accuracy_ties_left_out", None].value is None
    first = found[baselines.FIRST, "pairwise_accuracy", None]
    assert first.value is None and first.note == baselines.BY_RANK  # the worst answer stands first in every set
    assert found[baselines.LENGTH, "pairwise_accuracy", None].value == 1
    ceiling = found[baselines.CEILING, "pairwise_accuracy", None]
    assert ceiling.value is None and ceiling.note.startswith("unknown: these rankings do not say")


def test_the_answer_listed_first_is_a_baseline_where_the_place_says_nothing_of_the_rank(tmp_path: Path) -> None:
    turned = [1, 0, 0, 0]
    rows = [
        {"prompt": f"p{n}", "responses": ["x", "xx"], "ranks": [turned[n % 4], 1 - turned[n % 4]]} for n in range(40)
    ]
    found = figures(file(tmp_path, rows), ["length"], tmp_path)
    assert found[baselines.FIRST, "pairwise_accuracy", None].value == 0.75


def test_sets_of_one_prompt_are_resampled_together(tmp_path: Path) -> None:
    alone = [{"prompt": f"p{n}", "responses": ["x", "xx"], "ranks": [n % 2, 1 - n % 2]} for n in range(40)]
    grouped = [row | {"group": f"g{n % 2}"} for n, row in enumerate(alone)]
    wide, narrow = (
        figures(file(tmp_path, rows), ["length"], tmp_path)["length", "pairwise_accuracy", None]
        for rows in (grouped, alone)
    )
    assert wide.value == narrow.value == 0.5
    assert wide.low is not None and wide.high is not None
    # One group is all right, the other all wrong: Wilson's interval of one of two.
    assert wide.low == pytest.approx(1 - wide.high) and wide.low < 0.1
    assert narrow.low is not None and narrow.low > 0.3


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "either --run, or --rankings with --judge and --out"),
        (["--rankings", "none.jsonl", "--judge", "length", "--out", "o.json"], "none.jsonl: no such file"),
        (["--rankings", "none.jsonl", "--judge", "length"], "--out FILE.json is missing"),
        (["--rankings", "{rows}", "--judge", "length", "--out", "figures"], "--out FILE.json is needed, not figures"),
        (["--rankings", "{rows}", "--out", "{out}"], "--judge is missing"),
        (
            ["--rankings", "{rows}", "--judge", "length", "--judge", "length", "--out", "{out}"],
            "two judges have the name",
        ),
        (["--rankings", "{rows}", "--judge", "transformers:/none", "--out", "{out}"], "/none"),
    ],
)
def test_the_command_refuses_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    rows, out = file(tmp_path, ROWS), str(tmp_path / "o.json")
    with pytest.raises(SystemExit) as left:
        main(["agreement", *(word.format(rows=rows, out=out) for word in words)])
    error = capsys.readouterr().err
    assert left.value.code == 2
    assert says in error and "Traceback" not in error
    assert not Path(out).exists()


def test_the_command_prints_a_table_and_writes_all_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "o.json"
    with pytest.raises(SystemExit) as left:
        main(
            [
                "agreement",
                "--rankings",
                file(tmp_path, ROWS),
                "--judge",
                "length",
                "--judge",
                "random:2",
                "--out",
                str(out),
            ]
        )
    assert left.value.code == 0
    said = capsys.readouterr().out
    assert "own, 8 sets of answers in 8 groups" in said
    assert re.search(r"^length +1.000 \[0.6\d\d, 1.000\]", said, re.MULTILINE)
    assert "Yuan et al. 2024" in said
    assert re.search(r"^random:2 +length +Spearman +-\d\.\d{3} +[.\d]+ +8 prompts +0$", said, re.MULTILINE)
    assert "\nrandom:2 minus length, spearman: no interval: fewer than 15 prompts\n" in said
    metrics = [MetricValue.model_validate(value) for value in json.loads(out.read_text())]
    assert {m.model for m in metrics} == {"length", "random:2", *BESIDE}


def test_models_of_a_run_are_judges_by_scores_and_by_log_probabilities_under_their_own_names(
    tmp_path: Path, bead_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [tmp_path / name / "model" for name in ("M1", "M2")]
    for folder in folders:
        shutil.copytree(bead_model, folder)
    judges = [word for folder in folders for word in ("--judge", f"transformers:{folder}")]
    out, words = tmp_path / "o.json", ["--template", "beads", "--max-new-tokens", "8", "--complete", "--draws", "3"]
    command = ["agreement", "--rankings", file(tmp_path, ROWS[:3]), *judges]
    for _ in range(2):  # the second time from what was kept
        with pytest.raises(SystemExit) as left:
            main([*command, *words, "--ask", "both", "--resamples", "100", "--out", str(out)])
        assert left.value.code == 0, capsys.readouterr().err
    metrics = by_key([MetricValue.model_validate(value) for value in json.loads(out.read_text())])
    assert metrics["M2", "unscored", None].n == 3 * 3 * 3
    assert metrics["M2", "unscored", None].value == 0
    assert metrics["M2 (pairs)", "position_agreement", None].n == 3 * 3
    assert metrics["M2", "pairwise_accuracy", "M2 (k=1)"].n == 3
    assert metrics["M2", "pairwise_accuracy", "M1"].n == 3
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == [
        f"{name}-{what}.jsonl{note}"
        for name in ("M1", "M2")
        for what in ("comparisons", "judgements")
        for note in ("", ".from.json")
    ]


def test_what_a_judge_said_is_not_taken_for_that_of_an_edited_one(
    tmp_path: Path, bead_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(bead_model, tmp_path / "M1/model"))
    out = tmp_path / "o.json"
    command = ["agreement", "--rankings", file(tmp_path, ROWS[:3]), "--judge", f"transformers:{folder}"]
    words = ["--template", "beads", "--max-new-tokens", "4", "--draws", "1", "--resamples", "100", "--out", str(out)]

    def said(status: int) -> str:
        with pytest.raises(SystemExit) as left:
            main([*command, *words])
        assert left.value.code == status
        return capsys.readouterr().err

    said(0)
    note = tmp_path / "o/M1-judgements.jsonl.from.json"
    noted = json.loads(note.read_text())
    template = folder / "chat_template.jinja"
    template.write_text(template.read_text() + "\n{# the weights are the same #}")
    assert re.search(
        r"M1-judgements\.jsonl was made with other inputs \(model files: .* -> .*\); restore the old", said(2)
    )
    del noted["model files"]  # as it was noted before more than the weights was
    note.write_text(json.dumps(noted))
    said(0)
    assert json.loads(note.read_text())["model files"] != ""
    template.write_text(template.read_text() + "\n{# and now it is known #}")
    said(2)


CLOCK = "{% if strftime_now is defined %}{{ strftime_now('%Y-%m-%d') + ' ' }}{% endif %}"


def test_a_judge_of_a_run_sees_the_runs_day_and_its_template_arguments(
    trained: Path, bead_model: Path, tmp_path: Path
) -> None:
    def facts(folder: Path) -> dict[str, Any]:
        return dict(open_judge(f"transformers:{folder}", Around()).facts or {})

    run = Path(shutil.copytree(trained / "runs/tiny", tmp_path / "run"))
    template = run / "M1/model/chat_template.jinja"
    template.write_text(CLOCK + template.read_text())
    for name, part in (("inputs", {"date": "2024-11-05"}), ("settings", {})):
        noted = json.loads((run / f"{name}.json").read_text()) | part
        if name == "settings":
            noted["model"]["template_arguments"] = {"thinking": False}
        (run / f"{name}.json").write_text(json.dumps(noted))
    (run / "seals.json").unlink()  # as of an older srlm: nothing vouches for the two
    assert facts(run / "M1/model")["date"] == "2024-11-05"
    assert facts(run / "M1/model")["template arguments"] == digest({"thinking": False})
    alone = Path(shutil.copytree(run / "M1/model", tmp_path / "alone"))
    assert facts(alone)["date"] == datetime.date.today().isoformat()
    assert "date" not in facts(bead_model)  # its template has no clock


def says(body: dict[str, Any], _: int) -> Reply:
    """Prefers the second of two answers, and scores by length."""
    text = body["messages"][0]["content"]
    said = "B" if "[Answer A]" in text else f"Score: {len(text) % 6}"
    return words(*[said] * body.get("n", 1), usage={"prompt_tokens": 1000, "completion_tokens": 10})


def test_a_command_gets_the_same_figures_through_the_batch_api(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        row | {"prompt": f"\u0441\u043a\u043e\u043b\u044c\u043a\u043e \U0001f600? {row['prompt']}"} for row in ROWS[:5]
    ]
    command = ["agreement", "--rankings", file(tmp_path, rows), "--judge", "openai:tiny", "--ask", "scores"]

    with serving_batches(lambda body: (200, says(body, 0).body)) as server:
        for name, switch in (("alone", "0"), ("batch", "1")):
            monkeypatch.setenv("SRLM_BATCH_API", switch)
            with pytest.raises(SystemExit) as left:
                main(
                    [*command, "--resamples", "100", "--base-url", server.url, "--out", str(tmp_path / f"{name}.json")]
                )
            assert (left.value.code or 0) == 0, capsys.readouterr().err
        assert len(server.batches) == 1
    figures = [json.loads((tmp_path / f"{name}.json").read_text()) for name in ("alone", "batch")]
    assert figures[0] == figures[1]


def test_a_server_is_recorded_replayed_and_capped(
    tmp_path: Path, serve: Serve, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(says)
    rows = ["agreement", "--rankings", file(tmp_path, ROWS[:2]), "--judge", "openai:tiny", "--ask", "both"]
    how = ["--draws", "2", "--resamples", "100"]

    def run(name: str, *more: str, url: str = server.url) -> tuple[int, str]:
        with pytest.raises(SystemExit) as left:
            main([*rows, *how, "--base-url", url, "--out", str(tmp_path / f"{name}.json"), *more])
        return int(left.value.code or 0), capsys.readouterr().err

    price = ["--price", "10", "30"]  # an answer costs 1000 x 10 / 1e6 + 10 x 30 / 1e6 = 0.0103 dollars
    status, error = run("capped", *price, "--max-cost", "0.045", "--record", str(tmp_path / "calls.sqlite"))
    assert status == 2 and 0 < len(server.asked) < 6, error  # a call under way counts with all that it may write
    assert "no prompt was judged whole within 0.045 US dollars (--max-cost, max_cost); raise it" in error
    assert run("whole", "--record", str(tmp_path / "calls.sqlite")) == (0, "")
    # 2 prompts x 3 answers are scored, 2 x 3 pairs compared in both orders.
    assert len(server.asked) == 6 + 12
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    replayed = run("again", "--replay", str(tmp_path / "calls.sqlite"), url="https://models.example/v1")
    assert replayed == (0, "")
    assert len(server.asked) == 6 + 12
    figures = [json.loads((tmp_path / f"{name}.json").read_text()) for name in ("whole", "again")]
    assert figures[0] == figures[1]
    assert {one["model"] for one in figures[0]} >= {"tiny", "tiny (pairs)"}
    own = run("own")
    assert own == (0, "") and (tmp_path / "own/calls.sqlite").exists()  # kept beside --out where no option says where
    both = run("both", "--record", str(tmp_path / "x"), "--replay", str(tmp_path / "calls.sqlite"))
    assert both[0] == 2 and "--record and --replay cannot be used together" in both[1]
