/* dm-verity through the device-mapper's control node. */
#ifndef ICHOR_VERITY_H
#define ICHOR_VERITY_H

#include <sys/types.h>

#include "image.h"

/* Map `device` by its hash tree; the new device's number, or 0 with errno and the failed step in *step. */
dev_t verity_map(dev_t device, const struct image *image, const char **step);

#endif
