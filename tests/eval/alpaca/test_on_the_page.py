"""What the report says of AlpacaEval's figures: the real number of prompts, another judge, canaries that won."""

from pathlib import Path

import pytest

from eval import metrics
from eval.data.cited import Setup, warned, warning
from eval.records import MetricValue
from eval.report import page
from tests.eval.report import small

SAID = warning(
    Setup(judge="gpt-4.1", annotator="weighted_alpaca_eval_gpt4_turbo", baseline="gpt4_1106_preview",
          prompts="a02c3e1be71e54ac", scored=805)
)  # fmt: skip


def rate(model: str, n: int = 805, note: str = "", **more: object) -> MetricValue:
    known = {"benchmark": "alpaca_eval", "metric": "win_rate", "value": 12.5, "low": 11.0, "high": 14.0, "unscored": 0}
    return MetricValue.model_validate(
        {**known, "model": model, "n": n, "value_unit": "percent", "method": "mean", "note": note, **more}
    )


def written(tmp_path: Path, *figures: MetricValue) -> tuple[str, str, str]:
    """report.html, report.md and metrics.csv of a small run with these figures."""
    folder = small.run(tmp_path)
    metrics.merge(folder, figures, ("alpaca_eval", "alpaca_canaries"))
    path = page.write(folder.settings, folder, "python -m eval report")
    return tuple(path.with_name(name).read_text() for name in ("report.html", "report.md", "metrics.csv"))  # type: ignore[return-value]


def test_another_judge_is_warned_of_on_the_page_in_markdown_and_in_csv(tmp_path: Path) -> None:
    assert SAID == (
        "judge gpt-4.1, not gpt-4-1106-preview: not comparable with the published figures; use `srlm-eval bridge`"
    )
    note = warned("judge gpt-4.1 (weighted_alpaca_eval_gpt4_turbo), against gpt4_1106_preview", SAID)
    html, markdown, csv = written(tmp_path, rate("M1", note=note), rate("M2", note=note))
    assert f'<strong>Warning, AlpacaEval 2.0:</strong> <span dir="auto">M1, M2: {SAID}</span>' in html
    assert f'<strong>Warning:</strong> <span dir="auto">M1, M2: {SAID}</span>' in html  # beside the table
    assert html.count("use `srlm-eval bridge`") >= 4  # and in the note of either figure
    assert "**Warning, AlpacaEval 2.0**: M1, M2: judge gpt-4.1, not gpt-4-1106-preview" in markdown
    assert csv.count("not comparable with the published figures") == 2


def test_the_cited_setup_is_no_reason_for_a_warning(tmp_path: Path) -> None:
    html, markdown, csv = written(tmp_path, rate("M1"))
    assert not any("not comparable" in text for text in (html, markdown, csv))


@pytest.mark.parametrize(
    ("counts", "words"),
    [((805,), "on 805 prompts"), ((12, 12), "on 12 prompts"), ((400, 805), "on 400 to 805 prompts")],
)
def test_the_caption_has_the_number_of_prompts_that_were_scored(
    tmp_path: Path, counts: tuple[int, ...], words: str
) -> None:
    html, _, _ = written(tmp_path, *(rate(f"M{number}", n) for number, n in enumerate(counts, 1)))
    assert f"Against the baseline {words} with a preference, raw and length-controlled." in html


def test_canaries_that_won_with_alpaca_evals_judge_are_warned_of(tmp_path: Path) -> None:
    fooled = rate(
        "tiny", 33, "preferred to an honest answer, or equal: null, score", benchmark="alpaca_canaries",
        metric="fooled", value=0.25, low=0.1, high=0.4, value_unit="",
    )  # fmt: skip
    html, markdown, _ = written(tmp_path, fooled)
    said = (
        "AlpacaEval's judge tiny prefers 25.0% of the canaries, or calls them equal (preferred to an honest answer, or "
        "equal: null, score); its win rates can be gamed"
    )
    assert "Warning, canaries:" in html
    assert said in html.replace("&#39;", "'")
    assert f"**Warning, canaries**: {said}" in markdown.replace("\\", "")


def test_canaries_that_all_lost_are_no_reason_for_a_warning(tmp_path: Path) -> None:
    none = rate("tiny", 33, benchmark="alpaca_canaries", metric="fooled", value=0.0, low=0, high=0.1, value_unit="")
    html, _, _ = written(tmp_path, none)
    assert "Warning, canaries" not in html


def test_the_papers_figures_are_told_apart_by_judge_model_data_and_prompts(tmp_path: Path) -> None:
    html, _, _ = written(tmp_path)
    words = html.replace("&#39;", "'")
    assert (
        "<strong>Not comparable:</strong> judge oracle, not gpt-4; model scratch, not Llama-2-70B; prompts 12, not "
        "256: a shape to compare, not a target." in words
    )
    assert "model scratch, not Llama-2-70B: a shape to compare, not a target." in words
