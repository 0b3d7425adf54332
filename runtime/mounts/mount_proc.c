/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/mounts/mount_proc.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "postern/boot.h"
#include "postern/error.h"
#include "runtime/base/numbers.h"

static const struct {
    const char *number, *name;
    uint32_t hide;
} table[] = {
    {"0", "off", BOOT_HIDE_NOTHING},
    {"1", "noaccess", BOOT_HIDE_CONTENT},
    {"2", "invisible", BOOT_HIDE_ALL},
    {"4", "ptraceable", BOOT_HIDE_UNTRACEABLE},
};

static bool parse_hide(const char *word, uint32_t *ret_hide)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (strcmp(word, table[i].number) == 0 || strcmp(word, table[i].name) == 0) {
            *ret_hide = table[i].hide;
            return true;
        }
    }
    return false;
}

/* One the kernel would refuse, or that we do not serve ("subset=pid"), is not left out without a word. */
int mount_proc_parse(const char *data, struct mount_proc *ret_options, struct error *error)
{
    struct mount_proc options = {0};
    char word[64];
    for (const char *rest = data; *rest != '\0'; rest += *rest == ',') {
        const size_t length = strcspn(rest, ",");
        (void)snprintf(word, sizeof(word), "%.*s", (int)length, rest);
        rest += length;
        bool known = length < sizeof(word);
        if (known && strncmp(word, "hidepid=", 8) == 0)
            known = parse_hide(word + 8, &options.hide);
        else if (known && strncmp(word, "gid=", 4) == 0)
            known = number_parse_id(word + 4, "gid", &options.gid, error) == 0;
        else
            known = known && length == 0;
        if (!known)
            return error_refuse(error, "a proc file system has no option \"%s\"", word);
    }
    *ret_options = options;
    return 0;
}

void mount_proc_show(const struct mount_proc *options, char *text, size_t size)
{
    char gid[24] = "", hide[32] = "";
    if (options->gid != 0)
        (void)snprintf(gid, sizeof(gid), ",gid=%u", options->gid);
    for (size_t i = 1; i < sizeof(table) / sizeof(table[0]); i++)
        if (table[i].hide == options->hide)
            (void)snprintf(hide, sizeof(hide), ",hidepid=%s", table[i].name);
    (void)snprintf(text, size, "%s%s", gid, hide);
}
