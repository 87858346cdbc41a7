"""Clusters on this machine: made twice and once, two side by side, found again after a crash, and gone without a
trace."""

import os
import select
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.provision import cgroups, network
from tests.support import cluster
from tests.support.cluster import Home, Node, documents
from tests.support.image import built


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path)
    yield made
    cluster.remove(made)


def _create(home: Home, name: str, *options: str, code: int = 0) -> str:
    image = built()
    own = ("--name", name, "--image", str(image.image.parent), "--image-key", str(image.key), "--standalone")
    with cluster.alone():
        return home.ichorctl("cluster", "create", *own, *options, code=code).err


def _rows(home: Home) -> dict[str, str]:
    return {row["node"]: row["state"] for row in documents(home.ichorctl("cluster", "show", "-o", "json").out)}


def _node(home: Home, name: str) -> Node:
    return Node(home, cluster.load(home, name))


def test_made_twice_is_made_once_and_two_stand_side_by_side(home: Home) -> None:
    one, two = cluster.unique("one"), cluster.unique("two")
    assert "ready" in _create(home, one)
    first = _node(home, one)
    init = first.init
    assert "applying" not in _create(home, one)
    assert first.init == init
    assert "exists with other settings" in _create(home, one, "--controlplanes", "2", code=1)
    _create(home, two)
    second = _node(home, two)
    assert second.address != first.address
    assert documents(home.ichorctl("version", "-o", "json").out)["nodes"][0]["node"] == second.address
    context = ("--context", one)
    assert documents(home.ichorctl("version", *context, "-o", "json").out)["nodes"][0]["node"] == first.address
    assert home.ichorctl("version", *context, "--nodes", second.address, code=1).err.startswith("error: ")
    assert _rows(home) == {first.name: "running", second.name: "running"}
    home.ichorctl("cluster", "destroy", "--name", one)
    assert second.await_answer() < 60
    home.ichorctl("cluster", "destroy", "--name", two)
    assert "no cluster" in home.ichorctl("cluster", "destroy", "--name", two, code=1).err
    assert home.ichorctl("cluster", "destroy", "--name", two, "--if-exists").code == 0
    assert documents(home.ichorctl("config", "contexts", "-o", "json").out) == []


def test_several_nodes_answer_together(home: Home) -> None:
    name = cluster.unique("trio")
    _create(home, name, "--controlplanes", "2")
    nodes = [Node(home, cluster.load(home, name), index) for index in range(2)]
    assert len({node.address for node in nodes}) == 2
    for node in nodes:
        said = home.ichorctl("version", "--endpoints", node.address, "--nodes", node.address, "-o", "json").out
        assert documents(said)["nodes"][0]["node"] == node.address
    every = ("--endpoints", nodes[0].address, "--nodes", ",".join(node.address for node in nodes))
    plans = documents(home.ichorctl("plan", "-p", "machine: {sysctls: {a.b: '1'}}", "-o", "json", *every, code=2).out)
    assert [plan["node"] for plan in plans] == [node.address for node in nodes]
    assert [[change["path"] for change in plan["changes"]] for plan in plans] == [["machine.sysctls"]] * 2


def test_a_killed_keeper_is_replaced_and_its_node_with_it(home: Home) -> None:
    name = cluster.unique("keeper")
    _create(home, name)
    node = _node(home, name)
    init = node.init
    handle = os.pidfd_open(init)
    os.kill(node.run.keeper, signal.SIGKILL)
    assert _rows(home) == {node.name: "stopped"}
    _create(home, name)
    assert _rows(home) == {node.name: "running"}
    assert node.init != init
    assert select.select([handle], [], [], 0)[0], "the orphaned node still runs"
    os.close(handle)
    assert len([comm for comm in node.processes().values() if comm == "ichor-machined"]) == 1
    assert node.ichorctl("get", "machineconfig", "v1alpha1").code == 0


def test_what_a_crash_left_is_found_by_name(home: Home) -> None:
    name = cluster.unique("crash")
    _create(home, name)
    node = _node(home, name)
    bridge = node.cluster.bridge
    handle = os.pidfd_open(node.init)
    os.kill(node.run.keeper, signal.SIGKILL)
    (node.folder / "run.json").unlink()
    assert network.exists(bridge)
    home.ichorctl("cluster", "destroy", "--name", name)
    assert not network.exists(bridge)
    assert select.select([handle], [], [], 0)[0], "the orphaned node still runs"
    os.close(handle)
    assert not [folder for folder in cgroups.folders(f"ichor/{bridge}") if folder.exists()]
    assert not home.places.images.exists()


def test_what_was_interrupted_is_finished_by_doing_it_again(home: Home) -> None:
    name = cluster.unique("half")
    made = cluster.start(home, cluster.spec(name))
    node = Node(home, made)
    node.await_answer(cluster.STRANGER)
    _create(home, name)
    assert node.ichorctl("version").code == 0
