"""Who dies is replaced, who lives is kept: the spawner, machined and apid under kill -9."""

import os
import signal

from tests.support.ask import answering, ask, replaced, settled
from tests.support.pid1 import Node, until


def test_daemons_outlive_the_spawner_and_are_adopted(running: Node) -> None:
    before = settled(running)
    running.kill(before["spawner"])
    replaced(running, "spawner", before["spawner"])
    after = settled(running)
    assert {**after, "spawner": 0} == {**before, "spawner": 0}
    # adopted means more than left alone: the new spawner restarts them and takes their jobs
    until(lambda: "Denied" in str(ask(running, "work", function="core.pki.jobs:none", payload="")), what="its jobs")
    running.kill(after["machined"])
    assert answering(running, after["machined"]) == running.pid_of("ichor-machined")
    assert running.pid_of("ichor-apid") == before["apid"]


def test_machined_is_forked_again_and_finds_its_descriptors(running: Node) -> None:
    before = settled(running)
    init = running.init()
    ring = os.memfd_create("ring")
    init.put("ring.kernel", ring)
    os.close(ring)
    running.kill(before["machined"])
    answering(running, before["machined"])
    assert ask(running, "kept", name="ring.kernel") is True
    after = settled(running)
    assert (after["spawner"], after["apid"]) == (before["spawner"], before["apid"])


def test_a_daemon_that_died_while_there_was_no_spawner(running: Node) -> None:
    before = settled(running)
    running.kill(before["spawner"], signal.SIGSTOP)
    running.kill(before["apid"])
    running.kill(before["spawner"])
    replaced(running, "spawner", before["spawner"])
    after = settled(running)
    assert after["machined"] == before["machined"]
    assert replaced(running, "apid", before["apid"]) != before["apid"]
    news = ask(running, "news")
    assert ["apid", before["apid"], None, True] in news


def test_machined_hears_of_the_others(running: Node) -> None:
    before = settled(running)
    until(lambda: ["apid", before["apid"], None, True] in ask(running, "news"))
    running.kill(before["apid"], signal.SIGTERM)
    until(lambda: ["apid", before["apid"], int(signal.SIGTERM), False] in ask(running, "news"), what="its death")
    new = replaced(running, "apid", before["apid"])
    until(lambda: ["apid", new, None, True] in ask(running, "news"), what="its successor")


def test_a_daemon_that_is_asked_for_runs_while_it_is_wanted(running: Node) -> None:
    before = settled(running)
    assert not running.pid_of("ichor-trustd")
    ask(running, "want", name="apid", wanted=False)  # which nobody may ask for
    ask(running, "want", name="trustd", wanted=True)
    first = replaced(running, "trustd", 0)
    until(lambda: ["trustd", first, None, True] in ask(running, "news"), what="its start")
    assert [item for item in ask(running, "news") if item[0] == "trustd"] == [["trustd", first, None, True]]
    running.kill(first)
    second = replaced(running, "trustd", first)
    until(lambda: ["trustd", second, None, True] in ask(running, "news"), what="its successor")
    running.kill(before["spawner"])
    replaced(running, "spawner", before["spawner"])
    until(lambda: ["spawner", running.pid_of("ichor-spawner"), None, True] in ask(running, "news"), what="its news")
    assert running.pid_of("ichor-trustd") == second
    ask(running, "want", name="trustd", wanted=False)
    until(lambda: ["trustd", second, int(signal.SIGTERM), False] in ask(running, "news"), what="its end")
    assert running.pid_of("ichor-trustd") == 0
    assert running.pid_of("ichor-apid") == before["apid"]


def test_machined_hears_how_its_predecessor_ended(running: Node) -> None:
    pid = settled(running)["machined"]
    running.kill(pid)
    answering(running, pid)
    until(lambda: ask(running, "news"), what="news")
    assert ask(running, "news")[0] == ["machined", pid, int(signal.SIGKILL), False]


def test_machined_hears_how_a_spawner_ended(running: Node) -> None:
    before = settled(running)
    until(lambda: ["spawner", before["spawner"], None, True] in ask(running, "news"))
    running.kill(before["spawner"], signal.SIGKILL)
    new = replaced(running, "spawner", before["spawner"])
    until(lambda: ["spawner", new, None, True] in ask(running, "news"), what="its successor")
    told = [item for item in ask(running, "news") if item[0] == "spawner"]
    assert told[1:] == [["spawner", before["spawner"], int(signal.SIGKILL), False], ["spawner", new, None, True]]


def test_a_spawner_s_end_is_told_to_a_machined_that_ended_with_it(running: Node) -> None:
    before = settled(running)
    running.kill(before["spawner"], signal.SIGSTOP)
    running.kill(before["machined"])
    running.kill(before["spawner"])
    answering(running, before["machined"])
    until(lambda: ["spawner", before["spawner"], int(signal.SIGKILL), False] in ask(running, "news"))


def test_no_zombie_stays(running: Node) -> None:
    for name in ("apid", "machined", "spawner", "apid", "machined"):
        running.kill(settled(running)[name])
    settled(running)

    def zombies() -> list[str]:
        stats = [running.path(f"/proc/{pid}/stat") for pid in running.processes()]
        return [text for text in (path.read_text() for path in stats if path.exists()) if ") Z " in text]

    until(lambda: not zombies(), what="the dead to be reaped")


def test_three_crashes_give_the_spawner_new_memory(running: Node) -> None:
    pids = settled(running)
    starts = running.init().status().spawner_starts
    layout = _layout(running, pids["spawner"])
    for _ in range(3):
        apid = running.pid_of("ichor-apid")
        running.kill(apid, signal.SIGSEGV)
        replaced(running, "apid", apid)
    until(lambda: _layout(running, pids["spawner"]) != layout, what="another layout")
    after = settled(running)
    assert after["spawner"] == pids["spawner"]  # it re-executed itself: same process, and init has started none
    assert after["machined"] == pids["machined"]
    assert running.init().status().spawner_starts == starts
    running.kill(after["machined"])  # still its child, now known by what init keeps
    answering(running, after["machined"])


def test_the_spawner_beats_only_when_machined_does(running: Node) -> None:
    pids = settled(running)
    init = running.init()
    running.kill(pids["machined"], signal.SIGSTOP)
    before = init.status().beat_age
    until(lambda: init.status().beat_age > before + 5, 12, "beats to stop")  # apid has beaten meanwhile
    running.kill(pids["machined"], signal.SIGCONT)
    until(lambda: init.status().beat_age < 2, 12, "beats to come back")


def _layout(node: Node, pid: int) -> str:
    maps = node.path(f"/proc/{pid}/maps").read_text().splitlines()
    return next((line.partition("-")[0] for line in maps if "/launch" in line), "")
