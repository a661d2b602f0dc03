"""Pictures of a folder become rows: sorted as people sort, starts with their ends."""

from hypothesis import given
from hypothesis import strategies as st

from batch.manifest.boards import Board, boards, natural

NAMES = st.lists(
    st.from_regex(r"(boat|Möwe|shot ?[0-9]{1,3})(_start|_end|-END| start)?\.(jpg|PNG|txt|heic)", fullmatch=True),
    unique=True,
    max_size=12,
)


def test_people_count_numbers_and_not_their_digits() -> None:
    """Capitals stand beside small letters, letters with marks where they are in both forms."""
    names = ["b.jpg", "A.jpg", "shot 10.jpg", "Shot 2.jpg", "shot 1.jpg", "10a.jpg", "2b.jpg", "s1-20.jpg", "s1-3.jpg"]
    assert sorted(names, key=natural) == [
        *("2b.jpg", "10a.jpg", "A.jpg", "b.jpg", "s1-3.jpg", "s1-20.jpg", "shot 1.jpg", "Shot 2.jpg", "shot 10.jpg"),
    ]


def test_a_start_and_its_end_are_one_row() -> None:
    """However the two are spelled; a half without the other is a picture of its own, and is named."""
    found = boards(
        ["boat_start.jpg", "boat_end.PNG", "Fog-Start.png", "fog-end.png", "alone_end.jpg", "weekend.jpg", "x.txt"]
    )
    assert found.boards == [
        Board("alone_end", "alone_end.jpg"),
        Board("boat", "boat_start.jpg", "boat_end.PNG"),
        Board("Fog", "Fog-Start.png", "fog-end.png"),
        Board("weekend", "weekend.jpg"),
    ]
    assert found.notes == ["without its other half, and so a picture of its own: alone_end.jpg, weekend.jpg"]


def test_two_starts_for_one_end_are_not_guessed_at() -> None:
    """Each is a row of its own, with an id of its own."""
    found = boards(["a_start.jpg", "a_start.png", "a_end.jpg"])
    assert [board.id for board in found.boards] == ["a_end", "a_start.jpg", "a_start.png"]
    assert not any(board.tail for board in found.boards)


def test_what_is_not_taken_is_named() -> None:
    """Not what a system hides."""
    found = boards(["a.heic", "b.jpg", "._b.jpg", "notes.txt"])
    assert [board.image for board in found.boards] == ["b.jpg"]
    assert found.notes == ["left out, for fal does not take them: a.heic; save them as JPEG or PNG"]


def test_a_job_with_one_picture_has_no_pairs() -> None:
    """Each is a row."""
    assert [board.id for board in boards(["a_start.jpg", "a_end.jpg"], paired=False).boards] == ["a_end", "a_start"]


@given(NAMES)
def test_every_picture_is_in_one_row(names: list[str]) -> None:
    """Once, and no two rows have one id."""
    found = boards(names)
    used = [name for board in found.boards for name in (board.image, board.tail) if name]
    assert sorted(used) == sorted(name for name in names if name.lower().endswith((".jpg", ".png")))
    ids = [board.id for board in found.boards]
    assert len({*ids}) == len(ids)
    assert found == boards(reversed(names))
