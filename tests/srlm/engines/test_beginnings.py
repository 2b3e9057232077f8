"""Rows that begin alike are found, whatever order they come in."""

from srlm.engines.beginnings import Alike, beginnings

SUBJECTS = [[1] * 10 + [subject] * 50 for subject in (2, 3)]


def test_questions_are_grouped_by_what_they_share_with_their_own_subject() -> None:
    rows = [[*SUBJECTS[number % 2], 100 + number, 7] for number in range(6)]
    assert beginnings(rows, worth=32) == [Alike([0, 2, 4], 60), Alike([1, 3, 5], 60)]


def test_two_questions_that_share_a_little_more_do_not_part_from_the_others() -> None:
    rows = [[*SUBJECTS[0], 9, 9, 1], [*SUBJECTS[0], 9, 9, 2], [*SUBJECTS[0], 8, 1], [*SUBJECTS[0], 7, 1]]
    assert [(sorted(group.rows), group.shared) for group in beginnings(rows, worth=32)] == [([0, 1, 2, 3], 60)]


def test_rows_that_share_too_little_are_one_group_that_shares_nothing() -> None:
    rows = [[1, 2, 3, 4], [1, 2, 5, 6], [9, 9]]
    assert beginnings(rows, worth=32) == [Alike([0, 1, 2], 0)]
    assert beginnings([], worth=32) == []


def test_the_last_token_of_a_row_is_never_shared() -> None:
    rows = [[1] * 40, [1] * 50]
    assert [(sorted(group.rows), group.shared) for group in beginnings(rows, worth=32)] == [([0, 1], 39)]


def test_equal_rows_share_all_but_their_last_token() -> None:
    assert beginnings([[1] * 40] * 3, worth=32) == [Alike([0, 1, 2], 39)]


def test_thousands_of_rows_that_share_ever_more_are_grouped_without_recursion() -> None:
    rows = [[1] * length + [2] for length in range(1, 1500)]
    found = beginnings(rows, worth=32)
    assert sorted(row for group in found for row in group.rows) == list(range(1499))
