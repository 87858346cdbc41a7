"""sys/socket.h: who is at the other end of a local socket."""

TYPES = """
static const int SO_PEERPIDFD;
int ichor_peer_pidfd(int fd);
"""

SOURCE = """
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
"""
