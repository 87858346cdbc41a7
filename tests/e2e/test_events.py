"""Events as the format's client asks for them, by grpc-go: from where, of whom, in which order, and how it is refused.
What a node tells of its boot stays the same, so that every answer is known to the letter."""

import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final

import pytest

from core.codec.xid import Xid
from tests.e2e.sequences import BOOT, TYPE, steps
from tests.support.caller import Caller, Message

EVENTS: Final = "machine.MachineService/Events"
EXCLUSIVE: Final = "only one of tail_events, tail_id and tail_seconds may be given"


@pytest.fixture(scope="module")
def told(caller: Caller) -> list[Message]:
    """All that the node has told until now; tests that come later see the same, and perhaps more."""
    following = caller.open(EVENTS, {"tail_events": -1})
    hello, events = following.next(), list[Message]()
    assert hello is not None
    while not events or events[-1]["id"] != hello["id"]:
        events.append(following.next() or pytest.fail(f"the stream has ended: {following.end}"))
    following.cancel()
    return events


def _first(caller: Caller, count: int, **request: Any) -> tuple[Message, list[Message]]:
    """The hello and so many events after it."""
    following = caller.open(EVENTS, request)
    hello, *events = [following.next() or pytest.fail(f"{following.end}") for _ in range(count + 1)]
    following.cancel()
    assert following.rest().end.code == "Canceled"
    return hello, events


def _actor(events: Sequence[Message], sequence: str) -> str:
    """Whose sequence that was."""
    (found,) = {e["actor_id"] for e in events if e["data"].get("sequence") == sequence}
    return str(found)


def test_the_first_says_that_the_stream_stands(caller: Caller, told: list[Message]) -> None:
    actor = _actor(told, "boot")
    hello, _ = _first(caller, 0)
    assert hello == {"data": {}, "id": hello["id"]}
    assert Xid.parse(hello["id"]) >= Xid.parse(told[-1]["id"])
    assert _first(caller, 0, with_actor_id=actor)[0] == {"data": {}, "id": hello["id"], "actor_id": actor}


def test_ids_are_ordered_and_every_type_is_known(told: list[Message]) -> None:
    assert all(len(event["id"]) == 20 and str(Xid.parse(event["id"])) == event["id"] for event in told)
    assert all(Xid.parse(one["id"]) < Xid.parse(other["id"]) for one, other in pairwise(told))
    known = {"Sequence", "Phase", "Task", "ServiceState", "Restart", "ConfigLoadError", "ConfigValidationError"}
    known |= {"Address", "MachineStatus"}
    assert {event["data"]["@type"] for event in told} <= {f"{TYPE}{name}Event" for name in known}
    assert told[0]["data"]["stage"] == "BOOTING"


def test_of_one_actor_all_of_it_and_nothing_else(caller: Caller, told: list[Message]) -> None:
    actor, wanted = _actor(told, "boot"), steps("boot", BOOT)
    _, events = _first(caller, len(wanted), tail_events=-1, with_actor_id=actor)
    assert [event["data"] for event in events] == wanted
    assert events == [event for event in told if event.get("actor_id") == actor]


@pytest.mark.parametrize("count", [1, 3, 10_000])
def test_the_last_so_many(caller: Caller, told: list[Message], count: int) -> None:
    hello, events = _first(caller, min(count, len(told)), tail_events=count)
    if hello["id"] == told[-1]["id"]:  # nothing was told in between
        assert events == told[-count:]
    assert events[-1]["id"] <= hello["id"]


@pytest.mark.parametrize("at", [0, 7, -2])
def test_what_came_after_an_id(caller: Caller, told: list[Message], at: int) -> None:
    wanted = told[at:][1:]
    _, events = _first(caller, len(wanted), tail_id=told[at]["id"])
    assert events == wanted


def test_what_came_after_an_id_that_was_never_given(caller: Caller, told: list[Message]) -> None:
    before = str(replace(Xid.parse(told[0]["id"]), seconds=1))
    assert _first(caller, len(told), tail_id=before)[1] == told


def test_the_last_seconds(caller: Caller, told: list[Message]) -> None:
    assert _first(caller, len(told), tail_seconds=1_000_000)[1] == told
    newest = Xid.parse(told[-1]["id"]).seconds
    wanted = [event for event in told if Xid.parse(event["id"]).seconds == newest]
    began = seen = 0
    events: list[Message] = []
    while not seen or began != seen:  # again when the second was over before the answer was here
        began = int(time.time())
        following = caller.open(EVENTS, {"tail_seconds": began - newest}, timeout=1)
        events = [event for _ in range(len(wanted) + 1) if (event := following.next())][1:]
        seen = int(time.time())
        following.cancel()
    assert events == wanted


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        ({"tail_events": 1, "tail_id": "dc28159ja9ajig80000g"}, EXCLUSIVE),
        ({"tail_events": -1, "tail_seconds": 1}, EXCLUSIVE),
        ({"tail_seconds": 1, "tail_id": "dc28159ja9ajig80000g"}, EXCLUSIVE),
        ({"tail_id": "no id"}, "'no id' is no event id"),
        ({"tail_seconds": -1}, "tail_seconds is negative"),
    ],
)
def test_what_is_no_place_to_begin(caller: Caller, request_: Message, why: str) -> None:
    answer = caller.call(EVENTS, request_)
    assert (answer.end.code, answer.end.error, answer.messages) == ("InvalidArgument", why, [])
