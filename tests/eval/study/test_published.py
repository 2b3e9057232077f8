"""The figures of docs/methods.md are those of the study's committed results."""

from pathlib import Path

from eval.study import page, written
from eval.study.file import read

ROOT = Path(__file__).parents[3]
COLUMNS = ("outcome", "gain", "judge_agreement", "length", "kl", "judged", "processor_seconds")


def test_the_published_comparison_is_what_the_committed_results_come_to() -> None:
    content = page.gather(read(ROOT / "configs/studies/pocket-methods.yaml"), "srlm-eval methods")
    table = "\n".join(written.table(content, content["words"], COLUMNS))
    assert table in (ROOT / "docs/methods.md").read_text(), f"docs/methods.md, Compared, should hold:\n{table}"


def test_what_the_published_text_concludes_is_what_the_tests_say() -> None:
    content = page.gather(read(ROOT / "configs/studies/pocket-methods.yaml"), "srlm-eval methods")
    said = (ROOT / "docs/methods.md").read_text()
    for finding in content["findings"]:
        assert f"- {finding}" in said
