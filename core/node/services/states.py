"""The life of a service as a table: what may happen in which state. Whatever is not in it is a bug and raises."""

import enum
from typing import Final


class State(enum.Enum):
    """Where a service stands, in the words of the wire."""

    INITIALIZED = "Initialized"
    PREPARING = "Preparing"
    WAITING = "Waiting"
    STARTING = "Starting"
    RUNNING = "Running"
    STOPPING = "Stopping"
    FINISHED = "Finished"
    FAILED = "Failed"
    SKIPPED = "Skipped"


class Step(enum.Enum):
    """What happens to it."""

    START = enum.auto()  # somebody wants it
    SKIP = enum.auto()  # this node has no use for it
    READY = enum.auto()  # all it waits for is there
    PREPARED = enum.auto()  # its files are written
    SPAWNED = enum.auto()  # its process lives, started now or found alive
    LOST = enum.auto()  # it ended or could not begin, and will be tried again
    DONE = enum.auto()  # it ended well, for good
    GIVEN_UP = enum.auto()  # it ended badly, for good
    STOP = enum.auto()  # somebody wants it to end
    STOPPED = enum.auto()  # nothing of it lives


_S, _T = State, Step
_RESTING: Final = (_S.INITIALIZED, _S.FINISHED, _S.FAILED, _S.SKIPPED)
_ACTIVE: Final = (_S.WAITING, _S.PREPARING, _S.STARTING, _S.RUNNING)
TABLE: Final[dict[tuple[State, Step], State]] = {
    **{(state, _T.START): _S.WAITING for state in _RESTING},
    **{(state, _T.SKIP): _S.SKIPPED for state in (*_RESTING, _S.WAITING)},
    (_S.WAITING, _T.READY): _S.PREPARING,
    (_S.PREPARING, _T.PREPARED): _S.STARTING,
    (_S.STARTING, _T.SPAWNED): _S.RUNNING,
    (_S.RUNNING, _T.SPAWNED): _S.RUNNING,
    **{(state, _T.LOST): _S.WAITING for state in _ACTIVE},
    **{(state, _T.GIVEN_UP): _S.FAILED for state in _ACTIVE},
    (_S.RUNNING, _T.DONE): _S.FINISHED,
    **{(state, _T.STOP): _S.STOPPING for state in (*_ACTIVE, _S.STOPPING)},
    (_S.STOPPING, _T.STOPPED): _S.FINISHED,
}


def after(state: State, step: Step) -> State:
    """The state that follows. Raises KeyError for what cannot happen."""
    return TABLE[state, step]
