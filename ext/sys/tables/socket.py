"""sys/socket.h: who is at the other end of a local socket, and which packets a socket takes."""

TYPES = """
static const int SO_PEERPIDFD;
int ichor_peer_pidfd(int fd);
int ichor_attach_filter(int fd, const void *program, unsigned short instructions);
"""

SOURCE = """
#include <linux/filter.h>
#include <sys/socket.h>
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* since Linux 6.5 */
#endif
static int ichor_peer_pidfd(int fd)
{
    int pidfd;
    socklen_t length = sizeof(pidfd);
    return getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &length) < 0 ? -1 : pidfd;
}

static int ichor_attach_filter(int fd, const void *program, unsigned short instructions)
{
    struct sock_fprog filter = {.len = instructions, .filter = (struct sock_filter *)program};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
}
"""
