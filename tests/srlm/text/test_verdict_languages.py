"""Verdicts in other languages than English: read where named or marked, refused beside words that turn them."""

# ruff: noqa: RUF001  (letters of other scripts are what is tested)

import pytest

from srlm.text.score import read_score
from srlm.text.verdict import Verdict, read_verdict

FIRST = (
    *("Gewinner: A", "Urteil: **A**", "Die bessere Antwort: A", "Gagnant : A", "Verdict final : **A**"),
    *("Vainqueur : A", "Ganador: A", "Veredicto final: A", "Vencedor: A", "Vincitore: A"),
    *("获胜者：A", "裁决：A", "最终裁决：A", "判断：【A】", "勝者：A", "結論：A", "最終判定：[[A]]", "승자: A"),
    *("Победитель: A", "Ответ: «A». Вердикт: A", "الفائز: A", "\u200fالحكم: A", "„A“", "A。"),
    *("Winner: \u2066A\u2069", "Gewinner: A. Die Antwort ist vollständig.", "Победитель: A. Ответ полный."),
    *("Die zweite ist unvollständig, daher [[A]]", "最终判定：[[A>>B]]"),
)
SECOND = (
    *("Sieger: B", "Bessere Antwort: B", "Meilleure réponse : B", "Mejor respuesta: B", "Melhor resposta: B"),
    *("胜者：B", "更好的回答：B", "结论：B", "判定：B", "より良い回答：B", "판정: B"),
    *("Вердикт: B", "Лучший ответ: B", "الحكم النهائي: [[B]]", "الإجابة الأفضل: B", "«B»", "[[B]]。"),
)
NEITHER = ("Gewinner: Unentschieden", "Verdict : égalité", "Ganador: empate", "平局", "勝者：引き分け", "[[Ничья]]")
UNREAD = (
    *("A. Nein, B.", "A, aber B ist besser.", "B, oder A", "B, oder vielleicht A.", "Gewinner: A oder B"),
    *("Gewinner: A, aber eigentlich B", "A, vielleicht.", "A, falls Kürze zählt.", "Nicht [[A]].", "Nicht A."),
    *("A. Antwort B ist besser, doch lang.", "A. B ist besser.", "A\nNein, doch lieber B.", "A\nMoment mal, B."),
    *("Beispiel: [[A]]", "Antwort A sagt: [[A]]", "Antwort B sagt: „Gewinner: A“", "[[A]] wenn A kürzer ist"),
    *("A, mais B est meilleure.", "B, ou A", "A. Non, B.", "Ce n'est pas [[A]].", "A. Attendez, B."),
    *("Gagnant : A ou B", "A, si la concision compte.", "par exemple [[A]]", "La réponse B dit : [[B]]"),
    *("B, o tal vez A.", "A, pero B es mejor.", "No es [[A]].", "A. Espera, B.", "Ganador: A o B", "A, quizás."),
    *("A，但是 B 更好", "A, 但B更好。", "不是[[A]]", "不是 [[A]]", "A。 不对， B。", "获胜者：A 或 B", "获胜者：不是A"),
    *(
        "获胜者：A？",
        "例如：[[A]]",
        "如果A更好，[[A]]",
        "回答B说：[[B]]",
        "A、または B",
        "[[A]]ではない",
        "A。 いや、 B。",
    ),
    *("A, но B лучше.", "A, или B.", "Не [[A]].", "A. Нет, B.", "Победитель: A или B", "A, возможно."),
    *("Победитель: A, хотя лучше B", "Победитель: не A", "A\nНет, B лучше.", "A. B лучше."),
    *("A, ale B jest lepsza.", "A, maar B is beter.", "A, ama B daha iyi.", "A, αλλά B", "A, tapi B lebih baik"),
    *("A; jednak B jest pełna.", "nie [[A]]", "niet [[A]]", "[[A]] değil", "bukan [[A]]"),
    *("A، أو B", "A, لكن B أفضل", "ليس [[A]]", "A؟", "الفائز: A أو B", "A. لا، B.", "승자: A 또는 B"),
)


@pytest.mark.parametrize("text", FIRST)
def test_a_verdict_named_in_another_language_prefers_the_first_answer(text: str) -> None:
    assert read_verdict(text) == Verdict(1.0)


@pytest.mark.parametrize("text", SECOND)
def test_a_verdict_named_in_another_language_prefers_the_second_answer(text: str) -> None:
    assert read_verdict(text) == Verdict(0.0)


@pytest.mark.parametrize("text", NEITHER)
def test_a_tie_in_another_language_is_a_tie(text: str) -> None:
    assert read_verdict(text) == Verdict(0.5)


@pytest.mark.parametrize("text", UNREAD)
def test_words_of_another_language_that_turn_a_verdict_leave_it_unread(text: str) -> None:
    assert read_verdict(text).preference is None


@pytest.mark.parametrize("text", ["Score: 4\nNein, 3.", "Score: 4\nНет, 3.", "Score: 4\n不，3。"])
def test_a_score_that_is_taken_back_in_another_language_is_unread(text: str) -> None:
    assert read_score(text).unread == "no score"
