/* SPDX-License-Identifier: Apache-2.0 */
/* The object that holds the tree and the caches, and their clock. */
#include "postern/confine.h"
#include "sentry/platform/call.h"
#include "sentry/vfs/vfs_internal.h"

#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

CONFINE_ALLOW(getrandom, "hash tables nobody can aim at");
CONFINE_ALLOW(clock_gettime, "the age of what is cached; the vDSO may have no such clock");

static _Thread_local int64_t now_here, wall_here;
static _Thread_local uint64_t stamp_here;

int64_t vfs_now(void)
{
    return now_here;
}

int64_t vfs_wall(void)
{
    return wall_here;
}

uint64_t vfs_began(void)
{
    return stamp_here;
}

void vfs_now_set(int64_t now)
{
    now_here = now;
}

/* Never the same twice: what was right "now" for one call is not for the next. */
void vfs_tick(struct vfs *vfs)
{
    struct timespec time, wall;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    (void)clock_gettime(CLOCK_REALTIME_COARSE, &wall); /* the one file systems look at */
    wall_here = (int64_t)wall.tv_sec * 1000000000 + wall.tv_nsec;
    int64_t now = (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
    vfs->last = now > vfs->last ? now : vfs->last + 1;
    now_here = vfs->last;
    stamp_here = vfs->stamp;
}

void vfs_tick_for_call(struct vfs *vfs, struct call *call)
{
    if (call->now == 0) {
        vfs_tick(vfs);
        call->now = now_here;
        call->stamp = stamp_here;
    }
    now_here = call->now;
    stamp_here = call->stamp;
}

struct vfs *vfs_create(struct sentry *sentry, struct inode *root)
{
    struct vfs *vfs = calloc(1, sizeof(*vfs));
    if (vfs == NULL)
        return NULL;
    vfs->sentry = sentry;
    vfs->lru.lru_next = vfs->lru.lru_previous = &vfs->lru;
    vfs->unused_max = DENTRIES_UNUSED_MAX;
    vfs->dentry_max = DENTRIES_MAX;
    if (getrandom(&vfs->seed, sizeof(vfs->seed), GRND_NONBLOCK) != sizeof(vfs->seed))
        vfs->seed = (uintptr_t)vfs ^ (uint64_t)time(NULL) << 32;
    vfs_tick(vfs);
    mounts_init(vfs);
    vfs->root = dentry_detached(vfs, NULL, "", root);
    if (vfs->root == NULL) {
        free(vfs);
        return NULL;
    }
    vfs->root->deleted = false;
    vfs->root->pinned = true;
    vfs->guests.root = vfs->root;
    return vfs;
}

struct dentry *vfs_root(struct vfs *vfs)
{
    return vfs->guests.root;
}
