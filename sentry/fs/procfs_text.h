/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a synthetic file while it is put together. A failure (memory, size) sticks in `error` and
 * makes every later call a no-op, so that generators test it once, at the end: `return text->error`.
 */
#ifndef SENTRY_FS_PROCFS_TEXT_H
#define SENTRY_FS_PROCFS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

enum { TEXT_MAX = 4 << 20 };

struct text {
    char *data;
    size_t length, capacity;
    int error; /* 0 or -errno */
};

#define auto_text __attribute__((cleanup(text_release)))

void text_release(struct text *text);
void text_append(struct text *text, const void *data, size_t size);
void text_string(struct text *text, const char *string);
void text_printf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* As the kernel writes paths in mounts, mountinfo and maps: blank, tab, newline, backslash and '#' as \ooo. */
void text_escaped(struct text *text, const char *string);

/* Appends what can be read from a descriptor, from its offset on, at most `limit` bytes. */
void text_read_fd(struct text *text, int fd, size_t limit);

/* openat + text_read_fd. Returns 0 or -errno; also kept in text->error. */
int text_read_file(struct text *text, int directory, const char *path, size_t limit);

/* The whole number a file consists of, not negative. */
bool text_read_number(int directory, const char *path, long long *ret_number);

/* Takes the next line (without its newline, NUL-terminated in place) from *cursor. NULL at the end. */
char *text_line(char **cursor);

/* A whole decimal number, nothing around it, within [low, high]. */
bool text_number(const char *string, long long low, long long high, long long *ret_number);

#endif
