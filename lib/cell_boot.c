/* SPDX-License-Identifier: Apache-2.0 */
#include "postern/cell.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>

static const uint32_t namespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
                                   CLONE_NEWNET | CLONE_NEWTIME;

static bool ends(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

static int refuse(const char *field, struct error *error)
{
    return error_refuse(error, "the cell's orders: %s cannot be right", field);
}

static int check_counts(const struct cell_boot *boot, struct error *error)
{
    const struct {
        uint32_t value, limit;
        const char *field;
    } counts[] = {
        {boot->limit_count, CELL_LIMITS_MAX, "limit_count"},    {boot->sysctl_count, CELL_SYSCTLS_MAX, "sysctl_count"},
        {boot->preserve_fds, CELL_PRESERVED_MAX, "preserve_fds"}, {boot->guest.count, BPF_MAXINSNS, "guest.count"},
        {boot->config.count, BPF_MAXINSNS, "config.count"},     {boot->text_size, CELL_TEXT_MAX, "text_size"},
        {boot->arg_count, CELL_TEXT_MAX, "arg_count"},          {boot->env_count, CELL_TEXT_MAX, "env_count"},
        {boot->own_streams, 7, "own_streams"},
    };
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        if (counts[i].value > counts[i].limit)
            return refuse(counts[i].field, error);
    if (boot->arg_count == 0 || boot->guest.count == 0)
        return refuse("a program without arguments or filter", error);
    return ((boot->join_flags | boot->clone_flags) & ~namespaces) == 0 ? 0 : refuse("join_flags or clone_flags", error);
}

static int check_lists(const struct cell_boot *boot, struct error *error)
{
    for (uint32_t i = 0; i < boot->limit_count; i++) {
        const struct cell_limit *limit = &boot->limits[i];
        if (limit->resource >= RLIM_NLIMITS || limit->resource == RLIMIT_LOCKS || !ends(limit->name, sizeof(limit->name)))
            return refuse("limits", error);
    }
    for (uint32_t i = 0; i < boot->sysctl_count; i++) {
        const struct cell_sysctl *sysctl = &boot->sysctls[i];
        if (!ends(sysctl->name, sizeof(sysctl->name)) || !ends(sysctl->path, sizeof(sysctl->path)) ||
            !ends(sysctl->value, sizeof(sysctl->value)))
            return refuse("sysctls", error);
    }
    return 0;
}

/* As many words as it says, and nothing behind the last. */
static int check_text(const struct cell_boot *boot, struct error *error)
{
    const char *text = cell_boot_text(boot);
    uint64_t words = 0;
    for (uint32_t i = 0; i < boot->text_size; i++)
        words += text[i] == '\0';
    const bool whole = boot->text_size > 0 && text[boot->text_size - 1] == '\0';
    return whole && words == UINT64_C(1) + boot->arg_count + boot->env_count ? 0 : refuse("the program's words", error);
}

int cell_boot_check(const struct cell_boot *boot, size_t size, struct error *error)
{
    if (size < sizeof(*boot) || boot->magic != CELL_BOOT_MAGIC || boot->version != CELL_BOOT_VERSION)
        return error_refuse(error, "the cell's orders are not of this version; are postern and postern-cell of one build?");
    int status = check_counts(boot, error);
    if (status == 0 && size != sizeof(*boot) + boot->text_size)
        status = refuse("text_size", error);
    if (status == 0 && (!ends(boot->hostname, sizeof(boot->hostname)) || !ends(boot->joined_hostname, sizeof(boot->joined_hostname))))
        status = refuse("hostname", error);
    if (status == 0)
        status = check_lists(boot, error);
    return status == 0 ? check_text(boot, error) : status;
}
