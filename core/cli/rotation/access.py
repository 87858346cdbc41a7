"""The client config of an exchange: at every moment one by which the cluster lets the client in, whatever becomes of
the exchange. Owns the file it goes to and which authorities it believes."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from core.cli import clientfile
from core.cli.rotation.authorities import follows, identity
from core.config import client
from core.pki import der, issue, pem
from core.pki.types import OPERATOR_LIFETIME, Client, Pair
from core.rpc.tls import ClientTLS


@dataclass(frozen=True, slots=True)
class Output:
    """The client config: the file it goes to, under which name, and what it is now."""

    path: Path
    name: str
    context: client.Context

    def renewed(self, new: Pair, old: bytes, now: float) -> client.Context:
        """It with a certificate of the new authority and the same roles, believing both."""
        own = self.context
        roles = der.read(pem.certificates(own.crt)[0]).organizations
        issued = issue.client(Client(now, new, roles, lifetime=OPERATOR_LIFETIME))
        believed = {identity(crt): crt for crt in (new.crt, old, *_split(own.ca))}
        return msgspec.structs.replace(own, ca=b"".join(believed.values()), crt=issued.crt, key=issued.key)

    def outlived(self, authority: bytes) -> bool:
        """Whether it still believes what was before this authority."""
        return kept(self.context.ca, authority) != _split(self.context.ca)

    def save(self, context: client.Context) -> None:
        """Put it into the file, whose other contexts stay."""
        there = clientfile.load_or_empty(self.path)
        made = there.put(self.name, context)
        clientfile.save(self.path, made if there.context else made.use(self.name))


def kept(believed: bytes, authority: bytes) -> list[bytes]:
    """What a client goes on believing: neither the one before, nor others that were to follow that."""
    before = follows(authority)
    past = {
        identity(crt)
        for crt in _split(believed)
        if before and (identity(crt) == before or follows(crt) == before) and identity(crt) != identity(authority)
    }
    return [crt for crt in _split(believed) if identity(crt) not in past]


def _split(believed: bytes) -> list[bytes]:
    """The certificates of a PEM text, one by one."""
    return [pem.encode("CERTIFICATE", found) for found in pem.certificates(believed)]


def tls(context: client.Context) -> ClientTLS:
    """Who calls by it."""
    return ClientTLS(context.ca, context.crt, context.key)
