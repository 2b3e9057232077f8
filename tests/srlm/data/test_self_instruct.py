"""New prompts, written by a model that is shown others."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from srlm.data.lines import instructions
from srlm.data.self_instruct import PromptAttempt, Screen, Similar, parse, prompts_from_file, write_prompts
from srlm.engines.base import Completion, Request
from srlm.engines.scripted import ScriptedEngine
from srlm.errors import CollapseError, DataError
from srlm.records import Prompt
from srlm.settings import PromptSettings, Sampling

SEEDS = [Prompt.of(f"Say what the {word} of {word}ing is", "oasst") for word in "abcdefghij"]
PLACES = ("Rome", "Lima", "Oslo", "Cairo", "Quito", "Seoul", "Hanoi", "Minsk", "Accra", "Tunis")
DEEDS = ("fish", "sing", "ski", "read", "swim", "paint", "dance", "cook", "row", "rest", "climb", "knit")


def settings(**over: object) -> PromptSettings:
    return PromptSettings.model_validate({"count": 100, "max_attempts": 2000} | over)


def invent(request: Request, seed: int) -> str:
    """One of 120 prompts, not all of them new."""
    place, deed = PLACES[seed % 10], DEEDS[seed // 10 % 12]
    return f" {place} {deed} {place}{deed} tell me\n\nTask 10: and more"


@pytest.mark.parametrize(
    ("raw", "text", "ended"),
    [
        pytest.param(" Name three colours.", "Name three colours.", False, id="went-straight-on"),
        pytest.param("Name three.\n\nTask 10: Sing.", "Name three.", True, id="stops-at-the-next"),
        pytest.param("Task 9: Name three.\nTask 10: Sing.", "Name three.", True, id="said-the-number-again"),
        pytest.param("Sure! Here it is.\n\n**Task 9:** Name three.", "Name three.", False, id="preamble-and-bold"),
        pytest.param("**Task 9: Name three.**\n\n", "Name three.", False, id="all-bold"),
        pytest.param("Here it is:\n### Task 1. Name three.", "Name three.", False, id="began-anew"),
        pytest.param(
            "9. Name three:\n1. red\n2. blue", "Name three:\n1. red\n2. blue", False, id="a-list-within-stays"
        ),
        pytest.param('"Name three."', "Name three.", False, id="quoted"),
        pytest.param('"A" or "B"?', '"A" or "B"?', False, id="quotes-within-stay"),
        pytest.param("Explain what task 9 means", "Explain what task 9 means", False, id="the-word-task"),
        pytest.param("Task 9:", "", False, id="nothing"),
        pytest.param("", "", False, id="empty"),
        pytest.param("Task 999999999999999999999: x", "Task 999999999999999999999: x", False, id="no-such-number"),
    ],
)
def test_parse(raw: str, text: str, ended: bool) -> None:
    assert parse(raw, 9) == (text, ended)


@given(st.text(alphabet='Task 1290:.)*\n"#ab'))
def test_parse_answers_whatever_a_model_writes(raw: str) -> None:
    text, _ = parse(raw, 9)
    assert text == text.strip()
    assert text in raw


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        pytest.param(" \n", "empty", id="empty"),
        pytest.param("Sing twice", "too short", id="two-words"),
        pytest.param("word " * 151, "too long", id="151-words"),
        pytest.param("Make me a Picture, please, of rain", "blocked word", id="blocked-whatever-the-case"),
        pytest.param("Tell me a bar chart joke today", "blocked word", id="blocked-phrase"),
        pytest.param("(b) something else to do", "starts with no letter or digit", id="punctuation"),
        pytest.param("\u00c9cris une phrase pour moi", None, id="a-letter-of-another-language-is-fine"),
        pytest.param("say what the A of aing is!", "duplicate", id="a-seed-in-other-case"),
        # 7 words each, 6 in common: F = 6/7 = 0.857.
        pytest.param("Say what the b of bing was", "similar", id="like-a-seed"),
        pytest.param("How tall is the Eiffel tower", "overlaps an evaluation prompt", id="an-evaluation-prompt"),
        pytest.param("Paint the picturesque hills in words", None, id="a-blocked-word-inside-another-is-fine"),
        pytest.param("3 reasons to go out", None, id="a-digit-is-fine"),
    ],
)
def test_each_filter_has_its_count(raw: str, reason: str | None) -> None:
    avoid = [Prompt.of("How tall is the Eiffel Tower?", "alpaca_eval")]
    screen = Screen(SEEDS, settings(blocked_words=("picture", "bar chart")), avoid)
    screen.take([PromptAttempt.of(0, 9, raw, "stop")])
    assert dict(screen.dropped) == ({f"dropped: {reason}": 1} if reason else {})
    assert screen.accepted == ([] if reason else [raw])


def test_an_answer_cut_at_the_limit_counts_only_where_another_task_follows() -> None:
    screen = Screen(SEEDS, settings(), ())
    screen.take([PromptAttempt.of(0, 9, "Count the stars for", "length")])
    screen.take([PromptAttempt.of(1, 9, "Count the trees for me\nTask 10: and then", "length")])
    assert screen.accepted == ["Count the trees for me"]
    assert dict(screen.dropped) == {"dropped: cut at the token limit": 1}


def test_an_attempt_for_which_the_context_left_no_room_is_counted_as_that() -> None:
    """Engines give it no words, and call it cut."""
    screen = Screen(SEEDS, settings(), ())
    screen.take([PromptAttempt.of(0, 9, "", "length")])
    assert dict(screen.dropped) == {"dropped: no room for an answer, or cut within a thought": 1}


def test_an_attempt_that_a_server_refused_is_counted_as_that() -> None:
    screen = Screen(SEEDS, settings(), ())
    screen.take([PromptAttempt.of(0, 9, "", None, "content_filter"), PromptAttempt.of(1, 9, "", "stop")])
    assert dict(screen.dropped) == {"dropped: refused by the server": 1, "dropped: empty": 1}


def test_prompts_are_compared_with_those_accepted_before_and_the_surplus_is_counted() -> None:
    screen = Screen(SEEDS, settings(count=2), ())
    words = [
        "Walk to the river slowly",
        "Walk to the river quickly",
        "walk to the river, slowly",
        "Open a small shop",
        "Go home at six",
    ]
    screen.take([PromptAttempt.of(n, 9, text, None) for n, text in enumerate(words)])
    assert screen.accepted == ["Walk to the river slowly", "Open a small shop"]
    assert dict(screen.dropped) == {"dropped: similar": 1, "dropped: duplicate": 1, "surplus": 1}


def unpruned(texts: Sequence[str], text: str, at_least: float) -> bool:
    scorer = RougeScorer(["rougeL"])
    return any(scorer.score(other, text)["rougeL"].fmeasure >= at_least for other in texts)


@given(
    st.lists(st.text(alphabet="abc ", max_size=24), max_size=8),
    st.text(alphabet="abc ", max_size=24),
    st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.6, 2 / 3, 0.7, 0.75, 0.8, 1.0]),
)
def test_similarity_is_what_comparing_with_every_text_gives(texts: list[str], text: str, at_least: float) -> None:
    similar = Similar(at_least)
    for other in texts:
        similar.add(other)
    assert similar.has(text) == unpruned(texts, text, at_least)


def test_similarity_of_real_prompts_is_what_comparing_with_every_text_gives(shared: Path) -> None:
    every = [p.text for p in instructions(str(shared / "data/alpaca_eval/prompts.jsonl.gz")) if len(p.text) < 80]
    known, new = every[::2][:120], every[1::2][:60]
    similar = Similar(0.4)
    for text in known:
        similar.add(text)
    found = [similar.has(text) for text in new]
    assert found == [unpruned(known, text, 0.4) for text in new]
    assert any(found)
    assert not all(found)


def test_as_many_prompts_as_wanted_are_written_and_accounted_for(tmp_path: Path) -> None:
    reports: list[tuple[int, int]] = []
    prompts, account = write_prompts(
        ScriptedEngine(invent, "M1"),
        SEEDS,
        settings(),
        seed=1,
        path=tmp_path / "attempts.jsonl",
        report=lambda done, total: reports.append((done, total)),
    )
    assert len(prompts) == len({p.id for p in prompts}) == 100
    assert {p.source for p in prompts} == {"M1"}
    attempts = (tmp_path / "attempts.jsonl").read_text().splitlines()
    assert (account["wanted"], account["got"], account["attempts"]) == (100, 100, len(attempts))
    others = sum(count for reason, count in account.items() if reason.startswith("dropped") or reason == "surplus")
    assert 100 + others == len(attempts)
    assert reports[-1] == (100, 100)
    assert [json.loads(line)["index"] for line in attempts] == list(range(len(attempts)))
    assert [p.name for p in tmp_path.iterdir()] == ["attempts.jsonl"]


def test_each_request_shows_six_seeds_and_two_new_ones_and_only_seeds_at_first(tmp_path: Path) -> None:
    shown: list[list[str]] = []

    def look(request: Request, seed: int) -> str:
        (message,) = request.messages
        assert message.role == "user"
        assert message.content.endswith("\nTask 9:")
        shown.append(re.findall(r"^Task [1-8]: (.*)$", message.content, re.MULTILINE))
        return invent(request, seed)

    write_prompts(ScriptedEngine(look), SEEDS, settings(), seed=1, path=tmp_path / "attempts.jsonl")
    seeds = {prompt.text for prompt in SEEDS}
    of_seeds = [sum(text in seeds for text in examples) for examples in shown]
    assert {len(examples) for examples in shown} == {8}
    # The first round is 128 requests: nothing has been written yet.
    assert set(of_seeds[:128]) == {8}
    assert set(of_seeds[128:]) == {6}
    assert len({tuple(examples) for examples in shown}) == len(shown)


def test_a_prompt_of_an_earlier_iteration_is_not_taken_again(tmp_path: Path) -> None:
    earlier = write_prompts(ScriptedEngine(invent), SEEDS, settings(), seed=1, path=tmp_path / "M2.jsonl")[0]
    prompts, account = write_prompts(
        ScriptedEngine(invent), SEEDS, settings(), seed=1, path=tmp_path / "M3.jsonl", earlier=earlier
    )
    assert not {prompt.id for prompt in prompts} & {prompt.id for prompt in earlier}
    assert account["dropped: duplicate"] >= len(earlier)


class Killed(Exception):
    """The machine went away."""


class Mortal:
    """A scripted engine that dies in the middle of its n-th call."""

    def __init__(self, lives: int) -> None:
        self._engine, self._lives = ScriptedEngine(invent), lives
        self.asked = 0

    @property
    def id(self) -> str:
        return self._engine.id

    @property
    def concurrency(self) -> int:
        return self._engine.concurrency

    def generate(self, requests: Sequence[Request], sampling: Sampling, seed: int) -> list[tuple[Completion, ...]]:
        if self._lives == 0:
            raise Killed
        self._lives -= 1
        self.asked += len(requests)
        return self._engine.generate(requests, sampling, seed)

    def loglikelihood(self, requests: Sequence[Request], continuations: Sequence[Sequence[str]]) -> list[list[float]]:
        return self._engine.loglikelihood(requests, continuations)

    def close(self) -> None:
        self._engine.close()


def test_a_stage_killed_after_any_round_ends_with_the_same_bytes(tmp_path: Path) -> None:
    whole, halting = tmp_path / "whole" / "attempts.jsonl", tmp_path / "halting" / "attempts.jsonl"
    expected = write_prompts(Mortal(1000), SEEDS, settings(), seed=1, path=whole)
    deaths = asked = 0
    while not halting.exists():
        engine = Mortal(1)
        try:
            assert write_prompts(engine, SEEDS, settings(), seed=1, path=halting) == expected
        except Killed:
            deaths += 1
        asked += engine.asked
    assert deaths >= 2
    assert asked == expected[1]["attempts"]
    assert halting.read_bytes() == whole.read_bytes()
    assert [p.name for p in halting.parent.iterdir()] == ["attempts.jsonl"]


def test_a_finished_file_is_read_and_no_model_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "attempts.jsonl"
    first = write_prompts(ScriptedEngine(invent), SEEDS, settings(), seed=1, path=path)
    (tmp_path / "attempts.round-000000.jsonl").write_text("left by a run killed while it tidied up")
    assert write_prompts(Mortal(0), SEEDS, settings(), seed=1, path=path) == first
    assert [p.name for p in tmp_path.iterdir()] == ["attempts.jsonl"]


def test_too_few_prompts_are_taken_as_they_are(tmp_path: Path) -> None:
    engine = ScriptedEngine(lambda request, seed: f"Tell me about the number {seed % 2}")
    prompts, account = write_prompts(
        engine, SEEDS, settings(max_attempts=50, max_rouge=1), seed=1, path=tmp_path / "attempts.jsonl"
    )
    assert {p.text for p in prompts} == {"Tell me about the number 0", "Tell me about the number 1"}
    assert account == {"wanted": 100, "got": 2, "attempts": 50, "dropped: duplicate": 48}


def test_no_prompt_at_all_is_an_error_that_says_why(tmp_path: Path) -> None:
    engine = ScriptedEngine(lambda request, seed: "no", "M1")
    message = r"attempts\.jsonl: no usable prompt in 20 attempts by M1 \(dropped: too short 20\)"
    with pytest.raises(DataError, match=message):
        write_prompts(engine, SEEDS, settings(max_attempts=20), seed=1, path=tmp_path / "attempts.jsonl")


def test_the_progress_line_says_attempts_and_why_they_were_dropped(tmp_path: Path) -> None:
    lines: list[str] = []
    engine = ScriptedEngine(lambda request, seed: f"Tell me about the number {seed % 2}" if seed % 4 else "no")
    path, given = tmp_path / "attempts.jsonl", settings(max_attempts=160, max_rouge=1)
    write_prompts(engine, SEEDS, given, seed=1, path=path, say=lines.append)
    assert [re.sub(r"\d+ (dup|too)", r"N \1", line) for line in lines] == [
        "128 attempts; dropped: N duplicate, N too short",
        "160 attempts; dropped: N duplicate, N too short",
    ]
    assert sum(map(int, re.findall(r"\d+", lines[-1]))) == 160 + 160 - 2  # all but the two that were kept


def test_a_writer_of_which_next_to_nothing_is_kept_stops_early_and_says_why(tmp_path: Path) -> None:
    engine = ScriptedEngine(lambda request, seed: "Tell me about the number 1", "M1")
    path = tmp_path / "attempts.jsonl"
    with pytest.raises(CollapseError) as stopped:
        write_prompts(engine, SEEDS, settings(), seed=1, path=path)
    assert str(stopped.value) == (
        f"{path}: stopped early: 1 of 512 prompts that M1 wrote were kept (prompts.min_kept 1%); dropped: 511 "
        "duplicate; at this rate prompts.max_attempts 2,000 would give 4 of 100. What may help: raise "
        "prompts.sampling.temperature, another request (prompts.template), another model as writer "
        "(prompts.writer=fixed, prompts.model), or prompts from a file (prompts.writer=file). The file "
        "attempts.round-000000.jsonl beside it has the first attempts, word for word. To go on all the same: --set "
        "prompts.min_kept=0"
    )
    assert (tmp_path / "attempts.round-000000.jsonl").is_file()
    with pytest.raises(CollapseError, match="1 of 512 prompts"):
        write_prompts(Mortal(0), SEEDS, settings(), seed=1, path=path)  # nobody is asked again
    given = settings(min_kept=0, max_attempts=600)
    assert write_prompts(engine, SEEDS, given, seed=1, path=path)[1]["attempts"] == 600


def test_a_writer_that_is_slow_but_will_have_written_enough_is_not_stopped(tmp_path: Path) -> None:
    drawn = iter(range(10_000))

    def rarely(request: Request, seed: int) -> str:
        place = next(drawn)
        return f"Tell me about the number {place}" if place % 200 == 0 else "no"

    path = tmp_path / "attempts.jsonl"
    given = settings(count=4, max_rouge=1)  # one of 200 is kept: 2,000 attempts would give 10
    prompts, account = write_prompts(ScriptedEngine(rarely), SEEDS, given, seed=1, path=path)
    assert (len(prompts), account["attempts"] > 600) == (4, True)


def test_without_seeds_nothing_is_asked(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no seed prompts"):
        write_prompts(Mortal(0), [], settings(), seed=1, path=tmp_path / "attempts.jsonl")


def test_seeds_too_long_to_be_accepted_are_no_examples_while_there_are_others(tmp_path: Path) -> None:
    def look(request: Request, seed: int) -> str:
        assert "word word" not in request.messages[0].content
        return invent(request, seed)

    long = Prompt.of("word " * 200, "oasst")
    write_prompts(ScriptedEngine(look), [*SEEDS, long], settings(count=5), seed=1, path=tmp_path / "attempts.jsonl")


def test_a_file_gives_its_next_prompts(tmp_path: Path) -> None:
    path = tmp_path / "prompts.jsonl"
    path.write_text("".join(json.dumps({"instruction": f"Count to {n}"}) + "\n" for n in range(5)))
    given = settings(writer="file", path=str(path), count=2)
    assert [p.text for p in prompts_from_file(given, 3)] == ["Count to 2", "Count to 3"]
    assert [p.source for p in prompts_from_file(given, 4)] == ["file"]
    with pytest.raises(DataError, match="5 prompts, all used"):
        prompts_from_file(given, 5)
