/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sandbox/home.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci-spec/arena.h"
#include "oci-spec/oci.h"
#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/mounts/rootfs.h"

/* Whoever made the image made this file: it may be a FIFO or a device, and of any size. */
enum { PASSWD_MAX = 256 * 1024, FIELD_UID = 2, FIELD_HOME = 5, FIELDS = 7 };

static bool has_home(const struct oci_strings *env)
{
    for (size_t i = 0; i < env->count; i++)
        if (strncmp(env->items[i], "HOME=", 5) == 0 && env->items[i][5] != '\0')
            return true;
    return false;
}

/* The file's text, NUL-terminated and allocated, or NULL. */
static char *read_passwd(const char *rootfs)
{
    auto_close int root = open(rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
    auto_close int fd = root < 0 ? -1 : rootfs_open(root, "/etc/passwd", O_PATH);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) || status.st_size > PASSWD_MAX)
        return NULL;
    char name[40];
    (void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    auto_close int file = open(name, O_RDONLY | O_CLOEXEC);
    auto_free char *text = calloc(1, PASSWD_MAX + 1);
    if (file < 0 || text == NULL)
        return NULL;
    for (size_t size = 0; size < PASSWD_MAX;) {
        ssize_t got = read(file, text + size, PASSWD_MAX - size);
        if (got < 0)
            return NULL;
        if (got == 0)
            break;
        size += (size_t)got;
    }
    return take_ptr(text);
}

/* The home in a line of passwd(5) if it is this user's, or NULL. The line is cut up. */
static const char *home_of(char *line, uint32_t uid)
{
    char *fields[FIELDS] = {NULL}, *end;
    for (int i = 0; i < FIELDS && line != NULL; i++)
        fields[i] = strsep(&line, ":");
    if (fields[FIELD_HOME] == NULL || fields[FIELD_HOME][0] == '\0' || fields[FIELD_UID][0] == '\0')
        return NULL;
    unsigned long long found = strtoull(fields[FIELD_UID], &end, 10);
    return *end == '\0' && found == uid ? fields[FIELD_HOME] : NULL;
}

static const char *find_home(char *text, uint32_t uid)
{
    const char *home = NULL;
    while (text != NULL && home == NULL)
        home = home_of(strsep(&text, "\n"), uid);
    return home != NULL ? home : "/";
}

int home_add(struct oci_config *config, const char *rootfs, struct error *error)
{
    struct oci_strings *env = &config->process.env;
    if (has_home(env))
        return 0;
    auto_free char *passwd = read_passwd(rootfs);
    const char *home = find_home(passwd, config->process.user.uid);
    size_t size = strlen(home) + sizeof("HOME=");
    char *entry = arena_alloc(config->arena, size);
    if (entry == NULL)
        return error_set(error, ENOMEM, "cannot add HOME to the environment");
    (void)snprintf(entry, size, "HOME=%s", home);
    for (size_t i = 0; i < env->count; i++) {
        if (strncmp(env->items[i], "HOME=", 5) == 0) { /* an empty one */
            env->items[i] = entry;
            return 0;
        }
    }
    return oci_env_add(config, &entry, 1) < 0 ? error_set(error, ENOMEM, "cannot add HOME to the environment") : 0;
}
