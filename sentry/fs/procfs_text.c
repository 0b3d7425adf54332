/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/fs/procfs_text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/confine.h"

CONFINE_ALLOW(read, "files of procfs");

void text_release(struct text *text)
{
    free(text->data);
    *text = (struct text){0};
}

/* Makes room for `more` bytes and a NUL. */
static bool text_reserve(struct text *text, size_t more)
{
    if (text->error != 0)
        return false;
    if (more > TEXT_MAX - text->length) {
        text->error = -EFBIG;
        return false;
    }
    size_t wanted = text->length + more + 1;
    if (wanted <= text->capacity)
        return true;
    size_t capacity = text->capacity < 256 ? 256 : text->capacity;
    while (capacity < wanted)
        capacity *= 2;
    char *data = realloc(text->data, capacity);
    if (data == NULL) {
        text->error = -ENOMEM;
        return false;
    }
    text->data = data;
    text->capacity = capacity;
    return true;
}

void text_append(struct text *text, const void *data, size_t size)
{
    if (!text_reserve(text, size))
        return;
    if (size > 0)
        memcpy(text->data + text->length, data, size);
    text->length += size;
    text->data[text->length] = '\0';
}

void text_string(struct text *text, const char *string)
{
    text_append(text, string, strlen(string));
}

void text_printf(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0 || !text_reserve(text, (size_t)length)) {
        if (text->error == 0)
            text->error = -EINVAL;
        return;
    }
    va_start(arguments, format);
    (void)vsnprintf(text->data + text->length, (size_t)length + 1, format, arguments);
    va_end(arguments);
    text->length += (size_t)length;
}

void text_escaped(struct text *text, const char *string)
{
    for (; *string != '\0'; string++) {
        if (strchr(" \t\n\\#", *string) != NULL)
            text_printf(text, "\\%03o", (unsigned char)*string);
        else
            text_append(text, string, 1);
    }
}

void text_read_fd(struct text *text, int fd, size_t limit)
{
    size_t taken = 0;
    while (text->error == 0 && taken < limit) {
        size_t chunk = limit - taken < 4096 ? limit - taken : 4096;
        if (!text_reserve(text, chunk))
            return;
        ssize_t count = read(fd, text->data + text->length, chunk);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            text->error = -errno;
        if (count <= 0)
            break;
        text->length += (size_t)count;
        taken += (size_t)count;
    }
    if (text->data != NULL)
        text->data[text->length] = '\0';
}

int text_read_file(struct text *text, int directory, const char *path, size_t limit)
{
    if (text->error != 0)
        return text->error;
    auto_close int fd = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        text->error = -errno;
    else
        text_read_fd(text, fd, limit);
    return text->error;
}

char *text_line(char **cursor)
{
    char *line = *cursor;
    if (line == NULL || *line == '\0')
        return NULL;
    char *end = strchr(line, '\n');
    if (end == NULL) {
        *cursor = NULL;
    } else {
        *end = '\0';
        *cursor = end + 1;
    }
    return line;
}

bool text_number(const char *string, long long low, long long high, long long *ret_number)
{
    bool sign = *string == '-';
    if (string[sign] < '0' || string[sign] > '9')
        return false;
    char *end;
    errno = 0;
    long long number = strtoll(string, &end, 10);
    if (errno != 0 || *end != '\0' || number < low || number > high)
        return false;
    *ret_number = number;
    return true;
}

bool text_read_number(int directory, const char *path, long long *ret_number)
{
    enum { NUMBER_MAX = 32 };
    auto_text struct text text = {0};
    if (text_read_file(&text, directory, path, NUMBER_MAX) < 0)
        return false;
    text_append(&text, "", 1);
    if (text.error < 0)
        return false;
    text.data[strcspn(text.data, "\n")] = '\0';
    return text_number(text.data, 0, LLONG_MAX, ret_number);
}
