/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a synthetic file by the means its entry names. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "postern/boot.h"
#include "postern/cleanup.h"
#include "postern/confine.h"
#include "sentry/fs/fuse.h"
#include "sentry/fs/synth_private.h"
#include "sentry/kernel/process.h"
#include "sentry/sentry.h"

CONFINE_ALLOW_IF(openat, 0, UINT32_MAX, SENTRY_FD_PROC_OUTER, "O_PATH of our own memory files");

static int open_snapshot(struct vfs *vfs, struct dentry *dentry, const struct synth_source *source, int *ret_fd)
{
    auto_text struct text text = {0};
    struct synth_source now = *source;
    now.reader = source->who != NULL && source->who->task != NULL ? source->who->task->tid : 0;
    int result = synth_generate(&now, &text);
    if (result < 0)
        return result;
    return vfs_synthetic_file(vfs, dentry, text.data != NULL ? text.data : "", text.length, ret_fd);
}

static int generate_live(const void *data, pid_t reader, struct text *text)
{
    struct synth_source source;
    memcpy(&source, data, sizeof(source));
    source.reader = reader;
    return synth_generate(&source, text);
}

static bool keeps_live(const void *data, pid_t reader)
{
    struct synth_source source;
    memcpy(&source, data, sizeof(source));
    source.reader = reader;
    return source.entry->keeps(&source);
}

static int store_live(const void *data, const char *content, size_t size)
{
    const struct synth_source *source = data;
    return source->entry->store(source, content, size);
}

/* A node of the FUSE mount for one opening, without what it does. */
static void describe_node(const struct dentry *dentry, int access, struct fuse_node_spec *spec)
{
    const struct statx *attributes = &dentry->inode->attributes;
    *spec = (struct fuse_node_spec){
        .access = access,
        .mode = attributes->stx_mode & 07777,
        .uid = attributes->stx_uid,
        .gid = attributes->stx_gid,
        .ino = attributes->stx_ino,
        .path = "/",
    };
    if (dentry_relative_path(dentry, spec->path + 1, sizeof(spec->path) - 1) < 0)
        spec->path[0] = '\0';
}

static int open_node(const struct synth_source *source, const struct fuse_node_spec *spec, int *ret_fd)
{
    return fuse_open_node(source->sentry->fuse, source->sentry, spec, source->who->cred->ruid, ret_fd);
}

static int open_live(struct dentry *dentry, const struct synth_source *source, int access, int *ret_fd)
{
    _Static_assert(sizeof(struct synth_source) <= FUSE_SOURCE_MAX, "a source must fit into a FUSE node");
    struct fuse_node_spec spec;
    describe_node(dentry, access, &spec);
    spec.generate = generate_live;
    spec.keeps = source->entry->keeps != NULL ? keeps_live : NULL;
    spec.store = source->entry->store != NULL ? store_live : NULL;
    struct synth_source copy = *source;
    const struct synth_filesystem *filesystem = synth_object_of(dentry)->mount->filesystem;
    if (filesystem->prepare != NULL)
        filesystem->prepare(&copy);
    copy.who = NULL; /* it is the main thread's, and only for this call */
    memcpy(spec.source, &copy, sizeof(copy));
    return open_node(source, &spec, ret_fd);
}

static int refuse_write(const void *data, const char *content, size_t size)
{
    (void)content;
    (void)size;
    int error;
    memcpy(&error, data, sizeof(error));
    return error;
}

/* Writing needs a writer, whatever capabilities say: with CAP_DAC_OVERRIDE the mode alone would not stop it. */
static int open_unwritable(struct dentry *dentry, const struct synth_source *source, int access, int *ret_fd)
{
    const struct synth_filesystem *filesystem = synth_object_of(dentry)->mount->filesystem;
    int error = filesystem->write_error != NULL ? filesystem->write_error(source) : 0;
    if (error == 0 || access != O_WRONLY || source->sentry->fuse == NULL)
        return -EACCES;
    struct fuse_node_spec spec;
    describe_node(dentry, access, &spec);
    spec.store = refuse_write;
    spec.stores_anywhere = true;
    memcpy(spec.source, &error, sizeof(error));
    return open_node(source, &spec, ret_fd);
}

static bool has_writer(const struct synth_entry *entry)
{
    return entry->means == SYNTH_REAL ? (entry->mode & 0222) != 0 : entry->store != NULL;
}

/* Without FUSE there is nobody to take what is written. */
static int open_file(struct vfs *vfs, struct dentry *dentry, const struct synth_source *source, int flags, int *ret_fd)
{
    const struct synth_filesystem *filesystem = synth_object_of(dentry)->mount->filesystem;
    int access = flags & O_ACCMODE;
    if (access == O_ACCMODE)
        return -EINVAL;
    if (source->entry->means == SYNTH_REAL)
        return filesystem->open_real(source, access | O_CLOEXEC | O_NOFOLLOW, ret_fd);
    if (source->entry->means == SYNTH_LIVE && source->sentry->fuse != NULL)
        return open_live(dentry, source, access, ret_fd);
    return access == O_RDONLY ? open_snapshot(vfs, dentry, source, ret_fd) : -EACCES;
}

int synth_open_path(struct vfs *vfs, struct dentry *dentry, int proc_outer, int *ret_fd)
{
    auto_close int file = -1;
    int result = vfs_synthetic_file(vfs, dentry, "", 0, &file);
    if (result < 0)
        return result;
    char path[32];
    snprintf(path, sizeof(path), "self/fd/%d", file);
    int fd = openat(proc_outer, path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    *ret_fd = fd;
    return 0;
}

int synth_open(struct vfs *vfs, struct dentry *dentry, const struct open_request *request, int *ret_fd)
{
    const struct synth_source source = synth_source_of(dentry, request->who);
    if (source.entry->means == SYNTH_DIRECTORY)
        return vfs_synthetic_directory(vfs, dentry, request->who->cred->ruid, ret_fd);
    if ((request->flags & O_PATH) != 0)
        return synth_open_path(vfs, dentry, source.sentry->proc_outer, ret_fd);
    if (synth_type_of(source.entry) == S_IFLNK)
        return -ELOOP;
    int result = synth_check_access(synth_object_of(dentry), &source);
    int access = request->flags & O_ACCMODE;
    if (result == 0 && access != O_RDONLY && !has_writer(source.entry))
        return open_unwritable(dentry, &source, access, ret_fd);
    return result < 0 ? result : open_file(vfs, dentry, &source, request->flags, ret_fd);
}
