"""The check of the image that a node runs, asked for as a person does: nothing wrong, a bit changed in the file beneath
it, and what may not be started or stopped."""

from pathlib import Path
from typing import Any

from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.status import Code, RpcError
from tests.support import vm
from tests.support.cluster import Node, documents
from tests.support.pid1 import until

UNUSED = "/kernel/fs/ceph/ceph.ko"  # nobody reads it but who asks for it


def seen(node: Node, kind: str) -> dict[str, Any]:
    (row,) = documents(node.ichorctl("get", kind, "-o", "json").out)
    spec: dict[str, Any] = row["spec"]
    return spec


def checked(node: Node) -> dict[str, Any]:
    """Start one, wait for its end; what it came to."""
    before = seen(node, "imagecheck").get("finished")
    assert 'Service "imagecheck" started' in node.ichorctl("service", "imagecheck", "start").out
    after: dict[str, Any] = {}

    def ended() -> bool:
        after.update(seen(node, "imagecheck"))
        return after["state"] not in ("never", "running") and after.get("finished") != before

    until(ended, 120, "the check to end")
    return after


def test_intact_then_a_bit_changed_then_intact(node: Node) -> None:
    image = node.home.places.images / node.cluster.image_sha256
    file = vm.path(image, UNUSED)
    size = (image / "ichor.img").stat().st_size
    good = checked(node)
    assert good["state"] == "intact"
    assert 0.95 * size < good["bytesChecked"] == good["bytesTotal"] < size
    assert good["bytesPerSecond"] > 0
    assert "Finished" in node.ichorctl("service", "imagecheck", "status").out
    bad = vm.damage(image, file)
    try:
        found = checked(node)
    finally:
        assert vm.damage(image, file) == bad  # the same bit, back
    assert (found["state"], found["badBlock"]["block"], found["badBlock"]["file"]) == ("corrupted", bad, file)
    (known,) = seen(node, "integritystatuses")["badBlocks"]
    assert (known["block"], known["file"]) == (bad, file)
    assert f"block {bad} of the image is corrupted, file {file}" in node.ichorctl("logs", "machined").out
    assert "Failed" in node.ichorctl("service", "imagecheck").out
    assert "has not its hash" in node.ichorctl("logs", "imagecheck").out
    node.await_ready()  # a bad image is no reason to stop what runs
    assert checked(node)["state"] == "intact"
    assert seen(node, "integritystatuses")["badBlocks"] == []


def test_it_is_started_anew_and_stopped(node: Node) -> None:
    assert node.ichorctl("service", "imagecheck", "restart").code == 0
    said = node.ichorctl("service", "imagecheck").out
    assert "/usr/libexec/ichor/imagecheck started with PID" in said
    assert 'Service "imagecheck" stopped' in node.ichorctl("service", "imagecheck", "stop").out
    assert "imagecheck" not in node.processes().values()
    assert seen(node, "imagecheck")["state"] in ("stopped", "intact")  # a small image on a fast machine


def test_what_no_operator_may_start_or_stop(node: Node) -> None:
    for action in ("start", "stop", "restart"):
        refused = node.ichorctl("service", "containerd", action, code=1)
        assert f'service "containerd" doesn\'t support {action} operation via API' in refused.err
    assert "not registered" in node.ichorctl("service", "nginx", "start", code=1).err

    async def code(channel: Any) -> Code:
        try:
            await channel.unary(
                "/machine.MachineService/ServiceStop", pb.ServiceStopRequest(id="apid"), pb.ServiceStopResponse
            )
        except RpcError as error:
            return error.code
        return Code.OK

    assert node.call(code) is Code.UNKNOWN


def test_the_file_is_read_only_inside(node: Node) -> None:
    mounts = Path(f"/proc/{node.init}/mountinfo").read_text().splitlines()
    (line,) = [line for line in mounts if " /run/ichor/image " in line]
    assert line.split()[5].startswith("ro,nosuid,nodev,noexec")
