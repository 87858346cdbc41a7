/* Checks a file or device against its dm-verity hash tree, behind everybody else who wants the processor or the disk:
 * `imagecheck FILE DATA_BLOCKS TREE_BLOCK SALT ROOT`, numbers in decimal, hashes in hex. Each second and at the end a
 * line says how far it is; a block that has not its hash is named. Exits with 0 if all have, 1 if one has not, 2 if that
 * cannot be told. A signal ends it anywhere: it writes nothing. */
#define _GNU_SOURCE
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    INTACT = 0,
    BAD = 1,
    UNKNOWN = 2,
    SALT_MOST = 256, /* bytes; what dm-verity takes */
    TURNS = 4,       /* pieces between two looks at the clock: 8 MiB */
    IO_WHO_PROCESS = 1,
    IO_IDLE = 3 << 13, /* linux/ioprio.h */
};

static _Noreturn void give_up(const char *what, const char *why)
{
    fprintf(stderr, "imagecheck: %s: %s\n", what, why);
    exit(UNKNOWN);
}

/* A kernel that refuses one of these has no such class, or a container's policy forbids it: the others still hold. */
static void step_back(void)
{
    const struct sched_param none = {0};

    if (sched_setscheduler(0, SCHED_IDLE, &none) < 0)
        perror("imagecheck: SCHED_IDLE");
    if (setpriority(PRIO_PROCESS, 0, 19) < 0)
        perror("imagecheck: nice");
    if (syscall(SYS_ioprio_set, IO_WHO_PROCESS, 0, IO_IDLE) < 0)
        perror("imagecheck: idle I/O");
}

static size_t number(const char *text, const char *name)
{
    char *end;
    unsigned long long value;

    errno = 0;
    value = strtoull(text, &end, 10);
    if (errno || end == text || *end || *text == '-' || value > TREE_BLOCKS_MOST)
        give_up(name, "no number of blocks");
    return (size_t)value;
}

static size_t bytes(const char *text, uint8_t *into, size_t room, const char *name)
{
    size_t length = strlen(text);

    if (length % 2 || length / 2 > room || strspn(text, "0123456789abcdef") != length)
        give_up(name, "no bytes in hex");
    for (size_t i = 0; i < length / 2; i++)
        sscanf(text + 2 * i, "%2hhx", &into[i]);
    return length / 2;
}

static void say(size_t done, size_t blocks)
{
    printf("checked %zu of %zu blocks\n", done, blocks);
    fflush(stdout);
}

static _Noreturn void blame(size_t block)
{
    printf("block %zu has not its hash\n", block);
    exit(fflush(stdout) ? UNKNOWN : BAD);
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Of a device, let go of what is cached: before, so that the disk itself is read; while it goes on, so that nobody's
 * pages make room for ours. The file system above has a cache of its own. A file's cache is what its readers use. */
static void forget(int fd, int device, size_t first, size_t end)
{
    if (device)
        posix_fadvise(fd, (off_t)first * SHA256_BLOCK, (off_t)(end - first) * SHA256_BLOCK, POSIX_FADV_DONTNEED);
}

static void check_data(struct scan *job, int device)
{
    double said = now();
    size_t before = 0;

    while (!scan_over(job)) {
        scan_run(job, TURNS);
        forget(job->fd, device, before, scan_done(job));
        before = scan_done(job);
        if (now() - said >= 1) {
            say(scan_done(job), job->blocks);
            said = now();
        }
    }
    if (job->error)
        give_up("reading the image", strerror(job->error));
    say(scan_done(job), job->blocks);
    if (job->bad != SIZE_MAX)
        blame(job->bad);
}

int main(int argc, char **argv)
{
    uint8_t salt[SALT_MOST], root[SHA256_DIGEST];
    struct scan job = {.bad = SIZE_MAX};
    struct tree tree;
    struct stat about;
    size_t first, bad;
    int error;

    if (argc != 6)
        give_up("usage", "imagecheck FILE DATA_BLOCKS TREE_BLOCK SALT ROOT");
    step_back();
    job.blocks = number(argv[2], "DATA_BLOCKS"), first = number(argv[3], "TREE_BLOCK");
    sha256_begin(&job.salt, salt, bytes(argv[4], salt, sizeof(salt), "SALT"));
    if (bytes(argv[5], root, sizeof(root), "ROOT") != sizeof(root))
        give_up("ROOT", "a root hash has 32 bytes");
    if ((job.fd = open(argv[1], O_RDONLY | O_CLOEXEC)) < 0 || fstat(job.fd, &about) < 0)
        give_up(argv[1], strerror(errno));
    job.kernel = sha256_best();
    forget(job.fd, S_ISBLK(about.st_mode), 0, 0); /* all of it */
    if ((error = tree_read(&tree, job.fd, job.blocks, first)))
        give_up("reading the hash tree", strerror(error));
    if ((bad = tree_check(&tree, &job, root)) != SIZE_MAX)
        blame(first + bad);
    job.wanted = tree.leaves;
    check_data(&job, S_ISBLK(about.st_mode));
    return INTACT;
}
