"""MachineConfig -> OSRoot: the authority of the API and who else is accepted."""

from collections.abc import Iterable
from ipaddress import ip_address

from core.node import machineconfig
from core.node.resources.config import MachineConfig
from core.node.resources.secrets import OSRoot
from core.node.resources.values import Certificate, CertificateAndKey
from core.state import Controller, Resource, Scope, transform


def os_root() -> Controller:
    """Id `os`. The issuing authority is the last of the accepted ones."""

    def derive(resource: Resource[MachineConfig], _: Scope) -> OSRoot | None:
        config = machineconfig.of(resource)
        if resource.md.id != machineconfig.ACTIVE or not config.complete:
            return None
        machine = config.v1alpha1.machine
        issuing = None if machine.ca is None else CertificateAndKey(crt=machine.ca.crt, key=machine.ca.key)
        own = [issuing.crt] if issuing and issuing.crt else []
        accepted = [ca.crt for ca in machine.accepted_cas if ca.crt not in own] + own
        addresses, names = _split([*machine.cert_sans, *machineconfig.shared_addresses(config)])
        return OSRoot(
            issuing_ca=issuing if issuing and issuing.key else None,
            accepted_cas=tuple(Certificate(crt=crt) for crt in dict.fromkeys(accepted)),
            cert_san_ips=addresses,
            cert_san_dns_names=names,
            token=machine.token,
        )

    return transform("secrets.RootOSController", MachineConfig, OSRoot, derive, rename=lambda _: "os")


def _split(names: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    addresses, others = [], []
    for name in names:
        try:
            addresses.append(str(ip_address(name)))
        except ValueError:
            others.append(name)
    return tuple(addresses), tuple(others)
