from srlm.engines.base import Completion, Engine, Request
from srlm.engines.scripted import ScriptedEngine
from srlm.records import user
from srlm.settings import Sampling


def test_every_request_and_draw_has_a_seed_of_its_own_and_the_same_one_again() -> None:
    engine: Engine = ScriptedEngine(lambda request, seed: f"{request.messages[0].content} {seed}", "words")
    requests = [Request(messages=user("a"), draws=2), Request(messages=user("a"))]
    first = engine.generate(requests, Sampling(), seed=1)
    assert [len(drawn) for drawn in first] == [2, 1]
    assert len({completion.text for drawn in first for completion in drawn}) == 3
    assert engine.generate(requests, Sampling(), seed=1) == first
    assert engine.generate(requests, Sampling(), seed=2) != first
    assert engine.id == "words"
    engine.close()


def test_it_scores_what_it_would_say_above_all_else() -> None:
    engine = ScriptedEngine(lambda request, seed: "A")
    assert engine.loglikelihood([Request(messages=user("which?"))], [["A", " A", "B"]]) == [[0.0, 0.0, -100.0]]
    assert engine.generate([Request(messages=user("which?"))], Sampling(), 1) == [
        (Completion(text="A", finish="stop"),)
    ]
