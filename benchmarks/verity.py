"""Checking a hash tree over a warm file of 1 GiB on all processors, against the best kernel alone, OpenSSL's SHA-256 on
all of them, veritysetup and sha256sum; building one, against veritysetup. Every figure is seconds for 1 GiB, by
the wall and, as others may take turns, of processor; a round measures all, one after the other."""

import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks import page
from benchmarks.figures import Figure
from benchmarks.run import Run
from core.codec.verity import BLOCK
from ext import verity

SIZE: Final = 1 << 30
SALT: Final = bytes(range(32))
CPUS: Final = len(os.sched_getaffinity(0))
_UNIT: Final = page.ROOT / "ext/verity"
_FORMAT: Final = ("--no-superblock", "--data-block-size=4096", "--hash-block-size=4096", f"--salt={SALT.hex()}")


class Cost(NamedTuple):
    """Seconds of one round."""

    wall: float
    cpu: float


def figures(run: Run) -> Iterator[Figure]:
    """Ours against each peer, then building, then every kernel."""
    with tempfile.TemporaryDirectory(dir=page.ROOT) as name:  # on a disk, where /tmp may be memory
        folder = Path(name)
        with (folder / "image").open("w+b") as file:
            works = _works(folder, file.fileno())
            costs = {what: list[Cost]() for what in works}
            for _ in range(run.rounds(5, 15)):
                for what, work in works.items():
                    costs[what].append(work())
    wall = {what: [cost.wall for cost in each] for what, each in costs.items()}
    cpu = {what: [cost.cpu for cost in each] for what, each in costs.items()}
    ours = "verity: check 1 GiB, warm"
    yield Figure(ours, "s", wall["check"], peer=("kernel alone", wall["raw"]), ratio_budget=1 / 0.9)
    yield Figure("- against", "s", wall["check"], peer=(f"openssl speed x{CPUS}", wall["openssl"]))
    yield Figure("- against", "s", wall["check"], peer=("veritysetup verify", wall["veritysetup"]), ratio_budget=1 / 3)
    yield Figure("- against", "s", wall["check"], peer=("sha256sum", wall["sha256sum"]))
    yield Figure("- processor", "s", cpu["check"], peer=("kernel alone", cpu["raw"]), ratio_budget=1 / 0.9)
    theirs = ("veritysetup verify", cpu["veritysetup"])
    yield Figure("- processor, against veritysetup", "s", cpu["check"], peer=theirs)
    yield Figure("- build", "s", wall["build"], peer=("veritysetup format", wall["format"]))
    yield Figure("- build, processor", "s", cpu["build"], peer=("veritysetup format", cpu["format"]))
    for kernel in verity.kernels():
        yield Figure(f"- build by {kernel}, processor", "s", cpu[kernel])


def _works(folder: Path, fd: int) -> dict[str, Callable[[], Cost]]:
    """What is measured, by name."""
    image, tree, raw = str(folder / "image"), str(folder / "tree"), str(folder / "raw")
    piece = os.urandom(SIZE // 64)
    for _ in range(64):
        os.write(fd, piece)
    blocks = SIZE // BLOCK
    root, made = verity.build(fd, blocks, SALT)
    os.pwrite(fd, made, SIZE)
    Path(tree).write_bytes(made)
    sources = (page.ROOT / "benchmarks/verity_raw.c", *sorted(_UNIT.glob("native_*.c")))
    subprocess.run(["gcc", "-O2", f"-I{_UNIT}", "-o", raw, *sources, "-lpthread"], check=True)

    def check() -> None:
        assert verity.first_bad_block(fd, blocks, blocks, SALT, root) is None

    def by(kernel: str | None) -> Callable[[], Cost]:
        return lambda: _cost(lambda: verity.build(fd, blocks, SALT, kernel=kernel))

    options = (*_FORMAT, f"--data-blocks={blocks}")
    theirs = str(folder / "theirs")
    return {
        "check": lambda: _cost(check),
        "raw": lambda: _cost(lambda: _output(raw, str(CPUS), str(SIZE))),
        "openssl": _openssl,
        "veritysetup": lambda: _cost(lambda: _output("veritysetup", "verify", *options, image, tree, root.hex())),
        "sha256sum": lambda: _cost(lambda: _output("sha256sum", image)),
        "build": by(None),
        "format": lambda: _cost(lambda: _output("veritysetup", "format", *options, image, theirs)),
        **{kernel: by(kernel) for kernel in verity.kernels()},
    }


def _cost(work: Callable[[], object]) -> Cost:
    """Of this process and of the programs it waited for."""
    before, start = _used(), time.perf_counter()
    work()
    return Cost(time.perf_counter() - start, _used() - before)


def _used() -> float:
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


def _openssl() -> Cost:
    """From thousands of bytes a second, all processors together: `... sha256  1338033.85k`."""
    told = _output("openssl", "speed", "-multi", str(CPUS), "-seconds", "1", "-bytes", str(BLOCK), "-evp", "sha256")
    seconds = SIZE / (float(told.split()[-1].rstrip("k")) * 1000)
    return Cost(seconds, seconds * CPUS)


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
