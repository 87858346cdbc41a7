/* The floor of waiting for children: as many as the argument says have ended, each with a pidfd; reap them by waitid with
 * their resource usage and do nothing else. Prints the seconds of processor that took, and those of the wall that the
 * longest one did: RCU frees the dead in bursts of up to 3 ms (rcutree's rcu_resched_ns), on the time of who runs there. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 10000, *pidfds = calloc((size_t)count, sizeof(*pidfds));
    siginfo_t info;

    for (int number = 0; number < count; number++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(number % 200);
        pidfds[number] = (int)syscall(SYS_pidfd_open, pid, 0);
        if (pid < 0 || pidfds[number] < 0 || waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) < 0)
            return 1;
    }
    double start = now(CLOCK_PROCESS_CPUTIME_ID), longest = 0;
    for (int number = 0; number < count; number++) {
        struct rusage usage;
        double before = now(CLOCK_MONOTONIC);
        if (syscall(SYS_waitid, P_PIDFD, pidfds[number], &info, WEXITED, &usage) < 0 || info.si_status != number % 200)
            return 1;
        if (now(CLOCK_MONOTONIC) - before > longest)
            longest = now(CLOCK_MONOTONIC) - before;
    }
    printf("%.6f %.6f\n", now(CLOCK_PROCESS_CPUTIME_ID) - start, longest);
    return 0;
}
