"""What this machine looks like from outside a node: everything a container node must leave as it was. `snapshot()`
before and after, `difference()` in words."""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

# counters, addresses of the moment and what the kernel moves by itself
_VOLATILE = re.compile(
    r"^(fs/(dentry-state|file-nr|inode-nr|inode-state|quota/)|kernel/(random/|ns_last_pid|pty/nr|sched_domain)"
    r"|net/(netfilter/nf_conntrack_count|ipv[46]/(conf|neigh)/(veth|ich|iv)|ipv4/tcp_mem)|debug/)"
)


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
    """Processes that are not this one's children or the kernel's, by pid and command line."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        if any(word in command for word in ("core.provision.keeper", "containerd", "ichor", "qemu-system")):
            found.add(f"{process.name} {command}")
    return found


def clock() -> set[str]:
    """The clock source and whether anybody disciplines the clock."""
    base = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
    return {base.read_text().strip()}


_LOOKS: dict[str, Callable[[], set[str]]] = {
    "sysctl": sysctls,
    "mount": mounts,
    "cgroup": cgroups,
    "namespace": namespaces,
    "loop device": loops,
    "link": links,
    "address or route": addresses,
    "process": processes,
    "clock source": clock,
}


def snapshot() -> dict[str, set[str]]:
    """All of it."""
    return {name: look() for name, look in _LOOKS.items()}


def difference(before: dict[str, set[str]], after: dict[str, set[str]]) -> list[str]:
    """One line for each thing that is gone or new, sorted."""
    lines = []
    for name in before:
        lines += [f"{name} gone: {item}" for item in sorted(before[name] - after[name])]
        lines += [f"{name} new: {item}" for item in sorted(after[name] - before[name])]
    return lines


def _lines(*command: str) -> list[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [" ".join(re.sub(r"(valid_lft|preferred_lft) \S+", "", line).split()) for line in done.stdout.splitlines()]
