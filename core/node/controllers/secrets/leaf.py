"""One certificate that is kept: what it was issued for and when it is due again. That is at half its life, when what it
was issued for changes, and when the clock was set back to before it."""

from collections.abc import Awaitable, Callable

from core.node.resources.values import CertificateAndKey
from core.pki.types import Issued, half_life


class Leaf:
    """`pair` is empty until it was issued for the first time; `renew` is when it is due (Unix seconds)."""

    def __init__(self) -> None:
        self.pair = CertificateAndKey()
        self.renew = 0.0
        self._issued = 0.0
        self._wanted: object = None

    def resume(self, made: Issued, wanted: object, issued: float) -> None:
        """Go on with one that was issued for `wanted` then."""
        self.pair = CertificateAndKey(crt=made.crt, key=made.key)
        self._wanted, self._issued, self.renew = wanted, issued, half_life(made, issued)

    async def keep(self, now: float, wanted: object, issue: Callable[[], Awaitable[Issued]]) -> bool:
        """Issue it if it is due for `wanted` at `now`; whether it was."""
        if self._wanted == wanted and self._issued <= now < self.renew:
            return False
        made = await issue()
        self.resume(made, wanted, now)
        return True
