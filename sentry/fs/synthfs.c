/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/fs/synth_private.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "postern/cleanup.h"
#include "sentry/kernel/process.h"
#include "sentry/sentry.h"

/* Positions in a listing: behind "." is 1, behind ".." 2, then come the table's entries, then numbered ones. */
enum { POSITION_FIRST = 2, POSITION_NUMBERED = 1 << 20 };

const struct synth_object *synth_object_of(const struct dentry *dentry)
{
    return dentry->inode->private;
}

struct synth_source synth_source_of(const struct dentry *dentry, const struct vfs_who *who)
{
    const struct synth_object *object = synth_object_of(dentry);
    return (struct synth_source){
        .sentry = object->mount->sentry,
        .entry = object->node->entry,
        .subject = object->subject,
        .who = who,
    };
}

mode_t synth_type_of(const struct synth_entry *entry)
{
    static const mode_t types[] = {
        [SYNTH_DIRECTORY] = S_IFDIR, [SYNTH_LINK] = S_IFLNK, [SYNTH_MAGIC] = S_IFLNK,
        [SYNTH_SNAPSHOT] = S_IFREG,  [SYNTH_LIVE] = S_IFREG, [SYNTH_REAL] = S_IFREG,
    };
    return types[entry->means];
}

/* Stable for one object of one filesystem, different for all others (48 bits of a mixing function). */
static uint64_t inode_number(const struct synth_mount *mount, const struct synth_node *node, const struct synth_subject *subject)
{
    if (node == mount->filesystem->tree->root && subject->vpid == 0 && subject->number == 0)
        return 1; /* by which programs tell that /proc is a procfs */
    const uint64_t parts[] = {node->index, (uint64_t)(uint32_t)subject->vpid << 32 | (uint32_t)subject->vtid,
                              (uint64_t)(uint32_t)subject->number};
    uint64_t hash = UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        hash = (hash ^ parts[i]) * UINT64_C(0xff51afd7ed558ccd);
        hash ^= hash >> 32;
    }
    return (hash & ((UINT64_C(1) << 48) - 1)) | 1;
}

/* Those of a folder count the folders in it, as far as the table has them: entries that are numbered do not. */
static uint32_t link_count(const struct synth_node *node)
{
    uint32_t count = 1;
    if (node->entry->means == SYNTH_DIRECTORY) {
        count = 2;
        for (const struct synth_node *child = node->children; child != NULL; child = child->next)
            count += child->entry->means == SYNTH_DIRECTORY;
    }
    return count;
}

static void fill_attributes(const struct synth_object *object, struct statx *attributes)
{
    const struct synth_entry *entry = object->node->entry;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    const struct statx_timestamp stamp = {.tv_sec = now.tv_sec, .tv_nsec = (uint32_t)now.tv_nsec};
    *attributes = (struct statx){
        .stx_mask = STATX_BASIC_STATS,
        .stx_blksize = entry->means == SYNTH_DIRECTORY ? 1024 : 4096,
        .stx_nlink = link_count(object->node),
        .stx_mode = (uint16_t)(synth_type_of(entry) | entry->mode),
        .stx_ino = inode_number(object->mount, object->node, &object->subject),
        .stx_atime = stamp,
        .stx_mtime = stamp,
        .stx_ctime = stamp,
        .stx_dev_minor = object->mount->filesystem->device_minor,
    };
    if (entry->means == SYNTH_LINK && entry->argument != NULL)
        attributes->stx_size = strlen(entry->argument);
}

/* Owner and whatever the entry corrects. -ENOENT: its process is gone. */
static int complete_attributes(const struct synth_object *object, struct statx *attributes)
{
    const struct synth_filesystem *filesystem = object->mount->filesystem;
    const struct synth_entry *entry = object->node->entry;
    const struct synth_source source = {.sentry = object->mount->sentry, .entry = entry, .subject = object->subject};
    if (object->subject.vpid != 0 && filesystem->owner != NULL) {
        uid_t uid;
        gid_t gid;
        if (filesystem->owner(&source, &uid, &gid) < 0)
            return -ENOENT;
        attributes->stx_uid = uid;
        attributes->stx_gid = gid;
    }
    return entry->attributes != NULL ? entry->attributes(&source, attributes) : 0;
}

/* Makes an inode. What belongs to a process is never fresh: the process may end or change its ids. */
static int new_inode(const struct synth_mount *mount, const struct synth_node *node,
                     const struct synth_subject *subject, struct inode **ret_inode)
{
    struct synth_object *object = malloc(sizeof(*object));
    if (object == NULL)
        return -ENOMEM;
    *object = (struct synth_object){.mount = mount, .node = node, .subject = *subject};
    struct statx attributes;
    fill_attributes(object, &attributes);
    int result = complete_attributes(object, &attributes);
    struct inode *inode = result == 0 ? inode_new(&mount->operations, &attributes) : NULL;
    if (inode == NULL) {
        free(object);
        return result < 0 ? result : -ENOMEM;
    }
    inode->private = object;
    inode->fresh_until = subject->vpid != 0 || node->entry->attributes != NULL ? 0 : INT64_MAX;
    *ret_inode = inode;
    return 0;
}

static bool is_present(const struct synth_mount *mount, const struct synth_node *node,
                       const struct synth_subject *subject)
{
    if ((node->entry->flags & SYNTH_OPTIONAL) == 0 || mount->filesystem->present == NULL)
        return true;
    const struct synth_source source = {.sentry = mount->sentry, .entry = node->entry, .subject = *subject};
    return mount->filesystem->present(&source);
}

static int synth_lookup(struct vfs *vfs, struct dentry *directory, const char *name, struct inode **ret_inode)
{
    (void)vfs;
    const struct synth_object *object = synth_object_of(directory);
    const struct synth_node *child = synth_node_child(object->node, name);
    if (child != NULL) {
        if (!is_present(object->mount, child, &object->subject))
            return -ENOENT;
        return new_inode(object->mount, child, &object->subject, ret_inode);
    }
    const struct synth_numbered *numbered = object->node->entry->numbered;
    if (numbered == NULL)
        return -ENOENT;
    const struct synth_source source = synth_source_of(directory, NULL);
    int number = numbered->number != NULL ? numbered->number(&source, name) : synth_name_number(name);
    if (number < 0 || !numbered->exists(&source, number))
        return -ENOENT;
    const struct synth_subject subject = numbered->subject(&object->subject, number);
    return new_inode(object->mount, numbered->tree->root, &subject, ret_inode);
}

static int synth_getattr(struct vfs *vfs, struct dentry *dentry, struct statx *ret_attributes)
{
    (void)vfs;
    struct statx attributes;
    fill_attributes(synth_object_of(dentry), &attributes);
    attributes.stx_atime = dentry->inode->attributes.stx_atime;
    attributes.stx_mtime = dentry->inode->attributes.stx_mtime;
    attributes.stx_ctime = dentry->inode->attributes.stx_ctime;
    int result = complete_attributes(synth_object_of(dentry), &attributes);
    if (result == 0)
        *ret_attributes = attributes;
    return result;
}

/* Truncation means nothing (`echo 1 > file` asks for it); all other attributes are not the guest's to change. */
static int synth_setattr(struct vfs *vfs, struct dentry *dentry, const struct vfs_who *who, const struct setattr *set)
{
    (void)vfs;
    (void)who;
    const struct synth_entry *entry = synth_object_of(dentry)->node->entry;
    return (set->valid & ~(unsigned int)SETATTR_SIZE) == 0 && synth_type_of(entry) == S_IFREG ? 0 : -EPERM;
}

int synth_check_access(const struct synth_object *object, const struct synth_source *source)
{
    if ((source->entry->flags & SYNTH_CHECKED) == 0 || object->mount->filesystem->check == NULL)
        return 0;
    return object->mount->filesystem->check(source);
}

static ssize_t synth_readlink(struct vfs *vfs, struct dentry *dentry, const struct vfs_who *who, char *buffer,
                              size_t size)
{
    (void)vfs;
    const struct synth_source source = synth_source_of(dentry, who);
    int result = synth_check_access(synth_object_of(dentry), &source);
    if (result < 0)
        return result;
    auto_text struct text text = {0};
    result = synth_generate(&source, &text);
    if (result < 0)
        return result;
    if (size == 0)
        return -EINVAL;
    size_t length = text.length < size - 1 ? text.length : size - 1;
    if (length > 0)
        memcpy(buffer, text.data, length);
    buffer[length] = '\0';
    return (ssize_t)length;
}

static int synth_follow(struct vfs *vfs, struct dentry *dentry, const struct vfs_who *who, struct dentry **ret_dentry,
                        int *ret_fd)
{
    (void)vfs;
    const struct synth_source source = synth_source_of(dentry, who);
    if (source.entry->means != SYNTH_MAGIC)
        return -ENOSYS;
    int result = synth_check_access(synth_object_of(dentry), &source);
    if (result < 0)
        return result;
    return source.entry->follow != NULL ? source.entry->follow(&source, ret_dentry, ret_fd) : -EACCES;
}

static unsigned char dirent_type(const struct synth_node *node)
{
    return (unsigned char)(synth_type_of(node->entry) >> 12);
}

/* The following three return 1 when the listener has had enough. */
static int list_dots(struct dentry *directory, int64_t offset, readdir_fn emit, void *data)
{
    const struct inode *parent = directory->parent->inode;
    if (offset < 1 && emit(data, ".", directory->inode->attributes.stx_ino, DT_DIR, 1) != 0)
        return 1;
    return offset < 2 && parent != NULL && emit(data, "..", parent->attributes.stx_ino, DT_DIR, 2) != 0 ? 1 : 0;
}

static int list_table(const struct synth_object *object, int64_t offset, readdir_fn emit, void *data)
{
    int64_t position = POSITION_FIRST;
    for (const struct synth_node *child = object->node->children; child != NULL; child = child->next) {
        position++;
        if (position <= offset || !is_present(object->mount, child, &object->subject))
            continue;
        char name[VFS_NAME_MAX + 1];
        snprintf(name, sizeof(name), "%.*s", (int)child->name_length, child->name);
        if (emit(data, name, inode_number(object->mount, child, &object->subject), dirent_type(child), position) != 0)
            return 1;
    }
    return 0;
}

static int list_numbered(const struct synth_object *object, const struct synth_source *source, int64_t offset,
                         readdir_fn emit, void *data)
{
    const struct synth_numbered *numbered = source->entry->numbered;
    auto_free int *numbers = NULL;
    size_t count = 0;
    int result = numbered->list(source, &numbers, &count);
    if (result < 0)
        return result;
    for (size_t i = 0; i < count; i++) {
        int64_t position = (int64_t)POSITION_NUMBERED + numbers[i] + 1;
        if (position <= offset)
            continue;
        char name[VFS_NAME_MAX + 1];
        if (numbered->name != NULL)
            numbered->name(source, numbers[i], name, sizeof(name));
        else
            snprintf(name, sizeof(name), "%d", numbers[i]);
        const struct synth_subject subject = numbered->subject(&object->subject, numbers[i]);
        if (emit(data, name, inode_number(object->mount, numbered->tree->root, &subject), dirent_type(numbered->tree->root),
                 position) != 0)
            return 1;
    }
    return 0;
}

static int synth_readdir(struct vfs *vfs, struct dentry *directory, const struct vfs_who *who, int64_t offset,
                         readdir_fn emit, void *data)
{
    (void)vfs;
    const struct synth_object *object = synth_object_of(directory);
    const struct synth_source source = synth_source_of(directory, who);
    int result = synth_check_access(object, &source);
    if (result < 0)
        return result;
    result = list_dots(directory, offset, emit, data);
    if (result == 0)
        result = list_table(object, offset, emit, data);
    if (result == 0 && source.entry->numbered != NULL)
        result = list_numbered(object, &source, offset, emit, data);
    return result < 0 ? result : 0;
}

static int synth_statfs(struct vfs *vfs, struct dentry *dentry, struct statfs *ret_statfs)
{
    (void)vfs;
    const struct synth_filesystem *filesystem = synth_object_of(dentry)->mount->filesystem;
    *ret_statfs = (struct statfs){
        .f_type = filesystem->magic,
        .f_bsize = 4096,
        .f_namelen = VFS_NAME_MAX,
        .f_frsize = 4096,
    };
    return 0;
}

static int synth_hides(const struct dentry *dentry, const struct vfs_who *who, bool looks)
{
    const struct synth_object *object = synth_object_of(dentry);
    if (object->mount->filesystem->hides == NULL || object->subject.vpid == 0 || object->subject.vtid != 0 || object->node->parent != NULL ||
        object->node->entry->means != SYNTH_DIRECTORY)
        return 0;
    const struct synth_source source = synth_source_of(dentry, who);
    return object->mount->filesystem->hides(&source, looks);
}

static bool synth_grants(const struct dentry *dentry, const struct vfs_who *who)
{
    const struct synth_object *object = synth_object_of(dentry);
    return (object->node->entry->flags & SYNTH_OWN) != 0 && who->task != NULL &&
           who->task->process->vpid == object->subject.vpid;
}

static void synth_forget(struct inode *inode)
{
    free(inode->private);
    inode->private = NULL;
}

int synthfs_mount(struct sentry *sentry, const struct synth_filesystem *filesystem, const char *path)
{
    int result = synth_tree_build(filesystem->tree);
    if (result < 0)
        return result;
    struct synth_mount *mount = calloc(1, sizeof(*mount));
    if (mount == NULL)
        return -ENOMEM;
    *mount = (struct synth_mount){
        .sentry = sentry,
        .filesystem = filesystem,
        .operations =
            {
                .name = filesystem->name,
                .lookup = synth_lookup,
                .getattr = synth_getattr,
                .setattr = synth_setattr,
                .readlink = synth_readlink,
                .follow = synth_follow,
                .open = synth_open,
                .readdir = synth_readdir,
                .statfs = synth_statfs,
                .hides = synth_hides,
                .grants = synth_grants,
                .forget = synth_forget,
            },
    };
    const struct synth_subject nobody = {0};
    struct inode *inode;
    result = new_inode(mount, filesystem->tree->root, &nobody, &inode);
    if (result < 0) {
        free(mount);
        return result;
    }
    return vfs_pin(sentry->vfs, path, inode);
}
