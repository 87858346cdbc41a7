"""A worker's certificate and key on STATE: it asks a control plane when half of the certificate's life is over or when
it is called otherwise, not at each boot; and whoever moves shows by the key that the name is its own. Refuses what does
not fit together or is of another authority."""

import logging
from pathlib import Path
from typing import Final

import msgspec

from core.base.errors import IchorError
from core.base.files import write_atomic
from core.pki import der, pem
from core.pki.types import BACKDATE, Issued
from core.rpc.tls import ServerTLS

_log = logging.getLogger("secrets")
FILE: Final = "api-certificate.json"
_LIMIT: Final = 64 << 10


class Asked(msgspec.Struct, frozen=True):
    """What a certificate was asked for: of whom (PEM), for which name and addresses."""

    authority: bytes
    name: str
    addresses: tuple[str, ...]

    def covers(self, wanted: "Asked") -> bool:
        """Whether what was asked for is enough. A node that boots learns its name and addresses one by one."""
        named = wanted.name in ("", self.name) and {*wanted.addresses} <= {*self.addresses}
        return named and wanted.authority == self.authority


class Kept(msgspec.Struct, frozen=True):
    """A certificate, its key, and what was asked for: the answer may hold less."""

    asked: Asked
    crt: bytes
    key: bytes

    def __repr__(self) -> str:
        return "Kept(...)"

    @property
    def issued(self) -> Issued:
        """As it came. Raises Invalid unless certificate and key belong together."""
        ServerTLS(self.crt, self.key)
        return Issued(self.crt, self.key, b"", der.read(pem.certificates(self.crt)[0]).not_after)

    @property
    def since(self) -> float:
        """When it was issued (Unix seconds). Raises Invalid."""
        return der.read(pem.certificates(self.crt)[0]).not_before + BACKDATE


def load(folder: Path) -> Kept | None:
    """What was kept; None when nothing was, or nothing that can be used."""
    try:
        with (folder / FILE).open("rb") as file:
            kept = msgspec.json.decode(file.read(_LIMIT), type=Kept)
        _ = kept.issued, kept.since
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, IchorError) as error:
        _log.warning("%s is of no use: %s", folder / FILE, error)
        return None
    return kept


def save(folder: Path, kept: Kept) -> None:
    """Keep it instead of the one before. Raises OSError."""
    write_atomic(folder / FILE, msgspec.json.encode(kept))
