"""The key stays where it came from."""

from pathlib import Path

from tests.support.night import ROOT, end, night, until

KEY = "5eCret-key-id:7f3a-never-to-be-seen"


def test_the_key_reaches_no_file_no_screen_and_no_command_line(tmp_path: Path) -> None:
    """A night with failures, lost replies, an upload, a rerun, and a service that echoes the key in its refusal."""
    faults = "submit:2=cut_after,submit:3=accept_then_500,status:2=503,result:2=502_nginx"
    with night(tmp_path, faults=faults, keys=frozenset({KEY})) as now:
        shots = now.manifest(6, prompt=lambda n: f"prompt {n} {'[[content_policy_violation]]' if n == 4 else ''}")
        (tmp_path / "kite.jpg").write_bytes((ROOT / "samples" / "images" / "kite.jpg").read_bytes())
        shots.write_text(shots.read_text().replace("https://example.com/5.png", "kite.jpg"))
        more = {"FAL_KEY": KEY}
        child = now.start("run", shots, "--json", more=more)
        until(lambda: now.asked("submit"), child)
        shown = [Path(f"/proc/{child.pid}/cmdline").read_text()] if Path("/proc").exists() else []
        said = [end(child)]
        assert said[0].code in (1, 4)
        assert now.accepted.total() == 6  # so the key was taken, and no other one would be
        now.address.authorization.lock(f"User is locked. Your key {KEY} is known")
        said += [now.run(command, shots, more=more) for command in ("rerun", "status", "check")]
        assert "User is locked. Your key *** is known" in said[1].err
        shown += [text for one in said for text in (one.out, one.err)]
        for secret in (KEY, *KEY.split(":")):
            assert not [text for text in shown if secret in text]
            assert not [path for path in tmp_path.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]


def test_a_key_that_is_none_is_refused_without_being_shown(tmp_path: Path) -> None:
    """A key with a space or an umlaut in it: exit 2, one line, nothing sent, the key not repeated."""
    with night(tmp_path) as now:
        shots = now.manifest(1)
        for key in ("two words-5eCret", "schlüssel-5eCret", "a\nb-5eCret"):
            ended = now.run("run", shots, more={"FAL_KEY": key})
            assert ended.code == 2
            assert "copy it again into FAL_KEY" in ended.err
            assert "5eCret" not in ended.err
        assert now.address.fault_injector.requests.total() == 0
