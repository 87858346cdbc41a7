# distutils: depends = ext/netlink/rows.h ext/netlink/rtnl.h ext/netlink/batch.h
"""Owns rtnetlink sockets: `Socket` asks (dumps into `Table`, requests with acks), `Monitor` listens (changes). A
table keeps the kernel's answer as fixed C records and makes a Python object only of the row it is asked for.
Refuses datagrams that the kernel did not send and lengths that lie. Not for use by two threads at once; blocking
calls end at once, since rtnetlink answers within the send."""

cimport cython
from libc.errno cimport EAGAIN, EBADMSG, EMSGSIZE, ENOBUFS, ENOMEM, errno
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memset
from posix.unistd cimport close

from ext.netlink cimport batch as b
from ext.netlink cimport rtnl as r

import os

from ext.netlink.types import Address, Change, Hop, Link, NetlinkError, Neighbor, Overrun, Route, Rule

cdef extern from "<sys/socket.h>" nogil:
    ctypedef unsigned int socklen_t
    struct sockaddr:
        pass
    int setsockopt(int fd, int level, int name, const void *value, socklen_t size)
    int bind(int fd, const sockaddr *address, socklen_t size)
    ssize_t send(int fd, const void *data, size_t size, int flags)
    int AF_NETLINK, SOCK_RAW, SOCK_CLOEXEC, SOL_SOCKET, SO_RCVBUF, SO_RCVBUFFORCE, MSG_DONTWAIT, MSG_WAITFORONE

cdef extern from "<linux/netlink.h>" nogil:
    struct sockaddr_nl:
        unsigned short nl_family
        uint32_t nl_pid
        uint32_t nl_groups
    int NETLINK_ROUTE, NETLINK_KOBJECT_UEVENT, SOL_NETLINK
    int NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK, NETLINK_ADD_MEMBERSHIP

cdef enum:
    ATTEMPTS = 5  # dumps that the kernel flags as interrupted by a change are taken again
    MOST = 1 << 16  # bytes of one request


cdef object fail(int code, str what):
    """The OSError of a negative errno, naming the operation."""
    return OSError(-code, f"{what}: {os.strerror(-code)}")


cdef int opened(int protocol, object netns) except -1:
    cdef int where = -1 if netns is None else netns
    cdef int fd = b.socket_in(where, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol)
    if fd < 0:
        raise fail(fd, "netlink socket")
    return fd


cdef int enable(int fd, int level, int name, int value) except -1:
    if setsockopt(fd, level, name, &value, sizeof(value)) < 0:
        raise OSError(errno, f"netlink socket option {name}: {os.strerror(errno)}")
    return 0


cdef void enlarge(int fd, int size) noexcept:
    """A larger receive buffer: above the limit where we may, up to it elsewhere."""
    if setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0:
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size))


cdef int name(int fd, uint32_t groups) except -1:
    """Bind to an own port: the kernel passes over a socket without one when it notifies."""
    cdef sockaddr_nl address
    memset(&address, 0, sizeof(address))
    address.nl_family = AF_NETLINK
    address.nl_groups = groups
    if bind(fd, <const sockaddr *>&address, sizeof(address)) < 0:
        raise OSError(errno, f"netlink bind: {os.strerror(errno)}")
    return 0


def socket_in(netns, int family, int kind, int protocol=0):
    """A new close-on-exec socket's descriptor, opened in the network namespace behind the descriptor `netns` (None:
    ours)."""
    cdef int where = -1 if netns is None else netns
    cdef int fd = b.socket_in(where, family, kind | SOCK_CLOEXEC, protocol)
    if fd < 0:
        raise fail(fd, "socket")
    return fd


def packet_socket(netns, int ifindex, uint16_t port):
    """A non-blocking packet socket's descriptor (IPv4 from the IP header on) that hears nothing but UDP to `port`
    on that link: for who has no address yet."""
    cdef int fd = b.packet_in(-1 if netns is None else netns, ifindex, port)
    if fd < 0:
        raise fail(fd, f"packet socket on link {ifindex}")
    return fd


include "records.pxi"


@cython.final
cdef class Table:
    """The rows of one dump as C records, in the kernel's order; `table[i]` and iteration make the Python record of
    a row."""

    cdef uint16_t type
    cdef size_t size, count, room
    cdef uint8_t *rows
    cdef r.heap heap

    def __cinit__(self, int message):
        self.type = message
        self.size = r.row_size(message)

    def __dealloc__(self):
        free(self.rows)
        free(self.heap.data)

    def __len__(self):
        return self.count

    def __getitem__(self, Py_ssize_t index):
        if index < 0:
            index += self.count
        if index < 0 or <size_t>index >= self.count:
            raise IndexError("row out of range")
        return record(self.type, <const r.any_row *>(self.rows + <size_t>index * self.size), &self.heap)

    def __iter__(self):
        cdef size_t at
        for at in range(self.count):
            yield record(self.type, <const r.any_row *>(self.rows + at * self.size), &self.heap)

    @property
    def nbytes(self):
        """Bytes that the records take."""
        return self.count * self.size + self.heap.size

    cdef void clear(self) noexcept nogil:
        self.count = 0
        self.heap.size = 0

    cdef int add(self, const uint8_t *at, const uint8_t *end) noexcept nogil:
        """One message of the table's type; 0 or -errno."""
        cdef uint8_t *grown
        cdef int found
        if self.count == self.room:
            grown = <uint8_t *>realloc(self.rows, (self.room * 2 + 64) * self.size)
            if grown == NULL:
                return -ENOMEM
            self.rows = grown
            self.room = self.room * 2 + 64
        # in place: the parser of a type writes that type's struct and no more
        found = r.parse_row(self.type, at, end, <r.any_row *>(self.rows + self.count * self.size), &self.heap)
        if found < 0:
            return found
        self.count += 1
        return 0


cdef struct Answer:
    r.verdict verdict
    bint interrupted


cdef int feed(Table table, const uint8_t *at, size_t size, uint32_t sequence, Answer *answer) noexcept nogil:
    """One datagram's messages into the table (None: an ack is awaited). 1 at the end of the answer, 0 before, or
    -errno."""
    cdef const r.nlmsghdr *message
    cdef const uint8_t *end = at + size
    cdef const uint8_t *stop
    cdef int bad
    while end - at >= <Py_ssize_t>sizeof(r.nlmsghdr):
        message = <const r.nlmsghdr *>at
        if message.nlmsg_len < sizeof(r.nlmsghdr) or message.nlmsg_len > <size_t>(end - at):
            return -EBADMSG
        stop = at + message.nlmsg_len
        if message.nlmsg_seq == sequence:
            if message.nlmsg_flags & r.NLM_F_DUMP_INTR:
                answer.interrupted = True
            if message.nlmsg_type == r.NLMSG_DONE or message.nlmsg_type == r.NLMSG_ERROR:
                r.parse_verdict(message, stop, &answer.verdict)
                return 1
            if message.nlmsg_type == table.type:
                bad = table.add(at + sizeof(r.nlmsghdr), stop)
                if bad < 0:
                    return bad
        at += min(<size_t>(message.nlmsg_len + 3u) & ~<size_t>3, <size_t>(end - at))
    return 0


cdef class _Endpoint:
    """A descriptor that is closed once."""

    cdef int fd

    def __cinit__(self):
        self.fd = -1

    def __dealloc__(self):
        if self.fd >= 0:
            close(self.fd)

    def fileno(self):
        """The descriptor; -1 after close."""
        return self.fd

    def close(self):
        """Give the descriptor back; twice is fine."""
        if self.fd >= 0:
            close(self.fd)
            self.fd = -1

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


@cython.final
cdef class Socket(_Endpoint):
    """Dumps and requests in the network namespace behind the descriptor `netns` (None: the caller's)."""

    cdef uint32_t sequence

    def __cinit__(self, *, netns=None):
        self.fd = opened(NETLINK_ROUTE, netns)
        enable(self.fd, SOL_NETLINK, NETLINK_EXT_ACK, 1)
        enable(self.fd, SOL_NETLINK, NETLINK_CAP_ACK, 1)
        enable(self.fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1)
        enlarge(self.fd, 1 << 20)

    def request(self, int message, int flags, bytes payload):
        """Send one request and wait for its ack. Raises NetlinkError with the kernel's own explanation."""
        self.exchange(message, flags | r.NLM_F_ACK, payload, Table(0), f"netlink request {message}")

    def dump(self, int message, bytes payload):
        """All objects that the RTM_GET* request `message` with this header and these attributes selects."""
        cdef Table table = Table(message - 2)
        if not table.size:
            raise ValueError(f"no records for message type {message}")
        for _ in range(ATTEMPTS):
            table.clear()
            if not self.exchange(message, r.NLM_F_DUMP, payload, table, f"netlink dump {message}"):
                return table
        raise OSError(EAGAIN, f"netlink dump {message}: changed during each of {ATTEMPTS} attempts")

    def get(self, int message, bytes payload):
        """The one object that an RTM_GET* request names. Raises NetlinkError (ENODEV, ENOENT, ...) if there is none."""
        cdef Table table = Table(message - 2)
        self.exchange(message, r.NLM_F_ACK, payload, table, f"netlink get {message}")
        return table[0]

    cdef bint exchange(self, int type, int flags, bytes payload, Table table, str what) except -1:
        cdef Answer answer
        self.sequence += 1
        self.post(type, flags, payload, what)
        memset(&answer, 0, sizeof(answer))
        self.collect(table, &answer, what)
        if answer.verdict.code < 0:
            code, said = -answer.verdict.code, answer.verdict.text.decode("utf-8", "replace")
            raise NetlinkError(code, f"{what}: {os.strerror(code)}", said, answer.verdict.offset)
        return answer.interrupted

    cdef int post(self, int type, int flags, bytes payload, str what) except -1:
        cdef r.nlmsghdr head
        cdef bytes message
        memset(&head, 0, sizeof(head))
        head.nlmsg_len = sizeof(head) + len(payload)
        head.nlmsg_type = type
        head.nlmsg_flags = flags | r.NLM_F_REQUEST
        head.nlmsg_seq = self.sequence
        if head.nlmsg_len > MOST:
            raise ValueError("request too long")
        message = (<const char *>&head)[:sizeof(head)] + payload
        if send(self.fd, <const char *>message, len(message), 0) < 0:
            raise OSError(errno, f"{what}: {os.strerror(errno)}")
        return 0

    cdef int collect(self, Table table, Answer *answer, str what) except -1:
        cdef b.batch batch
        cdef int state = 0, count, i
        with nogil:
            state = b.batch_open(&batch)
            while state == 0:
                count = b.batch_read(&batch, self.fd, MSG_WAITFORONE)
                if count < 0:
                    state = count
                for i in range(count):
                    state = feed(table, b.batch_data(&batch, i), b.batch_size(&batch, i), self.sequence, answer)
                    if state != 0:
                        break
            b.batch_close(&batch)
        if state < 0:
            raise fail(state, what)
        return 0


@cython.final
cdef class Monitor(_Endpoint):
    """Changes of the multicast groups (RTNLGRP_*), readable when `fileno()` is. Never blocks."""

    def __cinit__(self, groups, *, netns=None, receive_buffer=1 << 20):
        self.fd = opened(NETLINK_ROUTE, netns)
        enlarge(self.fd, receive_buffer)
        name(self.fd, 0)
        for group in groups:
            enable(self.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)

    def changes(self):
        """All waiting changes in order, at most one batch. Raises Overrun, with the queue emptied, when some were
        dropped: dump again, then go on from here."""
        cdef b.batch batch
        cdef int count, i
        found = []
        count = b.batch_open(&batch)
        if count < 0:
            raise MemoryError
        try:
            count = b.batch_read(&batch, self.fd, MSG_DONTWAIT)
            if count == -ENOBUFS or count == -EMSGSIZE:
                b.batch_drain(&batch, self.fd)
                raise Overrun(ENOBUFS, "netlink notifications were dropped")
            if count < 0:
                raise fail(count, "netlink notifications")
            for i in range(count):
                notified(b.batch_data(&batch, i), b.batch_size(&batch, i), found)
        finally:
            b.batch_close(&batch)
        return found


cdef int notified(const uint8_t *at, size_t size, list found) except -1:
    """Append one datagram's changes."""
    cdef const r.nlmsghdr *message
    cdef const uint8_t *end = at + size
    cdef r.any_row row
    cdef r.heap heap
    cdef int is_row
    memset(&heap, 0, sizeof(heap))
    try:
        while end - at >= <Py_ssize_t>sizeof(r.nlmsghdr):
            message = <const r.nlmsghdr *>at
            if message.nlmsg_len < sizeof(r.nlmsghdr) or message.nlmsg_len > <size_t>(end - at):
                raise fail(-EBADMSG, "netlink notification")
            heap.size = 0
            is_row = r.parse_row(message.nlmsg_type, at + sizeof(r.nlmsghdr), at + message.nlmsg_len, &row, &heap)
            if is_row < 0:
                raise fail(is_row, "netlink notification")
            if is_row:
                # RTM_NEW* are multiples of four, RTM_DEL* follow them by one
                found.append(Change(message.nlmsg_type & 3 == 1, record(message.nlmsg_type, &row, &heap)))
            at += min(<size_t>(message.nlmsg_len + 3u) & ~<size_t>3, <size_t>(end - at))
    finally:
        free(heap.data)
    return 0


def parse(int message, bytes body):
    """The record in one message's body (header stripped) of type RTM_NEW*/RTM_DEL*, None for other types: for fuzzing.
    Raises OSError(EBADMSG) for a length that lies."""
    cdef r.any_row row
    cdef r.heap heap
    cdef const uint8_t *at = <const uint8_t *><const char *>body
    memset(&heap, 0, sizeof(heap))
    try:
        state = r.parse_row(message, at, at + len(body), &row, &heap)
        if state < 0:
            raise fail(state, "netlink message")
        return record(message, &row, &heap) if state else None
    finally:
        free(heap.data)


def changes_in(bytes datagram):
    """The changes that one datagram of notifications tells of: for fuzzing. Raises OSError(EBADMSG)."""
    found = []
    notified(<const uint8_t *><const char *>datagram, len(datagram), found)
    return found


def answer_in(int message, bytes datagram):
    """The records of type RTM_NEW* in one datagram that answers request number 1, and whether it is the last: for
    fuzzing. Raises OSError(EBADMSG)."""
    cdef Table table = Table(message)
    cdef Answer answer
    memset(&answer, 0, sizeof(answer))
    state = feed(table, <const uint8_t *><const char *>datagram, len(datagram), 1, &answer)
    if state < 0:
        raise fail(state, "netlink answer")
    return list(table), state == 1


@cython.final
cdef class UeventSocket(_Endpoint):
    """The kernel's kobject events as raw datagrams; `core.codec.uevent` reads them. Never blocks."""

    def __cinit__(self, *, netns=None, receive_buffer=16 << 20):
        self.fd = opened(NETLINK_KOBJECT_UEVENT, netns)
        enlarge(self.fd, receive_buffer)
        name(self.fd, 1)  # the kernel's own group; udevd's, 2, does not exist here

    def read(self):
        """The waiting datagrams, at most one batch. Raises Overrun, with the queue emptied, when some were dropped:
        walk /sys again."""
        cdef b.batch batch
        cdef int count, i
        count = b.batch_open(&batch)
        if count < 0:
            raise MemoryError
        try:
            count = b.batch_read(&batch, self.fd, MSG_DONTWAIT)
            if count == -ENOBUFS or count == -EMSGSIZE:
                b.batch_drain(&batch, self.fd)
                raise Overrun(ENOBUFS, "kernel events were dropped")
            if count < 0:
                raise fail(count, "kernel events")
            return [(<const char *>b.batch_data(&batch, i))[:b.batch_size(&batch, i)]
                    for i in range(count) if b.batch_size(&batch, i)]
        finally:
            b.batch_close(&batch)
