"""What a node knows of the others, from all control planes together: the newest of each, until nobody has it any more.
Of two that have one name the newer counts: a node that was wiped comes back as another. Who said that he leaves is
remembered for as long, so that what he said before brings nobody back."""

from typing import NamedTuple

from core.cluster.discovery.told import Told


class _Held(NamedTuple):
    told: Told
    until: float


class Known:
    """By node id. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}

    def learn(self, told: Told, until: float) -> bool:
        """Whether this is news, and not what was known for longer or shorter."""
        held = self._held.get(told.node_id)
        if held is not None and held.told.stamp > told.stamp:
            return False
        if held is not None and held.told.stamp == told.stamp:
            self._held[told.node_id] = _Held(held.told, max(held.until, until))
            return False
        self._held[told.node_id] = _Held(told, until)
        return True

    def current(self, now: float) -> list[Told]:
        """All that are there now, by id."""
        self._held = {node_id: held for node_id, held in self._held.items() if held.until > now}
        newest: dict[str, Told] = {}
        for told in sorted((held.told for held in self._held.values()), key=lambda each: (each.stamp, each.node_id)):
            newest[told.nodename or f"\0{told.node_id}"] = told
        return sorted((told for told in newest.values() if not told.left), key=lambda each: each.node_id)

    def ends(self) -> float | None:
        """When the first of them is forgotten."""
        return min((held.until for held in self._held.values()), default=None)
