/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "postern/text.h"

enum { LINE_MAX_BYTES = 4096 };

static int log_fd = -1;
static bool log_json, log_debug;

static const char *const level_names[] = {"debug", "warning", "error"};

void log_to(int file, bool json, bool debug)
{
    log_fd = file;
    log_json = json;
    log_debug = debug;
}

/* The inside of a quoted string, in JSON as in the text format, of text that is shown already but for its newlines and tabs: those are
 * escaped so that who reads the log gets them back. */
static void quote(const char *text, char *quoted, size_t room)
{
    size_t used = 0;
    for (; *text != '\0' && used + 3 < room; text++) {
        const char byte = *text == '\n' ? 'n' : *text == '\t' ? 't' : *text;
        if (byte != *text || byte == '"' || byte == '\\')
            quoted[used++] = '\\';
        quoted[used++] = byte;
    }
    quoted[used] = '\0';
}

static void write_line(int fd, const char *end, enum log_level level, const char *message)
{
    char stamp[32], shown[LINE_MAX_BYTES], text[LINE_MAX_BYTES];
    struct tm now;
    time_t seconds = time(NULL);
    (void)strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &now));
    (void)text_show(shown, sizeof(shown), message, "\n\t");
    quote(shown, text, sizeof(text));
    if (log_json)
        (void)dprintf(fd, "{\"level\":\"%s\",\"msg\":\"%s\",\"time\":\"%s\"}%s", level_names[level], text, stamp, end);
    else
        (void)dprintf(fd, "time=\"%s\" level=%s msg=\"%s\"%s", stamp, level_names[level], text, end);
}

/* A terminal in raw mode (console.h) needs the carriage return said. */
static const char *line_end(void)
{
    struct termios settings;
    return tcgetattr(STDERR_FILENO, &settings) == 0 && (settings.c_oflag & OPOST) == 0 ? "\r\n" : "\n";
}

void log_message(enum log_level level, const char *format, ...)
{
    if (level == LOG_LEVEL_DEBUG && !log_debug)
        return;

    char message[LINE_MAX_BYTES / 2], shown[LINE_MAX_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);

    if (log_fd >= 0)
        write_line(log_fd, "\n", level, message);
    if (level == LOG_LEVEL_DEBUG && log_fd < 0)
        write_line(STDERR_FILENO, line_end(), level, message);
    if (level == LOG_LEVEL_DEBUG)
        return;
    (void)text_show(shown, sizeof(shown), message, "");
    (void)dprintf(STDERR_FILENO, "postern: %s%s%s", level == LOG_LEVEL_WARNING ? "warning: " : "", shown, line_end());
}
