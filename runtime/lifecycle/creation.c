/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/lifecycle/creation.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/base/annotations.h"
#include "runtime/base/exit_status.h"
#include "runtime/base/log.h"
#include "runtime/base/options.h"
#include "runtime/base/settings.h"
#include "runtime/cell/scheduling.h"
#include "runtime/cell/sysctl.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/console/console.h"
#include "runtime/console/hand_over.h"
#include "runtime/hooks/hooks.h"
#include "runtime/ids/id_table.h"
#include "runtime/ids/rootless.h"
#include "runtime/lifecycle/inherited.h"
#include "runtime/lifecycle/notify.h"
#include "runtime/sandbox/environment.h"
#include "runtime/state/kept_config.h"
#include "runtime/state/peers.h"
#include "runtime/state/pid_file.h"
#include "runtime/state/state_dir.h"
#include "runtime/state/state_socket.h"

/* -- the bundle --------------------------------------------------------------------------------------------------- */

/* As the host names it. */
static const char *root_path(const struct creation *creation, char *path, size_t size)
{
    const char *root = creation->config->root.path;
    if (root[0] == '/')
        return root;
    (void)snprintf(path, size, "%.2000s/%.2000s", creation->container.bundle, root);
    return path;
}

/* The descriptors that are the program's. */
static int take_inherited(struct creation *creation, struct error *error)
{
    int listening = 0;
    int result = inherited_listen(creation->config, &listening, error);
    if (result == 0)
        result = inherited_check(listening, creation->options.preserve_fds, error);
    if (result == 0)
        creation->options.preserve_fds += listening;
    return result;
}

enum { CONFIG_PATH_MAX = 2 * PATH_MAX };

/* Without root a second time, in our own mount namespace; then it must still be the same. */
static int open_bundle(struct creation *creation, struct error *error)
{
    struct container *container = &creation->container;
    struct stat before, now;
    if (creation->bundle < 0 && realpath(creation->options.bundle, container->bundle) == NULL)
        return error_set(error, errno, "cannot open bundle %s", creation->options.bundle);
    auto_close int bundle = open(container->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (bundle < 0 || fstat(bundle, &now) < 0 || (creation->bundle >= 0 && fstat(creation->bundle, &before) < 0))
        return error_set(error, errno, "cannot open bundle %s", container->bundle);
    if (creation->bundle >= 0 && (before.st_dev != now.st_dev || before.st_ino != now.st_ino))
        return error_refuse(error, "bundle %s: another folder was put in its place", container->bundle);
    cleanup_close(&creation->bundle);
    creation->bundle = take_fd(&bundle);
    return 0;
}

/* Once: what is checked is what is used, and what is kept. --config names a file of the bundle, or of anywhere. */
static int read_config(struct creation *creation, struct error *error)
{
    char path[CONFIG_PATH_MAX];
    const char *file = creation->options.config_file != NULL ? creation->options.config_file : "config.json";
    (void)snprintf(path, sizeof(path), "%s%s%s", file[0] == '/' ? "" : creation->container.bundle, file[0] == '/' ? "" : "/", file);
    int result = oci_read(creation->bundle, file, path, &creation->text, &creation->options.config_size, error);
    creation->options.config = creation->text;
    return result;
}

static int load_config(struct creation *creation, struct error *error)
{
    char path[PATH_MAX];
    int result = open_bundle(creation, error);
    if (result == 0 && creation->options.config == NULL)
        result = read_config(creation, error);
    if (result == 0)
        result = oci_parse(creation->options.config, creation->options.config_size, &creation->config, error);
    if (result == 0)
        result = oci_check_supported(creation->config, error);
    if (result == 0)
        result = annotations_check(&creation->config->annotations, error);
    if (result == 0)
        result = sysctl_check(&creation->config->linux_config.sysctl, error);
    if (result == 0)
        result = take_inherited(creation, error);
    if (result == 0 && rootless_needed())
        result = rootless_enter(&creation->config->linux_config, error);
    if (result == 0)
        result = open_bundle(creation, error);
    if (result == 0)
        result = environment_complete(creation->config, root_path(creation, path, sizeof(path)), error);
    if (result == 0 && creation->options.console_socket != NULL && !creation->config->process.terminal)
        result = error_refuse(error, "--console-socket needs \"terminal\": true in config.json");
    if (result == 0 && creation->options.gated && creation->options.console_socket == NULL && creation->config->process.terminal)
        result = error_refuse(error, "cannot allocate tty if runc will detach without setting console socket");
    if (result < 0)
        return result;

    log_message(LOG_LEVEL_DEBUG, "%s: the configuration has %zu mounts, its program is %.200s", creation->container.bundle,
                creation->config->mounts.count, creation->config->process.args.items[0]);
    for (size_t i = 0; i < creation->config->warnings.count; i++)
        log_message(LOG_LEVEL_DEBUG, "%s", creation->config->warnings.items[i]);
    return 0;
}

static int take_ids(struct creation *creation, struct error *error)
{
    struct boot_id_table uids, gids;
    struct id_range range;
    int result = user_namespace_own("uid_map", &uids);
    if (result == 0)
        result = user_namespace_own("gid_map", &gids);
    if (result < 0)
        return error_set(error, result, "cannot read our own user namespace's ids in /proc");
    creation->without_root = !id_table_is_whole(&uids);
    if (creation->without_root) {
        ids_of_namespace(&uids, &gids, &creation->ids);
        return 0;
    }
    result = id_range_find(options_global()->id_range, getenv(IDS_ENVIRONMENT), SETTINGS_FILE, &range, error);
    if (result == 0)
        result = state_root_create(IDS_PARENT, error);
    if (result == 0)
        result = ids_take(IDS_FOLDER, &range, &creation->ids, error);
    if (result == 0)
        log_message(LOG_LEVEL_DEBUG, "user ids: the sentry is %u, the gofer %u, the guest %u", creation->ids.sentry, creation->ids.gofer,
                    creation->ids.guest);
    return result;
}

static int find_users(struct creation *creation, struct error *error)
{
    const struct oci_linux *config = &creation->config->linux_config;
    auto_close int peer = peers_user_namespace(options_global()->root, user_namespace_path(config));
    int result = user_namespace_find(config, peer, &creation->ids, &creation->users, error);
    return result == 0 ? user_namespace_check(&creation->users, creation->config, error) : result;
}

/* -- the state folder --------------------------------------------------------------------------------------------- */

static int open_state(struct creation *creation, struct error *error)
{
    int result = state_dir_create(options_global()->root, creation->options.id, creation->options.foreground, &creation->folder,
                                  &creation->alive, error);
    if (result < 0)
        return result;
    log_message(LOG_LEVEL_DEBUG, "the state is in %s/%s", options_global()->root, creation->options.id);
    /* So that later commands need no room on the disk for theirs. */
    auto_close int lock = container_lock(creation->folder, 0);
    if (lock < 0 && lock != -EWOULDBLOCK)
        return error_set(error, lock, "cannot write in the state folder");
    creation->control_socket = state_socket_listen(creation->folder, CONTROL_SOCKET, error);
    if (creation->control_socket < 0)
        return creation->control_socket;
    if (creation->options.gated) {
        creation->start_socket = state_socket_listen(creation->folder, START_SOCKET, error);
        if (creation->start_socket < 0)
            return creation->start_socket;
    }
    result = creation->text != NULL && notify_wanted() ? notify_add(creation->config, creation->folder, error) : 0;
    if (result < 0)
        return result;
    creation->reason = openat(creation->folder, "reason", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    return creation->reason < 0 ? error_set(error, errno, "cannot write in the state folder") : 0;
}

/* While we are ourselves: without root we are another in a moment. */
static void set_owner(struct container *container)
{
    const struct passwd *user = getpwuid(getuid());
    (void)snprintf(container->owner, sizeof(container->owner), "%s", user != NULL ? user->pw_name : "");
}

static void describe(struct creation *creation)
{
    struct container *container = &creation->container;
    struct timespec now;
    struct tm utc;
    char seconds[24];
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", gmtime_r(&now.tv_sec, &utc));
    (void)snprintf(container->created, sizeof(container->created), "%s.%09ldZ", seconds, now.tv_nsec);
    (void)snprintf(container->id, sizeof(container->id), "%s", creation->options.id);
    char path[PATH_MAX];
    (void)snprintf(container->rootfs, sizeof(container->rootfs), "%s", root_path(creation, path, sizeof(path)));
    container->annotations = creation->config->annotations;
}

static int save_state(struct creation *creation, struct error *error)
{
    struct container *container = &creation->container;
    const struct sandbox *sandbox = &creation->sandbox;
    int result = process_mark_take(sandbox->init, &container->init);
    if (result == 0)
        result = process_mark_take(sandbox->sentry, &container->sentry);
    if (result == 0)
        result = process_mark_take(sandbox->gofer, &container->gofer);
    if (result < 0)
        return error_refuse(error, "the container ended before it was started");
    result = container_save(creation->folder, container, error);
    if (result == 0)
        log_message(LOG_LEVEL_DEBUG, "container %s is created", container->id);
    return result;
}

/* -- the sandbox ---------------------------------------------------------------------------------------------------- */

/* Rules for devices are the sentry's own law in any case. */
static bool wants_limits(const struct oci_resources *resources)
{
    return resources != NULL && (resources->memory != NULL || resources->cpu != NULL || resources->pids != NULL ||
                                 resources->block_io != NULL || resources->hugepage_limits.count > 0 || resources->network != NULL ||
                                 resources->rdma.count > 0 || resources->unified.count > 0);
}

/* An ordinary user has a cgroup where one was delegated to him. Elsewhere he has a container without, as with other runtimes,
 * unless he asked for limits. */
static bool may_do_without(const struct creation *creation, int failure)
{
    return creation->without_root && !wants_limits(creation->config->linux_config.resources) &&
           (failure == -EACCES || failure == -EPERM || failure == -EROFS || failure == -ENOENT);
}

static int make_cgroup(struct creation *creation, struct error *error)
{
    struct error failure = {0};
    const struct oci_linux *host = &creation->config->linux_config;
    struct container *container = &creation->container;
    /* Without a wish for one, or for limits, the container stays in ours: a bundle run by hand needs no place in the machine's
     * cgroups. */
    if (host->cgroups_path == NULL && creation->options.foreground && !wants_limits(host->resources))
        return 0;
    container->systemd_cgroup = options_global()->systemd_cgroup;
    int result = cgroup_path(creation->config, creation->options.id, container->systemd_cgroup, container->cgroup, error);
    /* Written down before it is made: delete must find it should we be killed. */
    if (result == 0)
        result = container_save(creation->folder, container, error);
    if (result == 0)
        result = cgroup_create(container->cgroup, container->systemd_cgroup, host->resources, &failure);
    creation->has_cgroup = result == 0;
    if (result == 0)
        log_message(LOG_LEVEL_DEBUG, "the cgroup %s is made, and has its limits", container->cgroup);
    if (may_do_without(creation, result)) {
        log_message(LOG_LEVEL_DEBUG, "no cgroup: %s", failure.text);
        container->cgroup[0] = '\0';
        return 0;
    }
    if (failure.code != 0)
        *error = failure;
    return result;
}

static int write_oom_score(pid_t pid, int value)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)pid);
    auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd < 0 || dprintf(fd, "%d", value) < 0 ? -errno : 0;
}

/* Where memory is out, a process of the guest shall go before sentry and gofer, and with them all of it: what they hold is in part what any
 * user of the guest had them hold, and is given back when his processes are gone. Who may not lower it leaves them with what he has himself. */
static int set_oom_score(const struct oci_process *process, enum sandbox_part part, pid_t pid, struct error *error)
{
    enum { LAST = -999 }; /* -1000 is never */
    if (part != SANDBOX_INIT)
        (void)write_oom_score(pid, LAST);
    if (!process->oom_score_adj.set || (part != SANDBOX_INIT && process->oom_score_adj.value > LAST))
        return 0;
    int result = write_oom_score(pid, process->oom_score_adj.value);
    return result < 0 ? error_set(error, result, "process.oomScoreAdj: cannot be set to %d", process->oom_score_adj.value) : 0;
}

static int process_joined(void *data, enum sandbox_part part, pid_t pid, struct error *error)
{
    static const char *const names[] = {
        [SANDBOX_SENTRY] = "the sentry", [SANDBOX_GOFER] = "the gofer", [SANDBOX_INIT] = "the container's first process"};
    const struct creation *creation = data;
    const struct oci_process *process = &creation->config->process;
    log_message(LOG_LEVEL_DEBUG, "%s is process %d", names[part], (int)pid);
    int result = set_oom_score(process, part, pid, error);
    if (result == 0 && creation->has_cgroup)
        result = cgroup_add(creation->container.cgroup, creation->container.systemd_cgroup, pid, error);
    if (result == 0 && !creation->options.keep_cpus)
        scheduling_reset_cpus(pid);
    return result == 0 ? scheduling_set(process, pid, part == SANDBOX_INIT, error) : result;
}

/* Somebody may have frozen it meanwhile. */
static void thaw(void *data)
{
    const struct creation *creation = data;
    const struct container *container = &creation->container;
    if (creation->has_cgroup && cgroup_is_frozen(container->cgroup, container->systemd_cgroup))
        (void)cgroup_freeze(container->cgroup, container->systemd_cgroup, false, NULL);
}

static int run_hooks(void *data, const struct sandbox *sandbox, struct error *error)
{
    struct creation *creation = data;
    creation->has_hooks = true;
    return hooks_create(creation->config, &creation->container, sandbox, error);
}

static bool has_early_hooks(const struct oci_hooks *hooks)
{
    return hooks->prestart.count + hooks->create_runtime.count + hooks->create_container.count > 0;
}

static int make_sandbox(struct creation *creation, struct error *error)
{
    const struct sandbox_options options = {
        .id = creation->options.id,
        .bundle_path = creation->container.bundle,
        .bundle = creation->bundle,
        .config = creation->config,
        .ids = &creation->ids,
        .users = &creation->users,
        .trace_fd = creation->options.trace,
        .detached_console = creation->options.console_socket != NULL,
        .start_socket = creation->start_socket,
        .control_socket = creation->control_socket,
        .reason = creation->reason,
        .quiet = !creation->options.foreground,
        .locks = {creation->alive, creation->ids.lock},
        .preserve_fds = creation->options.preserve_fds,
        .own_streams = creation->options.own_streams,
        .hold_signals = creation->options.hold_signals,
        .joined = process_joined,
        .made = has_early_hooks(&creation->config->hooks) ? run_hooks : NULL,
        .failed = thaw,
        .data = creation,
    };
    int result = sandbox_create(&options, &creation->sandbox, error);
    if (result < 0 && creation->has_cgroup && cgroup_oom_killed(creation->container.cgroup, creation->container.systemd_cgroup))
        error_prefix(error, "linux.resources.memory.limit is too low for a container, the kernel killed a process of it");
    creation->has_sandbox = result == 0;
    creation->has_hooks = creation->has_hooks || result == 0;
    if (result < 0 || creation->sandbox.console_master < 0)
        return result;
    if (creation->options.console_socket == NULL)
        console_prepare(creation->sandbox.console_master, creation->options.own_streams);
    else
        result = hand_over_console(creation->options.console_socket, creation->sandbox.console_master, error);
    if (result == 0 && creation->options.console_socket != NULL)
        log_message(LOG_LEVEL_DEBUG, "the terminal's master is sent to %s", creation->options.console_socket);
    return result;
}

static int send_pidfd(const struct creation *creation, struct error *error)
{
    if (creation->options.pidfd_socket == NULL)
        return 0;
    auto_close int connection = hand_over_open(creation->options.pidfd_socket, "pidfd socket", error);
    return connection < 0 ? connection : hand_over_pidfd(connection, creation->sandbox.init_pidfd, false, error);
}

int creation_make(const struct creation_options *options, struct creation *ret_creation, struct error *error)
{
    struct creation creation = {.options = *options,
                                .bundle = -1,
                                .ids = {.lock = -1},
                                .users = {.fd = -1},
                                .folder = -1,
                                .alive = -1,
                                .start_socket = -1,
                                .control_socket = -1,
                                .reason = -1};
    set_owner(&creation.container);
    int result = load_config(&creation, error);
    if (result == 0)
        result = take_ids(&creation, error);
    if (result == 0)
        result = find_users(&creation, error);
    if (result == 0)
        result = open_state(&creation, error);
    if (result == 0)
        result = kept_config_save(creation.folder, creation.options.config, creation.options.config_size, error);
    if (result == 0) {
        describe(&creation);
        result = make_cgroup(&creation, error);
    }
    if (result == 0)
        result = make_sandbox(&creation, error);
    if (result == 0)
        result = save_state(&creation, error);
    if (result == 0)
        result = send_pidfd(&creation, error);
    if (result == 0 && options->pid_file != NULL)
        result = pid_file_write(options->pid_file, creation.sandbox.init, error);
    if (result < 0) {
        creation_undo(&creation);
        return result;
    }
    *ret_creation = creation;
    return 0;
}

static void close_all(struct creation *creation)
{
    int *fds[] = {&creation->start_socket, &creation->control_socket, &creation->reason, &creation->folder,
                  &creation->alive,        &creation->bundle};
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        cleanup_close(fds[i]);
        *fds[i] = -1;
    }
    ids_release(&creation->ids);
    user_namespace_release(&creation->users);
    creation->config = oci_free(creation->config);
    free(creation->text);
    creation->text = NULL;
}

void creation_undo(struct creation *creation)
{
    const struct container *container = &creation->container;
    log_message(LOG_LEVEL_DEBUG, "what there is of the container is removed");
    thaw(creation);
    if (creation->has_sandbox)
        sandbox_destroy(&creation->sandbox);
    int stuck = creation->has_cgroup ? cgroup_remove(container->cgroup, container->systemd_cgroup) : 0;
    if (creation->has_hooks)
        hooks_poststop(creation->folder, container);
    if (stuck < 0) { /* the state stays too: `delete` finds the cgroup by it */
        log_message(LOG_LEVEL_WARNING, "cannot remove the cgroup %s (%s): delete \"%s\" later", container->cgroup,
                    strerror(-stuck), creation->options.id);
    } else if (creation->folder >= 0) {
        int result = state_dir_remove(options_global()->root, creation->options.id);
        if (result < 0)
            log_message(LOG_LEVEL_WARNING, "cannot remove the state of \"%s\": %s", creation->options.id, strerror(-result));
    }
    close_all(creation);
}

void creation_keep(struct creation *creation)
{
    thaw(creation);
    sandbox_destroy(&creation->sandbox);
    int result = state_dir_keep(creation->folder);
    if (result < 0)
        log_message(LOG_LEVEL_WARNING, "cannot keep the state of \"%s\": %s", creation->options.id, strerror(-result));
    close_all(creation);
}

int creation_leave(struct creation *creation, struct error *error)
{
    int result = sandbox_detach(&creation->sandbox, error);
    if (result < 0)
        return result;
    close_all(creation);
    return 0;
}

/* The sandbox puts `exec: "` in front of just these. */
int creation_exit_status(const struct error *error, int other)
{
    if (strncmp(error->text, "exec: \"", 7) != 0)
        return other;
    return error->code == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
}
