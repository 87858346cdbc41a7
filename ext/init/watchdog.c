/* The hardware's watchdog, petted once for each beat that arrives: no beat, no pet, and the machine resets itself. Its
 * driver may be loaded long after init started, so an absent device is looked for again at each beat. */
#include <fcntl.h>
#include <linux/watchdog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "init.h"

#define TIMEOUT_S 30

static int device = -1;

static void arm(void)
{
    int timeout = TIMEOUT_S;

    device = open("/dev/watchdog", O_WRONLY | O_CLOEXEC);
    if (device < 0)
        return;
    if (ioctl(device, WDIOC_SETTIMEOUT, &timeout) < 0)
        say("watchdog: %d s refused, its own timeout stays", TIMEOUT_S);
    else
        say("watchdog: armed, %d s", timeout);
}

void watchdog_pet(void)
{
    if (device < 0)
        arm();
    if (device >= 0 && write(device, "\0", 1) < 0)
        say("watchdog: write failed");
}

bool watchdog_armed(void)
{
    return device >= 0;
}

void watchdog_disarm(void)
{
    if (device >= 0 && write(device, "V", 1) == 1) /* the magic close of watchdog-api.rst */
        close(device);
    device = -1;
}
