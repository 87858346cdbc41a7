"""sys/mman.h and fcntl.h: memory files and their seals."""

TYPES = """
int memfd_create(const char *name, unsigned flags);
int ichor_seal(int fd, int seals);
static const int MFD_CLOEXEC;
static const int MFD_ALLOW_SEALING;
static const int F_SEAL_SEAL;
static const int F_SEAL_SHRINK;
static const int F_SEAL_GROW;
static const int F_SEAL_WRITE;
"""

SOURCE = """
#include <fcntl.h>
#include <sys/mman.h>
static int ichor_seal(int fd, int seals)
{
    return fcntl(fd, F_ADD_SEALS, seals);
}
"""
