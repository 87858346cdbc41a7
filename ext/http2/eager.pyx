"""Start a coroutine at once, in the caller's turn, and make a Task of it only when it waits for something.

Most unary handlers never wait, so that most calls cost no Task and no trip through the loop. While the first step runs,
`asyncio.current_task()` is a stand-in that passes cancellation on to the Task made later, so that `asyncio.timeout` and
TaskGroup work from the first line on.
"""

import asyncio
from collections.abc import Coroutine

from cpython.object cimport PyObject
from cpython.ref cimport Py_XDECREF

cdef extern from "Python.h":
    int PyIter_Send(object, object, PyObject **) except -1
    object PyContext_CopyCurrent()
    int PyContext_Enter(object) except -1
    int PyContext_Exit(object) except -1

DEF WAITS = 1                 # PYGEN_NEXT; else the coroutine has returned

cdef object enter_task = asyncio.tasks._enter_task      # the documented hook for other task types
cdef object leave_task = asyncio.tasks._leave_task
cdef object Cancelled = asyncio.CancelledError


cdef class StandIn:
    """The current task during the first step, and what scopes opened then keep holding."""

    cdef object task
    cdef int requests

    def cancel(self, msg=None):
        """Remembered until there is a Task to cancel."""
        if self.task is not None:
            return self.task.cancel(msg)
        self.requests += 1
        return True

    def uncancel(self):
        """Take one request back."""
        if self.task is not None:
            return self.task.uncancel()
        self.requests = max(0, self.requests - 1)
        return self.requests

    def cancelling(self):
        """How many requests stand."""
        return self.requests if self.task is None else self.task.cancelling()

    def done(self):
        """Has the coroutine ended?"""
        return self.task is not None and self.task.done()

    def get_name(self):
        """For those who show tasks."""
        return "first step" if self.task is None else self.task.get_name()


cdef class Rest:
    """A coroutine after its first step: hands what it waits for to the Task, then goes on with it."""

    cdef object coroutine, first
    cdef bint started

    def __init__(self, coroutine, first):
        self.coroutine = coroutine
        self.first = first

    def __iter__(self):
        return self

    def __next__(self):
        """One step, as `send(None)`: what a Task calls."""
        cdef PyObject *result = NULL
        if not self.started:
            return self.begin()
        if PyIter_Send(self.coroutine, None, &result) != WAITS:
            Py_XDECREF(result)
            raise StopIteration
        return taken(result)

    def send(self, value):
        """One step."""
        return self.coroutine.send(value) if self.started else self.begin()

    def throw(self, *error):
        """One step, into which something is raised."""
        if not self.started:
            first = self.begin()
            cancelled = isinstance(error[0], Cancelled) or error[0] is Cancelled
            if cancelled and first is not None and first.cancel():
                return first           # as Task.cancel does: first what is awaited ends, then the coroutine hears of it
        return self.coroutine.throw(*error)

    def close(self):
        """End it where it stands."""
        self.coroutine.close()

    def __await__(self):
        raise RuntimeError("only a Task runs this")

    cdef object begin(self):
        first, self.first = self.first, None
        self.started = True
        return first


Coroutine.register(Rest)


def start(loop, coroutine):
    """Run the coroutine up to its first wait; None when it is through, else the Task that goes on with it."""
    cdef StandIn stand_in = StandIn.__new__(StandIn)
    cdef PyObject *result = NULL
    cdef int outcome
    context = PyContext_CopyCurrent()
    enter_task(loop, stand_in)
    try:
        PyContext_Enter(context)
        try:
            outcome = PyIter_Send(coroutine, None, &result)
        finally:
            PyContext_Exit(context)
    except Cancelled:
        return None
    finally:
        leave_task(loop, stand_in)
    if outcome != WAITS:
        Py_XDECREF(result)
        return None
    stand_in.task = loop.create_task(Rest(coroutine, taken(result)), context=context)
    for _ in range(stand_in.requests):
        stand_in.task.cancel()
    return stand_in.task


cdef object taken(PyObject *result):
    """A new reference as an object that owns it."""
    cdef object value = <object> result
    Py_XDECREF(result)
    return value
