import errno
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from srlm.errors import RecordError, StoreError
from srlm.records import Prompt, Record
from srlm.store import files

PROMPTS = [Prompt.of(text, "test") for text in ("one", "two\nlines", "dr\u00ef\u2028\u0085 \U0001f600", "", "\\\"'{}")]


class Word(Record):
    """A record as small as can be."""

    word: str


class Killed(BaseException):
    """The process dies here."""


def spell(words: Sequence[str], block: int) -> list[Word]:
    """Two records a word; the second says which block it is from."""
    return [Word(word=text) for word in words for text in (word, f"{word}\u00e9{block}")]


ITEMS = ["a", "b", "c", "d", "e", "f", "g"]
WHOLE = "".join(
    f'{{"word":"{text}"}}\n'
    for word, block in (("a", 0), ("b", 0), ("c", 0), ("d", 1), ("e", 1), ("f", 1), ("g", 2))
    for text in (word, f"{word}\u00e9{block}")
).encode()
"""Seven items in blocks of three, two records an item: 14 lines."""


def run(
    path: Path, work: Callable[[Sequence[str], int], Sequence[Word]] = spell, items: Sequence[str] = ITEMS
) -> list[Word]:
    return list(files.resumable(path, Word, items, work, per_item=2, block=3))


# Whole files ----------------------------------------------------------------------------------------------------------


def test_records_come_back_as_they_were_written(tmp_path: Path) -> None:
    files.write(tmp_path / "deep" / "prompts.jsonl", PROMPTS)
    assert files.read(tmp_path / "deep" / "prompts.jsonl", Prompt) == PROMPTS
    assert os.listdir(tmp_path / "deep") == ["prompts.jsonl"]


def test_one_line_is_one_record_whatever_line_ends_its_text_holds(tmp_path: Path) -> None:
    files.write(tmp_path / "p.jsonl", PROMPTS)
    assert (tmp_path / "p.jsonl").read_bytes().count(b"\n") == 5


def test_an_empty_file_holds_no_records(tmp_path: Path) -> None:
    files.write(tmp_path / "p.jsonl", [])
    assert files.read(tmp_path / "p.jsonl", Prompt) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        pytest.param(b'{"word": 5}', "not a Word: word: Input should be a valid string", id="wrong-type"),
        pytest.param(b'{"wort": "a"}', "not a Word: word: Field required", id="missing"),
        pytest.param(b'{"word": "a", "n": 1}', "not a Word: n: Extra inputs are not permitted", id="unknown"),
        pytest.param(b'{"word": "a', "not a Word: Invalid JSON", id="cut"),
        pytest.param(b"", "not a Word: Invalid JSON", id="empty"),
        pytest.param(b'{"word": "\xff"}', "not a Word: Invalid JSON", id="not-utf-8"),
        pytest.param(b"[]", "not a Word: Input should be an object", id="a-list"),
    ],
)
def test_a_wrong_record_is_named_by_file_and_line(tmp_path: Path, line: bytes, said: str) -> None:
    path = tmp_path / "w.jsonl"
    path.write_bytes(b'{"word":"a"}\n{"word":"b"}\n' + line + b'\n{"word":"d"}\n')
    with pytest.raises(RecordError) as caught:
        files.read(path, Word)
    assert str(caught.value).startswith(f"{path}:3: {said}")


def test_a_missing_file_and_a_folder_are_store_errors(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such file; was its step finished"):
        files.read(tmp_path / "w.jsonl", Word)
    with pytest.raises(StoreError, match="no such file; was its step finished"):
        files.read_json(tmp_path / "w.json")
    with pytest.raises(StoreError, match="cannot be read: Is a directory"):
        files.read(tmp_path, Word)


def test_json_is_written_with_sorted_keys_and_comes_back(tmp_path: Path) -> None:
    files.write_json(tmp_path / "x.json", {"b": [1, None], "a": "\u00e9"})
    assert (tmp_path / "x.json").read_text(encoding="utf-8") == '{\n "a": "\u00e9",\n "b": [\n  1,\n  null\n ]\n}\n'
    assert files.read_json(tmp_path / "x.json") == {"a": "\u00e9", "b": [1, None]}


@pytest.mark.parametrize("content", [b"{", b"", b"\xff\xfe\x00"])
def test_broken_json_is_a_record_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(RecordError, match="not JSON"):
        files.read_json(tmp_path / "x.json")


def test_the_fact_of_a_file_is_its_sha256(tmp_path: Path) -> None:
    files.write_text(tmp_path / "x", "abc")
    fact = files.fact(tmp_path / "x", 3)
    assert fact.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert fact.records == 3


# Writes that fail -----------------------------------------------------------------------------------------------------


def test_a_text_that_is_no_unicode_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        files.write_text(tmp_path / "x", "half a pair \ud800")
    assert os.listdir(tmp_path) == []


def test_nan_is_not_written_as_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Out of range float"):
        files.write_json(tmp_path / "x.json", {"a": float("nan")})
    assert os.listdir(tmp_path) == []


def test_a_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    files.write_text(path, "old")
    with files_of_at_most(100), pytest.raises(StoreError, match="the file size limit is reached"):
        files.write_text(path, "new" * 1000)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["x"]


def test_a_folder_that_is_a_file_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        files.write_text(tmp_path / "file" / "x", "text")
    with pytest.raises(StoreError, match="cannot be written"):
        run(tmp_path / "file" / "w.jsonl")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        pytest.param(OSError(errno.ENOSPC, "No space left"), "the disk is full", id="python"),
        pytest.param(OSError(errno.EDQUOT, "Quota"), "the disk is full", id="quota"),
        pytest.param(
            Exception("I/O error: File too large (os error 27)"), "the file size limit is reached", id="safetensors"
        ),
        pytest.param(
            RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 74432 vs 74324"),
            "the disk is full",
            id="torch",
        ),
    ],
)
def test_a_disk_that_fills_under_a_library_is_a_store_error(tmp_path: Path, error: Exception, said: str) -> None:
    with (
        pytest.raises(StoreError, match=f"^{tmp_path}: {said}.*; free some space and run the same command again"),
        files.saving(tmp_path),
    ):
        raise error


def test_a_disk_that_turns_read_only_under_a_library_is_a_store_error(tmp_path: Path) -> None:
    with (
        pytest.raises(StoreError, match=f"^{tmp_path}: cannot be written: Read-only file system$"),
        files.saving(tmp_path),
    ):
        raise Exception("I/O error: Read-only file system (os error 30)")


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(errno.ENOENT, "No such file"),
        Exception("Permission denied (os error 13)"),
        RuntimeError("PytorchStreamReader failed reading zip archive: inline_container.cc"),
        RuntimeError("out of memory"),
    ],
    ids=str,
)
def test_other_faults_of_a_library_stay_what_they_are(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error)) as caught, files.saving(tmp_path):
        raise error
    assert caught.value is error


def test_a_full_disk_says_so_and_leaves_no_part(tmp_path: Path) -> None:
    (tmp_path / "x.part").symlink_to("/dev/full")
    with pytest.raises(StoreError, match="the disk is full; free some space and run the same command again"):
        files.write_text(tmp_path / "x", "text")
    assert os.listdir(tmp_path) == []


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """No file of this process may grow beyond `size` bytes: a write fails half way, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("room", range(0, len(WHOLE), 7))
def test_a_stage_that_found_the_disk_full_goes_on_where_it_was(tmp_path: Path, room: int) -> None:
    path = tmp_path / "w.jsonl"
    with files_of_at_most(room), pytest.raises(StoreError, match="run the same command again to resume"):
        run(path)
    assert not path.exists()
    run(path)
    assert path.read_bytes() == WHOLE


def test_what_goes_wrong_inside_the_work_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    def lost(_: Sequence[str], __: int) -> list[Word]:
        raise ConnectionResetError(errno.ECONNRESET, "peer")  # an OSError, as a disk's errors are

    with pytest.raises(ConnectionResetError):
        run(tmp_path / "w.jsonl", lost)


# Resuming -------------------------------------------------------------------------------------------------------------


def test_a_stage_that_is_never_stopped_writes_every_block_in_order(tmp_path: Path) -> None:
    calls: list[tuple[list[str], int]] = []
    reports: list[tuple[int, int]] = []

    def work(words: Sequence[str], block: int) -> list[Word]:
        calls.append((list(words), block))
        return spell(words, block)

    path = tmp_path / "w.jsonl"
    made = files.resumable(
        path, Word, ITEMS, work, per_item=2, block=3, report=lambda done, total: reports.append((done, total))
    )
    assert path.read_bytes() == WHOLE
    assert calls == [(["a", "b", "c"], 0), (["d", "e", "f"], 1), (["g"], 2)]
    assert reports == [(0, 7), (3, 7), (6, 7), (7, 7)]
    assert made == files.read(path, Word)
    assert os.listdir(tmp_path) == ["w.jsonl"]


@pytest.mark.parametrize("concurrency", [1, 3])
def test_a_watch_sees_every_record_once_in_order_what_was_found_on_disk_first(tmp_path: Path, concurrency: int) -> None:
    path, seen = tmp_path / "w.jsonl", list[Word]()

    def dying(words: Sequence[str], block: int) -> list[Word]:
        if block == 1:
            raise Killed
        return spell(words, block)

    def stage(work: Callable[[Sequence[str], int], list[Word]], threads: int) -> None:
        seen.clear()
        files.resumable(
            path,
            Word,
            ITEMS,
            work,
            per_item=2,
            block=3,
            concurrency=lambda: threads,
            watch=lambda found: seen.extend(found),
        )

    with pytest.raises(Killed):
        stage(dying, 1)
    assert seen == spell(ITEMS[:3], 0)
    stage(spell, concurrency)
    assert seen == files.read(path, Word)
    stage(spell, concurrency)
    assert seen == []  # the file is whole


def test_a_finished_stage_is_read_and_not_worked_again(tmp_path: Path) -> None:
    def never(_: Sequence[str], __: int) -> list[Word]:
        raise Killed

    first = run(tmp_path / "w.jsonl")
    assert run(tmp_path / "w.jsonl", never) == first


def test_a_finished_file_with_too_few_records_is_an_error(tmp_path: Path) -> None:
    run(tmp_path / "w.jsonl")
    with pytest.raises(RecordError, match="14 records found, but 8 items need 2 each"):
        run(tmp_path / "w.jsonl", items=[*ITEMS, "h"])


def test_no_items_give_an_empty_file(tmp_path: Path) -> None:
    assert run(tmp_path / "w.jsonl", items=[]) == []
    assert (tmp_path / "w.jsonl").read_bytes() == b""


@pytest.mark.parametrize("stop", [0, 1, 2])
def test_a_stage_killed_in_any_block_goes_on_at_that_block(tmp_path: Path, stop: int) -> None:
    calls: list[int] = []

    def dies(words: Sequence[str], block: int) -> list[Word]:
        if block == stop:
            raise Killed
        return spell(words, block)

    def goes_on(words: Sequence[str], block: int) -> list[Word]:
        calls.append(block)
        return spell(words, block)

    path = tmp_path / "w.jsonl"
    with pytest.raises(Killed):
        run(path, dies)
    assert not path.exists()
    run(path, goes_on)
    assert path.read_bytes() == WHOLE
    assert calls == list(range(stop, 3))


def test_a_part_file_cut_at_any_byte_ends_as_if_never_cut(tmp_path: Path) -> None:
    path, part = tmp_path / "w.jsonl", tmp_path / "w.jsonl.part"
    for size in range(len(WHOLE) + 1):
        part.write_bytes(WHOLE[:size])
        records = run(path)
        assert path.read_bytes() == WHOLE, f"cut at byte {size}"
        assert len(records) == 14
        assert not part.exists()
        path.unlink()


def test_zeros_behind_the_last_line_as_after_a_power_cut_are_dropped(tmp_path: Path) -> None:
    (tmp_path / "w.jsonl.part").write_bytes(WHOLE[:100] + b"\0" * 50)
    run(tmp_path / "w.jsonl")
    assert (tmp_path / "w.jsonl").read_bytes() == WHOLE


def test_a_part_file_of_something_else_is_named_by_line_and_kept(tmp_path: Path) -> None:
    part = tmp_path / "w.jsonl.part"
    part.write_bytes(b'{"word":"a"}\n{"other":1}\n' * 3)
    with pytest.raises(RecordError, match=r"w\.jsonl\.part:2: not a Word: word: Field required"):
        run(tmp_path / "w.jsonl")
    assert part.read_bytes() == b'{"word":"a"}\n{"other":1}\n' * 3


def test_work_that_gives_the_wrong_number_of_records_is_a_defect(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"w\.jsonl: 1 record from 3 items, not 2 each"):
        run(tmp_path / "w.jsonl", lambda words, block: [Word(word="a")])


KILLED = """
import os, signal, sys
from pathlib import Path
from srlm.records import Record
from srlm.store import files

class Word(Record):
    word: str

def work(words, block):
    if block == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return [Word(word=text) for word in words for text in (word, f"{word}\\u00e9{block}")]

files.resumable(Path(sys.argv[1]), Word, list("abcdefg"), work, per_item=2, block=3)
"""


def test_a_process_killed_outright_leaves_all_finished_blocks(tmp_path: Path) -> None:
    path = tmp_path / "w.jsonl"
    assert subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False).returncode == -9
    assert (tmp_path / "w.jsonl.part").read_bytes() == b"".join(WHOLE.splitlines(keepends=True)[:12])
    run(path)
    assert path.read_bytes() == WHOLE


# Several blocks at once -----------------------------------------------------------------------------------------------


def run_three_at_once(path: Path, work: Callable[[Sequence[str], int], Sequence[Word]]) -> list[Word]:
    return list(files.resumable(path, Word, ITEMS, work, per_item=2, block=3, concurrency=lambda: 3))


def test_blocks_that_end_in_another_order_give_the_same_file(tmp_path: Path) -> None:
    path, last_done = tmp_path / "w.jsonl", threading.Event()

    def backwards(words: Sequence[str], block: int) -> list[Word]:
        if block == 2:
            last_done.set()
        else:
            assert last_done.wait(timeout=60)
        return spell(words, block)

    assert run_three_at_once(path, backwards) == files.read(path, Word)
    assert path.read_bytes() == WHOLE
    assert os.listdir(tmp_path) == ["w.jsonl"]


def test_a_block_done_before_its_turn_is_kept_and_not_done_again(tmp_path: Path) -> None:
    path, kept = tmp_path / "w.jsonl", tmp_path / "w.jsonl.block-000002.part"

    def first_fails(words: Sequence[str], block: int) -> list[Word]:
        while block == 0 and not kept.exists():
            pass
        if block == 0:
            raise Killed
        return spell(words, block)

    with pytest.raises(Killed):
        run_three_at_once(path, first_fails)
    assert kept.exists()
    calls: list[int] = []

    def goes_on(words: Sequence[str], block: int) -> list[Word]:
        calls.append(block)
        return spell(words, block)

    run(path, goes_on)
    assert 2 not in calls
    assert path.read_bytes() == WHOLE
    assert os.listdir(tmp_path) == ["w.jsonl"]


@pytest.mark.parametrize("lines", [0, 6, 12])
def test_a_kill_between_appending_a_block_and_forgetting_it_doubles_nothing(tmp_path: Path, lines: int) -> None:
    path, every = tmp_path / "w.jsonl", WHOLE.splitlines(keepends=True)
    (tmp_path / "w.jsonl.part").write_bytes(b"".join(every[:lines]))
    (tmp_path / "w.jsonl.block-000001.part").write_bytes(b"".join(every[6:12]))
    (tmp_path / "w.jsonl.block-000002.part.part").write_bytes(every[12][:5])
    assert len(run(path)) == 14
    assert path.read_bytes() == WHOLE
    assert os.listdir(tmp_path) == ["w.jsonl"]


def test_kept_records_are_a_sequence_that_reads_its_file_when_looked_at(tmp_path: Path) -> None:
    path, words = tmp_path / "words.jsonl", [Word(word="one"), Word(word="two\u2028lines"), Word(word="three")]
    files.write(path, words)
    kept = files.Kept(path, Word)
    assert len(kept) == 3
    assert list(kept) == words
    assert kept == words
    assert (kept[0], kept[-1], kept[1:]) == (words[0], words[2], words[1:])
    assert kept != words[:2]
    assert kept != [*words[:2], Word(word="four")]
    with pytest.raises(IndexError):
        kept[3]
    assert files.Kept(path, Word) == kept
    path.write_text('{"word": "one"}\n{"word": 2}\n')
    with pytest.raises(RecordError, match=f"{path}:2: not a Word: word: Input should be a valid string"):
        list(files.Kept(path, Word))
    path.unlink()
    with pytest.raises(StoreError, match="no such file"):
        files.Kept(path, Word)


# A file that grows and is not what it was -----------------------------------------------------------------------------


def stopped(path: Path, blocks: int) -> Path:
    """A stage that was killed with so many of three blocks done; its part file."""
    calls = 0

    def work(words: Sequence[str], block: int) -> list[Word]:
        nonlocal calls
        calls += 1
        if calls > blocks:
            raise Killed
        return spell(words, block)

    with pytest.raises(Killed):
        run(path, work)
    return path.with_name(path.name + ".part")


@pytest.mark.parametrize("place", [3, 80, 110, 160])
def test_a_part_file_whose_bytes_have_changed_is_made_again_from_there(
    tmp_path: Path, place: int, caplog: pytest.LogCaptureFixture
) -> None:
    part = stopped(tmp_path / "w.jsonl", 2)
    content = bytearray(part.read_bytes())
    content[place] ^= 1
    part.write_bytes(content)
    asked: list[int] = []

    def work(words: Sequence[str], block: int) -> list[Word]:
        asked.append(block)
        return spell(words, block)

    run(tmp_path / "w.jsonl", work)
    assert (tmp_path / "w.jsonl").read_bytes() == WHOLE
    first = len("".join(f'{{"word":"{text}"}}\n' for w in "abc" for text in (w, f"{w}\u00e90")).encode())
    assert asked == ([0, 1, 2] if place < first else [1, 2])
    assert f"made again from byte {0 if place < first else first} on" in caplog.text
    assert os.listdir(tmp_path) == ["w.jsonl"]


@pytest.mark.parametrize("lines", [0, 1, 5, 6, 7, 11])
def test_a_part_file_that_lost_whole_lines_in_front_is_made_again(tmp_path: Path, lines: int) -> None:
    part = stopped(tmp_path / "w.jsonl", 2)
    part.write_bytes(b"".join(part.read_bytes().splitlines(keepends=True)[lines:]))
    run(tmp_path / "w.jsonl")
    assert (tmp_path / "w.jsonl").read_bytes() == WHOLE


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\n", b'{"block":0,"size":-1,"sha256":""}\n', b'{"block":0}\n'])
def test_a_broken_list_of_blocks_costs_only_the_blocks(tmp_path: Path, content: bytes) -> None:
    part = stopped(tmp_path / "w.jsonl", 2)
    part.with_name("w.jsonl.part.blocks").write_bytes(content)
    run(tmp_path / "w.jsonl")
    assert (tmp_path / "w.jsonl").read_bytes() == WHOLE
    assert os.listdir(tmp_path) == ["w.jsonl"]


def test_a_part_file_of_an_older_srlm_goes_on_and_is_listed_from_then_on(tmp_path: Path) -> None:
    part = stopped(tmp_path / "w.jsonl", 1)
    part.with_name("w.jsonl.part.blocks").unlink()
    asked: list[int] = []

    def work(words: Sequence[str], block: int) -> list[Word]:
        asked.append(block)
        if block == 2:
            raise Killed
        return spell(words, block)

    with pytest.raises(Killed):
        run(tmp_path / "w.jsonl", work)
    assert len(part.with_name("w.jsonl.part.blocks").read_bytes().splitlines()) == 2
    run(tmp_path / "w.jsonl")
    assert asked == [1, 2]
    assert (tmp_path / "w.jsonl").read_bytes() == WHOLE


def test_a_block_that_waits_and_has_changed_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "w.jsonl"
    stopped(path, 1)
    files.write(tmp_path / "w.jsonl.block-000002.part", spell("h", 2))  # nobody has listed it
    run(path)
    assert path.read_bytes() == WHOLE


def test_records_of_other_items_are_refused(tmp_path: Path) -> None:
    def belongs(item: str, record: Word) -> bool:
        return record.word.startswith(item)

    path = tmp_path / "w.jsonl"
    run(path)
    assert len(files.finished(path, Word, ITEMS, 2, belongs)) == 14
    with pytest.raises(RecordError, match=r"w\.jsonl:3: this Word does not follow from what the file is made from"):
        files.finished(path, Word, [*ITEMS[:1], "x", *ITEMS[2:]], 2, belongs)
    part = path.rename(tmp_path / "w.jsonl.part")
    with pytest.raises(RecordError, match=r"w\.jsonl\.part:1: this Word does not follow"):
        files.resumable(path, Word, ["y", *ITEMS[1:]], spell, per_item=2, block=3, belongs=belongs)
    assert part.exists()


@pytest.mark.parametrize("content", ["[]", "null", "{", '{"a": "x"}', '{"a": -1}', '{"a": Infinity}', '{"a": [1]}'])
def test_times_that_are_none_are_left_out(tmp_path: Path, content: str) -> None:
    (tmp_path / "timings.json").write_text(content)
    assert files.read_seconds(tmp_path / "timings.json") == {}
    assert files.read_seconds(tmp_path / "none.json") == {}
