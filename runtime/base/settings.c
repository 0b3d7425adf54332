/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/settings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "postern/cleanup.h"
#include "postern/error.h"

static char *trim(char *text)
{
    text += strspn(text, " \t");
    size_t length = strlen(text);
    while (length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL)
        length--;
    text[length] = '\0';
    return text;
}

/* Returns the value if the line is `key = value`, else NULL. Changes the line. */
static char *line_value(char *line, const char *key)
{
    line[strcspn(line, "#")] = '\0';
    char *equals = strchr(line, '=');
    if (equals == NULL)
        return NULL;

    *equals = '\0';
    return strcmp(trim(line), key) == 0 ? trim(equals + 1) : NULL;
}

int settings_find(const char *path, const char *key, char *ret_value, size_t size, struct error *error)
{
    int found = 0;
    auto_fclose FILE *file = fopen(path, "re");
    if (file == NULL)
        return errno == ENOENT ? 0 : error_set(error, errno, "cannot open %s", path);

    char line[512];
    for (int number = 1; fgets(line, sizeof(line), file) != NULL; number++) {
        const char *value = line_value(line, key);
        if (value == NULL)
            continue;
        (void)snprintf(ret_value, size, "%s", value);
        found = number;
    }
    return feof(file) ? found : error_set(error, EIO, "cannot read %s", path);
}
