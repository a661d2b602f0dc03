"""Rows that the account's book shows as bought before."""

from pathlib import Path

from tests.support.night import Night, statuses, table
from tests.support.own_night import own_night  # noqa: F401 - a fixture


def moved_without_ledger(now: Night) -> Path:
    """Three rows that have their videos, then the bare prompts under another name."""
    shots = now.manifest(3)
    bare = shots.read_text()
    assert now.run("run", shots).code == 0
    shots.unlink()
    Path(f"{shots}.ledger").unlink()
    home = now.folder / "new"
    home.mkdir()
    (home / "film.csv").write_text(bare)
    return home / "film.csv"


def test_what_a_table_that_is_gone_has_bought_is_held_until_a_word(now: Night) -> None:
    film = moved_without_ledger(now)
    held = now.run("run", film)
    assert held.code == 4, held.err
    assert "3 rows (2, 3, 4) had been bought before, for $1.47" in held.err
    assert all(request_id in held.err for request_id in now.videos)
    assert statuses(film) == {"in_doubt": 3}
    assert now.run("run", film).code == 4
    assert now.run("run", film, "--adopt-known").code == 0
    assert now.accepted == {f"prompt {n}": 1 for n in range(3)}
    assert all(now.videos[row["request_id"]] == row["prompt"] for row in table(film))


def test_it_is_bought_again_on_a_plain_word_and_once(now: Night) -> None:
    film = moved_without_ledger(now)
    assert now.run("run", film).code == 4
    assert now.run("run", film, "--buy-again").code == 0
    assert now.run("run", film).code == 0
    assert now.accepted == {f"prompt {n}": 2 for n in range(3)}


def test_the_word_to_buy_again_lasts(now: Night) -> None:
    """Also for rows that it did not come to, and in a run of no word."""
    film = moved_without_ledger(now)
    assert now.run("run", film).code == 4
    assert now.run("run", film, "--buy-again", "--limit", 1).code == 3
    assert now.run("run", film).code == 0
    assert now.accepted == {f"prompt {n}": 2 for n in range(3)}


def test_a_new_row_with_a_text_of_before_is_bought(now: Night) -> None:
    """The old request is another row's for good: it is no reason to refuse the run."""
    shots = now.folder / "plain.csv"
    shots.write_text("id,prompt,image\na,A kite,https://example.com/k.png\n")
    assert now.run("run", shots).code == 0
    shots.write_text(shots.read_text().replace("A kite", "A boat"))
    assert now.run("run", shots, "--stale").code == 0
    with shots.open("a") as file:
        file.write("b,A kite,https://example.com/k.png\n")
    ended = now.run("run", shots)
    assert ended.code == 0, ended.err
    assert now.accepted == {"A kite": 2, "A boat": 1}


def test_a_new_ledger_at_the_lost_ones_place_takes_all_over(now: Night) -> None:
    shots = now.manifest(3)
    bare = shots.read_text()
    assert now.run("run", shots).code == 0
    Path(f"{shots}.ledger").unlink()
    shots.write_text(bare)
    again = now.run("run", shots)
    assert again.code == 0, again.err
    assert "3 rows (2, 3, 4) had been bought before" in again.err
    assert now.accepted == {f"prompt {n}": 1 for n in range(3)}


def test_equal_rows_of_two_tables_that_stand_are_bought_twice(now: Night) -> None:
    assert now.run("run", now.manifest(2)).code == 0
    assert now.run("run", now.manifest(2, name="more.csv")).code == 0
    assert now.accepted == {f"prompt {n}": 2 for n in range(2)}


def test_a_text_that_is_put_back_finds_its_old_video(now: Night) -> None:
    """A row without an id: edited, bought anew, and edited back to what it was."""
    shots = now.folder / "plain.csv"
    shots.write_text("prompt,image\nA kite,https://example.com/k.png\n")
    assert now.run("run", shots).code == 0
    old = table(shots)[0]["request_id"]
    for text, other in (("A kite", "A boat"), ("A boat", "A kite")):
        shots.write_text(shots.read_text().replace(text, other))
        ended = now.run("run", shots, "--stale")
        assert ended.code == 0, ended.err
    assert now.accepted == {"A kite": 1, "A boat": 1}
    (row,) = table(shots)
    assert (row["request_id"], row["status"]) == (old, "succeeded")


def test_a_row_takes_its_own_tables_purchase_before_a_newer_one_of_another_that_is_away(now: Night) -> None:
    """That one may only have been moved, with its ledger: its videos are its own."""
    shots = now.manifest(2)
    bare = shots.read_text()
    assert now.run("run", shots).code == 0
    own = {row["request_id"] for row in table(shots)}
    more = now.manifest(2, name="more.csv")
    assert now.run("run", more).code == 0
    home = now.folder / "away"
    home.mkdir()
    for path in (more, Path(f"{more}.ledger")):
        path.rename(home / path.name)
    Path(f"{shots}.ledger").unlink()
    shots.write_text(bare)
    assert now.run("run", shots).code == 0
    assert {row["request_id"] for row in table(shots)} == own
    assert now.run("run", home / "more.csv").code == 0
    assert now.accepted == {f"prompt {n}": 2 for n in range(2)}
