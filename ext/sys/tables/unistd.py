"""unistd.h and neighbours: descriptors, names, write-back."""

TYPES = """
int sethostname(const char *name, size_t length);
int syncfs(int fd);
int ichor_close_range(unsigned first, unsigned last, int flags);
static const int CLOSE_RANGE_CLOEXEC;
"""

SOURCE = """
#include <linux/close_range.h>
static int ichor_close_range(unsigned first, unsigned last, int flags)
{
    return (int)syscall(SYS_close_range, first, last, flags);
}
"""
