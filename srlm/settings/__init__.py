"""Every setting of a run, declared once: each field has its type, default, unit and help.

`srlm settings` prints them all. Where the paper states a value, it is the default (Yuan et al. 2024, section 3).
`srlm/run_file.py` reads them from a YAML file.
"""

from srlm.settings.breakdown import BreakdownSettings
from srlm.settings.data import (
    ExamplesSource,
    FilesData,
    OasstData,
    PromptsSource,
    RankedData,
    RankingFormat,
    RankingsSource,
    RowFormat,
    SeedSets,
    SetSizes,
    Source,
    Sources,
)
from srlm.settings.data_map import DataMapSettings
from srlm.settings.engines import EngineSettings, Price, RaySettings, Sampling, VllmSettings
from srlm.settings.evaluation import EvaluationSettings
from srlm.settings.judge import EftSettings, JudgeSettings, PairSettings
from srlm.settings.measured import GivenModel, MeasuredData
from srlm.settings.model import ModelSettings, ScratchModel
from srlm.settings.prompts import FIRST, CandidateSettings, PromptSettings
from srlm.settings.rewards import (
    JudgeRewardSettings,
    ModelRewardSettings,
    RandomRewardSettings,
    RewardSettings,
    Rule,
    RulesRewardSettings,
    SelectionSettings,
    WorldRewardSettings,
)
from srlm.settings.run import MethodSettings, Settings, Tracker
from srlm.settings.shaping import ELSEWHERE, GONE, GUARDS, LATER, TRANSPORT, fields, shaping
from srlm.settings.training import (
    DpoSettings,
    LaunchSettings,
    LoraSettings,
    OnlineSettings,
    RewardModelSettings,
    SftSettings,
    Training,
)

__all__ = [
    "ELSEWHERE",
    "FIRST",
    "GONE",
    "GUARDS",
    "LATER",
    "TRANSPORT",
    "BreakdownSettings",
    "CandidateSettings",
    "DataMapSettings",
    "DpoSettings",
    "EftSettings",
    "EngineSettings",
    "EvaluationSettings",
    "ExamplesSource",
    "FilesData",
    "GivenModel",
    "JudgeRewardSettings",
    "JudgeSettings",
    "LaunchSettings",
    "LoraSettings",
    "MeasuredData",
    "MethodSettings",
    "ModelRewardSettings",
    "ModelSettings",
    "OasstData",
    "OnlineSettings",
    "PairSettings",
    "Price",
    "PromptSettings",
    "PromptsSource",
    "RandomRewardSettings",
    "RankedData",
    "RankingFormat",
    "RankingsSource",
    "RaySettings",
    "RewardModelSettings",
    "RewardSettings",
    "RowFormat",
    "Rule",
    "RulesRewardSettings",
    "Sampling",
    "ScratchModel",
    "SeedSets",
    "SelectionSettings",
    "SetSizes",
    "Settings",
    "SftSettings",
    "Source",
    "Sources",
    "Tracker",
    "Training",
    "VllmSettings",
    "WorldRewardSettings",
    "fields",
    "shaping",
]
