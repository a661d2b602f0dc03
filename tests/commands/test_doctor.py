"""`doctor` as typed, against the service: what is wrong with key, account, price and clock; and offline."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from batch.commands import doctor as module
from batch.commands.batch import open_batch
from batch.commands.doctor import _account, _clock, _price
from batch.core.gateway import Unclear
from batch.fal.account_state import AccountState
from jobs.kling import KLING_2_1_PRO
from tests.support.night import Night, night


def findings(now: Night, *arguments: object, **more: str) -> tuple[int, dict[str, str]]:
    ended = now.run("doctor", *arguments, "--json", more=more)
    told = json.loads(ended.out)
    assert told["exit_code"] == ended.code
    return ended.code, {one["topic"]: f"{one['level']} {one['text']} {one['remedy']}" for one in told["findings"]}


def test_a_setup_that_is_right_says_so_and_spends_nothing(tmp_path: Path) -> None:
    """Whose the key is, the balance, the price, the clock."""
    with night(tmp_path, keys=frozenset({"sandbox"})) as now:
        shots = now.manifest(3)
        code, told = findings(now, shots)
        assert code == 0, told
        assert told["account"] == "ok the key is accepted, of sandbox; the balance is 100.0 USD "
        assert told["price"].startswith("ok $0.49 for 5 s")
        assert told["clock"].startswith("ok")
        assert not now.accepted
        shots.with_name("kling-batch.toml").write_text("price = {5 = 0.10, 10 = 0.20}")
        assert findings(now, shots)[1]["price"].startswith(
            "warning --price says 5: $0.10, 10: $0.20, fal takes 5: $0.49"
        )
        shots.with_name("kling-batch.toml").unlink()
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith("shots")] == ["shots.csv"]
        code, told = findings(now, shots, FAL_KEY="another-key-0123456789")
        assert (code, told["account"].startswith("wrong fal refuses the key")) == (1, True)
        assert "another-key" not in str(told)
        code, told = findings(now, shots, "--offline", HTTPS_PROXY="http://127.0.0.1:1")
        assert (code, "account" in told, "not tried" in told["key"]) == (0, False, True)
        code, told = findings(now, HTTPS_PROXY="http://127.0.0.1:1", https_proxy="http://127.0.0.1:1")
        assert (code, told["network"].startswith("wrong fal cannot be asked")) == (1, True)


def test_a_key_file_that_cannot_be_used_is_a_finding(tmp_path: Path) -> None:
    """And no key at all is another; each line is one line."""
    now = Night(tmp_path)
    (tmp_path / "key").write_text("x")
    (tmp_path / "key").chmod(0o644)
    code, told = findings(now, "--key-file", tmp_path / "key", "--offline")
    assert (code, "chmod 600" in told["key"]) == (1, True)
    ended = now.run("doctor", "--offline")
    assert (ended.code, "warning  key" in ended.out) == (0, True)
    assert all(line.split()[0] in ("ok", "warning", "wrong") for line in ended.out.splitlines())


@pytest.mark.parametrize(("ahead", "level"), [(0.2, "ok"), (-10.0, "ok"), (100.0, "warning"), (-4000.0, "wrong")])
def test_a_clock_that_is_off_is_said_to_be(ahead: float, level: str) -> None:
    """By how much, and in which direction."""
    (one,) = _clock(AccountState(True, ahead=ahead))
    assert one.level == level
    assert ("behind" in one.text) == (ahead > 1)
    assert list(_clock(AccountState(True))) == []


def test_a_balance_that_is_used_up_is_wrong_and_one_that_is_not_told_is_not() -> None:
    """fal locks such an account; and tells most keys nothing."""
    from decimal import Decimal

    last = [
        list(_account(AccountState(True, balance=balance)))[-1].level for balance in (Decimal("-1"), None, Decimal(1))
    ]
    assert last == ["wrong", "ok", "ok"]


def test_a_price_that_is_not_told_is_a_warning() -> None:
    """The published one counts."""
    (one,) = _price(None, KLING_2_1_PRO, Unclear("no answer"))
    assert (one.level, one.remedy) == ("warning", "the published one counts")
    (one,) = _price(open_batch("shots.csv", KLING_2_1_PRO, price="5=0.40"), KLING_2_1_PRO, Unclear("no answer"))
    assert (one.level, one.remedy) == ("warning", "what --price says counts")
    assert module.PATIENCE > 0


def test_a_model_without_a_price_is_not_ready() -> None:
    """Nothing of it would be bought."""
    job = replace(KLING_2_1_PRO, prices={})
    for batch in (None, open_batch("shots.csv", job)):
        (one,) = _price(batch, job, Unclear("no answer"))
        assert (one.level, "--price" in one.remedy) == ("wrong", True)
    (one,) = _price(open_batch("shots.csv", job, price="5=1,10=2"), job, Unclear("no answer"))
    assert one.level == "warning"
