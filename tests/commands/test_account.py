"""`account`: what this machine has bought with the key."""

import json
from pathlib import Path

import pytest

from tests.support.night import night


def test_it_tells_what_each_table_has_bought(tmp_path: Path) -> None:
    with night(tmp_path) as now:
        assert now.run("account").code == 2
        assert now.run("run", now.manifest(2)).code == 0
        assert now.run("run", now.manifest(1, name="more.csv", prompt="more {}".format)).code == 0
        told = now.run("account")
        assert told.code == 0, told.err
        assert "this night: $1.47" in told.out
        assert f"{tmp_path / 'shots.csv'}: $0.98 for 2 requests" in told.out
        found = json.loads(now.run("account", "--json").out)
        assert found["committed_usd"]["month"] == pytest.approx(1.47)
        assert [one["spent_usd"] for one in found["tables"]] == [0.98, 0.49]


def test_two_tables_keep_one_cap(tmp_path: Path) -> None:
    """At once: three rows' money for eight rows."""
    with night(tmp_path, run_seconds=0.3) as now:
        tables = [now.manifest(4, name=f"{name}.csv", prompt=(name + " {}").format) for name in ("one", "two")]
        children = [now.start("run", table, "--max-spend-account", "1.50/month") for table in tables]
        for child in children:
            child.communicate()
        assert [child.returncode for child in children] == [3, 3]
        assert sum(now.accepted.values()) == 3


def test_a_cap_without_a_book_is_refused(tmp_path: Path) -> None:
    with night(tmp_path) as now:
        shots = now.manifest(1)
        Path(f"{tmp_path}.state").write_text("no folder")
        refused = now.run("run", shots, "--max-spend-account", "5/night")
        assert (refused.code, now.asked("submit")) == (2, 0), refused.err
        assert "--max-spend-account cannot be kept" in refused.err
        plain = now.run("run", shots)
        assert plain.code == 0, plain.err
        assert "other tables should not run now" in plain.err
        for wrong in ("", "5", "5/week", "x/night", "1_0/day"):
            assert now.run("run", shots, "--max-spend-account", wrong).code == 2
