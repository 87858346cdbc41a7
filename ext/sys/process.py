"""What a process is and may do: namespaces, descriptors, capabilities, filters."""

from ext.sys._sys import ffi, lib
from ext.sys.failure import check


def unshare(flags: int) -> None:
    """Give the caller namespaces of its own (CLONE_NEW*)."""
    check(lib.unshare(flags), "unshare")


def setns(fd: int, kind: int = 0) -> None:
    """Enter the namespace behind `fd`."""
    check(lib.setns(fd, kind), "setns")


def prctl(option: int, a: int = 0, b: int = 0) -> int:
    """prctl(2) for options with up to two numbers."""
    return check(lib.ichor_prctl(option, a, b), f"prctl {option}")


def set_name(name: str) -> None:
    """The thread's name as ps and /proc/PID/comm show it; the kernel keeps 15 bytes."""
    raw = ffi.new("char[]", name.encode()[:15])
    check(lib.ichor_prctl(lib.PR_SET_NAME, int(ffi.cast("uintptr_t", raw)), 0), "prctl PR_SET_NAME")


def close_range(first: int, last: int, flags: int = 0) -> None:
    """Close the descriptors `first` to `last`, or mark them with CLOSE_RANGE_CLOEXEC."""
    check(lib.ichor_close_range(first, last, flags), "close_range")


def capset(effective: int, permitted: int, inheritable: int) -> None:
    """The calling thread's capability sets, as masks."""
    check(lib.ichor_capset(effective, permitted, inheritable), "capset")


def capget() -> tuple[int, int, int]:
    """(effective, permitted, inheritable) as masks."""
    effective, permitted, inheritable = (ffi.new("uint64_t *") for _ in range(3))
    check(lib.ichor_capget(effective, permitted, inheritable), "capget")
    return int(effective[0]), int(permitted[0]), int(inheritable[0])


def load_filter(program: bytes) -> None:
    """Put a seccomp filter (struct sock_filter, 8 bytes each) on the calling thread, for good."""
    if len(program) % 8:
        raise ValueError("a filter is a whole number of instructions")
    aligned = ffi.new("uint64_t[]", len(program) // 8)
    ffi.memmove(aligned, program, len(program))
    check(lib.ichor_seccomp(aligned, len(program) // 8), "seccomp")


def pidfd_open(pid: int) -> int:
    """A descriptor of the process; the caller owns it."""
    return check(lib.ichor_pidfd_open(pid, 0), "pidfd_open")


def pidfd_send_signal(pidfd: int, number: int) -> None:
    """Signal the process behind the descriptor, never its successor of the same number."""
    check(lib.ichor_pidfd_send_signal(pidfd, number), "pidfd_send_signal")


def pidfd_getfd(pidfd: int, target: int) -> int:
    """A duplicate of descriptor `target` of another process; the caller owns it."""
    return check(lib.ichor_pidfd_getfd(pidfd, target), "pidfd_getfd")


def attach_filter(fd: int, program: bytes) -> None:
    """Let a socket take only the packets that a classic BPF program (struct sock_filter, in a row) lets through."""
    check(lib.ichor_attach_filter(fd, ffi.from_buffer(program), len(program) // 8), "SO_ATTACH_FILTER")


def peer_pidfd(fd: int) -> int:
    """A descriptor of the process at the other end of a local socket (Linux 6.5)."""
    return check(lib.ichor_peer_pidfd(fd), "SO_PEERPIDFD")
