"""Running a verb in this process, in an empty folder, away from the person's own client config."""

from collections.abc import Callable
from pathlib import Path

import pytest

from core.cli.main import run

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ichorctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Arguments to (exit code, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("ICHORCONFIG", "TALOSCONFIG"):
        monkeypatch.delenv(name, raising=False)

    def invoke(*arguments: str) -> tuple[int, str, str]:
        code = run(list(arguments))
        out, err = capfd.readouterr()
        return code, out, err

    return invoke


@pytest.fixture(scope="session")
def secrets_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One cluster's secrets; making them takes a second."""
    path = tmp_path_factory.mktemp("secrets") / "secrets.yaml"
    assert run(["gen", "secrets", "-o", str(path)]) == 0
    return str(path)
