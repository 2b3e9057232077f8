"""Judgements as other harnesses publish them: each form by its columns, held against the rankings, the rest counted."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from eval.data import rankings
from srlm.data.human_ranking import HumanRanking
from srlm.data.lines import Row
from srlm.errors import DataError
from srlm.judge.pairwise import PairItem
from srlm.judge.recorded import Recorded
from srlm.judge.recorded_files import judge_arena_scores, reader_of

Json = dict[str, Any]


def saved(folder: Path, rows: list[Json], name: str) -> str:
    path = folder / name
    if name.endswith(".csv"):
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)))
            writer.writeheader()
            writer.writerows(rows)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def pairs_of(said: Recorded, one: HumanRanking) -> tuple[float | None, float | None]:
    """As listed and turned, each for the answer shown first."""
    prompt = one.ranked.prompt.transcript
    a, b = (response.text for response in one.ranked.responses)
    items = [PairItem(prompt=prompt, first=a, second=b), PairItem(prompt=prompt, first=b, second=a)]
    first, second = said.compare(items, 1)
    return first.preference, second.preference


LLMBAR = [
    {"input": "Name a fruit.", "output_1": "A stone.", "output_2": "An apple.", "label": 2},
    {"input": "Name a tree.", "output_1": "An oak.", "output_2": "A chair.", "label": 1},
]


def side(words: str, winner: str | None) -> Json:
    return {"completion": [words, "stop"], "winner": winner}


def both(listed: Json, turned: Json) -> Json:
    return {"swap = False": listed, "swap = True": turned}


@pytest.mark.parametrize(
    ("results", "told"),
    [
        pytest.param([both(side("Output (b)", "2"), side("Output (a)", "2"))], (0, 1), id="right"),
        pytest.param([both(side("?", None), side("Output (a)", "2"))], (None, 1), id="unread"),
        pytest.param(
            [["What matters is the fruit.", "stop"], both(side("x", "1"), side("y", "2"))],
            (1, 1),
            id="behind-metrics-that-it-wrote-itself",
        ),
        pytest.param(
            [both(side("a", "1"), side("a", "2")), both(side("b", "2"), side("b", "2") | {"prompt": "..."})],
            (0, 1),
            id="the-synthesis-decides",
        ),
        pytest.param(
            [both(side("I prefer Output (a), at first sight", "2"), side("", "1"))],
            (0, 0),
            id="the-published-winner-and-not-our-own-idea-of-the-words",
        ),
        pytest.param(
            [{"score_1": ["3", "stop"], "score_2": ["5", "stop"]} | both({"winner": "2"}, {"winner": "2"})],
            (0, 1),
            id="ratings",
        ),
    ],
)
def test_llmbars_results_are_read_as_published(tmp_path: Path, results: list[Any], told: tuple[float, float]) -> None:
    sets = rankings.read(saved(tmp_path, LLMBAR, "dataset.json")).sets
    said = Recorded.read(saved(tmp_path, [LLMBAR[0] | {"results": results}], "result.json"), sets)
    assert pairs_of(said, sets[0]) == told
    assert said.scores_known == ("score_1" in results[-1])


def test_a_pair_that_stands_twice_with_its_outputs_exchanged_has_both_its_verdicts(tmp_path: Path) -> None:
    """Two rows of one of LLMBar's case studies: the judge said other things the second time."""
    other = {"input": "Name a fruit.", "output_1": "An apple.", "output_2": "A stone.", "label": 1}
    sets = rankings.read(saved(tmp_path, [LLMBAR[0], other], "dataset.json")).sets
    rows = [
        LLMBAR[0] | {"results": [both(side("a", "1"), side("a", "2"))]},
        other | {"results": [both(side("a", "1"), side("a", "1"))]},
    ]
    said = Recorded.read(saved(tmp_path, rows, "result.json"), sets)
    listed = [tuple(response.text for response in one.ranked.responses) for one in sets]
    shown = [pair for a, b in listed for pair in ((a, b), (b, a))]
    items = [PairItem(prompt="Name a fruit.", first=a, second=b) for a, b in shown]
    assert [one.preference for one in said.compare(items, 1)] == [1, 1, 1, 0]
    assert not +said.account


def test_llmbars_judges_are_named_by_their_folders(tmp_path: Path) -> None:
    sets = rankings.read(saved(tmp_path, LLMBAR, "dataset.json")).sets
    rows = [LLMBAR[0] | {"results": [both(side("a", "1"), side("a", "1"))]}]
    names = []
    for judge in ("GPT-4", "LLaMA2"):
        folder = tmp_path / "evaluators" / judge / "CoT"
        folder.mkdir(parents=True)
        names.append(Recorded.read(saved(folder, rows, "result.json"), sets).id)
    assert names == ["GPT-4/CoT", "LLaMA2/CoT"]


def test_llmbars_results_of_other_rows_are_refused(tmp_path: Path) -> None:
    sets = rankings.read(saved(tmp_path, LLMBAR[:1], "dataset.json")).sets
    results = [both(side("a", "1"), side("a", "1"))]
    with pytest.raises(DataError, match=r"result.json:1: its `input` and outputs are not in the rankings"):
        Recorded.read(saved(tmp_path, [LLMBAR[1] | {"results": results}], "result.json"), sets)
    with pytest.raises(DataError, match="its label differs"):
        Recorded.read(saved(tmp_path, [LLMBAR[0] | {"label": 1, "results": results}], "result.json"), sets)
    wrong = [both(side("a", "3"), side("a", "1"))]
    with pytest.raises(DataError, match="`winner` must be 1, 2 or null, found '3'"):
        Recorded.read(saved(tmp_path, [LLMBAR[0] | {"results": wrong}], "result.json"), sets)


PAIR = {
    "pair_id": "e3",
    "source": "mmlu-pro-law",
    "question": "Q",
    "response_A": "x",
    "response_B": "y",
    "label": "B>A",
}


@pytest.mark.parametrize(
    ("judgments", "told"),
    [
        pytest.param([{"decision": "B>A"}, {"decision": "A>B"}], (0, 1), id="right-in-both"),
        pytest.param([{"decision": "A=B"}, None], (0.5, None), id="a-tie-and-a-failure"),
        pytest.param([{"decision": None}, {"decision": "B>A"}], (None, 0), id="no-decision"),
    ],
)
def test_judgebenchs_outputs_are_a_judge_of_their_own_pairs(
    tmp_path: Path, judgments: list[Any], told: tuple[float | None, float | None]
) -> None:
    path = saved(tmp_path, [PAIR | {"judge_name": "j", "judgments": judgments}], "outputs.jsonl")
    found = rankings.read(path)
    assert (found.format, found.sets[0].ranked.ranks) == ("judgebench", (1, 0))
    assert pairs_of(Recorded.read(path, found.sets), found.sets[0]) == told


def test_a_reward_model_of_judgebench_also_scores_and_a_single_game_stands_alone(tmp_path: Path) -> None:
    scored = {
        "judgment": {"judge_model": "rm", "prompt": "", "response": "", "scores": [5.625, 14.5]},
        "decision": "B>A",
    }
    path = saved(tmp_path, [PAIR | {"judgments": [scored]}], "outputs.jsonl")
    said = Recorded.read(path, rankings.read(path).sets)
    assert (said.scores_known, said.five_points, said.one_order) == (True, False, True)


def talk(name: str) -> list[Json]:
    return [{"role": ("user", "assistant")[n % 2], "content": f"{'Q' if n % 2 == 0 else name}{n}"} for n in range(4)]


VOTE = {"question_id": 81, "model_a": "x", "model_b": "y", "judge": "expert_0", "turn": 2, "winner": "model_a"}
VOTE |= {"conversation_a": talk("x"), "conversation_b": talk("y")}
GAMES = {"question_id": 81, "model_1": "y", "model_2": "x", "turn": 2, "judge": ["gpt-4", "pair-v2"]}


@pytest.mark.parametrize(
    ("g1", "g2", "told"),
    [
        pytest.param("model_1", "model_1", (0, 1), id="y-in-both"),
        pytest.param("model_2", "model_2", (1, 0), id="x-in-both"),
        pytest.param("model_1", "model_2", (1, 1), id="whichever-comes-first"),
        pytest.param("tie", "error", (None, 0.5), id="a-tie-and-an-error"),
    ],
)
def test_mt_benchs_pairs_are_turned_to_the_answers_that_people_saw(
    tmp_path: Path, g1: str, g2: str, told: tuple[float | None, float | None]
) -> None:
    """In game 1 model_1 (here y) is shown first; the rankings list x first."""
    sets = rankings.read(saved(tmp_path, [VOTE], "votes.jsonl")).sets
    rows = [GAMES | {"g1_winner": g1, "g2_winner": g2}, GAMES | {"turn": 1, "g1_winner": "tie", "g2_winner": "tie"}]
    said = Recorded.read(saved(tmp_path, rows, "gpt-4_pair.jsonl"), sets)
    assert pairs_of(said, sets[0]) == told
    assert said.account["judgments of answers that are not in the rankings"] == 1
    assert not said.one_order


def test_mt_benchs_single_scores_and_a_models_votes_are_judges_of_the_same_answers(tmp_path: Path) -> None:
    sets = rankings.read(saved(tmp_path, [VOTE], "votes.jsonl")).sets
    row = {"question_id": 81, "turn": 2, "judge": ["gpt-4", "single-v1-multi-turn"], "judgment": "[[7]]"}
    rows = [row | {"model": "x", "score": 7}, row | {"model": "x", "score": -1}, row | {"model": "y", "score": 4}]
    said = Recorded.read(saved(tmp_path, rows, "gpt-4_single.jsonl"), sets)
    assert (said.draws, said.five_points, said.pairs_known) == (2, False, False)
    votes = Recorded.read(saved(tmp_path, [VOTE | {"judge": "gpt4_pair", "winner": "model_b"}, VOTE], "v.jsonl"), sets)
    assert (pairs_of(votes, sets[0]), votes.one_order, votes.account["votes of people"]) == ((0, 1), True, 1)


def test_judgments_on_mt_bench_need_its_votes(tmp_path: Path) -> None:
    sets = rankings.read(saved(tmp_path, LLMBAR, "dataset.json")).sets
    path = saved(tmp_path, [GAMES | {"g1_winner": "tie", "g2_winner": "tie"}], "gpt-4_pair.jsonl")
    with pytest.raises(DataError, match=r"give people's votes on it .* as --rankings"):
        Recorded.read(path, sets)


OWN = {"prompt": "Name a fruit.", "responses": ["An apple.", "A stone."], "ranks": [0, 1]}
SEEN = {"instruction": "Name a fruit.", "completion_A": "An apple.", "completion_B": "A stone."}
TURNED = {"instruction": "Name a fruit.", "completion_A": "A stone.", "completion_B": "An apple."}


def test_judge_arenas_annotations_are_a_judge_in_one_order_or_both(tmp_path: Path) -> None:
    sets = rankings.read(saved(tmp_path, [OWN], "rows.jsonl")).sets
    rows = [
        SEEN | {"judge_completion": "score_A: 8\nscore_B: 2"},
        TURNED | {"judge_completion": "score_A: 5\nscore_B: 5"},
    ]
    rows += [SEEN | {"instruction": "Something else", "judge_completion": "score_A: 1\nscore_B: 2"}]
    said = Recorded.read(saved(tmp_path, rows, "m-annotations.csv"), sets)
    assert pairs_of(said, sets[0]) == (1, 0.5)
    assert said.account["comparisons of answers that are not in the rankings"] == 1
    assert not said.one_order
    assert Recorded.read(saved(tmp_path, rows[:1], "m-annotations.csv"), sets).one_order


@pytest.mark.parametrize(
    ("words", "scores"),
    [
        pytest.param("score_A: 7\nscore_B: 3", (7, 3), id="as-asked"),
        pytest.param("```\nscore_A: 7.5\nscore_B: 10\n```", (7.5, 10), id="a-fraction-in-a-block"),
        pytest.param('{"score_A": 7, "score_B": 3}', (7, 3), id="json"),
        pytest.param("**Score A:** 7/10\n**Score B:** 3/10", (7, 3), id="bold"),
        pytest.param("<think>score_A: 1, score_B: 9</think>\nscore_A: 7\nscore_B: 3", (7, 3), id="a-thought-before"),
        pytest.param("score_A: 7", None, id="one-missing"),
        pytest.param("score_A: 7\nscore_B: 3\nOn reflection, score_A: 2", None, id="two-for-one-answer"),
        pytest.param("A is better.", None, id="none"),
    ],
)
def test_judge_arenas_words(words: str, scores: tuple[float, float] | None) -> None:
    assert judge_arena_scores(words) == scores


def test_alpaca_evals_annotations_are_a_judge_whose_order_nobody_knows(tmp_path: Path) -> None:
    sets = rankings.read(saved(tmp_path, [OWN], "rows.jsonl")).sets
    row = {"instruction": "Name a fruit.", "output_1": "A stone.", "output_2": "An apple.", "annotator": "a"}
    said = Recorded.read(saved(tmp_path, [row | {"preference": 1.9}], "annotations.json"), sets)
    assert (pairs_of(said, sets[0]), said.one_order) == ((1, 0), True)
    none = Recorded.read(saved(tmp_path, [row | {"preference": None}], "annotations.json"), sets)
    assert pairs_of(none, sets[0]) == (None, None)
    with pytest.raises(DataError, match="`preference` must be 1 to 2"):
        Recorded.read(saved(tmp_path, [row | {"preference": 3}], "annotations.json"), sets)


def test_a_thought_in_a_recorded_answer_is_cut_as_in_the_rankings(tmp_path: Path) -> None:
    thinking = "<think>hm</think>\n\nAn apple."
    sets = rankings.read(saved(tmp_path, [OWN | {"responses": [thinking, "A stone."]}], "rows.jsonl")).sets
    line = {"prompt": "Name a fruit.", "first": thinking, "second": "A stone.", "preference": 1}
    assert pairs_of(Recorded.read(saved(tmp_path, [line], "said.jsonl"), sets), sets[0]) == (1, None)


def test_a_file_of_no_known_form_is_refused_with_what_was_found_and_what_is_known() -> None:
    with pytest.raises(
        DataError, match=r"f:1: found id, verdict; no judgements of a known form; known are our own lines"
    ):
        reader_of(Row("f:1", {"id": 1, "verdict": "A"}))
    with pytest.raises(DataError, match=r"could be any of our own lines: prompt; PandaLM's verdicts: idx"):
        reader_of(Row("f:1", {"prompt": "p", "idx": 3}))
