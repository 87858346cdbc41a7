"""The machine config: reading and validating 12 KB of it, and what the parts cost; marks are found only on error."""

import base64
import time
from collections.abc import Callable, Iterator

from benchmarks.figures import Figure
from benchmarks.run import Run
from core.codec import yaml
from core.config.load import load, read
from core.config.problems import ConfigErrors
from core.pki import issue
from core.pki.types import Algorithm, Authority


def dense(interfaces: int = 60) -> bytes:
    """About 12 KB of short values: the worst kind, as every one is checked."""
    ca = base64.b64encode(issue.authority(Authority(time.time(), Algorithm.ED25519)).crt).decode()
    text = f"machine:\n  type: worker\n  ca: {{crt: {ca}}}\n  network:\n    interfaces:\n"
    for n in range(interfaces):
        text += f"      - interface: eth{n}\n        dhcp: true\n        mtu: 1500\n"
        text += f"        addresses: [10.0.{n}.2/24, 'fd00:{n}::2/64']\n"
        text += f"        routes:\n          - network: 10.{n}.0.0/16\n            gateway: 10.0.{n}.1\n"
    return text.encode()


def figures(run: Run) -> Iterator[Figure]:
    """Valid, with what the parts of that take, and refused."""
    text, rounds = dense(), run.rounds(30, 100)

    def refused() -> None:
        try:
            load(text + b"nothing: 1\n")
        except ConfigErrors:
            return

    yield Figure(f"config, {len(text) / 1e3:.0f} KB, loaded and valid", "ms", timed(lambda: load(text), rounds), 10, 3)
    yield Figure("- libyaml to tree", "ms", timed(lambda: yaml.parse(text), rounds))
    yield Figure("- and to values", "ms", timed(lambda: read(text), rounds))
    yield Figure("- refused, with its marks", "ms", timed(refused, rounds))


def timed(work: Callable[[], object], rounds: int) -> list[float]:
    """Milliseconds of each round."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1000)
    return times
