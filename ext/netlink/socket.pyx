# distutils: depends = ext/netlink/rows.h ext/netlink/rtnl.h ext/netlink/batch.h
"""Owns rtnetlink sockets: `Socket` asks (dumps into `Table`, requests with acks), `Monitor` listens (changes). A
table keeps the kernel's answer as fixed C records and makes a Python object only of the row it is asked for.
Refuses datagrams that the kernel did not send and lengths that lie. Not for use by two threads at once; blocking
calls end at once, since rtnetlink answers within the send."""

cimport cython
from libc.errno cimport EAGAIN, EBADMSG, EMSGSIZE, ENOBUFS, errno
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.stdlib cimport calloc, free
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
    MOST = 1 << 16  # bytes of one datagram of requests
    LONGEST = (1 << 16) - 16  # bytes of one request behind its header
    TOGETHER = 256  # requests in one datagram: their acks fit the receive buffer of a process without privileges
    BURST = 1024  # changes handed out at once, so that who reads them gets to its other work


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


include "tables.pxi"


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

    def requests(self, many):
        """Send requests (message, flags, payload), many in a datagram, each whatever became of those before it; in their
        order None for one that was done, or the NetlinkError."""
        found, pending, size = [], [], 0
        for message, flags, payload in many:
            if message & 3 == 2:  # RTM_GET*, all of them
                raise ValueError("what asks for records is sent alone")
            if len(payload) > LONGEST:
                raise ValueError("request too long")
            if len(pending) == TOGETHER or size + sizeof(r.nlmsghdr) + len(payload) + 3 > MOST:
                found += self.together(pending)
                pending, size = [], 0
            pending.append((message, flags, payload))
            size += sizeof(r.nlmsghdr) + (len(payload) + 3 & ~3)
        return found + self.together(pending)

    cdef list together(self, list pending):
        """One datagram of them, and the kernel's verdicts."""
        cdef uint32_t first = self.sequence + 1
        cdef int count = len(pending), state
        cdef r.verdict *verdicts
        if not count:
            return []
        self.sequence += count
        self.emit(b"".join([
            framed(message, flags | r.NLM_F_ACK, first + at, payload)
            for at, (message, flags, payload) in enumerate(pending)
        ]), "netlink requests")
        verdicts = <r.verdict *>calloc(count, sizeof(r.verdict))
        if verdicts == NULL:
            raise MemoryError
        try:
            with nogil:
                state = acknowledged(self.fd, first, count, verdicts)
            if state < 0:
                raise fail(state, "netlink requests")
            return [
                refusal(&verdicts[at], f"netlink request {pending[at][0]}") if verdicts[at].code < 0 else None
                for at in range(count)
            ]
        finally:
            free(verdicts)

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
            raise refusal(&answer.verdict, what)
        return answer.interrupted

    cdef int post(self, int type, int flags, bytes payload, str what) except -1:
        if len(payload) > LONGEST:
            raise ValueError("request too long")
        return self.emit(framed(type, flags, self.sequence, payload), what)

    cdef int emit(self, bytes datagram, str what) except -1:
        if send(self.fd, <const char *>datagram, len(datagram), 0) < 0:
            raise OSError(errno, f"{what}: {os.strerror(errno)}")
        return 0

    cdef int collect(self, Table table, Answer *answer, str what) except -1:
        cdef b.batch batch
        cdef int state = 0, count, i
        with nogil:
            state = b.batch_open(&batch, b.BATCH_FEW)
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


cdef bytes framed(int type, int flags, uint32_t sequence, bytes payload):
    """A message with its header and padding."""
    cdef r.nlmsghdr head
    memset(&head, 0, sizeof(head))
    head.nlmsg_len = sizeof(head) + len(payload)
    head.nlmsg_type = type
    head.nlmsg_flags = flags | r.NLM_F_REQUEST
    head.nlmsg_seq = sequence
    return (<const char *>&head)[:sizeof(head)] + payload + bytes(-len(payload) & 3)


cdef object refusal(r.verdict *verdict, str what):
    code, said = -verdict.code, verdict.text.decode("utf-8", "replace")
    return NetlinkError(code, f"{what}: {os.strerror(code)}", said, verdict.offset)


cdef int acknowledged(int fd, uint32_t first, int count, r.verdict *verdicts) noexcept nogil:
    """Receive the verdicts of `count` requests, from sequence `first` on. 0 or -errno."""
    cdef b.batch batch
    cdef int state, got, i, left = count
    state = b.batch_open(&batch, b.BATCH_MANY)
    while state == 0 and left > 0:
        got = b.batch_read(&batch, fd, MSG_WAITFORONE)
        if got < 0:
            state = got
        for i in range(got):
            left -= verdict_in(b.batch_data(&batch, i), b.batch_size(&batch, i), first, count, verdicts)
    b.batch_close(&batch)
    return state


cdef int verdict_in(const uint8_t *at, size_t size, uint32_t first, int count, r.verdict *verdicts) noexcept nogil:
    """1 when the datagram is the ack of one of them: the kernel sends each in its own."""
    cdef const r.nlmsghdr *message = <const r.nlmsghdr *>at
    if size < sizeof(r.nlmsghdr) or message.nlmsg_len < sizeof(r.nlmsghdr) or message.nlmsg_len > size:
        return 0
    if message.nlmsg_type != r.NLMSG_ERROR or message.nlmsg_seq - first >= <uint32_t>count:
        return 0
    r.parse_verdict(message, at + message.nlmsg_len, &verdicts[message.nlmsg_seq - first])
    return 1


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
        """The waiting changes in order, at most about BURST. Raises Overrun, with the queue emptied, when some were
        dropped: dump again, then go on from here."""
        cdef Changes found = Changes()
        cdef int state
        with nogil:
            state = heard(self.fd, found)
        if state == -ENOBUFS or state == -EMSGSIZE:
            raise Overrun(ENOBUFS, "netlink notifications were dropped")
        if state < 0:
            raise fail(state, "netlink notifications")
        return found


cdef int heard(int fd, Changes found) noexcept nogil:
    """What waits, until nothing does or it is much. 0 or -errno; with the queue emptied when some were dropped."""
    cdef b.batch batch
    cdef int count = 1, state, i
    state = b.batch_open(&batch, b.BATCH_MANY)
    while state == 0 and count > 0 and found.count < BURST:
        count = b.batch_read(&batch, fd, MSG_DONTWAIT)
        if count == -ENOBUFS or count == -EMSGSIZE:
            b.batch_drain(&batch, fd)
        if count < 0:
            state = count
        for i in range(count):
            if state == 0:
                state = notified(b.batch_data(&batch, i), b.batch_size(&batch, i), found)
    b.batch_close(&batch)
    return state


cdef int notified(const uint8_t *at, size_t size, Changes found) noexcept nogil:
    """Append one datagram's changes. 0 or -errno."""
    cdef const r.nlmsghdr *message
    cdef const uint8_t *end = at + size
    cdef int bad
    while end - at >= <Py_ssize_t>sizeof(r.nlmsghdr):
        message = <const r.nlmsghdr *>at
        if message.nlmsg_len < sizeof(r.nlmsghdr) or message.nlmsg_len > <size_t>(end - at):
            return -EBADMSG
        bad = found.add(message.nlmsg_type, at + sizeof(r.nlmsghdr), at + message.nlmsg_len)
        if bad < 0:
            return bad
        at += min(<size_t>(message.nlmsg_len + 3u) & ~<size_t>3, <size_t>(end - at))
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
    cdef Changes found = Changes()
    cdef int state = notified(<const uint8_t *><const char *>datagram, len(datagram), found)
    if state < 0:
        raise fail(state, "netlink notification")
    return list(found)


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
        count = b.batch_open(&batch, b.BATCH_MANY)
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
