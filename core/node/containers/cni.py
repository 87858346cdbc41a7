"""Networks for containers by CNI plugins (CNI SPEC.md, 1.0.0): plugins run one after the other, each given
what the one before it made. Owns no state: whoever attaches keeps the result for detaching."""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from core.base.clock import Clock
from core.base.errors import IchorError, Invalid
from core.linux.process import PATH, Spec, spawn
from ext import sys as kernel

PLUGINS: Final = Path("/opt/cni/bin")
VERSION: Final = "1.0.0"
DEADLINE: Final = 30.0


class PluginFailed(IchorError):
    """A plugin refused; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Port:
    """A port of the node that leads into the container."""

    host: int
    container: int
    protocol: str = "tcp"
    address: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """What attaching made: addresses with their prefixes, and the plugins' own words, which detaching takes again."""

    addresses: tuple[str, ...]
    result: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Network:
    """A configured list of plugins, run from `folder`."""

    config: Mapping[str, Any]
    clock: Clock
    folder: Path = PLUGINS

    async def attach(self, id_: str, netns: Path, ports: Sequence[Port] = (), interface: str = "eth0") -> Attachment:
        """Connect the network namespace. If a plugin refuses, what the others made is undone, then PluginFailed."""
        result: dict[str, Any] | None = None
        for plugin in self.config["plugins"]:
            try:
                result = await self._run("ADD", plugin, id_, str(netns), ports, interface, result) or result
            except PluginFailed:
                await self.detach(id_, netns, ports, interface, result)
                raise
        made = result or {}
        return Attachment(tuple(ip["address"] for ip in made.get("ips", ())), made)

    async def detach(
        self,
        id_: str,
        netns: Path | None,
        ports: Sequence[Port] = (),
        interface: str = "eth0",
        result: dict[str, Any] | None = None,
    ) -> None:
        """Undo it, the last plugin first. The namespace may be gone already: None."""
        for plugin in reversed(self.config["plugins"]):
            await self._run("DEL", plugin, id_, str(netns or ""), ports, interface, result)

    async def _run(
        self,
        command: str,
        plugin: Mapping[str, Any],
        id_: str,
        netns: str,
        ports: Sequence[Port],
        interface: str,
        previous: dict[str, Any] | None,
    ) -> dict[str, Any] | None:
        config = {"cniVersion": self.config["cniVersion"], "name": self.config["name"], **plugin}
        if previous is not None:
            config["prevResult"] = previous
        if plugin.get("capabilities", {}).get("portMappings"):
            config["runtimeConfig"] = {"portMappings": [_mapping(port) for port in ports]}
        env = {
            "PATH": PATH,
            "CNI_COMMAND": command,
            "CNI_CONTAINERID": id_,
            "CNI_NETNS": netns,
            "CNI_IFNAME": interface,
            "CNI_PATH": str(self.folder),
        }
        code, output = await _execute(self.folder / str(plugin["type"]), env, msgspec.json.encode(config), self.clock)
        if code:
            raise PluginFailed(f"CNI plugin {plugin['type']} refused {command} for {id_}: {_complaint(code, output)}")
        return _decoded(output, str(plugin["type"])) if command == "ADD" and output.strip() else None


def bridge(
    name: str, device: str, *subnets: str, data: Path = Path("/var/lib/cni/networks"), masquerade: bool = True
) -> dict[str, Any]:
    """The usual list: a bridge that is the gateway, addresses of each range kept in files, ports of the node."""
    addresses = {"type": "host-local", "dataDir": str(data), "ranges": [[{"subnet": subnet}] for subnet in subnets]}
    families = dict.fromkeys("::/0" if ":" in subnet else "0.0.0.0/0" for subnet in subnets)
    routed = {**addresses, "routes": [{"dst": everywhere} for everywhere in families]}
    return {
        "cniVersion": VERSION,
        "name": name,
        "plugins": [
            {
                "type": "bridge",
                "bridge": device,
                "isGateway": True,
                "ipMasq": masquerade,
                "hairpinMode": True,
                "ipam": routed,
            },
            {"type": "portmap", "snat": True, "capabilities": {"portMappings": True}},
        ],
    }


def loopback() -> dict[str, Any]:
    """The list that brings `lo` up."""
    return {"cniVersion": VERSION, "name": "loopback", "plugins": [{"type": "loopback"}]}


async def _execute(plugin: Path, env: Mapping[str, str], config: bytes, clock: Clock) -> tuple[int, bytes]:
    with ExitStack() as stack:
        fds = [kernel.memfd_create(name, kernel.MFD_CLOEXEC) for name in ("config", "output", "log")]
        for fd in fds:
            stack.callback(os.close, fd)
        os.pwrite(fds[0], config, 0)
        process = stack.enter_context(spawn(Spec((str(plugin),), env, stdin=fds[0], stdout=fds[1], stderr=fds[2])))
        try:
            async with asyncio.timeout(DEADLINE):
                exit_ = await process.wait(clock)
        except (TimeoutError, asyncio.CancelledError):
            process.signal(signal.SIGKILL)
            await asyncio.shield(process.wait(clock))
            raise
        code = os.waitstatus_to_exitcode(exit_.status)
        output = os.pread(fds[1], 1 << 20, 0)
        return code, output or (os.pread(fds[2], 1 << 12, 0) if code else b"")


def _complaint(code: int, output: bytes) -> str:
    try:
        error = msgspec.json.decode(output)
        return f"{error['msg']} {error.get('details', '')}".strip()
    except (msgspec.MsgspecError, UnicodeDecodeError, KeyError, TypeError):
        return output.decode(errors="replace").strip() or f"exit code {code}"


def _decoded(output: bytes, plugin: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(output, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Invalid(f"CNI plugin {plugin} answered no JSON: {error}") from error


def _mapping(port: Port) -> dict[str, Any]:
    made: dict[str, Any] = {"hostPort": port.host, "containerPort": port.container, "protocol": port.protocol}
    return {**made, "hostIP": port.address} if port.address else made
