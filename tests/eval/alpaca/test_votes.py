"""A judge without log-probabilities is found out by its first answers, said, and asked for votes in both orders."""

import json
from pathlib import Path
from typing import Any

import pytest

from eval.judging.annotator import Annotator
from tests.chat_server import Reply, Serve, reasoning, words
from tests.eval.alpaca import test_bridge, test_judge_card
from tests.eval.alpaca.place import NUMBER, OFFICIAL, Place, verdict

PAIRS = NUMBER - 1
"""One prompt has equal outputs, and nobody is asked."""
VOTED = f"tiny_{OFFICIAL}_both_orders_3_draws"
SAID = (
    f"tiny ({OFFICIAL}): gives no log-probabilities; 3 verdicts are sampled in both orders instead, 6 calls for each "
    "pair of outputs (--votes 1: the one letter it writes)"
)


def letter(body: dict[str, Any], number: int = 0) -> Reply:
    """A judge that writes a letter and tells no probability; of its answers about a pair, every third differs."""
    reply = verdict(body)
    shown = body["messages"][-1]["content"].split('"model_identifier": "M"')[0]
    mine = "m" if "Mine is" in shown else "M"
    other = {"m": "M", "M": "m"}[mine]
    reply.body["choices"][0]["message"]["content"] = other if number % 3 == 2 else mine
    reply.body["choices"][0]["logprobs"] = None
    return reply


def refusing(body: dict[str, Any], number: int) -> Reply:
    """The same behind a server that refuses the parameter."""
    return reasoning(lambda body: str(letter(body).body["choices"][0]["message"]["content"]), thought=0)(body, number)


def judge(url: str, *more: object) -> list[object]:
    return ["--judge", "openai:tiny", "--base-url", url, *more]


@pytest.mark.parametrize("reply", [letter, refusing], ids=["absent", "refused"])
def test_log_probabilities_that_are_absent_or_refused_become_votes_in_both_orders(
    serve: Serve, place: Place, reply: Any
) -> None:
    server = serve(reply)
    said = place.alpaca(*judge(server.url, "--price", 1, 1))
    assert said.status == 0, said.err
    lines = said.out.splitlines()
    assert lines[0] == SAID  # before the others are asked, and before their price
    assert lines[1].startswith(f"mine: 66 calls to tiny ({OFFICIAL}), both orders, 3 draws, 4 of them already answered")
    answered = [body for body in server.asked if reply is letter or "max_completion_tokens" in body]
    answered = [body for body in answered if reply is letter or not {"logprobs", "temperature"} & body.keys()]
    assert len(answered) == 6 * PAIRS
    rows = json.loads((place.results(VOTED) / "annotations.json").read_text())
    assert len(rows) == NUMBER and all(row["preference"] is not None for row in rows)
    rate = place.metrics(VOTED)["win_rate"]
    assert (rate.n, rate.unscored) == (NUMBER, 0)
    assert "both orders, 3 draws, not one verdict in one order" in rate.note
    if reply is letter:  # its votes differ, and that is within the interval: of the prompts, and of the judge alone
        assert {row["preference"] for row in rows} - {1.0, 1.5, 2.0}
        assert (place.metrics(VOTED)["judge_standard_error"].value or 0) > 0
    sent = len(server.asked)
    assert place.alpaca(*judge(server.url)).status == 0
    assert len(server.asked) == sent


def test_one_vote_is_the_letter_as_before(serve: Serve, place: Place, caplog: pytest.LogCaptureFixture) -> None:
    server = serve(letter)
    said = place.alpaca(*judge(server.url, "--votes", 1))
    assert said.status == 0 and len(server.asked) == PAIRS
    assert f"{PAIRS} of {PAIRS} preferences are the letter written, 0 or 1" in caplog.text
    assert place.metrics()["win_rate"].n == NUMBER


def test_a_judge_with_log_probabilities_is_asked_once_a_pair(serve: Serve, place: Place) -> None:
    server = serve(verdict)
    said = place.alpaca(*judge(server.url))
    assert len(server.asked) == PAIRS and "log-probabilities" not in said.out
    assert f"calls: {PAIRS} answered" in said.out


def test_a_run_that_was_begun_by_letter_goes_on_with_votes_and_pays_only_the_rest(serve: Serve, place: Place) -> None:
    server = serve(letter)
    place.alpaca(*judge(server.url, "--votes", 1))
    before = (place.results() / "annotations.json").read_bytes()
    said = place.alpaca(*judge(server.url))
    assert said.status == 0 and SAID in said.out
    assert f"66 calls to tiny ({OFFICIAL}), both orders, 3 draws, {PAIRS} of them already answered" in said.out
    assert len(server.asked) == 6 * PAIRS
    assert (place.results() / "annotations.json").read_bytes() == before


def test_a_dry_run_gives_both_prices_until_the_judge_is_known(serve: Serve, place: Place) -> None:
    server = serve(letter)
    dry = judge(server.url, "--price", 1, 1, "--dry-run")
    lines = place.alpaca(*dry).out.splitlines()
    assert [line[:26] for line in lines[:2]] == ["mine: 11 calls to tiny (we", "if it gives no log-probabi"]
    assert f"mine: 66 calls to tiny ({OFFICIAL}), both orders, 3 draws, 0 of them" in lines[1]
    assert len(place.alpaca(*dry, "--votes", 1).out.splitlines()) == 2  # the price, and that nothing was sent
    assert not server.asked
    place.alpaca(*judge(server.url, "--limit", 3))
    lines = place.alpaca(*dry).out.splitlines()
    assert lines[0].startswith(f"mine: 66 calls to tiny ({OFFICIAL}), both orders, 3 draws") and len(lines) == 2
    assert len(server.asked) in (12, 18)  # the prompt with equal outputs may be one of the three


def test_a_replay_takes_what_was_recorded(serve: Serve, place: Place) -> None:
    server = serve(letter)
    for name, more in (("votes", ()), ("letters", ("--votes", 1))):
        recorded = place.alpaca(*judge(server.url, "--record", place.folder / f"{name}.sqlite", *more))
        assert recorded.status == 0
    sent = len(server.asked)
    votes = place.alpaca(*judge("http://127.0.0.1:9/v1", "--replay", place.folder / "votes.sqlite"))
    assert votes.status == 0, votes.err
    assert SAID in votes.out
    letters = place.alpaca(*judge("http://127.0.0.1:9/v1", "--replay", place.folder / "letters.sqlite"))
    assert letters.status == 0, letters.err
    assert SAID not in letters.out
    assert len(server.asked) == sent


def test_a_budget_is_spent_on_whole_pairs_of_a_random_part(serve: Serve, place: Place) -> None:
    server = serve(letter)
    said = place.alpaca(*judge(server.url, "--price", 10, 30, "--max-cost", 0.15, "--concurrency", 1))
    assert said.status == 0, said.err
    rate = place.metrics(VOTED)["win_rate"]
    assert 3 <= rate.n < NUMBER
    assert f"on {rate.n} of {NUMBER} prompts, drawn at random (budget)" in rate.note
    assert len(server.asked) * 400 * 10e-6 <= 0.15


def test_what_cannot_be_read_is_no_reason_for_votes(serve: Serve, place: Place) -> None:
    """A thought that takes all the room leaves nothing to read: more of it costs more, and says no more."""
    server = serve(lambda body, number: words("", finish="length"))
    place.alpaca(*judge(server.url))
    assert len(server.asked) == PAIRS


def test_one_prompt_that_the_server_cannot_answer_settles_nothing(serve: Serve, place: Place) -> None:
    first: list[str] = []

    def reply(body: dict[str, Any], number: int) -> Reply:
        first[:] = first or [body["messages"][-1]["content"]]
        return Reply({"error": {"message": "filtered", "code": "content_filter"}}, 400) if (
            body["messages"][-1]["content"] == first[0]
        ) else letter(body, number)  # fmt: skip

    said = place.alpaca(*judge(serve(reply).url))
    assert said.status == 0, said.err
    assert SAID in said.out


def test_an_annotator_that_reads_words_is_asked_once(serve: Serve, place: Place) -> None:
    assert Annotator("alpaca_eval_gpt4").verdicts is None
    server = serve(lambda body, number: words('[{"model": "model_1", "rank": 1}, {"model": "model_2", "rank": 2}]'))
    said = place.alpaca(*judge(server.url, "--annotator", "alpaca_eval_gpt4"))
    assert said.status == 0, said.err
    assert len(server.asked) == PAIRS


def test_canaries_are_voted_on_too(serve: Serve, place: Place) -> None:
    server = serve(letter)
    said = place.alpaca(*judge(server.url, "--canaries"))
    assert said.status == 0, said.err
    assert (len(server.asked) - 6 * PAIRS) % 6 == 0 and len(server.asked) > 6 * PAIRS


def test_a_judge_card_of_a_judge_without_log_probabilities_is_of_its_votes(
    serve: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from eval.cli import main

    monkeypatch.setenv("OPENAI_API_KEY", "sk-key")
    server = serve(lambda body, number: words("m"))
    given = [
        "judge-card",
        "--results",
        test_judge_card.results(tmp_path),
        "--out",
        tmp_path / "out",
        *judge(server.url),
    ]
    with pytest.raises(SystemExit) as left:
        main([*map(str, given), "--resamples", "100"])
    assert not left.value.code
    assert len(server.asked) == 3 * 10 * 6
    assert "gives no log-probabilities" in capsys.readouterr().out
    assert (tmp_path / "out" / f"{VOTED}.json").exists()


def test_bridge_votes_and_plans_for_the_price_of_votes(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = test_bridge.alpaca_folder(tmp_path, monkeypatch)

    def silent(body: dict[str, Any], number: int) -> Reply:
        reply = test_bridge.judge(body, number)
        top = reply.body["choices"][0].pop("logprobs")["content"][0]["top_logprobs"]
        reply.body["choices"][0]["message"]["content"] = max(top, key=lambda one: one["logprob"])["token"]
        return reply

    server = serve(silent)
    said = test_bridge.bridge(place, *test_bridge.live(place, server.url, "--limit", 10))
    assert said.status == 0, said.err
    assert len(server.asked) == 6 * 10 * 6
    assert said.metrics["mine", "candidate_win_rate"].n == 10
    assert "both orders, 3 draws" in said.metrics["mine", "candidate_win_rate"].note
