"""New prompts and their filters in nineteen languages (`languages.json`), and which language data is in."""

# ruff: noqa: RUF001 (letters that look like Latin ones are what this is about)

import json
from pathlib import Path
from typing import Any

import pytest

from srlm.data.languages import in_language
from srlm.data.overlap import overlapping
from srlm.data.self_instruct import PromptAttempt, Screen, parse, write_prompts
from srlm.engines.base import Request
from srlm.engines.scripted import ScriptedEngine
from srlm.errors import SettingsError
from srlm.records import Prompt, user
from srlm.settings import PromptSettings

LANGUAGES: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("languages.json").read_text("utf-8"))
EVERY = pytest.mark.parametrize("language", LANGUAGES)


def screened(language: str, raw: list[str], known: list[str]) -> Screen:
    settings = PromptSettings().in_language(language)
    screen = Screen([Prompt.of(text, "oasst") for text in known], settings, [])
    screen.take([PromptAttempt.of(n, 9, text, "stop") for n, text in enumerate(raw)])
    return screen


@EVERY
def test_good_tasks_are_accepted(language: str) -> None:
    tasks = LANGUAGES[language]["tasks"]
    screen = screened(language, tasks, [])
    assert (screen.accepted, dict(screen.dropped)) == (tasks, {})


@EVERY
def test_a_task_with_a_word_added_is_similar_and_one_typed_otherwise_is_a_duplicate(language: str) -> None:
    own = LANGUAGES[language]
    assert dict(screened(language, [own["near"]], own["tasks"]).dropped) == {"dropped: similar": 1}
    assert dict(screened(language, [own["same"]], own["tasks"]).dropped) == {"dropped: duplicate": 1}


@EVERY
def test_an_evaluation_prompt_is_found_within_a_training_prompt_and_in_no_other_task(language: str) -> None:
    own = LANGUAGES[language]
    asked, quoting = Prompt.of(own["evaluation"], "mine"), Prompt.of(own["quoting"], "oasst")
    others = [Prompt.of(text, "oasst") for text in own["tasks"]]
    assert overlapping([quoting, *others], [asked]) == {quoting.id: asked.id}
    assert overlapping([asked], [*others, quoting]) == {asked.id: quoting.id}


def test_tasks_of_all_languages_are_apart_from_each_other() -> None:
    prompts = [Prompt.of(text, "oasst") for own in LANGUAGES.values() for text in own["tasks"]]
    assert overlapping(prompts[::2], prompts[1::2]) == {}
    assert screened("all", [text for own in LANGUAGES.values() for text in own["tasks"]], []).dropped == {}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("谢谢", "too short", id="chinese-thanks"),
        pytest.param("สวัสดี", "too short", id="thai-hello"),
        pytest.param("Мне приятно", "too short", id="russian-two-words"),
        pytest.param("天" * 241, "too long", id="chinese-151-words"),
        pytest.param("слово " * 151, "too long", id="russian-151-words"),
        pytest.param("，然后写一首诗", "starts with no letter or digit", id="chinese-torn-off"),
        pytest.param("画一张关于春天的图片", "blocked word", id="chinese-blocked"),
        pytest.param("Нарисуй мне картинку с морем", "blocked word", id="russian-blocked"),
    ],
)
def test_what_is_no_task_is_dropped_in_other_languages_too(text: str, reason: str) -> None:
    screen = Screen([], PromptSettings(blocked_words=("图片", "картинку")).in_language("ru"), [])
    screen.take([PromptAttempt.of(0, 9, text, "stop")])
    assert dict(screen.dropped) == {f"dropped: {reason}": 1}


def test_chinese_of_a_length_that_english_may_have_is_kept() -> None:
    # 150 English words are some 240 Chinese characters.
    text = "".join(chr(0x4E00 + number) for number in range(240))
    assert screened("zh", [text], []).accepted == [text]


def test_english_words_are_blocked_in_english_only_and_the_users_own_everywhere() -> None:
    assert "video" in PromptSettings().in_language("en").blocked_words
    assert "video" in PromptSettings().in_language("en-GB").blocked_words
    assert "video" in PromptSettings().in_language(None).blocked_words
    assert PromptSettings().in_language("es").blocked_words == ()
    assert PromptSettings(blocked_words=("dibujo",)).in_language("es").blocked_words == ("dibujo",)


@pytest.mark.parametrize(
    ("raw", "text", "ended"),
    [
        pytest.param("Задача 9: Назови три цвета.\n\nЗадача 10: Спой.", "Назови три цвета.", True, id="russian"),
        pytest.param("任务9：写一首诗。\n任务10：唱歌。", "写一首诗。", True, id="chinese-full-width-colon"),
        pytest.param("Task 9：写一首诗。\nTask 10：唱歌。", "写一首诗。", True, id="english-mark-full-width-colon"),
        pytest.param("9、写一首诗。", "写一首诗。", False, id="chinese-list"),
        pytest.param("タスク 9：俳句を書いて。", "俳句を書いて。", False, id="japanese"),
        pytest.param("المهمة ٩: اكتب قصة.\nالمهمة ١٠: غن.", "اكتب قصة.", True, id="arabic-digits"),
        pytest.param("\u200fاكتب قصة.\u200f", "اكتب قصة.", False, id="marks-of-direction"),
        pytest.param("कार्य ९: कविता लिखो।", "कविता लिखो।", False, id="hindi-digits"),
        pytest.param("Tâche 9 : Écris un poème.\nTâche 10 : Chante.", "Écris un poème.", True, id="french-space"),
        pytest.param("“写一首诗。”", "写一首诗。", False, id="quoted"),
        pytest.param("«Мир» или «Мiр»", "«Мир» или «Мiр»", False, id="quotes-within-stay"),
        pytest.param("Шаг 9: смешай.\nШаг 10: пеки.", "Шаг 9: смешай.\nШаг 10: пеки.", False, id="a-step-is-no-task"),
    ],
)
def test_the_mark_of_a_task_is_known_in_other_languages(raw: str, text: str, ended: bool) -> None:
    assert parse(raw, 9) == (text, ended)


def test_the_request_for_a_prompt_may_be_a_file_in_the_datas_language(tmp_path: Path) -> None:
    template, shown = tmp_path / "ru.txt", []
    template.write_text("Задания:\n{tasks}\nПридумай задание {number}.\nTask {number}:\n", encoding="utf-8")
    tasks = LANGUAGES["ru"]["tasks"]

    def invent(request: Request, seed: int) -> str:
        shown.append(request.messages[0].content)
        return str(tasks[seed % 7])

    settings = PromptSettings(template=str(template), count=3, shots_seed=1, shots_new=0, max_attempts=200)
    seeds = [Prompt.of("Назови пять городов на Волге.", "oasst")]
    prompts, _ = write_prompts(ScriptedEngine(invent), seeds, settings, seed=1, path=tmp_path / "a.jsonl")
    assert len(prompts) == 3
    assert {prompt.text for prompt in prompts} <= set(tasks)
    assert shown[0] == "Задания:\nTask 1: Назови пять городов на Волге.\nПридумай задание 2.\nTask 2:"


@pytest.mark.parametrize(
    ("text", "says"), [(None, r"prompts\.template: cannot read .*ru\.txt"), ("{tasks}", "no slot {number}")]
)
def test_a_request_that_cannot_be_used_is_told(tmp_path: Path, text: str | None, says: str) -> None:
    if text is not None:
        (tmp_path / "ru.txt").write_text(text)
    settings = PromptSettings(template=str(tmp_path / "ru.txt"))
    seeds = [Prompt.of("Назови город.", "oasst")]
    with pytest.raises(SettingsError, match=says):
        write_prompts(ScriptedEngine(lambda r, s: "x"), seeds, settings, seed=1, path=tmp_path / "a.jsonl")


def test_a_conversation_shows_the_question_it_began_with_as_an_example(tmp_path: Path) -> None:
    seeds = [Prompt.of("And then?", "oasst", before=user("Tell me a story about a fox."))]
    shown = []

    def look(request: Request, seed: int) -> str:
        shown.append(request.messages[0].content)
        return "Name three rivers in Asia"

    settings = PromptSettings(count=1, max_attempts=1)
    write_prompts(ScriptedEngine(look), seeds, settings, seed=1, path=tmp_path / "a.jsonl")
    assert "Task 1: Tell me a story about a fox.\n" in shown[0]
    assert "And then?" not in shown[0]


@pytest.mark.parametrize(
    ("quoted", "found"),
    [
        # 7 words, 22 syllables: as much as nine English words.
        pytest.param("한국의 전통 명절인 추석에 대해 설명해 주세요", True, id="korean"),
        # 6 words, 50 letters.
        pytest.param("Küresel ısınmanın tarım üzerindeki etkilerini açıkla", True, id="turkish"),
        # 8 words, 4 shingles: a turn of phrase, as ever.
        pytest.param("Please explain about Chuseok to me in short", False, id="english"),
    ],
)
def test_fewer_words_are_a_quotation_where_words_are_longer(quoted: str, found: bool) -> None:
    around = f"zero one two three four five six seven {quoted} eight nine ten eleven twelve thirteen"
    asked, training = Prompt.of(quoted, "mine"), Prompt.of(around, "oasst")
    assert overlapping([training], [asked]) == ({training.id: asked.id} if found else {})


@pytest.mark.parametrize(
    ("found", "wanted", "expected"),
    [("ru", "ru", True), ("pt-BR", "pt", True), ("pt_br", "PT-BR", True), ("pt", "pt-BR", False), ("en", "e", False),
     ("uk-UA", "uk", True), (None, "en", False), ("english", "English", True)],
)  # fmt: skip
def test_in_language(found: object, wanted: str, expected: bool) -> None:
    assert in_language(found, wanted) is expected
