"""Study files: what they may say, and what is refused with one line that says where."""

from pathlib import Path

import pytest

from eval.metrics import evaluation_digest
from eval.study.file import of_run_files, read, seeds_of
from srlm.errors import SettingsError
from srlm.run_file import load

CHECKOUT = Path(__file__).resolve().parents[3]
TINY = CHECKOUT / "tests/tiny.yaml"


def write(folder: Path, text: str) -> Path:
    path = folder / "study.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_each_method_and_seed_is_a_run_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files/loop.yaml").write_text(TINY.read_text())
    study = read(
        write(
            tmp_path,
            "runs: elsewhere\nseeds: 101-103\nreference: sft\nset: [iterations=3]\nmethods:\n"
            "  - {run: files/loop.yaml}\n"
            "  - {run: files/loop.yaml, name: sft, set: [method=positive_sft], trials: 4, tuned_on: 11-12}\n",
        )
    )
    assert (study.name, study.reference, list(study.seeds)) == ("study", "sft", [101, 102, 103])
    first, second = study.cells(102)
    # The reference comes first: the others share its steps.
    assert (first.method, second.method) == ("sft", "tiny")
    assert (first.settings.name, first.settings.runs, first.settings.seed) == ("sft-s102", "elsewhere", 102)
    assert (first.settings.method.name, first.settings.iterations) == ("positive_sft", 3)
    assert (second.settings.name, second.settings.method.name) == ("tiny-s102", "self_rewarding")


def test_run_files_that_extend_another_are_methods_under_their_own_names(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files/tiny.yaml").write_text(TINY.read_text())
    (tmp_path / "files/spin.yaml").write_text("extends: tiny.yaml\nname: spin\nmethod: spin\n")
    (tmp_path / "files/nameless.yaml").write_text("extends: tiny.yaml\nmethod: rest\n")
    methods = "methods: [{run: files/tiny.yaml}, {run: files/spin.yaml}, {run: files/nameless.yaml, name: other}]\n"
    study = read(write(tmp_path, f"seeds: 5\n{methods}"))
    cells = study.cells(5)
    assert [cell.settings.name for cell in cells] == ["tiny-s5", "spin-s5", "other-s5"]
    assert [cell.settings.method.name for cell in cells] == ["self_rewarding", "spin", "rest"]
    assert {cell.settings.prompts.count for cell in cells} == {24}
    with pytest.raises(SettingsError, match=r"nameless\.yaml: name is missing; that of .*tiny\.yaml is not taken"):
        read(write(tmp_path, f"seeds: 5\n{methods.replace(', name: other', '')}"))


def test_run_files_alone_are_a_study_and_the_first_is_the_reference() -> None:
    study = of_run_files([TINY], "5", None, ["iterations=1"])
    (cell,) = study.cells(5)
    assert (study.reference, cell.settings.name, cell.settings.iterations) == ("tiny", "tiny-s5", 1)
    assert study.methods[0].given.trials is None


@pytest.mark.parametrize(
    ("given", "seeds"), [("3-5", [3, 4, 5]), ("7", [7]), (7, [7]), ((4, 2), [4, 2]), (" 1-2 ", [1, 2])]
)
def test_seeds(given: str | int | tuple[int, ...], seeds: list[int]) -> None:
    assert seeds_of(given) == seeds


@pytest.mark.parametrize("given", ["", "a", "1-", "-1", "1-2-3", "2-1", "1-9999999999", (1, 1), (), (-1,), (2**31,)])
def test_seeds_that_are_none_are_refused(given: str | tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="seeds"):
        seeds_of(given)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("methods: []", "methods: Tuple should have at least 1 item", id="no-method"),
        pytest.param("- a", "not a study file: it needs `methods`", id="a-list"),
        pytest.param("methods: [", "cannot be read as a study file: not YAML", id="broken"),
        pytest.param("methods: !!python/name:os.system x", "not YAML without tags", id="a-tag"),
        pytest.param("methods: [{run: tiny.yaml}]\nseed: 1", "known are name, runs", id="unknown-key"),
        pytest.param("methods: [{run: tiny.yaml, trails: 3}]", "known are run, name, set", id="unknown-in-method"),
        pytest.param("methods: [{run: gone.yaml}]", "gone.yaml: no such run file", id="no-run-file"),
        pytest.param("methods: [{run: tiny.yaml}, {run: tiny.yaml}]", "two methods are called tiny", id="twice"),
        pytest.param(
            "methods: [{run: tiny.yaml}, {run: tiny.yaml, name: Tiny}]", "are called Tiny", id="twice-by-case"
        ),
        pytest.param("methods: [{run: tiny.yaml}]\nreference: other", "no such method; they are tiny", id="reference"),
        pytest.param("methods: [{run: tiny.yaml}]\nseeds: 5-1", "seeds '5-1'", id="seeds"),
        pytest.param(
            "methods: [{run: tiny.yaml, tuned_on: 8-9}]\nseeds: 1-8", "was tuned on seed 8, which the study", id="tuned"
        ),
        pytest.param("methods: [{run: tiny.yaml, name: ../out}]", "methods.0.name", id="a-way-out"),
        pytest.param("methods: [{run: tiny.yaml, name: '-rf'}]", "methods.0.name", id="an-option"),
        pytest.param("methods: [{run: tiny.yaml, name: '<script>'}]", "methods.0.name", id="markup"),
        pytest.param("methods: [{run: tiny.yaml, name: \"=cmd|' /C calc'!A0\"}]", "methods.0.name", id="a-formula"),
        pytest.param("methods: [{run: tiny.yaml, name: \"a\\nb\"}]", "methods.0.name", id="two-lines"),
        pytest.param("methods: [{run: tiny.yaml, name: CON\u202e}]", "methods.0.name", id="turned-around"),
        pytest.param("methods: [{run: tiny.yaml, set: [seed]}]", "write it as section.key=value", id="no-override"),
        pytest.param("methods: [{run: tiny.yaml}]\noutcome: correct", "outcome", id="outcome-of-no-benchmark"),
        pytest.param("methods: [{run: tiny.yaml}]\nmeasure: [beadz]", "beadz: no such benchmark", id="measure"),
        pytest.param(
            "methods: [{run: tiny.yaml}]\noutcome: beadz/correct", "beadz: no such benchmark", id="outcome-unknown"
        ),
        pytest.param(
            "methods: [{run: tiny.yaml}]\noutcome: beads/correct\nmeasure: [answers]",
            "outcome beads/correct: beads is not in `measure`; add it",
            id="outcome-not-measured",
        ),
        pytest.param("methods: [{run: tiny.yaml}]\nconfidence: 1.5", "confidence", id="confidence"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_study_is_refused_in_a_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY.read_text())
    with pytest.raises(SettingsError) as refused:
        read(write(tmp_path, text))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_study_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.yaml: no such study file"):
        read(tmp_path / "none.yaml")


def test_a_name_in_the_run_file_that_leaves_no_room_for_the_seed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "long.yaml").write_text(TINY.read_text().replace("name: tiny", f"name: {'x' * 95}"))
    with pytest.raises(SettingsError, match="80 characters at most"):
        read(write(tmp_path, "methods: [{run: long.yaml}]"))


@pytest.mark.parametrize("path", sorted((CHECKOUT / "configs/studies").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_study_can_be_read(path: Path) -> None:
    study = read(path)
    assert study.reference in {one.name for one in study.methods}


def test_the_methods_are_compared_on_eight_seeds_on_which_none_was_tuned() -> None:
    compared, tuned = (read(CHECKOUT / f"configs/studies/pocket-{name}.yaml") for name in ("methods", "tuning"))
    assert len(compared.seeds) == 8
    assert not set(compared.seeds) & set(tuned.seeds)


def test_what_was_measured_before_a_setting_of_the_evaluation_was_added_stands() -> None:
    assert evaluation_digest(load(CHECKOUT / "configs/pocket.yaml")) == "130e887016bf22b2"
    other = load(CHECKOUT / "configs/pocket.yaml", ["evaluation.reference=SFT"])
    assert evaluation_digest(other) != "130e887016bf22b2"
