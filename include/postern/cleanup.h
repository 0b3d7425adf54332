/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cleanup attributes: a variable that owns something gives it back when it leaves scope.
 * Use them instead of ladders of goto; hand ownership on with take_fd() and take_ptr().
 */
#ifndef POSTERN_CLEANUP_H
#define POSTERN_CLEANUP_H

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_close(const int *fd)
{
    if (*fd >= 0) {
        int saved = errno;
        (void)close(*fd);
        errno = saved;
    }
}

static inline void cleanup_free(void *pointer)
{
    free(*(void **)pointer);
}

static inline void cleanup_fclose(FILE **file)
{
    if (*file != NULL)
        (void)fclose(*file);
}

static inline void cleanup_closedir(DIR **dir)
{
    if (*dir != NULL)
        (void)closedir(*dir);
}

#define auto_close __attribute__((cleanup(cleanup_close)))
#define auto_free __attribute__((cleanup(cleanup_free)))
#define auto_fclose __attribute__((cleanup(cleanup_fclose)))
#define auto_closedir __attribute__((cleanup(cleanup_closedir)))

/* Gives a descriptor away: returns it and leaves -1 behind. */
static inline int take_fd(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

/* Gives a pointer away: returns it and leaves NULL behind. */
#define take_ptr(pointer)                   \
    __extension__({                         \
        __typeof__(pointer) *p_ = &(pointer); \
        __typeof__(pointer) taken_ = *p_;   \
        *p_ = NULL;                         \
        taken_;                             \
    })

#endif
