"""Certificates that programs other than ours serve and ask with. They outlive machined, so that a new one changes no
file under a program that runs; and a renewed certificate keeps its key until the next boot, so that who starts while it
is exchanged never finds a certificate and a key that do not belong together."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Self

import msgspec
from msgspec.structs import replace

from core.node.resources.values import CertificateAndKey
from core.node.survivor import Survivor
from core.node.work import Work, issue
from core.pki.types import Client, Job, Member, Pair, Server, half_life


class Use(StrEnum):
    """What a certificate is good for."""

    SERVER = "server"
    CLIENT = "client"
    BOTH = "both"


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate that there shall be; `names` and `addresses` are those of a server. Lifetime in seconds."""

    use: Use
    ca: Pair
    name: str
    organization: str = ""
    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    lifetime: int

    def covers(self, other: "Wish") -> bool:
        """Whether what was made for this one is enough for the other. A node that starts learns its addresses one by
        one, and one that has gone may still be used by somebody."""
        same = replace(self, names=other.names, addresses=other.addresses) == other
        return same and {*other.names} <= {*self.names} and {*other.addresses} <= {*self.addresses}

    def without_key(self) -> Self:
        """The same with its authority known by the certificate alone."""
        return replace(self, ca=Pair(self.ca.crt, b""))

    def job(self, now: float, key: bytes) -> Job:
        """What a worker is asked."""
        match self.use:
            case Use.CLIENT:
                roles = (self.organization,) if self.organization else ()
                return Client(now, self.ca, roles, self.name, self.lifetime, key)
            case Use.SERVER:
                return Server(
                    now, self.ca, self.name, self.names, self.addresses, self.lifetime, self.organization, key
                )
            case Use.BOTH:
                return Member(now, self.ca, self.name, self.names, self.addresses, self.lifetime, key)


class Held(msgspec.Struct, frozen=True):
    """What was made, for which wish and when, and when the next is due (Unix seconds)."""

    wish: Wish
    crt: bytes
    key: bytes
    made: float
    renew: float

    def __repr__(self) -> str:
        return f"Held({self.wish.name!r})"


Memory = Survivor[dict[str, Held]]


class Leaves:
    """Certificates by name. `memory` is where they outlive this process."""

    def __init__(self, work: Work, memory: Memory) -> None:
        self._work, self._memory = work, memory
        self._held = memory.load() or {}

    def __getitem__(self, name: str) -> CertificateAndKey:
        held = self._held[name]
        return CertificateAndKey(crt=held.crt, key=held.key)

    async def keep(self, now: float, wishes: Mapping[str, Wish]) -> Sequence[str]:
        """Have those made that are missing or due; which they were. Raises Invalid for an authority that is none."""
        made = [name for name, wish in wishes.items() if not self._good(name, wish, now)]
        for name in made:
            await self._make(name, wishes[name], now)
        return made

    def due(self, names: Mapping[str, Wish]) -> float:
        """When the first of these is due again (Unix seconds)."""
        return min(self._held[name].renew for name in names)

    def _good(self, name: str, wish: Wish, now: float) -> bool:
        held = self._held.get(name)
        return held is not None and held.made <= now < held.renew and held.wish.covers(wish.without_key())

    async def _make(self, name: str, wish: Wish, now: float) -> None:
        before = self._held.get(name)
        issued = await issue(self._work, wish.job(now, b"" if before is None else before.key))
        held = Held(wish.without_key(), issued.crt, issued.key, now, half_life(issued, now))
        self._held = {**self._held, name: held}
        self._memory.save(self._held)
