/* PID 1. From an initramfs (it holds /key.pub) it first brings the verified root up; in a container it starts right here.
 * Then one loop, for good: reap, keep the spawner running, answer on the control socket. Never execs, never allocates. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "init.h"

enum { TAG_SIGNAL = 1000, TAG_TIMER, TAG_LISTENER }; /* below them: slots of the control socket */

static int signals, timer, poller;
static bool are_dead; /* children may wait to be reaped */

static void act(int number)
{
    if (number == SIGCHLD)
        are_dead = true;
    else if (number == SIGINT) /* the kernel's word for Ctrl-Alt-Del */
        power(POWER_REBOOT, "SIGINT");
    else if (number == SIGTERM || number == SIGPWR || number == SIGRTMIN + 4)
        power(POWER_OFF, "");
    else if (number == SIGRTMIN + 3) /* these three numbers are systemd's, which container managers send */
        power(POWER_HALT, "");
    else if (number == SIGRTMIN + 5)
        power(POWER_REBOOT, "");
}

static void on_signal(void)
{
    struct signalfd_siginfo infos[8];
    ssize_t length = read(signals, infos, sizeof(infos));

    for (ssize_t index = 0; index < length / (ssize_t)sizeof(infos[0]); index++)
        act((int)infos[index].ssi_signo);
}

static void on_timer(void)
{
    uint64_t ticks;

    if (read(timer, &ticks, sizeof(ticks)) == sizeof(ticks))
        spawner_start();
}

static bool watch(int fd, uint32_t tag)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = tag};

    return fd >= 0 && epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* Every signal is blocked, so none can end PID 1; those it acts on are read from a descriptor. What the starter of a
 * container ignored ends here, by the kernel's call, for libc hides two that posix_spawn leaves ignored. */
static void open_loop(void)
{
    static const unsigned long standard[4]; /* the kernel's struct sigaction: SIG_DFL, no flags, an empty mask */
    sigset_t acted;

    for (int number = 1; number < NSIG; number++)
        syscall(SYS_rt_sigaction, number, standard, NULL, (NSIG - 1) / 8);
    sigfillset(&acted);
    sigprocmask(SIG_BLOCK, &acted, NULL);
    poller = epoll_create1(EPOLL_CLOEXEC);
    signals = signalfd(-1, &acted, SFD_CLOEXEC | SFD_NONBLOCK);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (poller < 0 || !watch(signals, TAG_SIGNAL) || !watch(timer, TAG_TIMER))
        say("loop: cannot be made: %s", strerror(errno));
    if (!watch(control_open(poller), TAG_LISTENER))
        say("control: %s cannot be made: %s", ICHOR_SOCKET, strerror(errno));
}

static void dispatch(uint32_t tag)
{
    if (tag == TAG_SIGNAL)
        on_signal();
    else if (tag == TAG_TIMER)
        on_timer();
    else if (tag == TAG_LISTENER)
        control_accept();
    else
        control_serve(tag);
}

int main(void)
{
    static const char refusal[] = "ichor: init is for PID 1 alone\n";
    bool machine = access("/key.pub", F_OK) == 0;

    if (getpid() != 1)
        return write(STDERR_FILENO, refusal, sizeof(refusal) - 1) < 0 ? 2 : 1;
    if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0) /* a bad block under the root must never reach PID 1 */
        say("memory cannot be locked: %s", strerror(errno));
    if (machine)
        boot_image();
    power_open(machine);
    open_loop();
    spawner_open(machine, timer);
    spawner_start();
    for (;;) {
        struct epoll_event events[16];
        int count = epoll_wait(poller, events, LENGTH(events), are_dead ? 0 : -1);
        for (int event = 0; event < count; event++)
            dispatch(events[event].data.u32);
        if (are_dead) /* after who asks was answered: a storm of exits takes turns with them */
            are_dead = reap_some(spawner_died) == REAPED_SOME;
    }
}
