/* SPDX-License-Identifier: Apache-2.0 */
/* Messages for people: to stderr as "postern: ...", and to the file of --log for engines. What is done step by step is for either, in
 * the file's format. Whatever text of others is in them is shown as text_show (postern/text.h) does. */
#ifndef RUNTIME_BASE_LOG_H
#define RUNTIME_BASE_LOG_H

#include <stdbool.h>

enum log_level {
    LOG_LEVEL_DEBUG, /* only with --debug: steps, and to the file if there is one */
    LOG_LEVEL_WARNING,
    LOG_LEVEL_ERROR,
};

/* The file, not closed, that gets every message too, or -1; json: its format, which is also that of steps on stderr. */
void log_to(int file, bool json, bool debug);

void log_message(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
