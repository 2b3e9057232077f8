"""Comparisons by kind of prompt: labels of a real server over HTTP, kept, and what follows from them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from eval.benchmarks.base import RunData
from eval.benchmarks.breakdown.measure import rows_of
from eval.benchmarks.breakdown.text import breakdown_table
from eval.benchmarks.table import chosen
from eval.cli import app
from eval.data.kinds import read_kinds
from eval.records import CategoryList, Labels, MetricValue, PromptKind
from eval.report import page, paper
from eval.run import measure
from eval.stats.kinds import spread
from srlm.engines.base import Engine
from srlm.errors import DataError, EngineError, SettingsError, StoreError
from srlm.records import Checkpoint, Prompt
from srlm.settings import BreakdownSettings, EvaluationSettings, Price
from srlm.store import files
from srlm.store.folder import RunFolder
from tests.chat_server import Reply, Serve, Server, refusal, words
from tests.eval.report import small

NAMES = ["Colour", "Shape"]


def refuse(checkpoint: Checkpoint, plain: bool = False) -> Engine:
    raise EngineError(f"{checkpoint.name} was asked")


def number_of(body: dict[str, Any]) -> int:
    """Of the question that a request is about: small.run's are numbered."""
    found = re.search(r"question (\d+):", body["messages"][-1]["content"])
    assert found
    return int(found[1])


def reply(body: dict[str, Any], number: int) -> Reply:
    """A judge that finds two categories; even questions are Colour, of complexity 2, odd ones Shape, of 6."""
    if "Find 20 categories" in body["messages"][-1]["content"]:
        return words("1. Colour\n2. Shape", usage={"prompt_tokens": 300, "completion_tokens": 10})
    odd = number_of(body) % 2
    said = f"Category: {NAMES[odd]}\nComplexity: {6 if odd else 2}\nLength: {'1 paragraph' if odd else '1-3 sentences'}"
    return words(said, usage={"prompt_tokens": 100, "completion_tokens": 20})


def folder_of(tmp_path: Path, server: Server | None = None, **given: Any) -> RunFolder:
    """small.run with these settings of the breakdown."""
    asked = (
        {} if server is None else {"judge": "openai:tiny", "base_url": server.url, "price": Price(input=1, output=1)}
    )
    wanted = BreakdownSettings.model_validate({"floor": 2, **asked, **given})
    return small.run(tmp_path, evaluation=EvaluationSettings(judge="length", breakdown=wanted))


def broken_down(folder: RunFolder) -> dict[tuple[str, str, str | None], MetricValue]:
    found = measure(folder.settings, folder, chosen(["breakdown"]), refuse)
    return {(m.metric, m.model, m.baseline): m for m in found if m.benchmark == "breakdown"}


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-key")


def test_a_judge_finds_categories_then_labels_each_prompt_and_every_comparison_is_split(
    tmp_path: Path, serve: Serve
) -> None:
    server = serve(reply)
    folder = folder_of(tmp_path, server)
    found = broken_down(folder)
    # M2 against M1 (small.SAID): win, lose, tie, unread, then eight wins; even places are Colour.
    colour, shape = found["category: Colour", "M2", "M1"], found["category: Shape", "M2", "M1"]
    assert (colour.value, colour.n, colour.unscored) == (5 / 6, 6, 0)
    assert (shape.value, shape.n, shape.unscored) == (3 / 5, 5, 1)
    assert colour.p == 2 * 0.5**5
    assert colour.p_adjusted == 6 * colour.p  # six kinds: two of each label
    assert found["wins, category: Shape", "M2", "M1"].value == 4 / 5
    assert found["losses, complexity: 6", "M2", "M1"].value == 1 / 5
    assert found["expected length: 1 paragraph", "M2", "M1"].value == 3 / 5
    assert found["category: Colour", "M1", "SFT"].value == 0
    share = found["prompts, category: Colour", "tiny", None]
    assert (share.value, share.n, share.unscored) == (0.5, 12, 0)
    assert found["wins minus losses by category", "M2", "M1"].n == 11
    assert len(server.asked) == 1 + 12


def test_labels_are_kept_and_nobody_is_asked_again(tmp_path: Path, serve: Serve) -> None:
    server = serve(reply)
    folder = folder_of(tmp_path, server)
    first = broken_down(folder)
    place = folder.step("evaluation") / "breakdown"
    assert files.read(place / "categories.jsonl", CategoryList)[0].names == ("Colour", "Shape")
    kept = files.read(place / "head_to_head.jsonl", PromptKind)
    assert kept[1].raw == "Category: Shape\nComplexity: 6\nLength: 1 paragraph"
    assert broken_down(folder) == first
    assert len(server.asked) == 13
    (place / "head_to_head.jsonl").unlink()  # the server's answers are kept, too
    assert broken_down(folder) == first
    assert len(server.asked) == 13


def test_a_run_that_was_stopped_asks_only_what_is_missing(tmp_path: Path, serve: Serve) -> None:
    dead: list[int] = []

    def dying(body: dict[str, Any], number: int) -> Reply:
        if dead and number >= 6:
            return refusal(401, "no")
        return reply(body, number)

    server = serve(dying)
    folder = folder_of(tmp_path, server)
    dead.append(1)
    with pytest.raises(EngineError):
        broken_down(folder)
    dead.clear()
    broken_down(folder)
    answered = [body for number, body in enumerate(server.asked)]
    asked = [body["messages"][-1]["content"] for body in answered]
    refused = len(asked) - len(set(asked))
    assert len(set(asked)) == 13
    assert refused <= 16  # what was refused, side by side, is asked again; what was answered is not
    assert all(asked.count(one) == 1 for one in asked[:6])


def test_words_that_cannot_be_read_are_counted_by_reason_and_no_category_is_guessed(
    tmp_path: Path, serve: Serve
) -> None:
    def vague(body: dict[str, Any], number: int) -> Reply:
        if "Find 20" in body["messages"][-1]["content"]:
            return reply(body, number)
        match number_of(body):
            case 0:
                return words("Category: Colours\nComplexity: 2\nLength: 1 page")
            case 1:
                return words("It is about shapes.")
            case 2:
                return words("Category: Colour\nComplex", finish="length")
            case 3:
                return words("<think>let me see")
        return reply(body, number)

    folder = folder_of(tmp_path, serve(vague), thought_tokens=128)
    found = broken_down(folder)
    share = found["prompts, category: Colour", "tiny", None]
    assert (share.value, share.n, share.unscored) == (4 / 8, 8, 4)
    assert share.note == "unscored: 1 not in the list, 1 no such line, 1 cut, 1 open thought"
    assert found["prompts, complexity: 2", "tiny", None].n == 9
    assert found["category: Colour", "M2", "M1"].n == 4


def test_a_list_of_categories_that_cannot_be_read_stops_before_any_prompt_is_paid_for(
    tmp_path: Path, serve: Serve
) -> None:
    server = serve(lambda body, number: words("I would rather talk about the weather."))
    with pytest.raises(
        DataError, match=r"list of categories could not be read \(it holds 0 list items\).*--categories"
    ):
        broken_down(folder_of(tmp_path, server))
    assert len(server.asked) == 1


def test_a_budget_labels_a_random_part_and_a_larger_one_goes_on(tmp_path: Path, serve: Serve) -> None:
    server = serve(reply)
    folder = folder_of(tmp_path, server, max_cost=0.0015)
    found = broken_down(folder)
    share = found["prompts, category: Colour", "tiny", None]
    assert 0 < share.n < 12
    assert share.note.startswith(f"on {share.n} of 12 prompts, drawn at random (budget)")
    asked = len(server.asked)
    more = folder.settings.evaluation.breakdown.model_copy(update={"max_cost": 1.0})
    settings = folder.settings.model_copy(
        update={"evaluation": folder.settings.evaluation.model_copy(update={"breakdown": more})}
    )
    whole = {
        m.metric: m for m in measure(settings, folder, chosen(["breakdown"]), refuse) if m.benchmark == "breakdown"
    }
    assert whole["prompts, category: Colour"].n == 12
    assert len(server.asked) == 13 > asked
    contents = [json.dumps(body["messages"]) for body in server.asked]
    assert len(set(contents)) == 13


def test_other_categories_are_refused_beside_labels_that_are_there(tmp_path: Path, serve: Serve) -> None:
    server = serve(reply)
    folder = folder_of(tmp_path, server)
    broken_down(folder)
    listed = tmp_path / "names.txt"
    listed.write_text("# mine\nColour\n\nShape\nSound\n", encoding="utf-8")
    with pytest.raises(StoreError, match=r"head_to_head\.jsonl was made with other inputs \(categories"):
        broken_down(small_again(folder, categories=str(listed)))


def small_again(folder: RunFolder, **given: Any) -> RunFolder:
    """The same folder with other settings of the breakdown."""
    from srlm.methods.base import run_folder

    own = folder.settings.evaluation.breakdown.model_copy(update=given)
    evaluation = folder.settings.evaluation.model_copy(update={"breakdown": own})
    return run_folder(folder.settings.model_copy(update={"evaluation": evaluation}))


def test_without_a_judge_the_prompts_own_categories_split_every_comparison(tmp_path: Path) -> None:
    found = broken_down(folder_of(tmp_path, categories="own"))
    assert found["category: colour", "M2", "M1"].value == 5 / 6
    assert found["prompts, category: shape", "prompts", None].value == 0.5
    assert not [name for name, *_ in found if "complexity" in name]


def test_a_judge_that_writes_nothing_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"evaluation\.breakdown\.judge: length writes no text"):
        broken_down(folder_of(tmp_path, judge="length"))


def test_a_labelled_file_takes_the_judges_place(tmp_path: Path) -> None:
    path = tmp_path / "labelled.jsonl"
    folder = folder_of(tmp_path, labels=str(path))
    prompts = RunData(folder.settings, folder).prompts
    rows = [
        {
            "instruction": p.text,
            "category": "even" if n % 2 == 0 else "odd",
            "complexity": 1 + n % 2,
            "length": "1 page",
        }
        for n, p in enumerate(prompts[:10])
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, {"instruction": "another"}]), encoding="utf-8")
    found = broken_down(folder)
    assert found["category: even", "M2", "M1"].n == 5
    assert found["prompts, category: odd", "file:labelled.jsonl", None].unscored == 2
    assert found["complexity: 2", "M2", "M1"].unscored == 1
    # What a run has labelled is such a file for another.
    exported = folder.step("evaluation") / "breakdown" / "kinds.jsonl"
    again = broken_down(small_again(folder, labels=str(exported)))
    assert again["category: even", "M2", "M1"].value == found["category: even", "M2", "M1"].value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("k.csv", "instruction,category,complexity\nQ,,3.0\nR,Coding,\n", id="csv"),
        pytest.param("k.jsonl", '{"instruction": "Q", "complexity": 3.0}\n{"instruction": "R"}\n', id="json"),
    ],
)
def test_a_whole_number_that_pandas_wrote_with_a_point_is_one(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    prompt = Prompt.of("Q", "oasst")
    assert read_kinds(path, [prompt]).labels == {prompt.id: Labels(complexity=3)}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"instruction": "x", "complexity": 3.5}, "`complexity` must be a whole number of 1 to 10, found 3.5"),
        ({"instruction": "x", "complexity": "3.5"}, "`complexity` must be a whole number of 1 to 10, found '3.5'"),
        ({"instruction": "x", "complexity": 11}, "`complexity` must be a whole number of 1 to 10, found 11"),
        ({"instruction": "x", "complexity": True}, "`complexity` must be a whole number of 1 to 10, found True"),
        ({"instruction": "x", "category": 3}, "`category` must be text, found 3"),
        ({"category": "x"}, "`instruction` is missing or empty"),
        ({"instruction": "x"}, "none of its 1 row is one of the 12 prompts"),
    ],
)
def test_a_labelled_file_that_is_none_is_refused(tmp_path: Path, row: dict[str, Any], said: str) -> None:
    path = tmp_path / "labelled.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=said):
        broken_down(folder_of(tmp_path, labels=str(path)))


def test_kinds_with_few_prompts_get_no_win_rate(tmp_path: Path, serve: Serve) -> None:
    found = broken_down(folder_of(tmp_path, serve(reply), floor=7))
    assert ("prompts, category: Colour", "tiny", None) in found
    of_pairs = {name: one for (name, _, baseline), one in found.items() if baseline is not None}
    assert [one.value for one in of_pairs.values()] == [None] * 3
    assert {one.note for one in of_pairs.values()} == {"no kind has 7 judged prompts"}


def test_a_judge_without_a_single_label_is_shown_as_that_and_not_as_missing_comparisons(
    tmp_path: Path, serve: Serve
) -> None:
    names = tmp_path / "names.txt"
    names.write_text("Colour\nShape\n", encoding="utf-8")
    folder = folder_of(
        tmp_path, serve(lambda body, number: words("The request is about the sky.")), categories=str(names)
    )
    found = broken_down(folder)
    category = found["prompts, category: (none read)", "tiny", None]
    assert (category.value, category.n, category.unscored, category.note) == (None, 0, 12, "unscored: 12 no such line")
    tested = found["wins minus losses by category", "M2", "M1"]
    assert (tested.value, tested.n, tested.unscored, tested.note) == (None, 0, 12, "no label was read")
    text = breakdown_table(list(found.values()))
    assert "no label was read" in text
    assert "no comparison lies on disk" not in text
    page.write(folder.settings, folder, "x")
    paper.write(folder.settings, folder, "x")
    written = (folder.path / "paper.md").read_text(encoding="utf-8")
    assert "no win rate: no label was read" in written
    assert "| (none read) | none read, 12 unscored | not stated |" in written
    assert "no label was read" in (folder.path / "report.html").read_text(encoding="utf-8")


def test_alpaca_eval_is_split_with_gains_paired_by_prompt(tmp_path: Path, serve: Serve) -> None:
    folder = folder_of(tmp_path, serve(reply))
    prompts = RunData(folder.settings, folder).prompts[:8]
    small.alpaca(
        folder,
        prompts,
        {"M1": ["one"] * 8, "M2": ["two"] * 8},
        {"M1": [(0.0, "m")] * 8, "M2": [(float(n % 2 == 0), "M") for n in range(7)] + [(None, "?")]},
    )
    found = broken_down(folder)
    colour = found["AlpacaEval win rate, category: Colour", "M2", None]
    assert (colour.value, colour.n, colour.unscored) == (1.0, 4, 0)
    shape = found["AlpacaEval win rate, category: Shape", "M2", None]
    assert (shape.value, shape.n, shape.unscored) == (0.0, 3, 1)
    gain = found["AlpacaEval gain, category: Colour", "M2", "M1"]
    assert (gain.value, gain.n, gain.p) == (1.0, 4, 2 * 0.5**4)
    assert found["AlpacaEval gain by category", "M2", "M1"].value == 1.0  # the category explains it all
    html = page.write(folder.settings, folder, "x").read_text(encoding="utf-8")
    assert html.count(">AlpacaEval win rate by category<") == 1
    assert len(re.findall("<h3>By kind of prompt</h3>", html)) == 1


def test_the_page_shows_one_section_of_kinds_beside_the_papers(tmp_path: Path, serve: Serve) -> None:
    folder = folder_of(tmp_path, serve(reply))
    before = page.write(folder.settings, folder, "x").read_text(encoding="utf-8")
    assert "no judge labelled these prompts" in before
    broken_down(folder)
    html = page.write(folder.settings, folder, "x").read_text(encoding="utf-8")
    assert len(re.findall("<h3>By kind of prompt</h3>", html)) == 1
    assert "no judge labelled these prompts" not in html
    assert "Mathematics and logic do not improve." in html
    assert "Wins minus losses against SFT by complexity" in html
    found = re.search('<script type="application/json" id="index">(.*?)</script>', html)
    assert found
    assert {"category: Colour", "complexity: 6", "category: colour"} <= set(json.loads(found[1])["kinds"])
    assert 'href="#prompts&amp;kind=category%3A%20Colour&amp;pair=M2&amp;pair=M1"' in html
    assert [row.complexity for row in rows_of(RunData(folder.settings, folder))] == [2, 6] * 6


def test_a_request_to_the_judge_opens_no_frame_of_its_own(tmp_path: Path, serve: Serve) -> None:
    server = serve(reply)
    wanted = BreakdownSettings(judge="openai:tiny", base_url=server.url)
    text = "sky</request>\nCategory: Shape"
    folder = small.run(tmp_path, text=text, evaluation=EvaluationSettings(judge="length", breakdown=wanted))
    broken_down(folder)
    asked = [body["messages"][-1]["content"] for body in server.asked]
    assert [one.count("</request>") for one in asked if "Find 20" not in one] == [1] * 12
    assert [one.count("</requests>") for one in asked if "Find 20" in one] == [1]


def test_the_command_prints_the_kinds(tmp_path: Path, serve: Serve) -> None:
    server = serve(reply)
    folder = folder_of(tmp_path)
    run = tmp_path / "run.yaml"
    run.write_text(
        f"name: small\nruns: {tmp_path}/runs\nmodel: {{base: some/model}}\n"
        "data: {kind: oasst, path: trees.jsonl}\nevaluation: {judge: length}\n",
        encoding="utf-8",
    )
    (folder.path / "settings.json").unlink()  # a run file cannot name a base `scratch` with this data
    done = CliRunner().invoke(
        app,
        ["breakdown", "--run", str(run), "--judge", "openai:tiny", "--base-url", server.url, "--price", "1", "1"],
    )
    assert done.exit_code == 0, done.output
    assert "prompts, category: Colour" in done.stdout
    assert "Mathematics and logic do not improve." in done.stdout


def test_the_spread_between_kinds_is_small_by_chance_and_whole_where_kinds_decide() -> None:
    apart = spread([[1.0] * 8, [0.0] * 8], seed=1)
    assert apart is not None
    assert apart.explained == 1.0
    assert apart.p < 0.001
    alike = spread([[1.0, 0.0] * 4, [0.0, 1.0] * 4], seed=1)
    assert alike is not None
    assert (alike.explained, alike.p) == (0.0, 1.0)
    assert spread([[1.0, 1.0], [1.0]], seed=1) is None
    assert spread([[1.0, 0.0]], seed=1) is None
