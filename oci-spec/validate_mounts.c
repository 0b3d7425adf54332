/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-spec/arena.h"
#include "oci-spec/names.h"
#include "oci-spec/oci.h"
#include "oci-spec/validate.h"
#include "postern/error.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>

/* Joins file system data with commas in a buffer of MOUNT_DATA_MAX + 1 bytes. */
static int join(char *data, size_t *used, const char *option)
{
    size_t length = strlen(option), comma = *used > 0;
    if (length + comma > MOUNT_DATA_MAX - *used)
        return -E2BIG;

    if (comma)
        data[*used] = ',';
    memcpy(data + *used + comma, option, length + 1);
    *used += length + comma;
    return 0;
}

static int understand_options(struct arena *arena, size_t index, struct oci_mount *mount, struct error *error)
{
    char data[MOUNT_DATA_MAX + 1], buffer[SHOWN_MAX];
    size_t used = 0;
    for (size_t i = 0; i < mount->options.count; i++) {
        const char *reason, *option = mount->options.items[i];
        bool is_data;
        if (mount_option_apply(&mount->parsed, mount->type, option, &is_data, &reason) < 0)
            return error_refuse(error, "mounts[%zu].options[%zu]: \"%s\": %s", index, i, shown(buffer, option), reason);
        if (is_data && join(data, &used, option) < 0)
            return error_refuse(error, "mounts[%zu].options[%zu]: more than %d bytes of file system options", index, i,
                                MOUNT_DATA_MAX);
    }
    if (used == 0)
        return 0;

    mount->parsed.data = arena_copy(arena, data, used);
    return mount->parsed.data != NULL ? 0 : error_set(error, ENOMEM, "cannot read the configuration");
}

static int validate_mount(struct oci_config *config, size_t index, struct error *error)
{
    struct oci_mount *mount = &config->mounts.items[index];
    int result = understand_options(config->arena, index, mount, error);
    if (result < 0)
        return result;

    if (mount->type != NULL && strcmp(mount->type, "bind") == 0)
        mount->parsed.flags |= MS_BIND;
    bool bind = mount_options_bind(&mount->parsed);
    if (!bind && mount->type == NULL)
        return error_refuse(error, "mounts[%zu].type: required unless the options say bind or rbind", index);
    if (bind && mount->source == NULL)
        return error_refuse(error, "mounts[%zu].source: required for a bind mount", index);
    if (bind && mount->parsed.copy_up)
        return error_refuse(error, "mounts[%zu].options: tmpcopyup is for a tmpfs", index);
    if ((mount->uid_mappings.count > 0) != (mount->gid_mappings.count > 0))
        return error_refuse(error, "mounts[%zu].%s: required when the other mapping is given", index,
                            mount->uid_mappings.count > 0 ? "gidMappings" : "uidMappings");
    return 0;
}

int oci_validate_mounts(struct oci_config *config, struct error *error)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < config->mounts.count; i++)
        result = validate_mount(config, i, error);
    return result;
}
