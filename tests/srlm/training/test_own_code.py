"""A model that brings its own Python code: refused unless trusted, and then trusted wherever it is loaded."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from srlm.engines.base import Engine
from srlm.engines.weights import load_chat, load_model
from srlm.errors import ModelError
from srlm.judge.reward_model import RewardModel
from srlm.records import user
from srlm.run_file import load
from srlm.settings import LoraSettings, ModelSettings, Settings
from srlm.training import launch, online, reward_model
from srlm.training.adapters import check_adapters

CONFIGURATION = """
from transformers import LlamaConfig

class OwnConfig(LlamaConfig):
    model_type = "own"
"""
MODEL = """
from torch import nn
from transformers import LlamaForCausalLM, LlamaForSequenceClassification, LlamaModel, PreTrainedModel

from .configuration_own import OwnConfig

class OwnForCausalLM(LlamaForCausalLM):
    config_class = OwnConfig

class OwnForSequenceClassification(LlamaForSequenceClassification):
    config_class = OwnConfig

    def __init__(self, config):
        PreTrainedModel.__init__(self, config)
        self.num_labels, self.model = config.num_labels, LlamaModel(config)
        self.score = nn.Linear(config.hidden_size, config.num_labels, bias=False)
        self.post_init()
"""
TRUSTED, OTHER = (ModelSettings(base="unused", trust_remote_code=trust) for trust in (True, False))
PAIRS = [reward_model.RankedExample([2, 4, 6 + number, 3], [2, 4, 17 - number, 27, 3]) for number in range(5)]


@pytest.fixture(scope="module")
def own_model(bead_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of the tests as one that transformers has no code of."""
    folder = tmp_path_factory.mktemp("own code") / "model"
    shutil.copytree(bead_model, folder)
    config = json.loads((folder / "config.json").read_text())
    kinds = {"CausalLM": "AutoModelForCausalLM", "SequenceClassification": "AutoModelForSequenceClassification"}
    names = {auto: f"modeling_own.OwnFor{kind}" for kind, auto in kinds.items()}
    config |= {"model_type": "own", "architectures": ["OwnForCausalLM"]}
    config |= {"auto_map": {"AutoConfig": "configuration_own.OwnConfig", **names}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "configuration_own.py").write_text(CONFIGURATION)
    (folder / "modeling_own.py").write_text(MODEL)
    return folder


@pytest.fixture
def wanted(tiny: Path) -> Settings:
    steps = ["batch_size=8", "micro_batch_size=4", "max_steps=1", "learning_rate=1e-3"]
    words = [f"{part}.{step}" for part in ("reward_model", "online") for step in steps]
    return load(tiny, [*words, "candidates.count=4", "model.trust_remote_code=true"])


class Shortness:
    """Rewards of a few tokens."""

    def rewards(self, step: int, sampled: Sequence[online.Sampled], policy: Engine | None) -> list[float | None]:
        return [-float(one.written.tokens or 0) for one in sampled]

    def keep(self, step: int, advantages: Sequence[float]) -> None:
        assert any(advantages)


def places(folder: Path) -> dict[str, Any]:
    return {"seed": 3, "work": folder / "work", "target": folder / "model", "report": lambda done, total: None}


def test_it_is_refused_unless_trusted(own_model: Path) -> None:
    for opened in (load_model, load_chat):
        with pytest.raises(ModelError, match="trust_remote_code"):
            opened(own_model, ModelSettings(base="unused"))
    with pytest.raises(ModelError, match="trust_remote_code"):
        reward_model.check_classifier(own_model, OTHER)
    check_adapters(own_model, TRUSTED, LoraSettings(rank=2))


@pytest.mark.parametrize("algorithm", ["rloo", "grpo"])
def test_online_training_trusts_the_reference_as_it_trusts_the_model(
    own_model: Path, wanted: Settings, tmp_path: Path, algorithm: str
) -> None:
    wanted = wanted.model_copy(update={"online": wanted.online.model_copy(update={"algorithm": algorithm})})
    assert wanted.online.beta > 0
    chat = load_chat(own_model, TRUSTED)
    asked = [online.Asked(place, chat.prompt_ids(user(text))) for place, text in enumerate(("a b mate", "a copy"))]
    plan = online.Plan(asked, 4, wanted.candidates.sampling, 16)
    launch.learn(own_model, own_model, plan, Shortness(), wanted, name="M2", **places(tmp_path))
    assert type(load_model(tmp_path / "model", TRUSTED)).__name__ == "OwnForCausalLM"  # its code is saved with it


def test_a_reward_model_has_the_code_of_the_model_that_it_was(
    own_model: Path, wanted: Settings, tmp_path: Path
) -> None:
    launch.fit_reward_model(own_model, PAIRS, wanted, **places(tmp_path))
    folder = str(tmp_path / "model")
    with pytest.raises(ModelError, match="trust_remote_code"):
        RewardModel.load(folder, OTHER, 4)
    (score,) = RewardModel.load(folder, TRUSTED, 4).scores([(user("a copy"), "a")])
    assert score is not None
