"""What is scheduled runs where nothing of a person's shell is there; what cannot is refused before it is written."""

import sys
from datetime import UTC, datetime, time
from pathlib import Path

import pytest

from batch.commands import schedule
from batch.commands.schedule import Wish, plan_night, schedule_night, scheduled, unschedule
from batch.core.planned_night import EVERY_DAY, PlannedNight
from batch.errors import UsageError

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
STUB = """#!/bin/sh
file="{folder}/crontab"
case "$1" in
  -l) [ -e "$file" ] && cat "$file" || {{ echo "no crontab for me" >&2; exit 1; }} ;;
  -r) rm "$file" ;;
  -) cat > "$file" ;;
esac
"""


@pytest.fixture
def film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a table and a key, and a `crontab` that keeps a file there."""
    for program, text in (("crontab", STUB.format(folder=tmp_path)), ("systemctl", "#!/bin/sh\n")):
        path = tmp_path / "bin" / program
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in schedule._CARRIED:
        if not name.startswith("XDG"):
            monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "Schnee & Eis 100%"
    folder.mkdir()
    (folder / "shots.csv").write_text("prompt,image\n")
    (folder / "key").write_text("a-key")
    (folder / "key").chmod(0o600)
    monkeypatch.chdir(tmp_path)
    return folder


def wish(film: Path, **more: object) -> Wish:
    told = {"table": film / "shots.csv", "at": time(22), "days": EVERY_DAY, "key_file": film / "key"}
    return Wish(**{**told, **more})  # type: ignore[arg-type]


def put(night: PlannedNight, *, systemd: bool = False, dry_run: bool = False) -> list[str]:
    return schedule_night(night, systemd=systemd, until=None, dry_run=dry_run, now=NOW)


def crontab(film: Path) -> str:
    path = film.parent / "crontab"
    return path.read_text() if path.exists() else ""


def test_the_command_is_whole(film: Path) -> None:
    """The interpreter that is running now, absolute paths, the key by its file, and what the run was told."""
    night = plan_night(wish(film, until="07:00", options=("--max-spend", "20")))
    assert list(night.command) == [
        *(sys.executable, "-P", "-m", "batch", "run", str(film / "shots.csv"), "--cron", "--until", "07:00"),
        *("--key-file", str(film / "key"), "--max-spend", "20"),
    ]
    assert night.folder == str(film)
    assert night.environment["LANG"].lower().endswith(("utf-8", "utf8"))
    assert "XDG_STATE_HOME" in night.environment


def test_a_file_named_from_where_one_stands_is_found_at_night_too(film: Path) -> None:
    """The command is run there."""
    assert plan_night(wish(film, needs_folder=True)).folder == str(film.parent)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"key_file": None}, "key has to come from a file"),
        ({"key_file": Path("none")}, "cannot be read"),
        ({"table": Path("none.csv")}, "is not there"),
    ],
)
def test_what_could_not_run_is_refused(film: Path, more: dict[str, object], said: str) -> None:
    """Nothing is written."""
    with pytest.raises(UsageError, match=said):
        plan_night(wish(film, **more))


def test_a_key_that_others_may_read_is_refused_now_and_not_at_night(film: Path) -> None:
    """With the remedy."""
    (film / "key").chmod(0o640)
    with pytest.raises(UsageError, match="chmod 600"):
        plan_night(wish(film))


@pytest.mark.parametrize("more", [{"sandbox": True}, {"has_key": True}])
def test_no_key_is_asked_for_where_none_is_needed_or_one_is_named(film: Path, more: dict[str, object]) -> None:
    """A rehearsal; a settings file that names the key's."""
    assert "--key-file" not in plan_night(wish(film, key_file=None, **more)).command


def test_a_file_beside_the_table_may_hold_the_key(film: Path) -> None:
    """As every run reads it."""
    (film / ".env").write_text("FAL_KEY=secret")
    assert "secret" not in " ".join(plan_night(wish(film, key_file=None)).command)


def test_a_python_that_does_not_find_us_by_itself_is_refused(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be found out at night."""
    monkeypatch.setattr(sys, "executable", str(film.parent / "bin" / "python"))
    path = film.parent / "bin" / "python"
    path.write_text("#!/bin/sh\necho No module named batch >&2; exit 1\n")
    path.chmod(0o755)
    with pytest.raises(UsageError, match=r"bare environment \(No module named batch\): install kling-batch"):
        plan_night(wish(film))


def test_proxies_go_along_and_passwords_do_not(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is left behind is said, by name."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("ALL_PROXY", "http://me:secret@proxy:3128")
    monkeypatch.setenv("KLING_BATCH_LIMIT", "3")
    night = plan_night(wish(film))
    assert night.environment["HTTPS_PROXY"] == "http://proxy:3128"
    assert "ALL_PROXY" not in night.environment
    told = "\n".join(put(night))
    assert "ALL_PROXY holds a password" in told
    assert f"KLING_BATCH_LIMIT of your environment is not seen there: put it into {film}/kling-batch.toml" in told
    assert "secret" not in told + crontab(film)


def test_the_same_table_is_scheduled_once(film: Path) -> None:
    """However often it is asked; by one of the two, and at one time."""
    night = plan_night(wish(film))
    told = put(night)
    put(night)
    assert crontab(film).count("kling-batch:") == 1
    assert told[-3:] == ["  today 22:00", "  Thu 26 Nov 22:00", "  Fri 27 Nov 22:00"]
    put(night, systemd=True)
    assert (crontab(film), [by for _, by in scheduled()]) == ("", ["systemd"])
    put(night)
    assert [by for _, by in scheduled()] == ["cron"]


@pytest.mark.parametrize("systemd", [True, False])
def test_a_dry_run_writes_nothing(film: Path, systemd: bool) -> None:
    """And shows all that would be."""
    told = put(plan_night(wish(film)), systemd=systemd, dry_run=True)
    assert any(("OnCalendar=" if systemd else "0 22 * * *") in line for line in told)
    assert scheduled() == []


def test_it_is_taken_back_also_where_the_table_is_gone(film: Path) -> None:
    """And says so where there was nothing."""
    put(plan_night(wish(film)))
    (film / "shots.csv").unlink()
    (line,) = schedule.listed(NOW, lambda: UTC)
    assert "next today 22:00; the table is not there any more" in line
    assert unschedule(film / "shots.csv") == ["its line is out of the crontab"]
    with pytest.raises(UsageError, match="is not scheduled"):
        unschedule(film / "shots.csv")
    assert schedule.listed(NOW, lambda: UTC) == ["nothing is scheduled"]


def test_the_crontab_of_others_stays(film: Path) -> None:
    """Byte for byte, also through this machine's own command."""
    before = b"MAILTO=me\n# \xff\xe4\n* * * * * true\n"
    (film.parent / "crontab").write_bytes(before)
    put(plan_night(wish(film)))
    assert (film.parent / "crontab").read_bytes().startswith(before)
    unschedule(film / "shots.csv")
    assert (film.parent / "crontab").read_bytes() == before


def test_a_crontab_that_takes_something_else_than_was_written_is_found_out(film: Path) -> None:
    """Nobody believes a write that was not read back."""
    (film.parent / "bin" / "crontab").write_text("#!/bin/sh\n[ $1 != -l ] || echo other\n")
    with pytest.raises(UsageError, match="does not read as it was written"):
        put(plan_night(wish(film)))


def test_a_machine_without_cron_is_told_what_there_is(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Listing is no reason for it."""
    monkeypatch.setenv("PATH", str(film))
    night = PlannedNight(str(film / "shots.csv"), time(22), command=("/bin/true",))
    with pytest.raises(UsageError, match="apt install cron, or use --systemd"):
        put(night)
    assert scheduled() == []


def test_the_zone_is_the_machines_whatever_a_shell_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cron knows nothing of TZ."""
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    zone = schedule.machine_zone()
    assert zone is not None
    if Path("/etc/localtime").is_symlink():
        assert "Auckland" not in str(zone)
