"""Which parameters of a chat completion a server takes: those it refused are renamed or left out from then on.

Servers agree on the messages alone. OpenAI's reasoning models take no `max_tokens`, `temperature` or `top_p`, others
know no `seed`, `n` or `logprobs`. What a server refuses it names in its error, in a field or in its words.
"""

import re
from collections.abc import Mapping
from typing import Any

import openai

from srlm.terminal import logger

log = logger(__name__)

RENAMED = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
"""Two names of the token limit: where a server refuses one, the other is tried."""
CONSEQUENCES = {
    "max_tokens": "the server decides the length of answers",
    "max_completion_tokens": "the server decides the length of answers",
    "temperature": "answers are sampled at the server's own temperature, not at the configured one",
    "top_p": "answers are sampled with the server's own top_p, not with the configured one",
    "seed": "the same request may get a different answer the next time",
    "n": "every draw is a separate request",
    "reasoning_effort": "the server decides how long the model thinks",
    "prompt_logprobs": "log-probabilities cannot be read",
    "logprobs": "log-probabilities cannot be read",
    "top_logprobs": "log-probabilities cannot be read",
    "continue_final_message": "a partial answer cannot be continued",
    "add_generation_prompt": "a partial answer cannot be continued",
    "echo": "log-probabilities of given text cannot be read",
    "stop": "answers go on to their limit, and are cut at the stop when they come",
}

_CODES = ("unsupported_parameter", "unsupported_value", "unknown_parameter", "extra_forbidden")
_REFUSES = re.compile(
    r"unsupported|not (?:be |yet |currently )?support|n't support|unrecogni[sz]ed|unknown|unexpected"
    r"|extra (?:inputs|fields)|forbidden"
    r"|not (?:yet |currently )?(?:permitted|allowed|available|implemented|enabled|recogni[sz]ed|accepted)|deprecated"
    r"|does not (?:accept|return|provide)|unavailable"
    r"|cannot (?:both )?be (?:used|set|specified)|please use only one|no (?:longer|such) |not a (?:valid|known)"
    r"|n[o']t compatible|incompatible|not applicable|(?:may|can) only be (?:set|used)|(?:or|be|left) unset"
    r"|invalid (?:parameter|argument|field|name)|only the default|fixed (?:at|to)|remove (?:it|the|this|`|')"
    r"|only (?:one|1) |must be (?:one|1|at most 1|equal to 1)\b",
    re.IGNORECASE,
)
_TOO_LONG = re.compile(r"too (?:large|long|many)|context (?:length|window|size)|maximum", re.IGNORECASE)
_TOGETHER = {"logprobs": "top_logprobs", "top_logprobs": "logprobs"}
"""Parameters that are left out together: servers take the second with the first alone, and one says nothing of use."""
_BOUND = r"(?:greater than|exceed|at most|less than|more than|between|limited to|up to|maximum|too (?:large|many|high))"
_TOO_MANY = re.compile(_BOUND, re.IGNORECASE)
"""Said of a number of log-probabilities, which has nothing to do with the length of this one request."""
_COUNT = r"(?<![\w.])(?<!prompt )(top_)?logprobs\b"
_TOO_MANY_LOGPROBS = re.compile(rf"{_COUNT}.{{0,60}}{_BOUND}|{_BOUND}.{{0,60}}{_COUNT}", re.IGNORECASE)


def refused_parameter(error: openai.APIStatusError, sent: Mapping[str, Any]) -> str | None:
    """The one of the parameters `sent` that the server takes not at all, or not with this value. None: it says of none.

    A value that is too large for this one request (`max_tokens` behind a long prompt) is no such refusal.
    """
    if error.status_code not in (400, 403, 422, 501):  # 403: OpenAI's of log-probabilities of its reasoning models
        return None
    if forbidden := [name for name in _places(error.body) if name in sent]:
        return forbidden[0]
    words = _words(error)
    named = error.param if error.param in sent else None
    if named in _TOGETHER and _TOO_MANY.search(words):
        return named
    if "logprobs" in sent and (many := _TOO_MANY_LOGPROBS.search(words)):
        return "top_logprobs" if "top_" in many.groups() and "top_logprobs" in sent else "logprobs"
    if named and (error.code in _CODES or (_REFUSES.search(words) and not _TOO_LONG.search(words))):
        return named
    if not _REFUSES.search(words) or _TOO_LONG.search(words):
        return None
    found = [(place, name) for name in sent if (place := _place_of(name, words)) >= 0]
    return min(found)[1] if found else None


class Parameters:
    """What one server takes, for as long as its client lives."""

    def __init__(self, where: str) -> None:
        self.where = where
        self._instead: dict[str, str | None] = {}
        """Refused name -> the name to send, None: left out."""
        self._said: dict[str, str] = {}
        self.one_choice = False
        """Whether the server gives one choice a request."""

    @property
    def refused(self) -> dict[str, str]:
        """What is renamed or left out -> the server's words."""
        return dict(self._said)

    def said(self, name: str) -> str:
        """The server's words where it refused a parameter that is left out since."""
        return self._said[name]

    def takes(self, name: str) -> bool:
        """Whether the server takes this parameter, by this or another name, as far as it is known."""
        return name not in self._instead or self._instead[name] is not None

    def fit(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters as this server takes them."""
        names = {name: self._instead.get(name, name) for name in wanted}
        fitting = {new: wanted[name] for name, new in names.items() if new is not None}
        return fitting | {"n": 1} if self.one_choice and "n" in fitting else fitting

    def learn(
        self, error: openai.APIStatusError, said: str, wanted: Mapping[str, Any], sent: Mapping[str, Any]
    ) -> bool:
        """Remember what an error says of the parameters; whether to ask again. `said` are its words, fit to show.

        `sent` is what `wanted` was made into for the refused request: another request may have learnt more since.
        """
        if self.fit(wanted) != sent:
            return True
        refused = refused_parameter(error, sent)
        if refused is None:
            return False
        if refused == "n" and sent["n"] > 1:
            self.learn_one_choice()
            return True
        name = next(name for name in wanted if self._instead.get(name, name) == refused)
        other = RENAMED.get(name)
        self._said[name] = said
        self._instead[name] = other if refused == name and other is not None and other not in wanted else None
        if (beside := _TOGETHER.get(name)) is not None and beside in wanted:
            self._said[beside], self._instead[beside] = said, None
        instead = self._instead[name]
        what = f"{instead} is sent instead" if instead else f"it is left out: {CONSEQUENCES.get(name, 'not used')}"
        log.warning("%s: does not accept %s; %s", self.where, refused, what)
        return True

    def recall(self, refused: Mapping[str, str]) -> None:
        """Take over what the same server was found to refuse by an earlier run: parameters -> its words."""
        for name, said in refused.items():
            if name not in self._instead:
                self._said[name], self._instead[name] = said, RENAMED.get(name)
        if refused:
            log.warning("%s: does not accept %s, as an earlier run found", self.where, ", ".join(sorted(refused)))

    def learn_one_choice(self) -> None:
        """Remember that the server gives one choice a request."""
        if not self.one_choice:
            log.warning("%s: gives one answer per request; %s", self.where, CONSEQUENCES["n"])
        self.one_choice = True


def _places(body: object) -> list[str]:
    """Fields that a server's check of the request forbids (FastAPI's `loc`), wherever its error has them."""
    found = []
    match body:
        case {"type": "extra_forbidden", "loc": [*_, str(name)]}:
            found.append(name)
        case {"msg": str(words), "loc": [*_, str(name)]} if _REFUSES.search(words):
            found.append(name)
        case dict():
            for name in ("detail", "message", "error", "errors"):
                found += _places(body.get(name))
        case list():
            for one in body[:20]:
                found += _places(one)
    return found


def _words(error: openai.APIStatusError) -> str:
    body = error.body
    said = body.get("message") if isinstance(body, dict) else None
    return (said if isinstance(said, str) else error.response.text)[:2000]


def _place_of(name: str, words: str) -> int:
    """Where a parameter stands in a server's words; -1: nowhere. `n` must be marked as a name."""
    if len(name) > 1:
        found = re.search(rf"(?<![\w.])(?:response_?)?{name}(?!\w)", words, re.IGNORECASE)
    else:
        found = re.search(
            rf"['\"`]{name}['\"`]|\b{name} must\b|(?:param\w*|argument|field|property|supplied|name)s?:? {name}\b"
            r"|completion choice",
            words,
        )
    return found.start() if found else -1
