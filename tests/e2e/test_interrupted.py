"""Kills in the middle of what a node does: applying a config, rebooting, being reset, coming up."""

import asyncio
import os
import random
import signal
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from core.config.load import read
from core.config.merge import merge_text
from core.rpc.client import Channel
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.status import Code, RpcError
from tests.support import cluster
from tests.support.cluster import STRANGER, Node, documents
from tests.support.pid1 import until

Request = pb.ApplyConfigurationRequest | pb.RebootRequest | pb.ResetRequest
Reply = pb.ApplyConfigurationResponse | pb.RebootResponse | pb.ResetResponse
REPLIES: Final[dict[str, type[Reply]]] = {
    "ApplyConfiguration": pb.ApplyConfigurationResponse,
    "Reboot": pb.RebootResponse,
    "Reset": pb.ResetResponse,
}
MACHINED = "ichor-machined"
KEPT = ("var/mnt/kept", "system/state/kept")


def test_a_config_is_the_old_one_or_the_new_one(tmp_path: Path) -> None:
    with cluster.running(tmp_path, "halves") as (node,):
        _apply_and_kill(node, (0.0, 0.008, 0.016, 0.03))  # an apply takes some 20 ms


@pytest.mark.slow
def test_a_config_is_the_old_one_or_the_new_one_again_and_again(tmp_path: Path) -> None:
    chance = random.Random(2)
    with cluster.running(tmp_path, "halves") as (node,):
        _apply_and_kill(node, [chance.uniform(0, 0.04) for _ in range(30)])


def test_a_reboot_happens_or_is_answered_by_an_error(tmp_path: Path) -> None:
    with cluster.running(tmp_path, "again") as (node,):
        _reboot_and_kill(node, (0.0, 0.05, 0.6))  # a reboot takes some seconds


@pytest.mark.slow
def test_a_reboot_happens_or_is_answered_by_an_error_again_and_again(tmp_path: Path) -> None:
    chance = random.Random(3)
    with cluster.running(tmp_path, "again") as (node,):
        _reboot_and_kill(node, [chance.uniform(0, 1.5) for _ in range(20)])


def test_a_reset_happens_or_is_answered_by_an_error(tmp_path: Path) -> None:
    with cluster.running(tmp_path, "wiped") as (node,):
        _reset_and_kill(node, (0.0, 0.02))  # a reset takes some 40 ms until the node goes


@pytest.mark.slow
def test_a_reset_happens_or_is_answered_by_an_error_again_and_again(tmp_path: Path) -> None:
    chance = random.Random(4)
    with cluster.running(tmp_path, "wiped") as (node,):
        _reset_and_kill(node, [chance.uniform(0, 0.08) for _ in range(20)])


@pytest.mark.parametrize(
    ("seen", "victim"),
    [
        ("ichor-spawner", "ichor-spawner"),
        (MACHINED, "ichor-spawner"),
        ("containerd", "containerd"),
        pytest.param(MACHINED, MACHINED, marks=pytest.mark.slow),
        pytest.param("ichor-apid", "ichor-apid", marks=pytest.mark.slow),
        pytest.param("containerd", MACHINED, marks=pytest.mark.slow),
    ],
)
def test_a_node_comes_up_though_its_parts_are_killed_as_soon_as_they_are_there(
    rebooted: Node, seen: str, victim: str
) -> None:
    node, boots = rebooted, rebooted.run.boots
    node.ichorctl("reboot", "--no-wait")
    until(lambda: node.run.boots > boots, 60, "the next boot")
    until(lambda: node.pid(seen), 60, seen)
    node.kill(victim)
    node.await_ready()


@pytest.fixture(scope="module")
def rebooted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node that each test boots anew."""
    with cluster.running(tmp_path_factory.mktemp("boots"), "boots") as (node,):
        yield node


def _apply_and_kill(node: Node, delays: Sequence[float]) -> None:
    """One config is in force and stored after each, whole; the new one if that was promised."""
    old = read((node.folder.parents[1] / "controlplane.yaml").read_bytes(), "old").text
    for number, delay in enumerate(delays):
        patch = b"machine: {network: {hostname: name-%d}}" % number
        new = merge_text(read(old, "old"), patch)
        request = pb.ApplyConfigurationRequest(data=new, mode=pb.ApplyConfigurationRequest.AUTO)
        promised = _killed_while(node, "ApplyConfiguration", request, delay)
        print(f"killed after {delay * 1000:.1f} ms: {'promised' if promised else 'not promised'}")
        node.await_ready()
        stored = (node.root / "system/state/config.yaml").read_bytes()
        (row,) = documents(node.ichorctl("get", "machineconfig", "v1alpha1", "-o", "json").out)
        assert stored in ((new,) if promised else (old, new))
        assert row["spec"].encode() == stored
        old = stored


def _reboot_and_kill(node: Node, delays: Sequence[float]) -> None:
    for delay in delays:
        before = node.run.boots
        promised = _killed_while(node, "Reboot", pb.RebootRequest(), delay)
        if promised:
            until(lambda: node.run.boots > before, 60, "the reboot")  # noqa: B023 - called at once
        node.await_ready()
        assert node.run.boots - before == 1 if promised else node.run.boots - before <= 1


def _reset_and_kill(node: Node, delays: Sequence[float]) -> None:
    """It is wiped whole or not at all, and if that was promised, it is."""
    config = node.folder.parents[1] / "controlplane.yaml"
    for delay in delays:
        before = node.run.boots
        for path in KEPT:
            (node.root / path).touch()
        promised = _killed_while(node, "Reset", pb.ResetRequest(graceful=True, reboot=True), delay)
        until(lambda: node.run.boots > before or (not promised and _runs(node)), 120, "the end of it")  # noqa: B023
        wiped = node.run.boots > before
        print(f"killed after {delay * 1000:.1f} ms: {'promised' if promised else 'not promised'}, wiped: {wiped}")
        if wiped:
            node.await_answer(STRANGER)
            node.ichorctl("apply-config", "--insecure", "-f", str(config))
        node.await_ready()
        assert [(node.root / path).exists() for path in KEPT] == [not wiped] * len(KEPT)


def _runs(node: Node) -> bool:
    """Ready, and about to do nothing else."""
    said = node.ichorctl("get", "machinestatus", "-o", "json", code=None)
    status = documents(said.out)[0]["spec"] if said.code == 0 else {}
    return status.get("stage") == "running" and bool(status["status"]["ready"])


def _killed_while(node: Node, method: str, request: Request, delay: float) -> bool:
    """Whether the call was answered well though machined was killed so long after it was sent."""
    reply = REPLIES[method]
    handle = os.pidfd_open(node.pid(MACHINED))

    def kill() -> None:
        with suppress(ProcessLookupError):  # the reboot was faster
            signal.pidfd_send_signal(handle, signal.SIGKILL)

    async def ask(channel: Channel) -> bool:
        await channel.connection()
        asyncio.get_running_loop().call_later(delay, kill)
        try:
            await channel.unary(f"/machine.MachineService/{method}", request, reply, timeout=60)
        except RpcError as error:
            assert error.code is Code.UNAVAILABLE, error
            return False
        finally:
            await asyncio.sleep(delay)
        return True

    try:
        return node.call(ask)
    finally:
        os.close(handle)
