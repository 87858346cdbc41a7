/* A copy of each block costs a fifth of the time that hashing it takes, so blocks are hashed in the page cache, mapped.
 * What of a mapping is gone raises SIGBUS: within a window, and only there, zeros take its place and the window is
 * told to be worth nothing. Every other SIGBUS finds the handler that was there before. */
#define _GNU_SOURCE
#include "native_window.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* Linux 5.14; before it EINVAL, and windows are not to be had */
#endif

static _Thread_local struct {
    uint8_t *bytes;
    size_t size;
    volatile sig_atomic_t lost;
} window;
static struct sigaction earlier;

static void fault(int number, siginfo_t *info, void *context)
{
    (void)context;
    if ((uintptr_t)info->si_addr - (uintptr_t)window.bytes >= window.size ||
        mmap(window.bytes, window.size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
        sigaction(number, &earlier, NULL); /* the fault comes again, to whom it belongs */
    else
        window.lost = 1;
}

static void install(void)
{
    struct sigaction action = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};

    sigaction(SIGBUS, &action, &earlier);
}

const uint8_t *window_open(int fd, off_t offset, size_t size)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    uint8_t *bytes = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, offset);

    if (bytes == MAP_FAILED)
        return NULL;
    if (madvise(bytes, size, MADV_POPULATE_READ) < 0) {
        munmap(bytes, size);
        return NULL;
    }
    pthread_once(&once, install);
    window.lost = 0, window.bytes = bytes, window.size = size;
    return bytes;
}

int window_close(int fd, off_t offset)
{
    uint8_t last; /* behind a file's end, the rest of a page are zeros and no fault */
    int whole = pread(fd, &last, sizeof(last), offset + (off_t)window.size - 1) == sizeof(last);

    munmap(window.bytes, window.size);
    window.size = 0;
    return whole && !window.lost;
}
