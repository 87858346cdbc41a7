# Included by session.pyx: nghttp2's callbacks. They record; an exception is parked and raised again by the entry call.

cdef int begin_headers(nghttp2_session *s, const nghttp2_frame *frame, void *user) noexcept:
    cdef Session session = <Session> user
    cdef Stream stream
    cdef void *p = nghttp2_session_get_stream_user_data(s, frame.hd.stream_id)
    try:
        if p != NULL:
            stream = <Stream> p
            if frame.headers.cat == NGHTTP2_HCAT_HEADERS and stream.headers_done:
                stream.trailers = []
        elif session.server and frame.headers.cat == NGHTTP2_HCAT_REQUEST:
            stream = Stream.__new__(Stream, session)
            stream.id = frame.hd.stream_id
            session.streams[stream.id] = stream           # owns the reference that nghttp2 points to
            nghttp2_session_set_stream_user_data(s, stream.id, <void *> stream)
    except BaseException as error:
        session.park(error)
        return NGHTTP2_ERR_CALLBACK_FAILURE
    return 0


cdef int header(nghttp2_session *s, const nghttp2_frame *frame, const uint8_t *name, size_t name_length,
                const uint8_t *value, size_t value_length, uint8_t flags, void *user) noexcept:
    cdef void *p = nghttp2_session_get_stream_user_data(s, frame.hd.stream_id)
    cdef Session session = <Session> user
    cdef Stream stream
    if p == NULL:
        return 0
    stream = <Stream> p
    try:
        stream.received(<const char *> name, name_length, <const char *> value, value_length)
    except BaseException as error:
        session.park(error)
        return NGHTTP2_ERR_CALLBACK_FAILURE
    if stream.header_bytes > session.header_limit or stream.fields > session.field_limit:
        nghttp2_submit_rst_stream(s, NGHTTP2_FLAG_NONE, stream.id, CALM)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE      # no more of this block
    return 0


cdef int data_chunk(nghttp2_session *s, uint8_t flags, int32_t stream_id, const uint8_t *data, size_t n,
                    void *user) noexcept:
    cdef void *p = nghttp2_session_get_stream_user_data(s, stream_id)
    cdef Session session = <Session> user
    nghttp2_session_consume_connection(s, n)              # one slow stream must not hold up the others
    if p == NULL:
        return 0
    try:
        (<Stream> p).data(data, n)
    except BaseException as error:
        session.park(error)
        return NGHTTP2_ERR_CALLBACK_FAILURE
    return 0


cdef int frame_received(nghttp2_session *s, const nghttp2_frame *frame, void *user) noexcept:
    cdef Session session = <Session> user
    cdef Stream stream
    cdef void *p
    try:
        if frame.hd.type == NGHTTP2_DATA or frame.hd.type == NGHTTP2_HEADERS:
            p = nghttp2_session_get_stream_user_data(s, frame.hd.stream_id)
            if p != NULL:
                stream = <Stream> p
                arrived(session, stream, frame)
        elif frame.hd.type == NGHTTP2_SETTINGS:
            session.settled = True
        elif frame.hd.type == NGHTTP2_PING and frame.hd.flags & NGHTTP2_FLAG_ACK and session.draining:
            session.last_word()
        elif frame.hd.type == NGHTTP2_GOAWAY:
            session.reason = session.reason or "peer is going away"
    except BaseException as error:
        session.park(error)
        return NGHTTP2_ERR_CALLBACK_FAILURE
    return 0


cdef int arrived(Session session, Stream stream, const nghttp2_frame *frame) except -1:
    if frame.hd.flags & NGHTTP2_FLAG_END_STREAM:
        stream.remote_end = True
        stream.rx.finish()
        if stream.trailers is not None:
            session.heard.trailers = stream.trailers
    if frame.hd.type == NGHTTP2_HEADERS and not stream.headers_done:
        if stream.http_status is not None and stream.http_status[:1] == b"1":
            return 0
        stream.headers_done = True
        session.heard.headers = stream.headers
        session.activity += 1
        if session.server:
            if not session.heard_at:                      # asking the clock costs as much as all else here
                session.heard_at = monotonic()
            stream.began = session.heard_at
            session.requests.append(stream)
            return 0
    if stream.waiter is not None or stream.listener is not None:
        session.changed.append(stream)
    return 0


cdef int frame_sent(nghttp2_session *s, const nghttp2_frame *frame, void *user) noexcept:
    """RFC 9113 8.1: after a complete response, ask a client that still sends to stop, without an error. A stream that
    had to be reset counts like one that the client reset."""
    cdef Session session = <Session> user
    if not session.server:
        return 0
    if frame.hd.type in (NGHTTP2_HEADERS, NGHTTP2_DATA) and frame.hd.flags & NGHTTP2_FLAG_END_STREAM:
        if not nghttp2_session_get_stream_remote_close(s, frame.hd.stream_id):
            nghttp2_submit_rst_stream(s, NGHTTP2_FLAG_NONE, frame.hd.stream_id, NGHTTP2_NO_ERROR)
    elif frame.hd.type == NGHTTP2_RST_STREAM and frame.rst_stream.error_code != NGHTTP2_NO_ERROR:
        if spend(&session.meter.resets):
            session.meter.over = True                     # the next bytes of the peer are its last
    return 0


cdef int stream_closed(nghttp2_session *s, int32_t stream_id, uint32_t code, void *user) noexcept:
    cdef Session session = <Session> user
    cdef Stream stream
    try:
        stream = session.streams.pop(stream_id, None)
        if stream is not None:
            stream.gone(code)
    except BaseException as error:
        session.park(error)
        return NGHTTP2_ERR_CALLBACK_FAILURE
    return 0


cdef ssize_t read_data(nghttp2_session *s, int32_t stream_id, uint8_t *buf, size_t length, uint32_t *flags,
                       nghttp2_data_source *source, void *user) noexcept:
    """How much of the stream's queue goes into the next DATA frame; send_data then copies it."""
    cdef Session session = <Session> user
    cdef Stream stream = <Stream> source.ptr
    cdef size_t n = stream.tx.pending
    if n > length:
        n = length
    if n == 0 and not stream.ending:
        stream.deferred = True
        return NGHTTP2_ERR_DEFERRED
    flags[0] = NGHTTP2_DATA_FLAG_NO_COPY
    if stream.ending and <Py_ssize_t> n == stream.tx.pending:
        flags[0] |= NGHTTP2_DATA_FLAG_EOF
        if session.server and stream.last:                # submitted here, so that one write carries it too
            flags[0] |= NGHTTP2_DATA_FLAG_NO_END_STREAM
            try:
                submit(s, stream_id, stream.last, NULL, <void *> stream)
            except BaseException as error:
                session.park(error)
                return NGHTTP2_ERR_CALLBACK_FAILURE
    return n


cdef int send_data(nghttp2_session *s, nghttp2_frame *frame, const uint8_t *head, size_t length,
                   nghttp2_data_source *source, void *user) noexcept:
    """Frame header and payload into the output buffer: the only copy before TLS. We ask for no padding.

    One mem_send would go on to the end of the peer's window, however large that is: it is stopped at the limit.
    """
    cdef Session session = <Session> user
    cdef Stream stream = <Stream> source.ptr
    if filled(&session.out) >= session.limit:
        return NGHTTP2_ERR_WOULDBLOCK
    if reserve(&session.out, 9 + length):
        return NGHTTP2_ERR_CALLBACK_FAILURE
    memcpy(session.out.data + session.out.end, head, 9)
    try:
        stream.tx.copy(session.out.data + session.out.end + 9, length)
        session.out.end += 9 + length
        if not stream.closed:                             # else gone() has counted all of it off
            session.queued -= length
        stream.gave += length
        earn(&session.meter, length)
        if stream.room is not None and stream.tx.pending < QUEUE // 2:
            session.changed.append(stream)
    except BaseException as error:
        session.park(error)
        return NGHTTP2_ERR_CALLBACK_FAILURE
    return 0


cdef int register() except -1:
    global callbacks, options
    check(nghttp2_session_callbacks_new(&callbacks))
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, begin_headers)
    nghttp2_session_callbacks_set_on_header_callback(callbacks, header)
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, data_chunk)
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, frame_received)
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, frame_sent)
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, stream_closed)
    nghttp2_session_callbacks_set_send_data_callback(callbacks, send_data)
    check(nghttp2_option_new(&options))
    nghttp2_option_set_no_auto_window_update(options, 1)
    nghttp2_option_set_stream_reset_rate_limit(options, NEVER, NEVER)   # the meter counts, and says ENHANCE_YOUR_CALM
    nghttp2_option_set_max_outbound_ack(options, ACKS)
    return 0
