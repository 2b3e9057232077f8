"""Whether a server has a model is asked without a single word that costs money."""

import pytest

from srlm.engines.openai.available import listed
from srlm.engines.openai.endpoint import Endpoint
from srlm.errors import EngineError
from tests.chat_server import Serve, words


def test_a_server_is_asked_for_its_list_alone(serve: Serve) -> None:
    server = serve(lambda body, number: words("yes"))
    server.models = [{"id": "small"}, {"id": "big"}]
    assert listed(Endpoint.at(server.url), "big") is True
    with pytest.raises(EngineError, match=r": does not list the model large; it has small, big$"):
        listed(Endpoint.at(server.url), "large")
    server.models = []
    assert listed(Endpoint.at(server.url), "big") is None
    assert server.asked == []


@pytest.mark.parametrize(
    ("status", "said"),
    [
        pytest.param(401, r"refuses the key in OPENAI_API_KEY \(status 401\)", id="key"),
        pytest.param(503, r"its list of models failed \(status 503\); try again later", id="busy"),
        pytest.param(404, None, id="no-list"),
    ],
)
def test_a_list_that_cannot_be_had_says_why(serve: Serve, status: int, said: str | None) -> None:
    server = serve(lambda body, number: words("yes"))
    server.models, server.no_models = None, status
    if said is None:
        assert listed(Endpoint.at(server.url), "big") is None
        return
    with pytest.raises(EngineError, match=said):
        listed(Endpoint.at(server.url), "big")


def test_a_server_elsewhere_needs_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(EngineError, match=r"needs a key: set the environment variable OPENAI_API_KEY"):
        listed(Endpoint.at("https://judge.invalid/v1"), "big")
