"""Every method of the API on a node that runs, and every command that only asks, by grpc-go's client with generated
stubs."""

import pytest

from tests.e2e.calls import CALLS, COMMANDS, Call
from tests.support import apipage
from tests.support.caller import Caller


def play(caller: Caller, call: Call) -> None:
    """Make the call and see what has to be seen."""
    begun = caller.open(call.rpc, call.request)
    messages = []
    for message in begun:
        messages.append(message)
        if call.stays == len(messages):
            begun.cancel()
    assert begun.end is not None
    assert begun.end.code == ("Canceled" if call.stays else call.code), begun.end
    assert call.says in begun.end.error
    if call.code == "OK":
        assert call.sees(messages[: call.stays or None]), messages


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.rpc)
def test_a_method(caller: Caller, call: Call) -> None:
    play(caller, call)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command(caller: Caller, command: str) -> None:
    for call in COMMANDS[command]:
        play(caller, call)


@pytest.mark.parametrize("rpc", sorted(apipage.missing()))
def test_what_is_not_there_yet_says_so(caller: Caller, rpc: str) -> None:
    end = caller.call(rpc).end
    assert (end.code, end.error) == ("Unimplemented", apipage.missing()[rpc])
