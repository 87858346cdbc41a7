"""GET /metrics of a node that runs, by curl, read by Prometheus's own parser: off until a config switches it on, on
without a reboot, and true of the node."""

from pathlib import Path

import pytest

from core.config import client
from core.config.load import read
from core.config.merge import merge_text
from core.rpc.client import Channel
from core.rpc.pb.machine import machine_pb2 as pb
from tests.support import cluster
from tests.support.cluster import Node
from tests.support.curl import Answer, Shown, get
from tests.support.exposition import Values, values

METRICS = b"apiVersion: ichor.dev/v1alpha1\nkind: MetricsConfig\n"
PROCESSES = {"init", "spawner", "machined", "apid", "trustd", "containerd", "kubeprism"}


def scrape(node: Node, folder: Path) -> Answer:
    """With the operator's certificate."""
    context = client.load(node.home.client_file.read_bytes(), "talosconfig").get()
    return get(folder, node.endpoint, "/metrics", Shown(context.ca, context.crt, context.key))


def put(node: Node, config: bytes) -> None:
    """Make this the config in force."""

    async def apply(channel: Channel) -> None:
        request = pb.ApplyConfigurationRequest(data=config, mode=pb.ApplyConfigurationRequest.NO_REBOOT)
        path = "/machine.MachineService/ApplyConfiguration"
        await channel.unary(path, request, pb.ApplyConfigurationResponse)

    node.call(apply)


def test_metrics(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with cluster.running(tmp_path_factory.mktemp("metrics"), "metrics") as (node,):
        off = scrape(node, tmp_path)
        assert (off.status, off.body.decode().partition(";")[0]) == (404, "metrics are off")
        config = (node.folder.parents[1] / "controlplane.yaml").read_bytes()
        put(node, merge_text(read(config, "old"), METRICS))
        scrape(node, tmp_path)
        answer = scrape(node, tmp_path)
        assert (answer.version, answer.status) == ("HTTP/2", 200)
        assert answer.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
        text = answer.body.decode()
        assert text.endswith("\n# EOF\n")
        assert_true(node, values(text))
        assert b"PRIVATE" not in answer.body
        put(node, config)
        assert scrape(node, tmp_path).status == 404


def assert_true(node: Node, found: Values) -> None:
    """Beside what this machine and other calls say of the node."""
    memory = int(Path("/proc/meminfo").read_text().split()[1])
    assert found["node_memory_MemTotal_bytes"][()] == memory * 1024
    assert found["node_network_receive_bytes_total"].keys() >= {("lo",), ("eth0",)}
    assert {process for (process,) in found["ichor_process_resident_memory_bytes"]} == PROCESSES
    status = Path(f"/proc/{node.pid('ichor-machined')}/status").read_text()
    resident = int(status.partition("VmRSS:")[2].split()[0]) * 1024
    assert found["ichor_process_resident_memory_bytes"]["machined",] == pytest.approx(resident, rel=0.2)
    assert found["ichor_service_healthy"]["apid",] == 1
    assert found["ichor_service_state"]["containerd", "Running"] == 1
    assert found["ichor_rpc_duration_seconds_count"]["apid", "/metrics", "OK"] == 1
    assert found["ichor_rpc_duration_seconds_count"]["machined", "/ichor.metrics.Metrics/Read", "OK"] == 1
    assert found["ichor_rpc_duration_seconds_count"]["machined", "/ichor.metrics.Metrics/Read", "NOT_FOUND"] == 1
    assert found["ichor_rpc_connections"]["apid",] >= 1
    assert found["ichor_controller_run_seconds_count"]["config.AcquireController",] > 0
    assert found["ichor_controller_pending"].keys() == found["ichor_controller_failures_total"].keys()
    ends = found["ichor_certificate_expiry_timestamp_seconds"]
    assert ends["apid",] == ends["api-server",] < ends["os-ca",]
    boot = (node.root / "proc/sys/kernel/random/boot_id").read_text().strip()
    assert found["ichor_boot_info"] == {(boot,): 1}
    assert len(found["ichor_build_info"]) == 1
