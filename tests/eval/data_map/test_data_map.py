"""The data map of a run, with the real embedding model from its package."""

import re
from pathlib import Path

import pytest

from eval.benchmarks.base import RunData
from eval.benchmarks.data_map import embedding
from eval.benchmarks.data_map.measure import MapPoint, NearTexts, placed
from eval.benchmarks.data_map.section import pictures
from eval.benchmarks.data_map.texts import text_sets
from eval.benchmarks.paper_table import PaperPicture
from eval.benchmarks.table import chosen
from eval.figures.looks import Looks
from eval.records import MetricValue
from eval.report import page
from eval.run import measure
from srlm.engines.base import Engine
from srlm.errors import DataError, EngineError, ModelError
from srlm.records import Checkpoint, Demonstration, Judgement, Prompt, RankedSet, Response
from srlm.settings import DataMapSettings, EvaluationSettings
from srlm.store import files
from srlm.store.folder import RunFolder
from tests.eval.report import small

FRUIT = ("apple", "banana", "cherry", "grape", "lemon", "mango", "orange", "peach", "pear", "plum", "quince", "fig")
LAND = ("France", "Spain", "Italy", "Peru", "Chile", "Kenya", "Egypt", "Japan", "Nepal", "Fiji", "Cuba", "Malta")


def refuse(checkpoint: Checkpoint, plain: bool = False) -> Engine:
    raise EngineError(f"{checkpoint.name} was asked")


def folder_of(tmp_path: Path, **given: object) -> RunFolder:
    """IFT and new prompts about fruit, EFT about countries; one new prompt is an IFT prompt in other words."""
    wanted = DataMapSettings.model_validate(given)
    folder = small.run(tmp_path, evaluation=EvaluationSettings(data_map=wanted))
    ift = [f"How do I grow a {fruit} tree in my garden?" for fruit in FRUIT]
    files.write(folder.step("data") / "ift.jsonl", [Demonstration.of("ift", text, "so", text) for text in ift])
    new = [f"When should I water my young {fruit} tree?" for fruit in FRUIT[1:]] + [
        "How do I grow an apple tree in my garden"
    ]
    files.write(folder.step("M2") / "prompts.jsonl", [Prompt.of(text, "M1") for text in new])
    sets, judged, eft = [], [], []
    for land in LAND:
        prompt = Prompt.of(f"What is the capital of {land}?", "oasst")
        both = tuple(Response.of(prompt.id, f"{word} {land}", "human", n) for n, word in enumerate(("good", "bad")))
        sets.append(RankedSet.of(prompt, both, (0, 1)))
        judged.append(Judgement.of(both[0].id, "SFT", 0, "Score: 4", 4.0))
        shown = f"Review the question and rate the answer.\nQuestion: {prompt.text}\nAnswer: {both[0].text}"
        eft.append(Demonstration.of("eft", shown, "Score: 4", judged[-1].id))
    files.write(folder.step("data") / "eft_sets.jsonl", sets)
    files.write(folder.step("M1") / "eft_judgements.jsonl", judged)
    files.write(folder.step("M1") / "eft.jsonl", eft)
    return folder


def mapped(folder: RunFolder) -> dict[tuple[str, str, str | None], MetricValue]:
    found = measure(folder.settings, folder, chosen(["data-map"]), refuse)
    return {(m.metric, m.model, m.baseline): m for m in found if m.benchmark == "data_map"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """One measured map."""
    folder = folder_of(tmp_path_factory.mktemp("map"), perplexity=5.0)
    mapped(folder)
    return folder


def figures(folder: RunFolder) -> dict[tuple[str, str, str | None], MetricValue]:
    return {(m.metric, m.model, m.baseline): m for m in RunData(folder.settings, folder).of("data_map")}


def test_eft_lies_apart_and_new_prompts_are_nearer_to_ift(run: RunFolder) -> None:
    found = figures(run)
    assert found["nearest", "EFT", "IFT"].value == 0.0
    assert found["nearest", "EFT", "IFT"].note == "by chance 52.2%"  # 12 of the 23 others
    assert found["told_apart", "EFT", "IFT"].value == 1.0
    p = found["nearest_beyond_chance", "EFT", "IFT"].p
    assert p is not None
    assert p < 0.01
    share = found["nearest", "new M2", "IFT"]
    assert share.value is not None
    assert share.value > 0
    assert share.n == 12
    assert len(found) == 4 * 6  # four figures of each two of four sets


def test_a_prompt_in_other_words_is_a_near_duplicate(run: RunFolder) -> None:
    found = figures(run)
    assert found["near_duplicates", "new M2", "IFT"].value == 1 / 12
    (pair,) = files.read(run.step("evaluation") / "data_map" / "near.jsonl", NearTexts)
    assert (pair.text, pair.other) == (
        "How do I grow an apple tree in my garden", "How do I grow a apple tree in my garden?",
    )  # fmt: skip
    assert pair.cosine > 0.95


def test_embeddings_and_the_map_are_the_same_again_and_no_model_is_loaded(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = run.step("evaluation") / "data_map"
    before = {path.name: path.read_bytes() for path in place.rglob("*.jsonl")}

    def load(model: embedding.Model) -> embedding.LoadedModel:
        raise AssertionError(f"{model.name} was loaded")

    monkeypatch.setattr(embedding.Model, "load", load)
    first = figures(run)
    assert mapped(run) == first
    assert {path.name: path.read_bytes() for path in place.rglob("*.jsonl")} == before
    assert len(files.read(place / "places.jsonl", MapPoint)) == 4 * 12


def test_the_page_has_the_map_each_set_alone_and_the_numbers(run: RunFolder) -> None:
    html = page.write(run.settings, run, "x").read_text(encoding="utf-8")
    assert '<a href="#data-map">Data map</a>' in html
    assert "<figcaption>Data map: all sets</figcaption>" in html
    assert "<figcaption>Data map: each set alone</figcaption>" in html
    assert "How do I grow an apple tree in my garden" in html
    assert "EFT texts are the judge&#39;s whole prompts" in html
    assert re.search(r'<data value="0.0833\d+">8.3%</data>', html)


def test_the_page_of_the_paper_says_once_what_overlap_is_and_has_a_line_for_each_two_sets(run: RunFolder) -> None:
    (part,) = chosen(["data-map"])[0].paper_tables(RunData(run.settings, run))
    assert isinstance(part, PaperPicture)
    said = list(part.notes)
    assert "less the share by chance: 0 means drawn alike, below 0 apart" in said[0]
    assert "p: permutation test of the sets over texts; Holm over all pairs of sets" in said[0]
    assert len(said) == 1 + 6  # four sets
    # The least of 12 of the 23 others is none: 0 - 12/23.
    assert re.fullmatch(
        "EFT against IFT: \N{MINUS SIGN}52\\.2 points \\(.* to .* points\\), n 12 texts, p = \\.0\\d\\d", said[1]
    )


def test_the_instruction_of_an_eft_example_is_found_by_its_judgement(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, eft="instruction")
    sets = {one.name: one for one in text_sets(RunData(folder.settings, folder))}
    assert sets["EFT"].texts == [f"What is the capital of {land}?" for land in LAND]
    assert list(sets) == ["IFT", "EFT", "new M2", "evaluation"]
    (folder.step("M1") / "eft_judgements.jsonl").unlink()
    with pytest.raises(DataError, match=r"use evaluation\.data_map\.eft=prompt"):
        text_sets(RunData(folder.settings, folder))


def test_a_large_set_is_sampled_and_says_so_and_a_text_counts_once(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, most=10)
    texts = [f"question {n}" for n in range(40)] * 2
    files.write(folder.step("data") / "ift.jsonl", [Demonstration.of("ift", text, "so", text) for text in texts])
    ift = text_sets(RunData(folder.settings, folder))[0]
    assert (len(ift.texts), ift.total, ift.said) == (10, 40, "10 of 40")
    assert text_sets(RunData(folder.settings, folder))[0] == ift


def test_texts_longer_than_the_model_reads_are_counted() -> None:
    model = embedding.model_of(DataMapSettings()).load()
    short, long, other = model.embed(["a short one", "word " * 400, "word " * 400 + "and another end"], 8)
    assert (short.cut, long.cut) == (False, True)
    assert float((short.array**2).sum()) == pytest.approx(1, abs=1e-5)
    assert abs(long.array - other.array).max() < 1e-5  # the end is not read


def test_a_folder_that_is_no_embedding_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ModelError, match=r"evaluation\.data_map\.model: .* cannot be loaded .*use minilm"):
        embedding.model_of(DataMapSettings(model=str(tmp_path))).load()


def test_the_packages_folder_is_the_same_model_by_another_name(tmp_path: Path) -> None:
    shipped = embedding.model_of(DataMapSettings())
    given = embedding.model_of(DataMapSettings(model=shipped.place))
    assert given.facts == shipped.facts


def test_few_texts_get_a_smaller_perplexity_and_fewer_than_five_no_map() -> None:
    import numpy as np

    vectors = np.eye(8, dtype=np.float32)
    points, perplexity = placed([("a", ["t"] * 5, vectors[:5]), ("b", ["u"] * 3, vectors[5:])], 30.0, 1)
    assert (len(points), perplexity) == (8, 2.3333)
    assert placed([("a", ["t"] * 2, vectors[:2]), ("b", ["u"] * 2, vectors[2:4])], 30.0, 1)[0] == []
    alike = np.full((6, 4), 0.5, dtype=np.float32)
    assert len(placed([("a", ["t"] * 6, alike)], 30.0, 1)[0]) == 6


def test_the_picture_of_many_points_stays_small_and_nothing_in_it_is_markup() -> None:
    points = [
        MapPoint(of=("IFT", "EFT")[n % 2], x=n % 50, y=n / 50, text="<script>alert(1)</script> \x1b[31m" + "x" * 900)
        for n in range(2000)
    ]
    drawn = pictures(points, None, Looks())
    assert sum(len(one.svg) for one in drawn) < 2_000_000
    assert "<script>" not in "".join(one.svg for one in drawn)
    assert "\x1b" not in "".join(one.svg for one in drawn)
    assert len(drawn[0].rows) == 2000
    assert drawn[1].rows == (("IFT", "1000"), ("EFT", "1000"))
    assert drawn[0].prompts == {}


def test_a_point_of_an_evaluation_prompt_knows_its_prompt() -> None:
    points = [MapPoint(of=("IFT", "evaluation")[n % 2], x=n, y=-n, text=f"Who  is {n}?") for n in range(4)]
    drawn = pictures(points, None, Looks())[0]
    assert drawn.prompts == {"evaluation: Who is 1?": "Who  is 1?", "evaluation: Who is 3?": "Who  is 3?"}
    assert "<title>evaluation: Who is 1?</title>" in drawn.svg
