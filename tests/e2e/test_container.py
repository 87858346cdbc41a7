"""A container in a node: an image made by hand, a network, a port of the node's, the way out masqueraded; and this
machine as it was when all is over."""

import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from core.rpc.pb.common import common_pb2
from core.rpc.pb.machine import debug_pb2
from tests.support import cluster, host, workload
from tests.support.cluster import Node, documents
from tests.support.pid1 import until
from tests.support.siege import hear


def test_a_container_is_reached_by_the_nodes_port_and_leaves_as_the_node(tmp_path: Path) -> None:
    with cluster.running(tmp_path, "box") as (node,):
        work = workload.start(node, tmp_path)
        gateway = node.cluster.gateway
        assert hear(node) == f"hello {gateway}\n"
        with socket.create_server((gateway, 0)) as server:
            server.settimeout(30)
            with ThreadPoolExecutor(1) as pool:
                called = pool.submit(workload.call, node, gateway, server.getsockname()[1])
                caller, (seen, _) = server.accept()
                with caller:
                    caller.sendall(b"welcome")
                assert called.result() == 0
        assert seen == node.address
        assert "listening, GREETING=hi" in (node.root / "var/log/hello.log").read_text()

        async def leave_behind(channel: Any) -> None:
            types = debug_pb2.DebugContainerRunRequest, debug_pb2.DebugContainerRunResponse
            system = common_pb2.ContainerdInstance(driver=common_pb2.CRI, namespace=common_pb2.NS_SYSTEM)
            wanted = debug_pb2.DebugContainerRunRequestSpec(containerd=system, image_name=workload.IMAGE)
            async with channel.bidi("/machine.DebugService/ContainerRun", *types) as call:
                await call.send(debug_pb2.DebugContainerRunRequest(spec=wanted))
                assert b"listening" in (await anext(call)).stdout_data
                assert len(_containers(node)) == 2
                node.kill("ichor-machined")

        node.call(leave_behind)
        node.await_ready()
        pipes = node.root / "run/ichor/debug"
        until(lambda: _containers(node) == ["hello"] and not list(pipes.iterdir()), what="a clean machined")
        assert workload.running(node)
        assert Path(f"/proc/{work.shim}/comm").read_text().startswith("containerd-shim")


def _containers(node: Node) -> list[str]:
    (answer,) = documents(node.ichorctl("containers", "-o", "json").out)
    return [container["id"] for container in answer["containers"]]


def test_this_machine_is_left_as_it_was(tmp_path: Path) -> None:
    before = host.snapshot()
    with cluster.running(tmp_path, "trace", nodes=2) as nodes:
        workload.start(nodes[0], tmp_path)
        for name in ("ichor-machined", "ichor-apid", "ichor-spawner", "containerd"):
            nodes[0].kill(name)
            nodes[0].await_ready()
        nodes[1].ichorctl("reboot")
        os.kill(nodes[1].run.keeper, signal.SIGKILL)
    left: list[str] = []

    def same() -> bool:
        left[:] = host.difference(before, host.snapshot())
        return not left

    with suppress(AssertionError):  # others may use this machine: theirs goes, what we leave would stay
        until(same, 20)
    assert left == []
