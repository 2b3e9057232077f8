"""IFEval's checkers without a download: nltk's own splitter with nltk's own parameters, languages told alike."""

from pathlib import Path

import pytest

from eval.benchmarks.nlp.library import lm_eval_at_work
from eval.benchmarks.nlp.sentences import splitter
from eval.benchmarks.nlp.tasks import prepare
from srlm.data.lines import rows
from srlm.settings.nlp import NlpSettings
from tests.eval.nlp import tiny_run

TEXTS = {
    "Dr. Smith went home. He was tired.": 2,
    "It costs $3.50, i.e. too much. Really? Yes!": 4,  # nltk does not know `i.e.`
    "We met at 5 p.m. on Jan. 3 in the U.S. Senate.": 1,
    "1. First one.\n2. Second one.\n3. Third one.": 6,
    "": 0,
}


def test_nltk_reads_the_packages_parameters_as_its_own() -> None:
    import punkt
    from nltk.tokenize.punkt import PunktTokenizer

    with splitter():
        read = PunktTokenizer("english")._params
    given = punkt.load_model("english")
    assert read.abbrev_types == given.abbrev_types
    assert read.collocations == given.collocations
    assert read.sent_starters == given.sent_starters
    assert dict(read.ortho_context) == {word: int(context) for word, context in given.ortho_context.items()}


def test_nothing_is_left_on_nltks_path() -> None:
    import nltk

    before = list(nltk.data.path)
    with splitter():
        assert len(nltk.data.path) == len(before) + 1
        place = Path(nltk.data.path[0])
    assert nltk.data.path == before
    assert not place.exists()


def test_sentences_are_counted_offline(capfd: pytest.CaptureFixture[str]) -> None:
    with lm_eval_at_work():
        from lm_eval.tasks.ifeval import instructions_util

        assert {text: instructions_util.count_sentences(text) for text in TEXTS} == TEXTS
    assert capfd.readouterr() == ("", "")


def test_a_language_is_told_alike_every_time() -> None:
    text = "ja nein no si"  # langdetect draws, and tells this text's language by chance
    with lm_eval_at_work():
        import langdetect

        assert len({langdetect.detect(text) for _ in range(20)}) == 1


def test_a_letter_that_the_checker_draws_is_the_same_for_every_model(tmp_path: Path) -> None:
    """Prompt 1129 counts `!`, which Google's checker takes for no letter: it draws one."""
    instruction = {"let_relation": "at least", "letter": "!", "let_frequency": 6}
    row = {
        "key": 1129,
        "prompt": "Cheer.",
        "instruction_id_list": ["keywords:letter_frequency"],
        "kwargs": [instruction],
    }
    tiny_run.lines(tmp_path / "ifeval" / "input_data.jsonl", [row])
    (task,) = prepare(NlpSettings(tasks=("ifeval",), data=str(tmp_path)))
    leaf = task.leaves["ifeval"]
    answers = [letter * 6 for letter in "abcdefghijklmnopqrstuvwxyz"]
    with lm_eval_at_work():
        verdicts = [[leaf.process_results(row, [one])["prompt_level_strict_acc"] for one in answers] for _ in range(3)]
    assert [sum(said) for said in verdicts] == [1, 1, 1]
    assert verdicts[0] == verdicts[1] == verdicts[2]


def test_all_541_prompts_are_checked_without_a_network(shared: Path) -> None:
    """Every instruction of the real set gives a verdict on its own prompt, and nothing on an empty answer."""
    docs = [row.value for row in rows(shared / "data" / "nlp_benchmarks" / "ifeval" / "input_data.jsonl.gz")]
    with lm_eval_at_work():
        from lm_eval.tasks.ifeval.utils import process_results

        found = [process_results(doc, [doc["prompt"]]) for doc in docs]
        empty = [process_results(doc, [""]) for doc in docs]
    assert len(found) == 541
    assert sum(len(one["inst_level_strict_acc"]) for one in found) == 834
    assert not any(any(one["inst_level_loose_acc"]) for one in empty)
