/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/mountinfo.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "\040" and the like back to bytes, in place. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; to++) {
        unsigned int byte;
        if (from[0] == '\\' && strspn(from + 1, "01234567") >= 3 && sscanf(from + 1, "%3o", &byte) == 1) {
            *to = (char)byte;
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
}

bool mountinfo_parse(char *text, struct mountinfo *ret_line)
{
    char *rest = text, *fields[6];
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        fields[i] = strsep(&rest, " ");
        if (rest == NULL)
            return false;
    }
    for (char *tag = strsep(&rest, " "); tag != NULL && strcmp(tag, "-") != 0;)
        tag = strsep(&rest, " ");
    char *type = strsep(&rest, " ");
    (void)strsep(&rest, " ");
    if (type == NULL || rest == NULL)
        return false;
    *ret_line = (struct mountinfo){.id = strtoull(fields[0], NULL, 10),
                          .parent = strtoull(fields[1], NULL, 10),
                          .destination = fields[4],
                          .options = fields[5],
                          .type = type,
                          .super_options = rest};
    unescape(ret_line->destination);
    return true;
}
