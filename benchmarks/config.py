"""The machine config: reading and validating 12 KB of it, and what the parts cost; marks are found only on error."""

import base64
import time
from collections.abc import Callable

from core.codec import yaml
from core.config import ConfigErrors, load, read
from core.config.schema.base import Section
from core.pki import issue
from core.pki.types import Algorithm, Authority

BUDGET_MS = 10.0


def dense(interfaces: int = 60) -> bytes:
    """About 12 KB of short values: the worst kind, as every one is checked."""
    ca = base64.b64encode(issue.authority(Authority(time.time(), Algorithm.ED25519)).crt).decode()
    text = f"machine:\n  type: worker\n  ca: {{crt: {ca}}}\n  network:\n    interfaces:\n"
    for n in range(interfaces):
        text += f"      - interface: eth{n}\n        dhcp: true\n        mtu: 1500\n"
        text += f"        addresses: [10.0.{n}.2/24, 'fd00:{n}::2/64']\n"
        text += f"        routes:\n          - network: 10.{n}.0.0/16\n            gateway: 10.0.{n}.1\n"
    return text.encode()


def best(work: Callable[[], object], rounds: int = 30) -> float:
    """Milliseconds of the fastest round."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times) * 1000


def main() -> None:
    """Print the table."""
    text = dense()

    def refused() -> None:
        try:
            load(text + b"nothing: 1\n")
        except ConfigErrors:
            return

    print(f"config, {len(text)} bytes, {len(Section.__subclasses__())} kinds of section")
    print(f"  libyaml to tree          {best(lambda: yaml.parse(text)):6.2f} ms")
    print(f"  and to values            {best(lambda: read(text)):6.2f} ms")
    print(f"  and valid                {best(lambda: load(text)):6.2f} ms (budget {BUDGET_MS:.0f} ms)")
    print(f"  refused, with its marks  {best(refused):6.2f} ms")


if __name__ == "__main__":
    main()
