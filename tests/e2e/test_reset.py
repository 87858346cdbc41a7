"""Nodes that are reset: what is left of them, what becomes of them, and what of the cluster that they were in."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import cluster, planes
from tests.support.cluster import STRANGER, Node, documents
from tests.support.pid1 import until
from tests.support.planes import SECONDS, ctl, members, pid, up

MACHINED = "ichor-machined"


def test_a_node_forgets_all_and_is_made_anew(tmp_path: Path) -> None:
    with cluster.running(tmp_path, "anew") as (node,):
        refused = node.ichorctl("reset", "--user-disks-to-wipe", "/dev/sda", code=1).err
        assert "no disks of its own" in refused
        assert "no system partition 'BOOT'" in node.ichorctl("reset", "--system-labels-to-wipe", "BOOT", code=1).err
        before = _identity(node)
        node.ichorctl("meta", "write", "12", "kept")
        (node.root / "var/mnt/kept").touch()
        said = node.ichorctl("reset", "--reboot").err
        assert f"{node.address}: stopServices" in said
        assert "comes back without a config" in said
        _is_new(node, before)
        _begin(node)
        assert "wiped and gone" in node.ichorctl("reset", "--graceful=false").err
        node.await_end()
        assert (node.run.phase, node.run.reason) == ("halted", "")
        assert not [*(node.folder / "state").iterdir(), *(node.folder / "var").iterdir()]


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Node]]:
    """Control planes in one etcd, of which each test leaves all three there."""
    with planes.running(tmp_path_factory.mktemp("three"), 3) as nodes:
        nodes[0].ichorctl("bootstrap")
        _all_in(nodes)
        yield nodes


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_member_that_is_reset_leaves_and_comes_in_anew(three: list[Node], tmp_path: Path) -> None:
    first, second, third = three
    ctl(first, tmp_path, "put", "kept", "by the others")
    identity, member = _identity(third), _member(first, third)
    assert _affiliates(first) >= {identity}
    third.ichorctl("etcd", "forfeit-leadership")  # whoever leads, the others can
    said = third.ichorctl("reset", "--reboot").err
    assert f"{third.address}: leave" in said
    assert members(first) == {first.name: False, second.name: False}
    for node in (first, second):
        until(lambda: identity not in _affiliates(node), SECONDS, "the others to know it")  # noqa: B023 - called at once
    _begin(third)
    _all_in(three)
    assert _member(first, third) != member
    assert ctl(third, tmp_path, "get", "kept", "--print-value-only") == "by the others\n"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_member_that_the_others_need_is_not_reset(three: list[Node]) -> None:
    first, second, third = three
    stopped = pid(second)
    os.kill(stopped, signal.SIGSTOP)
    try:
        refused = third.ichorctl("reset", "--reboot", code=1).err
        assert f"bring back {second.name} first" in refused
        assert documents(third.ichorctl("get", "machinestatus", "-o", "json").out)[0]["spec"]["stage"] == "running"
    finally:
        os.kill(stopped, signal.SIGCONT)
    _all_in(three)
    assert first.run.boots == third.run.boots - 1  # by the test before


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("stage", ["leaving", "removed"])
def test_a_member_killed_while_it_is_reset_leaves_all_the_same(three: list[Node], stage: str) -> None:
    first, second, third = three
    member = _member(first, third)
    third.ichorctl("reset", "--reboot", "--no-wait")
    boots = third.run.boots
    _kill_at(third, stage)
    until(lambda: third.run.boots > boots, SECONDS, "the next boot")
    until(lambda: members(first) == {first.name: False, second.name: False}, SECONDS, "two members")
    _begin(third)
    _all_in(three)
    assert _member(first, third) != member


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("stage", ["leaving", "removed"])
def test_a_member_killed_while_it_leaves_is_in_again_and_may_be_asked_again(three: list[Node], stage: str) -> None:
    first, _, third = three
    with third.following("etcd", "leave"):
        _kill_at(third, stage)
    third.await_ready()
    until(lambda: _stage(third) == "member", SECONDS, "it to be in again, as the next machined starts what it finds")
    _all_in(three)
    third.ichorctl("etcd", "leave")
    assert (_stage(third), third.name in members(first)) == ("free", False)
    third.ichorctl("reboot")
    _all_in(three)


def _kill_at(node: Node, stage: str) -> None:
    """Its machined, as soon as it has written that it is there, or further."""
    machined = os.pidfd_open(node.pid(MACHINED))
    try:
        further = {"leaving": ("leaving", "removed", "free"), "removed": ("removed", "free")}[stage]
        until(lambda: _stage(node) in further, SECONDS, f"etcd's journal to say {stage}")
        signal.pidfd_send_signal(machined, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it was faster, and has ended with its node
    finally:
        os.close(machined)


def _stage(node: Node) -> str:
    """Where the node stands in etcd, as it wrote down."""
    try:
        return str(json.loads((node.folder / "state/etcd.json").read_bytes())["stage"])
    except FileNotFoundError:
        return "free"


def _all_in(nodes: list[Node]) -> None:
    """All are members, with a vote and served."""
    for node in nodes:
        up(node)
    voting = {node.name: False for node in nodes}
    until(lambda: members(nodes[0]) == voting, SECONDS, "all to vote")


def _member(asked: Node, node: Node) -> str:
    """The id of a node's member."""
    listed = documents(asked.ichorctl("etcd", "members", "-o", "json").out)[0]["members"]
    return next(str(member["id"]) for member in listed if member["hostname"] == node.name)


def _affiliates(node: Node) -> set[str]:
    """Whom a node knows, by node id."""
    return {each["spec"]["nodeId"] for each in documents(node.ichorctl("get", "affiliates", "-o", "json").out)}


def _is_new(node: Node, before: str) -> None:
    node.await_answer(STRANGER)
    status = documents(node.ichorctl("get", "machinestatus", "--insecure", "-o", "json").out)[0]["spec"]
    assert status["stage"] == "maintenance"
    assert _identity(node) != before
    assert not (node.root / "var/mnt/kept").exists()
    assert [path.name for path in (node.root / "system/state").iterdir()] == ["node-identity.yaml"]
    assert b"kept" not in (node.folder / "meta").read_bytes()


def _identity(node: Node) -> str:
    """Once it has one."""
    path = node.root / "system/state/node-identity.yaml"
    until(path.exists, SECONDS, "an identity")
    return path.read_text().split()[1].strip('"')


def _begin(node: Node) -> None:
    """Again, with the config that it had."""
    node.await_answer(STRANGER)
    config = node.home.places.cluster(node.cluster.spec.name) / "controlplane.yaml"
    node.ichorctl("apply-config", "--insecure", "-f", str(config))
    node.await_ready()
