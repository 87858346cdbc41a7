from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t

from ext.http2.buffer cimport Buffer
from ext.http2.framing cimport Decoder, Encoder
from ext.http2.meter cimport Meter
from ext.http2.nghttp2 cimport nghttp2_session


cdef class Stream:
    cdef readonly Session session
    cdef readonly int32_t id
    cdef readonly bytes method, path, authority, content_type, timeout, http_status
    cdef readonly list headers, trailers
    cdef readonly bint closed, remote_end, headers_done
    cdef readonly uint32_t error
    cdef uint64_t began
    cdef public object owner, listener
    cdef Decoder rx
    cdef Encoder tx
    cdef public bint due
    cdef object waiter, room
    cdef Py_ssize_t owed, header_bytes, fields
    cdef Py_ssize_t came, gave, came_then, gave_then, messages_then
    cdef int waits
    cdef bint started, ending, deferred, hungry
    cdef list last

    cdef int received(self, const char *name, size_t n, const char *value, size_t m) except -1
    cdef void data(self, const void *p, Py_ssize_t n) except *
    cdef void consume(self) noexcept
    cdef int kick(self) except -1
    cdef bint put(self, bytes message) except -1
    cdef bint crowded(self) noexcept
    cdef bint starves(self) noexcept
    cdef bint unread(self) noexcept
    cdef void notify(self) except *
    cdef void gone(self, uint32_t code) noexcept


cdef class Heard:
    cdef bytes method, path, authority, content_type, http_status
    cdef list headers, trailers


cdef class Session:
    cdef nghttp2_session *s
    cdef Buffer out
    cdef size_t limit
    cdef dict streams
    cdef list requests, changed
    cdef object parked
    cdef Heard heard
    cdef readonly object loop
    cdef readonly bint server, draining, settled
    cdef bint feeding, scheduled, roused
    cdef readonly str reason
    cdef readonly unsigned long activity
    cdef uint64_t heard_at
    cdef readonly Py_ssize_t buffered, queued
    cdef readonly object limits
    cdef Meter meter
    cdef Py_ssize_t message_limit, buffer_limit, output_limit, header_limit, field_limit, frame_limit
    cdef double patience, idle
    cdef public object on_request

    cdef int start(self) except -1
    cdef int feed(self, const void *p, size_t n) except -1
    cdef int gather(self, size_t limit) except -1
    cdef Stream heaviest(self)
    cdef int last_word(self) except -1
    cdef void dispatch(self) except *
    cdef void wake(self) except *
    cdef void soon(self) except *
    cdef void flush(self) except *
    cdef void park(self, object error) noexcept
    cdef bint over(self) noexcept
    cdef void end(self, str reason) except *
    cdef void refuse(self, uint32_t code, str reason) except *
