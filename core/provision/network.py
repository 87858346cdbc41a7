"""The cluster's wire on this machine: one bridge, a veth pair for each node. Every name derives from the cluster's
folder, so that making twice is making once, a crash leaves nothing that `remove` does not find, and clusters of one
name in two homes have nothing in common."""

import hashlib
import json
import os
import subprocess
from typing import Any

from core.base.errors import IchorError

MTU = 1500


def bridge_name(folder: str) -> str:
    """Of the cluster in that folder; at most 15 bytes, as IFNAMSIZ wants."""
    return f"ich{hashlib.sha256(os.fsencode(folder)).hexdigest()[:8]}"


def veth_name(bridge: str, node: str) -> str:
    """The host's end of a node's cable."""
    return f"iv{hashlib.sha256(f'{bridge}/{node}'.encode()).hexdigest()[:10]}"


def routes() -> list[dict[str, str]]:
    """All IPv4 routes of this machine, each with `dst`."""
    answer = _ip("-json", "-4", "route", "show", "table", "all")
    found: list[dict[str, str]] = json.loads(answer or "[]")
    return found


def make_bridge(bridge: str, gateway: str, prefix: int) -> None:
    """The bridge, up, holding the gateway's address."""
    if not exists(bridge):
        _ip("link", "add", bridge, "type", "bridge", "forward_delay", "0")
    _ip("address", "replace", f"{gateway}/{prefix}", "dev", bridge)
    _ip("link", "set", bridge, "mtu", str(MTU), "up")


def plug(bridge: str, veth: str, pid: int) -> None:
    """A cable between the bridge and `eth0` in the network namespace of `pid`; the node's end is left down."""
    remove(veth)
    _ip("link", "add", veth, "type", "veth", "peer", "name", "eth0", "netns", str(pid))
    _ip("link", "set", veth, "master", bridge, "up")


def remove(link: str) -> None:
    """Delete a link if it is there. A cable goes by itself with the namespace of its other end, maybe just now."""
    try:
        if exists(link):
            _ip("link", "delete", link)
    except IchorError:
        if exists(link):
            raise


def exists(link: str) -> bool:
    """Whether a link of that name is in this namespace."""
    found: list[dict[str, Any]] = json.loads(_ip("-json", "link", "show") or "[]")
    return any(entry["ifname"] == link for entry in found)


def _ip(*arguments: str) -> str:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise IchorError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout
