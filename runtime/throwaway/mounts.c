/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of the host a sandbox of `postern do` sees. Later lines cover earlier ones:
 *
 *   /               the root, below the layer (root.path of the configuration)
 *   /home, ...      the other file systems of the host, below the layer too: an overlay does not go from one to the
 * next /proc /dev /sys the sentry's and the sandbox's own, as in the default configuration /tmp /run ...   empty: other
 * programs' sockets and secrets are there home            without root, by an overlay of its own
 *   --hide          empty
 *   the folder      the command's: below the layer, or with --rw itself, if what is above does not show it already
 *   --bind          as asked
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci-spec/arena.h"
#include "oci-spec/oci.h"
#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/base/log.h"
#include "runtime/base/programs.h"
#include "runtime/mounts/mount_calls.h"
#include "runtime/mounts/mountinfo.h"
#include "runtime/mounts/rootfs.h"
#include "runtime/throwaway/do.h"

enum { HOST_MOUNTS_MAX = 64, OWN_MOUNTS = 32 };

/* Nothing on a folder of the host gives rights by itself. */
#define BIND_WRITABLE "rbind,nosuid,nodev"
#define BIND_READONLY "rbind,nosuid,nodev,rro"

/* Empty in every sandbox. */
static const struct do_mount fresh[] = {
    {"/tmp", "layer", NULL, "mode=1777"},
    {"/var/tmp", "layer", NULL, "mode=1777"},
    {"/run", "layer", NULL, "mode=755"},
    {"/run/lock", "layer", NULL, "mode=1777"},
};

struct maker {
    struct arena *arena;
    const struct do_options *options;
    const char *cwd, *home;
    struct do_mounts *mounts;
    bool full; /* memory is short */
};

static char *keep(struct maker *maker, const char *text)
{
    char *copy = arena_copy(maker->arena, text, strlen(text));
    maker->full = maker->full || copy == NULL;
    return copy;
}

/* The strings must last. */
static void add(struct maker *maker, const char *destination, const char *type, const char *source, const char *options)
{
    struct do_mounts *mounts = maker->mounts;
    if (mounts->count < mounts->room)
        mounts->items[mounts->count++] = (struct do_mount){destination, type, source, options};
}

/* -- the host's file systems ------------------------------------------------------------------------------------- */

/* Kernel interfaces, which hold nothing of a user's, and file systems of other sandboxes. */
static bool is_left_out(const char *type)
{
    static const char *const types[] = {"autofs",     "binfmt_misc", "bpf",      "cgroup",   "cgroup2", "configfs",
                                        "debugfs",    "devpts",      "devtmpfs", "efivarfs", "fusectl", "hugetlbfs",
                                        "mqueue",     "nsfs",        "overlay",  "proc",     "pstore",  "rpc_pipefs",
                                        "securityfs", "selinuxfs",   "sysfs",    "tracefs"};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(type, types[i]) == 0)
            return true;
    return strcmp(type, "fuse") == 0 ||
           strncmp(type, "fuse.", 5) == 0; /* may ask a program of the host, and wait for it */
}

static bool is_own(const char *path)
{
    return rootfs_is_below(path, "/proc") || rootfs_is_below(path, "/sys") || rootfs_is_below(path, "/dev");
}

/* Is it in a tree that is replaced as a whole? */
static bool is_replaced(const char *path)
{
    if (is_own(path))
        return true;
    for (size_t i = 0; i < sizeof(fresh) / sizeof(fresh[0]); i++)
        if (rootfs_is_below(path, fresh[i].destination))
            return true;
    return false;
}

static uint64_t mount_of(const char *path, mode_t *ret_mode)
{
    struct statx status;
    if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE | STATX_MNT_ID, &status) < 0)
        return 0;
    *ret_mode = status.stx_mode;
    return status.stx_mnt_id;
}

/* One that another mount covers cannot be seen on the host either. */
static void add_host_mount(struct maker *maker, const struct mountinfo *line)
{
    mode_t mode;
    if (strcmp(line->destination, "/") == 0 || is_left_out(line->type) || is_replaced(line->destination) ||
        mount_of(line->destination, &mode) != line->id)
        return;
    const char *path = keep(maker, line->destination);
    if (S_ISDIR(mode))
        add(maker, path, "layer", path, "");
    else if (S_ISREG(mode))
        add(maker, path, "bind", path, BIND_READONLY);
}

/* In the order of the file a mount comes behind the one it is on. */
static int add_host_mounts(struct maker *maker, struct error *error)
{
    auto_fclose FILE *file = fopen("/proc/self/mountinfo", "re");
    auto_free char *text = NULL;
    size_t room = 0;
    if (file == NULL)
        return error_set(error, errno, "cannot read /proc/self/mountinfo");
    for (ssize_t length; (length = getline(&text, &room, file)) > 0;) {
        struct mountinfo line;
        text[length - 1] = '\0';
        if (maker->mounts->count == HOST_MOUNTS_MAX) {
            log_message(LOG_LEVEL_WARNING, "only %d of the host's file systems are shown", HOST_MOUNTS_MAX);
            return 0;
        }
        if (mountinfo_parse(text, &line))
            add_host_mount(maker, &line);
    }
    return feof(file) ? 0 : error_set(error, EIO, "cannot read /proc/self/mountinfo");
}

/* -- the sandbox's own ------------------------------------------------------------------------------------------- */

static void add_own(struct maker *maker)
{
    for (const struct oci_default_mount *mount = oci_default_mounts; mount->destination != NULL; mount++)
        add(maker, mount->destination, mount->type, mount->source, mount->options);
    for (size_t i = 0; i < sizeof(fresh) / sizeof(fresh[0]); i++)
        add(maker, fresh[i].destination, fresh[i].type, fresh[i].source, fresh[i].options);
}

static int add_init(struct maker *maker, struct error *error)
{
    char path[PATH_MAX];
    auto_close int program = program_open("postern-init", path, sizeof(path), error);
    if (program < 0)
        return program;
    char canonical[PATH_MAX]; /* as all sources: links are not followed any more when they are mounted */
    if (realpath(path, canonical) == NULL)
        return error_set(error, errno, "cannot find %s", path);
    add(maker, DO_INIT_PATH, "bind", keep(maker, canonical), BIND_READONLY);
    return 0;
}

/* Where the host's network is, its way to find names must be too; often that is a link into /run. */
static void add_resolver(struct maker *maker)
{
    char path[PATH_MAX];
    if (!maker->options->host_network || realpath("/etc/resolv.conf", path) == NULL || !is_replaced(path))
        return;
    const char *kept = keep(maker, path);
    add(maker, kept, "bind", kept, BIND_READONLY);
}

/* -- hiding, and the command's folder ---------------------------------------------------------------------------- */

static int resolve(const char *option, const char *path, char *ret_path, struct error *error)
{
    return realpath(path, ret_path) != NULL ? 0 : error_set(error, errno, "%s: cannot find %s", option, path);
}

/* What lies above the command's folder is hidden before that is shown again, what lies below it after. */
static int add_hidden(struct maker *maker, bool above, struct error *error)
{
    const struct do_texts *hide = &maker->options->hide;
    for (size_t i = 0; i < hide->count; i++) {
        char path[PATH_MAX];
        int result = resolve("--hide", hide->items[i], path, error);
        if (result < 0)
            return result;
        if (strcmp(path, "/") == 0 || is_own(path))
            return error_refuse(error, "--hide: %s cannot be hidden%s", path,
                                is_own(path) ? ": it is the sandbox's own" : "");
        if ((strcmp(path, maker->cwd) != 0 && rootfs_is_below(maker->cwd, path)) != above)
            continue;
        add(maker, keep(maker, path), "layer", NULL, "");
    }
    return 0;
}

/* Where the mount is that shows a folder; NULL if that is an empty one. */
static const char *covering_mount(const struct maker *maker, const char *folder)
{
    const char *covering = "/";
    for (size_t i = 0; i < maker->mounts->count; i++)
        if (rootfs_is_below(folder, maker->mounts->items[i].destination))
            covering = maker->mounts->items[i].source != NULL ? maker->mounts->items[i].destination : NULL;
    return covering;
}

/* Whether the mounts so far show a folder as the host has it. */
static bool is_shown(const struct maker *maker, const char *folder)
{
    const char *covering = covering_mount(maker, folder);
    mode_t mode;
    return covering != NULL && mount_of(folder, &mode) == mount_of(covering, &mode);
}

/* To change something in a folder the kernel copies those above it into the layer, with their owners. Without root the
 * caller is the only owner there can be (EOVERFLOW): a folder of his below one of somebody else's needs an overlay of
 * its own. */
static bool needs_own(const struct maker *maker, const char *folder)
{
    const char *covering = covering_mount(maker, folder);
    char above[PATH_MAX];
    (void)snprintf(above, sizeof(above), "%s", folder);
    while (maker->options->without_root && covering != NULL) {
        struct stat status;
        *strrchr(above, '/') = '\0';
        if (above[0] == '\0' || strcmp(above, covering) == 0)
            break;
        if (stat(above, &status) < 0 || status.st_uid != getuid())
            return access(folder, W_OK) == 0;
    }
    return false;
}

static bool is_fresh(const char *path)
{
    size_t i = 0;
    while (i < sizeof(fresh) / sizeof(fresh[0]) && strcmp(path, fresh[i].destination) != 0)
        i++;
    return i < sizeof(fresh) / sizeof(fresh[0]);
}

static void add_home(struct maker *maker)
{
    char home[PATH_MAX];
    if (maker->home[0] == '/' && realpath(maker->home, home) != NULL && needs_own(maker, home) && is_shown(maker, home))
        add(maker, keep(maker, home), "layer", keep(maker, home), "");
}

static int add_cwd(struct maker *maker, struct error *error)
{
    const char *cwd = maker->cwd;
    if (maker->options->writable_cwd && (strcmp(cwd, "/") == 0 || is_own(cwd)))
        return error_refuse(error, "--rw: %s cannot be made writable; go to a folder of your own", cwd);
    if (maker->options->writable_cwd)
        add(maker, cwd, "bind", cwd, BIND_WRITABLE);
    else if (!is_own(cwd) && !is_fresh(cwd) && (!is_shown(maker, cwd) || needs_own(maker, cwd)))
        add(maker, cwd, "layer", cwd, "");
    return 0;
}

/* -- binds ------------------------------------------------------------------------------------------------------- */

static int add_bind(struct maker *maker, const struct do_bind *bind, struct error *error)
{
    const char *option = bind->writable ? "--bind" : "--ro-bind";
    char source[PATH_MAX], destination[PATH_MAX];
    auto_free char *text = strdup(bind->text);
    if (text == NULL)
        return error_set(error, ENOMEM, "%s", option);
    char *colon = strchr(text, ':');
    if (colon != NULL)
        *colon = '\0';
    int result = resolve(option, text, source, error);
    if (result < 0)
        return result;
    result = rootfs_clean_path(colon != NULL ? colon + 1 : source, destination, sizeof(destination));
    if (result < 0)
        return error_refuse(error, "%s: \"%.200s\" is not an absolute path", option, colon + 1);
    if (rootfs_is_below(DO_INIT_PATH, destination) || rootfs_is_below(destination, "/proc") ||
        rootfs_is_below(destination, "/sys"))
        return error_refuse(error, "%s: nothing can be put at %s", option, destination);
    add(maker, keep(maker, destination), "bind", keep(maker, source), bind->writable ? BIND_WRITABLE : BIND_READONLY);
    return 0;
}

int do_mounts_make(struct arena *arena, const struct do_options *options, const char *cwd, const char *home,
                   struct do_mounts *ret_mounts, struct error *error)
{
    struct do_mounts mounts = {.room = HOST_MOUNTS_MAX + OWN_MOUNTS + options->hide.count + options->bind_count};
    struct maker maker = {.arena = arena, .options = options, .cwd = cwd, .home = home, .mounts = &mounts};
    mounts.items = arena_array(arena, mounts.room, sizeof(*mounts.items));
    if (mounts.items == NULL)
        return error_set(error, ENOMEM, "cannot list the mounts");
    int result = add_host_mounts(&maker, error);
    if (result < 0)
        return result;
    add_own(&maker);
    add_home(&maker);
    result = add_init(&maker, error);
    add_resolver(&maker);
    if (result == 0)
        result = add_hidden(&maker, true, error);
    if (result == 0)
        result = add_cwd(&maker, error);
    if (result == 0)
        result = add_hidden(&maker, false, error);
    for (size_t i = 0; result == 0 && i < options->bind_count; i++)
        result = add_bind(&maker, &options->binds[i], error);
    if (result == 0 && maker.full)
        result = error_set(error, ENOMEM, "cannot list the mounts");
    if (result == 0)
        *ret_mounts = mounts;
    return result;
}
