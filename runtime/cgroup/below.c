/* SPDX-License-Identifier: Apache-2.0 */
/* exec --cgroup: a process goes into folders that are there already below the container's cgroup. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "postern/error.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/cgroup/tree.h"

/* Where the path begins in "[CONTROLLER[,CONTROLLER]...:]PATH". */
static const char *path_of(const char *word)
{
    const char *colon = strchr(word, ':');
    return colon != NULL ? colon + 1 : word;
}

static bool leads_out(const char *path)
{
    for (const char *part = path; part != NULL; part = strchr(part, '/')) {
        part += strspn(part, "/");
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0'))
            return true;
    }
    return false;
}

int cgroup_below_check(const char *const *words, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        const char *path = path_of(words[i]);
        if (strchr(path, ':') != NULL)
            return error_refuse(error, "invalid --cgroup argument: %.80s", words[i]);
        if (path == words[i] && count > 1)
            return error_refuse(error, "invalid --cgroup argument: %.80s (missing <controller>: prefix)", words[i]);
        if (leads_out(path))
            return error_refuse(error, "bad sub cgroup path: %.80s leads out of the container's cgroup", words[i]);
    }
    return 0;
}

/* Marks the place of each controller the word names; all of them if it names none. */
static int choose(const struct cgroup *cgroup, const char *word, bool chosen[CGROUP_PLACES_MAX], struct error *error)
{
    const char *colon = strchr(word, ':');
    memset(chosen, colon == NULL, CGROUP_PLACES_MAX * sizeof(chosen[0]));
    for (const char *at = word; colon != NULL && at < colon; at += strcspn(at, ",:") + 1) {
        char controller[64];
        bool found = false;
        (void)snprintf(controller, sizeof(controller), "%.*s", (int)strcspn(at, ",:"), at);
        for (size_t i = 0; i < cgroup->count; i++)
            if (controller[0] != '\0' && cgroup_place_has(&cgroup->places[i], controller))
                chosen[i] = found = true;
        if (!found)
            return error_refuse(error, "unknown controller %.40s in --cgroup %.80s", controller, word);
    }
    return 0;
}

static int add(const struct cgroup *cgroup, const struct cgroup_place *place, const char *path, pid_t pid)
{
    char file[PATH_MAX], text[16];
    int size = snprintf(file, sizeof(file), "%s/cgroup.procs", path);
    if (size < 0 || (size_t)size >= sizeof(file))
        return -ENAMETOOLONG;
    (void)snprintf(text, sizeof(text), "%d", pid);
    int result = cgroup_write(cgroup, place, file, text);
    /* Beside version 1 the tree of version 2 limits nothing, and nobody makes folders there. */
    return result == -ENOENT && !cgroup->unified && place->controllers[0] == '\0' ? 0 : result;
}

int cgroup_add_below(const char *path, bool systemd, const char *const *words, size_t count, pid_t pid, struct error *error)
{
    struct cgroup cgroup;
    int result = cgroup_open_for(path, systemd, &cgroup, error);
    for (size_t i = 0; result == 0 && i < count; i++) {
        bool chosen[CGROUP_PLACES_MAX];
        const char *below = path_of(words[i]);
        result = choose(&cgroup, words[i], chosen, error);
        for (size_t j = 0; result == 0 && j < cgroup.count; j++)
            if (chosen[j] && (result = add(&cgroup, &cgroup.places[j], below, pid)) < 0)
                (void)error_set(error, result, "--cgroup: cannot put the process into %s%s/%s", cgroup.places[j].mount,
                                cgroup.path, below);
    }
    return result;
}
