/* Stands where launch stands, in an image of its own: does what `stub=` on the kernel's command line says. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "protocol.h"

static int ask(uint32_t op, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = ICHOR_SOCKET};
    struct ichor_request request = {.op = op};
    struct ichor_reply reply = {.error = -1};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    strcpy(request.name, name);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && send(fd, &request, sizeof(request), 0) > 0)
        if (recv(fd, &reply, sizeof(reply), 0) < 0)
            reply.error = errno;
    close(fd);
    return reply.error;
}

static void read_data(void)
{
    char bytes[4096];
    int fd = open("/data", O_RDONLY);

    printf("stub: read: %s\n", fd < 0 || read(fd, bytes, sizeof(bytes)) < 0 ? strerror(errno) : "whole");
    close(fd);
    printf("stub: beat: %d\n", ask(ICHOR_BEAT, ""));
}

int main(void)
{
    char line[1024] = "";
    int fd = open("/proc/cmdline", O_RDONLY);

    if (read(fd, line, sizeof(line) - 1) < 0)
        return 1;
    setvbuf(stdout, NULL, _IONBF, 0);
    printf("stub: runs\n");
    if (strstr(line, "stub=read"))
        read_data();
    if (strstr(line, "stub=poweroff"))
        ask(ICHOR_POWEROFF, "the test says so");
    if (strstr(line, "stub=reboot"))
        ask(ICHOR_REBOOT, "the test says so");
    if (strstr(line, "stub=die"))
        return 1;
    for (int beats = 0; beats < 3; beats++, sleep(1))
        printf("stub: beat: %d\n", ask(ICHOR_BEAT, ""));
    printf("stub: silent\n");
    for (;;)
        pause();
}
