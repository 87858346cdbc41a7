"""Client certificates from a running control plane."""

import json
import time
from pathlib import Path

from google.protobuf.empty_pb2 import Empty

from core.config import bundle, client
from core.pki import issue
from core.pki.types import Client, Pair
from core.rpc.client import Channel
from core.rpc.metadata import Metadata
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.tls import ClientTLS
from tests.support.cluster import Node


def test_a_reader_s_config_reads_and_no_more(node: Node, tmp_path: Path) -> None:
    reader = str(tmp_path / "reader")
    node.home.ichorctl("config", "new", reader, "--roles", "os:reader", "--crt-ttl", "1h")
    assert Path(reader).stat().st_mode & 0o777 == 0o600
    assert "exists" in node.home.ichorctl("config", "new", reader, code=1).err
    own = ("--talosconfig", reader)
    shown = json.loads(node.home.ichorctl("config", *own, "info", "-o", "json").out)
    assert shown["roles"] == ["os:reader"]
    assert shown["endpoints"] == [node.address]
    assert node.ichorctl("version", *own).code == 0
    assert "not authorized" in node.ichorctl("get", "machineconfig", "v1alpha1", *own, code=1).err
    assert "not authorized" in node.home.ichorctl("config", *own, "new", "more", code=1).err


def test_who_is_about_to_be_a_stranger_is_told_beside_the_answer(node: Node, tmp_path: Path) -> None:
    secrets = bundle.load((node.home.places.cluster(node.cluster.spec.name) / "secrets.yaml").read_bytes()).certs.os
    made = issue.client(Client(time.time() - 3000, Pair(secrets.crt, secrets.key), ("os:reader",), lifetime=3600))
    context = client.Context(ca=secrets.crt, crt=made.crt, key=made.key, endpoints=(node.endpoint,))
    old = tmp_path / "old"
    old.write_bytes(client.save(client.ClientConfig(context="c", contexts={"c": context})))
    said = node.ichorctl("version", "-o", "json", "--talosconfig", str(old))
    assert json.loads(said.out)["nodes"]
    assert said.err.count("warning: the client certificate ends in ") == 1


def test_a_live_certificate_renews_itself(node: Node, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_bytes(node.home.client_file.read_bytes())
    before = client.load(mine.read_bytes()).get()
    node.home.ichorctl("config", "--talosconfig", str(mine), "renew", "--crt-ttl", "2h")
    after = client.load(mine.read_bytes()).get()
    assert after.crt != before.crt
    assert after.key != before.key
    assert after.endpoints == before.endpoints
    shown = json.loads(node.home.ichorctl("config", "--talosconfig", str(mine), "info", "-o", "json").out)
    assert shown["roles"] == ["os:admin"]

    async def expiry(channel: Channel) -> Metadata:
        async with channel.server_stream("/machine.MachineService/Version", Empty(), pb.VersionResponse) as call:
            return await call.initial()

    told = node.call(expiry, ClientTLS(after.ca, after.crt, after.key))
    assert told.get("client-certificate-expires") == shown["certificateExpires"]
