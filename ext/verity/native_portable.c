/* Four lanes in what every processor of this architecture has: SSE2, NEON. */
#define LANES 4
#define KERNEL sha256_portable
#define NAME "portable"
#define TARGET
#define USABLE 1
#include "native_lanes.h"
