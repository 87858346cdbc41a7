# distutils: libraries = nghttp2
"""HTTP/2 for gRPC on libnghttp2, without a socket: bytes in, streams of messages, bytes out.

Owns the nghttp2 session, its streams and their windows. nghttp2's callbacks only record what happened; Python code
(`on_request`, futures, owners of streams) is told after nghttp2 has returned, never from inside it. `Connection` adds
the socket and the TLS.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport int32_t, uint8_t, uint32_t
from libc.string cimport memcmp, memcpy

from ext.http2.buffer cimport append, consume, drop, filled, reserve
from ext.http2.framing cimport Decoder, Encoder
from ext.http2.nghttp2 cimport *

from ext.http2.framing import FramingError

DEF QUEUE = 262144            # bytes queued on a stream before send() makes its caller wait
DEF STREAM_WINDOW = 2097152
DEF CONNECTION_WINDOW = 4194304
DEF RESET_BURST = 1000        # streams a peer may reset at once, and then a second (CVE-2023-44487)
DEF RESET_RATE = 33
DEF CLOSED = 8                # HTTP/2 error CANCEL, also for streams that end with their connection

cdef nghttp2_session_callbacks *callbacks = NULL
cdef nghttp2_option *options = NULL
cdef Py_ssize_t live_streams = 0
cdef Py_ssize_t live_sessions = 0


class StreamClosed(Exception):
    """The stream has ended: its peer reset it, or the connection is gone."""


def live():
    """How many streams and sessions exist: tests end where they began."""
    return live_streams, live_sessions


include "stream.pxi"
include "callbacks.pxi"


cdef class Session:
    """One connection's HTTP/2 state, server or client side."""

    def __cinit__(self, bint server, *, loop=None, Py_ssize_t message_limit=33554432,
                  Py_ssize_t buffer_limit=134217728, Py_ssize_t header_limit=65536, **_):
        global live_sessions
        live_sessions += 1
        self.server = server
        self.loop = loop
        self.message_limit = message_limit
        self.buffer_limit = buffer_limit
        self.header_limit = header_limit
        self.streams = {}
        self.requests = []
        self.changed = []
        self.reason = ""

    def __dealloc__(self):
        global live_sessions
        live_sessions -= 1
        if self.s != NULL:
            nghttp2_session_del(self.s)
        drop(&self.out)

    def begin(self, int max_streams=1024):
        """Open the session and queue our SETTINGS."""
        cdef nghttp2_settings_entry settings[3]
        self.start()
        settings[0].settings_id = NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE
        settings[0].value = STREAM_WINDOW
        settings[1].settings_id = NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE
        settings[1].value = self.header_limit
        if self.server:
            settings[2].settings_id = NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS
            settings[2].value = max_streams
        else:
            settings[2].settings_id = NGHTTP2_SETTINGS_ENABLE_PUSH
            settings[2].value = 0
        check(nghttp2_submit_settings(self.s, NGHTTP2_FLAG_NONE, settings, 3))
        check(nghttp2_session_set_local_window_size(self.s, NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW))

    cdef int start(self) except -1:
        if self.server:
            return check(nghttp2_session_server_new2(&self.s, callbacks, <void *> self, options))
        return check(nghttp2_session_client_new2(&self.s, callbacks, <void *> self, options))

    def receive(self, bytes data not None):
        """Take in bytes of the peer and tell everybody concerned; False when the session is over."""
        self.feed(PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
        return not self.over()

    def send(self, size_t limit=QUEUE):
        """Bytes for the peer, at most `limit` and a frame."""
        self.gather(limit)
        out = PyBytes_FromStringAndSize(self.out.data + self.out.start, filled(&self.out))
        consume(&self.out, filled(&self.out))
        self.dispatch()
        return out

    def request(self, bytes path not None, bytes authority not None, bytes scheme not None, list headers not None):
        """Open a stream (client side); send() and end() follow. Raises StreamClosed when no stream can be opened."""
        cdef Stream stream
        cdef nghttp2_data_provider provider
        if self.s == NULL or not nghttp2_session_check_request_allowed(self.s):
            raise StreamClosed(self.reason or "connection takes no more calls")
        stream = Stream.__new__(Stream, self)
        stream.started = True
        provider.source.ptr = <void *> stream
        provider.read_callback = read_data
        pairs = [(b":method", b"POST"), (b":scheme", scheme), (b":path", path), (b":authority", authority), *headers]
        stream.id = submit(self.s, -1, pairs, &provider, <void *> stream)
        self.streams[stream.id] = stream
        return stream

    def drain(self):
        """Say GOAWAY: first that no more streams should come, and after a round trip that none will be taken."""
        if self.s != NULL and not self.draining:
            self.draining = True
            check(nghttp2_submit_shutdown_notice(self.s))
            check(nghttp2_submit_ping(self.s, NGHTTP2_FLAG_NONE, NULL))
            self.wake()

    @property
    def active(self):
        """The number of open streams."""
        return len(self.streams)

    @property
    def alive(self):
        """Is the session still there? Streams that it took with it end as cancelled."""
        return self.s != NULL

    @property
    def usable(self):
        """Can a client open another stream?"""
        return self.s != NULL and nghttp2_session_check_request_allowed(self.s) != 0

    cdef int feed(self, const void *p, size_t n) except -1:
        cdef ssize_t taken
        if self.s == NULL:
            return 0
        self.feeding = True
        try:
            taken = nghttp2_session_mem_recv(self.s, <const uint8_t *> p, n)
            if self.parked is not None:
                error, self.parked = self.parked, None
                raise error
            if taken < 0:
                self.end(nghttp2_strerror(<int> taken).decode())
            self.dispatch()
        finally:
            self.feeding = False
        return 0

    cdef int gather(self, size_t limit) except -1:
        """Collect frames that may go out now into `out`, until it holds `limit` bytes."""
        cdef const uint8_t *p
        cdef ssize_t n
        self.limit = limit
        while self.s != NULL and filled(&self.out) < limit:
            n = nghttp2_session_mem_send(self.s, &p)      # DATA goes to `out` by itself, in send_data
            if self.parked is not None:
                error, self.parked = self.parked, None
                raise error
            if n <= 0:
                break
            if append(&self.out, p, n):
                raise MemoryError()
        return 0

    cdef void dispatch(self) except *:
        """Tell of what the callbacks recorded: new requests, then streams that changed."""
        cdef Stream stream
        while self.requests or self.changed:
            requests, self.requests = self.requests, []
            for stream in requests:
                if self.on_request is not None and not stream.closed:
                    self.on_request(stream)
            changed, self.changed = self.changed, []
            for stream in changed:
                stream.notify()

    cdef void wake(self) except *:
        pass

    cdef void soon(self) except *:
        pass

    cdef void flush(self) except *:
        pass

    cdef void park(self, object error) noexcept:
        if self.parked is None:
            self.parked = error

    cdef bint over(self) noexcept:
        return self.s == NULL or not (nghttp2_session_want_read(self.s) or nghttp2_session_want_write(self.s))

    cdef void end(self, str reason) except *:
        """The session is gone, and with it every stream. Never called from inside nghttp2."""
        cdef Stream stream
        self.reason = self.reason or reason
        if self.s != NULL:
            nghttp2_session_del(self.s)
            self.s = NULL
        drop(&self.out)
        self.on_request = None
        streams, self.streams = self.streams, {}
        for stream in streams.values():
            stream.gone(CLOSED)
        if not self.feeding:
            self.dispatch()

    def close(self, str reason="closed"):
        """Drop the session; open streams end as cancelled."""
        self.end(reason)


cdef int check(int code) except -1:
    if code < 0:
        raise RuntimeError(nghttp2_strerror(code).decode())
    return 0


cdef int32_t submit(nghttp2_session *s, int32_t stream_id, list pairs, nghttp2_data_provider *provider,
                    void *user) except -1:
    """A request (stream_id -1, answers the new id), a response, or with neither provider nor user data a trailer."""
    cdef Py_ssize_t i, n = len(pairs)
    cdef bytes name, value
    cdef int code
    cdef nghttp2_nv *nv = <nghttp2_nv *> PyMem_Malloc(n * sizeof(nghttp2_nv))
    if nv == NULL:
        raise MemoryError()
    try:
        for i in range(n):
            name, value = pairs[i]
            nv[i].name = <uint8_t *> PyBytes_AS_STRING(name)
            nv[i].namelen = PyBytes_GET_SIZE(name)
            nv[i].value = <uint8_t *> PyBytes_AS_STRING(value)
            nv[i].valuelen = PyBytes_GET_SIZE(value)
            nv[i].flags = NGHTTP2_NV_FLAG_NONE            # nghttp2 copies: ours may go before the frame does
        if stream_id == -1:
            code = nghttp2_submit_request(s, NULL, nv, n, provider, user)
        elif user == NULL:
            code = nghttp2_submit_response(s, stream_id, nv, n, provider)
        else:
            code = nghttp2_submit_trailer(s, stream_id, nv, n)
    finally:
        PyMem_Free(nv)
    check(code)
    return code


register()
