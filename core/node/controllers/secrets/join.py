"""How a worker gets its server certificate: it has no authority's key, so it shows the cluster's token to a control
plane's trustd. It believes only a server of an authority that its config names, and takes only what fits its key. The
key stays: whoever asks again by it is known for who was signed for, wherever from."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from core.base.errors import NotReady
from core.node.controllers.secrets import kept
from core.node.controllers.secrets.kept import Asked, Kept
from core.node.controllers.secrets.leaf import Leaf
from core.node.resources.secrets import CertSAN, OSRoot
from core.node.work import Work, request
from core.pki import der, pem
from core.pki.types import Issued, Request, Requested
from core.rpc.client import Channel
from core.rpc.pb.security import security_pb2 as pb
from core.rpc.status import Code, RpcError
from core.rpc.tls import ClientTLS, ServerTLS

_log = logging.getLogger("secrets")
PORT: Final = 50001
_PATH: Final = "/securityapi.SecurityService/Certificate"
_DIAL_SECONDS: Final = 5.0
_SIGN_SECONDS: Final = 30.0


class Membership:
    """What outlives a certificate: its key, by which the next one is asked for, and what it was asked for."""

    def __init__(self, work: Work, port: int = PORT) -> None:
        self._work, self._port = work, port
        self._asked = Asked(b"", "", ())
        self._key = b""
        self._read = False

    async def keep(
        self, leaf: Leaf, now: float, hosts: Sequence[str], root: OSRoot, sans: CertSAN, folder: Path | None
    ) -> bool:
        """Ask if it is due; whether it was. `folder` is where it is kept, once that is there. Raises as `join`."""
        if not hosts or not root.accepted_cas:
            raise NotReady("the config names no control plane to join through")
        wanted = wanted_of(root, sans)
        if folder is not None and not self._read:
            self._read = True
            if self._key:  # STATE came later
                kept.save(folder, Kept(self._asked, leaf.pair.crt, leaf.pair.key))
            else:
                self._resume(leaf, kept.load(folder), wanted)
        asked = self._asked if self._asked.covers(wanted) else wanted
        if not await leaf.keep(now, asked, lambda: join(self._work, hosts, root, asked, self._key, self._port)):
            return False
        self._asked, self._key = asked, leaf.pair.key
        if folder is not None:
            kept.save(folder, Kept(asked, leaf.pair.crt, leaf.pair.key))
        return True

    def _resume(self, leaf: Leaf, found: Kept | None, wanted: Asked) -> None:
        if found is None:
            return
        self._key = found.key
        if found.asked.covers(wanted):
            self._asked = found.asked
            leaf.resume(found.issued, found.asked, found.since)


def wanted_of(root: OSRoot, sans: CertSAN) -> Asked:
    """What to ask for: what the config adds to a node's own addresses is shared with others."""
    own = tuple(address for address in sans.ips if address not in root.cert_san_ips)
    return Asked(root.accepted_cas[-1].crt, sans.fqdn, own)  # the issuing one: our key is to be of its kind


async def join(
    work: Work, hosts: Sequence[str], root: OSRoot, asked: Asked, key: bytes = b"", port: int = PORT
) -> Issued:
    """Ask one host after the other. Raises the last one's RpcError."""
    tls = ClientTLS(b"".join(authority.crt for authority in root.accepted_cas))
    names = (asked.name,) if asked.name else ()
    made = await request(work, Request(asked.authority, asked.name, names, asked.addresses, key))
    for host in hosts[:-1]:
        try:
            return await _ask(work, f"[{host}]:{port}", tls, root.token, asked.authority, made)
        except RpcError as error:
            _log.info("%s does not let this node join: %s", host, error)
    return await _ask(work, f"[{hosts[-1]}]:{port}", tls, root.token, asked.authority, made)


async def _ask(work: Work, address: str, tls: ClientTLS, token: str, authority: bytes, made: Requested) -> Issued:
    async with Channel(address, tls, timeout=_DIAL_SECONDS) as channel:
        try:
            return await _signed(channel, token, made)
        except RpcError as error:
            if error.code is not Code.PERMISSION_DENIED:
                raise
            # somebody holds a name or address of ours: the address it is asked from is ours for certain
            _log.warning("the control plane refuses: %s; going by address alone", error)
        return await _signed(channel, token, await request(work, Request(authority, key=made.key)))


async def _signed(channel: Channel, token: str, made: Requested) -> Issued:
    asked = pb.CertificateRequest(csr=made.csr)
    answer = await channel.unary(_PATH, asked, pb.CertificateResponse, [("token", token)], timeout=_SIGN_SECONDS)
    ServerTLS(answer.crt, made.key)  # raises Invalid unless it is a certificate for this key
    return Issued(answer.crt, made.key, answer.ca, der.read(pem.certificates(answer.crt)[0]).not_after)
