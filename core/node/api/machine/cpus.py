"""Processors: what they are, how fast they run now, what they did since the boot."""

from pathlib import Path
from typing import Any, Final

from google.protobuf.empty_pb2 import Empty

from core.base import offload
from core.linux import proc
from core.linux.proc import TICKS
from core.node.api.machine.counters import filled
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.service import Method, unary

CPUS: Final = Path("/sys/devices/system/cpu")
# keys of /proc/cpuinfo whose fields are named otherwise; the rest have underscores for blanks
_OTHERWISE: Final = {
    "apicid": "apic_id",
    "bogomips": "bogo_mips",
    "clflush size": "cl_flush_size",
    "cpu MHz": "cpu_mhz",
    "cpuid level": "cpu_id_level",
    "initial apicid": "initial_apic_id",
}
_LISTS: Final = ("bugs", "flags")
_COUNTS: Final = {
    "btime": "boot_time",
    "ctxt": "context_switches",
    "processes": "process_created",
    "procs_running": "process_running",
    "procs_blocked": "process_blocked",
}


def methods() -> dict[str, Method]:
    """What is served from here."""
    return {
        "CPUFreqStats": unary(frequencies, Empty, pb.CPUFreqStatsResponse),
        "CPUInfo": unary(info, Empty, pb.CPUInfoResponse),
        "SystemStat": unary(system_stat, Empty, pb.SystemStatResponse),
    }


async def info(ctx: Any, request: Empty) -> pb.CPUInfoResponse:
    """Each processor. On a thread: to tell their speed, the kernel measures it."""
    found = processors(await offload.call(proc.text, "cpuinfo"))
    return pb.CPUInfoResponse(messages=[pb.CPUsInfo(cpu_info=found)])


def processors(table: str) -> list[pb.CPUInfo]:
    """The groups of /proc/cpuinfo."""
    found: list[pb.CPUInfo] = []
    for key, value in proc.pairs(table):
        if key == "processor":
            found.append(pb.CPUInfo())
        field = pb.CPUInfo.DESCRIPTOR.fields_by_name.get(_OTHERWISE.get(key, key.replace(" ", "_")))
        if field is None:
            continue
        if field.name in _LISTS:
            getattr(found[-1], field.name).extend(value.split())
        elif field.cpp_type == field.CPPTYPE_STRING:
            setattr(found[-1], field.name, value)
        else:
            setattr(found[-1], field.name, float(value) if field.cpp_type == field.CPPTYPE_DOUBLE else int(value))
    return found


async def frequencies(ctx: Any, request: Empty) -> pb.CPUFreqStatsResponse:
    """Each processor that the kernel governs, in kHz; none in most virtual machines."""
    found = await offload.call(governed, CPUS)
    return pb.CPUFreqStatsResponse(messages=[pb.CPUsFreqStats(cpu_freq_stats=found)])


def governed(root: Path) -> list[pb.CPUFreqStats]:
    """What is in the cpufreq folders, by the processors' numbers."""
    folders = sorted(root.glob("cpu[0-9]*/cpufreq"), key=lambda folder: int(folder.parent.name.removeprefix("cpu")))
    return [
        pb.CPUFreqStats(
            current_frequency=int(_word(folder / "scaling_cur_freq") or 0),
            minimum_frequency=int(_word(folder / "cpuinfo_min_freq") or 0),
            maximum_frequency=int(_word(folder / "cpuinfo_max_freq") or 0),
            governor=_word(folder / "scaling_governor"),
        )
        for folder in folders
    ]


def _word(path: Path) -> str:
    """A file's one word; nothing where a driver does not have it, or the processor went offline."""
    try:
        word = path.read_text().strip()
    except OSError:
        return ""
    return "" if word == "<unknown>" else word


async def system_stat(ctx: Any, request: Empty) -> pb.SystemStatResponse:
    """/proc/stat: times in seconds, counts since the boot."""
    return pb.SystemStatResponse(messages=[stat(await offload.call(proc.text, "stat"))])


def stat(table: str) -> pb.SystemStat:
    """The message."""
    found = pb.SystemStat()
    for name, *values in proc.rows(table):
        if name == "cpu":
            filled(found.cpu_total, _seconds(values))
        elif name.startswith("cpu"):
            filled(found.cpu.add(), _seconds(values))
        elif name == "intr":
            found.irq_total, *each = map(int, values)
            found.irq.extend(each)
        elif name == "softirq":
            found.soft_irq_total = int(values[0])
            filled(found.soft_irq, map(int, values[1:]))
        elif name in _COUNTS:
            setattr(found, _COUNTS[name], int(values[0]))
    return found


def _seconds(ticks: list[str]) -> list[float]:
    return [int(count) / TICKS for count in ticks]
