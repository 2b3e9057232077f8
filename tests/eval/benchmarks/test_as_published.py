"""Each test set's own figures: what its code counts, worked by hand; ours beside them leave out what is unread."""

import json
from math import tanh
from pathlib import Path
from typing import Any

import pytest

from eval.benchmarks.judge_agreement import as_published, ranked
from eval.benchmarks.judge_agreement.ranked_pair import RankedPair
from eval.data import rankings
from eval.records import MetricValue
from eval.stats.intervals import Resampling
from srlm.data.rankings import Rankings
from srlm.judge.open import Around, open_judge
from tests.eval.test_agreement import llmbar_figures, official_figures

HOW = Resampling(resamples=200, confidence=0.95, seed=1)
Json = dict[str, Any]


def read(folder: Path, rows: list[Json]) -> Rankings:
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return rankings.read(str(folder / "rows.jsonl"))


def named(metrics: list[MetricValue]) -> dict[str, MetricValue]:
    return {m.metric.removeprefix(as_published.MARK): m for m in metrics}


def test_llmbar_counts_an_unread_verdict_as_wrong_and_two_as_agreeing(tmp_path: Path) -> None:
    rows = [{"input": f"q{n}", "output_1": "x", "output_2": "y", "label": 1} for n in range(4)]
    found = read(tmp_path, rows)
    told = [(1.0, 1.0), (1.0, None), (None, None), (0.0, 1.0)]
    pairs = [RankedPair(s, 0, 1, listed, turned) for s, (listed, turned) in enumerate(told)]
    theirs = named(as_published.of_pairs("llmbar", "j", found.sets, pairs, HOW))
    values = {name.removeprefix("LLMBar, "): m.value for name, m in theirs.items()}
    alone = {"right as listed": 0.5, "right turned": 0.5, "right on average": 0.5}
    assert values == alone | {"right in both": 0.25, "orders agree": 0.5}
    assert {m.note for m in theirs.values()} == {"3 verdicts that could not be read, counted as wrong"}
    ours = ranked.pair_measures([one.ranked.ranks for one in found.sets], pairs)
    assert ours["accuracy_as_listed"].value == 2 / 3  # of three that were read
    assert ours["accuracy_both_orders"].value == 1 / 2


def test_a_judge_of_one_order_has_no_published_figure_that_needs_both(tmp_path: Path) -> None:
    rows = [{"input": f"q{n}", "output_1": "x", "output_2": "y", "label": 1} for n in range(2)]
    found = read(tmp_path, rows)
    pairs = [RankedPair(0, 0, 1, 1.0, 1.0), RankedPair(1, 0, 1, None, None)]
    (theirs,) = as_published.of_pairs("llmbar", "j", found.sets, pairs, HOW, one_order=True)
    assert (theirs.metric, theirs.value) == ("as published: LLMBar, right as listed", 0.5)
    assert theirs.note == "1 verdict that could not be read, counted as wrong"


@pytest.mark.parametrize("way", ["Vanilla", "Rating"])
def test_llmbars_published_files_give_its_published_statistics(shared: Path, tmp_path: Path, way: str) -> None:
    folder = shared / "data" / "human_rankings" / "llmbar"
    outputs = folder / "judge_outputs_as_published" / "Natural" / "ChatGPT" / way
    found = rankings.read(str(folder / "Natural.dataset.json.gz"))
    judge = open_judge(f"file:{outputs / 'result.json.gz'}", Around(sets=found.sets))
    assert llmbar_figures(found, judge, tmp_path) == official_figures(outputs / "statistics.json")


def test_judgebench_needs_more_right_verdicts_than_wrong_ones(tmp_path: Path) -> None:
    rows = [
        {"question": f"q{n}", "response_A": "x", "response_B": "y", "label": "A>B", "source": source}
        for n, source in enumerate(("mmlu-pro-law", "mmlu-pro-law", "livebench-math", "livecodebench", "livecodebench"))
    ]
    found = read(tmp_path, rows)
    told = [(1.0, 1.0), (1.0, 0.5), (1.0, 0.0), (None, 1.0), (0.5, None)]  # right, right, even, right, even
    pairs = [RankedPair(s, 0, 1, listed, turned) for s, (listed, turned) in enumerate(told)]
    theirs = named(as_published.of_pairs("judgebench", "j", found.sets, pairs, HOW))
    values = {name.removeprefix("JudgeBench, "): (m.value, m.n) for name, m in theirs.items()}
    assert values == {"mmlu-pro": (1, 2), "livebench-math": (0, 1), "livecodebench": (0.5, 2), "all": (0.6, 5)}


CHAT = ["alpacaeval-easy"] * 2 + ["mt-bench-easy"]


def trios(subsets: list[str]) -> list[Json]:
    return [
        {"prompt": f"p{n}", "chosen": "good", "rejected": "bad", "subset": subset, "id": n}
        for n, subset in enumerate(subsets)
    ]


def test_rewardbench_weighs_subsets_by_their_published_numbers(tmp_path: Path) -> None:
    found = read(tmp_path, trios([*CHAT, "math-prm", "hep-go"]))
    scores = [(2.0, 1.0), (1.0, 1.0), (3.0, 1.0), (1.0, 2.0), (2.0, 1.0)]
    theirs = named(as_published.of_scores(found.format, "rm", found.sets, scores, HOW))
    chat = (0.5 * 100 + 1 * 28) / 128  # equal scores are wrong: half of alpacaeval-easy, all of mt-bench-easy
    reasoning = (0 * 984 + 1 * 164) / (984 + 164)
    assert theirs["RewardBench, Chat"].value == pytest.approx(chat)
    assert theirs["RewardBench, Reasoning"].value == pytest.approx(reasoning)
    assert theirs["RewardBench, mean of sections"].value == pytest.approx((chat + reasoning) / 2)


def test_rewardbench_gives_half_for_a_comparison_that_is_a_tie_or_unread(tmp_path: Path) -> None:
    found = read(tmp_path, trios(CHAT))
    pairs = [RankedPair(0, 0, 1, 1.0, 1.0), RankedPair(1, 0, 1, 0.0, None), RankedPair(2, 0, 1, 0.5, 1.0)]
    theirs = named(as_published.of_pairs(found.format, "j", found.sets, pairs, HOW))
    easy = (1 + (0 + 0.5) / 2) / 2
    assert theirs["RewardBench, Chat"].value == pytest.approx((easy * 100 + 0.75 * 28) / 128)
    assert theirs["RewardBench, Chat"].note == "1 pair with something that could not be read"


def test_rewardbench_kept_as_messages_has_its_sections_too(tmp_path: Path) -> None:
    asked = {"role": "user", "content": "p"}
    row = {name: [asked, {"role": "assistant", "content": name}] for name in ("chosen", "rejected")}
    found = read(tmp_path, [row | {"subset": "donotanswer"}])
    assert found.format == "preferences"
    theirs = named(as_published.of_scores(found.format, "rm", found.sets, [(1.0, 0.0)], HOW))
    assert theirs["RewardBench, Safety"].value == 1


def test_rows_of_other_subsets_have_no_sections(tmp_path: Path) -> None:
    found = read(tmp_path, trios(["made up"]))
    assert as_published.of_scores(found.format, "rm", found.sets, [(1.0, 0.0)], HOW) == []


def second(id: str, right: int, wrong: int, subset: str = "Ties") -> Json:
    row = {"id": id, "prompt": f"p {id}", "num_correct": right, "subset": subset, "models": ["m"]}
    return row | {"chosen": [f"c{n}" for n in range(right)], "rejected": [f"r{n}" for n in range(wrong)]}


SECOND = [
    second("ref:1", 1, 2),
    second("tied:1", 3, 2),
    second("ref:2", 1, 1),
    second("tied:2", 2, 1),
    second("f1", 1, 3, "Factuality"),
    second("f2", 1, 3, "Factuality"),
]
SCORES = [
    (9.0, 2.0, 3.0),  # ref:1, gap 6
    (8.0, 9.0, 10.0, 3.0, 4.0),  # tied:1: gap 8 - 4 = 4, spread 2
    (5.0, 4.0),  # ref:2, gap 1
    (7.0, 5.0, 6.0),  # tied:2: gap 5 - 6 = -1, spread 2
    (4.0, 4.0, 1.0, 2.0),  # shared by two
    (1.0, 4.0, 1.0, 2.0),  # wrong
]


def test_the_ties_of_rewardbench_2_have_the_published_score(tmp_path: Path) -> None:
    found = read(tmp_path, SECOND)
    assert found.format == "rewardbench"
    theirs = named(as_published.of_scores(found.format, "rm", found.sets, SCORES, HOW))
    # tied right: 1 of 2; ref right: 2 of 2; gap over spread: 1 of 2, in both ways of counting
    margins = (tanh(min(6, 4) / 2 - 1) + tanh(min(1, -1) / 2 - 1)) / 2
    ties = 0.3 * 0.5 + 0.3 * 1 + 0.2 * 0.5 + 0.2 * 0.5 + 0.01 * margins
    assert theirs["RewardBench 2, Ties"].value == pytest.approx(ties)
    assert theirs["RewardBench 2, Ties"].n == 2  # what is resampled is a prompt with both its forms
    assert theirs["RewardBench 2, Factuality"].value == pytest.approx(0.25)
    assert theirs["RewardBench 2, mean of subsets"].value == pytest.approx((ties + 0.25) / 2)


def test_right_answers_of_one_score_have_no_margin_and_an_unscored_answer_has_minus_one(tmp_path: Path) -> None:
    found = read(tmp_path, SECOND[:2])
    scores = [(0.0, None, -2.0), (3.0, 3.0, 3.0, 3.0, 2.0)]
    theirs = named(as_published.of_scores(found.format, "rm", found.sets, scores, HOW))["RewardBench 2, Ties"]
    # ref: 0 over -1, right; tied: gap 0, spread 0: neither right nor wider than the spread; 0 / 0 is no margin
    assert theirs.value == pytest.approx(0.3)
    assert theirs.note == "1 answer without a score, counted as -1"


def test_ties_without_both_forms_and_comparisons_have_no_score_and_say_why(tmp_path: Path) -> None:
    found = read(tmp_path, [SECOND[0], *SECOND[4:]])
    theirs = named(as_published.of_scores(found.format, "rm", found.sets, [SCORES[0], *SCORES[4:]], HOW))
    assert theirs["RewardBench 2, Ties"].value is None
    assert theirs["RewardBench 2, Ties"].note.startswith("no prompt has both forms")
    asked = named(as_published.of_pairs(found.format, "j", found.sets, [], HOW))
    assert asked["RewardBench 2"].note == "is defined by scores, not by comparisons: --ask scores"
