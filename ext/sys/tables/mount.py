"""sys/mount.h: mount(2), umount2(2), pivot_root(2)."""

TYPES = """
int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data);
int umount2(const char *target, int flags);
int ichor_pivot_root(const char *new_root, const char *put_old);
static const int MS_RDONLY;
static const int MS_NOSUID;
static const int MS_NODEV;
static const int MS_NOEXEC;
static const int MS_REMOUNT;
static const int MS_NOATIME;
static const int MS_RELATIME;
static const int MS_BIND;
static const int MS_MOVE;
static const int MS_REC;
static const int MS_PRIVATE;
static const int MS_SLAVE;
static const int MS_SHARED;
static const int MNT_FORCE;
static const int MNT_DETACH;
static const int MNT_EXPIRE;
static const int UMOUNT_NOFOLLOW;
"""

SOURCE = """
#include <sys/mount.h>
static int ichor_pivot_root(const char *new_root, const char *put_old)
{
    return (int)syscall(SYS_pivot_root, new_root, put_old);
}
"""
