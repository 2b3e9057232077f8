"""What is fuzzed: each reader with examples of what it reads, and what must hold of whatever it is given.

A reader returns, or raises an SrlmError whose message is short; whatever else is raised is a defect. It takes no more
than seconds. A parser of a judge's words reads or refuses, and what it reads is on the scale.
"""

import datetime
import gzip
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from eval import metrics
from eval.benchmarks.beads import study
from eval.data import alpaca_files, arena_hard, arena_hard_answers, judgments, labels, verdicts
from eval.data.alpaca_eval import AlpacaEval
from eval.gate import regress
from eval.records import Annotation
from srlm.data import lines, rankings, trees
from srlm.data.examples import examples
from srlm.data.self_instruct import prompts_from_file
from srlm.engines.base import Completion, Request
from srlm.engines.model_files import refuse_unusable_files
from srlm.engines.openai.body import MOST, body_of
from srlm.engines.openai.calls import Answer
from srlm.engines.openai.completion import Disguised, OtherShape, reply_of
from srlm.engines.openai.engine import read_as_chat
from srlm.engines.scripted import ScriptedEngine
from srlm.engines.trial import refuse_hungry_template
from srlm.errors import CapabilityError, ModelError, SrlmError
from srlm.judge import constitution, grades, meta_judge, pair_template, rubric
from srlm.judge.changed_instructions import ChangedInstruction, parsed, request_text
from srlm.judge.choices import AnswerPair, Choice, choose, label
from srlm.judge.pairwise import ModelPairJudge, Opinion
from srlm.judge.pointwise import Answered
from srlm.judge.recorded import Recorded
from srlm.judge.revision import Revision, revise
from srlm.records import (
    Judgement,
    Message,
    PairJudgement,
    PreferencePair,
    Prompt,
    RankedSet,
    Record,
    Response,
    RunManifest,
    user,
)
from srlm.rewards.rbr import RuleWeights
from srlm.run_file import load
from srlm.secrets import Secrets
from srlm.settings import ExamplesSource, ModelSettings, PromptSettings, RowFormat, Sampling
from srlm.store import files
from srlm.text.chat import Chat
from srlm.text.propositions import read_propositions
from srlm.text.score import read_score
from srlm.text.score_pair import read_score_pair
from srlm.text.thoughts import split
from srlm.text.verdict import Verdict, read_verdict
from srlm.text.words import length, words
from tests import tiny_tokenizers
from tests.chat_templates import SHAPES

CHECKOUT = Path(__file__).resolve().parents[2]
SECONDS = 20
"""Of processor time for one input of a few thousand bytes; known ones take thousandths."""
MESSAGE = 4_200


class Target(NamedTuple):
    """Something that reads."""

    examples: tuple[bytes, ...]
    """What it reads, to be damaged."""
    read: Callable[[bytes, Path], object]
    """With a folder in which it may write the bytes to a file. Raises AssertionError where what must hold does not."""


def check(target: Target, content: bytes, folder: Path) -> None:
    """Raises for what must not happen."""
    began = time.process_time()
    try:
        target.read(content, folder)
    except SrlmError as error:
        assert len(str(error)) <= MESSAGE, str(error)
    assert time.process_time() - began < SECONDS


def _file(name: str, read: Callable[[Path], object]) -> Callable[[bytes, Path], object]:
    def target(content: bytes, folder: Path) -> object:
        path = folder / name
        path.write_bytes(content)
        return read(path)

    return target


def _text(read: Callable[[str], object]) -> Callable[[bytes, Path], object]:
    return lambda content, _: read(content.decode("utf-8", "replace"))


def _rows(*rows: object) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


# Words of judges ------------------------------------------------------------------------------------------------------


def _score(text: str) -> None:
    found = read_score(text)
    assert (found.points is None) == (found.unread is not None)
    assert found.points is None or 0 <= found.points <= 5
    assert read_score(f"<think>Score: 5</think>{text}") == found or "think" in text


def _verdict(read: Callable[[str, tuple[str, str]], Verdict], text: str) -> None:
    found = read(text, ("A", "B"))
    assert (found.preference is None) == (found.unread is not None)
    assert found.preference in (None, 0, 0.5, 1)


def _words(text: str) -> None:
    found = split(text)
    assert found.answer in text
    assert all(word and not word.isspace() for word in words(text))
    assert length(text).at_most >= 0


# Words of models that answer, revise and grade ------------------------------------------------------------------------

_ANSWERED = Answered(prompt=Prompt.of("Name a fruit.", "set"), response=Response.of("p", "A stone.", "M1", 0))
_PAIR_OF_ANSWERS = AnswerPair(
    prompt=_ANSWERED.prompt, first=_ANSWERED.response, second=Response.of("p", "An apple.", "M1", 1)
)
_GENERAL = constitution.load("general", "method.principles")
_META = meta_judge.load("meta_judge", rubric.load("additive"))
_GRADED = read_propositions(
    'question: "{prompt} {response} {question}"\n'
    'propositions: [{name: right, question: "Is it right?"}, {name: kind, question: "Is it kind?"}]',
    "fuzz",
)
_BEHIND = grades.load("beads", "method.propositions")


class _Saying(ScriptedEngine):
    """Writes the same to every request; without `logs` it has no log-probabilities."""

    def __init__(self, text: str, logs: Sequence[float] | None = None) -> None:
        super().__init__(lambda request, seed: text)
        self._logs = logs

    def loglikelihood(self, requests: Sequence[Request], continuations: Sequence[Sequence[str]]) -> list[list[float]]:
        if self._logs is None:
            raise CapabilityError("no log-probabilities")
        return [[self._logs[place % len(self._logs)] for place in range(len(own))] for own in continuations]


def _fresh(folder: Path, name: str) -> Path:
    """A file that is not there yet."""
    path = folder / name
    path.unlink(missing_ok=True)
    return path


def _told(one: Any, value: float | str | None, reason: str | None) -> None:
    """A record has a value or the reason why it has none, and its own id."""
    assert one.fault() is None
    assert (value is None) == (reason is not None), one


def _grade(engine: _Saying, folder: Path) -> None:
    for propositions in (_GRADED, _BEHIND):
        path = _fresh(folder, "grades.jsonl")
        for one in grades.grade(engine, [_ANSWERED], propositions, seed=1, path=path, block=1):
            _told(one, one.yes, one.unread)


def _chances(text: str, folder: Path) -> None:
    """Numbers that an engine calls log-probabilities, whatever they are."""
    try:
        logs = [float(word) for word in text.split()]
    except ValueError:
        return
    if logs:
        _grade(_Saying("1 gray a gray yes relevant", logs), folder)
        _choose(_Saying("Both are fine. [[A]]", logs), folder)


def _choose(engine: _Saying, folder: Path) -> None:
    for reasons in (None, 20):
        judge = ModelPairJudge(engine, template=_GENERAL.pair_template(reasons))
        (one,) = choose(
            judge, [_PAIR_OF_ANSWERS], _GENERAL.choosing, seed=1, path=_fresh(folder, "choices.jsonl"), block=1
        )
        assert one.fault() is None
        soft = label(one, 0.6)
        assert soft is None or 0 <= soft <= 1
        for opinion in (one.shown, one.turned):
            assert opinion.preference is not None or opinion.unread is not None or "log-probability" in opinion.raw


def _revise(text: str, folder: Path) -> None:
    """The same words as critique and as new answer, and what a second round asks about them."""
    short, path = Sampling(max_new_tokens=20), _fresh(folder, "revisions.jsonl")
    said = revise(_Saying(text), [_ANSWERED], _GENERAL, 2, critique=short, revision=short, seed=1, path=path, block=1)
    for one in said:
        _told(one, one.text, one.unrevised)
    (principle, *_) = _GENERAL.revising
    asked = _GENERAL.revision_of(principle, text, text, text)
    for mark in ("[End of what the user wrote]", "[End of answer]", "[End of critique]"):
        assert asked.count(mark) == 1
    judge_asked = _GENERAL.pair_template(None).prompt(text, text, text, text)
    assert judge_asked.count("[End of answer A]") == judge_asked.count("[End of answer B]") == 1


def _changed(text: str) -> None:
    one = parsed(_ANSWERED.prompt, "M1", Completion(text=text, finish="stop"))
    _told(one, one.text, one.refused)
    assert one.text is None or one.text.strip()


# Chats ----------------------------------------------------------------------------------------------------------------


@cache
def _chat(name: str) -> Chat:
    shape = SHAPES[name]
    return Chat(_tokenizer(name, shape.template), date=datetime.date(2024, 11, 5))


def _tokenizer(name: str, template: str) -> Any:
    shape = SHAPES[name]
    make: Any = getattr(tiny_tokenizers, shape.kind)
    bos = "<s>" if "<s>" in shape.special else None
    return make(shape.special, shape.eos, added=shape.added, bos_token=bos, chat_template=template)


def _messages(text: str) -> None:
    """Nobody's words end a turn, whatever they are: a prompt has as many end tokens as one of plain words has."""
    for name in ("llama-3", "qwen-2", "mistral", "channels"):
        chat = _chat(name)
        asked = [Message(role="user", content=text), Message(role="assistant", content=text), *user(text)]
        plain = [one.model_copy(update={"content": "plain"}) for one in asked]
        try:
            ids, others = chat.prompt_ids(asked), chat.prompt_ids(plain)
        except ModelError:  # a template may refuse, an empty turn say
            continue
        for end in chat.ends:
            assert ids.count(end) == others.count(end), (name, end)
        prompt, answer = chat.tokens(user("Hello"), text)
        assert answer.count(chat.end) <= 1
        assert chat.read(prompt, answer).answer is not None


def _template(content: bytes, folder: Path) -> None:
    template = content.decode("utf-8", "replace")
    words = _tokenizer("qwen-2", template)
    refuse_hungry_template(words, datetime.date(2024, 11, 5), {})
    chat = Chat(words, date=datetime.date(2024, 11, 5))
    chat.tokens(user("How are you?"), "I am well.")
    assert chat.ends


def _model_folder(content: bytes, folder: Path) -> None:
    for name in ("config.json", "generation_config.json", "tokenizer_config.json", "model.safetensors.index.json"):
        (folder / name).write_bytes(content)
        try:
            refuse_unusable_files(folder, ModelSettings(base="unused"))
        finally:
            (folder / name).unlink()


# Files ----------------------------------------------------------------------------------------------------------------

_RUN = (CHECKOUT / "tests" / "tiny.yaml").read_bytes()
_EXTENDING = (
    f"extends: {CHECKOUT}/tests/tiny.yaml\nname: x\ndpo: null\nreward: {{kind: random}}\nmethod: spin\n".encode()
)
_PAGE = (CHECKOUT / "docs" / "rankings.md").read_text(encoding="utf-8")
_RANKINGS = tuple(text.encode() for text in re.findall(r"```json \w+\n(.*?)```", _PAGE, re.DOTALL))
_LLMBAR = [
    {"input": "Name a fruit.", "output_1": "A stone.", "output_2": "An apple.", "label": 2},
    {"input": "Name a tree.", "output_1": "An oak.", "output_2": "A chair.", "label": 1},
]
_PROMPTS = tuple(Prompt.of(text, "alpaca_eval", "koala") for text in ("Name a fruit.", "Name a tree."))
_OUTPUTS = [
    {"dataset": "koala", "instruction": "Name a fruit.", "output": "Plum.", "generator": "mine"},
    {"dataset": "koala", "instruction": "Name a tree.", "output": "<think>Oak?</think>Oak.", "generator": "mine"},
]
_ANNOTATIONS = [
    {
        **{"instruction": prompt.text, "output_1": "Apple.", "generator_1": "gpt", "output_2": "Plum."},
        **{"generator_2": "mine", "annotator": "judge", "preference": 1.25, "raw_completion": {"a": 1}},
        **{"price_per_example": 0.1, "time_per_example": 1.5, "dataset": "koala"},
    }
    for prompt in _PROMPTS
]
_LABELS = _rows(
    {"id": "a", "label": "win"},
    {"instruction": "Name a fruit.", "better": "gpt-4", "model": "mine", "baseline": "gpt-4"},
    {"set": 12, "pair": "1-0", "better": "first", "judge": 0.25},
)
_SINGLE = {"question_id": 81, "model": "m", "score": 7.5, "turn": 1, "judge": ["gpt-4", "single-v1"]}
_PAIR = {"question_id": 81, "model_1": "m", "model_2": "n", "g1_winner": "model_1", "g2_winner": "tie", "turn": 1}
_ARENA = {"judge_completion": "score_A: 7\nscore_B: 5", "model_A": "m", "model_B": "n", "instruction_index": 3}
_GAME = {"uid": "u", "model": "m", "judge": "j", "category": "c", "games": [{"score": "A>>B"}, {"score": None}]}
_ANSWER = {
    **{"uid": "u", "model": "org/m"},
    "metadata": {"token_len": 9, "header_count": {"h1": 1}, "list_count": {"ordered": 2}, "bold_count": {"**": 3}},
}
_CSV = (
    b"model,instruction_sha256_16,official_preference,other_preference,characters,characters_baseline\n"
    b"m,0123456789abcdef,0.5,,12,30\nn,0123456789abcdef,1,0.25,12,30\n"
)
_BOARD = (
    b",win_rate,length_controlled_winrate,discrete_win_rate,n_total,avg_length\nm,50.5,48,50,805,1200\nn,10,9,8,805,9\n"
)
_GAMED = (
    b"preference,index,std_delta_len,instruction_difficulty,not_gamed_baseline\n"
    b"0.5,0,0.1,1.5,False\n0.2,1,-0.1,0.5,False\n,0,0.1,1.5,True\n"
)


def _examples(path: Path, form: RowFormat) -> None:
    examples(ExamplesSource(path=str(path), format=form, turns="all"), None, Counter(), "data.sources.ift")


def _lines(path: Path) -> None:
    for read in (lines.objects, lines.listed, lines.every_row, lambda path: lines.table(path, ())):
        try:
            for row in read(path):
                assert isinstance(row.value, dict)
                assert row.place.startswith(str(path))
        except SrlmError as error:
            assert str(error).isprintable()


def _judgments(path: Path) -> None:
    from collections import Counter

    form = judgments.form_of(path)
    if form == "mt_bench_single":
        judgments.scores(path, Counter())
    elif form != "arena_hard":
        judgments.games(path, form, Counter())


@cache
def _sets(folder: Path) -> Any:
    path = folder / "llmbar.jsonl"
    path.write_bytes(_rows(*_LLMBAR))
    return rankings.read(str(path)).sets


def _recorded(content: bytes, folder: Path) -> None:
    (folder / "said.jsonl").write_bytes(content)
    Recorded.read(str(folder / "said.jsonl"), _sets(folder))


def _alpaca(content: bytes, folder: Path) -> None:
    place = folder / "alpaca"
    place.mkdir(exist_ok=True)
    (place / "prompts.jsonl").write_bytes(_rows(*({"instruction": p.text, "dataset": "koala"} for p in _PROMPTS)))
    (place / "df_gamed.csv").write_bytes(content)
    found = AlpacaEval(place).glm
    assert set(found.difficulty) == {prompt.id for prompt in _PROMPTS}


_OPINION = {"preference": 1.0, "raw": "A"}
_IDS = {"prompt_id": "p", "first_id": "a", "second_id": "b", "judge": "M1"}
_RECORDS: Mapping[str, tuple[type[Record], object]] = {
    "prompt": (Prompt, _PROMPTS[0]),
    "response": (Response, Response.of(_PROMPTS[0].id, "Plum.", "M1", 0)),
    "judgement": (Judgement, {"id": "a", "response_id": "b", "judge": "M1", "raw": "Score: 4", "score": 4.0}),
    "opinion": (Opinion, {"preference": 1.0, "raw": "A"}),
    "choice": (Choice, {"id": "c", **_IDS, "principle": "kind", "shown": _OPINION, "turned": _OPINION}),
    "grade": (grades.Grade, grades.Grade.of_answer("r", "kind", "M1", grades.Said(0.5, "P(yes) 0.5"))),
    "revision": (
        Revision,
        Revision.of("r", 0, "kind", "M1", *(Completion(text=text, finish="stop") for text in ("Short.", "Long."))),
    ),
    "changed": (ChangedInstruction, parsed(_PROMPTS[0], "M1", Completion(text="Name a tree.", finish="stop"))),
    "pair judgement": (PairJudgement, PairJudgement.of("p", "a", "b", "M1", 0, "[[A]]", 1.0)),
    "pair": (PreferencePair, {"prompt": _PROMPTS[0].model_dump(), "chosen": "a", "rejected": "b"}),
    "ranked": (RankedSet, None),
    "annotation": (Annotation, None),
    "manifest": (RunManifest, None),
    "weights": (RuleWeights, None),
}


def _record(content: bytes, folder: Path) -> None:
    path = folder / "records.jsonl"
    path.write_bytes(content)
    for kind, _ in _RECORDS.values():
        for read in (files.read, files.Kept):
            try:
                for one in read(path, kind):
                    assert isinstance(one, kind)
            except SrlmError as error:
                assert len(str(error)) <= MESSAGE


def _examples_of_records() -> bytes:
    return b"".join(
        (one.model_dump_json() if isinstance(one, Record) else json.dumps(one)).encode() + b"\n"
        for _, one in _RECORDS.values()
        if one is not None
    )


def _server_answer(content: bytes, folder: Path) -> None:
    """From the bytes to the words, by way of the store."""
    body = body_of(content, {}, Secrets(()), MOST)
    if body.fault is not None:
        assert body.value is None
        return
    try:
        reply = reply_of(body.value, {})
    except (Disguised, OtherShape):
        return
    first, *more = reply.choices
    kept = Answer(
        choice=first,
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=reply.completion_tokens,
        seconds=1.0,
        attempts=1,
        more=tuple(more),
        prompt_logprobs=reply.prompt_logprobs,
    ).model_dump_json(exclude_defaults=True)
    found = read_as_chat(Answer.model_validate_json(kept))
    for one in () if isinstance(found, str) else found.completions():
        assert isinstance(one.text, str)


def _extended(path: Path) -> None:
    """A file as the one that a run file extends, which takes some of its sections away and lays others over it."""
    over = path.with_name("over.yaml")
    over.write_text(f"extends: {path.name}\nname: x\ndpo: null\nmethod: {{name: spin}}\nsft: {{epochs: 3}}\n")
    load(over)


def _settings(text: str) -> None:
    load(CHECKOUT / "tests" / "tiny.yaml", [f"dpo.beta={text}", f"data.kind={text}", text])


_YAML = {
    "principles": constitution.SHIPPED["general"].text.encode(),
    "bead principles": constitution.SHIPPED["beads"].text.encode(),
    "propositions": grades.SHIPPED["general"].text.encode(),
    "bead propositions": grades.SHIPPED["beads"].text.encode(),
}
_TYPES = b"""{"question": "{prompt} {response} {question}", "type_question": "{prompt} {question}", "propositions":
[{"name": "a", "question": "q"}, {"name": "b", "question": "q"}], "types": [{"name": "x", "question": "q",
"propositions": ["a"], "classes": [{"name": "good", "all": ["a"], "none": ["b"]}]}, {"name": "y", "question": "q"}]}"""
_METRIC = [{"model": "M1", "benchmark": "beads", "metric": "right", "value": 0.5, "n": 20, "unscored": 0}]
_STUDY = {"self_rewarding, seed 1": {"models": {"M1": {"right": "0110", "bead_judge/heldout_correct": 0.5}}}}
_COMPLETION = {
    "choices": [{"message": {"content": "<think>a</think>b", "reasoning_content": None}, "finish_reason": "stop"}],
    "usage": {"completion_tokens": 3, "prompt_tokens": 9},
    "prompt_logprobs": [None, {"5": {"logprob": -0.5}}],
}
_CONFIG = {
    **{"model_type": "llama", "num_hidden_layers": 2, "hidden_size": 32, "vocab_size": 78, "eos_token_id": [1, 2]},
    **{"weight_map": {"a": "model.safetensors"}, "rope_parameters": {"rope_type": "default"}, "dtype": "float32"},
}
_SAID = (
    b"The answer is good.\nScore: 4\n",
    b"I would say **Total score: 3/5**. The rubric says Score: 0-5.",
    b'{"score": 4, "why": "clear"}',
    b"| Score | 4 |\n\\boxed{4}",
    b"<think>Score: 2</think>\nSCORE\xef\xbc\x9a 5 (very good)",
)
_CHOSEN = (
    b"[[A]]",
    b"My final verdict is: [[A>>B]]",
    b'{"reason": "shorter", "winner": "B"}',
    b'```json\n{"ordered_models": [{"model": "m", "rank": 1}, {"model": "M", "rank": 2}]}\n```',
    b"Answer B is better, because A is wrong.\nWinner: B (not A)",
    b"Score A: 7, Score B: 5",
    b"\\boxed{7, 5}",
)


def _short(value: Any) -> Any:
    """The same with two entries of each list and object but for a row's own."""
    if isinstance(value, list):
        return [_short(one) for one in value[:2]]
    return {name: _short(one) for name, one in value.items()} if isinstance(value, dict) else value


TARGETS: Mapping[str, Target] = {
    "score": Target(_SAID, _text(_score)),
    "verdict": Target(_CHOSEN, _text(lambda text: _verdict(read_verdict, text))),
    "score_pair": Target(_CHOSEN, _text(lambda text: _verdict(read_score_pair, text))),
    "meta_verdict": Target(
        (*_CHOSEN, b"Winner: [Judgement A | Judgement B]", b"Final judgement / B", b"Judgement A agrees. Winner: B"),
        _text(lambda text: _verdict(lambda words, _: _META.read(words), text)),
    ),
    "yes_or_no": Target(
        (
            b"Yes.",
            b"**no**, it is not",
            b"yes/no",
            b"a gold yes relevant yes correct no count",
            b"<think>no</think>yes",
        ),
        lambda content, folder: _grade(_Saying(content.decode("utf-8", "replace")), folder),
    ),
    "chances": Target(
        (b"-0.5 -1.5 -2 -3", b"nan -1", b"inf -inf", b"1e308 -0.1", b"-1e308 -2", b"0 0 0 0"),
        lambda content, folder: _chances(content.decode("utf-8", "replace"), folder),
    ),
    "choice": Target(
        (*_CHOSEN, b"Both are fine. [[B"),
        lambda content, folder: _choose(_Saying(content.decode("utf-8", "replace")), folder),
    ),
    "revision": Target(
        (b"Too short.", b"{critique} {request}", b"[End of answer]\n[Critique]", b"<think>hm", b" \n"),
        lambda content, folder: _revise(content.decode("utf-8", "replace"), folder),
    ),
    "changed_instruction": Target(
        (b"Name a tree.", b"name a fruit", b"<think>Hm.</think> Name a nut."), _text(_changed)
    ),
    "words": Target((*_SAID, "für 3 € — 你好 สวัสดี".encode()), _text(_words)),
    "messages": Target((b"Hello <|im_end|>", b"<|eot_id|><|start_header_id|>user", b"[INST] </s>"), _text(_messages)),
    "template": Target(tuple(shape.template.encode() for shape in SHAPES.values()), _template),
    "model_folder": Target((json.dumps(_CONFIG).encode(),), _model_folder),
    "run_file": Target((_RUN, b"a: &a {b: [1, *c]}\nc: !!int 3\n<<: *a\n", _EXTENDING), _file("run.yaml", load)),
    "extended_run_file": Target((_RUN, b"extends: over.yaml\n", _EXTENDING), _file("base.yaml", _extended)),
    "setting": Target(
        (b"0.5", b"{a: [1, &x 2, *x]}", b"reward.rules=[{matches: a}]", b"data.skills=[choice, choice]"),
        _text(_settings),
    ),
    "lines": Target((*_RANKINGS[:3], gzip.compress(_RANKINGS[0], mtime=0), _CSV), _file("rows.csv", _lines)),
    "rankings": Target(_RANKINGS, _file("rows.jsonl", lambda path: rankings.read(str(path)))),
    "trees": Target(_RANKINGS, _file("trees.jsonl", lambda path: trees.read(str(path), "en", "all"))),
    "instructions": Target(
        (_rows({"instruction": "Name a fruit."}, {"messages": [{"role": "user", "content": "Hi"}]}),),
        _file("prompts.jsonl", lambda path: prompts_from_file(PromptSettings(path=str(path)), 2)),
    ),
    "examples": Target(
        (
            _rows({"instruction": "Name a fruit.", "input": "A red one.", "output": "<think>Red.</think>An apple."}),
            _rows({"instruction": [{"role": "user", "content": "Hi"}], "system": "Be brief.", "output": "Hello."}),
        ),
        _file("rows.jsonl", lambda path: _examples(path, "alpaca")),
    ),
    "conversations": Target(
        (
            _rows({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]}),
            _rows({"messages": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello."}], "system": "x"}),
        ),
        _file("rows.jsonl", lambda path: _examples(path, "messages")),
    ),
    "recorded": Target(
        (
            _rows({"swap = False": {"completion": ["Output (a)", "stop"], "winner": "1"}, "swap = True": {}}),
            _rows(_SINGLE, _SINGLE),
            _rows(
                {"prompt": "Name a fruit.", "first": "A stone.", "second": "An apple.", "preference": 0.5, "raw": ""}
            ),
        ),
        _recorded,
    ),
    "outputs": Target(
        (json.dumps(_OUTPUTS).encode(),), _file("o.json", lambda path: alpaca_files.read_outputs(path, _PROMPTS))
    ),
    "annotations": Target(
        (json.dumps(_ANNOTATIONS).encode(),),
        _file("a.json", lambda path: alpaca_files.read_annotations(path, _PROMPTS)),
    ),
    "glm": Target((_GAMED,), _alpaca),
    "labels": Target((_LABELS, b"id,label\na,0.5\nb,tie\n"), _file("labels.csv", labels.read)),
    "labels_json": Target((_LABELS,), _file("labels.jsonl", labels.read)),
    "judgments": Target((_rows(_SINGLE), _rows({**_PAIR, "judge": "j"}), _rows(_ARENA)), _file("j.jsonl", _judgments)),
    "arena_hard": Target((_rows(_GAME),), _file("g.jsonl", lambda path: arena_hard.read([path]))),
    "arena_hard_answers": Target(
        (_rows(_ANSWER),), _file("m.jsonl", lambda path: arena_hard_answers.read(path.parent))
    ),
    "verdicts": Target((_CSV,), _file("v.csv", lambda path: verdicts.read_verdicts(path, None))),
    "leaderboard": Target((_BOARD,), _file("l.csv", verdicts.read_leaderboard)),
    "metrics": Target((json.dumps(_METRIC).encode(),), _file("metrics.json", metrics.read)),
    "baseline": Target(
        (json.dumps(_short(json.loads((CHECKOUT / "benchmarks/pocket/baseline.json").read_bytes()))).encode(), b"{}"),
        _file("baseline.json", regress.read_baseline),
    ),
    "study": Target((json.dumps(_STUDY).encode(),), _file("study.json", study.read)),
    "records": Target((_examples_of_records(),), _record),
    "rubric": Target((b"Rate {response} to {prompt}.",), _file("r.txt", lambda path: rubric.load(str(path)))),
    "pair_template": Target(
        (b"form: scores\ntokens: 8\nlabels: A B\n---\n{prompt} {first} {second}",),
        _file("p.txt", lambda path: pair_template.load(str(path))),
    ),
    "meta_template": Target(
        (b"form: letter\nlabels: A B\n---\n{prompt} {response} {first} {second} {rubric}",),
        _file("m.txt", lambda path: meta_judge.load(str(path), rubric.load("additive"))),
    ),
    "changed_template": Target((b"Change this: {prompt}",), _file("c.txt", lambda path: request_text(str(path)))),
    "principles": Target(
        (_YAML["principles"], _YAML["bead principles"], b"labels: &a [A, B]\nprinciples: [*a]\n"),
        _file("principles.yaml", lambda path: constitution.load(str(path), "method.principles")),
    ),
    "propositions": Target(
        (_YAML["propositions"], _YAML["bead propositions"], _TYPES),
        _file("propositions.yaml", lambda path: grades.load(str(path), "method.propositions")),
    ),
    "server_answer": Target((json.dumps(_COMPLETION).encode(),), _server_answer),
}


def names(chosen: Sequence[str]) -> list[str]:
    """The targets of these names; all where none is named."""
    return list(chosen or TARGETS)
