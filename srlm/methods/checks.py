"""What a run asks for that it cannot have, found before its first stage and not hours later in its fourth."""

from srlm.data.self_instruct import prompts_from_file
from srlm.errors import DataError, SettingsError
from srlm.judge import rubric
from srlm.settings import Settings


def check(settings: Settings, last: int) -> None:
    """Raises where the way to M_last asks for what does not go together, or a file cannot serve; opens no model."""
    rubric.load(settings.judge.template)
    if settings.engine.kind != "transformers":
        raise SettingsError(
            f"engine.kind {settings.engine.kind}: the run's own checkpoints are run by `transformers`; a server can be "
            "the judge (judge.engine) or write prompts (prompts.engine)"
        )
    for name, engine in (("judge.engine", settings.judge.engine), ("prompts.engine", settings.prompts.engine)):
        if engine is not None and engine.kind != "openai":
            raise SettingsError(f"{name}.kind {engine.kind}: only a server (`openai`) can stand here")
        if engine is not None and engine.model is None:
            raise SettingsError(f"{name}.model is missing: the name the server knows the model by")
    if settings.data.kind != "beads" and settings.arm == "oracle_scores":
        raise SettingsError("arm oracle_scores needs data.kind `beads`: only that world has a program that judges")
    if settings.data.kind != "beads" and settings.eft.writer == "reviews" and settings.arm != "ift_only":
        raise SettingsError("eft.writer `reviews` needs data with reviews (data.kind `beads`); use `sft`")
    if last < 2:
        return  # what follows is for the loop
    if settings.dpo.early_stop != "off" and not settings.data.validation_prompts:
        raise DataError("dpo.early_stop needs validation prompts; set data.validation_prompts (the paper: 253)")
    match settings.prompts.writer:
        case "world" if settings.data.kind != "beads":
            raise DataError("prompts.writer `world` needs data.kind `beads`; use `self`, `fixed` or `file`")
        case "file":
            if settings.prompts.path is None:
                raise DataError("prompts.writer `file` needs prompts.path")
            count = settings.prompts.count
            prompts_from_file(settings.prompts.path, count, (last - 2) * count)
        case "fixed" if settings.prompts.engine is None and settings.prompts.model is None:
            raise DataError("prompts.writer `fixed` needs prompts.model (a folder or hub id) or prompts.engine")
