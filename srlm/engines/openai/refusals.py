"""What a server means by an error: this one request is refused, or all would be, or waiting may mend it.

Servers agree on little. OpenAI and those that follow it name a code; most others only say it, in an object, a list, a
line of text or an HTML page. tests/srlm/engines/openai/test_refusals.py has the words of each.
"""

import re
from typing import Literal

import openai

from srlm.engines.openai.body import is_page
from srlm.engines.openai.servers import words_of

Fate = Literal["too long", "filtered", "invalid", "key", "model", "credit", "all", "wait", "slower"]
"""`too long`, `filtered`, `invalid`: this request is refused alone. `key`, `model`, `credit`, `all`: all would be.
`wait`: the server failed. `slower`: it takes fewer requests."""

_CREDIT_CODES = (
    "insufficient_quota",
    "billing_hard_limit_reached",
    "billing_not_active",
    "insufficient_balance",
    "Arrearage",
)
_FILTER_CODES = (
    "content_filter",
    "content_policy_violation",
    "ResponsibleAIPolicyViolation",
    "invalid_prompt",
    "moderation",
    "data_inspection_failed",
)
_TOO_LONG_CODES = (
    "context_length_exceeded",
    "string_above_max_length",
    "request_too_large",
    "exceed_context_size_error",
)
_MODEL_CODES = ("model_not_found", "DeploymentNotFound", "model_decommissioned", "model_not_available")

_TOO_LONG = re.compile(
    r"context (?:length|window|size|limit)|context the overflows"
    r"|(?:prompt|input|inputs|request|message|string|conversation|text)s?\b.{0,40}(?<!took )(?<!taking )(?<!takes )"
    r"\btoo (?:long|large|big)\b"
    r"|too many (?:input |prompt )?tokens|maximum (?:supported )?(?:prompt|input|context|model|sequence) (?:len|size)"
    r"|maximum length|(?:max_tokens|max_completion_tokens)\b.{0,40} too large|reduce the length"
    r"|must have less than \d+ tokens|`inputs` tokens \+|max_(?:model|seq)_len|longer than the (?:model|maximum)"
    r"|(?:tokens?|length|count|size)\b.{0,60}\bexceed(?:s|ed)?\b"
    r"|\bexceed(?:s|ed)?\b.{0,40}\b(?:token|length|maximum size)"
    r"|range of input length|more than the (?:limit|maximum)"
    r"|tokens > \d+ maximum|too large for model",
    re.IGNORECASE | re.DOTALL,
)
_FILTERED = re.compile(
    r"content[ _](?:filter|policy|management|moderation)|responsible ai|moderation|flagged|usage (?:polic|guideline)"
    r"|safety (?:system|filter|polic|check|setting)|violat\w+ (?:our|the|of|usage) |content exists risk"
    r"|(?:inappropriate|prohibited|harmful|unsafe|sensitive) content|guardrail|blocked (?:by|due to|for) .{0,20}safety",
    re.IGNORECASE,
)
_KEY = re.compile(r"api[ _-]?key|credential|authenti|subscription key|permission|unauthori[sz]ed", re.IGNORECASE)
_CREDIT = re.compile(
    r"credit balance|quota|insufficient (?:balance|credit|fund)|(?:no|out of|more|enough) credits?\b|billing|payment"
    r"|(?:account|organi[sz]ation)\b.{0,40}(?:suspended|deactivated|not active|disabled)",
    re.IGNORECASE,
)
_MODEL = re.compile(
    r"(?:model|deployment)\b.{0,80}(?:not exist|not found|not a valid|not available|no access|not have access"
    r"|decommissioned|deprecated|retired|shut ?down|discontinued|no longer (?:available|supported))"
    r"|(?:no|unknown|invalid) model\b|not have access to (?:the )?model",
    re.IGNORECASE,
)
_FOR_EVER = re.compile(
    r"request too large|must be reduced|reduce (?:the length|your (?:message|prompt))", re.IGNORECASE
)
"""Said with 429 of one request that is larger than what may be asked in a minute."""


def fate_of(error: openai.APIStatusError) -> Fate:
    """What an error means, by its status, its code or type, and its words."""
    status, codes = error.status_code, {str(error.code or ""), str(error.type or "")}
    words = f"{error.code or ''} {words_of(error)}"
    if not codes.isdisjoint(_CREDIT_CODES) or status == 402:
        return "credit"
    if status == 429:
        return "too long" if _FOR_EVER.search(words) else "slower"
    if status >= 500 or status in (408, 409, 425):
        # llama.cpp and Ollama say so with status 500; in any other words it is a failure.
        return "too long" if status == 500 and not is_page(error.response.text) and _too_long(codes, words) else "wait"
    if status == 401:
        return "key"
    if status == 404:
        return "model"
    if status in (400, 403, 413, 422, 451):
        return _refused(status, codes, words, is_page(error.response.text))
    return "all"


def _refused(status: int, codes: set[str], words: str, page: bool) -> Fate:
    if status == 413 or (status != 403 and _too_long(codes, words)):
        return "too long"
    if not codes.isdisjoint(_FILTER_CODES) or status == 451 or _FILTERED.search(words):
        return "filtered"
    if not codes.isdisjoint(_MODEL_CODES) or _MODEL.search(words):
        return "model"
    # A check of the request's fields (422) quotes them: a prompt may be about payments, or keys.
    if _CREDIT.search(words) and status != 422:
        return "credit"
    if _KEY.search(words) and not page and status != 422:
        return "key"
    # A gateway's page forbids what this request says; a server that forbids everything says so of the next ones, too.
    return "key" if status == 403 and not page else "invalid"


def _too_long(codes: set[str], words: str) -> bool:
    return not codes.isdisjoint(_TOO_LONG_CODES) or _TOO_LONG.search(words) is not None
