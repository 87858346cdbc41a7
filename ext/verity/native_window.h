/* A piece of a file to read where the page cache holds it. */
#ifndef ICHOR_NATIVE_WINDOW_H
#define ICHOR_NATIVE_WINDOW_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The bytes, or NULL when they cannot be had this way: then read(2) knows why. One window a thread at a time. */
const uint8_t *window_open(int fd, off_t offset, size_t size);

/* Of the window opened at `offset`: whether the bytes were the file's, all of them; 0 when it is shorter, shrank or could
 * not be read meanwhile. */
int window_close(int fd, off_t offset);

#endif
