"""All settings of a run."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, PrivateAttr, SerializerFunctionWrapHandler, model_serializer, model_validator

from srlm.errors import SettingsError
from srlm.records import digest
from srlm.section import Positive, Section
from srlm.settings.data import FilesData, OasstData, RankedData
from srlm.settings.engines import EngineSettings
from srlm.settings.evaluation import EvaluationSettings
from srlm.settings.judge import EftSettings, JudgeSettings
from srlm.settings.measured import MeasuredData
from srlm.settings.model import ModelSettings
from srlm.settings.origin import Origin
from srlm.settings.prompts import CandidateSettings, PromptSettings
from srlm.settings.rewards import JudgeRewardSettings, RewardSettings, SelectionSettings
from srlm.settings.shaping import GONE, shaping
from srlm.settings.training import (
    DpoSettings,
    LaunchSettings,
    OnlineSettings,
    RewardModelSettings,
    SftSettings,
    Training,
)
from srlm.worlds.table import TITLES, WorldData


class MethodSettings(Section):
    """The training method, by name or with its own settings: {name: positive_sft, min_reward: 4}.

    `srlm methods` lists all methods. A method's own settings are declared in its file under srlm/methods.
    """

    model_config = ConfigDict(extra="allow")

    name: str = "self_rewarding"
    """Name of a method; `srlm methods` lists them."""

    @property
    def own(self) -> dict[str, Any]:
        """The method's own settings, as given."""
        return dict(self.model_extra or {})

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        return {"name": given} if isinstance(given, str) else given

    @model_serializer(mode="wrap")
    def _name_alone(self, dump: SerializerFunctionWrapHandler) -> Any:
        return dump(self) if self.own else self.name


Tracker = Literal["tensorboard", "wandb", "trackio"]
"""Values that the trainers' own `report_to` accepts; each is also the name of its package."""


class Settings(Section):
    """One run."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    """Name of the run, and of its folder under `runs`."""
    runs: str = "runs"
    """Folder of all runs, relative to the working directory."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 1
    """Random seed from which all others derive."""
    method: MethodSettings = MethodSettings()
    """The training method: its name, or its name and its own settings."""
    iterations: Positive = 3
    """Last M_i that `srlm train` trains without --to."""
    threads: Annotated[int, Field(ge=0)] = 0
    """CPU threads of torch; 0 = torch's default. Results can differ in the last digits between thread counts."""
    report_to: tuple[Tracker, ...] = ()
    """Trackers that also receive the training history and the counts of each finished step: `tensorboard` (M_i/logs,
    logs), `wandb`, `trackio`. Default: none. The package must be installed; configure the account and project there."""
    model: ModelSettings
    pretraining: Training | None = None
    """Training of M0 on the world's base lines; only if model.base is `scratch`."""
    data: Annotated[
        OasstData | WorldData | RankedData | FilesData | MeasuredData,
        Field(
            discriminator="kind",
            description="The data from which the run starts, and its evaluation prompts: Open Assistant's "
            f"conversations, any other ranked answers, your own files, or the {TITLES}; `measured` where nothing is "
            "trained.",
        ),
    ]
    engine: EngineSettings = EngineSettings()
    """Runs the run's own checkpoints, which write candidates and judgements."""
    launch: LaunchSettings = LaunchSettings()
    sft: SftSettings = SftSettings()
    eft: EftSettings = EftSettings()
    prompts: PromptSettings = PromptSettings()
    candidates: CandidateSettings = CandidateSettings()
    judge: JudgeSettings = JudgeSettings()
    reward: Annotated[RewardSettings, Field(discriminator="kind")] = JudgeRewardSettings()
    """How the reward of an answer is determined."""
    selection: SelectionSettings = SelectionSettings()
    dpo: DpoSettings = DpoSettings()
    reward_model: RewardModelSettings = RewardModelSettings()
    online: OnlineSettings = OnlineSettings()
    evaluation: EvaluationSettings = EvaluationSettings()

    _origin: Origin = PrivateAttr(default_factory=Origin)

    def where(self, *names: str) -> str:
        """The file that messages about these settings (`section.setting`) begin with; of no names, the run file."""
        return self._origin(*names)

    @property
    def options(self) -> tuple[str, ...]:
        """Options of a command which give these settings once more; none where they stand in no run file."""
        return self._origin.options

    def refusal(self, fault: str, *names: str) -> SettingsError:
        """The error that says what is wrong with these settings, and in which file they stand."""
        return SettingsError(f"{self.where(*names)}: {fault}")

    def written_in(self, origin: Origin) -> "Settings":
        """The same settings, which stand where `origin` says."""
        placed = self.model_copy()
        placed._origin = origin
        return placed

    @property
    def folder(self) -> Path:
        return Path(self.runs) / self.name

    @property
    def digest(self) -> str:
        """Digest of all settings that affect the trained models; the run's folder and its evaluation are excluded."""
        return digest({**dict(shaping(self.model_dump(mode="json"))), **GONE})
