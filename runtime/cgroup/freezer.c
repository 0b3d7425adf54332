/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Freezing, and knowing when it is done. The kernel says so by itself only when every thread has been stopped at its
 * way back to its program. A guest's thread whose system call the sentry is answering sleeps until the answer is there
 * (nothing but a kill wakes it), and no answer comes from a frozen sentry: the kernel would say "freezing" for ever.
 * Such a thread runs no more than a frozen one, and would be stopped on its way back; so we look at the threads
 * ourselves, too.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/cgroup/tree.h"

enum {
    PAUSE_MS = 2,
    TRIES = 1000,    /* of PAUSE_MS each */
    QUIET_LOOKS = 5, /* in a row without a thread that runs */
    NUDGE = 25,      /* tries until the kernel is told again: a fork meanwhile can keep the whole from settling */
};

static const struct freezer {
    const char *file, *freeze, *thaw;
    const char *state, *state_frozen, *state_thawed; /* the first: a file with a line that is one of the others */
    const char *quiet; /* states of threads that do not run: version 2 freezes in an ordinary sleep */
} freezers[] = {
    {"freezer.state", "FROZEN", "THAWED", "freezer.state", "FROZEN", "THAWED", "DZXTt"},
    {"cgroup.freeze", "1", "0", "cgroup.events", "frozen 1", "frozen 0", "DSZXTt"},
};

static const struct freezer *freezer_of(const struct cgroup_place *place)
{
    return &freezers[place->controllers[0] == '\0'];
}

/* 0 for a thread that has gone. */
static char thread_state(const char *stat_path)
{
    auto_free char *text = NULL;
    const char *end = cgroup_read_path(stat_path, &text) == 0 ? strrchr(text, ')') : NULL;
    return end != NULL && end[1] == ' ' ? end[2] : '\0';
}

static bool is_quiet(pid_t pid, const char *quiet)
{
    char path[300];
    (void)snprintf(path, sizeof(path), "/proc/%d/task", pid);
    auto_closedir DIR *threads = opendir(path);
    bool result = true;
    for (struct dirent *entry; threads != NULL && result && (entry = readdir(threads)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof(path), "/proc/%d/task/%.32s/stat", pid, entry->d_name);
        char state = thread_state(path);
        result = state == '\0' || strchr(quiet, state) != NULL;
    }
    return result;
}

static bool are_quiet(const struct cgroup *cgroup, const struct cgroup_place *place, const char *quiet)
{
    auto_free pid_t *pids = NULL;
    size_t count = 0;
    bool result = cgroup_members(cgroup, place, &pids, &count) == 0;
    for (size_t i = 0; i < count && result; i++)
        result = is_quiet(pids[i], quiet);
    return result;
}

static bool has_line(const char *text, const char *line)
{
    size_t length = strlen(line);
    for (const char *at = text; *at != '\0'; at += strcspn(at, "\n")) {
        at += *at == '\n';
        if (strncmp(at, line, length) == 0 && (at[length] == '\n' || at[length] == '\0'))
            return true;
    }
    return false;
}

static int settle(const struct cgroup *cgroup, const struct cgroup_place *place, bool frozen)
{
    static const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000};
    const struct freezer *freezer = freezer_of(place);
    int looks = 0;
    for (int i = 1; i <= TRIES; i++) {
        auto_free char *state = NULL;
        int result = cgroup_read(cgroup, place, freezer->state, &state);
        if (result < 0)
            return result;
        if (has_line(state, frozen ? freezer->state_frozen : freezer->state_thawed))
            return 0;
        looks = frozen && are_quiet(cgroup, place, freezer->quiet) ? looks + 1 : 0;
        if (looks == QUIET_LOOKS)
            return 0;
        if (i % NUDGE == 0)
            result = cgroup_write(cgroup, place, freezer->file, frozen ? freezer->freeze : freezer->thaw);
        if (result < 0)
            return result;
        (void)nanosleep(&pause, NULL);
    }
    return -ETIMEDOUT;
}

int cgroup_freeze_in(const struct cgroup *cgroup, bool frozen, struct error *error)
{
    const struct cgroup_place *place = cgroup_freezer(cgroup);
    if (place == NULL)
        return error_set(error, ENODEV, "this host has no cgroup controller \"freezer\"");
    const struct freezer *freezer = freezer_of(place);
    int result = cgroup_write(cgroup, place, freezer->file, frozen ? freezer->freeze : freezer->thaw);
    if (result == 0)
        result = settle(cgroup, place, frozen);
    if (result < 0 && frozen)
        (void)cgroup_write(cgroup, place, freezer->file, freezer->thaw); /* half frozen is neither */
    return result < 0 ? error_set(error, result, "cannot %s %s", frozen ? "freeze" : "thaw", cgroup->path) : 0;
}

/* What was wished for: a wish that could not be met was taken back. Version 1 says FREEZING while it is not quite met.
 */
bool cgroup_is_frozen_in(const struct cgroup *cgroup)
{
    const struct cgroup_place *place = cgroup_freezer(cgroup);
    auto_free char *text = NULL;
    if (place == NULL || cgroup_read(cgroup, place, freezer_of(place)->file, &text) < 0)
        return false;
    return text[0] == freezer_of(place)->freeze[0];
}

bool cgroup_would_freeze(const struct cgroup *cgroup)
{
    const struct cgroup_place *place = cgroup_freezer(cgroup);
    auto_free char *text = NULL;
    if (cgroup_is_frozen_in(cgroup))
        return true;
    /* Of a folder without processes the kernel says at once what those above it make of it. */
    return place != NULL && cgroup_read(cgroup, place, freezer_of(place)->state, &text) == 0 &&
           has_line(text, freezer_of(place)->state_frozen);
}

/* Version 2 needs no controller to freeze. */
const struct cgroup_place *cgroup_freezer(const struct cgroup *cgroup)
{
    const struct cgroup_place *place = cgroup_find(cgroup, "freezer");
    return place != NULL ? place : cgroup_find(cgroup, "");
}
