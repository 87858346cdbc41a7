/* The floor of any reader of rtnetlink: receive and throw away.
 *   dump REQUEST TIMES    RTM_GET* number: prints the cheapest dump's CPU and wall time in seconds
 *   listen GROUP COUNT    until that many notifications came: prints the CPU time that receiving them took */
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

static char buffer[32768];

static double cpu(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

/* A datagram: how many messages it held, and whether one of them ends an answer. */
static int receive(int fd, int *done)
{
    int count = 0;
    ssize_t n = recv(fd, buffer, sizeof buffer, 0);
    if (n < 0)
        exit(1);
    for (struct nlmsghdr *h = (struct nlmsghdr *)buffer; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n), count++)
        if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
            *done = 1;
    return count;
}

static void dump(int fd, int type, int times)
{
    double best_cpu = 1e9, best_wall = 1e9;
    int one = 1;
    setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof one);
    for (int at = 1; at <= times; at++) {
        /* a link's request names the mask that leaves the counters out, as ours does */
        struct { struct nlmsghdr h; char body[24]; } request = {
            .h = {.nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP, .nlmsg_seq = at}};
        request.h.nlmsg_len = sizeof request.h + (type == RTM_GETLINK ? 24 : type == RTM_GETADDR ? 8 : 12);
        if (type == RTM_GETLINK)
            memcpy(request.body + 16, &(struct { unsigned short l, t; unsigned v; }){8, IFLA_EXT_MASK, 8}, 8);
        double began = now(), used = cpu();
        int done = 0;
        if (send(fd, &request, request.h.nlmsg_len, 0) < 0)
            exit(1);
        while (!done)
            receive(fd, &done);
        used = cpu() - used;
        began = now() - began;
        best_cpu = used < best_cpu ? used : best_cpu;
        best_wall = began < best_wall ? began : best_wall;
    }
    printf("%.6f %.6f\n", best_cpu, best_wall);
}

static void listen_to(int fd, int group, int count)
{
    int done = 0;
    double before = cpu();
    if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0)
        exit(1);
    while (count > 0)
        count -= receive(fd, &done);
    printf("%.6f\n", cpu() - before);
}

int main(int argc, char **argv)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    struct sockaddr_nl own = {.nl_family = AF_NETLINK};
    if (argc != 4 || fd < 0 || bind(fd, (struct sockaddr *)&own, sizeof own) < 0)
        return 1;
    (argv[1][0] == 'd' ? dump : listen_to)(fd, atoi(argv[2]), atoi(argv[3]));
    return 0;
}
