"""Says in time that the client's certificate is about to end, on standard error, so that what programs read stays what
it is. Early enough to do something about it: a fifth of its life before its end, and a week at most."""

import time
from typing import Final

from core.cli.output import note
from core.config.client import Context
from core.pki import der, pem
from core.pki.types import BACKDATE

_WEEK: Final = 7 * 24 * 3600.0
_SHARE: Final = 0.2
_OFFLINE: Final = "ichorctl config renew --from-secrets FILE"


def remind(context: Context, now: float) -> None:
    """Note it when there is reason to. Raises Invalid for what is no certificate."""
    if not context.crt:
        return
    facts = der.read(pem.certificates(context.crt)[0])
    left, life = facts.not_after - now, facts.not_after - facts.not_before - BACKDATE
    if left <= 0:
        ended = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(facts.not_after))
        note(f"warning: the client certificate ended at {ended}; make another by `{_OFFLINE}`")
    elif left < min(_WEEK, _SHARE * life):
        note(f"warning: the client certificate ends in {_span(left)}; make another by `ichorctl config renew`")


def _span(seconds: float) -> str:
    """In the largest unit of which there is one, rounded down."""
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if count := int(seconds // size):
            return f"{count} {unit}{'s' * (count != 1)}"
    return "less than a minute"
