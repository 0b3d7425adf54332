/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/signal_name.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "postern/error.h"

/* The C library knows one name for each number. */
static const struct {
    const char *name;
    int number;
} aliases[] = {{"IO", SIGIO}, {"IOT", SIGIOT}, {"CLD", SIGCHLD}};

static int signal_by_name(const char *name)
{
    for (int number = 1; number < NSIG; number++) {
        const char *known = sigabbrev_np(number);
        if (known != NULL && strcasecmp(known, name) == 0)
            return number;
    }
    for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
        if (strcasecmp(aliases[i].name, name) == 0)
            return aliases[i].number;
    return 0;
}

int signal_parse(const char *text, int *ret_signal, struct error *error)
{
    static const char blanks[] = " \t\n\v\f\r";
    char *end = NULL;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (errno == 0 && end != text && *end == '\0' && number >= INT_MIN && number <= INT_MAX &&
        strchr(blanks, text[0]) == NULL) {
        *ret_signal = (int)number;
        return 0;
    }
    int signal = signal_by_name(strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text);
    if (signal == 0)
        return error_refuse(error, "unknown signal \"%.40s\"", text);
    *ret_signal = signal;
    return 0;
}
