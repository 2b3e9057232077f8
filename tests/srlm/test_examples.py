"""The run files that come with srlm."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from srlm import examples
from srlm.contents import sha256_of
from srlm.errors import SettingsError
from srlm.judge import pair_template
from srlm.methods.inputs import inputs_of
from srlm.run_file import load

Command = Callable[..., Any]


@pytest.mark.parametrize("name", examples.names())
def test_every_example_is_a_run_file(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRLM_TREES", "trees.jsonl")
    assert load(Path(f"example:{name}")).name


def test_an_example_can_be_extended(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("extends: example:methods/spin\nname: mine\ndpo: {beta: 0.2}\n")
    settings = load(tmp_path / "mine.yaml")
    assert (settings.name, settings.method.name, settings.dpo.beta, settings.prompts.count) == (
        "mine",
        "spin",
        0.2,
        800,
    )


@pytest.mark.parametrize(
    ("name", "known"),
    [("", "llama3-8b, paper-llama2-70b, pocket, smollm2"), ("spi", "methods/spin, methods/spin-smollm2"), ("../x", "")],
)
def test_an_example_that_is_none_is_refused_with_those_that_are(name: str, known: str) -> None:
    with pytest.raises(SettingsError, match="srlm has no example of this name; it has " + known):
        load(Path(f"example:{name}"))


@pytest.mark.parametrize(
    ("path", "there"),
    [("configs/pocket.yaml", True), ("configs/slurm/node.sh", True), ("pocket.yaml", False), ("configs", False),
     ("configs/../pyproject.toml", False), ("/configs/pocket.yaml", False), ("configs/mine.yaml", False)],
)  # fmt: skip
def test_a_file_that_is_missing_is_offered_where_it_comes_with_srlm(path: str, there: bool) -> None:
    offered = "; it comes with srlm, and `srlm examples --to configs` writes it here"
    assert examples.advice(Path(path)) == (offered if there else "")


def test_a_copy_replaces_no_file_that_says_something_else(srlm: Command, tmp_path: Path) -> None:
    to = tmp_path / "configs"
    assert srlm("examples", "--to", to).exit_code == 0
    assert (to / "pocket.yaml").read_bytes() == (examples.FOLDER / "pocket.yaml").read_bytes()
    assert srlm("examples", "--to", to).exit_code == 0  # the same files once more
    (to / "pocket.yaml").write_text("name: mine\n")
    (to / "smollm2.yaml").unlink()
    again = srlm("examples", "--to", to)
    assert (again.exit_code, again.stderr) == (
        2, f"srlm: {to}/pocket.yaml: there already, and with another content; choose another folder\n",
    )  # fmt: skip
    assert not (to / "smollm2.yaml").exists()


LETTERS = "configs/methods/beads_pair_letter.txt"


def test_a_template_that_an_example_names_by_its_path_is_found_in_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load(Path("example:methods/autorater"), [f"runs={tmp_path}"])
    template = pair_template.load(settings.evaluation.pairs.template)
    assert (template.name, template.labels) == (LETTERS, ("a", "b"))
    shipped = inputs_of(settings, {}, sha256_of).inputs["method.template"]
    own = tmp_path / LETTERS
    own.parent.mkdir(parents=True)
    own.write_text("form: letter\n---\n{prompt} {first} {second}")  # a file of one's own is taken first
    assert pair_template.load(LETTERS).labels == ("A", "B")
    now = inputs_of(settings, {}, sha256_of).inputs["method.template"]
    assert shipped.name == now.name == LETTERS and shipped.files != now.files
