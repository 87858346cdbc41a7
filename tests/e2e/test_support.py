"""Support bundles of a node that runs: what is in them, who can read them, and that no secret of the cluster is."""

import io
import json
import subprocess
import zipfile
from pathlib import Path

import pytest
import yaml

from core.config import bundle
from tests.support import needles
from tests.support.cluster import Node


@pytest.fixture(scope="module")
def path(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One bundle, of the node and of one that is not there."""
    path = tmp_path_factory.mktemp("support") / "support.zip"
    nodes = ("--endpoints", node.endpoint, "--nodes", f"{node.address},nobody.invalid")
    said = node.home.ichorctl("support", "-O", str(path), "-w", "4", "--verbose", *nodes).err
    assert f"{node.address}: kernel log" in said
    assert "error: nobody.invalid: version: " in said
    return path


@pytest.fixture(scope="module")
def files(node: Node, path: Path) -> dict[str, bytes]:
    """Its files; the node's by their names in its folder."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name.removeprefix(f"{node.address}/"): archive.read(name) for name in archive.namelist()}


def test_it_holds_what_one_looks_at(node: Node, path: Path, files: dict[str, bytes]) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    answers = ("version", "services", "processes", "mounts", "memory", "netstat", "controllers", "containers")
    assert {f"{name}.json" for name in answers} | {"dmesg.log", "events.jsonl", "machineconfig.yaml"} <= files.keys()
    assert {f"logs/{name}.log" for name in ("machined", "apid", "containerd")} <= files.keys()
    assert b"containerd successfully booted" in files["logs/containerd.log"]
    assert b"MachineStatusEvent" in files["events.jsonl"]
    links = yaml.safe_load_all(files["resources/LinkStatuses.net.talos.dev.yaml"])
    assert {"eth0", "lo"} <= {link["metadata"]["id"] for link in links}
    assert "resources/network-config/AddressSpecs.net.talos.dev.yaml" in files
    assert "init" in {process["command"] for process in json.loads(files["processes.json"])[0]["processes"]}


def test_it_says_what_was_not_had(files: dict[str, bytes]) -> None:
    (trouble,) = files["errors.txt"].decode().splitlines()
    assert trouble.startswith("nobody.invalid: version: ")
    assert "1 questions were not answered" in files["summary.txt"].decode()


def test_no_secret_is_in_it(node: Node, path: Path, files: dict[str, bytes]) -> None:
    folder = node.home.places.cluster(node.cluster.spec.name)
    sought = needles.of(node, bundle.load((folder / "secrets.yaml").read_bytes()))
    assert not [(name, what) for name, data in files.items() for what in needles.within(sought, data)]
    assert not needles.within(sought, path.read_bytes())
    assert b"PRIVATE KEY" not in b"".join(files.values())
    config = yaml.safe_load(files["machineconfig.yaml"])
    assert config["machine"]["token"] == config["machine"]["ca"]["key"] == config["cluster"]["secret"] == "******"
    assert not [name for name in files if "secrets.talos.dev" in name or "MachineConfigs" in name]


def test_it_is_sealed_for_who_may_read_it(node: Node, tmp_path: Path) -> None:
    """By age's own program, with several recipients, and over what was there when one says so."""
    (tmp_path / "sealed").touch()
    for name in ("one", "two"):
        subprocess.run(["age-keygen", "-o", tmp_path / name], check=True, capture_output=True)
    public = [
        subprocess.run(["age-keygen", "-y", tmp_path / name], check=True, capture_output=True, text=True).stdout.strip()
        for name in ("one", "two")
    ]
    flags = [flag for key in public for flag in ("--encryption-recipients", key)]
    assert "interrupted" in node.ichorctl("support", "-O", str(tmp_path / "sealed"), *flags, code=130).err
    node.ichorctl("support", "-O", str(tmp_path / "new"), *flags)
    for name in ("one", "two"):
        opened = subprocess.run(
            ["age", "--decrypt", "-i", tmp_path / name, tmp_path / "new"], check=True, capture_output=True
        ).stdout
        with zipfile.ZipFile(io.BytesIO(opened)) as archive:
            assert f"{node.address}/dmesg.log" in archive.namelist()
    assert not zipfile.is_zipfile(tmp_path / "new")
