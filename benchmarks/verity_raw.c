/* The floor: the best kernel alone, on blocks that lie in the first cache, by as many threads as asked for and for
 * as many bytes. */
#include "native_sha256.h"

#include <pthread.h>
#include <stdlib.h>

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
    pthread_t threads[256];
    int running = count == 3 ? atoi(arguments[1]) : 0;

    if (running < 1 || running > 256)
        return 2;
    pieces = strtoull(arguments[2], NULL, 10) / sizeof(char[HOT * SHA256_BLOCK]) / running;
    sha256_best(); /* measured once, not by each */
    for (int i = 0; i < running; i++)
        if (pthread_create(&threads[i], NULL, work, NULL))
            return 1;
    for (int i = 0; i < running; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
