/* The one child that PID 1 starts. Restarted at once, then after 0.1 * 2^n s up to 5 s, forgotten after 30 s up; the
 * fifth death within 60 s ends the machine with its reason. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init.h"

#define LAUNCH "/usr/libexec/ichor/launch"
#define DEATHS 5
#define DEATHS_MS 60000
#define FORGET_MS 30000
#define FIRST_MS 100
#define LAST_MS 5000

static bool is_machine;
static int restart_timer;
static pid_t spawner;
static uint64_t started, starts, beat, deaths[DEATHS];
static unsigned failures, death;

void spawner_open(bool machine, int timer)
{
    is_machine = machine;
    restart_timer = timer;
}

static _Noreturn void run(void)
{
    static char *const arguments[] = {LAUNCH, NULL};
    static char *const environment[] = {"PATH=/usr/sbin:/usr/bin", NULL};
    sigset_t none;

    setsid();
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(LAUNCH, arguments, environment);
    say("spawner: cannot run %s: %s", LAUNCH, strerror(errno));
    _exit(127);
}

void spawner_start(void)
{
    starts++;
    beat = started = now_ms();
    say("spawner: starting");
    if (is_machine)
        watchdog_pet();
    pid_t pid = fork();
    if (pid == 0)
        run();
    spawner = pid < 0 ? 0 : pid;
    if (pid < 0) {
        say("spawner: cannot fork: %s", strerror(errno));
        spawner_died(0, 127 << 8);
    }
}

static void restart_in(uint64_t ms)
{
    struct itimerspec when = {.it_value = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000}};

    when.it_value.tv_nsec += 1; /* all zeros would disarm the timer */
    timerfd_settime(restart_timer, 0, &when, NULL);
}

static uint64_t next_delay(uint64_t now)
{
    if (now - started >= FORGET_MS)
        failures = 0;
    unsigned failure = failures++;
    if (failure == 0)
        return 0;
    uint64_t delay = failure > 7 ? LAST_MS : FIRST_MS << (failure - 1);
    return delay > LAST_MS ? LAST_MS : delay;
}

void spawner_died(pid_t pid, int status)
{
    char reason[ICHOR_NAME];
    uint64_t now = now_ms();

    if (pid != spawner)
        return;
    spawner = 0;
    const char *how = WIFSIGNALED(status) ? "signal" : "status";
    int value = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
    deaths[death++ % DEATHS] = now;
    if (death >= DEATHS && now - deaths[death % DEATHS] < DEATHS_MS) { /* the row to be used next is the oldest */
        snprintf(reason, sizeof(reason), "spawner died %d times within a minute, last by %s %d", DEATHS, how, value);
        power(POWER_REBOOT, reason);
    }
    uint64_t delay = next_delay(now);
    say("spawner: died by %s %d, starting again in %llu ms", how, value, (unsigned long long)delay);
    restart_in(delay);
}

void spawner_beat(void)
{
    beat = now_ms();
    if (is_machine)
        watchdog_pet();
}

void spawner_status(struct ichor_status *status)
{
    status->beat_age_ms = now_ms() - beat;
    status->spawner_starts = starts;
    status->spawner_pid = spawner;
    status->machine = is_machine;
    status->watchdog = watchdog_armed();
}
