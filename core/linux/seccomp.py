"""Seccomp filters as data, assembled into the kernel's classic BPF (Documentation/userspace-api/seccomp_filter.rst).
Owns no list of system calls; who forks decides."""

import struct
from dataclasses import dataclass
from typing import Final

from ext import sys as kernel

_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_AT_LEAST: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K
_NUMBER_AT: Final = 0  # offsets in struct seccomp_data
_ARCH_AT: Final = 4
_KILL: Final = 0x80000000  # SECCOMP_RET_KILL_PROCESS
_ALLOW: Final = 0x7FFF0000
_X32: Final = 0x40000000  # the x32 bit: a second number for each call, refused whole


@dataclass(frozen=True, slots=True)
class Filter:
    """Which calls end the process at once. Calls of another architecture always do."""

    denied: tuple[int, ...]


def assemble(rule: Filter) -> bytes:
    """The program, 8 bytes an instruction."""
    count = len(rule.denied)
    program = [
        _instruction(_LOAD, _ARCH_AT),
        _instruction(_EQUAL, kernel.AUDIT_ARCH, 1, 0),
        _instruction(_RETURN, _KILL),
        _instruction(_LOAD, _NUMBER_AT),
        _instruction(_AT_LEAST, _X32, count + 1, 0),
        *(_instruction(_EQUAL, number, count - index, 0) for index, number in enumerate(rule.denied)),
        _instruction(_RETURN, _ALLOW),
        _instruction(_RETURN, _KILL),
    ]
    return b"".join(program)


def load(rule: Filter) -> None:
    """Put the filter on the calling thread and all it starts, for good. Needs no_new_privs or CAP_SYS_ADMIN."""
    kernel.load_filter(assemble(rule))


def _instruction(code: int, value: int, on_true: int = 0, on_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, on_true, on_false, value)
