"""`config`: which file, its contexts, and what a certificate says."""

import base64
import json
from pathlib import Path

import pytest

from core.codec import yaml
from core.config import client
from core.pki import issue
from core.pki.types import Algorithm, Authority, Client
from tests.cli.conftest import Run


@pytest.fixture
def talosconfig(tmp_path: Path) -> Path:
    ca = issue.authority(Authority(1.8e9, Algorithm.ED25519, "talos"))
    issued = issue.client(Client(1.8e9, ca, ("os:reader", "os:admin"), lifetime=90 * 86400))
    context = client.Context(ca=ca.crt, crt=issued.crt, key=issued.key, endpoints=("10.0.0.1",))
    path = tmp_path / "new"
    path.write_bytes(client.save(client.ClientConfig(context="demo", contexts={"demo": context})))
    return path


def _contexts(path: Path) -> dict[str, dict[str, object]]:
    tree = yaml.load(path.read_bytes())
    assert isinstance(tree, dict)
    found: dict[str, dict[str, object]] = tree.get("contexts", {})
    return found


def test_the_file_is_found_by_flag_then_environment_then_home(
    ichorctl: Run, talosconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ichorctl("config", "merge", "new")[0] == 0
    assert (tmp_path / "home" / ".talos" / "config").stat().st_mode & 0o777 == 0o600
    monkeypatch.setenv("TALOSCONFIG", str(tmp_path / "stock"))
    ichorctl("config", "merge", "new")
    assert (tmp_path / "stock").exists()
    monkeypatch.setenv("ICHORCONFIG", str(tmp_path / "own"))
    ichorctl("config", "merge", "new")
    assert (tmp_path / "own").exists()
    ichorctl("config", "--talosconfig", "flag", "merge", "new")
    assert (tmp_path / "flag").exists()


def test_without_a_file_the_remedy_is_named(ichorctl: Run, tmp_path: Path) -> None:
    path = tmp_path / "home" / ".talos" / "config"
    expected = f"error: no client config at {path}; make one with `ichorctl gen config`\n"
    assert ichorctl("config", "contexts") == (1, "", expected)


def test_contexts_endpoints_and_nodes(ichorctl: Run, talosconfig: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ICHORCONFIG", str(talosconfig))
    assert ichorctl("config", "endpoint", "10.0.0.1", "10.0.0.2,10.0.0.3")[0] == 0
    assert ichorctl("config", "nodes", "10.0.0.4")[0] == 0
    assert ichorctl("config", "add", "other")[0] == 0
    assert ichorctl("config", "contexts")[1].splitlines() == [
        "CURRENT   NAME    ENDPOINTS                    NODES",
        "          demo    10.0.0.1,10.0.0.2,10.0.0.3   10.0.0.4",
        "*         other",
    ]
    assert ichorctl("config", "--context", "demo", "endpoint")[0] == 0
    assert ichorctl("config", "use-context", "demo")[0] == 0
    rows = json.loads(ichorctl("config", "contexts", "-o", "json")[1])
    assert rows[0] == {"current": True, "name": "demo", "endpoints": [], "nodes": ["10.0.0.4"]}
    code, _, err = ichorctl("config", "context", "missing")
    assert (code, err) == (1, "error: there is no context missing; known: demo, other\n")


def test_info_reads_roles_and_the_end_from_the_certificate(
    ichorctl: Run, talosconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ICHORCONFIG", str(talosconfig))
    shown = json.loads(ichorctl("config", "info", "-o", "json")[1])
    assert shown["roles"] == ["os:admin", "os:reader"]
    assert shown["certificateExpires"] == "2027-04-15T08:00:00Z"
    text = ichorctl("config", "info")[1]
    assert "Roles:             os:admin, os:reader\n" in text


def test_merging_again_keeps_both(ichorctl: Run, talosconfig: Path, tmp_path: Path) -> None:
    (tmp_path / "second").write_bytes(talosconfig.read_bytes().replace(b"10.0.0.1", b"10.0.0.2"))
    flags = ("config", "--talosconfig", "mine")
    assert ichorctl(*flags, "merge", "new")[2] == ""
    assert ichorctl(*flags, "merge", "second")[2] == "context demo is there already; the new one is demo-1\n"
    assert ichorctl(*flags, "merge", "new")[2] == ""
    assert list(_contexts(tmp_path / "mine")) == ["demo", "demo-1"]


def test_removing_asks(ichorctl: Run, talosconfig: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ICHORCONFIG", str(talosconfig))
    assert ichorctl("config", "remove", "demo", "--dry-run") == (0, "", "would remove demo\n")
    assert list(_contexts(talosconfig)) == ["demo"]
    assert ichorctl("config", "remove", "demo", "-y")[0] == 0
    assert _contexts(talosconfig) == {}


def test_add_takes_pem_files(ichorctl: Run, talosconfig: Path, tmp_path: Path) -> None:
    context = client.load(talosconfig.read_bytes()).get()
    for name in ("ca", "crt", "key"):
        (tmp_path / name).write_bytes(getattr(context, name))
    flags = ("config", "--talosconfig", "mine", "add", "x")
    assert ichorctl(*flags, "--ca", "ca", "--crt", "crt", "--key", "key")[0] == 0
    assert _contexts(tmp_path / "mine")["x"]["ca"] == base64.b64encode(context.ca).decode()
    assert ichorctl(*flags, "--crt", "crt")[0] == 2
    code, _, err = ichorctl(*flags, "--ca", "key")
    assert (code, err) == (1, "error: no certificate in the PEM\n")
