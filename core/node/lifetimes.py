"""How long the certificates of nodes are good: a day, or less where the kernel's command line says so. It can shorten
them alone, so that whoever could write there has nothing to gain: the line is part of what Secure Boot measures."""

import logging
from typing import Final

from core.base.errors import Invalid
from core.base.units import parse_duration
from core.pki.types import SERVER_LIFETIME

_log = logging.getLogger("secrets")
WORD: Final = "ichor.certificate.lifetime="
SHORTEST: Final = 4


def server(cmdline: str) -> int:
    """Seconds that a certificate of the API is good for."""
    return shortened(cmdline, SERVER_LIFETIME)


def shortened(cmdline: str, whole: int) -> int:
    """Seconds: what the last `ichor.certificate.lifetime=` says, such as 1h, between SHORTEST and `whole`."""
    words = [word.removeprefix(WORD) for word in cmdline.split() if word.startswith(WORD)]
    if not words:
        return whole
    try:
        return max(SHORTEST, min(whole, int(parse_duration(words[-1]))))
    except Invalid as error:
        _log.warning("%s%s: %s", WORD, words[-1], error)
        return whole
