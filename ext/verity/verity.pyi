from collections.abc import Callable

# `progress` is called on the calling thread with the data blocks done, some thirty times a second. What it raises, or a
# signal's handler, ends the work and leaves by the same call. `threads` is how many take part, 0: one for each
# processor that we may run on. `kernel` forces one of `kernels()`. Raises OSError for a file that ends too early or
# cannot be read.

def build(
    fd: int,
    data_blocks: int,
    salt: bytes,
    *,
    progress: Callable[[int], object] | None = None,
    threads: int = 0,
    kernel: str | None = None,
) -> tuple[bytes, bytes]: ...
def first_bad_block(
    fd: int,
    data_blocks: int,
    tree_block: int,
    salt: bytes,
    root: bytes,
    *,
    progress: Callable[[int], object] | None = None,
    threads: int = 0,
    kernel: str | None = None,
) -> int | None: ...
def kernels() -> list[str]: ...
def best_kernel() -> str: ...
