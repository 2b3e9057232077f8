"""What damage.py looks for is found when it is there. (The thing itself is `make damage-short`, which CI runs.)"""

import importlib.util
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
BENCHMARKS = CHECKOUT / "benchmarks"


@pytest.fixture(scope="module")
def kinds() -> Any:
    found = importlib.util.spec_from_file_location("damage_kinds", BENCHMARKS / "damage_kinds.py")
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


WITHOUT_DIGESTS = """
import runpy, sys
import srlm.contents
srlm.contents.sha256_of = lambda path: "0" * 64  # before anybody has imported it: every file is like every other
import srlm.store.seals
srlm.store.seals.confirm = lambda path, sha256: True
srlm.store.seals.sha256_of_bytes = lambda content: "0" * 64
sys.path.insert(0, sys.argv[1])
sys.argv = [sys.argv[1] + "/damage.py", *sys.argv[2:]]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_a_run_whose_digests_are_not_checked_is_found_to_go_on_with_other_weights(tmp_path: Path) -> None:
    """M3 is made from M2's weights, of which one bit was flipped."""
    words = ["--damages", "1", "--jobs", "1", "--folder", str(tmp_path), "--state", "finished"]
    words += ["--only", "^finished: M2/model/model.safetensors: bit flipped: train --next$"]
    found = subprocess.run(
        [sys.executable, "-c", WITHOUT_DIGESTS, str(BENCHMARKS), *words],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
    )
    assert found.returncode == 1, found.stdout + found.stderr
    said = found.stdout.splitlines()[-1]
    assert said.startswith("0: different: finished: M2/model/model.safetensors: bit flipped: train --next: other bytes")
    assert "M3/model/model.safetensors" in said


def test_every_damage_changes_a_file_of_records_and_only_that(tmp_path: Path, kinds: Any) -> None:
    run, outside = tmp_path / "runs/tiny", tmp_path / "outside"
    for name, damage in kinds.DAMAGES.items():
        if name == "unreadable":
            continue  # root reads it all the same
        for step in ("M1", "M2"):
            (run / step).mkdir(parents=True, exist_ok=True)
            rows = [{"id": f"{step}{number}", "score": number, "who": {"name": "x"}} for number in range(5)]
            (run / step / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        outside.mkdir()
        path, other = run / "M2/rows.jsonl", run / "M1/rows.jsonl"
        before, beside = path.read_bytes(), other.read_bytes()
        assert damage(path, random.Random(1), outside) is True, name
        assert not path.is_file() or path.read_bytes() != before or path.is_symlink(), name
        assert other.read_bytes() == beside, name
        subprocess.run(["rm", "-rf", str(run), str(outside)], check=True)


def test_damages_are_the_same_from_the_same_seed(tmp_path: Path, kinds: Any) -> None:
    found = []
    for name in ("a", "b"):
        path = tmp_path / name
        path.write_bytes(bytes(range(256)))
        assert kinds.DAMAGES["bit flipped"](path, random.Random(7), tmp_path)
        found.append(path.read_bytes())
    assert found[0] == found[1] != bytes(range(256))
