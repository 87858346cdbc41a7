/* A hand inside a machine under test, whose image holds no shell. The kernel starts it in init's place; it forks, and one
 * of the two becomes init at once. The other listens on a TCP port: one line of words a connection, its answer, the end.
 *   signal NUMBER NAME    to every process of that short name; answers their pids
 *   run PATH WORD...      a program of the image, among its mounts; answers what it prints and its status
 *   link KIND NAME        a network link, as `ip link add NAME type KIND` asks the kernel for it */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PORT 1007
#define PROC "/hand" /* a /proc of its own, because init takes the other one along */
#define WORDS 32

static bool has_name(const char *pid, const char *name)
{
    char path[300], text[64] = "";
    snprintf(path, sizeof(path), PROC "/%s/comm", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

    close(fd);
    text[length > 0 ? length - 1 : 0] = 0;
    return strcmp(text, name) == 0;
}

static void send_signal(int number, const char *name)
{
    DIR *folder = opendir(PROC);
    struct dirent *entry;

    while (folder && (entry = readdir(folder)))
        if (atoi(entry->d_name) > 0 && has_name(entry->d_name, name) && kill(atoi(entry->d_name), number) == 0)
            printf("%s\n", entry->d_name);
}

static void run(char **words)
{
    int status = 0, space = open(PROC "/1/ns/mnt", O_RDONLY | O_CLOEXEC);
    pid_t child = fork();

    if (child == 0) {
        if (setns(space, CLONE_NEWNS) == 0)
            execv(words[0], words);
        perror(words[0]);
        _exit(127);
    }
    waitpid(child, &status, 0);
    printf("status %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
}

static struct rtattr *put(void *end, unsigned short type, const char *text)
{
    struct rtattr *attribute = end;

    attribute->rta_type = type;
    attribute->rta_len = (unsigned short)RTA_LENGTH(strlen(text) + 1);
    strcpy(RTA_DATA(attribute), text);
    return (struct rtattr *)((char *)end + RTA_ALIGN(attribute->rta_len));
}

static void make_link(const char *kind, const char *name)
{
    struct { struct nlmsghdr head; struct ifinfomsg link; char rest[256]; } request = {0};
    struct { struct nlmsghdr head; struct nlmsgerr error; char rest[256]; } answer = {0};
    struct rtattr *info = put(request.rest, IFLA_IFNAME, name);
    char *end = (char *)put(RTA_DATA(info), IFLA_INFO_KIND, kind);
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

    info->rta_type = IFLA_LINKINFO;
    info->rta_len = (unsigned short)(end - (char *)info);
    request.head.nlmsg_type = RTM_NEWLINK;
    request.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK;
    request.head.nlmsg_len = (unsigned)(end - (char *)&request);
    if (send(fd, &request, request.head.nlmsg_len, 0) < 0 || recv(fd, &answer, sizeof(answer), 0) < 0)
        perror("netlink");
    printf("%s\n", strerror(-answer.error.error));
    close(fd);
}

static void answer(int client)
{
    char line[1024] = "", *rest = line, *words[WORDS + 1] = {0};
    size_t count = 0;

    dup2(client, STDOUT_FILENO);
    dup2(client, STDERR_FILENO);
    setvbuf(stdout, NULL, _IONBF, 0);
    ssize_t length = recv(client, line, sizeof(line) - 1, 0);
    line[length > 0 ? length - 1 : 0] = 0;
    while (count < WORDS && (words[count] = strsep(&rest, " ")))
        count++;
    if (count == 3 && strcmp(words[0], "signal") == 0)
        send_signal(atoi(words[1]), words[2]);
    else if (count > 1 && strcmp(words[0], "run") == 0)
        run(words + 1);
    else if (count == 3 && strcmp(words[0], "link") == 0)
        make_link(words[1], words[2]);
    else
        printf("no such word\n");
}

static void serve(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    unshare(CLONE_NEWNS);
    mkdir(PROC, 0700);
    mount("proc", PROC, "proc", 0, NULL);
    signal(SIGCHLD, SIG_IGN);
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(listener, 8) < 0)
        _exit(1);
    for (;;) {
        int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (client >= 0 && fork() == 0) {
            signal(SIGCHLD, SIG_DFL);
            answer(client);
            _exit(0);
        }
        close(client);
    }
}

int main(int count, char **words)
{
    (void)count;
    if (fork() == 0)
        serve();
    execv("/init.image", words);
    return 1;
}
