"""gRPC's framing of messages in a byte stream: one flag byte, a big-endian length, the message; or, with a `prefix` of 0,
no framing: what comes is handed out as it came.

Owns partial messages on the way in and queued ones on the way out. Refuses compressed and oversized messages: the
decoder then keeps the gRPC status in `fault`, drops what follows and still hands out what came before.
"""

from collections import deque

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE, _PyBytes_Resize
from cpython.ref cimport Py_DECREF, Py_INCREF, PyObject
from libc.string cimport memcpy

DEF TRUST = 262144            # bytes that a prefix alone reserves

EXHAUSTED = 8
UNIMPLEMENTED = 12
INTERNAL = 13

MEANING = {
    EXHAUSTED: "message is larger than the limit",
    UNIMPLEMENTED: "compressed messages are not supported",
    INTERNAL: "stream ended inside a message",
}


class FramingError(Exception):
    """The peer's messages cannot be accepted; `code` is the gRPC status that says why."""

    def __init__(self, int code, str message = ""):
        self.code = code
        self.message = message or MEANING[code]
        super().__init__(self.message)


cdef class Decoder:
    """Whole messages out of chunks of any size; `held` counts the bytes taken in and not handed out. Without a `prefix`
    every chunk is one, of whatever size."""

    def __cinit__(self, Py_ssize_t limit, Py_ssize_t prefix=5):
        self.limit = limit
        self.prefix = prefix

    def feed(self, bytes data not None):
        """Take in a chunk."""
        self.push(<const uint8_t *> PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))

    def take(self):
        """The next whole message, or None; raises FramingError once all before a fault are taken."""
        message = self.pop()
        if message is None and self.fault:
            raise FramingError(self.fault)
        return message

    def end(self):
        """No more chunks: an incomplete message is a fault."""
        self.finish()

    cdef int push(self, const uint8_t *data, Py_ssize_t n) except -1:
        cdef Py_ssize_t part
        if self.prefix == 0:
            if n and not self.fault:
                self.body = PyBytes_FromStringAndSize(<const char *> data, n)
                self.held += n
                self.complete()
            return 0
        while n and not self.fault:
            if self.body is None:
                part = min(5 - self.nhead, n)
                memcpy(self.head + self.nhead, data, part)
                self.nhead += part
                self.held += part
                data += part
                n -= part
                if self.nhead == 5:
                    self.begin()
                    if not self.fault and self.size == 0:
                        self.complete()
                continue
            if self.got == PyBytes_GET_SIZE(self.body):
                self.grow()
            part = min(PyBytes_GET_SIZE(self.body) - self.got, n)
            memcpy(PyBytes_AS_STRING(self.body) + self.got, data, part)
            self.got += part
            self.held += part
            data += part
            n -= part
            if self.got == self.size:
                self.complete()
        return 0

    cdef int begin(self) except -1:
        self.size = (<Py_ssize_t> self.head[1] << 24) | (self.head[2] << 16) | (self.head[3] << 8) | self.head[4]
        if self.head[0]:
            self.fault = UNIMPLEMENTED
        elif self.size > self.limit:
            self.fault = EXHAUSTED
        else:
            self.body = PyBytes_FromStringAndSize(NULL, min(self.size, TRUST))
            self.got = 0
        return 0

    cdef int grow(self) except -1:
        """Twice the room, up to the announced size: memory follows what came, not what was promised."""
        cdef PyObject *body = <PyObject *> self.body
        Py_INCREF(self.body)
        self.body = None                   # the reference in `body` is the only one, as _PyBytes_Resize demands
        if _PyBytes_Resize(&body, min(self.size, 2 * self.got)):
            return -1
        self.body = <bytes> body
        Py_DECREF(self.body)
        return 0

    cdef int complete(self) except -1:
        self.messages += 1
        if self.ready is None:
            self.ready = self.body
        else:
            if self.queue is None:
                self.queue = deque()
            self.queue.append(self.body)
        self.body = None
        self.nhead = 0
        return 0

    cdef bytes pop(self):
        cdef bytes message = self.ready
        if message is None:
            return None
        self.ready = self.queue.popleft() if self.queue else None
        self.held -= PyBytes_GET_SIZE(message) + self.prefix
        return message

    cdef void finish(self) noexcept:
        if self.nhead and not self.fault:
            self.fault = INTERNAL
            self.body = None

    cdef bint whole(self) noexcept:
        """Is a whole message waiting?"""
        return self.ready is not None

    cdef bint begun(self) noexcept:
        """Is there a part of a message?"""
        return self.nhead != 0


cdef class Encoder:
    """Messages queued for sending; `pending` counts their bytes, prefixes included. `prefix` is 0 for what goes as it
    is, in no framing."""

    def __cinit__(self):
        self.prefix = 5

    def put(self, bytes message not None):
        """Queue a message."""
        self.push(message)

    def read(self, Py_ssize_t limit):
        """Up to `limit` bytes of what is queued."""
        cdef Py_ssize_t n = min(limit, self.pending)
        cdef bytes out = PyBytes_FromStringAndSize(NULL, n)
        self.copy(PyBytes_AS_STRING(out), n)
        return out

    cdef int push(self, bytes message) except -1:
        if PyBytes_GET_SIZE(message) > 0xFFFFFFFF:
            raise OverflowError("message of 4 GiB or more")
        self.pending += PyBytes_GET_SIZE(message) + self.prefix
        if self.body is None:
            self.begin(message)
        else:
            if self.queue is None:
                self.queue = deque()
            self.queue.append(message)
        return 0

    cdef void begin(self, bytes message) noexcept:
        cdef Py_ssize_t n = PyBytes_GET_SIZE(message)
        self.body = message
        self.offset = 5 - self.prefix
        self.size = n + 5
        self.head[0] = 0
        self.head[1] = (n >> 24) & 255
        self.head[2] = (n >> 16) & 255
        self.head[3] = (n >> 8) & 255
        self.head[4] = n & 255

    cdef int copy(self, char *to, Py_ssize_t n) except -1:
        """Move n bytes, at most `pending`, to `to`."""
        cdef Py_ssize_t part
        self.pending -= n
        while n:
            if self.offset < 5:
                part = min(5 - self.offset, n)
                memcpy(to, self.head + self.offset, part)
            else:
                part = min(self.size - self.offset, n)
                memcpy(to, PyBytes_AS_STRING(self.body) + self.offset - 5, part)
            self.offset += part
            to += part
            n -= part
            if self.offset == self.size:
                if self.queue:
                    self.begin(self.queue.popleft())
                else:
                    self.body = None
        return 0
