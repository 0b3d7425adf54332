/* SPDX-License-Identifier: Apache-2.0 */
/* Binds: what is seen at one place, at another. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "postern/cleanup.h"
#include "sentry/sentry.h"
#include "sentry/vfs/guest_mounts.h"
#include "sentry/vfs/vfs_internal.h"

/* --- what there is to bind --- */

struct guest_sources *guest_sources_free(struct guest_sources *sources)
{
    for (size_t i = 0; sources != NULL && i < sources->count; i++)
        dentry_put(sources->all[i].place);
    free(sources);
    return NULL;
}

/* Takes the reference over. */
static void add_source(struct vfs *vfs, struct guest_sources *sources, struct dentry *place)
{
    struct guest_source *source = &sources->all[sources->count++];
    source->place = place;
    source->flags = vfs_mount_flags(vfs, place); /* may have to be asked for */
}

/* The root of a bundle's mount as it is seen, if that is below the source. */
static bool is_below_source(const struct guest_sources *sources, const struct dentry *root)
{
    for (size_t i = 0; i < sources->count; i++)
        if (sources->all[i].place == root)
            return false;
    return vfs_is_bundle_root(root) && dentry_is_below(root, dentry_real(sources->all[0].place));
}

int guest_sources_find(struct vfs *vfs, struct dentry *source, bool deep, struct guest_sources **ret_sources)
{
    const struct boot_config *boot = vfs->sentry->boot;
    struct guest_sources *sources = malloc(sizeof(*sources) + (BOOT_MOUNTS_MAX + 1) * sizeof(sources->all[0]));
    if (sources == NULL)
        return -ENOMEM;
    sources->count = 0;
    add_source(vfs, sources, dentry_get(source));
    for (uint32_t i = 1; deep && source->guest == NULL && i < boot->mount_count && i < BOOT_MOUNTS_MAX; i++) {
        struct dentry *root;
        if (vfs_find(vfs, boot->mounts[i].destination, &root) < 0)
            continue;
        if (is_below_source(sources, root))
            add_source(vfs, sources, root);
        else
            dentry_put(root);
    }
    *ret_sources = sources;
    return 0;
}

/* --- binding --- */

/* The folder within its file system, as mountinfo shows it. */
static void describe_folder(const struct dentry *place, const struct guest_mount *of, char *folder, size_t size)
{
    char path[VFS_PATH_MAX];
    const struct dentry *root = of != NULL ? of->root : place->vfs->root;
    const char *above = of != NULL && strcmp(of->folder, "/") != 0 ? of->folder : "";
    if (root == NULL || dentry_path(place, root, path, sizeof(path)) < 0)
        (void)strcpy(path, "/");
    (void)snprintf(folder, size, "%s%s", above, above[0] != '\0' && strcmp(path, "/") == 0 ? "" : path);
}

static struct guest_mount model_of(struct vfs *vfs, const struct dentry *source, unsigned int flags)
{
    struct guest_mount model = {0};
    if (source->guest != NULL) {
        model = *source->guest;
    } else {
        const struct boot_mount *boot = vfs_mount(vfs, source);
        model.flags = flags | MS_RELATIME;
        if (boot != NULL) {
            (void)snprintf(model.type, sizeof(model.type), "%s", boot->type);
            (void)snprintf(model.source, sizeof(model.source), "%s", boot->source);
        }
    }
    describe_folder(source, source->guest, model.folder, sizeof(model.folder));
    return model;
}

/* A copy of one mount. flags: of a bundle's; one of the guest's has its own. */
static int bind_one(struct vfs *vfs, struct dentry *source, unsigned int flags, struct dentry *covered, struct guest_mount **ret_made)
{
    struct guest_mount model = model_of(vfs, source, flags);
    model.copy_of = source->guest != NULL ? source->guest->id : 0;
    return guest_mount_attach(vfs, &model, dentry_real(source), covered, ret_made);
}

struct copying {
    struct vfs *vfs;
    const struct guest_sources *sources;
    struct guest_mount **made; /* of each source */
    size_t count;
    uint64_t last; /* mounts with a higher id are copies */
};

/* Of the copies of sources the one that shows a real dentry of theirs. */
static struct guest_mount *copy_that_shows(const struct copying *copying, const struct dentry *real)
{
    struct guest_mount *found = NULL;
    for (size_t i = 0; i < copying->count; i++)
        if (dentry_is_below(real, copying->made[i]->top) && (found == NULL || dentry_is_below(copying->made[i]->top, found->top)))
            found = copying->made[i];
    return found;
}

static int bind_sources(struct copying *copying, struct dentry *covered)
{
    const struct guest_source *all = copying->sources->all;
    int error = bind_one(copying->vfs, all[0].place, all[0].flags, covered, &copying->made[0]);
    if (error < 0)
        return error;
    /* What the bundle has mounted below comes along as mounts of the guest's, each with flags of its own. */
    for (copying->count = 1; error == 0 && copying->count < copying->sources->count; copying->count += error == 0) {
        const struct guest_source *source = &all[copying->count];
        struct dentry *place = view_of(copy_that_shows(copying, source->place), source->place);
        error = place == NULL ? -ENOMEM : bind_one(copying->vfs, source->place, source->flags, place, &copying->made[copying->count]);
        dentry_put(place);
    }
    return error;
}

/* Copies what lies on the mount of `from` below it. to: the copy of that; NULL: the sources'. */
static int bind_below(const struct copying *copying, const struct dentry *from, struct guest_mount *to)
{
    int error = 0;
    struct vfs *vfs = copying->vfs;
    for (struct guest_mount *mount = vfs->guests.first; error == 0 && mount != NULL && mount->id <= copying->last; mount = mount->next) {
        if (mount->covered == NULL || mount->covered->guest != from->guest || mount->propagation == GUEST_UNBINDABLE ||
            !dentry_is_below(dentry_real(mount->covered), dentry_real(from)))
            continue;
        struct dentry *real = dentry_real(mount->covered);
        struct dentry *place = view_of(to != NULL ? to : copy_that_shows(copying, real), real);
        struct guest_mount *made;
        error = place == NULL ? -ENOMEM : bind_one(vfs, mount->root, 0, place, &made);
        dentry_put(place);
        if (error == 0)
            error = bind_below(copying, mount->root, made);
    }
    return error;
}

int guest_mount_bind(struct vfs *vfs, const struct guest_sources *sources, struct dentry *covered, bool deep, struct guest_mount **ret_made)
{
    struct copying copying = {.vfs = vfs, .sources = sources, .last = guest_mounts_last(vfs)};
    copying.made = calloc(sources->count, sizeof(struct guest_mount *));
    if (copying.made == NULL)
        return -ENOMEM;
    int error = bind_sources(&copying, covered);
    if (error == 0 && deep)
        error = bind_below(&copying, sources->all[0].place, NULL);
    struct guest_mount *made = copying.made[0];
    free(copying.made);
    if (error < 0 && made != NULL)
        guest_mount_detach(vfs, made->root);
    if (error == 0 && ret_made != NULL)
        *ret_made = made;
    return error;
}

/* --- a namespace of one's own --- */

static struct guest_mount *copy_of_place(struct vfs *vfs, const struct dentry *place, uint64_t last)
{
    const uint64_t id = place->guest != NULL ? place->guest->id : 0;
    struct guest_mount *found = NULL;
    for (struct guest_mount *mount = vfs->guests.first; mount != NULL; mount = mount->next)
        if (mount->id > last && mount->copy_of == id && dentry_is_below(dentry_real(place), mount->top) &&
            (found == NULL || dentry_is_below(mount->top, found->top)))
            found = mount;
    return found;
}

static struct dentry *translate(struct vfs *vfs, struct dentry *place, uint64_t last)
{
    struct guest_mount *copy = copy_of_place(vfs, place, last);
    return copy != NULL ? view_of(copy, dentry_real(place)) : dentry_get(place);
}

int guest_mounts_unshare(struct vfs *vfs, const struct guest_sources *sources, struct dentry **root, struct dentry **cwd)
{
    const uint64_t last = guest_mounts_last(vfs);
    struct guest_mount *made;
    int error = guest_mount_bind(vfs, sources, NULL, true, &made);
    if (error < 0)
        return error;
    struct dentry *new_root = translate(vfs, *root, last), *new_cwd = translate(vfs, *cwd, last);
    if (new_root == NULL || new_cwd == NULL) {
        dentry_put(new_root);
        dentry_put(new_cwd);
        guest_mount_detach(vfs, made->root);
        return -ENOMEM;
    }
    *root = new_root;
    *cwd = new_cwd;
    return 0;
}
