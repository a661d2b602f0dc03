"""What is told before a night: what is wrong, where the rows stand, what it will cost."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from batch.commands.check import SHOWN, check
from batch.core import states
from batch.core.gateway import Receipt
from batch.errors import Exit, LedgerError, ManifestError
from batch.ledger.enrolment import enrol
from batch.ledger.ledger import Ledger
from batch.ledger.matching import match
from batch.manifest.loader import Manifest
from tests.support.sheets import PRICE, batch


def test_a_check_says_what_is_wrong_and_what_it_costs(tmp_path: Path) -> None:
    """By duration, each problem with row, column and remedy, and nothing is written anywhere."""
    text = "prompt,image,duration\na,https://x.y/1,\nb,https://x.y/1,10 s\nc,https://x.y/1,7\nd,https://x.y/1,5.0\n"
    given = batch(tmp_path, text)
    found = check(given)
    assert found.text() == (
        "columns: prompt, image, duration\n"
        "no tail_image column; no negative_prompt column: every row 'blur, distort, and low quality'; "
        "no cfg_scale column: every row 0.5\n"
        "row 4, column duration: '7' is not 5 or 10: write one of them\n"
        "4 rows: 3 to run, 1 invalid\n"
        "to run: 3 rows for $1.96 (2 of 5 s for $0.98, 1 of 10 s for $0.98)"
    )
    assert found.exit_code is Exit.ROWS_FAILED
    told = json.loads(json.dumps(found.json()))
    assert told["price_by_duration"] == {"5": {"rows": 2, "usd": 0.98}, "10": {"rows": 1, "usd": 0.98}}
    assert (f"{found}", found.to_dict(), found.price_usd) == (found.text(), found.json(), 1.96)
    assert (told["rows"], told["to_run"], told["price_usd"], told["invalid"]) == (4, 3, 1.96, 1)
    assert told["problems"][0]["row"] == 4
    assert [path.name for path in tmp_path.iterdir()] == ["shots.csv"]
    assert given.manifest.path.read_text() == text


def test_a_check_without_problems_ends_well(tmp_path: Path) -> None:
    """Its exit code is 0; it is two lines about the columns and two about the rows."""
    found = check(batch(tmp_path, "prompt,image\na,https://x.y/1\n"))
    assert found.exit_code is Exit.DONE
    assert len(found.text().splitlines()) == 4


def test_a_column_that_may_be_meant_for_an_input_is_asked_about(tmp_path: Path) -> None:
    """A misspelt one would be paid for at the default; the exit code is that of a run, which buys nothing then."""
    given = batch(tmp_path, "prompt,image,durration,note\na,https://x.y/1,10,first\n")
    found = check(given)
    question = "`durration`: did you mean `duration`? --map duration=durration, or --ignore durration"
    assert f"column {question}" in found.text().splitlines()
    assert "left alone: 'durration', 'note'" in found.text()
    assert "no duration column: every row 5 s" in found.text()
    assert found.exit_code is Exit.UNUSABLE
    assert found.json()["questions"] == [question]
    for answered in (
        replace(given.manifest, mapped={"duration": "durration"}),
        replace(given.manifest, ignored=["durration"]),
    ):
        assert check(replace(given, manifest=answered)).exit_code is Exit.DONE


def test_a_long_list_of_problems_is_cut_with_its_count(tmp_path: Path) -> None:
    """And shown whole where that is asked for."""
    rows = (f"a,https://x.y/1,{n}\n" for n in range(100, 100 + SHOWN + 5))
    found = check(batch(tmp_path, "prompt,image,duration\n" + "".join(rows)))
    assert "… and 5 more: add --all to list them" in found.text()
    assert len(found.text().splitlines()) == 2 + SHOWN + 3
    assert len(found.text(every=True).splitlines()) == 2 + SHOWN + 5 + 2
    assert len(found.json()["problems"]) == SHOWN + 5


def test_rows_that_ask_for_the_same_are_told_with_their_price(tmp_path: Path) -> None:
    """Three takes may be meant, and cost three times as much."""
    found = check(batch(tmp_path, "prompt,image\n" + "a,https://x.y/1\n" * 3 + "b,https://x.y/1\n"))
    assert "rows 2–4 ask for the same: $1.47 for three takes" in found.text().splitlines()
    assert found.json()["twins"] == [{"rows": [2, 3, 4], "takes": 3, "usd": 1.47}]


@pytest.mark.parametrize(("rows", "said"), [(0, "no rows"), (1, "1 row: 1 to run"), (2, "2 rows: 2 to run")])
def test_rows_are_counted_as_a_person_does(rows: int, said: str, tmp_path: Path) -> None:
    """Also none."""
    lines = check(batch(tmp_path, "prompt,image\n" + "".join(f"{n},https://x.y/1\n" for n in range(rows)))).text()
    assert said in lines.splitlines()
    assert ("to run: " in lines) == (rows > 0)


def test_what_is_wrong_in_the_same_way_is_told_once(tmp_path: Path) -> None:
    """With the rows' numbers; --all lists each, and so does the JSON."""
    rows = [f"a,https://x.y/{n},{'10 ps' if n % 5 else '10'}\n" for n in range(20)]
    found = check(batch(tmp_path, "prompt,image,duration\n" + "".join(rows)))
    line = "column duration: '10 ps' is not 5 or 10: write one of them"
    assert f"16 rows, {line} (rows 3–6, 8–11, 13–16 and 18–21)" in found.text().splitlines()
    assert f"row 3, {line}" not in found.text()
    assert f"row 3, {line}" in found.text(every=True).splitlines()
    assert len(found.json()["problems"]) == 16


def test_a_check_knows_what_is_done_already_and_changes_nothing(tmp_path: Path) -> None:
    """What is stale is said; what is done costs nothing; the ledger's bytes stay."""
    given = batch(tmp_path, "prompt,image,id\na,https://x.y/1,1\nb,https://x.y/1,2\nc,https://x.y/1,3\n")
    with Ledger.open(given.ledger) as ledger:
        match(ledger, given.manifest.plan(given.manifest.open()))
        enrol(ledger, 1.0, new=True)
        for row in (1, 2):
            ledger.apply(row, states.claimed(1.0, None, PRICE))
            ledger.apply(row, states.accepted(2.0, Receipt(f"r{row}", "https://s", "https://r", "https://c")))
            ledger.apply(row, states.succeeded(3.0, "{}", "https://v", PRICE))
    before = given.ledger.read_bytes()
    given.manifest.path.write_text(given.manifest.path.read_text().replace("\nb,", "\nB,"))
    found = check(given)
    assert "3 rows: 1 to run, 1 done, 1 stale (edited since their video was made)" in found.text()
    assert "to run: 1 row for $0.49" in found.text()
    assert given.ledger.read_bytes() == before


def test_an_unknown_price_is_said_and_not_left_out_in_silence(tmp_path: Path) -> None:
    """A sum that lacks rows says so."""
    given = batch(tmp_path, "prompt,image,duration\na,https://x.y/1,5\nb,https://x.y/1,10\n")
    given = replace(given, manifest=replace(given.manifest, prices={"5": PRICE}))
    assert "the price of 1 row is not known" in check(given).text()


def test_a_check_of_a_damaged_ledger_is_one_line(tmp_path: Path) -> None:
    """It is found out before a person relies on the price."""
    given = batch(tmp_path, "prompt,image\na,https://x.y/1\n")
    Ledger.open(given.ledger).close()
    whole = given.ledger.read_bytes()
    given.ledger.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with pytest.raises(LedgerError, match="cannot be used"):
        check(given)


def test_a_table_that_changes_while_it_is_checked_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody saved it in that moment."""
    given = batch(tmp_path, "prompt,image\na,https://x.y/1\n")
    opened = Manifest.open

    def meddle(manifest: Manifest) -> object:
        table = opened(manifest)
        manifest.path.write_text("prompt,image\n")
        return table

    monkeypatch.setattr(Manifest, "open", meddle)
    with pytest.raises(ManifestError, match="changed by another program"):
        check(given)
