"""Seccomp filters as data, assembled into the kernel's classic BPF (Documentation/userspace-api/seccomp_filter.rst).
Owns no list of system calls; who forks decides."""

import errno
import struct
from dataclasses import dataclass
from typing import Final

from core.base.errors import Invalid
from core.linux.syscalls import number
from ext import sys as kernel

_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_AT_LEAST: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_AND: Final = 0x54  # BPF_ALU | BPF_AND | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K
_NUMBER_AT: Final = 0  # offsets in struct seccomp_data
_ARCH_AT: Final = 4
_FIRST_ARGUMENT_AT: Final = 16  # its lower half
_KILL: Final = 0x80000000  # SECCOMP_RET_KILL_PROCESS
_ALLOW: Final = 0x7FFF0000
_MISSING: Final = 0x00050000 | errno.ENOSYS  # SECCOMP_RET_ERRNO
_X32: Final = 0x40000000  # the x32 bit: a second number for each call, refused whole
_FARTHEST: Final = 255  # instructions that a jump can skip
_THREAD: Final = 0x00010000  # CLONE_THREAD
_SPACES: Final = 0x7E020080  # CLONE_NEW*: namespaces


@dataclass(frozen=True, slots=True)
class Filter:
    """The calls that a process may make, by name; any other ends it at once, as does one of another architecture. To
    those in `missing` it hears what a kernel without them says: a library tries them and knows another way. `only` are
    allowed with these first arguments, and are otherwise what they would be without. With `threads` it may clone too,
    but neither a process nor into a namespace."""

    allowed: tuple[str, ...]
    missing: tuple[str, ...] = ()
    only: tuple[tuple[str, tuple[int, ...]], ...] = ()
    threads: bool = False


def assemble(rule: Filter) -> bytes:
    """The program, 8 bytes an instruction. Raises NotFound for a name that is none, Invalid for too many."""
    verdicts = {number(name): _ALLOW for name in rule.allowed} | {number(name): _MISSING for name in rule.missing}
    if len(verdicts) > _FARTHEST - 3:
        raise Invalid(f"a filter has room for {_FARTHEST - 3} calls, not {len(verdicts)}")
    program = [
        _instruction(_LOAD, _ARCH_AT),
        _instruction(_EQUAL, kernel.AUDIT_ARCH, 1, 0),
        _instruction(_RETURN, _KILL),
        _instruction(_LOAD, _NUMBER_AT),
        _instruction(_AT_LEAST, _X32, 0, 1),
        _instruction(_RETURN, _KILL),
        *(_threads() if rule.threads else ()),
        *(step for name, values in rule.only for step in _choice(number(name), values, name in rule.missing)),
        *_table(verdicts),
        _instruction(_RETURN, _KILL),
        _instruction(_RETURN, _MISSING),
        _instruction(_RETURN, _ALLOW),
    ]
    return b"".join(program)


def load(rule: Filter) -> None:
    """Put the filter on the calling thread and all it starts, for good. Needs no_new_privs or CAP_SYS_ADMIN."""
    kernel.load_filter(assemble(rule))


def _threads() -> list[bytes]:
    """The flags of clone are an argument of its own; those of clone3 lie in memory, which a filter cannot read."""
    return [
        _instruction(_EQUAL, number("clone"), 0, 5),
        _instruction(_LOAD, _FIRST_ARGUMENT_AT),
        _instruction(_AND, _THREAD | _SPACES),
        _instruction(_EQUAL, _THREAD, 0, 1),
        _instruction(_RETURN, _ALLOW),
        _instruction(_RETURN, _KILL),
    ]


def _choice(call: int, values: tuple[int, ...], missing: bool) -> list[bytes]:
    count = len(values)
    return [
        _instruction(_EQUAL, call, 0, count + 3),
        _instruction(_LOAD, _FIRST_ARGUMENT_AT),
        *(_instruction(_EQUAL, value, count - index, 0) for index, value in enumerate(values)),
        _instruction(_RETURN, _MISSING if missing else _KILL),
        _instruction(_RETURN, _ALLOW),
    ]


def _table(verdicts: dict[int, int]) -> list[bytes]:
    """One comparison a call; behind them come three returns: kill, missing, allow."""
    behind = {_MISSING: 1, _ALLOW: 2}
    last = len(verdicts) - 1
    return [
        _instruction(_EQUAL, call, last - index + behind[verdict], 0)
        for index, (call, verdict) in enumerate(sorted(verdicts.items()))
    ]


def _instruction(code: int, value: int, on_true: int = 0, on_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, on_true, on_false, value)
