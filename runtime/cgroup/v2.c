/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/cgroup/tree.h"

/*
 * Gives the children of a folder every controller it has. One by one: a controller that cannot be handed on (it is in
 * use by processes of the folder itself) is missed, by name, when something is to be set with it.
 */
static void hand_on_controllers(const char *folder)
{
    char path[PATH_MAX + 32];
    auto_free char *controllers = NULL;
    char *rest = NULL;
    (void)snprintf(path, sizeof(path), "%s/cgroup.controllers", folder);
    if (cgroup_read_path(path, &controllers) < 0)
        return;
    (void)snprintf(path, sizeof(path), "%s/cgroup.subtree_control", folder);
    for (char *word = strtok_r(controllers, " \n", &rest); word != NULL; word = strtok_r(NULL, " \n", &rest)) {
        char text[64];
        (void)snprintf(text, sizeof(text), "+%.60s", word);
        (void)cgroup_write_path(path, text);
    }
}

int cgroup_v2_make(const struct cgroup *cgroup, const struct cgroup_place *place, struct error *error)
{
    char folder[PATH_MAX];
    int result = cgroup_file(cgroup, place, NULL, folder);
    if (result < 0)
        return error_set(error, result, "cannot make the cgroup %s", cgroup->path);
    for (char *at = folder + strlen(place->mount); at != NULL; at = strchr(at + 1, '/')) {
        *at = '\0'; /* the folder above, which is there by now */
        if (cgroup->unified)
            hand_on_controllers(folder);
        *at = '/';
        char *end = strchr(at + 1, '/');
        if (end != NULL)
            *end = '\0';
        if (mkdir(folder, 0755) < 0 && errno != EEXIST)
            return error_set(error, errno, "cannot make the cgroup %s", folder);
        if (end != NULL)
            *end = '/';
    }
    return 0;
}
