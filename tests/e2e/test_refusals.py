"""Who may not: roles by certificate, certificates nobody signed, calls meant for somebody else."""

import time
from ipaddress import ip_interface
from pathlib import Path

import pytest

from core.config import bundle, client, generate
from core.pki import issue
from core.pki.types import Client, Pair
from core.rpc.client import Channel
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.status import Code, RpcError
from core.rpc.tls import ClientTLS
from tests.support.cluster import Node

VERSION = "/machine.MachineService/Version"


def _secrets(node: Node) -> bundle.Bundle:
    path = node.home.places.cluster(node.cluster.spec.name) / "secrets.yaml"
    return bundle.load(path.read_bytes(), path.name)


def _as(node: Node, *roles: str) -> str:
    """A client config file for those roles."""
    authority = _secrets(node).certs.os
    made = issue.client(Client(time.time(), Pair(authority.crt, authority.key), roles))
    path = node.home.folder / f"{'-'.join(roles).replace(':', '.') or 'nobody'}.yaml"
    context = client.Context((node.address,), (node.address,), made.ca, made.crt, made.key)
    path.write_bytes(client.save(client.ClientConfig().put("own", context).use("own")))
    return str(path)


def test_a_reader_reads(node: Node) -> None:
    own = ("--talosconfig", _as(node, "os:reader"))
    for verb in (["version"], ["service"], ["get", "links"], ["logs", "apid"], ["dmesg"]):
        assert node.home.ichorctl(*verb, *own).code == 0
    for verb in (["reboot"], ["shutdown"], ["read", "/etc/hosts"], ["get", "osrootsecrets"]):
        assert "not authorized" in node.home.ichorctl(*verb, *own, code=1).err, verb
    assert node.home.ichorctl("get", "osrootsecrets").code == 0  # which an administrator may


def test_an_operator_may_not_read_files_or_secrets(node: Node) -> None:
    own = ("--talosconfig", _as(node, "os:operator"))
    assert node.home.ichorctl("version", *own).code == 0
    for verb in (["read", "/etc/hosts"], ["get", "osrootsecrets"]):
        assert "not authorized" in node.home.ichorctl(*verb, *own, code=1).err, verb


@pytest.mark.parametrize("roles", [(), ("os:nothing",), ("os:etcd:backup",)])
def test_an_unknown_role_may_nothing(node: Node, roles: tuple[str, ...]) -> None:
    own = ("--talosconfig", _as(node, *roles))
    assert "not authorized" in node.home.ichorctl("version", *own, code=1).err


def test_roles_in_metadata_are_not_believed(node: Node) -> None:
    path = _as(node, "os:reader")
    context = client.load(Path(path).read_bytes(), path).get()

    async def reboot(channel: Channel) -> Code:
        try:
            request = pb.RebootRequest()
            claim = (("talos-role", "os:admin"),)
            await channel.unary("/machine.MachineService/Reboot", request, pb.RebootResponse, claim)
        except RpcError as error:
            return error.code
        return Code.OK

    assert node.call(reboot, ClientTLS(context.ca, context.crt, context.key)) is Code.PERMISSION_DENIED


def test_certificates_of_others_are_not_accepted(node: Node) -> None:
    ours = client.load(Path(_as(node, "os:admin")).read_bytes(), "ours").get()
    options = generate.Options(name="other", endpoint=f"https://{node.address}:6443")
    theirs = generate.client_config(generate.new_secrets(time.time()), options, time.time()).get()
    foreign = node.home.folder / "foreign.yaml"
    stranger = client.Context((node.address,), (node.address,), ours.ca, theirs.crt, theirs.key)
    foreign.write_bytes(client.save(client.ClientConfig().put("foreign", stranger).use("foreign")))
    assert node.home.ichorctl("version", "--talosconfig", str(foreign), code=1).err.startswith("error: ")
    impostor = client.Context((node.address,), (node.address,), theirs.ca, ours.crt, ours.key)
    foreign.write_bytes(client.save(client.ClientConfig().put("foreign", impostor).use("foreign")))
    assert "certificate" in node.home.ichorctl("version", "--talosconfig", str(foreign), code=1).err
    assert node.ichorctl("version", "--insecure", code=1).err.startswith("error: ")


def test_one_dead_node_does_not_keep_the_other_from_answering(node: Node) -> None:
    nobody = str(ip_interface(f"{node.address}/24").network[254])  # in the cluster's network, which has no such node
    said = node.home.ichorctl("version", "--nodes", f"{node.address},{nobody}", code=1)
    assert f"Node:        {node.address}" in said.out
    assert said.err.count("error: ") == 1
    assert f"error: {nobody}: cannot connect" in said.err


def test_a_node_answers_to_its_name(node: Node) -> None:
    assert node.home.ichorctl("version", "--nodes", node.name).code == 0


def test_a_dead_endpoint_is_passed_over(node: Node) -> None:
    # nobody listens on this port of the node
    said = node.home.ichorctl("version", "--endpoints", f"{node.address}:50999,{node.address}")
    assert f"Node:        {node.address}" in said.out
    assert f"{node.address}:50999: " in said.err
    assert node.home.ichorctl("version", "--endpoints", f"{node.address}:50999", code=1).err.startswith("error: ")
