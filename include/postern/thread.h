/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that are made after a program has confined itself. */
#ifndef POSTERN_THREAD_H
#define POSTERN_THREAD_H

#include <stddef.h>

/* Before the program confines itself: what the C library does but once, and what it shall not do (memory of its own for each thread).
 * 0 or -errno. */
int threads_prepare(void);

/* Starts a detached thread. 0 or -errno. */
int thread_start(void *(*run)(void *data), void *data, size_t stack_size);

#endif
