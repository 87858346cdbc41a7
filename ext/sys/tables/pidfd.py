"""linux/pidfd.h: processes by descriptor."""

TYPES = """
int ichor_pidfd_open(int pid, unsigned flags);
int ichor_pidfd_send_signal(int pidfd, int signal);
int ichor_pidfd_getfd(int pidfd, int target);
"""

SOURCE = """
#include <stddef.h>
static int ichor_pidfd_open(int pid, unsigned flags)
{
    return (int)syscall(SYS_pidfd_open, pid, flags);
}
static int ichor_pidfd_send_signal(int pidfd, int signal)
{
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}
static int ichor_pidfd_getfd(int pidfd, int target)
{
    return (int)syscall(SYS_pidfd_getfd, pidfd, target, 0);
}
"""
