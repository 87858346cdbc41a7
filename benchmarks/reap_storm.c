/* A storm of exits for whoever reaps here: at a first byte on standard input it leaves as many children to PID 1 as its
 * argument says (10000) and answers "ready", at a second one they end, each as its number says: those that end in 9 by
 * SIGKILL, the others with the number's rest by 200. Then again, until standard input ends. With a second argument it is
 * one such child that somebody else waits for, ends with standard input, and as that argument says. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void child(int gate, int number)
{
    char byte;

    if (read(gate, &byte, 1) != 0)
        _exit(255);
    if (number % 10 == 9)
        kill(getpid(), SIGKILL);
    _exit(number % 200);
}

/* Forks them all and ends, by which they become orphans. */
static _Noreturn void mother(int count, const int gate[2])
{
    for (int number = 0; number < count; number++) {
        pid_t pid = fork();
        if (pid == 0) {
            close(gate[1]);
            child(gate[0], getpid());
        }
        if (pid < 0) {
            perror("storm: fork");
            _exit(1);
        }
    }
    _exit(0);
}

static int prepare(int count, int gate[2])
{
    int status;

    if (pipe(gate) < 0)
        return 0;
    pid_t pid = fork();
    if (pid == 0)
        mother(count, gate);
    close(gate[0]);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 10000, gate[2];
    char byte;

    if (argc > 2)
        child(STDIN_FILENO, atoi(argv[2]));
    while (read(STDIN_FILENO, &byte, 1) == 1) {
        if (!prepare(count, gate) || write(STDOUT_FILENO, "ready\n", 6) != 6)
            return 1;
        if (read(STDIN_FILENO, &byte, 1) != 1)
            return 1;
        close(gate[1]);
    }
    return 0;
}
