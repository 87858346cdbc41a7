"""How etcd is told what it is: its command line, by version. Owns the flags that a node decides itself; refuses none
that an operator adds, which the config's rules have looked at (`core.config.rules.kubernetes`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

DATA: Final = "/var/lib/etcd"
PKI: Final = "/system/secrets/etcd"
PEER_PORT: Final = 2380
CLIENT_PORT: Final = 2379
HTTP_PORT: Final = 2383  # metrics and health; the client port speaks gRPC alone
ANY: Final = ("::",)

Version = tuple[int, int]

# flag, its value, the first version that has it under this name, the first that has it no more
_FIXED: Final[tuple[tuple[str, str, Version, Version | None], ...]] = (
    ("data-dir", DATA, (3, 5), None),
    ("auto-tls", "false", (3, 5), None),
    ("peer-auto-tls", "false", (3, 5), None),
    ("client-cert-auth", "true", (3, 5), None),
    ("peer-client-cert-auth", "true", (3, 5), None),
    ("cert-file", f"{PKI}/server.crt", (3, 5), None),
    ("key-file", f"{PKI}/server.key", (3, 5), None),
    ("trusted-ca-file", f"{PKI}/ca.crt", (3, 5), None),
    ("peer-cert-file", f"{PKI}/peer.crt", (3, 5), None),
    ("peer-key-file", f"{PKI}/peer.key", (3, 5), None),
    ("peer-trusted-ca-file", f"{PKI}/ca.crt", (3, 5), None),
    ("tls-min-version", "TLS1.3", (3, 5), None),
    ("experimental-initial-corrupt-check", "true", (3, 5), (3, 6)),
    ("experimental-compact-hash-check-enabled", "true", (3, 5), (3, 6)),
    ("experimental-watch-progress-notify-interval", "5s", (3, 5), (3, 6)),
    ("feature-gates", "InitialCorruptCheck=true,CompactHashCheck=true", (3, 6), None),
    ("watch-progress-notify-interval", "5s", (3, 6), None),
)


@dataclass(frozen=True, slots=True)
class Launch:
    """One start of a member. `advertised` are addresses at which the others find it, `listen_*` those it listens on;
    `members` is the whole membership as name=URL, which etcd reads only before it has data: `new` makes a cluster of
    them, else it joins one that stands. Ids come from `token` and URLs: the same node never begins one cluster
    twice."""

    name: str
    advertised: Sequence[str]
    members: Sequence[str] = ()
    new: bool = False
    token: str = ""
    listen_peer: Sequence[str] = ANY
    listen_client: Sequence[str] = ANY
    extra: Mapping[str, Sequence[str]] | None = None


def arguments(launch: Launch, version: Version) -> list[str]:
    """The flags, each once but where an operator gave several values, in a fixed order."""
    told: dict[str, Sequence[str]] = {"name": [launch.name]}
    told |= {flag: [value] for flag, value, since, until in _FIXED if since <= version and not _gone(version, until)}
    told["listen-peer-urls"] = _joined(urls(launch.listen_peer, PEER_PORT))
    told["listen-client-urls"] = _joined(urls(launch.listen_client, CLIENT_PORT))
    told["listen-client-http-urls"] = _joined(urls(launch.listen_client, HTTP_PORT))
    told["initial-advertise-peer-urls"] = _joined(urls(launch.advertised, PEER_PORT))
    told["advertise-client-urls"] = _joined(urls(launch.advertised, CLIENT_PORT))
    if launch.members:
        told["initial-cluster"] = _joined(launch.members)
        told["initial-cluster-state"] = ["new" if launch.new else "existing"]
    if launch.members and launch.token:
        told["initial-cluster-token"] = [launch.token]
    told |= launch.extra or {}
    return [f"--{flag}={value}" for flag, values in told.items() for value in values]


def urls(addresses: Sequence[str], port: int) -> list[str]:
    """`addresses` (IP, without brackets) as etcd's URLs."""
    return [f"https://[{each}]:{port}" if ":" in each else f"https://{each}:{port}" for each in addresses]


def _gone(version: Version, until: Version | None) -> bool:
    return until is not None and version >= until


def _joined(values: Sequence[str]) -> list[str]:
    return [",".join(values)]
