# distutils: libraries = nghttp2
"""HTTP/2 for gRPC on libnghttp2, without a socket: bytes in, streams of messages, bytes out.

Owns the nghttp2 session, its streams and their windows. nghttp2's callbacks only record what happened; Python code
(`on_request`, futures, owners of streams) is told after nghttp2 has returned, never from inside it. `Connection` adds
the socket and the TLS.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport int32_t, uint8_t, uint32_t
from libc.string cimport memcmp, memcpy, memset

from ext.http2.buffer cimport append, consume, drop, filled, reserve
from ext.http2.framing cimport Decoder, Encoder
from ext.http2.meter cimport CONTINUATIONS, NOISE, RESETS, bucket, earn, measure, spend
from ext.http2.nghttp2 cimport *
from ext.http2.tally cimport monotonic

from ext.http2.framing import FramingError
from ext.http2.limits import Limits

DEF QUEUE = 262144            # bytes queued on a stream before send() makes its caller wait
DEF STREAM_WINDOW = 2097152
DEF CONNECTION_WINDOW = 4194304
DEF CLOSED = 8                # HTTP/2 error CANCEL, also for streams that end with their connection
DEF CALM = 11                 # HTTP/2 error ENHANCE_YOUR_CALM

DEF ACKS = 1000               # answers to PING and SETTINGS that may wait for a peer who does not read
DEF NEVER = 1 << 40
DEF STEP = 65536              # bytes of a message that are to come within `patience`
DEF PREFACE = 24              # bytes a client says before its first frame

DEFAULT = Limits()
EXCESS = {
    RESETS: "too many streams reset",
    CONTINUATIONS: "too many CONTINUATION frames",
    NOISE: "too many frames that bring nothing",
}
cdef nghttp2_session_callbacks *callbacks = NULL
cdef nghttp2_option *options = NULL
cdef Py_ssize_t live_streams = 0
cdef Py_ssize_t live_sessions = 0


class StreamClosed(Exception):
    """The stream has ended: its peer reset it, or the connection is gone."""


def live():
    """How many streams and sessions exist: tests end where they began."""
    return live_streams, live_sessions


include "heard.pxi"
include "stream.pxi"
include "callbacks.pxi"


cdef class Session:
    """One connection's HTTP/2 state, server or client side."""

    def __cinit__(self, bint server, *, loop=None, limits=DEFAULT, **_):
        global live_sessions
        live_sessions += 1
        self.server = server
        self.loop = loop
        self.limits = limits
        self.message_limit = limits.message
        self.buffer_limit = limits.buffer
        self.output_limit = limits.output
        self.header_limit = limits.headers
        self.field_limit = limits.fields
        self.patience = limits.patience
        self.idle = limits.idle
        self.frame_limit = 4 * limits.streams + ACKS
        self.meter.server = server
        self.meter.skip = PREFACE if server else 0
        self.meter.continuations = limits.continuations
        bucket(&self.meter.resets, limits.resets, limits.resets_rate)
        bucket(&self.meter.noise, limits.noise, limits.noise_rate)
        self.streams = {}
        self.requests = []
        self.changed = []
        self.reason = ""
        self.heard = Heard.__new__(Heard)
        self.activity = 1

    def __dealloc__(self):
        global live_sessions
        live_sessions -= 1
        if self.s != NULL:
            nghttp2_session_del(self.s)
        drop(&self.out)

    def begin(self):
        """Open the session and queue our SETTINGS."""
        cdef nghttp2_settings_entry settings[3]
        self.start()
        settings[0].settings_id = NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE
        settings[0].value = STREAM_WINDOW
        settings[1].settings_id = NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE
        settings[1].value = self.header_limit
        if self.server:
            settings[2].settings_id = NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS
            settings[2].value = self.limits.streams
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

    def request(self, bytes path not None, bytes authority not None, bytes scheme not None, list headers not None,
                bytes method=None):
        """Open a stream (client side); send() and end() follow. With a `method` it is no call of gRPC but HTTP: bodies
        are bytes as they are, both ways. Raises StreamClosed when no stream can be opened."""
        cdef Stream stream
        cdef nghttp2_data_provider provider
        if self.s == NULL or not nghttp2_session_check_request_allowed(self.s):
            raise StreamClosed(self.reason or "connection takes no more calls")
        stream = Stream.__new__(Stream, self)
        stream.started = True
        if method is not None:
            stream.tx.prefix = stream.rx.prefix = 0
        provider.source.ptr = <void *> stream
        provider.read_callback = read_data
        pairs = [(b":method", method or b"POST"), (b":scheme", scheme), (b":path", path), (b":authority", authority), *headers]
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

    cdef Stream heaviest(self):
        """The open stream that has most to say."""
        cdef Stream stream, found = None
        for stream in self.streams.values():
            if not stream.closed and (found is None or stream.tx.pending > found.tx.pending):
                found = stream
        return found

    cdef int last_word(self) except -1:
        """GOAWAY with the last stream that is taken."""
        return check(nghttp2_submit_goaway(self.s, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(self.s),
                                           NGHTTP2_NO_ERROR, NULL, 0))

    def review(self):
        """Asked every `patience` seconds: end what has not moved since. Is there anything to ask about again?"""
        cdef Stream stream
        cdef bint more = False
        for stream in list(self.streams.values()):
            if not stream.headers_done:
                if stream.waits:
                    self.refuse(CALM, "headers took too long")
                    return False
                stream.waits = 1
                more = True
            elif stream.starves() or stream.unread():
                stream.reset(CALM)
            elif stream.hungry or stream.tx.pending:
                more = True
        return more

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
        cdef int why
        if self.s == NULL:
            return 0
        self.feeding = True
        self.heard_at = 0
        try:
            why = measure(&self.meter, <const uint8_t *> p, n)
            if why:
                self.refuse(CALM, EXCESS[why])
            else:
                taken = nghttp2_session_mem_recv(self.s, <const uint8_t *> p, n)
                if self.parked is not None:
                    error, self.parked = self.parked, None
                    raise error
                if taken < 0:
                    self.refuse(blame(taken), nghttp2_strerror(<int> taken).decode())
                elif self.server and <Py_ssize_t> nghttp2_session_get_outbound_queue_size(self.s) > self.frame_limit:
                    self.refuse(CALM, "peer does not read what it asks for")
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

    cdef void refuse(self, uint32_t code, str reason) except *:
        """End the session for what its peer did. GOAWAY is made here: nghttp2 may be in no state to."""
        cdef uint8_t frame[17]
        cdef bint whole = filled(&self.out) == 0          # else the middle of a frame is there, and nobody reads
        cdef uint32_t last = <uint32_t> max(0, nghttp2_session_get_last_proc_stream_id(self.s))
        memset(frame, 0, sizeof(frame))
        frame[2], frame[3] = 8, NGHTTP2_GOAWAY
        write_number(frame + 9, last)
        write_number(frame + 13, code)
        self.end(reason)
        if whole and append(&self.out, frame, sizeof(frame)):
            raise MemoryError()

    def close(self, str reason="closed"):
        """Drop the session; open streams end as cancelled."""
        self.end(reason)


cdef int check(int code) except -1:
    if code < 0:
        raise RuntimeError(nghttp2_strerror(code).decode())
    return 0


cdef uint32_t blame(ssize_t code) noexcept:
    """The HTTP/2 error for what nghttp2 gave up at."""
    if code == NGHTTP2_ERR_BAD_CLIENT_MAGIC:
        return NGHTTP2_PROTOCOL_ERROR
    return CALM if code == NGHTTP2_ERR_FLOODED else NGHTTP2_INTERNAL_ERROR


cdef void write_number(uint8_t *to, uint32_t number) noexcept:
    to[0], to[1], to[2], to[3] = number >> 24, number >> 16 & 255, number >> 8 & 255, number & 255


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
