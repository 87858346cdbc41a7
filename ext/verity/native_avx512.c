/* Sixteen lanes; a rotation and any function of three words are one instruction each. */
#define LANES 16
#define KERNEL sha256_avx512
#define NAME "avx512"
#define TARGET __attribute__((target("avx512f,avx512bw")))
#define USABLE (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw"))
#include "native_lanes.h"
