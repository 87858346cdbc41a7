"""A node's life by the verbs that change it: a stranger in maintenance mode, its first config, a config on trial,
reboot, shutdown, and the cluster's end."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.empty_pb2 import Empty

from core.provision import model
from core.rpc.client import Channel
from core.rpc.status import Code, RpcError
from tests.support import cluster
from tests.support.cluster import STRANGER, Home, Node, documents


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Node]:
    """A node without a config."""
    home = Home(tmp_path)
    try:
        made = cluster.start(home, cluster.spec(cluster.unique("life")))
        yield Node(home, made)
    finally:
        cluster.remove(home)


def _code(node: Node, method: str) -> Code:
    async def ask(channel: Channel) -> Code:
        try:
            await channel.unary(f"/machine.MachineService/{method}", Empty(), Empty)
        except RpcError as error:
            return error.code
        return Code.OK

    return node.call(ask, STRANGER)


def test_from_maintenance_to_the_end(fresh: Node) -> None:
    node, home = fresh, fresh.home
    _stranger(node)
    _first_config(node)
    _another_config(node)
    _trial(node)
    _reboot(node)
    node.home.ichorctl("shutdown")
    node.await_end()
    assert (node.run.phase, node.run.reason) == ("halted", "")
    (row,) = documents(home.ichorctl("cluster", "show", "-o", "json").out)
    assert (row["node"], row["state"]) == (node.name, "stopped")
    home.ichorctl("cluster", "destroy", "--name", node.cluster.spec.name)
    assert model.names(home.places) == []


def _stranger(node: Node) -> None:
    """Before its first config a node tells what it is, takes a config, and nothing more."""
    node.await_answer(STRANGER)
    assert "v1." in node.ichorctl("version", "--insecure").out
    assert _code(node, "Reboot") is Code.PERMISSION_DENIED
    assert _code(node, "Shutdown") is Code.PERMISSION_DENIED
    assert _code(node, "Read") is Code.PERMISSION_DENIED
    assert documents(node.ichorctl("get", "machinestatus", "--insecure", "-o", "json").out)[0]["spec"]["stage"] == (
        "maintenance"
    )
    refused = node.ichorctl("get", "osrootsecrets", "--insecure", code=1)
    assert "not authorized" in refused.err
    broken = node.home.folder / "broken.yaml"
    broken.write_text("version: v1alpha1\nmachine:\n  typ: worker\n")
    assert "typ" in node.ichorctl("apply-config", "--insecure", "-f", str(broken), code=1).err


def _first_config(node: Node) -> None:
    home = node.home
    endpoint = f"https://{node.address}:6443"
    alone = '[{"op": "remove", "path": "/cluster/token"}]'  # in no Kubernetes: ready without one
    home.ichorctl("gen", "config", "life", endpoint, "--install-disk", "/dev/vdb", "--config-patch", alone)
    home.ichorctl("validate", "-c", "controlplane.yaml", "--mode", "container")
    dry = node.ichorctl("apply-config", "--insecure", "-f", "controlplane.yaml", "--dry-run").out
    assert "Dry run summary" in dry
    assert "+version: v1alpha1" in dry
    (plan,) = documents(node.ichorctl("plan", "--insecure", "-f", "controlplane.yaml", "-o", "json", code=2).out)
    assert "+version: v1alpha1" in plan["diff"]
    assert plan["services"] == ["trustd", "kubelet", "kubeprism"]
    node.ichorctl("version", "--insecure")  # nothing was applied
    node.ichorctl("apply-config", "--insecure", "-f", "controlplane.yaml")
    home.ichorctl("config", "endpoint", node.address)
    home.ichorctl("config", "node", node.address)
    node.await_ready(home.tls())
    assert node.ichorctl("version", "--insecure", code=1).err.startswith("error: ")


def _another_config(node: Node) -> None:
    patch = json.dumps({"machine": {"network": {"hostname": "renamed"}}})
    said = node.ichorctl("apply-config", "-f", "controlplane.yaml", "-p", patch, "--dry-run").out
    assert "renamed" in said
    assert "machine.network.hostname: the node takes the name" in said
    assert node.ichorctl("plan", "-p", patch, code=2).out.startswith(f"{node.address}:\nChanges:\n")
    assert "No changes." in node.ichorctl("plan", "-f", "controlplane.yaml").out
    node.ichorctl("plan", "-p", "machine: [", code=1)
    node.ichorctl("plan", "--no-such-flag", code=1)
    assert _hostname(node) == node.name
    with node.following("get", "hostname", "--watch") as names:
        names.until(node.name)
        said = node.ichorctl("apply-config", "-f", "controlplane.yaml", "-p", patch).out
        assert "without a reboot" in said
        names.until("renamed")


def _trial(node: Node) -> None:
    """It reverts by itself, and goes on until then, also when machined is killed in between."""
    patch = json.dumps({"machine": {"network": {"hostname": "on-trial"}}})
    for killed, seconds in ((False, "2s"), (True, "8s")):
        with node.following("get", "hostname", "--watch") as names:
            names.until("renamed")
            trial = ("apply-config", "-f", "controlplane.yaml", "-p", patch, "--mode", "try", "--timeout", seconds)
            assert "reverts" in node.ichorctl(*trial).out
            names.until("on-trial")
            if killed:
                node.kill("ichor-machined")
            else:
                names.until("renamed")
    node.await_answer(node.home.tls())
    with node.following("get", "hostname", "--watch") as names:
        names.until("on-trial")
        names.until("renamed")


def _reboot(node: Node) -> None:
    before, boot, config = node.init, _boot_id(node), _config(node)
    said = node.ichorctl("reboot").err
    assert "back with a new boot id" in said
    assert _boot_id(node) != boot
    assert node.init != before
    assert node.run.boots == 2
    node.await_ready(node.home.tls())
    assert _config(node) == config
    assert _hostname(node) == "renamed"


def _hostname(node: Node) -> str:
    (row,) = documents(node.ichorctl("get", "hostname", "-o", "json").out)
    name = row["spec"]["hostname"]
    assert isinstance(name, str)
    return name


def _config(node: Node) -> str:
    return node.ichorctl("get", "machineconfig", "v1alpha1", "-o", "yaml").out.partition("spec:")[2]


def _boot_id(node: Node) -> str:
    return node.ichorctl("read", "/proc/sys/kernel/random/boot_id").out
