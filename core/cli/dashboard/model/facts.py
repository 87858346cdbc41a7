"""What a node says of itself in resources: its stage, its names, its addresses, its routes out. Specs are trees as the
API's YAML has them; what is not there yet is empty."""

from dataclasses import dataclass, field
from typing import Any, Final

from core.base.text import printable

STAGE: Final = "MachineStatuses.runtime.talos.dev"
HOSTNAME: Final = "HostnameStatuses.net.talos.dev"
ADDRESSES: Final = "NodeAddresses.net.talos.dev"
RESOLVERS: Final = "ResolverStatuses.net.talos.dev"
TIME: Final = "TimeServerStatuses.net.talos.dev"
ROUTES: Final = "RouteStatuses.net.talos.dev"
Spec = dict[str, Any]


@dataclass(slots=True)
class Facts:
    """Resources by kind and name."""

    _specs: dict[str, dict[str, Spec]] = field(default_factory=dict)

    def take(self, kind: str, name: str, spec: Spec | None) -> None:
        """One as it is now; None: it is gone."""
        of = self._specs.setdefault(kind, {})
        if spec is None:
            of.pop(name, None)
        else:
            of[name] = spec

    def begin(self, kind: str) -> None:
        """All of that kind are about to be told anew."""
        self._specs.pop(kind, None)

    @property
    def hostname(self) -> str:
        return _text(self._one(HOSTNAME).get("hostname"))

    @property
    def stage(self) -> str:
        """`running`, `booting`, `maintenance` ..."""
        return _text(self._one(STAGE).get("stage"))

    @property
    def ready(self) -> bool:
        return bool(_tree(self._one(STAGE).get("status")).get("ready"))

    @property
    def unmet(self) -> list[str]:
        """What it waits for before it is ready."""
        conditions = _list(_tree(self._one(STAGE).get("status")).get("unmetConditions"))
        return [f"{_text(_tree(one).get('name'))}: {_text(_tree(one).get('reason'))}" for one in conditions]

    @property
    def addresses(self) -> list[str]:
        """Those under which it is known to others."""
        found = self._specs.get(ADDRESSES, {})
        chosen = next((found[name] for name in ("routed", "current", "default") if name in found), {})
        return list(map(_text, _list(chosen.get("addresses"))))

    @property
    def resolvers(self) -> list[str]:
        return list(map(_text, _list(self._one(RESOLVERS).get("dnsServers"))))

    @property
    def time_servers(self) -> list[str]:
        return list(map(_text, _list(self._one(TIME).get("timeServers"))))

    @property
    def gateways(self) -> list[str]:
        """Where everything goes that has no route of its own."""
        routes = (route for route in self._specs.get(ROUTES, {}).values() if route.get("gateway"))
        return sorted({f"{_text(r['gateway'])} ({_text(r.get('outLinkName'))})" for r in routes if not r.get("dst")})

    def _one(self, kind: str) -> Spec:
        return next(iter(self._specs.get(kind, {}).values()), {})


def _tree(value: object) -> Spec:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return "" if value is None else printable(str(value))
