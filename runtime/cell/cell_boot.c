/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cell/cell_boot.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "oci-spec/names.h"
#include "oci-spec/oci.h"
#include "postern/cell.h"
#include "postern/cleanup.h"
#include "postern/error.h"
#include "postern/filter.h"
#include "postern/limits.h"
#include "runtime/base/limits.h"
#include "runtime/cell/config_seccomp.h"
#include "runtime/cell/namespaces.h"
#include "runtime/cell/sysctl.h"

/* -- what has a fixed size ------------------------------------------------------------------------------------------ */

static void put_offsets(struct cell_boot *boot, const struct oci_time_offsets *offsets)
{
    if (offsets == NULL)
        return;
    boot->wants_offsets = 1;
    boot->monotonic_secs = offsets->monotonic.secs;
    boot->monotonic_nanosecs = offsets->monotonic.nanosecs;
    boot->boottime_secs = offsets->boottime.secs;
    boot->boottime_nanosecs = offsets->boottime.nanosecs;
}

static int put_sysctls(struct cell_boot *boot, const struct oci_pairs *sysctls, unsigned int scopes, struct error *error)
{
    for (size_t i = 0; i < sysctls->count; i++) {
        const struct oci_pair *pair = &sysctls->items[i];
        char path[SYSCTL_PATH_MAX];
        if (sysctl_place(pair->key, scopes, path) < 0)
            continue;
        if (boot->sysctl_count == CELL_SYSCTLS_MAX)
            return error_refuse(error, "linux.sysctl: more than %d entries", CELL_SYSCTLS_MAX);
        struct cell_sysctl *sysctl = &boot->sysctls[boot->sysctl_count++];
        if (strlen(pair->key) >= sizeof(sysctl->name) || strlen(pair->value) >= sizeof(sysctl->value))
            return error_refuse(error, "linux.sysctl: \"%.80s\" or its value is too long", pair->key);
        (void)strcpy(sysctl->name, pair->key);
        (void)strcpy(sysctl->path, path);
        (void)strcpy(sysctl->value, pair->value);
    }
    return 0;
}

/* The first process sets up what its namespaces have of their own. */
static int put_namespaces(struct cell_boot *boot, const struct cell_plan *plan, const struct joined *joined, struct error *error)
{
    (void)snprintf(boot->joined_hostname, sizeof(boot->joined_hostname), "%.64s", joined->hostname);
    if (plan->joins)
        return 0;
    boot->owns_network = (boot->clone_flags & CLONE_NEWNET) != 0;
    boot->owns_names = (boot->clone_flags & CLONE_NEWUTS) != 0;
    put_offsets(boot, plan->host->time_offsets);
    (void)snprintf(boot->hostname, sizeof(boot->hostname), "%.64s", plan->hostname != NULL ? plan->hostname : "");
    const unsigned int own = boot->owns_network != 0 ? SYSCTL_NET : 0u;
    return put_sysctls(boot, &plan->host->sysctl, own, error);
}

static void put_limits(struct cell_boot *boot, const struct oci_process *process)
{
    _Static_assert((int)CELL_LIMITS_MAX >= (int)RLIM_NLIMITS, "one of each");
    for (int resource = 0; resource < RLIM_NLIMITS; resource++) {
        struct rlimit limit;
        int entry;
        if (!limits_native(process, resource, &limit, &entry))
            continue;
        struct cell_limit *put = &boot->limits[boot->limit_count++];
        *put = (struct cell_limit){
            .resource = (uint32_t)resource, .entry = entry, .soft = limit.rlim_cur, .hard = limit.rlim_max};
        (void)snprintf(put->name, sizeof(put->name), "%s", name_of(&rlimit_names, resource));
    }
}

static int put_filters(struct cell_boot *boot, const struct cell_plan *plan, struct error *error)
{
    const struct config_seccomp *config = plan->seccomp;
    struct sock_fprog program;
    int status = filter_build(limits_granted(plan->process->capabilities.bounding), &program, error);
    if (status < 0)
        return status;
    auto_free struct sock_filter *code = program.filter;
    boot->guest.count = program.len;
    memcpy(boot->guest.code, code, program.len * sizeof(*code));
    if (config == NULL || config->program.filter == NULL)
        return 0;
    boot->config.count = config->program.len;
    boot->config.flags = config->flags;
    memcpy(boot->config.code, config->program.filter, config->program.len * sizeof(*code));
    return 0;
}

static int fill(struct cell_boot *boot, const struct cell_plan *plan, const struct joined *joined, struct error *error)
{
    boot->magic = CELL_BOOT_MAGIC;
    boot->version = CELL_BOOT_VERSION;
    boot->joins = plan->joins;
    boot->hold_signals = plan->hold_signals;
    boot->own_streams = plan->own_streams;
    boot->preserve_fds = (uint32_t)plan->preserve_fds;
    if (plan->personality != NULL) {
        boot->has_personality = 1;
        boot->personality = (uint64_t)plan->personality->domain;
    }
    int status = put_namespaces(boot, plan, joined, error);
    put_limits(boot, plan->process);
    return status == 0 ? put_filters(boot, plan, error) : status;
}

/* -- the program's words ---------------------------------------------------------------------------------------------- */

static size_t size_of(const struct oci_strings *strings)
{
    size_t size = 0;
    for (size_t i = 0; i < strings->count; i++)
        size += strlen(strings->items[i]) + 1;
    return size;
}

static char *put_words(char *to, const struct oci_strings *strings)
{
    for (size_t i = 0; i < strings->count; i++)
        to = stpcpy(to, strings->items[i]) + 1;
    return to;
}

/* -- the file ------------------------------------------------------------------------------------------------------- */

static int seal(const struct cell_boot *boot, size_t size, int *ret_fd, struct error *error)
{
    static const char failure[] = "cannot write the cell's orders";
    auto_close int fd = memfd_create("postern-cell-boot", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return error_set(error, errno, failure);
    const char *bytes = (const char *)boot;
    for (size_t done = 0; done < size;) {
        ssize_t put = write(fd, bytes + done, size - done);
        if (put <= 0)
            return error_set(error, put < 0 ? errno : EIO, failure);
        done += (size_t)put;
    }
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
        return error_set(error, errno, failure);
    *ret_fd = take_fd(&fd);
    return 0;
}

const char *cell_plan_program(const struct cell_plan *plan)
{
    return plan->program != NULL ? plan->program : plan->process->args.items[0];
}

int cell_boot_write(const struct cell_plan *plan, const struct joined *joined, unsigned int join_flags, unsigned int clone_flags,
                    int *ret_fd, struct error *error)
{
    const struct oci_process *process = plan->process;
    const char *program = cell_plan_program(plan);
    const size_t text = strlen(program) + 1 + size_of(&process->args) + size_of(&process->env);
    if (text > CELL_TEXT_MAX)
        return error_set(error, E2BIG, "process.args and process.env");
    auto_free struct cell_boot *boot = calloc(1, sizeof(*boot) + text);
    if (boot == NULL)
        return error_set(error, ENOMEM, "cannot prepare the cell's orders");
    boot->join_flags = join_flags;
    boot->clone_flags = clone_flags;
    boot->text_size = (uint32_t)text;
    boot->arg_count = (uint32_t)process->args.count;
    boot->env_count = (uint32_t)process->env.count;
    (void)put_words(put_words(stpcpy((char *)(boot + 1), program) + 1, &process->args), &process->env);
    int status = fill(boot, plan, joined, error);
    if (status == 0)
        status = cell_boot_check(boot, sizeof(*boot) + text, error);
    return status == 0 ? seal(boot, sizeof(*boot) + text, ret_fd, error) : status;
}
