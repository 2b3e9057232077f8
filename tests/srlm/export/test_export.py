"""`srlm export`: what is exported loads anywhere, says what it is, and gives nothing of this machine away."""

import getpass
import json
import os
import shutil
import signal
import socket
from pathlib import Path
from typing import Any

import pytest
import yaml

from srlm.contents import sha256_of
from tests.forks.command import Forks
from tests.srlm.training import families

CHECKOUT = Path(__file__).resolve().parents[3]
KILLED = CHECKOUT / "tests/srlm/methods/killed.py"


@pytest.fixture
def mine(trained: Path, tmp_path: Path) -> Path:
    """A copy of the tiny run, trained to M2."""
    return Path(shutil.copytree(trained / "runs/tiny", tmp_path / "runs/tiny"))


def files_in(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in folder.rglob("*") if path.is_file()}


def head_of(card: str) -> dict[str, Any]:
    """The Hub's metadata of a card."""
    found: dict[str, Any] = yaml.safe_load(card.split("---\n")[1])
    return found


def test_a_model_loads_by_itself_and_writes_what_the_runs_engine_writes(mine: Path, tmp_path: Path, srlm: Any) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from srlm.engines.transformers import TransformersEngine
    from srlm.records import user
    from srlm.settings import ModelSettings, Sampling

    before = files_in(mine)
    done = srlm("export", mine, "m2", "--to", tmp_path / "out")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines()[0].startswith(f"{tmp_path / 'out'}: M2 of tiny, weights ")
    assert "M2 was not measured" in done.stdout
    assert files_in(mine) == before  # the run stays as it is
    assert sorted(files_in(tmp_path / "out")) == [
        "README.md", "chat_template.jinja", "config.json", "generation_config.json", "model.safetensors",
        "srlm_export.json", "tokenizer.json", "tokenizer_config.json",
    ]  # fmt: skip
    asked = "a red b brown c black reverse"
    with_engine = TransformersEngine.load(mine / "M2/model", "M2", ModelSettings(base="x"), 4)
    [[expected]] = with_engine.draw_ids(
        [with_engine.chat.prompt_ids(user(asked))], [1], Sampling(temperature=0, max_new_tokens=12), 1
    )
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": asked}], add_generation_prompt=True, return_dict=True, return_tensors="pt"
    )
    with torch.inference_mode():
        written = model.generate(**prompt, max_new_tokens=12, do_sample=False)[0, prompt["input_ids"].shape[1] :]
    ends = {*with_engine.ends}
    assert [token for token in written.tolist() if token not in ends] == [t for t in expected if t not in ends]
    assert len(written) > 1


def test_weights_are_rounded_to_bfloat16_where_that_is_asked_for_and_the_card_says_so(
    mine: Path, tmp_path: Path, srlm: Any
) -> None:
    import torch
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM

    out = tmp_path / "out"
    done = srlm("export", mine, "M2", "--to", out, "--dtype", "bfloat16")
    assert done.exit_code == 0, done.stderr
    assert "  rounded to bfloat16" in done.stdout.splitlines()
    trained, rounded = load_file(mine / "M2/model/model.safetensors"), load_file(out / "model.safetensors")
    assert trained.keys() == rounded.keys()
    for name, tensor in trained.items():
        assert tensor.dtype == torch.float32
        assert torch.equal(rounded[name], tensor.to(torch.bfloat16))
    assert json.loads((out / "config.json").read_text())["dtype"] == "bfloat16"
    assert AutoModelForCausalLM.from_pretrained(out).dtype == torch.bfloat16
    card = (out / "README.md").read_text()
    assert "The weights are bfloat16, rounded from the float32 in which they were trained." in card
    assert "generated in float32: its figures are of those, and answers may differ." in card
    assert srlm("export", mine, "M2", "--to", out, "--dtype", "bfloat16").exit_code == 0
    other = srlm("export", mine, "M2", "--to", out)
    assert other.exit_code == 2 and "in bfloat16); choose another folder (--to), or remove it" in other.stderr
    adapter = srlm("export", mine, "M2", "--to", tmp_path / "a", "--adapter", "--dtype", "bfloat16")
    assert adapter.exit_code == 2 and "--dtype" in adapter.stderr and not (tmp_path / "a").exists()


def test_nothing_of_this_machine_is_in_an_export(
    mine: Path, tmp_path: Path, srlm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "sk-4f9a8b7c6d5e4f3a2b1c"
    monkeypatch.setenv("EXAMPLE_API_KEY", key)
    config = mine / "M2/model/tokenizer_config.json"
    said = json.loads(config.read_text()) | {
        "name_or_path": str(mine / "M1/model"),
        "tokenizer_file": "/home/somebody/.cache/tokenizer.json",
    }
    replace_listed(mine, "model/tokenizer_config.json", json.dumps(said))
    done = srlm("export", mine, "M2", "--to", tmp_path / "out", "--data", tmp_path / "data")
    assert done.exit_code == 0, done.stderr
    assert "without entries that named a place of this machine: tokenizer_config.json" in done.stdout
    for folder in ("out", "data"):
        for path in (tmp_path / folder).rglob("*"):
            content = path.read_bytes()
            for own in (str(tmp_path), "/home/somebody", str(CHECKOUT), key, socket.gethostname()):
                assert own.encode() not in content, (path.name, own)
            if path.name in ("README.md", "srlm_export.json") and len(getpass.getuser()) > 4:
                assert getpass.getuser().encode() not in content
    kept = json.loads((tmp_path / "out/tokenizer_config.json").read_text())
    assert kept["eos_token"] == "<eos>" and "name_or_path" not in kept and "tokenizer_file" not in kept


def replace_listed(run: Path, name: str, text: str) -> None:
    """Write a file of M2 that its manifest then vouches for."""
    (run / "M2" / name).write_text(text)
    manifest = json.loads((run / "M2/manifest.json").read_text())
    manifest["outputs"][name]["sha256"] = sha256_of(run / "M2" / name)
    (run / "M2/manifest.json").write_text(json.dumps(manifest))
    seals = json.loads((run / "seals.json").read_text())
    seals["M2/manifest.json"] = [sha256_of(run / "M2/manifest.json")]
    (run / "seals.json").write_text(json.dumps(seals))


def test_a_key_in_what_would_be_exported_is_refused(
    mine: Path, tmp_path: Path, srlm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXAMPLE_API_KEY", "sk-4f9a8b7c6d5e4f3a2b1c")
    said = (mine / "M2/model/chat_template.jinja").read_text() + "{# sk-4f9a8b7c6d5e4f3a2b1c #}"
    replace_listed(mine, "model/chat_template.jinja", said)
    done = srlm("export", mine, "M2", "--to", tmp_path / "out")
    assert done.exit_code == 2
    assert "chat_template.jinja:" in done.stderr and "holds a key or password of this machine" in done.stderr
    assert "4f9a8b7c" not in done.stderr
    assert list(tmp_path.iterdir()) == [tmp_path / "runs"]


@pytest.mark.parametrize("name", ["M2/model/model.safetensors", "M2/model/config.json"])
def test_a_damaged_model_is_refused_and_nothing_is_left(mine: Path, tmp_path: Path, srlm: Any, name: str) -> None:
    content = bytearray((mine / name).read_bytes())
    content[-2] ^= 1
    (mine / name).write_bytes(content)
    done = srlm("export", mine, "M2", "--to", tmp_path / "out")
    assert done.exit_code == 2
    assert f"{mine / name}: has changed since M2 was finished" in done.stderr
    assert list(tmp_path.iterdir()) == [tmp_path / "runs"]


def test_what_is_not_finished_or_not_there_is_refused(mine: Path, tmp_path: Path, srlm: Any) -> None:
    (mine / "M2/manifest.json").unlink()
    done = srlm("export", mine, "M2", "--to", tmp_path / "out")
    assert done.exit_code == 2
    assert "M2 is not finished; run `srlm train` to its end (finished: M0, SFT, M1)" in done.stderr
    assert "no model 'M7' (finished: M0, SFT, M1)" in srlm("export", mine, "M7", "--to", tmp_path / "out").stderr
    assert "no model 'data'" in srlm("export", mine, "data", "--to", tmp_path / "out").stderr
    assert not (tmp_path / "out").exists()


def test_only_an_earlier_export_of_the_same_model_is_replaced(mine: Path, tmp_path: Path, srlm: Any) -> None:
    out = tmp_path / "out"
    out.mkdir()  # an empty folder is no other thing
    assert srlm("export", mine, "M2", "--to", out).exit_code == 0
    first = files_in(out)
    assert srlm("export", mine, "M2", "--to", out).exit_code == 0
    assert files_in(out) == first
    done = srlm("export", mine, "M1", "--to", out)
    assert done.exit_code == 2 and "holds another export (model: M2 of tiny" in done.stderr
    (out / "README.md").write_text("My own words.\n")
    done = srlm("export", mine, "M2", "--to", out)
    assert done.exit_code == 2 and "was changed since it was exported (README.md)" in done.stderr
    assert (out / "README.md").read_text() == "My own words.\n"
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("")
    done = srlm("export", mine, "M2", "--to", other)
    assert done.exit_code == 2 and "exists and is no export of srlm" in done.stderr
    done = srlm("export", mine, "M2", "--to", mine / "out")
    assert done.exit_code == 2 and "lies in the run's own folder" in done.stderr
    done = srlm("export", mine, "M2", "--to", tmp_path / "a", "--data", tmp_path / "a/data")
    assert done.exit_code == 2 and "--to and --data name one folder, or one within the other" in done.stderr
    assert not (tmp_path / "a").exists()
    assert not (mine / "out").exists()


@pytest.mark.parametrize("kind", ["link-to-nothing", "link-to-a-folder", "fifo"])
def test_what_is_no_file_in_an_earlier_export_is_a_change(mine: Path, tmp_path: Path, srlm: Any, kind: str) -> None:
    out = tmp_path / "out"
    assert srlm("export", mine, "M2", "--to", out).exit_code == 0
    own = out / "mine"
    if kind == "fifo":
        os.mkfifo(own)
    else:
        own.symlink_to(tmp_path / "nothing" if kind == "link-to-nothing" else mine)
    done = srlm("export", mine, "M2", "--to", out)
    assert done.exit_code == 2
    assert f"{out}: was changed since it was exported (mine)" in done.stderr
    assert os.path.lexists(own)


@pytest.mark.parametrize(
    ("event", "end"),
    [
        pytest.param("open", "srlm-export.part/config.json", id="while-files-are-copied"),
        pytest.param("rename", "out", id="before-it-takes-its-name"),
    ],
)
def test_a_killed_export_leaves_nothing_that_looks_finished_and_goes_on(
    mine: Path, tmp_path: Path, forks: Forks, srlm: Any, event: str, end: str
) -> None:
    words = ("srlm", "export", str(mine), "M2", "--to", str(tmp_path / "out"))
    done = forks.run(str(KILLED), "9", event, end, "1", *words, cwd=tmp_path)
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    assert (tmp_path / ".out.srlm-export.part").is_dir()
    assert srlm("export", mine, "M2", "--to", tmp_path / "out").exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "runs"]
    assert files_in(tmp_path / "out")["model.safetensors"] == sha256_of(mine / "M2/model/model.safetensors")


# The card -------------------------------------------------------------------------------------------------------------


def figure(**changed: Any) -> dict[str, Any]:
    return {
        "model": "M2", "benchmark": "answers", "metric": "cut", "value": 0.125, "low": 0.0032, "high": 0.5265, "n": 8,
        "unscored": 3, "unit": "prompts", "value_unit": "", "method": "share; 95% Blaker", "baseline": None, "p": None,
        "p_adjusted": None, "note": "", **changed,
    }  # fmt: skip


def write_figures(run: Path, rows: list[dict[str, Any]], weights: dict[str, str]) -> None:
    """Figures as the harness writes them, each benchmark measured on these weights."""
    (run / "evaluation").mkdir(exist_ok=True)
    (run / "evaluation/metrics.json").write_text(json.dumps(rows))
    noted = {row["benchmark"]: {"checkpoints": weights, "files": {}} for row in rows}
    (run / "evaluation/metrics.json.from.json").write_text(json.dumps(noted))


def weights_of(run: Path) -> dict[str, str]:
    steps = ("M0", "SFT", "M1", "M2")
    return {step: json.loads((run / step / "manifest.json").read_text())["checkpoint"]["digest"] for step in steps}


def test_the_card_says_what_the_records_say(mine: Path, tmp_path: Path, srlm: Any) -> None:
    write_figures(mine, [figure(), figure(metric="characters", value=None, low=None, high=None, n=0)], weights_of(mine))
    done = srlm("export", mine, "M2", "--to", tmp_path / "out", "--license", "apache-2.0", "--base", "me/tiny")
    assert done.exit_code == 0, done.stderr
    card = (tmp_path / "out/README.md").read_text()
    assert head_of(card) == {
        "library_name": "transformers",
        "license": "apache-2.0",
        "base_model": "me/tiny",
        "base_model_relation": "finetune",
        "pipeline_tag": "text-generation",
        "tags": ["srlm", "self-rewarding"],
    }
    counts = json.loads((mine / "M2/manifest.json").read_text())["counts"]
    assert "M0 → M1 → M2" in card
    assert f"| M2 | pairs | {counts['pairs']} |" in card
    assert f"| M2 | judgements | {counts['judgements']} |" in card
    assert r"| answers | cut |  | 0.125 | 0.0032 to 0.5265 | 8 prompts | 3 | share; 95% Blaker |" in card
    assert "| answers | characters |  | not known | none | 0 prompts | 3 | share; 95% Blaker |" in card
    assert "- The judge is the model itself" in card
    assert "- Measured are answers, and nothing else." in card
    assert "| dpo.beta | 0.1 |" in card
    assert "arXiv preprint arXiv:2401.10020" in card and f"Weights in full: {weights_of(mine)['M2']}" in card


def test_the_card_says_what_is_missing(mine: Path, tmp_path: Path, srlm: Any) -> None:
    assert srlm("export", mine, "SFT", "--to", tmp_path / "out").exit_code == 0
    card = (tmp_path / "out/README.md").read_text()
    assert "- License: not known from the records." in card
    assert "None: the run's records hold no figure of SFT with these weights." in card
    assert "- Nothing was measured of it: neither how well it answers, nor safety, nor bias." in card
    assert "- The records of its last step hold no judgements of answers." in card
    assert {"license", "base_model", "datasets"} & set(head_of(card)) == set()
    assert "SFT of the run tiny, trained with srlm by the method `self_rewarding`" in card
    assert srlm("export", mine, "M0", "--to", tmp_path / "base").exit_code == 0
    assert "M0, the model from which the run tiny starts" in (tmp_path / "base/README.md").read_text()


def test_figures_of_other_weights_are_left_out_and_named(mine: Path, tmp_path: Path, srlm: Any) -> None:
    write_figures(mine, [figure(), figure(benchmark="slices")], weights_of(mine) | {"M2": "0" * 64})
    done = srlm("export", mine, "M2", "--to", tmp_path / "out")
    assert done.exit_code == 0, done.stderr
    assert "left out, as measured on other weights: answers, slices" in done.stdout
    card = (tmp_path / "out/README.md").read_text()
    assert "| answers | cut |" not in card
    assert "Left out, because the records do not tie them to these weights: answers, slices." in card


EVIL = (
    "x | y\n\n# Owned\n\n<script>alert(1)</script> ![p](https://evil.example/p.png) [l](javascript:alert(1))\n"
    "---\nlicense: mit\n---\n```\n$$x$$ https://evil.example @somebody"
)


def test_no_word_of_a_record_is_markup_or_metadata_in_a_card(mine: Path, tmp_path: Path, srlm: Any) -> None:
    from markdown_it import MarkdownIt

    plain = tmp_path / "plain"
    assert srlm("export", mine, "M2", "--to", plain).exit_code == 0
    manifest = json.loads((mine / "M2/manifest.json").read_text())
    manifest["counts"] |= {EVIL: 1, "movement: warning": EVIL, "by kind": {EVIL: 2}, "words": EVIL}
    manifest["versions"][EVIL] = EVIL
    manifest["commit"] = EVIL
    (mine / "M2/manifest.json").write_text(json.dumps(manifest))
    seals = json.loads((mine / "seals.json").read_text())
    seals["M2/manifest.json"] = [sha256_of(mine / "M2/manifest.json")]
    (mine / "seals.json").write_text(json.dumps(seals))
    write_figures(mine, [figure(note=EVIL, metric=EVIL, method=EVIL, baseline=EVIL)], weights_of(mine))
    done = srlm("export", mine, "M2", "--to", tmp_path / "out")
    assert done.exit_code == 0, done.stderr
    card, usual = ((tmp_path / name / "README.md").read_text() for name in ("out", "plain"))
    assert head_of(card) == head_of(usual)
    assert card.split("---\n")[1] == usual.split("---\n")[1]

    def seen(text: str) -> list[tuple[str, str]]:
        """Blocks that are headings, code, HTML or rules, and all that is no plain text within blocks."""
        found = []
        for token in MarkdownIt("commonmark", {"html": True}).enable("table").parse(text.split("---\n", 2)[2]):
            if token.type in ("heading_open", "fence", "code_block", "html_block", "hr"):
                found.append((token.type, token.tag))
            kinds = {"text", "code_inline", "softbreak", "text_special"}
            found += [(one.type, one.tag) for one in token.children or () if one.type not in kinds]
        return found

    assert seen(card) == seen(usual)
    rows = [line for line in card.splitlines() if "Owned" in line and line.startswith("|")]
    assert len(rows) == 5  # four counts and a figure


def test_no_license_or_name_that_is_none(mine: Path, tmp_path: Path, srlm: Any) -> None:
    for option, value in (("--license", "mit\nx: y"), ("--base", "../../etc"), ("--base", "a/b/c")):
        done = srlm("export", mine, "M2", "--to", tmp_path / "out", option, value)
        assert done.exit_code == 2 and "not a" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_base_model_in_a_folder_gives_its_license_and_not_its_place(tmp_path: Path) -> None:
    from srlm.export.facts import _base  # what the card says of M0
    from srlm.settings import Settings

    folder = tmp_path / "models/SmallOne"
    folder.mkdir(parents=True)
    (folder / "README.md").write_text("---\nlicense: Apache-2.0\ntags: [a]\n---\n# Small one\n")
    given = {"name": "r", "model": {"base": str(folder)}, "data": {"kind": "beads"}}
    found = _base(Settings.model_validate(given), None, None, None)
    assert found == ("SmallOne", None, None, "apache-2.0", "the base model's card")
    (folder / "README.md").write_text("---\nlicense: [a, b]\n---\n")
    assert _base(Settings.model_validate(given), None, None, None).license is None


# Other forms ----------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::FutureWarning")  # TRL's own settings have names that transformers renamed
def test_pairs_and_judgements_are_data_sets_that_trl_trains_on(mine: Path, tmp_path: Path, srlm: Any) -> None:
    import datasets
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

    done = srlm("export", mine, "M2", "--to", tmp_path / "m", "--data", tmp_path / "d")
    assert done.exit_code == 0, done.stderr
    rows = [json.loads(line) for line in (mine / "M2/pairs.jsonl").read_text().splitlines()]

    def loaded(name: str) -> Any:
        cache = str(tmp_path / "cache")
        return datasets.load_dataset("json", data_files=str(tmp_path / "d" / name), split="train", cache_dir=cache)

    pairs = loaded("pairs.jsonl")
    assert len(pairs) == len(rows)
    for name in ("prompt", "chosen", "rejected"):
        assert pairs[0][name] == rows[0][name]
    assert (pairs[0]["chosen_score"], pairs[0]["rejected_score"]) == (
        rows[0]["chosen_score"],
        rows[0]["rejected_score"],
    )
    judged = loaded("judgements.jsonl")
    said = [json.loads(line) for line in (mine / "M2/judgements.jsonl").read_text().splitlines()]
    assert [one["score"] for one in judged] == [one["score"] for one in said]
    assert judged[0]["completion"] == [{"role": "assistant", "content": said[0]["raw"]}]
    assert judged[0]["prompt"][0]["content"].startswith("review : ")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "m")
    usual: dict[str, Any] = {
        "output_dir": str(tmp_path / "t"), "max_steps": 1, "per_device_train_batch_size": 2, "report_to": [],
        "use_cpu": True, "save_strategy": "no", "bf16": False, "disable_tqdm": True,
    }  # fmt: skip
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "m")
    taught = DPOTrainer(model, args=DPOConfig(**usual), train_dataset=pairs, processing_class=tokenizer)
    assert taught.train().training_loss == pytest.approx(0.6931, abs=1e-3)  # log 2: model and reference are the same
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "m")
    scored = judged.filter(lambda one: one["score"] is not None)
    told = SFTTrainer(model, args=SFTConfig(**usual), train_dataset=scored, processing_class=tokenizer)
    assert told.train().training_loss > 0
    card = (tmp_path / "d/README.md").read_text()
    assert {"config_name": "pairs", "data_files": "pairs.jsonl"} in head_of(card)["configs"]


def test_what_a_judge_was_shown_is_not_made_up_where_its_rubric_is_another(
    mine: Path, tmp_path: Path, srlm: Any
) -> None:
    inputs = json.loads((mine / "inputs.json").read_text())
    inputs["inputs"]["judge.template"]["files"] = {"beads.txt": "0" * 64}
    (mine / "inputs.json").write_text(json.dumps(inputs))
    seals = json.loads((mine / "seals.json").read_text())
    seals["inputs.json"] = [sha256_of(mine / "inputs.json")]
    (mine / "seals.json").write_text(json.dumps(seals))
    done = srlm("export", mine, "M2", "--data", tmp_path / "d")
    assert done.exit_code == 0, done.stderr
    assert "left out: judgements.jsonl" in done.stdout and "their rubric has changed" in done.stdout
    assert sorted(files_in(tmp_path / "d")) == ["README.md", "pairs.jsonl", "srlm_export.json"]


CONVERTER = """import sys
from pathlib import Path
folder, out = Path(sys.argv[1]), Path(sys.argv[sys.argv.index("--outfile") + 1])
if not (folder / "model.safetensors").is_file():
    sys.exit("no model there")
out.write_bytes(b"GGUF" + bytes(4))
"""


def test_a_gguf_file_by_the_converter_on_the_path(
    mine: Path, tmp_path: Path, srlm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    done = srlm("export", mine, "M2", "--to", tmp_path / "out", "--gguf")
    assert done.exit_code == 2
    assert "convert_hf_to_gguf.py is not on the PATH; get it (git clone" in done.stderr
    assert not (tmp_path / "out").exists()
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/convert_hf_to_gguf.py"
    program.write_text(CONVERTER)
    program.chmod(0o755)
    done = srlm("export", mine, "M2", "--to", tmp_path / "out", "--gguf")
    assert done.exit_code == 0, done.stderr
    assert (tmp_path / "out/tiny-M2-f16.gguf").read_bytes()[:4] == b"GGUF"
    failing = tmp_path / "fails.py"
    failing.write_text("import sys\nsys.exit('Model LlamaForCausalLM is not supported')\n")
    done = srlm("export", mine, "M2", "--to", tmp_path / "other", "--converter", failing)
    assert done.exit_code == 2
    assert "ended with status 1" in done.stderr and "Model LlamaForCausalLM is not supported" in done.stderr
    assert not (tmp_path / "other").exists()


def test_an_adapter_with_its_base_gives_the_merged_models_answers(tiny: Path, tmp_path: Path, srlm: Any) -> None:
    options = ["--set", f"runs={tmp_path / 'runs'}", "--set", "sft.lora.rank=2", "--set", "dpo.lora.rank=2"]
    options += ["--set", "pretraining.max_steps=2", "--set", "sft.max_steps=3", "--set", "dpo.max_steps=3"]
    done = srlm("train", "--run", tiny, *options)
    assert done.exit_code == 0, done.stderr
    run, out = tmp_path / "runs/tiny", tmp_path / "out"
    done = srlm("export", run, "M2", "--to", out, "--adapter")
    assert done.exit_code == 2 and "say what it is called on the Hub: --base OWNER/NAME" in done.stderr
    done = srlm("export", run, "M2", "--to", out, "--adapter", "--base", "me/tiny-base")
    assert done.exit_code == 0, done.stderr
    assert "a LoRA adapter of me/tiny-base: rank 4" in done.stdout
    config = json.loads((out / "adapter_config.json").read_text())
    assert (config["base_model_name_or_path"], config["r"], config["lora_alpha"]) == ("me/tiny-base", 4, 4)
    assert not (out / "config.json").exists() and not (out / "model.safetensors").exists()
    assert head_of((out / "README.md").read_text())["library_name"] == "peft"
    refuse_other_answers(out, run / "M0/model", run / "M2/model", tmp_path / "me/tiny-base")


def refuse_other_answers(adapter: Path, base: Path, merged: Path, name: Path) -> None:
    """Assert that an adapter on its base, which is copied to where `name` leads, is the merged model."""
    import torch
    from peft import AutoPeftModelForCausalLM
    from transformers import AutoModelForCausalLM

    # There is no Hub here: the base's name is a path relative to this folder.
    shutil.copytree(base, name)
    here = Path.cwd()
    os.chdir(name.parent.parent)
    try:
        adapted = AutoPeftModelForCausalLM.from_pretrained(str(adapter), dtype=torch.float32)
    finally:
        os.chdir(here)
    whole = [AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32) for path in (merged, base)]
    ids = torch.tensor([[2, 5, 9, 20, 31, 7]])
    with torch.inference_mode():
        wanted, before, found = (model(ids).logits for model in (*whole, adapted))
    assert torch.allclose(found, wanted, atol=1e-4)
    assert not torch.allclose(before, wanted, atol=1e-2)


def test_an_adapter_of_layers_that_keep_their_weights_the_other_way_round(
    tiny: Path, tmp_path: Path, srlm: Any
) -> None:
    families.make("gpt2", tmp_path / "gpt2", n_positions=128)
    given = yaml.safe_load(tiny.read_text()) | {"runs": str(tmp_path / "runs"), "iterations": 1}
    del given["pretraining"]
    given["model"] = {"base": str(tmp_path / "gpt2")}
    given["sft"] |= {"max_steps": 4, "learning_rate": 0.1, "lora": {"rank": 2}}
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(given))
    done = srlm("train", "--run", tmp_path / "run.yaml")
    assert done.exit_code == 0, done.stderr
    out = tmp_path / "out"
    done = srlm("export", tmp_path / "run.yaml", "M1", "--to", out, "--adapter", "--base", "me/gpt2")
    assert done.exit_code == 0, done.stderr
    assert "a LoRA adapter of me/gpt2: rank 2" in done.stdout
    assert json.loads((out / "adapter_config.json").read_text())["fan_in_fan_out"] is True
    refuse_other_answers(out, tmp_path / "gpt2", tmp_path / "runs/tiny/M1/model", tmp_path / "me/gpt2")


def test_an_adapter_of_a_run_without_adapters_is_refused(mine: Path, tmp_path: Path, srlm: Any) -> None:
    done = srlm("export", mine, "M2", "--to", tmp_path / "out", "--adapter", "--base", "me/tiny")
    assert done.exit_code == 2
    assert "--adapter: the run was trained without adapters (sft.lora, dpo.lora)" in done.stderr
    assert not (tmp_path / "out").exists()
