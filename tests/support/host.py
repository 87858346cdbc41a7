"""What this machine looks like from outside a node: everything a container node must leave as it was. `snapshot()`
before and after, `difference()` in words."""

import ctypes
import os
import re
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from ext.sys import slew_left

# counters, addresses of the moment and what the kernel moves by itself
_VOLATILE = re.compile(
    r"^(fs/(dentry-state|file-nr|inode-nr|inode-state|quota/)|kernel/(random/|ns_last_pid|pty/nr|sched_domain)"
    r"|net/(netfilter/nf_conntrack_count|ipv[46]/(conf|neigh)/(veth|ich|iv)|ipv4/tcp_mem)|debug/)"
)
_OURS = re.compile(r"(init|ichor-.*|launch|containerd.*|runc|qemu-system.*|hello)$")


def sysctls() -> set[str]:
    """Every readable sysctl as `name=value`."""
    found = set()
    root = Path("/proc/sys")
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder) / name
            key = str(path.relative_to(root))
            if _VOLATILE.match(key) or not path.stat().st_mode & 0o444:
                continue
            try:
                found.add(f"{key}={path.read_text().strip()}")
            except OSError:
                continue  # some are readable only in another state of the kernel
    return found


def mounts() -> set[str]:
    """Mount points and what is on them."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return {" ".join([line.split()[4], *line.partition(" - ")[2].split()[:2]]) for line in lines}


def cgroups() -> set[str]:
    """Every folder of every hierarchy."""
    return {folder for folder, _, _ in os.walk("/sys/fs/cgroup")}


def namespaces() -> set[str]:
    """Every namespace that a process is in."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found |= {str(link.readlink()) for link in (process / "ns").iterdir()}
        except OSError:
            continue  # the process ended while it was looked at
    return found


def loops() -> set[str]:
    """Attached loop devices."""
    return set(_lines("losetup", "--list", "--noheadings", "--output", "NAME,BACK-FILE"))


def links() -> set[str]:
    """Network links by name."""
    return {path.name for path in Path("/sys/class/net").iterdir()}


def addresses() -> set[str]:
    """Addresses and routes."""
    return {*_lines("ip", "-oneline", "address"), *_lines("ip", "route", "show", "table", "all")}


def processes() -> set[str]:
    """Everything that runs for nodes, by pid and name: keepers, what nodes are made of, emulators."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            name, words = (process / "comm").read_text().strip(), (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue  # it ended while it was looked at
        if b"core.provision.keeper" in words or _OURS.match(name):
            found.add(f"{process.name} {name}")
    return found


def clock() -> set[str]:
    """The clock source, what the kernel is told of its rate, and whether somebody stepped it since this module was
    loaded."""
    source = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource").read_text().strip()
    state = ctypes.create_string_buffer(256)  # struct timex; modes 0 only reads
    ctypes.CDLL(None, use_errno=True).adjtimex(state)
    _, _, frequency, _, _, status = struct.unpack_from("@Illlli", state)
    stepped = f"stepped by {round(10 * (_ahead() - _AHEAD))} tenths of a second"
    return {f"source {source}", f"frequency {frequency}", f"status {status}", f"slewing {slew_left()} us", stepped}


def _ahead() -> float:
    """How far the wall clock is ahead of the time since boot."""
    return time.clock_gettime(time.CLOCK_REALTIME) - time.clock_gettime(time.CLOCK_BOOTTIME)


_AHEAD = _ahead()
_LOOKS: dict[str, Callable[[], set[str]]] = {
    "sysctl": sysctls,
    "mount": mounts,
    "cgroup": cgroups,
    "namespace": namespaces,
    "loop device": loops,
    "link": links,
    "address or route": addresses,
    "process": processes,
    "clock": clock,
}


# with processes of others, which may end while nodes run
_COME_AND_GO = ("cgroup", "namespace", "process")


def snapshot() -> dict[str, set[str]]:
    """All of it."""
    return {name: look() for name, look in _LOOKS.items()}


def difference(before: dict[str, set[str]], after: dict[str, set[str]]) -> list[str]:
    """One line for each thing that is new, and for each that is gone and could not go by itself, sorted."""
    lines = []
    for name in before:
        gone = set() if name in _COME_AND_GO else before[name] - after[name]
        lines += [f"{name} gone: {item}" for item in sorted(gone)]
        lines += [f"{name} new: {item}" for item in sorted(after[name] - before[name])]
    return lines


def _lines(*command: str) -> list[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [" ".join(re.sub(r"(valid_lft|preferred_lft) \S+", "", line).split()) for line in done.stdout.splitlines()]
