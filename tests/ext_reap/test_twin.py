"""Spawning and reaping against their obvious twins: any children that end in any way, waited for in any order; any
arguments, environment and descriptors."""

import os
import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ext import reap
from tests.ext_reap import twin

TICK = os.sysconf("SC_CLK_TCK")
# SIGKILL and some that dump core, which the limit on its size below prevents
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGABRT, signal.SIGALRM)
KILLED = st.sampled_from(SIGNALS).map(lambda number: f"kill -{number} $$")
ENDS = st.one_of(st.integers(0, 255).map(lambda code: f"exit {code}"), KILLED)
STEPS = st.one_of(st.integers(0, 30).map(lambda at: ("wait", at)), st.integers(1, 5).map(lambda n: ("collect", n)))
TEXT = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=40)
NAMES = st.text(st.characters(exclude_characters="\0=", codec="utf-8"), min_size=1, max_size=20)


def matches(found: reap.Dead, expected: twin.End) -> bool:
    """The same end. The kernel counts in nanoseconds what /proc rounds down to ticks."""
    used = (found.user, expected.user), (found.system, expected.system)
    return found[:2] == expected[:2] and all(ticks <= seconds * TICK + 1e-6 < ticks + 1 for seconds, ticks in used)


@settings(max_examples=40)
@given(st.lists(ENDS, min_size=1, max_size=12), st.lists(STEPS, max_size=12))
def test_ends_are_those_that_waitid_tells_of(ends: list[str], steps: list[tuple[str, int]]) -> None:
    no_core = ((4, 0, 0),)
    children = dict(reap.spawn_process(["/bin/sh", "-c", end], {}, limits=no_core) for end in ends)
    expected = {pid: twin.peek(pid) for pid in children}
    try:
        for step, number in steps:
            if step == "wait":
                pid = list(children)[number % len(children)]
                if pid not in expected:
                    with pytest.raises(ChildProcessError):
                        reap.wait(children[pid])
                    continue
                found = [reap.wait(children[pid])]
            else:
                found = list(reap.collect(number))
                assert len(found) == min(number, len(expected))
            for one in found:
                assert one is not None and matches(one, expected.pop(one.pid))
            assert twin.dead() == set(expected)
    finally:
        rest = reap.collect()
        for pidfd in children.values():
            os.close(pidfd)
    assert all(matches(one, expected.pop(one.pid)) for one in rest)
    assert not expected


def said(argv: Sequence[str], env: dict[str, str]) -> bytes:
    """What a program spawned by the unit writes."""
    read, write = os.pipe()
    try:
        pid, pidfd = reap.spawn_process(argv, env, fds=(-1, write))
    finally:
        os.close(write)
    with open(read, "rb") as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    os.close(pidfd)
    return text


@settings(max_examples=60)
@given(st.lists(TEXT, max_size=6), st.dictionaries(NAMES, TEXT, max_size=6))
def test_arguments_and_environment_are_those_of_subprocess(arguments: list[str], env: dict[str, str]) -> None:
    for argv in (["/usr/bin/printf", "%s\\0", *arguments], ["/usr/bin/env", "-0"]):
        assert said(argv, env) == subprocess.run(argv, env=env, capture_output=True, check=True).stdout


@settings(max_examples=60)
@given(st.lists(st.integers(-1, 6), max_size=12))
def test_any_descriptors_land_where_they_belong(choices: list[int]) -> None:
    files = [os.memfd_create(f"m{number}") for number in range(7)]
    ours, theirs = socket.socketpair()
    sources = [theirs.fileno(), theirs.fileno(), *(files[choice] if choice >= 0 else -1 for choice in choices)]
    with ours, theirs:
        pid, pidfd = reap.spawn_process(["/bin/cat"], {}, fds=sources)
        try:
            ours.send(b"loaded?")
            assert ours.recv(7) == b"loaded?"
            found = {int(entry.name): str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()}
            placed = {at + 2: f"/memfd:m{choice} (deleted)" for at, choice in enumerate(choices) if choice >= 0}
            assert found == {0: found[0], 1: found[0], **placed}
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            for fd in (*files, pidfd):
                os.close(fd)
