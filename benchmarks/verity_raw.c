/* The floor: the best kernel alone, on blocks that lie in the first cache, by as many threads as asked for. Prints the
 * seconds for the bytes asked for. */
#include "native_sha256.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { HOT = 4 };

static size_t pieces; /* for each thread */

static void *work(void *unused)
{
    static const uint8_t bytes[HOT * SHA256_BLOCK] = {1};
    uint8_t digests[HOT * SHA256_DIGEST];
    struct sha256_salt salt;

    sha256_begin(&salt, bytes, SHA256_DIGEST);
    for (size_t i = 0; i < pieces; i++)
        sha256_blocks(sha256_best(), &salt, bytes, HOT, digests);
    return unused;
}

int main(int count, char **arguments)
{
    struct timespec start, end;
    pthread_t threads[256];
    int running = count == 3 ? atoi(arguments[1]) : 0;

    if (running < 1 || running > 256)
        return 2;
    pieces = strtoull(arguments[2], NULL, 10) / sizeof(char[HOT * SHA256_BLOCK]) / running;
    sha256_best();
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int i = 0; i < running; i++)
        if (pthread_create(&threads[i], NULL, work, NULL))
            return 1;
    for (int i = 0; i < running; i++)
        pthread_join(threads[i], NULL);
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%f\n", (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9);
    return 0;
}
