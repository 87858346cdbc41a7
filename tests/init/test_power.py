"""How a node ends: by request, by signal, by a spawner that keeps dying."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from core.linux.init import Action
from core.linux.power import last_reason
from ext import reap
from tests.support.ask import answering, replaced, settled
from tests.support.pid1 import Node, build_init, node, until


@pytest.mark.parametrize(
    ("action", "number"),
    [(Action.REBOOT, signal.SIGHUP), (Action.POWEROFF, signal.SIGINT), (Action.HALT, signal.SIGINT)],
)
def test_a_request_ends_the_namespace_as_reboot2_says(running: Node, action: Action, number: int) -> None:
    settled(running)
    running.init().power(action, "because")
    assert os.WTERMSIG(running.ended().status) == number
    assert (running.state / "last-reboot").read_text() == "because"


@pytest.mark.parametrize(
    ("sent", "number"),
    [
        (signal.SIGTERM, signal.SIGINT),
        (signal.SIGPWR, signal.SIGINT),
        (signal.SIGINT, signal.SIGHUP),
        (signal.SIGRTMIN + 3, signal.SIGINT),
        (signal.SIGRTMIN + 5, signal.SIGHUP),
    ],
)
def test_a_signal_ends_it_too(running: Node, sent: int, number: int) -> None:
    settled(running)
    os.kill(running.pid, sent)
    assert os.WTERMSIG(running.ended().status) == number


def test_other_signals_change_nothing(running: Node) -> None:
    settled(running)
    for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGPIPE, signal.SIGALRM, signal.SIGWINCH):
        os.kill(running.pid, number)
    assert running.init().status().spawner_starts == 1


def test_what_is_stopped_or_deaf_ends_as_well(running: Node) -> None:
    pids = settled(running)
    running.kill(pids["apid"], signal.SIGSTOP)
    running.init().power(Action.POWEROFF)
    running.ended(timeout=25)


def test_nobody_waits_for_an_answer_that_does_not_come(running: Node) -> None:
    settled(running)
    deaf = ["nsenter", "-t", str(running.pid), "-p", "-m", "--", "/bin/sh", "-c", "trap '' TERM; sleep 100 &"]
    subprocess.run(deaf, check=True)
    until(lambda: running.pid_of("sleep"), what="the deaf one")
    asking, ending = running.init(), running.init()
    ending.power(Action.POWEROFF)
    with pytest.raises((ConnectionResetError, BrokenPipeError)):  # and no TimeoutError
        for _ in iter(asking.status, None):
            pass
    with pytest.raises(ConnectionRefusedError):
        running.init()
    running.kill(running.pid_of("sleep"))
    running.ended()


def test_five_deaths_record_the_reason_and_end_it(running: Node) -> None:
    killed = 0
    last = 0
    while killed < 5:
        pid = running.pid_of("ichor-spawner") or running.pid_of("launch")
        if pid not in (0, last):
            running.kill(pid)
            last, killed = pid, killed + 1
        time.sleep(0.005)
    assert os.WTERMSIG(running.ended().status) == signal.SIGHUP
    reason = "spawner died 5 times within a minute, last by signal 9"
    assert reason in running.console.read_text()
    root = running.state.parent
    (root / "system").mkdir()
    (root / "system/state").symlink_to(running.state)
    assert last_reason(root) == reason
    assert last_reason(root) is None


def test_four_deaths_do_not(running: Node) -> None:
    for _ in range(4):
        pids = settled(running)
        running.kill(pids["spawner"])
        replaced(running, "spawner", pids["spawner"])
    assert answering(running)
    assert running.init().status().spawner_starts == 5


def test_init_instrumented_lives_through_it_all(tmp_path: Path) -> None:
    with node(tmp_path, sanitize=True) as made:
        pids = settled(made)
        init = made.init()
        fd = os.memfd_create("x")
        init.put("x", fd)
        os.close(fd)
        made.kill(pids["spawner"])
        replaced(made, "spawner", pids["spawner"])
        answering(made)
        init.beat()
        init.journal()
        init.drop("x")
        init.power(Action.REBOOT, "done")
        assert os.WTERMSIG(made.ended().status) == signal.SIGHUP


def test_it_is_for_pid_1_alone() -> None:
    read, write = os.pipe()
    pid, pidfd = reap.spawn_process([str(build_init())], {}, fds=(write, write, write), keep=0)
    os.close(write)
    assert os.read(read, 100) == b"ichor: init is for PID 1 alone\n"
    os.close(read)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
    os.close(pidfd)
