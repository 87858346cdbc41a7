/* From power-on to a root whose every block is checked: find the image's device, check the footer's signature with the key
 * in the initramfs, let dm-verity check all the rest, switch over. Whatever fails ends in one line naming what and where,
 * and then as panic= on the kernel's command line says: N reboots after N s (a minute at most), otherwise power off. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "image.h"
#include "init.h"
#include "verity.h"

#define DEVICE_MS 30000
#define HOLD_S 10 /* long enough to read the line on a screen */
#define LONGEST_S 60
#define ROOT "/root"

static uint8_t superblock[IMAGE_SUPERBLOCK], footer[IMAGE_BLOCK], key[crypto_sign_PUBLICKEYBYTES];

static _Noreturn __attribute__((format(printf, 1, 2))) void refuse(const char *format, ...)
{
    char text[256], value[16];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    say("boot stopped: %s", text);
    long panic = cmdline_read("panic", value, sizeof(value)) ? strtol(value, NULL, 10) : 0;
    long hold = panic < 0 ? 0 : panic == 0 ? HOLD_S : panic > LONGEST_S ? LONGEST_S : panic;
    struct timespec wait = {.tv_sec = hold};
    nanosleep(&wait, NULL);
    power_now(panic == 0 ? POWER_OFF : POWER_REBOOT);
}

static void read_at(int fd, const char *path, void *out, size_t size, uint64_t offset)
{
    for (size_t done = 0; done < size;) {
        ssize_t got = pread(fd, (char *)out + done, size - done, (off_t)(offset + done));
        if (got < 0)
            refuse("%s: read at byte %llu: %s", path, (unsigned long long)(offset + done), strerror(errno));
        if (got == 0)
            refuse("%s: ends at byte %llu, before its footer does", path, (unsigned long long)(offset + done));
        done += (size_t)got;
    }
}

static void read_key(void)
{
    int fd = open("/key.pub", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        refuse("/key.pub: %s", strerror(errno));
    read_at(fd, "/key.pub", key, sizeof(key), 0);
    close(fd);
}

static void check(int device, const char *path, struct image *image)
{
    uint64_t offset;

    read_at(device, path, superblock, sizeof(superblock), 0);
    const char *problem = image_locate(superblock, image, &offset);
    if (problem)
        refuse("%s: %s", path, problem);
    read_at(device, path, footer, sizeof(footer), offset);
    read_key();
    /* the signature before any field is believed: what follows cannot be forged, only stale */
    if (crypto_sign_verify_detached(footer + IMAGE_SIGNED, footer, IMAGE_SIGNED, key) != 0)
        refuse("%s: the signature of the footer at byte %llu does not fit the key of this boot", path, (unsigned long long)offset);
    if ((problem = image_footer(footer, image)))
        refuse("%s: %s at byte %llu", path, problem, (unsigned long long)offset);
}

static void mount_root(int device, const char *path, const struct image *image)
{
    const char *step;
    char mapped[32];
    struct stat status;

    if (fstat(device, &status) < 0 || !S_ISBLK(status.st_mode))
        refuse("%s: not a block device", path);
    dev_t number = verity_map(status.st_rdev, image, &step);
    if (!number)
        refuse("%s: dm-verity: %s: %s", path, step, strerror(errno));
    snprintf(mapped, sizeof(mapped), "/dev/dm-%u", minor(number));
    int root = device_wait(mapped, DEVICE_MS);
    if (root < 0)
        refuse("%s: dm-verity: %s: %s", path, mapped, strerror(errno));
    close(root);
    mkdir(ROOT, 0755);
    if (mount(mapped, ROOT, "squashfs", MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) < 0)
        refuse("%s: mounting the root: %s", path, errno == EIO ? "a block does not fit the root hash" : strerror(errno));
}

void boot_image(void)
{
    char path[128];
    struct image image;

    mounts_early();
    log_open(true);
    if (!cmdline_read("ichor.image", path, sizeof(path)))
        strcpy(path, "/dev/vda");
    reboot(RB_DISABLE_CAD); /* Ctrl-Alt-Del becomes SIGINT to PID 1 */
    modules_load();
    int device = device_wait(path, DEVICE_MS);
    if (device < 0)
        refuse("%s: %s after %d s", path, strerror(errno), DEVICE_MS / 1000);
    check(device, path, &image);
    mount_root(device, path, &image);
    say("%s: signature and root hash hold, build date %llu", path, (unsigned long long)image.build_date);
    close(device);
    mounts_switch(ROOT);
    mounts_late();
}
