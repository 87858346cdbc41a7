"""Reading netlink datagrams in batches, and sockets in a chosen network namespace."""

from libc.stdint cimport uint8_t, uint16_t


cdef extern from "batch.h" nogil:
    struct batch:
        pass

    int BATCH_FEW, BATCH_MANY
    int batch_open(batch *b, int slots)
    void batch_close(batch *b)
    int batch_read(batch *b, int fd, int flags)
    const uint8_t *batch_data(const batch *b, int i)
    size_t batch_size(const batch *b, int i)
    void batch_drain(batch *b, int fd)
    int socket_in(int netns, int family, int type, int protocol)
    int packet_in(int netns, int ifindex, uint16_t port)
