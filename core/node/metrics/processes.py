"""What single processes use, by a name of ours and not by their pid, which changes."""

import resource
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from core.codec.openmetrics import Family
from core.linux import proc
from core.linux.proc import PROC, TICKS

PAGE: Final = resource.getpagesize()


def families(pids: Mapping[str, int], root: Path = PROC) -> list[Family]:
    """Of the processes with these names. One that has ended is left out. Columns of proc(5), /proc/pid/stat."""
    cpu = Family("ichor_process_cpu_seconds", "counter", "Processor time used.")
    resident = Family("ichor_process_resident_memory_bytes", "gauge", "Memory in use, shared pages too.")
    virtual = Family("ichor_process_virtual_memory_bytes", "gauge", "Address space in use.")
    threads = Family("ichor_process_threads", "gauge", "Threads.")
    faults = Family("ichor_process_major_page_faults", "counter", "Pages that had to come from a disk.")
    opened = Family("ichor_process_open_fds", "gauge", "Open descriptors.")
    for name, pid in pids.items():
        try:
            fields = proc.text(f"{pid}/stat", root).rpartition(")")[2].split()
            descriptors = sum(1 for _ in (root / str(pid) / "fd").iterdir())
        except (FileNotFoundError, ProcessLookupError):
            continue
        cpu.add((int(fields[11]) + int(fields[12])) / TICKS, process=name)
        resident.add(max(int(fields[21]), 0) * PAGE, process=name)
        virtual.add(int(fields[20]), process=name)
        threads.add(int(fields[17]), process=name)
        faults.add(int(fields[9]), process=name)
        opened.add(descriptors, process=name)
    return [cpu, resident, virtual, threads, faults, opened]
