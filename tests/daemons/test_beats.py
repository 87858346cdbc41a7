"""Who beats when."""

from core.node.services.service import Health
from daemons.spawner.table import DAEMONS


def test_whoever_beats_less_often_beats_at_a_moment_of_the_others() -> None:
    """Then a node wakes once for all; the probes of services are among them."""
    quickest = min(daemon.beat for daemon in DAEMONS)
    assert all(daemon.beat % quickest == 0 for daemon in DAEMONS)
    assert Health(_well).period % quickest == 0


async def _well() -> None: ...
