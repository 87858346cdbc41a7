/* Eight lanes. */
#define LANES 8
#define KERNEL sha256_avx2
#define NAME "avx2"
#define TARGET __attribute__((target("avx2")))
#define USABLE __builtin_cpu_supports("avx2")
#include "native_lanes.h"
