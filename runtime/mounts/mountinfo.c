/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/mounts/mountinfo.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postern/cleanup.h"
#include "runtime/mounts/rootfs.h"

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

static void read_tag(const char *tag, struct mountinfo *line)
{
    static const char shared[] = "shared:", master[] = "master:";
    if (strncmp(tag, shared, sizeof(shared) - 1) == 0)
        line->shared = (unsigned int)strtoul(tag + sizeof(shared) - 1, NULL, 10);
    else if (strncmp(tag, master, sizeof(master) - 1) == 0)
        line->master = (unsigned int)strtoul(tag + sizeof(master) - 1, NULL, 10);
    else if (strcmp(tag, "unbindable") == 0)
        line->unbindable = true;
}

bool mountinfo_parse(char *text, struct mountinfo *ret_line)
{
    struct mountinfo line = {0};
    char *rest = text, *fields[6];
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        fields[i] = strsep(&rest, " ");
        if (rest == NULL)
            return false;
    }
    for (char *tag; (tag = strsep(&rest, " ")) != NULL && strcmp(tag, "-") != 0;)
        read_tag(tag, &line);
    line.type = strsep(&rest, " ");
    (void)strsep(&rest, " ");
    if (line.type == NULL || rest == NULL)
        return false;
    line.id = strtoull(fields[0], NULL, 10);
    line.parent = strtoull(fields[1], NULL, 10);
    line.device = fields[2];
    line.root = fields[3];
    line.destination = fields[4];
    line.options = fields[5];
    line.super_options = rest;
    unescape(line.root);
    unescape(line.destination);
    *ret_line = line;
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
