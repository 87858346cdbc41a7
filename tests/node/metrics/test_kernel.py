"""The kernel's tables as metrics: of this machine, beside what other programs say of it, and of tables written down."""

import os
import subprocess
from pathlib import Path

import pytest

from core.node.metrics import kernel, processes
from tests.support.exposition import read

DISK = " 253 0 vda 10 1 80 250 20 2 160 500 3 750 1000 0 0 0 0 0 0\n   7 0 loop0 1 0 8 0 0 0 0 0 0 0 0\n"
NET = """Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0
  eth0:    2000      20    3    4    5     6          7         8     3000      30    9   10   11    12      13         14
"""  # noqa: E501 # as the kernel writes it
STAT = """cpu  300 0 100 1000 5 0 0 0 0 0
cpu0 100 0 50 500 5 0 0 0 0 0
cpu1 200 0 50 500 0 0 0 0 0 0
intr 1234 0 9
ctxt 5678
btime 1700000000
processes 42
procs_running 2
procs_blocked 1
"""
MEMINFO = "MemTotal:        2048 kB\nActive(anon):      4 kB\nHugePages_Total:       3\n"
PSI = "some avg10=1.00 avg60=0.50 avg300=0.10 total=2500000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1\n"


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    (tmp_path / "pressure").mkdir()
    (tmp_path / "net").mkdir()
    for name, text in {
        "diskstats": DISK,
        "net/dev": NET,
        "stat": STAT,
        "meminfo": MEMINFO,
        "loadavg": "0.10 0.20 0.30 1/99 1234\n",
        "pressure/cpu": PSI,
        "pressure/io": PSI,
        "uptime": "77.25 100.00\n",
    }.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_tables(tables: Path) -> None:
    found, ticks = read(*kernel.families(tables)), os.sysconf("SC_CLK_TCK")
    alone = {name: values[()] for name, values in found.items() if () in values}
    assert alone == {
        "node_boot_time_seconds": 1700000000,
        "node_context_switches_total": 5678,
        "node_intr_total": 1234,
        "node_forks_total": 42,
        "node_procs_running": 2,
        "node_procs_blocked": 1,
        "node_memory_MemTotal_bytes": 2048 * 1024,
        "node_memory_Active_anon_bytes": 4096,
        "node_memory_HugePages_Total": 3,
        "node_load1": 0.1,
        "node_load5": 0.2,
        "node_load15": 0.3,
        "node_pressure_cpu_waiting_seconds_total": 2.5,
        "node_pressure_io_waiting_seconds_total": 2.5,
        "node_pressure_io_stalled_seconds_total": 1e-6,
        "ichor_uptime_seconds": 77.25,
    }
    assert found["node_cpu_seconds_total"]["1", "user"] == 200 / ticks
    assert found["node_cpu_seconds_total"]["0", "iowait"] == 5 / ticks
    assert len(found["node_cpu_seconds_total"]) == 16
    disk = {name: values for name, values in found.items() if name.startswith("node_disk_")}
    assert disk == {
        "node_disk_reads_completed_total": {("vda",): 10},
        "node_disk_read_bytes_total": {("vda",): 80 * 512},
        "node_disk_read_time_seconds_total": {("vda",): 0.25},
        "node_disk_writes_completed_total": {("vda",): 20},
        "node_disk_written_bytes_total": {("vda",): 160 * 512},
        "node_disk_write_time_seconds_total": {("vda",): 0.5},
        "node_disk_io_now": {("vda",): 3},
        "node_disk_io_time_seconds_total": {("vda",): 0.75},
    }
    link = {name: values["eth0",] for name, values in found.items() if name.startswith("node_network_")}
    assert len(link) == 16
    assert link["node_network_receive_bytes_total"] == 2000
    assert link["node_network_receive_multicast_total"] == 8
    assert link["node_network_transmit_bytes_total"] == 3000
    assert link["node_network_transmit_carrier_total"] == 13


def test_this_machine() -> None:
    found = read(*kernel.families())
    free = subprocess.run(["free", "--bytes"], capture_output=True, text=True, check=True).stdout
    assert found["node_memory_MemTotal_bytes"][()] == int(free.split()[7])
    assert {cpu for cpu, _ in found["node_cpu_seconds_total"]} == {str(n) for n in range(os.cpu_count() or 0)}
    assert found["node_network_receive_bytes_total"].keys() == {(name,) for name in os.listdir("/sys/class/net")}  # noqa: PTH208
    assert found["ichor_uptime_seconds"][()] > 0


def test_processes() -> None:
    with subprocess.Popen(["sleep", "1000"]) as other:
        found = read(*processes.families({"own": os.getpid(), "other": other.pid, "nobody": 2**22 + 1}))
        other.kill()
    names = "cpu_seconds_total resident_memory_bytes virtual_memory_bytes threads major_page_faults_total open_fds"
    assert set(found) == {f"ichor_process_{name}" for name in names.split()}
    assert all(values.keys() == {("own",), ("other",)} for values in found.values())
    assert found["ichor_process_threads"]["other",] == 1
    assert found["ichor_process_resident_memory_bytes"]["own",] > found["ichor_process_resident_memory_bytes"]["other",]
