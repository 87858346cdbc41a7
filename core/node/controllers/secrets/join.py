"""How a worker gets its server certificate: it has no authority's key, so it shows the cluster's token to a control
plane's trustd. It believes only a server of an authority that its config names, and takes only what fits its key."""

import logging
from collections.abc import Sequence
from typing import Final

from core.base.errors import NotReady
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


async def join(work: Work, hosts: Sequence[str], root: OSRoot, sans: CertSAN, port: int = PORT) -> Issued:
    """Ask one host after the other. Raises the last one's RpcError, or NotReady when there is none to ask."""
    if not hosts or not root.accepted_cas:
        raise NotReady("the config names no control plane to join through")
    tls = ClientTLS(b"".join(authority.crt for authority in root.accepted_cas))
    authority = root.accepted_cas[-1].crt  # the issuing one: our key is to be of its kind
    own = [address for address in sans.ips if address not in root.cert_san_ips]  # what the config adds is shared
    made = await request(work, Request(authority, sans.fqdn, (sans.fqdn,) if sans.fqdn else (), tuple(own)))
    for host in hosts[:-1]:
        try:
            return await _ask(work, f"[{host}]:{port}", tls, root.token, authority, made)
        except RpcError as error:
            _log.info("%s does not let this node join: %s", host, error)
    return await _ask(work, f"[{hosts[-1]}]:{port}", tls, root.token, authority, made)


async def _ask(work: Work, address: str, tls: ClientTLS, token: str, authority: bytes, made: Requested) -> Issued:
    async with Channel(address, tls, timeout=_DIAL_SECONDS) as channel:
        try:
            return await _signed(channel, token, made)
        except RpcError as error:
            if error.code is not Code.PERMISSION_DENIED:
                raise
            # somebody holds a name or address of ours: the address it is asked from is ours for certain
            _log.warning("the control plane refuses: %s; going by address alone", error)
        return await _signed(channel, token, await request(work, Request(authority)))


async def _signed(channel: Channel, token: str, made: Requested) -> Issued:
    asked = pb.CertificateRequest(csr=made.csr)
    answer = await channel.unary(_PATH, asked, pb.CertificateResponse, [("token", token)], timeout=_SIGN_SECONDS)
    ServerTLS(answer.crt, made.key)  # raises Invalid unless it is a certificate for this key
    return Issued(answer.crt, made.key, answer.ca, der.read(pem.certificates(answer.crt)[0]).not_after)
