"""What is asked of the PKI and what comes back, without importing anything that could do it: these values cross from a
long-lived process to a worker as msgpack. Times are Unix seconds, keys and certificates PEM."""

from enum import StrEnum
from typing import Final

import msgspec

from core.base.errors import Denied, Invalid

HOUR: Final = 3600
SERVER_LIFETIME: Final = 24 * HOUR
OPERATOR_LIFETIME: Final = 90 * 24 * HOUR
"""A client certificate that `gen config` makes."""
CLIENT_LIFETIME: Final = 24 * HOUR
"""A client certificate that a node makes."""
AUTHORITY_LIFETIME: Final = 87600 * HOUR
KUBERNETES_LIFETIME: Final = 8760 * HOUR
"""What Kubernetes' programs and administrators show."""
BACKDATE: Final = 300
"""How long before its making a certificate becomes valid, for clocks that are a little behind."""


class Algorithm(StrEnum):
    """Kinds of key. A leaf's key follows its authority's."""

    ED25519 = "ed25519"
    P256 = "p256"
    RSA4096 = "rsa4096"


class Pair(msgspec.Struct, frozen=True):
    """A certificate and its key."""

    crt: bytes
    key: bytes

    def __repr__(self) -> str:
        return "Pair(...)"


class Authority(msgspec.Struct, frozen=True, tag="authority"):
    """Make a self-signed authority; `addresses` are its own, where it is a server, too."""

    now: float
    algorithm: Algorithm
    organization: str = ""
    common_name: str = ""
    lifetime: int = AUTHORITY_LIFETIME
    addresses: tuple[str, ...] = ()


class Server(msgspec.Struct, frozen=True, tag="server"):
    """Issue a server certificate. `names` are DNS names, `addresses` IP addresses. Its key is `key` where that is of
    the authority's kind, else a new one."""

    now: float
    ca: Pair
    common_name: str
    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    lifetime: int = SERVER_LIFETIME
    organization: str = ""
    key: bytes = b""

    def __repr__(self) -> str:
        return f"Server({self.common_name!r})"


class Member(msgspec.Struct, frozen=True, tag="member"):
    """Issue a certificate to a member of etcd: both a server's and a client's. Its key is as a server's."""

    now: float
    ca: Pair
    common_name: str
    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    lifetime: int = AUTHORITY_LIFETIME
    key: bytes = b""

    def __repr__(self) -> str:
        return f"Member({self.common_name!r})"


class Client(msgspec.Struct, frozen=True, tag="client"):
    """Issue a client certificate; the roles go into the subject's O, in order, each once. Its key is as a server's."""

    now: float
    ca: Pair
    roles: tuple[str, ...]
    common_name: str = ""
    lifetime: int = CLIENT_LIFETIME
    key: bytes = b""

    def __repr__(self) -> str:
        return f"Client({self.common_name!r}, {self.roles})"


class Maintenance(msgspec.Struct, frozen=True, tag="maintenance"):
    """Issue a server certificate from an authority that is made for it and forgotten."""

    now: float
    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


class Public(msgspec.Struct, frozen=True, tag="public"):
    """Derive the public part of a key."""

    key: bytes

    def __repr__(self) -> str:
        return "Public(...)"


class Request(msgspec.Struct, frozen=True, tag="request"):
    """Make a request signed by `key`, or by a new one where that is empty or not of the kind that the authority with
    this certificate uses."""

    authority: bytes
    common_name: str = ""
    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    key: bytes = b""
    organizations: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Request({self.common_name!r})"


class SignRequest(msgspec.Struct, frozen=True, tag="sign"):
    """Sign a joining node's request: one server certificate, for the address it asks from (`source`), loopback, and
    what else it asks for that is not `taken`: names and addresses that others hold, nor `claimed` by another key than
    the request's (by fingerprint): who has the key is who was signed for."""

    now: float
    ca: Pair
    csr: bytes
    source: str
    taken: tuple[str, ...]
    lifetime: int = SERVER_LIFETIME
    claimed: dict[str, tuple[str, ...]] = {}


Job = Authority | Server | Member | Client | Maintenance | Public | Request | SignRequest


class Issued(msgspec.Struct, frozen=True, tag="issued"):
    """The certificate, its key (empty when the asker has it), the authority's certificate, when it ends, and, of a
    signed request, what it names and the fingerprint of its key."""

    crt: bytes
    key: bytes
    ca: bytes
    not_after: float
    names: tuple[str, ...] = ()
    fingerprint: str = ""

    def __repr__(self) -> str:
        return f"Issued(not_after={self.not_after})"


class Requested(msgspec.Struct, frozen=True, tag="requested"):
    """A request and the key that signed it, PEM."""

    csr: bytes
    key: bytes

    def __repr__(self) -> str:
        return "Requested(...)"


class Derived(msgspec.Struct, frozen=True, tag="derived"):
    """A public key, PEM (SubjectPublicKeyInfo)."""

    public: bytes


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The job was understood and not done: what was asked for is wrong, or (`denied`) not for the asker."""

    message: str
    denied: bool


Reply = Issued | Requested | Derived | Refused


def encode(job: Job) -> bytes:
    """The payload of `core.pki.jobs:issue`."""
    return msgspec.msgpack.encode(job)


def decode(reply: bytes) -> Issued:
    """The certificate that `core.pki.jobs:issue` answered. Raises Denied, Invalid as the job did."""
    made = _decode(reply)
    if not isinstance(made, Issued):
        raise Invalid("the worker made a request where a certificate was asked for")
    return made


def decode_request(reply: bytes) -> Requested:
    """The request that `core.pki.jobs:issue` answered. Raises Invalid as the job did."""
    made = _decode(reply)
    if not isinstance(made, Requested):
        raise Invalid("the worker made a certificate where a request was asked for")
    return made


def decode_public(reply: bytes) -> bytes:
    """The public key that `core.pki.jobs:issue` answered. Raises Invalid as the job did."""
    made = _decode(reply)
    if not isinstance(made, Derived):
        raise Invalid("the worker made a certificate where a public key was asked for")
    return made.public


def half_life(issued: Issued, now: float) -> float:
    """When a certificate issued at `now` is due for renewal."""
    return now + (issued.not_after - now) / 2


def _decode(reply: bytes) -> Issued | Requested | Derived:
    made: Reply = msgspec.msgpack.decode(reply, type=Reply)
    if isinstance(made, Refused):
        raise (Denied if made.denied else Invalid)(made.message)
    return made
