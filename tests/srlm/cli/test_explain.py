"""`srlm explain`: one pair from end to end, found by the start of any id; hostile text is shown, not obeyed."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from srlm.cli.main import app
from srlm.errors import StoreError
from srlm.records import AnswerReward, Demonstration, Judgement, PreferencePair, Prompt, Response
from srlm.store import files

POCKET = Path(__file__).parents[3] / "configs/pocket.yaml"
GOOD, BAD = "1 red 2 blue .", "hope this helps"
HOSTILE = "\x1b[2J\x1b]0;title\x07 \u202eevil\u202c \u2066x\u2069 [bold]no markup[/bold]\r\x9b31m end"


class Told:
    """A run with one turn of the loop on disk."""

    def __init__(self, runs: Path, text: str = BAD, step: str = "M2", author: str = "M1") -> None:
        self.runs = runs
        self.prompt, self.other = (Prompt.of(words, "beads") for words in ("a red b blue copy", "a blue b red turn"))
        self.responses = [
            Response.of(self.prompt.id, GOOD, author, 0, "stop"),
            Response.of(self.prompt.id, text, author, 1, "length"),
        ]
        good, bad = self.responses
        self.judgements = [
            Judgement.of(good.id, author, 0, "right\nscore : 5", 5.0),
            Judgement.of(good.id, author, 1, "well\nscore : 4", 4.0, completed=True),
            Judgement.of(bad.id, author, 0, "no idea", None),
            Judgement.of(bad.id, author, 1, "wrong\nscore : 1", 1.0),
        ]
        self.pair = PreferencePair.of(self.prompt, good, bad, 4.5, 1.0)
        folder = runs / "pocket" / step
        files.write(folder / "prompts.jsonl", [self.prompt, self.other])
        files.write(folder / "responses.jsonl", self.responses)
        files.write(folder / "judgements.jsonl", self.judgements)
        files.write(folder / "pairs.jsonl", [self.pair])

    def explain(self, id: str, *more: str) -> Result:
        words = ["explain", id, "--run", str(POCKET), "--set", f"runs={self.runs}"]
        words += [word for one in more for word in ("--set", one)]
        return CliRunner().invoke(app, words, env={"COLUMNS": "300"})

    def refusal(self, id: str) -> str:
        done = self.explain(id)
        assert isinstance(done.exception, StoreError)
        return str(done.exception)


def test_a_pair_from_end_to_end(tmp_path: Path) -> None:
    told = Told(tmp_path)
    good, bad = told.responses
    assert told.explain(told.pair.id).stdout.splitlines()[:-2] == [
        f"M2, prompt {told.prompt.id} (from beads)",
        "  a red b blue copy",
        "",
        f"response {good.id} by M1: reward 4.500, CHOSEN",
        "  1 red 2 blue .",
        "    judgement 0 by M1: score 5.0",
        "      right",
        "      score : 5",
        "    judgement 1 by M1: score 4.0, asked to finish",
        "      well",
        "      score : 4",
        "",
        f"response {bad.id} by M1: reward 1.000, REJECTED, cut at the token limit",
        "  hope this helps",
        "    judgement 0 by M1: score None",
        "      no idea",
        "    judgement 1 by M1: score 1.0",
        "      wrong",
        "      score : 1",
        "",
    ]
    *_, rule, pair = told.explain(told.pair.id).stdout.splitlines()
    assert rule.startswith("rule: method self_rewarding; rubric beads (")
    assert rule.endswith(
        "; reward = mean of the judgements with a score line (the last one decides); best against worst, equal rewards "
        "give no pair"
    )
    assert pair == f"pair {told.pair.id}: 4.500 against 1.000, margin 3.500"


def test_pairs_that_an_older_srlm_kept_without_messages_are_explained_alike(tmp_path: Path) -> None:
    told = Told(tmp_path)
    whole = told.explain(told.pair.id).stdout
    now = {"prompt", "chosen", "rejected", "chosen_finish", "rejected_finish", "chosen_thought", "rejected_thought"}
    old = told.pair.model_dump_json(exclude=now)
    assert "messages" not in old and "content" not in old
    (tmp_path / "pocket/M2/pairs.jsonl").write_text(old + "\n")
    assert told.explain(told.pair.id).stdout == whole


def test_rewards_that_no_judge_gave_are_shown_with_their_rule(tmp_path: Path) -> None:
    told = Told(tmp_path)
    good, bad = told.responses
    rows = [AnswerReward(response_id=one.id, source="rules", reward=n) for one, n in ((good, 2.5), (bad, None))]
    files.write(tmp_path / "pocket/M2/rewards.jsonl", rows)
    (tmp_path / "pocket/M2/judgements.jsonl").write_text("")
    words = ["explain", good.id, "--run", str(POCKET), "--set", f"runs={tmp_path}"]
    words += ["--set", "reward={kind: rules, per_character: 0.5}", "--set", "selection.kind=length_controlled"]
    said = CliRunner().invoke(app, words, env={"COLUMNS": "300"}).stdout
    assert f"response {good.id} by M1: reward 2.500, CHOSEN\n" in said
    assert f"response {bad.id} by M1: reward none, REJECTED" in said
    assert (
        "rule: method self_rewarding; reward = the points of the rules that hold (0 in reward.rules), +0.5 a "
        "character; the shortest of the best against the longest of the worst, equal rewards give no pair\n"
    ) in said


def test_the_start_of_any_id_will_do(tmp_path: Path) -> None:
    told = Told(tmp_path)
    ids = [told.pair.id, told.prompt.id, *(r.id for r in told.responses), *(j.id for j in told.judgements)]
    whole = told.explain(told.pair.id).stdout
    for id in ids:
        done = told.explain(id[:12])
        assert (done.exit_code, done.stdout) == (0, whole)


def test_a_prompt_without_pair_says_why(tmp_path: Path) -> None:
    told = Told(tmp_path)
    last = told.explain(told.other.id).stdout.splitlines()[-1]
    assert last == "no pair: the scored answers are equal, or fewer than two have a score"


def test_a_turn_that_has_no_judgements_yet_shows_its_answers(tmp_path: Path) -> None:
    told = Told(tmp_path)
    for name in ("judgements.jsonl", "pairs.jsonl"):
        (tmp_path / "pocket/M2" / name).unlink()
    said = told.explain(told.prompt.id).stdout
    assert f"response {told.responses[0].id} by M1: reward none\n" in said
    assert "CHOSEN" not in said


def test_an_id_nobody_has_is_refused(tmp_path: Path) -> None:
    assert Told(tmp_path).refusal("zzzz") == (
        f"zzzz: no pair, prompt, response, judgement or example of {tmp_path}/pocket has this id"
    )


@pytest.mark.parametrize(
    ("method", "rule"),
    [
        ("{name: length_regularised, alpha: 0.3}", "; length margin 0.3 a token"),
        ("self_rewarding_rl", "; RLOO: advantage = reward less the mean of the prompt's other answers"),
    ],
)
def test_the_rule_of_the_method_stands_behind_the_answers(tmp_path: Path, method: str, rule: str) -> None:
    told = Told(tmp_path)
    said = told.explain(told.responses[0].id, f"method={method}").stdout
    assert f"response {told.responses[0].id} by M1: reward 4.500, CHOSEN\n  1 red 2 blue .\n" in said
    (line,) = [one for one in said.splitlines() if one.startswith("rule: method ")]
    assert rule in line


@pytest.mark.parametrize("method", ["self_rewarding", "self_taught_evaluator", "rlhf"])
def test_an_example_from_which_m1_learnt_to_judge_is_shown(tmp_path: Path, method: str) -> None:
    told = Told(tmp_path)
    example = Demonstration.of("eft", "review : a red copy response : 1 red", "right\nscore : 5", "0a1b2c3d4e5f6071")
    files.write(tmp_path / "pocket/M1/eft.jsonl", [example])
    for id in (example.id, example.id[:12], "0a1b2c3d"):
        done = told.explain(id, f"method={method}")
        assert done.stdout.splitlines() == [
            f"M1, example {example.id} (made from 0a1b2c3d4e5f6071)",
            "  review : a red copy response : 1 red",
            "",
            "what it is taught to say",
            "  right",
            "  score : 5",
            "",
            f"rule: method {method}; eft.writer reviews: people's reviews that order a set's answers as their ranks do",
        ]


def test_a_start_that_several_prompts_share_is_refused(tmp_path: Path) -> None:
    assert Told(tmp_path).refusal("") == ": matches 2 prompts of M2; give more characters of the id"


def test_prompts_of_two_turns_are_as_ambiguous_as_of_one(tmp_path: Path) -> None:
    Told(tmp_path, step="M2")
    told = Told(tmp_path, step="M3")
    assert told.refusal("") == ": matches 2 prompts of M2, M3; give more characters of the id"


def test_a_prompt_that_two_turns_have_is_shown_for_both(tmp_path: Path) -> None:
    Told(tmp_path, step="M2")
    told = Told(tmp_path, step="M3")
    shown = [line for line in told.explain(told.prompt.id).stdout.splitlines() if ", prompt " in line]
    assert shown == [f"{step}, prompt {told.prompt.id} (from beads)" for step in ("M2", "M3")]


def test_a_run_that_is_not_there_is_named(tmp_path: Path) -> None:
    told = Told(tmp_path)
    told.runs = tmp_path / "elsewhere"
    assert told.refusal("abc") == f"{tmp_path}/elsewhere/pocket: no such run; create it with `srlm train`"


def test_hostile_words_are_shown_and_not_obeyed(tmp_path: Path) -> None:
    told = Told(tmp_path, HOSTILE)
    said = told.explain(told.prompt.id).stdout
    shown = r"  \u001b[2J\u001b]0;title\u0007 \u202eevil\u202c \u2066x\u2069 [bold]no markup[/bold]\u000d\u009b31m end"
    assert shown in said.splitlines()
    assert {char for char in said if not char.isprintable()} == {"\n"}


@pytest.mark.parametrize("part", ["prompts.jsonl", "responses.jsonl", "judgements.jsonl", "pairs.jsonl"])
def test_a_broken_line_is_named(tmp_path: Path, part: str) -> None:
    told = Told(tmp_path)
    path = tmp_path / "pocket/M2" / part
    path.write_text(path.read_text() + "{\n")
    done = told.explain(told.prompt.id)
    assert done.exit_code != 0
    assert f"{path}:{len(path.read_text().splitlines())}: not a " in str(done.exception)
