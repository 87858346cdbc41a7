"""What a controller has done so far, as numbers: how often it ran, how long that took, how long it had to wait for its
turn, how often it failed. Counted as it happens, read when somebody asks."""

from dataclasses import dataclass


@dataclass(slots=True)
class Account:
    """Of one controller; times in seconds. `asked` is when it was woken (monotonic), None while nothing is to be done.
    `failures` are those of `work` too."""

    name: str
    runs: int = 0
    failures: int = 0
    ran: float = 0.0
    waited: float = 0.0
    asked: float | None = None

    def begun(self, now: float) -> None:
        """Its turn has come."""
        if self.asked is not None:
            self.waited += now - self.asked
            self.asked = None

    def ended(self, seconds: float) -> None:
        """It ran that long, well or badly."""
        self.runs += 1
        self.ran += seconds
