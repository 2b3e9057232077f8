"""The trainer as a library."""

import shutil
import subprocess
import sys
from pathlib import Path

import datasets
import pytest

import srlm
from srlm.records import Judgement, PreferencePair, Record


@pytest.fixture(scope="module")
def run(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(trained / "runs/tiny", tmp_path_factory.mktemp("api") / "runs/tiny"))


def test_every_name_is_there_documented_and_listed() -> None:
    assert set(srlm.__all__) <= set(dir(srlm))
    assert [name for name in srlm.__all__ if not (name == "__version__" or getattr(srlm, name).__doc__)] == []
    with pytest.raises(AttributeError, match="module 'srlm' has no attribute 'trian'"):
        srlm.trian  # noqa: B018


def test_a_model_that_is_there_is_not_trained_again(tiny: Path, run: Path) -> None:
    where = [f"runs={run.parent}"]
    model = srlm.train(tiny, to="m1", set=where)
    assert (model.name, model.path) == ("M1", run / "M1/model")
    assert srlm.models_of(tiny, set=where) == srlm.models_of(run)
    assert [one.name for one in srlm.models_of(run)] == ["M0", "SFT", "M1", "M2"]
    assert model in srlm.models_of(run)


def test_a_model_that_is_none_of_the_loop_is_refused(tiny: Path) -> None:
    with pytest.raises(srlm.SrlmError, match="'M0' is not a model of the loop; use M1, M2, M3"):
        srlm.train(tiny, to="M0")


def test_records_are_typed_and_of_the_kind_that_the_file_holds(run: Path) -> None:
    judgements = srlm.records_of(run, "M2", "judgements", Judgement)
    assert (judgements.kind, len(judgements), repr(judgements)) == (Judgement, 96, "<96 records of Judgement>")
    assert {one.draw for one in judgements} == {0, 1}
    assert judgements[-1] == list(judgements)[95]
    assert list(judgements[:2]) == list(judgements)[:2]
    assert srlm.records_of(run, "M2", "judgements").kind is Judgement


def test_records_become_a_table(run: Path) -> None:
    table = srlm.records_of(run, "M2", "judgements").to_pandas()
    assert list(table.columns) == list(Judgement.model_fields)
    assert len(table) == 96
    assert table["score"].between(0, 5).all()


def test_pairs_become_the_data_set_that_trl_trains_on() -> None:
    message = {"role": "user", "content": "Hello"}
    pair = PreferencePair(
        id="1", prompt_id="p", chosen_id="c", rejected_id="r", chosen_score=4, rejected_score=1, margin=3,
        prompt=(message,), chosen=({"role": "assistant", "content": "Hi."},),
        rejected=({"role": "assistant", "content": "No."},),
    )  # fmt: skip
    data = srlm.Records(PreferencePair, [pair]).to_dataset()
    assert data.column_names == list(PreferencePair.model_fields)
    assert data[0]["prompt"] == [message]
    assert data[0]["rejected"] == [{"role": "assistant", "content": "No."}]
    assert data[0]["label_weight"] == 1.0  # left out of files, and nevertheless a column
    assert isinstance(srlm.Records(PreferencePair, []).to_dataset(), datasets.Dataset)
    assert list(srlm.Records(PreferencePair, []).to_pandas().columns) == list(PreferencePair.model_fields)


@pytest.mark.parametrize(
    ("step", "name", "said"),
    [
        ("M7", "pairs", "no records of M7; there are those of data, M0, SFT, M1, M2"),
        ("..", "pairs", "no records of ..; there are those of data, M0, SFT, M1, M2"),
        ("M2", "pears", "M2: no records called pears; there are judgements, "),
        ("M2", "../data/ift", "M2: no records called ../data/ift; there are judgements, "),
    ],
)
def test_records_that_are_not_there_are_refused_with_those_that_are(run: Path, step: str, name: str, said: str) -> None:
    with pytest.raises(srlm.SrlmError) as caught:
        srlm.records_of(run, step, name)
    assert said in str(caught.value)


def test_records_of_a_kind_that_the_trainer_does_not_know_need_it_named(run: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "tiny"
    shutil.copytree(run, copy)
    (copy / "evaluation").mkdir(exist_ok=True)
    (copy / "evaluation/own.jsonl").write_text('{"mine": 1}\n')
    with pytest.raises(srlm.SrlmError, match=r"own\.jsonl: records of a kind that is not the trainer's; give `kind`"):
        srlm.records_of(copy, "evaluation", "own")

    class Own(Record):
        mine: int

    assert [one.mine for one in srlm.records_of(copy, "evaluation", "own", Own)] == [1]


def test_the_package_is_imported_without_any_library() -> None:
    program = (
        "import sys, srlm; print(sorted({name.partition('.')[0] for name in sys.modules} & {'pydantic', 'typer'}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
