/* SPDX-License-Identifier: Apache-2.0 */
#include "postern/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int error_set(struct error *error, int code, const char *format, ...)
{
    int positive = code == 0 ? EINVAL : abs(code);
    if (error == NULL || error->code != 0)
        return -positive;

    error->code = positive;
    va_list arguments;
    va_start(arguments, format);
    int used = vsnprintf(error->text, sizeof(error->text), format, arguments);
    va_end(arguments);
    if (code != 0 && used >= 0 && (size_t)used < sizeof(error->text))
        (void)snprintf(error->text + used, sizeof(error->text) - (size_t)used, ": %s", strerror(positive));
    return -positive;
}

int error_refuse(struct error *error, const char *format, ...)
{
    if (error == NULL || error->code != 0)
        return -EINVAL;

    error->code = EINVAL;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(error->text, sizeof(error->text), format, arguments);
    va_end(arguments);
    return -EINVAL;
}

void error_prefix(struct error *error, const char *format, ...)
{
    if (error == NULL || error->code == 0)
        return;

    char tail[ERROR_TEXT_MAX];
    memcpy(tail, error->text, sizeof(tail));
    va_list arguments;
    va_start(arguments, format);
    int used = vsnprintf(error->text, sizeof(error->text), format, arguments);
    va_end(arguments);
    if (used >= 0 && (size_t)used < sizeof(error->text))
        (void)snprintf(error->text + used, sizeof(error->text) - (size_t)used, ": %.*s",
                       (int)(sizeof(error->text) - (size_t)used), tail);
}
