"""The head-to-head as text: every pair with intervals, and the paper's figures behind the pairs it has."""

from eval.benchmarks.head_to_head.text import contests
from eval.records import MetricValue


def contest(
    model: str, baseline: str, win: float | None, tie: float | None, lose: float | None, note: str = ""
) -> list[MetricValue]:
    shares = {"win": win, "tie": tie, "lose": lose, "win_minus_lose": None if win is None else win - (lose or 0)}
    return [
        MetricValue(
            model=model,
            benchmark="head_to_head",
            metric=metric,
            value=value,
            low=None if value is None else value - 0.05,
            high=None if value is None else value + 0.05,
            n=256 if value is not None else 0,
            unscored=0 if value is not None else 256,
            method="by hand",
            baseline=baseline,
            p=None if value is None else 0.00001,
            p_adjusted=None if value is None else 0.00003,
            note=note if metric == "win_minus_lose" else "",
        )
        for metric, value in shares.items()
    ]


def test_a_pair_stands_beside_the_papers_pair_of_the_same_names() -> None:
    head, row, source = contests(contest("M2", "M1", 0.6, 0.3, 0.1)).splitlines()
    assert head.split("  ")[0] == "pair"
    cells = [cell.strip() for cell in row.split("  ") if cell]
    assert cells == [
        "M2 : M1",
        "60.0 [55.0, 65.0]",
        "30.0 [25.0, 35.0]",
        "10.0 [5.0, 15.0]",
        "< .0001",
        "256",
        "0",
        "55.5 / 32.8 / 11.7",
    ]
    assert source.startswith("the paper's: Yuan et al. 2024")


def test_what_was_not_seen_or_not_read_is_said_below_the_table() -> None:
    found = contest("M4", "M3", 0.2, 0.6, 0.2, "no difference shown: 256 prompts show one of 0.1 with 80% power")
    found += contest("M5", "M4", None, None, None, "no verdict could be read (judge j)")
    said = contests(found).splitlines()
    assert "not known" in said[2]
    assert said[3] == "M4 : M3: no difference shown: 256 prompts show one of 0.1 with 80% power"
    assert said[4] == "M5 : M4: no verdict could be read (judge j)"


def test_one_model_alone_has_nothing_to_be_compared_with() -> None:
    assert contests([]) == "no two checkpoints to compare"
