"""`debug`: a container on a node with pipes and with a terminal of this machine, as a person has it."""

import os
import pty
import select
import signal
import subprocess
import termios
from pathlib import Path

import pytest

from tests.node.containers import oci
from tests.support.cluster import Node, documents
from tests.support.pid1 import until

NAME = "example.test/look:1"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("image")
    path = folder / "look.tar"
    path.write_bytes(oci.layout([oci.layer({"hello": oci.compiled(folder)})], NAME))
    return path


def command(node: Node, image: Path, *arguments: str, profile: str = "privileged") -> list[str]:
    where = ("--endpoints", node.endpoint, "--nodes", node.address, "--profile", profile)
    return node.home.command("debug", *where, str(image), "--", *arguments)


def images(node: Node) -> list[str]:
    (answer,) = documents(node.ichorctl("image", "list", "--namespace", "inmem", "-o", "json").out)
    return [each["name"] for each in answer["images"]]


def test_what_is_piped_comes_back_and_nothing_stays(node: Node, image: Path) -> None:
    data = os.urandom(1 << 20)
    run = command(node, image, "/hello", "echo")
    done = subprocess.run(run, env=node.home.environment, input=data, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (7, data, b"")
    assert images(node) == []


def test_a_terminal_is_a_terminal_there_and_is_given_back(node: Node, image: Path) -> None:
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    run = command(node, image, "/hello", "echo")
    process = subprocess.Popen(run, env=node.home.environment, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE)
    try:
        until(lambda: termios.tcgetattr(theirs) != before, what="keys to go through as they are typed")
        os.write(ours, b"to and fro\r")
        # once by the terminal there, once by the program
        assert _until(ours, b"to and fro\r\nto and fro\r\n")
        os.write(ours, b"\x04")
        _, said = process.communicate(timeout=60)
        assert (process.returncode, said) == (8, b"")
        assert termios.tcgetattr(theirs) == before
    finally:
        process.kill()
        process.communicate()
        os.close(ours)
        os.close(theirs)


def _until(terminal: int, words: bytes) -> bool:
    seen = b""
    while words not in seen:
        assert select.select([terminal], [], [], 60)[0], seen
        seen += os.read(terminal, 4096)
    return True


def test_a_signal_goes_through(node: Node, image: Path) -> None:
    """To one that is not the first process of its namespace, which ignores it."""
    run = command(node, image, "/hello", "serve", profile="host-ns")
    process = subprocess.Popen(run, env=node.home.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"listening, GREETING=hi\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 128 + signal.SIGTERM
    finally:
        process.kill()
        process.communicate()


def test_who_interrupts_behind_the_end_of_the_input_leaves(node: Node, image: Path) -> None:
    run = command(node, image, "/hello", "serve")
    process = subprocess.Popen(
        run, env=node.home.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"listening, GREETING=hi\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60)[1] == b"interrupted\n"
        assert process.returncode == 130
        assert images(node) == []
    finally:
        process.kill()
        process.communicate()
