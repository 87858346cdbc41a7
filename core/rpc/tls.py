"""What a side of a TLS connection shows and trusts, as PEM, exchangeable while connections are served.

A change holds from the next connection on; connections that stand are not touched.
"""

import ipaddress

from core.base.errors import Invalid
from core.pki import pem
from ext.http2.tls import TLSContext


class ServerTLS:
    """A server's certificate and key, and the CAs of client certificates.

    With `authorities` every client must show a certificate of one of them with clientAuth as its only usage; without,
    none is asked for (maintenance mode). Raises Invalid for material that does not fit together.
    """

    def __init__(self, certificate: bytes, key: bytes, authorities: bytes | None = None) -> None:
        self.context = _server(certificate, key, authorities)

    def update(self, certificate: bytes, key: bytes, authorities: bytes | None = None) -> None:
        """Replace everything for connections to come. Raises Invalid and changes nothing."""
        self.context = _server(certificate, key, authorities)


class ClientTLS:
    """How a client checks a server and what it shows.

    `authorities` checks chain and name (`server_name`, else the host dialled); `fingerprints` (SHA-256 of the public
    key's SubjectPublicKeyInfo) check the key alone; `insecure` checks nothing. Exactly one of the three is to be said.
    """

    def __init__(
        self,
        authorities: bytes | None = None,
        certificate: bytes | None = None,
        key: bytes | None = None,
        *,
        server_name: str | None = None,
        fingerprints: tuple[bytes, ...] = (),
        insecure: bool = False,
    ) -> None:
        if [authorities is not None, bool(fingerprints), insecure].count(True) != 1:
            raise Invalid("a client checks a server by its CA, by its fingerprint, or not at all: choose one")
        self._authorities, self._fingerprints, self._server_name = authorities, fingerprints, server_name
        self._certificate, self._key = certificate, key
        self.context = self._context()

    def update(self, certificate: bytes | None, key: bytes | None, authorities: bytes | None = None) -> None:
        """Replace certificate, key and, when given, the CAs, for connections to come. On Invalid nothing changes."""
        old = self._certificate, self._key, self._authorities
        self._certificate, self._key = certificate, key
        self._authorities = authorities if authorities is not None else self._authorities
        try:
            self.context = self._context()
        except Invalid:
            self._certificate, self._key, self._authorities = old
            raise

    def name(self, host: str) -> tuple[str, bool]:
        """Whom a connection to `host` is to expect, and whether that is an address."""
        name = self._server_name or host
        return name, _is_address(name)

    def _context(self) -> TLSContext:
        try:
            return TLSContext(
                False,
                certificate=self._certificate,
                key=None if self._key is None else pem.for_openssl(self._key),
                authorities=self._authorities,
                pins=self._fingerprints,
            )
        except ValueError as error:
            raise Invalid(f"TLS material is not usable: {error}") from error


def _server(certificate: bytes, key: bytes, authorities: bytes | None) -> TLSContext:
    try:
        return TLSContext(True, certificate=certificate, key=pem.for_openssl(key), authorities=authorities)
    except ValueError as error:
        raise Invalid(f"TLS material is not usable: {error}") from error


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
