"""Names and addresses -> EtcFileSpec: hosts, resolv.conf and hostname as programs expect them."""

from collections.abc import Iterator
from typing import Final

from core.config.schema.network import HostEntry
from core.node import machineconfig
from core.node.resources.config import MachineConfig
from core.node.resources.files import EtcFileSpec
from core.node.resources.network import HostnameStatus, NodeAddress, ResolverStatus
from core.state import Controller, Scope, shared, weak

CONFIG: Final = MachineConfig.at(machineconfig.ACTIVE)
HOSTNAME: Final = HostnameStatus.at("hostname")
RESOLVERS: Final = ResolverStatus.at("resolvers")
DEFAULT_ADDRESS: Final = NodeAddress.at("default")
_MOST_SERVERS: Final = 3  # MAXNS of resolv.h; more are read by nobody


class EtcFiles(Controller):
    """Ids `hosts`, `resolv.conf`, `hostname`."""

    name = "network.EtcFileController"
    inputs = (weak(CONFIG), weak(HOSTNAME), weak(RESOLVERS), weak(DEFAULT_ADDRESS))
    outputs = (shared(EtcFileSpec),)

    async def reconcile(self, scope: Scope) -> None:
        config = scope.find(CONFIG)
        network = machineconfig.of(config).v1alpha1.machine.network if config is not None else None
        hostname, resolvers = scope.find(HOSTNAME), scope.find(RESOLVERS)
        address = scope.find(DEFAULT_ADDRESS)
        files: dict[str, str] = {}
        if resolvers is not None:
            derive = network is None or not network.disable_search_domain
            domain = hostname.spec.domainname if hostname is not None and derive else ""
            files["resolv.conf"] = resolv_conf(resolvers.spec, domain)
        if hostname is not None:
            own = address.spec.addresses[0].partition("/")[0] if address is not None else ""
            files["hostname"] = hostname.spec.hostname + "\n"
            files["hosts"] = hosts(hostname.spec, own, network.extra_host_entries if network is not None else ())
        scope.sync(EtcFileSpec.all(), {name: EtcFileSpec(contents=text.encode()) for name, text in files.items()})


def resolv_conf(resolvers: ResolverStatus, domain: str) -> str:
    """resolv.conf(5): the servers, and as search list what was asked for or else the node's own domain."""
    lines = [f"nameserver {server}" for server in resolvers.dns_servers[:_MOST_SERVERS]]
    search = resolvers.search_domains or ((domain,) if domain else ())
    return "\n".join([*lines, *([f"search {' '.join(search)}"] if search else []), ""])


def hosts(name: HostnameStatus, own: str, extra: tuple[HostEntry, ...]) -> str:
    """hosts(5), in columns."""
    rows = [("127.0.0.1", "localhost"), *_own(name, own)]
    rows += [
        ("::1", "localhost ip6-localhost ip6-loopback"),
        ("ff02::1", "ip6-allnodes"),
        ("ff02::2", "ip6-allrouters"),
    ]
    rows += [(entry.ip, " ".join(entry.aliases)) for entry in extra if entry.ip and entry.aliases]
    width = max(len(address) for address, _ in rows) + 1
    return "".join(f"{address:<{width}}{names}\n" for address, names in rows)


def _own(name: HostnameStatus, address: str) -> Iterator[tuple[str, str]]:
    if address:
        yield address, f"{name.fqdn} {name.hostname}" if name.domainname else name.hostname
