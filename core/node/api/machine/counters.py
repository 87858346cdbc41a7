"""What the kernel counts and measures, from its tables in /proc: memory, load, network devices, disks, the name."""

import os
from collections.abc import Iterable
from typing import Any, TypeVar

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from core.base import offload
from core.linux import proc
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.service import Method, unary

T = TypeVar("T", bound=Message)


def methods() -> dict[str, Method]:
    """What is served from here."""
    return {
        "DiskStats": unary(disk_stats, Empty, pb.DiskStatsResponse),
        "Hostname": unary(hostname, Empty, pb.HostnameResponse),
        "LoadAvg": unary(load_avg, Empty, pb.LoadAvgResponse),
        "Memory": unary(memory, Empty, pb.MemoryResponse),
        "NetworkDeviceStats": unary(network_device_stats, Empty, pb.NetworkDeviceStatsResponse),
    }


async def hostname(ctx: Any, request: Empty) -> pb.HostnameResponse:
    """The kernel's host name."""
    return pb.HostnameResponse(messages=[pb.Hostname(hostname=os.uname().nodename)])


async def load_avg(ctx: Any, request: Empty) -> pb.LoadAvgResponse:
    """Means over 1, 5 and 15 minutes."""
    one, five, fifteen = map(float, proc.text("loadavg").split()[:3])
    return pb.LoadAvgResponse(messages=[pb.LoadAvg(load1=one, load5=five, load15=fifteen)])


async def memory(ctx: Any, request: Empty) -> pb.MemoryResponse:
    """/proc/meminfo in its own units: KiB, and pages for hugepages."""
    return pb.MemoryResponse(messages=[pb.Memory(meminfo=meminfo(proc.text("meminfo")))])


def meminfo(table: str) -> pb.MemInfo:
    """The message: its fields are the kernel's keys without case and marks."""
    known = pb.MemInfo.DESCRIPTOR.fields_by_name
    values = {"".join(filter(str.isalnum, key)).lower(): value for key, value in proc.pairs(table)}
    return pb.MemInfo(**{key: int(value.split()[0]) for key, value in values.items() if key in known})


async def network_device_stats(ctx: Any, request: Empty) -> pb.NetworkDeviceStatsResponse:
    """Every link of the node's network namespace, and their sum."""
    found = net_devices(await offload.call(proc.text, "net/dev"))
    total = summed(pb.NetDev(), found)
    total.name = "Total"
    return pb.NetworkDeviceStatsResponse(messages=[pb.NetworkDeviceStats(total=total, devices=found)])


def net_devices(table: str) -> list[pb.NetDev]:
    """The lines of /proc/net/dev below its two headings."""
    return [filled(pb.NetDev(name=name), map(int, counts.split())) for name, counts in list(proc.pairs(table))[2:]]


async def disk_stats(ctx: Any, request: Empty) -> pb.DiskStatsResponse:
    """Every disk and partition that the kernel shows, and their sum: partitions count for their disk once more."""
    found = disks(proc.text("diskstats"))
    return pb.DiskStatsResponse(messages=[pb.DiskStats(total=summed(pb.DiskStat(), found), devices=found)])


def disks(table: str) -> list[pb.DiskStat]:
    """The lines of /proc/diskstats (Documentation/admin-guide/iostats.rst)."""
    return [filled(pb.DiskStat(name=fields[2]), map(int, fields[3:])) for fields in proc.rows(table)]


def filled(message: T, values: Iterable[float]) -> T:
    """The message with its numbers, in the order of their definition: for these it is the kernel's. Newer kernels have
    more at the end, older ones fewer."""
    numbers = (field.name for field in message.DESCRIPTOR.fields if field.cpp_type != field.CPPTYPE_STRING)
    for name, value in zip(numbers, values, strict=False):
        setattr(message, name, value)
    return message


def summed(total: T, parts: list[T]) -> T:
    """The sum of every number of `parts`, in `total`."""
    for field in total.DESCRIPTOR.fields:
        if field.cpp_type == field.CPPTYPE_UINT64:
            setattr(total, field.name, sum(getattr(part, field.name) for part in parts))
    return total
