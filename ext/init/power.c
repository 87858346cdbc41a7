/* The end: ask all to stop, kill what did not, write back, unmount, reboot(2). Every wait is bounded, and what may hang in
 * the kernel (writing back, unmounting) happens in a child that can be left behind. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/reboot.h>
#include <signal.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "init.h"

#define TERM_MS 10000
#define KILL_MS 5000
#define FLUSH_MS 30000
#define REASON "/system/state/last-reboot"

static bool is_machine;
static pid_t helper;
static bool helper_done;

void power_open(bool machine)
{
    is_machine = machine;
}

static void died(pid_t pid, int status)
{
    (void)status;
    helper_done |= pid == helper;
}

/* Reap until nobody is left, the helper is done (when one runs) or the time is over. */
static void reap_for(uint64_t ms)
{
    uint64_t end = now_ms() + ms;
    sigset_t child;

    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    for (enum reaped reaped; (reaped = reap_some(died)) != REAPED_LAST && !(helper && helper_done);) {
        uint64_t now = now_ms();
        if (now >= end)
            return;
        if (reaped == REAPED_SOME)
            continue;
        uint64_t left = end - now;
        struct timespec wait = {.tv_sec = (time_t)(left / 1000), .tv_nsec = (long)(left % 1000) * 1000000};
        sigtimedwait(&child, NULL, &wait);
    }
}

static void write_back(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0) {
        syncfs(fd);
        close(fd);
    }
}

static void record(const char *reason)
{
    int fd = open(REASON, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return;
    if (write(fd, reason, strlen(reason)) < 0 || fsync(fd) < 0)
        say("power: cannot write %s: %s", REASON, strerror(errno));
    close(fd);
}

static void flush(const char *reason)
{
    if (*reason)
        record(reason);
    if (is_machine) {
        sync();
        mounts_undo();
        sync();
        return;
    }
    write_back("/var"); /* the rest of a container's mounts goes with its namespace; other disks are the host's */
    write_back("/system/state");
}

static void in_child(const char *reason, uint64_t ms)
{
    helper_done = false;
    helper = fork();
    if (helper == 0) {
        flush(reason);
        _exit(0);
    }
    if (helper > 0)
        reap_for(ms);
    if (!helper_done)
        say("power: writing back did not end within %llu s", (unsigned long long)ms / 1000);
    helper = 0;
}

_Noreturn void power_now(enum power action)
{
    static const int commands[] = {LINUX_REBOOT_CMD_RESTART, LINUX_REBOOT_CMD_POWER_OFF, LINUX_REBOOT_CMD_HALT};

    reboot(commands[action]);
    say("power: reboot(2) refused: %s", strerror(errno));
    _exit(1); /* a machine's kernel panics here and obeys panic=; a container ends */
}

_Noreturn void power(enum power action, const char *reason)
{
    static const char *const names[] = {"reboot", "power off", "halt"};

    say("power: %s%s%s", names[action], *reason ? ": " : "", reason);
    if (watchdog_armed())
        watchdog_pet();
    kill(-1, SIGTERM);
    kill(-1, SIGCONT); /* a stopped process takes its SIGTERM only when continued */
    control_close(); /* nobody is served any more, and who waits for an answer would not hear the SIGTERM */
    reap_for(TERM_MS);
    kill(-1, SIGKILL);
    reap_for(KILL_MS);
    in_child(reason, FLUSH_MS);
    if (action == POWER_HALT)
        watchdog_disarm(); /* for the others an armed watchdog finishes what a stuck kernel cannot */
    power_now(action);
}
