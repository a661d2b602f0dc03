"""What is found about the machine, without asking anybody."""

from pathlib import Path

import pytest

from batch.commands import doctor_machine
from batch.commands.doctor_machine import machine_findings, open_env_files, open_settings_files


def found(topic: str) -> list[str]:
    return [f"{one.level} {one.text}" for one in machine_findings() if one.topic == topic]


def test_python_versions_and_extras_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a library that is missing is wrong."""
    assert found("python")[0].startswith("ok CPython 3.")
    assert "fal-client 1.0" in found("versions")[0]
    assert found("extras") == ["ok sandbox is there; notify is there"]
    monkeypatch.setattr(doctor_machine, "requires", lambda _: ["no-such-library>=1", 'x; extra == "y"'])
    assert found("versions") == ["wrong no-such-library is missing"]


def test_a_proxy_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is what stands between us and fal."""
    monkeypatch.setenv("HTTPS_PROXY", "http://me:secret@proxy:3128")
    assert found("proxy") == ["ok HTTPS_PROXY: http://proxy:3128"]


def test_certificates_that_cannot_be_used_are_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is not there, one that holds none."""
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    for text in (None, "nonsense"):
        path = tmp_path / "ca.pem"
        if text:
            path.write_text(text)
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        assert found("certificates")[0].startswith(f"wrong SSL_CERT_FILE names {path}")
    monkeypatch.delenv("SSL_CERT_FILE")
    assert found("certificates")[0].startswith("ok")


def test_a_file_with_a_key_that_others_may_read_is_warned_of(tmp_path: Path) -> None:
    """With what to type."""
    path = tmp_path / ".env"
    path.write_text("FAL_KEY=x")
    path.chmod(0o644)
    (one,) = open_env_files(tmp_path / "shots.csv")
    assert (one.level, one.remedy) == ("warning", f"chmod 600 {path}")
    path.chmod(0o600)
    assert list(open_env_files(tmp_path / "shots.csv")) == []


def test_settings_with_addresses_that_others_may_read_are_warned_of(tmp_path: Path) -> None:
    """They hold passwords; other settings are nobody's secret."""
    path = tmp_path / "config.toml"
    path.write_text("limit = 3\n")
    path.chmod(0o644)
    assert list(open_settings_files([path])) == []
    path.write_text("limit = 3\nnotify = 'json://me:secret@host'\n")
    (one,) = open_settings_files([path])
    assert (one.level, one.remedy) == ("warning", f"chmod 600 {path}")
    assert "secret" not in one.line()
    path.chmod(0o600)
    assert list(open_settings_files([path])) == []
