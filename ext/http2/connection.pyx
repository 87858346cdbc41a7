"""A connection: an HTTP/2 session on its own socket, with OpenSSL or in the clear, driven by the loop's readiness calls.

Owns the socket from construction to close. Stops at once on any failure, with the reason kept in `reason`. Deadlines:
one for the TLS handshake and the peer's first SETTINGS, then one for idleness; a client also learns by `ready` that the
peer has answered.
"""

from libc.errno cimport EAGAIN, EINTR, errno
from libc.string cimport strerror

from ext.http2.buffer cimport Buffer, consume, drop, filled
from ext.http2.meter cimport RESETS
from ext.http2.session cimport Session
from ext.http2.tls cimport Engine, TLSContext

from ext.http2.session import DEFAULT
from ext.http2.session import EXCESS as _EXCESS
from ext.http2.session import live as live_sessions
from ext.http2.tls import TLSError
from ext.http2.tls import live as live_tls

cdef extern from "sys/socket.h":
    ssize_t recv(int, void *, size_t, int)
    ssize_t c_send "send"(int, const void *, size_t, int)
    int shutdown(int, int)
    enum:
        MSG_NOSIGNAL
        SHUT_WR

DEF GATHER = 262144           # bytes collected from nghttp2 for one write
DEF UNREAD = 4194304          # encrypted bytes that wait for a peer, far more than one write leaves behind
DEF CALM = 11                 # HTTP/2 error ENHANCE_YOUR_CALM
DEF ROUNDS = 32               # reads in one wake-up before other connections get their turn

cdef char scratch[65536]      # what was just read; consumed before anything else can run
cdef Py_ssize_t live_connections = 0


def live():
    """How many connections, streams, sessions, TLS engines and contexts exist: tests end where they began."""
    streams, sessions = live_sessions()
    engines, contexts = live_tls()
    return {"connections": live_connections, "streams": streams, "sessions": sessions, "engines": engines,
            "contexts": contexts}


cdef class Connection(Session):
    """`on_request(stream)` is called for each new stream, `on_close(connection)` once at the end. A client with TLS has
    to say the server's `name`, a host or an address."""

    cdef Engine tls
    cdef Buffer wire
    cdef object sock, timer, watch
    cdef int fd
    cdef unsigned long seen
    cdef size_t wrote, wrote_then
    cdef bint writing, again, leaving
    cdef public object on_close, ready

    def __cinit__(self, bint server, **_):
        global live_connections
        live_connections += 1
        self.fd = -1

    def __dealloc__(self):
        global live_connections
        live_connections -= 1
        drop(&self.wire)

    def __init__(self, bint server, *, loop, sock, TLSContext tls=None, str name="", bint name_is_address=False,
                 on_request=None, on_close=None, limits=DEFAULT):
        self.loop = loop
        self.sock = sock
        self.fd = sock.fileno()
        self.on_request = on_request
        self.on_close = on_close
        self.ready = None if server else loop.create_future()
        self.begin()
        if tls is not None:
            self.tls = Engine.__new__(Engine, tls)
            self.tls.open(self.fd, &self.wire, name.encode(), name_is_address)
        self.timer = loop.call_later(self.limits.handshake, self.expired)
        loop.add_reader(self.fd, self.readable)
        if tls is None:
            self.flush()
        elif not server:
            self.readable()

    # ---- reading

    def readable(self):
        """The loop says that the socket has bytes, or ended."""
        self.again = False
        if self.fd < 0:
            return
        try:
            if self.leaving:
                self.discard()
                return
            if self.tls is not None and not self.tls.up and not self.shake():
                return
            self.pull()
        except BaseException as error:
            self.shut(f"internal error: {error!r}")
            raise

    cdef bint shake(self) except *:
        """Go on with the handshake; True once it is done."""
        cdef int state = self.tls.handshake()
        if state < 0:
            self.reason = self.tls.why()
            self.push()
            self.leave()
            return False
        if state == 0:
            self.push()
            return False
        self.flush()
        return self.fd >= 0

    cdef int leave(self) except -1:
        """The handshake failed. A client may be writing already, and bytes that nobody takes would have the kernel reset
        the connection, which destroys the alert that says why: hear it out, until its own end or the deadline."""
        if self.server and self.fd >= 0 and not self.writing and shutdown(self.fd, SHUT_WR) == 0:
            self.leaving = True
            self.discard()
        else:
            self.shut(self.reason)
        return 0

    cdef int discard(self) except -1:
        """Take what comes after the end."""
        cdef ssize_t n = recv(self.fd, scratch, sizeof(scratch), 0)
        if n == 0 or (n < 0 and errno != EAGAIN and errno != EINTR):
            self.shut(self.reason)
        return 0

    cdef int pull(self) except -1:
        """Feed all that is here, answer once."""
        cdef Py_ssize_t n
        cdef int rounds
        for rounds in range(ROUNDS):
            n = self.take_in()
            if n == 0:
                break
            self.feed(scratch, n)
            if self.fd < 0 or self.s == NULL:
                break
            if not self.tls.pending() if self.tls is not None else n < <Py_ssize_t> sizeof(scratch):
                break
        else:
            if self.tls is not None and not self.again:   # the socket will not tell of bytes that OpenSSL holds
                self.again = True
                self.loop.call_soon(self.readable)
        self.settle()
        return 0

    cdef Py_ssize_t take_in(self) except -1:
        """Bytes into `scratch`; 0 when there are none now or the connection has just ended."""
        cdef Py_ssize_t n
        if self.tls is not None:
            n = self.tls.read(scratch, sizeof(scratch))
            if n < 0:
                self.shut(self.tls.why())
                return 0
            return n
        n = recv(self.fd, scratch, sizeof(scratch), 0)
        if n > 0:
            return n
        if n == 0:
            self.shut("peer closed the connection")
        elif errno != EAGAIN and errno != EINTR:
            self.shut(strerror(errno).decode())
        return 0

    cdef int settle(self) except -1:
        """After feeding: answer, and see whether the session still lives. Who was waiting runs next, and what it says
        then goes out in the same write as what HTTP/2 has to answer."""
        if self.roused and self.s != NULL:
            self.soon()
        else:
            self.flush()
        self.roused = False
        if self.fd >= 0 and filled(&self.wire) and not self.writing:
            self.push()                                   # what OpenSSL has to say by itself: alerts
        if filled(&self.wire) > UNREAD:
            self.shut("peer does not read")
        if self.fd >= 0 and self.s == NULL:
            self.shut(self.reason)
        if self.fd >= 0 and self.settled and self.timer is not None and self.seen == 0:
            self.settled_now()
        if self.watch is None and self.streams and self.server and self.fd >= 0:
            self.keep_watch()
        return 0

    cdef int settled_now(self) except -1:
        """The peer's SETTINGS are here: from now on idleness is what ends the connection."""
        self.timer.cancel()
        self.seen = self.activity
        self.timer = self.loop.call_later(self.idle, self.rest) if self.idle > 0 else None
        if self.ready is not None and not self.ready.done():
            self.ready.set_result(None)
        return 0

    # ---- writing

    cdef void flush(self) except *:
        """Hand everything that nghttp2 has ready to the socket, unless the socket is full."""
        if self.feeding:
            return
        if self.tls is not None and not self.tls.up:
            return
        while self.fd >= 0 and not self.writing:
            try:
                self.gather(GATHER)
            except BaseException as error:                # nghttp2 stands in the middle of a frame: nothing more can go
                self.shut(f"internal error: {error!r}")
                raise
            if not filled(&self.out):
                if self.over():
                    self.shut("session ended")
                break
            self.push()
        if self.meter.over and self.s != NULL and self.fd >= 0:
            self.refuse(CALM, _EXCESS[RESETS])           # what had to be said was one reset too many
            if not self.writing:
                self.push()
            self.shut(self.reason)
        self.dispatch()

    cdef void wake(self) except *:
        """A call has something complete to say: now when it is the only one in flight, else with the others."""
        if len(self.streams) > 1:
            self.soon()
        elif not self.feeding and not self.scheduled:
            self.flush()

    cdef void soon(self) except *:
        """Write once for all that this turn brings."""
        if not self.feeding and not self.scheduled:
            self.scheduled = True
            self.loop.call_soon(self.flush_later)

    def flush_later(self):
        """The turn is over."""
        self.scheduled = False
        self.flush()

    cdef int push(self) except -1:
        """Encrypt what is in `out`, send what is in `wire`."""
        cdef Buffer *b = &self.out
        cdef ssize_t n
        if self.tls is not None:
            if filled(&self.out):
                if self.tls.write(self.out.data + self.out.start, filled(&self.out)):
                    self.shut(self.tls.why())
                    return 0
                consume(&self.out, filled(&self.out))
            b = &self.wire
        while filled(b):
            n = c_send(self.fd, b.data + b.start, filled(b), MSG_NOSIGNAL)
            if n >= 0:
                consume(b, n)
                self.wrote += n
            elif errno == EAGAIN:
                self.await_room()
                return 0
            elif errno != EINTR:
                self.shut(strerror(errno).decode())
                return 0
        if self.writing:
            self.writing = False
            self.loop.remove_writer(self.fd)
        return 0

    cdef int await_room(self) except -1:
        if not self.writing:
            self.writing = True
            self.loop.add_writer(self.fd, self.writable)
            if self.watch is None and self.server:
                self.keep_watch()
        return 0

    def writable(self):
        """The loop says that the socket takes bytes again."""
        if self.fd < 0:
            return
        self.push()
        self.flush()

    # ---- peers that do not go on

    cdef int keep_watch(self) except -1:
        self.wrote_then = self.wrote
        self.watch = self.loop.call_later(self.patience, self.look)
        return 0

    def look(self):
        """Called after `patience` seconds: is the peer reading and writing? Again while there is something to wait for."""
        cdef bint more
        self.watch = None
        if self.fd < 0:
            return
        if self.writing and self.wrote == self.wrote_then:
            self.shut("peer does not read")
            return
        more = self.review()
        if self.s == NULL:
            self.flush()                                  # GOAWAY, if there is room for it
            self.shut(self.reason)
        elif self.fd >= 0 and self.watch is None and (more or self.writing):
            self.keep_watch()

    # ---- ending

    def expired(self):
        """No handshake, or no SETTINGS, in time."""
        self.shut("handshake took too long")

    def rest(self):
        """Called every `idle` seconds: a connection without streams now and new ones since the last time drains."""
        if self.fd < 0:
            return
        if self.draining and not self.streams:
            self.shut("idle")
            return
        if self.draining:
            self.last_word()
            self.flush()
        elif not self.streams and self.seen == self.activity:
            self.reason = "idle"
            self.drain()
        self.seen = self.activity
        if self.fd >= 0:                                  # else the peer could not be told, being gone
            self.timer = self.loop.call_later(self.idle, self.rest)

    def close(self, str reason="closed"):
        """End now: open streams end as cancelled, what is buffered is lost."""
        self.shut(reason)

    cdef void shut(self, str reason) except *:
        if self.fd < 0:
            return
        fd, self.fd = self.fd, -1
        self.loop.remove_reader(fd)
        self.loop.remove_writer(fd)
        for timer in (self.timer, self.watch):
            if timer is not None:
                timer.cancel()
        self.timer = self.watch = None
        self.farewell(fd)
        self.sock.close()
        self.end(reason)
        if self.ready is not None and not self.ready.done():
            self.ready.set_exception(TLSError(self.reason) if self.tls is not None else ConnectionError(self.reason))
        on_close, self.on_close = self.on_close, None
        if on_close is not None:
            on_close(self)

    cdef int farewell(self, int fd) noexcept:
        """TLS close_notify, if the socket takes it."""
        if self.tls is not None and not self.writing:
            self.tls.goodbye()
            if filled(&self.wire):
                c_send(fd, self.wire.data + self.wire.start, filled(&self.wire), MSG_NOSIGNAL)
        drop(&self.wire)
        return 0

    @property
    def open(self):
        """Is the socket still ours?"""
        return self.fd >= 0

    @property
    def certificate(self):
        """The peer's certificate as DER, or None."""
        return self.tls.peer() if self.tls is not None and self.tls.up else None

    @property
    def admitted(self):
        """The names (DER) of the authorities that a server says it lets clients in by; empty where it asks for no
        certificate."""
        return self.tls.admitted() if self.tls is not None and self.tls.up else []
