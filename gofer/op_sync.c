/* SPDX-License-Identifier: Apache-2.0 */
/* sync(2) for the container: every file system it sees, and no other of the host. */
#include <errno.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "gofer/object.h"
#include "gofer/resolve.h"
#include "gofer/server.h"
#include "postern/boot.h"
#include "postern/cleanup.h"
#include "postern/confine.h"

CONFINE_ALLOW_IF(pread64, 0, UINT32_MAX, GOFER_FD_MOUNTS, "mountinfo, for sync");
CONFINE_ALLOW(syncfs, "sync");

enum { MOUNTINFO_MAX = 256 * 1024, DEVICES_MAX = 256 };

/* "\040" and the like back to bytes, in place. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; to++) {
        if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' && from[2] <= '7' && from[3] >= '0' &&
            from[3] <= '7') {
            *to = (char)(((from[1] - '0') << 6) | ((from[2] - '0') << 3) | (from[3] - '0'));
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
}

static void sync_mount(const struct server *server, const char *path)
{
    auto_place struct place place = PLACE_NONE;
    struct statx attributes;
    size_t components;
    if (!gofer_path_ok(path, strlen(path) + 1, &components) || place_find(server, path, &place) < 0 ||
        attributes_of(place.fd, &attributes) < 0 || (!S_ISDIR(attributes.stx_mode) && !S_ISREG(attributes.stx_mode)))
        return;
    auto_close int fd = open_object(place.fd, &attributes, O_RDONLY);
    if (fd >= 0)
        (void)syncfs(fd);
}

/* "36 35 98:0 /mnt1 /mnt2 rw,noatime ...": each device once, at the first of its mounts. */
static void sync_line(const struct server *server, char *line, dev_t *seen, size_t *seen_count)
{
    unsigned int device_major, device_minor;
    int path_start = 0, path_end = 0;
    if (sscanf(line, "%*u %*u %u:%u %*s %n%*s%n", &device_major, &device_minor, &path_start, &path_end) < 2 ||
        path_end <= path_start || line[path_start] != '/')
        return;
    dev_t device = makedev(device_major, device_minor);
    for (size_t i = 0; i < *seen_count; i++) {
        if (seen[i] == device)
            return;
    }
    if (*seen_count < DEVICES_MAX)
        seen[(*seen_count)++] = device;
    line[path_end] = '\0';
    unescape(line + path_start);
    sync_mount(server, line + path_start + 1);
}

int op_sync(struct exchange *exchange)
{
    auto_free char *text = malloc(MOUNTINFO_MAX);
    dev_t seen[DEVICES_MAX];
    size_t used = 0;
    if (text == NULL)
        return -ENOMEM;
    for (ssize_t got; used < MOUNTINFO_MAX - 1; used += (size_t)got) {
        got = pread(exchange->server->mounts, text + used, MOUNTINFO_MAX - 1 - used, (off_t)used);
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
    }
    text[used] = '\0';

    size_t seen_count = 0;
    for (char *line = text, *end; *line != '\0'; line = end + 1) {
        end = strchrnul(line, '\n');
        bool last = *end == '\0';
        *end = '\0';
        sync_line(exchange->server, line, seen, &seen_count);
        if (last)
            break;
    }
    return 0;
}
