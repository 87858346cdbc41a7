"""linux/capability.h: the calling thread's sets as 64-bit masks."""

TYPES = """
int ichor_capset(uint64_t effective, uint64_t permitted, uint64_t inheritable);
int ichor_capget(uint64_t *effective, uint64_t *permitted, uint64_t *inheritable);
static const int CAP_CHOWN;
static const int CAP_DAC_OVERRIDE;
static const int CAP_KILL;
static const int CAP_SETGID;
static const int CAP_SETUID;
static const int CAP_NET_BIND_SERVICE;
static const int CAP_NET_ADMIN;
static const int CAP_NET_RAW;
static const int CAP_SYS_MODULE;
static const int CAP_SYS_RAWIO;
static const int CAP_SYS_PTRACE;
static const int CAP_SYS_ADMIN;
static const int CAP_SYS_BOOT;
static const int CAP_SYS_RESOURCE;
static const int CAP_SYS_TIME;
static const int CAP_MKNOD;
static const int CAP_LAST_CAP;
"""

SOURCE = """
#include <linux/capability.h>
#include <stdint.h>
static struct __user_cap_header_struct ichor_cap_self = {_LINUX_CAPABILITY_VERSION_3, 0};
static int ichor_capset(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
    struct __user_cap_data_struct sets[2];
    for (int half = 0; half < 2; half++) {
        sets[half].effective = (uint32_t)(effective >> (32 * half));
        sets[half].permitted = (uint32_t)(permitted >> (32 * half));
        sets[half].inheritable = (uint32_t)(inheritable >> (32 * half));
    }
    return (int)syscall(SYS_capset, &ichor_cap_self, sets);
}
static int ichor_capget(uint64_t *effective, uint64_t *permitted, uint64_t *inheritable)
{
    struct __user_cap_data_struct sets[2];
    if (syscall(SYS_capget, &ichor_cap_self, sets) < 0)
        return -1;
    *effective = sets[0].effective | (uint64_t)sets[1].effective << 32;
    *permitted = sets[0].permitted | (uint64_t)sets[1].permitted << 32;
    *inheritable = sets[0].inheritable | (uint64_t)sets[1].inheritable << 32;
    return 0;
}
"""
