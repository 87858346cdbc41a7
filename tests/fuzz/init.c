/* PID 1's parsers for tests/fuzz/targets: the real files, and stand-ins for the parts that would start or end a machine. */
#include <setjmp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "init.h"
#include "../../ext/init/image.c"
#include "../../ext/init/cmdline.c"
#include "../../ext/init/process.c"
#include "../../ext/init/fds.c"
#include "../../ext/init/journal.c"
#include "../../ext/init/control.c"

static jmp_buf ended;

void spawner_beat(void) {}
void spawner_status(struct ichor_status *status) { status->spawner_pid = 1; }
_Noreturn void power(enum power action, const char *reason)
{
    (void)action;
    (void)strlen(reason);
    longjmp(ended, 1);
}

/* Where the footer must be, 0 when the superblock is refused; `taken` says whether the footer is taken too. */
uint64_t fuzz_image(const uint8_t superblock[IMAGE_SUPERBLOCK], const uint8_t footer[IMAGE_BLOCK], struct image *image, int *taken)
{
    uint64_t place = 0;

    *taken = 0;
    if (image_locate(superblock, image, &place))
        return 0;
    *taken = !image_footer(footer, image);
    return place;
}

static void send_to(int fd, const uint8_t *data, size_t size, unsigned descriptors)
{
    union { struct cmsghdr head; char space[CMSG_SPACE(3 * sizeof(int))]; } ancillary = {{0}};
    int fds[3] = {fd, fd, fd};
    struct iovec piece = {.iov_base = (void *)data, .iov_len = size};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};

    if (descriptors) {
        message.msg_control = &ancillary;
        message.msg_controllen = CMSG_SPACE(descriptors * sizeof(int));
        ancillary.head = (struct cmsghdr){.cmsg_len = CMSG_LEN(descriptors * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&ancillary.head), fds, descriptors * sizeof(int));
    }
    sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Whether a reply says as many records as it carries, of which it can hold `kinds` sizes; its descriptor is closed. */
static int sound(int fd)
{
    union { struct cmsghdr head; char space[CMSG_SPACE(sizeof(int))]; } ancillary;
    static char data[sizeof(answer)];
    struct iovec piece = {.iov_base = data, .iov_len = sizeof(data)};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = &ancillary, .msg_controllen = sizeof(ancillary)};
    ssize_t length = recvmsg(fd, &message, MSG_DONTWAIT);
    struct ichor_reply head;

    if (length <= 0)
        return 1;
    struct cmsghdr *control = CMSG_FIRSTHDR(&message);
    if (control && control->cmsg_type == SCM_RIGHTS) {
        int kept;
        memcpy(&kept, CMSG_DATA(control), sizeof(kept));
        close(kept);
    }
    if (length < (ssize_t)sizeof(head))
        return 0;
    memcpy(&head, data, sizeof(head));
    size_t body = length - sizeof(head);
    return body == 0 ? head.count == 0
                     : body == head.count * (size_t)ICHOR_NAME || body == head.count * sizeof(struct ichor_exit) ||
                           body == head.count * sizeof(struct ichor_status);
}

/* Messages to the control socket: a byte with the number of descriptors (two bits), a byte with the length, the message.
 * False when a reply does not add up, or when a descriptor has not come back once the table is empty again. */
int fuzz_control(const uint8_t *data, size_t size)
{
    static char names[ICHOR_FDS][ICHOR_NAME];
    int pair[2], good = 1, before = dup(0);

    close(before);
    poller = listener = -1;
    memset(clients, -1, sizeof(clients));
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return 0;
    clients[0] = pair[0];
    volatile size_t at = 0;
    if (!setjmp(ended))
        while (good && at + 2 <= size && clients[0] >= 0) {
            size_t length = data[at + 1] < size - at - 2 ? data[at + 1] : size - at - 2;
            if (!length)
                break;
            send_to(pair[1], data + at + 2, length, data[at] & 3);
            at += 2 + length;
            control_serve(0);
            good = sound(pair[1]);
        }
    if (clients[0] >= 0)
        hang_up(0);
    close(pair[1]);
    for (uint32_t n = fds_names(names); n--;)
        fds_drop(names[n]);
    int after = dup(0);
    close(after);
    return good && before == after;
}
