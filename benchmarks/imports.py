"""What the spawner's imports cost, by module: the image's modules in the build root's interpreter, which is of the same
release. Self time, the median of some runs; slower than in a node, for every import is written down."""

import re
import statistics
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks import page
from benchmarks.figures import Figure
from benchmarks.run import Run
from core.cli import imagefile
from core.image import lock, root
from core.image.cache import Cache
from core.image.packages import Store
from core.provision import rootfs

TOP: Final = 12
LIBRARY: Final = "usr/lib/python3.13"
PLACES: Final = ("ichor/lib", LIBRARY, f"{LIBRARY}/lib-dynload", f"{LIBRARY}/site-packages")
PROGRAM: Final = """
import sys
sys.path[:] = sys.argv[1:]
import daemons.spawner
from daemons.spawner.imports import preload
preload()
"""
_LINE: Final = re.compile(r"^import time: +(\d+) \| +\d+ \| +(\S+)$", re.MULTILINE)


def figures(run: Run) -> Iterator[Figure]:
    """All, then packages, then single modules."""
    image = rootfs.mount(run.node.places, run.image / "ichor.img", run.node.cluster.image_sha256)
    rounds = [spent(image) for _ in range(run.rounds(5, 15))]
    yield Figure("imports of the spawner", "ms", [sum(round_.values()) for round_ in rounds])
    yield Figure("- modules", "", [len(rounds[0])])
    for title, key in (("package", _package), ("module", str)):
        sums: dict[str, list[float]] = defaultdict(list)
        for round_ in rounds:
            total: dict[str, float] = defaultdict(float)
            for name, milliseconds in round_.items():
                total[key(name)] += milliseconds
            for name, milliseconds in total.items():
                sums[name].append(milliseconds)
        for name in sorted(sums, key=lambda n: -statistics.median(sums[n]))[:TOP]:
            yield Figure(f"- {title} {name}", "ms", sums[name])


def spent(image: Path) -> dict[str, float]:
    """Milliseconds spent in each module itself."""
    cache = Cache(imagefile.cache())
    inside = root.make(cache, Store(cache), lock.load(page.ROOT / "image.lock"))
    python = ["python3.13", "-I", "-S", "-X", "importtime", "-c", PROGRAM]
    command = ["sh", "-euc", 'exec "$@" 2>&1', "sh", *python, *(f"/mnt/image/{place}" for place in PLACES)]
    environment = {"LD_LIBRARY_PATH": "/mnt/image/usr/lib/x86_64-linux-gnu", "CRYPTOGRAPHY_OPENSSL_NO_LEGACY": "1"}
    said = inside.run(command, {"image": image}, env=environment).decode()
    return {name: int(microseconds) / 1e3 for microseconds, name in _LINE.findall(said)}


def _package(module: str) -> str:
    """Ours by room, others by their first name."""
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "core" else parts[0]
