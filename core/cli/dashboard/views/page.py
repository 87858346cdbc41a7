"""What every page is: a widget that shows one node of the fleet when it is told to, and says what can be done on it."""

from dataclasses import dataclass
from typing import ClassVar

from textual.containers import Container

from core.cli.dashboard.model.node import Fleet, Node
from core.cli.dashboard.sources.attention import Look
from core.cli.dashboard.views.words import silence


@dataclass(frozen=True, slots=True)
class Sight:
    """What there is to be seen: the fleet, where one looks, the time (`now` Unix, `at` monotonic seconds)."""

    fleet: Fleet
    look: Look
    now: float
    at: float
    patience: float  # seconds without an answer after which a node is called late

    @property
    def node(self) -> Node:
        return self.fleet.nodes[self.look.node]

    @property
    def trouble(self) -> str:
        """What is wrong between us and the node; empty when nothing is. Whoever asks nothing cannot call it late."""
        return silence(self.node, self.at, float("inf") if self.look.paused else self.patience)

    def why(self, *sources: str) -> str:
        """Why a page is empty: the node's refusal, or that nothing has come yet."""
        refused = (self.node.refused[source] for source in sources if source in self.node.refused)
        return next(refused, "nothing heard yet")


class Page(Container):
    """A page; its id is the tab's name."""

    KEYS: ClassVar[str] = ""  # what the last line says beside what holds everywhere

    def show(self, sight: Sight) -> None:
        """Draw what is new."""
        raise NotImplementedError

    def enter(self) -> None:
        """It has come into sight."""
