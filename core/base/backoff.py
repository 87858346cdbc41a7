"""How long to wait before trying again: geometric growth up to a cap, forgotten after enough good time."""

from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """Delays in seconds: the first retry at once if `first_free`, then `first * factor**n` up to `cap`."""

    first: float = 0.1
    factor: float = 2.0
    cap: float = 5.0
    forget_after: float = 30.0
    first_free: bool = False
    failures: int = 0

    def failed(self, ran_for: float = 0.0) -> float:
        """Count a failure of something that had run for `ran_for` seconds; the delay before the next try."""
        if ran_for >= self.forget_after:
            self.failures = 0
        exponent = self.failures - (1 if self.first_free else 0)
        self.failures += 1
        return 0.0 if exponent < 0 else min(self.cap, self.first * self.factor**exponent)

    def succeeded(self) -> None:
        """Forget all failures."""
        self.failures = 0
