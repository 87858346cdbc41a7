/* clone3 straight into cgroup and namespaces, with a pidfd; the child then sheds masks, descriptors, limits, capabilities
 * and identity with bare system calls and execs. What fails there comes back over a close-on-exec pipe. */
#define _GNU_SOURCE
#include "native_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct failure { int error; const char *step; }; /* the child is a copy: its literals have the parent's addresses */

/* By the kernel's call, for libc hides two signals that its posix_spawn leaves ignored in make(1)'s children. */
static const char *reset_signals(void)
{
    static const unsigned long standard[4]; /* the kernel's struct sigaction: SIG_DFL, no flags, an empty mask */
    sigset_t none;

    for (int number = 1; number < NSIG; number++)
        syscall(SYS_rt_sigaction, number, standard, NULL, (NSIG - 1) / 8); /* KILL and STOP refuse, rightly */
    sigemptyset(&none);
    return sigprocmask(SIG_SETMASK, &none, NULL) < 0 ? "signal mask" : NULL;
}

/* Two rounds: first out of the way of the targets, then into place; all else is closed by exec. */
static const char *place_descriptors(const struct spawn *spec, int *report)
{
    int parked[64];
    int floor = spec->source_count;

    if (spec->source_count > (int)(sizeof(parked) / sizeof(parked[0]))) {
        errno = E2BIG;
        return "descriptors";
    }
    if ((*report = fcntl(*report, F_DUPFD_CLOEXEC, floor)) < 0)
        return "descriptors";
    for (int target = 0; target < spec->source_count; target++) {
        parked[target] = spec->sources[target] < 0 ? -1 : fcntl(spec->sources[target], F_DUPFD_CLOEXEC, floor);
        if (spec->sources[target] >= 0 && parked[target] < 0)
            return "descriptors";
    }
    for (int target = 0; target < spec->source_count; target++)
        if (parked[target] < 0)
            close(target);
        else if (dup2(parked[target], target) < 0)
            return "descriptors";
    return syscall(SYS_close_range, floor, ~0U, CLOSE_RANGE_CLOEXEC) < 0 ? "close_range" : NULL;
}

static const char *apply_limits(const struct spawn *spec)
{
    for (int index = 0; index < spec->limit_count; index++) {
        struct rlimit limit = {.rlim_cur = spec->limits[index].soft, .rlim_max = spec->limits[index].hard};
        if (setrlimit((__rlimit_resource_t)spec->limits[index].resource, &limit) < 0)
            return "setrlimit";
    }
    if (spec->oom_score) {
        int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
        if (fd < 0 || write(fd, spec->oom_score, strlen(spec->oom_score)) < 0)
            return "oom_score_adj";
        close(fd);
    }
    return NULL;
}

static const char *drop_bounding(uint64_t keep)
{
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
        if (!(keep >> capability & 1) && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
            return "bounding set";
    return NULL;
}

static const char *become(const struct spawn *spec)
{
    /* the raw calls: libc's would try to change all threads, and here is only one */
    if (spec->uid != 0 && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
        return "keep capabilities";
    if (syscall(SYS_setgroups, spec->group_count, spec->groups) < 0)
        return "setgroups";
    if (syscall(SYS_setresgid, spec->gid, spec->gid, spec->gid) < 0)
        return "setresgid";
    if (syscall(SYS_setresuid, spec->uid, spec->uid, spec->uid) < 0)
        return "setresuid";
    return NULL;
}

static const char *keep_capabilities(const struct spawn *spec)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct sets[2];

    if (syscall(SYS_capget, &head, sets) < 0)
        return "capget";
    for (int half = 0; half < 2; half++) {
        uint32_t kept = sets[half].permitted & (uint32_t)(spec->keep >> (32 * half));
        sets[half] = (struct __user_cap_data_struct){kept, kept, spec->uid ? kept : 0};
    }
    if (syscall(SYS_capset, &head, sets) < 0)
        return "capset";
    for (int capability = 0; spec->uid != 0 && capability < 64; capability++)
        if (sets[capability / 32].permitted >> (capability % 32) & 1)
            if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0)
                return "ambient capability";
    return NULL;
}

static const char *join(const struct spawn *spec)
{
    for (int index = 0; index < spec->procs_count; index++)
        if (write(spec->procs[index], "0", 1) != 1)
            return "cgroup.procs";
    return NULL;
}

/* Last of all, for what it denies may be what the steps before need. */
static const char *load_filter(const struct spawn *spec)
{
    struct sock_fprog program = {.len = spec->filter_length, .filter = (struct sock_filter *)spec->filter};

    return spec->filter && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0 ? "seccomp" : NULL;
}

static const char *prepare(const struct spawn *spec, int *report)
{
    const char *step;

    setsid();
    if ((step = join(spec)) || (step = place_descriptors(spec, report)) || (step = apply_limits(spec)) ||
        (step = drop_bounding(spec->keep)) || (step = become(spec)) || (step = keep_capabilities(spec)))
        return step;
    if (spec->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return "no_new_privs";
    if (chdir(spec->directory ? spec->directory : "/") < 0)
        return "chdir";
    if ((step = reset_signals()))
        return step;
    return load_filter(spec);
}

static _Noreturn void child(const struct spawn *spec, int report)
{
    struct failure failure = {.step = prepare(spec, &report)};

    if (!failure.step) {
        execve(spec->argv[0], spec->argv, spec->env);
        failure.step = "exec";
    }
    failure.error = errno;
    ssize_t wrote = write(report, &failure, sizeof(failure));
    _exit(wrote == sizeof(failure) ? 127 : 126);
}

/* All signals are blocked around the fork, so that no handler of the parent ever runs in the child. */
static pid_t fork_into(const struct spawn *spec, int *pidfd)
{
    struct clone_args arguments = {
        .flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND | spec->namespaces | (spec->cgroup >= 0 ? CLONE_INTO_CGROUP : 0),
        .pidfd = (uint64_t)(uintptr_t)pidfd,
        .exit_signal = SIGCHLD,
        .cgroup = spec->cgroup >= 0 ? (uint64_t)spec->cgroup : 0,
    };

    return (pid_t)syscall(SYS_clone3, &arguments, sizeof(arguments));
}

static int read_report(int fd, struct failure *failure)
{
    ssize_t got;

    while ((got = read(fd, failure, sizeof(*failure))) < 0 && errno == EINTR)
        ;
    return got == sizeof(*failure);
}

pid_t ichor_spawn(const struct spawn *spec, int *pidfd, const char **step)
{
    struct failure failure;
    sigset_t all, before;
    int report[2];

    *step = "pipe";
    if (pipe2(report, O_CLOEXEC) < 0)
        return -1;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    pid_t pid = fork_into(spec, pidfd);
    int problem = errno;
    if (pid == 0)
        child(spec, report[1]);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(report[1]);
    *step = "clone3";
    if (pid > 0 && read_report(report[0], &failure)) {
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
        close(*pidfd);
        *step = failure.step;
        problem = failure.error;
        pid = -1;
    }
    close(report[0]);
    errno = problem;
    return pid;
}
