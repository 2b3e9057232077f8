"""Texts with which models are asked, by name or from a file: one way to read them all."""

from collections.abc import Callable
from pathlib import Path

import pytest

from srlm.data.self_instruct import request_template
from srlm.errors import SettingsError
from srlm.judge import constitution, grades, meta_judge, pair_template, rubric
from srlm.judge.changed_instructions import request_text

ADDITIVE = rubric.load("additive")
READERS: dict[str, tuple[Callable[[str], object], str]] = {
    "judge.template": (lambda name: rubric.load(name).text, "{prompt} {response}"),
    "pairwise template": (lambda name: pair_template.load(name).text, "{prompt} {first} {second}"),
    "method.template": (lambda name: meta_judge.load(name, ADDITIVE).text, "{prompt} {response} {first} {second}"),
    "method.principles": (
        lambda name: constitution.load(name, "method.principles").digest,
        constitution.SHIPPED["beads"].text,
    ),
    "method.propositions": (
        lambda name: grades.load(name, "method.propositions").digest,
        grades.SHIPPED["beads"].text,
    ),
    "method.changed_template": (request_text, "{prompt}"),
    "prompts.template": (request_template, "{tasks} {number}"),
}


@pytest.mark.parametrize("setting", READERS)
def test_a_byte_order_mark_and_other_line_ends_change_nothing(setting: str, tmp_path: Path) -> None:
    read, text = READERS[setting]
    (tmp_path / "plain").write_text(text)
    (tmp_path / "windows").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode() + b"\r\n")
    assert read(str(tmp_path / "windows")) == read(str(tmp_path / "plain"))


@pytest.mark.parametrize("setting", READERS)
def test_a_file_that_is_no_text_is_refused_under_its_setting(setting: str, tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe{prompt}")
    with pytest.raises(SettingsError) as refused:
        READERS[setting][0](str(tmp_path / "bytes"))
    assert str(refused.value).startswith(setting) and "bytes" in str(refused.value)


@pytest.mark.parametrize("setting", ["method.principles", "method.propositions"])
def test_a_yaml_file_of_more_bytes_than_people_write_is_refused_before_it_is_parsed(
    setting: str, tmp_path: Path
) -> None:
    (tmp_path / "long.yaml").write_text("# " + "x" * 256 * 1024)
    with pytest.raises(SettingsError, match=f"{setting}: .*it is over 256 KiB"):
        READERS[setting][0](str(tmp_path / "long.yaml"))
