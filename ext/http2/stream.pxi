# Included by session.pyx.

cdef class Stream:
    """One call: its headers, the messages that came and those that go.

    `method` ... `timeout` are the request's, as bytes; `headers` all others, `trailers` a client's last ones. At most
    one coroutine waits for arrivals and one for room; `listener()`, if set, is called after each arrival and when the
    stream has ended. `owner.closed()` is called once when the stream ends before `owner` was cleared. `due` says that a
    message of the peer is to come soon.
    """

    def __cinit__(self, Session session not None):
        global live_streams
        live_streams += 1
        self.session = session
        self.headers = []
        self.rx = Decoder.__new__(Decoder, session.message_limit)
        self.tx = Encoder.__new__(Encoder)

    def __dealloc__(self):
        global live_streams
        live_streams -= 1

    # ---- what came

    def take(self):
        """The next message, or None; FramingError when the peer broke the framing or a limit."""
        cdef bytes message = self.rx.pop()
        if message is not None:
            self.due = False
            if not self.closed:            # else gone() has counted all of them off
                self.session.buffered -= PyBytes_GET_SIZE(message) + self.rx.prefix
            if self.owed and not self.rx.whole():
                self.consume()
                self.session.wake()
            return message
        if self.rx.fault:
            raise FramingError(self.rx.fault)
        return None

    @property
    def ended(self):
        """Nothing more will come and all that came is taken."""
        return (self.remote_end or self.closed) and not self.rx.whole() and not self.rx.fault

    def wait(self):
        """A future that is done as soon as anything arrives, or the stream ends."""
        if self.waiter is None or self.waiter.done():
            self.waiter = self.session.loop.create_future()
            if self.closed:
                self.waiter.set_result(None)
        return self.waiter

    # ---- what goes

    def start(self, list headers not None):
        """Send the response's headers (server side), at most once and before the first message."""
        cdef nghttp2_data_provider provider
        if self.closed:
            raise StreamClosed(self.session.reason or "stream closed")
        self.started = True
        provider.source.ptr = <void *> self
        provider.read_callback = read_data
        submit(self.session.s, self.id, headers, &provider, NULL)

    def send(self, bytes message not None):
        """Queue a message; None, or a future to await because the peer reads slower than we write."""
        if self.closed or self.ending or not self.put(message):
            raise StreamClosed(self.session.reason or "stream closed")
        self.kick()
        if not self.crowded():
            self.session.soon()            # with what else this turn brings
            return None
        self.session.flush()
        if not self.crowded() or self.closed:
            return None
        if self.room is None or self.room.done():
            self.room = self.session.loop.create_future()
        return self.room

    def end(self, bytes message=None):
        """Send a last message, if given: no more come (client side)."""
        if not self.closed and not self.ending:
            if message is not None:
                self.put(message)
            self.ending = True
            self.kick()
            self.session.wake()

    def finish(self, list headers not None, list trailers not None, bytes message=None):
        """Complete the response: a last message, if given, and the trailers; all in one frame when none was sent."""
        if self.closed or self.ending or (message is not None and not self.put(message)):
            return
        self.ending = True
        self.last = trailers
        if self.started:
            self.kick()
        elif self.tx.pending:
            self.start(headers)
        else:
            self.started = True
            submit(self.session.s, self.id, headers + trailers, NULL, NULL)
        self.session.wake()

    def answer(self, list headers not None, bytes body not None):
        """Complete the response with a body as it is, which is no message: for who speaks HTTP and not gRPC."""
        self.tx.prefix = 0
        self.finish(headers, [], body or None)

    def reset(self, uint32_t code=CLOSED):
        """End the stream at once, in both directions."""
        if not self.closed and self.session.s != NULL:
            check(nghttp2_submit_rst_stream(self.session.s, NGHTTP2_FLAG_NONE, self.id, code))
            self.gone(code)                # at once, even when the socket takes no RST_STREAM now
            self.session.wake()

    cdef bint put(self, bytes message) except -1:
        """Queue a message; False when the stream is reset, because too much is unread on this connection."""
        cdef Session session = self.session
        cdef Stream victim
        cdef Py_ssize_t n = PyBytes_GET_SIZE(message) + self.tx.prefix
        while session.server and session.queued and session.queued + n > session.output_limit:
            victim = session.heaviest()
            victim.reset(CALM)
        if self.closed:
            return False
        self.tx.push(message)
        session.queued += n
        return True

    cdef bint crowded(self) noexcept:
        """Is it time to wait for the peer? Always for bytes of this stream to go, so that none waits for another."""
        return self.tx.pending >= QUEUE or (self.tx.pending and self.session.server and
                                            self.session.queued >= self.session.output_limit // 2)

    # ---- asked by the session from time to time

    cdef bint starves(self) noexcept:
        """Has less than STEP come since it was last asked, of a message that had begun, or was due, then and now?"""
        cdef bint before = self.hungry
        cdef bint slow = self.came - self.came_then < STEP and self.rx.messages == self.messages_then
        self.hungry = (self.due or self.rx.begun()) and not (self.rx.whole() or self.remote_end or self.rx.fault)
        self.came_then = self.came
        self.messages_then = self.rx.messages
        return self.hungry and before and slow

    cdef bint unread(self) noexcept:
        """Has nothing of a complete reply been read in so many of these questions that it is `idle`?"""
        if not self.tx.pending or not self.ending or self.gave != self.gave_then:
            self.waits = 0
        else:
            self.waits += 1
        self.gave_then = self.gave
        return self.waits * self.session.patience >= self.session.idle > 0

    # ---- called by the session

    cdef int received(self, const char *name, size_t n, const char *value, size_t m) except -1:
        cdef Heard heard = self.session.heard
        self.fields += 1
        self.header_bytes += n + m + 32
        if self.trailers is not None:
            self.trailers.append(pair(heard.trailers, len(self.trailers), name, n, value, m))
        elif name[0] == c":":
            if same(b":path", name, n):
                self.path = heard.path = again(heard.path, value, m)
            elif same(b":method", name, n):
                self.method = heard.method = again(heard.method, value, m)
            elif same(b":authority", name, n):
                self.authority = heard.authority = again(heard.authority, value, m)
            elif same(b":status", name, n):
                self.http_status = heard.http_status = again(heard.http_status, value, m)
        elif same(b"content-type", name, n):
            self.content_type = heard.content_type = again(heard.content_type, value, m)
        elif same(b"grpc-timeout", name, n):
            self.timeout = value[:m]
        else:
            self.headers.append(pair(heard.headers, len(self.headers), name, n, value, m))
        return 0

    cdef void data(self, const void *p, Py_ssize_t n) except *:
        cdef Session session = self.session
        cdef Py_ssize_t before = self.rx.held
        if self.closed:
            return
        self.owed += n
        self.came += n
        if not self.ending or not session.server:
            self.rx.push(<const uint8_t *> p, n)
        session.buffered += self.rx.held - before
        if session.buffered > session.buffer_limit and not self.rx.fault:
            self.rx.fault = 8
        if not self.rx.whole():            # an incomplete message must be able to grow beyond the window
            self.consume()

    cdef void consume(self) noexcept:
        if self.owed and self.session.s != NULL and not self.closed:
            nghttp2_session_consume_stream(self.session.s, self.id, self.owed)
        self.owed = 0

    cdef int kick(self) except -1:
        """Tell nghttp2 that there is something to send."""
        if self.deferred and self.session.s != NULL:
            self.deferred = False
            check(nghttp2_session_resume_data(self.session.s, self.id))
        return 0

    cdef void notify(self) except *:
        if self.waiter is not None:
            waiter, self.waiter = self.waiter, None
            if not waiter.done():
                waiter.set_result(None)
                self.session.roused = True
        if self.room is not None and (self.closed or (self.tx.pending < QUEUE // 2 and not self.crowded())):
            room, self.room = self.room, None
            if not room.done():
                room.set_result(None)
        if self.closed and self.owner is not None:
            owner, self.owner = self.owner, None
            owner.closed()
        if self.listener is not None:
            self.listener()

    cdef void gone(self, uint32_t code) noexcept:
        if self.closed:
            return
        self.closed = True
        self.error = code
        self.session.buffered -= self.rx.held
        self.rx.held = 0
        self.session.queued -= self.tx.pending
        self.session.changed.append(self)
