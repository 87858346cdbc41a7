/* A dm-verity mapping in three ioctls: create, load its one-line table, resume. No option is set, so that a corrupt block
 * fails its read with EIO and is named in the kernel's log, and the node lives (device-mapper/verity.rst). */
#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "verity.h"

static struct { struct dm_ioctl head; struct dm_target_spec target; char parameters[512]; } request;

static void prepare(unsigned flags)
{
    memset(&request, 0, sizeof(request));
    request.head.version[0] = DM_VERSION_MAJOR;
    request.head.data_size = sizeof(request);
    request.head.data_start = sizeof(request.head);
    request.head.flags = flags;
    strcpy(request.head.name, "ichor-root");
}

static void hex(char *out, const uint8_t *bytes, unsigned count)
{
    for (unsigned index = 0; index < count; index++)
        snprintf(out + 2 * index, 3, "%02x", bytes[index]);
}

static void fill_table(dev_t device, const struct image *image)
{
    char root[65], salt[65];
    unsigned long long blocks = image->data_size / IMAGE_BLOCK;

    hex(root, image->root_hash, 32);
    hex(salt, image->salt, 32);
    request.head.target_count = 1;
    request.target.length = image->data_size / 512;
    strcpy(request.target.target_type, "verity");
    snprintf(request.parameters, sizeof(request.parameters), "1 %u:%u %u:%u %u %u %llu %llu sha256 %s %s", major(device),
             minor(device), major(device), minor(device), IMAGE_BLOCK, IMAGE_BLOCK, blocks,
             (unsigned long long)image->hash_offset / IMAGE_BLOCK, root, salt);
}

dev_t verity_map(dev_t device, const struct image *image, const char **step)
{
    dev_t mapped = 0;

    *step = "opening /dev/mapper/control";
    int control = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
    if (control < 0)
        return 0;
    prepare(DM_READONLY_FLAG);
    *step = "creating the device";
    if (ioctl(control, DM_DEV_CREATE, &request) == 0) {
        mapped = (dev_t)request.head.dev;
        prepare(DM_READONLY_FLAG);
        fill_table(device, image);
        *step = "loading the table";
        if (ioctl(control, DM_TABLE_LOAD, &request) < 0)
            mapped = 0;
    }
    if (mapped) {
        prepare(0);
        *step = "resuming the device";
        if (ioctl(control, DM_DEV_SUSPEND, &request) < 0)
            mapped = 0;
    }
    int problem = errno;
    close(control);
    errno = problem;
    return mapped;
}
