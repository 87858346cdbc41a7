"""Checking a hash tree over a warm file of 1 GiB on all processors, against the best kernel alone, OpenSSL's SHA-256 on
all of them, veritysetup and sha256sum. Every figure is seconds for 1 GiB; a round measures all, one after the other."""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

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


def figures(run: Run) -> Iterator[Figure]:
    """Ours against each peer, then building, then every kernel."""
    with tempfile.TemporaryDirectory(dir=page.ROOT) as name:  # on a disk, where /tmp may be memory
        folder = Path(name)
        with (folder / "image").open("w+b") as file:
            works = _works(folder, file.fileno())
            times = {what: list[float]() for what in works}
            for _ in range(run.rounds(5, 15)):
                for what, work in works.items():
                    times[what].append(work())
    ours = times["check"]
    yield Figure("verity: check 1 GiB", "s", ours, peer=("kernel alone", times["raw"]), ratio_budget=1 / 0.9)
    yield Figure("- against", "s", ours, peer=(f"openssl speed x{CPUS}", times["openssl"]))
    yield Figure("- against", "s", ours, peer=("veritysetup verify", times["veritysetup"]), ratio_budget=1 / 3)
    yield Figure("- against", "s", ours, peer=("sha256sum", times["sha256sum"]))
    yield Figure("- build", "s", times["build"])
    for kernel in verity.kernels():
        yield Figure(f"- build by {kernel}", "s", times[kernel])


def _works(folder: Path, fd: int) -> dict[str, Callable[[], float]]:
    """What is measured, by name; each gives the seconds of one round."""
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

    def by(kernel: str | None) -> Callable[[], float]:
        return lambda: _seconds(lambda: verity.build(fd, blocks, SALT, kernel=kernel))

    options = (*_FORMAT, f"--data-blocks={blocks}")
    return {
        "check": lambda: _seconds(check),
        "raw": lambda: float(_output(raw, str(CPUS), str(SIZE))),
        "openssl": _openssl,
        "veritysetup": lambda: _seconds(lambda: _output("veritysetup", "verify", *options, image, tree, root.hex())),
        "sha256sum": lambda: _seconds(lambda: _output("sha256sum", image)),
        "build": by(None),
        **{kernel: by(kernel) for kernel in verity.kernels()},
    }


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _openssl() -> float:
    """From thousands of bytes a second, all processors together: `... sha256  1338033.85k`."""
    told = _output("openssl", "speed", "-multi", str(CPUS), "-seconds", "1", "-bytes", str(BLOCK), "-evp", "sha256")
    return SIZE / (float(told.split()[-1].rstrip("k")) * 1000)


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
