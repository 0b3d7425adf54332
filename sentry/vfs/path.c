/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of dentries, and the names synthetic objects carry. */
#include "sentry/vfs/vfs_internal.h"

#include <errno.h>
#include <string.h>

/* Text written from the end of a buffer towards its start. */
struct backward {
    char *start, *at;
};

static int prepend(struct backward *text, const char *string, size_t length)
{
    if ((size_t)(text->at - text->start) < length)
        return -ENAMETOOLONG;
    text->at -= length;
    memcpy(text->at, string, length);
    return 0;
}

static int prepend_name(struct backward *text, const struct dentry *dentry)
{
    int error = prepend(text, dentry->name, strlen(dentry->name));
    return error == 0 ? prepend(text, "/", 1) : error;
}

/* Down from the root of its tree. */
static int prepend_names(struct backward *text, const struct dentry *dentry)
{
    int error = 0;
    for (; error == 0 && dentry->parent != dentry; dentry = dentry->parent)
        error = prepend_name(text, dentry);
    if (error == 0 && dentry->prefix != NULL) {
        error = prepend(text, dentry->prefix, strlen(dentry->prefix));
        if (error == 0)
            error = prepend(text, "/", 1);
    }
    return error;
}

/* Down from `root`, as it is seen: through mounts of the guest's. */
static int prepend_path(struct backward *text, const struct dentry *dentry, const struct dentry *root,
                        bool *ret_reached)
{
    const struct guest_mount *guest = dentry->guest;
    const struct dentry *real = dentry_real(dentry), *top = dentry_real(root);
    const struct dentry *tree = dentry->vfs->root;
    int error = 0;
    while (error == 0 && (guest != root->guest || real != top)) {
        if (real == (guest != NULL ? guest->top : tree)) {
            const struct dentry *covered = guest != NULL ? guest->covered : dentry->vfs->guests.base_covered;
            if (covered == NULL)
                break;
            guest = covered->guest;
            real = dentry_real(covered);
        } else if (real->parent == real) {
            break;
        } else {
            error = prepend_name(text, real);
            real = real->parent;
        }
    }
    *ret_reached = guest == root->guest && real == top;
    return error;
}

/* Moves what was written to the start of the buffer, NUL behind it. */
static ssize_t finish(struct backward *text, char *buffer, size_t size)
{
    size_t length = (size_t)(buffer + size - 1 - text->at);
    memmove(buffer, text->at, length);
    buffer[length] = '\0';
    return (ssize_t)length;
}

ssize_t dentry_path(const struct dentry *dentry, const struct dentry *root, char *buffer, size_t size)
{
    static const char deleted[] = " (deleted)", unreachable[] = "(unreachable)";
    if (size == 0)
        return -ENAMETOOLONG;
    struct backward text = {.start = buffer, .at = buffer + size - 1};
    bool reached;
    int error = dentry_gone(dentry) ? prepend(&text, deleted, sizeof(deleted) - 1) : 0;
    const char *end = text.at;
    if (error == 0)
        error = prepend_path(&text, dentry, root, &reached);
    if (error == 0 && text.at == end)
        error = prepend(&text, "/", 1);
    if (error == 0 && !reached)
        error = prepend(&text, unreachable, sizeof(unreachable) - 1);
    return error < 0 ? error : finish(&text, buffer, size);
}

ssize_t dentry_relative_path(const struct dentry *dentry, char *buffer, size_t size)
{
    if (size == 0)
        return -ENAMETOOLONG;
    struct backward text = {.start = buffer, .at = buffer + size - 1};
    int error = prepend_names(&text, dentry_real(dentry));
    if (error < 0)
        return error;
    if (text.at != buffer + size - 1)
        text.at++; /* the first '/' */
    return finish(&text, buffer, size);
}

static const char *escape(char c)
{
    switch (c) {
    case '/':
        return "!";
    case '!':
        return "%21";
    case '%':
        return "%25";
    default:
        return NULL;
    }
}

int synthetic_name(const struct dentry *dentry, char *buffer, size_t size)
{
    char path[VFS_PATH_MAX];
    ssize_t length = dentry_relative_path(dentry, path, sizeof(path));
    if (length < 0)
        return (int)length;
    size_t used = 0;
    for (const char *c = path; *c != '\0'; c++) {
        const char *instead = escape(*c);
        size_t width = instead != NULL ? strlen(instead) : 1;
        if (used + width >= size)
            return -ENAMETOOLONG;
        memcpy(buffer + used, instead != NULL ? instead : c, width);
        used += width;
    }
    buffer[used] = '\0';
    return 0;
}

int synthetic_path(const char *name, size_t length, char *buffer, size_t size)
{
    if (length + 2 > size)
        return -ENAMETOOLONG;
    size_t used = 0;
    buffer[used++] = '/';
    for (size_t i = 0; i < length; i++) {
        if (name[i] == '!') {
            buffer[used++] = '/';
        } else if (name[i] != '%') {
            buffer[used++] = name[i];
        } else if (length - i >= 3 && name[i + 1] == '2' && (name[i + 2] == '1' || name[i + 2] == '5')) {
            buffer[used++] = name[i + 2] == '1' ? '!' : '%';
            i += 2;
        } else {
            return -EINVAL;
        }
    }
    buffer[used] = '\0';
    return 0;
}
