/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/mountinfo.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postern/cleanup.h"
#include "runtime/rootfs.h"

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

bool mountinfo_has_below(const char *folder)
{
    auto_fclose FILE *file = fopen("/proc/self/mountinfo", "re");
    auto_free char *text = NULL;
    size_t room = 0;
    bool found = file == NULL;
    for (ssize_t length; !found && (length = getline(&text, &room, file)) > 0;) {
        struct mountinfo line;
        text[length - 1] = '\0';
        found = mountinfo_parse(text, &line) && strcmp(line.destination, folder) != 0 &&
                rootfs_is_below(line.destination, folder);
    }
    return found || !feof(file); /* what cannot be read may be one */
}
