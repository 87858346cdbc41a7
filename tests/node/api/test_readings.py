"""What the node reads of itself, over a socket, beside what the system's own tools read of it."""

import asyncio
import json
import os
import subprocess
from pathlib import Path

import pytest
from google.protobuf.message import Message

from core.node.api.machine import counters, cpus, mounts, processes
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.pb.machine import storage_pb2
from core.rpc.status import Code, RpcError
from tests.node.api.calls import calling
from tests.support.clock import on_loop


async def told(*command: str) -> str:
    """What a program of the system prints."""
    run = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    return run.stdout


@on_loop
async def test_memory_is_what_free_says() -> None:
    async with calling(counters.methods()) as caller:
        answer = await caller.one("Memory", pb.MemoryResponse)
    (message,) = answer.messages
    assert not message.HasField("metadata")
    total, swap = (line.split() for line in (await told("free", "--kibi")).splitlines()[1:])
    assert (message.meminfo.memtotal, message.meminfo.swaptotal) == (int(total[1]), int(swap[1]))
    assert 0 < message.meminfo.memavailable < message.meminfo.memtotal


def test_every_field_of_meminfo_that_the_kernel_has() -> None:
    keys = ["Active(anon)", "NFS_Unstable", "Committed_AS", "HugePages_Total", "DirectMap2M", "ShmemPmdMapped"]
    found = counters.meminfo("".join(f"{key}:   {n} kB\n" for n, key in enumerate(keys, 1)) + "Zswap: 9 kB\n")
    names = [
        "activeanon",
        "nfsunstable",
        "committedas",
        "hugepagestotal",
        "directmap2m",
        "shmempmdmapped",
    ]
    assert [getattr(found, name) for name in names] == list(range(1, 7))
    assert len(found.ListFields()) == 6


@on_loop
async def test_name_and_load() -> None:
    async with calling(counters.methods()) as caller:
        names = await caller.one("Hostname", pb.HostnameResponse)
        load = await caller.one("LoadAvg", pb.LoadAvgResponse)
    assert names.messages[0].hostname == (await told("uname", "-n")).strip()
    assert all(value >= 0 for value in (load.messages[0].load1, load.messages[0].load5, load.messages[0].load15))


@on_loop
async def test_network_devices_are_what_ip_says() -> None:
    before = json.loads(await told("ip", "-j", "-s", "link"))
    async with calling(counters.methods()) as caller:
        (message,) = (await caller.one("NetworkDeviceStats", pb.NetworkDeviceStatsResponse)).messages
    after = json.loads(await told("ip", "-j", "-s", "link"))
    found = {device.name: device for device in message.devices}
    assert {link["ifname"] for link in before} & {link["ifname"] for link in after} <= found.keys()
    for old, new in zip(before, after, strict=False):
        if old["ifname"] == new["ifname"] in found:
            for way, kinds in (("rx", ("bytes", "packets", "dropped")), ("tx", ("bytes", "packets", "errors"))):
                for kind in kinds:
                    seen = getattr(found[new["ifname"]], f"{way}_{kind}")
                    assert old["stats64"][way][kind] <= seen <= new["stats64"][way][kind]
    assert (message.total.name, message.total.rx_bytes) == ("Total", sum(d.rx_bytes for d in message.devices))


def test_a_line_of_net_dev_in_its_order() -> None:
    heading = "Inter-|   Receive |  Transmit\n face |bytes packets | bytes\n"
    (found,) = counters.net_devices(heading + "eth0.5: " + " ".join(map(str, range(1, 17))))
    assert [field.number - 1 for field, _ in found.ListFields()] == list(range(17))
    assert [value for _, value in found.ListFields()] == ["eth0.5", *range(1, 17)]


def test_lines_of_diskstats_of_all_kernels() -> None:
    old, new = counters.disks(f"8 0 sda {' '.join(['7'] * 11)}\n259 1 nvme0n1p1 {' '.join(map(str, range(1, 18)))}\n")
    assert (old.name, old.io_time_weighted_ms, old.discard_completed) == ("sda", 7, 0)
    assert [value for _, value in new.ListFields()] == ["nvme0n1p1", *range(1, 16)]


@on_loop
async def test_disks_are_those_of_the_kernel() -> None:
    async with calling(counters.methods()) as caller:
        (message,) = (await caller.one("DiskStats", pb.DiskStatsResponse)).messages
    names = (await told("lsblk", "--all", "--noheadings", "--raw", "--output", "NAME")).split()
    assert {device.name for device in message.devices} <= set(names)
    assert message.total.read_sectors == sum(device.read_sectors for device in message.devices)


@on_loop
async def test_processors() -> None:
    async with calling(cpus.methods()) as caller:
        (message,) = (await caller.one("CPUInfo", pb.CPUInfoResponse)).messages
        await caller.one("CPUFreqStats", pb.CPUFreqStatsResponse)
    fields = {row["field"]: row["data"] for row in json.loads(await told("lscpu", "-J"))["lscpu"]}
    first = message.cpu_info[0]
    assert len(message.cpu_info) == os.cpu_count()
    assert (first.vendor_id, first.model_name, first.cpu_family, first.model, first.stepping) == tuple(
        fields[name] for name in ("Vendor ID:", "Model name:", "CPU family:", "Model:", "Stepping:")
    )
    assert set(first.flags) == set(fields["Flags:"].split())
    assert first.bogo_mips == float(fields["BogoMIPS:"])
    assert min(first.cpu_mhz, first.cl_flush_size, first.cpu_id_level, first.siblings) > 0
    assert [info.processor for info in message.cpu_info] == list(range(len(message.cpu_info)))


def test_frequencies_by_number_and_without_what_is_not_there(tmp_path: Path) -> None:
    for number, files in ((10, {"scaling_cur_freq": "800000"}), (9, {"scaling_governor": "powersave"})):
        folder = tmp_path / f"cpu{number}/cpufreq"
        folder.mkdir(parents=True)
        for name, value in files.items():
            (folder / name).write_text(f"{value}\n")
    (tmp_path / "cpu11").mkdir()
    assert cpus.governed(tmp_path) == [
        pb.CPUFreqStats(governor="powersave"),
        pb.CPUFreqStats(current_frequency=800000),
    ]


@on_loop
async def test_the_systems_own_counts() -> None:
    def counts() -> tuple[int, ...]:
        rows = dict(line.split(" ", 1) for line in Path("/proc/stat").read_text().splitlines())
        return tuple(int(rows[name].split()[0]) for name in ("ctxt", "processes", "intr", "softirq"))

    before = counts()
    async with calling(cpus.methods()) as caller:
        (found,) = (await caller.one("SystemStat", pb.SystemStatResponse)).messages
    seen = (found.context_switches, found.process_created, found.irq_total, found.soft_irq_total)
    assert all(low <= value <= high for low, value, high in zip(before, seen, counts(), strict=True))
    assert len(found.cpu) == os.cpu_count()
    assert abs(sum(cpu.idle for cpu in found.cpu) - found.cpu_total.idle) < 1.0
    assert found.soft_irq.timer > 0
    assert found.boot_time == int(next(r for r in Path("/proc/stat").read_text().split("\n") if "btime" in r)[6:])


@on_loop
async def test_processes_are_what_ps_says() -> None:
    name = "a) b ("
    pipe = asyncio.subprocess.PIPE
    cat = await asyncio.create_subprocess_exec("bash", "-c", f"exec -a '{name}' cat", stdin=pipe, stdout=pipe)
    assert cat.stdin is not None
    assert cat.stdout is not None
    try:
        cat.stdin.write(b"!")
        assert await cat.stdout.read(1) == b"!"  # all of it is loaded now
        said = await told("ps", "-o", "ppid=,nlwp=,vsz=,comm=", "-p", str(cat.pid))
        async with calling(processes.methods()) as caller:
            (message,) = (await caller.one("Processes", pb.ProcessesResponse)).messages
    finally:
        cat.stdin.close()
        await cat.wait()
    found = {info.pid: info for info in message.processes}
    mine, ppid_threads_size_name = found[cat.pid], said.split()
    assert [str(mine.ppid), str(mine.threads), str(mine.virtual_memory >> 10), mine.command] == ppid_threads_size_name
    assert (mine.args, mine.executable) == (name, str(Path("/usr/bin/cat").resolve()))
    assert mine.virtual_memory > mine.resident_memory > 0
    assert mine.state in "SRD"
    assert found[os.getpid()].cpu_time > 0
    assert found[2].executable == found[2].args == ""  # kthreadd
    assert list(found) == sorted(found)


def test_a_name_with_brackets_and_a_process_that_went(tmp_path: Path) -> None:
    for pid, stat in (("7", f"7 (a) (b) S 1 {' '.join(['0'] * 48)}"), ("8", "")):
        (tmp_path / pid).mkdir()
        if stat:
            (tmp_path / pid / "stat").write_text(stat)
            (tmp_path / pid / "cmdline").write_text("")
    assert [(info.pid, info.ppid, info.command) for info in processes.table(tmp_path)] == [(7, 1, "a) (b")]


@on_loop
async def test_mounts_are_what_df_says(tmp_path: Path) -> None:
    target = tmp_path / "with blank"
    target.mkdir()
    file = tmp_path / "file"
    file.touch()
    await told("mount", "-t", "tmpfs", "-o", "size=1M", "ichor-test", str(target))
    await told("mount", "--bind", "/etc/hostname", str(file))
    try:
        async with calling(mounts.methods()) as caller:
            (message,) = (await caller.one("Mounts", pb.MountsResponse)).messages
    finally:
        await told("umount", str(file))
        await told("umount", str(target))
    found = {stat.mounted_on: stat for stat in message.stats}
    assert found[str(target)] == pb.MountStat(
        filesystem="ichor-test", size=1 << 20, available=1 << 20, mounted_on=str(target)
    )
    assert str(file) not in found
    assert found["/"].size == int((await told("df", "-B1", "--output=size", "/")).split()[1])


@on_loop
async def test_statfs_is_what_df_says() -> None:
    service = mounts.storage()
    reply = storage_pb2.StorageServiceStatfsResponse
    async with calling(dict(service.methods), service.name) as caller:
        found: Message = await caller.one("Statfs", reply, storage_pb2.StorageServiceStatfsRequest(path="/dev/shm"))
        with pytest.raises(RpcError) as caught:
            await caller.one("Statfs", reply, storage_pb2.StorageServiceStatfsRequest(path="/nowhere"))
    assert caught.value.code is Code.NOT_FOUND
    df = await told("df", "-B1", "--output=size,used,avail,itotal,iused,iavail", "/dev/shm")
    assert [getattr(found, field.name) for field in reply.DESCRIPTOR.fields] == list(
        map(int, df.split("\n")[1].split())
    )
