"""etcd on one control plane: begun when it is asked for and once, used by its calls, up again after it was killed, and
the same process after machined was."""

import hashlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import planes
from tests.support.cluster import Node, documents
from tests.support.planes import ctl, pid, up


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A control plane whose cluster was begun."""
    with planes.running(tmp_path_factory.mktemp("etcd")) as nodes:
        assert "no cluster of etcd yet" in nodes[0].ichorctl("etcd", "status", code=1).err
        assert "begins the cluster" in nodes[0].ichorctl("bootstrap").err
        up(nodes[0])
        yield nodes[0]


def test_a_second_bootstrap_is_refused(plane: Node) -> None:
    refused = plane.ichorctl("bootstrap", code=1).err
    assert "already exists" in refused, refused
    assert "not on 2" in plane.home.ichorctl("bootstrap", "--nodes", f"{plane.address},192.0.2.1", code=1).err


def test_members_status_and_alarms_are_told(plane: Node) -> None:
    (member,) = documents(plane.ichorctl("etcd", "members", "-o", "json").out)[0]["members"]
    assert (member["hostname"], member["isLearner"]) == (plane.name, False)
    assert member["peerUrls"] == [f"https://{plane.address}:2380"]
    status = plane.ichorctl("etcd", "status").out
    assert f"{int(member['id']):016x}" in status
    assert "3.5.16" in status
    assert plane.ichorctl("etcd", "alarm", "list").out.splitlines() == ["NODE   MEMBER   ALARM"]
    assert plane.ichorctl("etcd", "alarm", "disarm").code == plane.ichorctl("etcd", "defrag").code == 0
    told = documents(plane.ichorctl("get", "etcdmembers", "-o", "json").out)
    assert f"{int(member['id']):016x}" in str(told)


def test_what_would_leave_nobody_is_refused(plane: Node) -> None:
    assert "no other voting member" in plane.ichorctl("etcd", "forfeit-leadership", code=1).err
    assert "last voting member" in plane.ichorctl("etcd", "leave", code=1).err
    assert "no member" in plane.ichorctl("etcd", "remove-member", "1", code=1).err
    (member,) = documents(plane.ichorctl("etcd", "members", "-o", "json").out)[0]["members"]
    assert "last voting" in plane.ichorctl("etcd", "remove-member", f"{int(member['id']):x}", code=1).err
    assert "already" in plane.ichorctl("bootstrap", "--recover-from", "/etc/hostname", code=1).err


def test_killed_it_comes_back_and_it_outlives_machined(plane: Node) -> None:
    before = pid(plane)
    os.kill(before, signal.SIGKILL)
    up(plane, other_than=before)
    after = pid(plane)
    old = plane.kill("ichor-machined")
    plane.await_answer()
    up(plane)
    assert plane.pid("ichor-machined") != old
    assert pid(plane) == after


def test_a_cluster_begins_again_from_a_snapshot(plane: Node, tmp_path: Path) -> None:
    ctl(plane, tmp_path, "put", "kept", "for ever")
    snapshot = tmp_path / "etcd.db"
    assert "sha256" in plane.ichorctl("etcd", "snapshot", str(snapshot)).err
    data = snapshot.read_bytes()
    assert hashlib.sha256(data[:-32]).digest() == data[-32:]
    torn = tmp_path / "torn.db"
    torn.write_bytes(data[:-33] + b"?" + data[-32:])
    with planes.running(tmp_path / "again") as (node,):
        assert "damaged" in node.ichorctl("bootstrap", "--recover-from", str(torn), code=1).err
        node.ichorctl("bootstrap", "--recover-from", str(snapshot))
        up(node)
        assert ctl(node, tmp_path, "get", "kept", "--print-value-only") == "for ever\n"
        assert list(planes.members(node)) == [node.name]
