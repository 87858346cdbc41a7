/* A batch of netlink datagrams read with one recvmmsg. Large slots: the kernel fills a dump's datagram up to 32 KiB when
 * the receiver offers that much, and untouched pages of a slot cost nothing. A dump takes few, which stay in the cache;
 * notifications and acks take many, as each is a datagram of its own. */
#ifndef ICHOR_BATCH_H
#define ICHOR_BATCH_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH_FEW = 4, BATCH_MANY = 16, BATCH_SLOT = 32768 };

struct batch {
    struct mmsghdr messages[BATCH_MANY];
    struct iovec pieces[BATCH_MANY];
    struct sockaddr_nl from[BATCH_MANY];
    uint8_t *memory;
    int slots;
};

static int batch_open(struct batch *b, int slots)
{
    b->slots = slots;
    b->memory = aligned_alloc(4096, (size_t)slots * BATCH_SLOT);
    return b->memory ? 0 : -ENOMEM;
}

static void batch_close(struct batch *b)
{
    free(b->memory);
    b->memory = NULL;
}

/* Datagrams read (0: none is waiting), or -errno. Anything that the kernel itself did not send comes out with size 0. */
static int batch_read(struct batch *b, int fd, int flags)
{
    for (int i = 0; i < b->slots; i++) {
        b->pieces[i] = (struct iovec){b->memory + (size_t)i * BATCH_SLOT, BATCH_SLOT};
        b->messages[i].msg_hdr = (struct msghdr){
            .msg_name = &b->from[i], .msg_namelen = sizeof b->from[i], .msg_iov = &b->pieces[i], .msg_iovlen = 1};
    }
    int count;
    do
        count = recvmmsg(fd, b->messages, b->slots, flags, NULL);
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return errno == EAGAIN ? 0 : -errno;
    for (int i = 0; i < count; i++) {
        if (b->messages[i].msg_hdr.msg_flags & MSG_TRUNC)
            return -EMSGSIZE;
        if (b->from[i].nl_pid != 0)
            b->messages[i].msg_len = 0;
    }
    return count;
}

static inline const uint8_t *batch_data(const struct batch *b, int i)
{
    return b->memory + (size_t)i * BATCH_SLOT;
}

static inline size_t batch_size(const struct batch *b, int i)
{
    return b->messages[i].msg_len;
}

static void batch_drain(struct batch *b, int fd)
{
    int count;
    do
        count = batch_read(b, fd, MSG_DONTWAIT);
    while (count > 0 || count == -ENOBUFS || count == -EMSGSIZE);
}

/* A socket of the network namespace behind `netns` (-1: the caller's own), or -errno. Only the calling thread moves, and
 * back before this returns; a thread that cannot go home must not run on, so that ends the process. */
static int socket_in(int netns, int family, int type, int protocol)
{
    if (netns < 0) {
        int fd = socket(family, type, protocol);
        return fd < 0 ? -errno : fd;
    }
    int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (home < 0)
        return -errno;
    if (setns(netns, CLONE_NEWNET) < 0) {
        int failure = -errno;
        close(home);
        return failure;
    }
    int fd = socket(family, type, protocol);
    int failure = -errno;
    if (setns(home, CLONE_NEWNET) < 0)
        abort();
    close(home);
    return fd < 0 ? failure : fd;
}

/* Lets through whole IPv4 UDP packets to one port; reads from the IP header on (SOCK_DGRAM packet sockets). */
static int udp_only(int fd, uint16_t port)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),                          /* protocol */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 6),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),                          /* flags, fragment offset */
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x3fff, 4, 0),
        BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),                         /* header size */
        BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),                          /* destination port */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0xffff),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_fprog wrapped = {sizeof program / sizeof *program, program};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &wrapped, sizeof wrapped) < 0 ? -errno : 0;
}

/* A packet socket on one link that hears one UDP port, filtered before it is bound so that nothing else slips in. */
static int packet_in(int netns, int ifindex, uint16_t port)
{
    int fd = socket_in(netns, AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fd;
    struct sockaddr_ll where = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = ifindex};
    int failure = udp_only(fd, port);
    if (!failure && bind(fd, (struct sockaddr *)&where, sizeof where) < 0)
        failure = -errno;
    if (failure)
        close(fd);
    return failure ? failure : fd;
}

#endif
