"""linux/module.h: kernel modules."""

TYPES = """
int ichor_init_module(const void *image, unsigned long length, const char *parameters);
int ichor_finit_module(int fd, const char *parameters, int flags);
int ichor_delete_module(const char *name, unsigned flags);
static const int MODULE_INIT_COMPRESSED_FILE;
"""

SOURCE = """
#include <linux/module.h>
static int ichor_init_module(const void *image, unsigned long length, const char *parameters)
{
    return (int)syscall(SYS_init_module, image, length, parameters);
}
static int ichor_finit_module(int fd, const char *parameters, int flags)
{
    return (int)syscall(SYS_finit_module, fd, parameters, flags);
}
static int ichor_delete_module(const char *name, unsigned flags)
{
    return (int)syscall(SYS_delete_module, name, flags);
}
"""
