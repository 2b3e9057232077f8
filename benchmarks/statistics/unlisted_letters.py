"""How much can a letter hide that is not among a judge's listed tokens? Of GPT-4 Turbo's published annotations.

    SRLM_SHARED=shared python benchmarks/statistics/unlisted_letters.py

A letter that is not listed is at most as likely as the least likely listed one (srlm/judge/letter.py). The preference
lies in a range then, and the figure of a model by at most the mean width of these ranges.
"""

import argparse
import json
import os
from pathlib import Path

from eval.data.alpaca_eval import ANNOTATOR
from srlm.judge.letter import chance_of

LETTERS = ("m", "M")


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared = os.environ.get("SRLM_SHARED")
    words.add_argument("--alpaca-dir", type=Path, default=Path(shared, "data", "alpaca_eval") if shared else None)
    asked = words.parse_args()
    if asked.alpaca_dir is None:
        words.error("give --alpaca-dir, or set SRLM_SHARED")
    print(f"{'model':36}verdicts  unlisted  widest range  win rate within, points")
    for path in sorted((asked.alpaca_dir / "results").glob(f"*/{ANNOTATOR}/annotations.json")):
        choices = [row.get("raw_completion") for row in json.loads(path.read_text(encoding="utf-8"))]
        told = [one for one in choices if isinstance(one, dict) and one.get("logprobs")]
        chances = [chance_of(one, one["message"]["content"], LETTERS) for one in told]
        widths = [one.bounds[1] - one.bounds[0] for one in chances if one is not None and one.bounds is not None]
        within = 100 * sum(widths) / max(1, len(told))
        print(f"{path.parts[-3]:36}{len(told):8d}  {len(widths):8d}  {max(widths, default=0):12.1e}  {within:.1e}")


if __name__ == "__main__":
    main()
