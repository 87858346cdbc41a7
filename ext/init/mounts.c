/* Which file systems a machine has before any of its services: tables, in the order of mounting. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init.h"

#define QUIET (MS_NOSUID | MS_NODEV | MS_NOEXEC)

static const struct mount_row early[] = {
    {"devtmpfs", "/dev", "mode=0755", MS_NOSUID, true},
    {"proc", "/proc", NULL, QUIET, true},
    {"sysfs", "/sys", NULL, QUIET, true},
};

static const struct mount_row late[] = {
    {"tmpfs", "/run", "mode=0755", QUIET, true},
    {"tmpfs", "/system", "mode=0755", QUIET, true},
    {"tmpfs", "/tmp", "mode=0755,size=64m", QUIET, true},
    {"tmpfs", "/dev/shm", "mode=1777", QUIET, false},
    {"devpts", "/dev/pts", "mode=0620,gid=5,ptmxmode=000", MS_NOSUID | MS_NOEXEC, false},
    {"cgroup2", "/sys/fs/cgroup", "nsdelegate,memory_recursiveprot", QUIET, false},
    {"securityfs", "/sys/kernel/security", NULL, QUIET, false},
    {"bpf", "/sys/fs/bpf", "mode=0700", QUIET, false},
    {"efivarfs", "/sys/firmware/efi/efivars", NULL, QUIET | MS_RDONLY, false},
};

static void mount_all(const struct mount_row *rows, size_t count)
{
    for (const struct mount_row *row = rows; row < rows + count; row++) {
        mkdir(row->target, 0755);
        if (mount(row->type, row->target, row->type, row->flags, row->options) < 0 && row->needed && errno != EBUSY)
            say("mount %s on %s: %s", row->type, row->target, strerror(errno));
    }
}

/* The console becomes the three standard descriptors: an initramfs need not carry the node the kernel looks for. */
static void open_console(void)
{
    int fd = open("/dev/console", O_RDWR | O_NOCTTY);

    for (int standard = 0; fd >= 0 && standard < 3; standard++)
        if (fd != standard)
            dup2(fd, standard);
    if (fd > 2)
        close(fd);
}

void mounts_early(void)
{
    mount_all(early, LENGTH(early));
    open_console();
}

void mounts_late(void)
{
    mount_all(late, LENGTH(late));
}

/* Make `root` the root of this and every later process; the initramfs stays under it, empty and out of reach. */
void mounts_switch(const char *root)
{
    char target[64];

    for (size_t row = 0; row < LENGTH(early); row++) {
        snprintf(target, sizeof(target), "%s%s", root, early[row].target);
        if (mount(early[row].target, target, NULL, MS_MOVE, NULL) < 0)
            say("move %s to %s: %s", early[row].target, target, strerror(errno));
    }
    if (chdir(root) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
        say("switch to %s: %s", root, strerror(errno));
}

static char table[65536], *targets[1024];

/* Field 5 of each line of mountinfo. A name with escapes in it is none of ours and just fails to unmount. */
static size_t read_targets(void)
{
    size_t length = 0, count = 0;
    ssize_t got;
    int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
    char *rest = table, *line;

    while (fd >= 0 && length < sizeof(table) - 1 && (got = read(fd, table + length, sizeof(table) - 1 - length)) > 0)
        length += (size_t)got;
    table[length] = 0;
    while ((line = strsep(&rest, "\n")) && count < LENGTH(targets)) {
        char *field = NULL;
        for (int number = 0; number < 5; number++)
            field = strsep(&line, " ");
        if (field)
            targets[count++] = field;
    }
    if (fd >= 0)
        close(fd);
    return count;
}

void mounts_undo(void)
{
    for (size_t count = read_targets(); count > 0; count--) { /* the newest first */
        const char *target = targets[count - 1];
        if (strcmp(target, "/") != 0 && strncmp(target, "/proc", 5) != 0 && strncmp(target, "/dev", 4) != 0)
            if (umount2(target, UMOUNT_NOFOLLOW) < 0 && errno == EBUSY)
                mount(NULL, target, NULL, MS_REMOUNT | MS_RDONLY, NULL); /* writes its superblock back as clean */
    }
}
