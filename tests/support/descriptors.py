"""What a process of a node has open, by kind and number; and what each daemon must have when nobody calls."""

from collections import Counter
from pathlib import Path
from typing import Final

# of uvloop: it wakes itself by a pair of sockets, and libuv by an eventfd and pipes
_LOOP: Final = Counter({"eventpoll": 1, "eventfd": 1, "pipe": 4, "unix": 2})

QUIET: Final[dict[str, Counter[str]]] = {
    # init, a control socket and a pidfd for each daemon
    "ichor-spawner": Counter({"/dev/null": 1, "console": 2, "unix": 4, "pidfd": 3}),
    # its output; the spawner, machined, the door
    "ichor-apid": _LOOP + Counter({"/dev/null": 1, "pipe": 2, "unix": 2, "tcp": 1}),
    "ichor-trustd": _LOOP + Counter({"/dev/null": 1, "pipe": 2, "unix": 2, "tcp": 1}),
    # init, the spawner, the doors of apid and trustd and both, containerd by two, the balancer; whether these two have
    # ended; what outlives it; both ends of the logs that come by pipe; where the kubelet asks, as it is kept and as it
    # is served (libuv has a file in hand there), and where other control planes ask until there is an etcd
    "ichor-machined": _LOOP
    + Counter({"/dev/null": 2, "/dev/kmsg": 1, "console": 2, "pidfd": 2, "unix": 9, "netlink": 5, "pipe": 8})
    + Counter({"eventpoll": 1, "tcp": 3})
    + Counter(f"memfd ichor-{name}" for name in ("sequence", "config", "services", "joined", "static-pods"))
    + Counter(f"memfd ichor-certificates.{name}" for name in ("etcd", "kubeconfigs", "kube-apiserver"))
    + Counter({"memfd events": 1})
    + Counter(f"memfd ring:{id_}" for id_ in ("apid", "containerd", "imagecheck", "kernel"))
    + Counter(f"memfd ring:{id_}" for id_ in ("kubeprism", "machined", "trustd")),
}


def descriptors(pid: int) -> Counter[str]:
    """By kind: sockets by family, others by the name that the kernel gives."""
    sockets = _sockets(pid)
    found: Counter[str] = Counter()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(entry.readlink())
        except FileNotFoundError:
            continue  # it was closed while it was looked at
        kind, _, inode = target.partition(":")
        if kind == "socket":
            found[sockets.get(inode.strip("[]"), "socket")] += 1
        elif target.startswith("/memfd:"):
            found[f"memfd {target.removeprefix('/memfd:').partition(' ')[0]}"] += 1
        elif target.endswith("/console.log"):
            found["console"] += 1
        else:
            found["pipe" if kind == "pipe" else inode.strip("[]") if kind == "anon_inode" else target] += 1
    return found


def _sockets(pid: int) -> dict[str, str]:
    """Inode -> family, in the process's network namespace."""
    columns = {"unix": 6, "netlink": 9, "tcp": 9, "tcp6": 9, "udp": 9, "udp6": 9, "packet": 8}
    found = {}
    for family, column in columns.items():
        path = Path(f"/proc/{pid}/net/{family}")
        for line in path.read_text().splitlines()[1:] if path.exists() else ():
            found[line.split()[column]] = family.rstrip("6")
    return found
