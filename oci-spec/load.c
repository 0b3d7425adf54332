/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-spec/arena.h"
#include "oci-spec/fields.h"
#include "oci-spec/json.h"
#include "oci-spec/oci.h"
#include "oci-spec/validate.h"
#include "postern/cleanup.h"
#include "postern/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* What a file is about: all of a container, or one process. */
struct subject {
    const char *file; /* for the words */
    const struct where *where;
    const struct object *object;
    size_t offset; /* of its structure in struct oci_config */
    int (*validate)(struct oci_config *config, struct error *error);
};

static int parse(const struct subject *subject, const char *text, size_t size, struct oci_config **ret_config, struct error *error)
{
    static const struct json_limits limits = {.depth = OCI_DEPTH_MAX, .values = OCI_VALUES_MAX};
    if (size > OCI_FILE_MAX)
        return error_refuse(error, "%s: larger than %d MiB", subject->file, OCI_FILE_MAX / (1024 * 1024));

    auto_arena struct arena *syntax = arena_new();
    auto_arena struct arena *model = arena_new();
    struct oci_config *config = model != NULL ? arena_alloc(model, sizeof(*config)) : NULL;
    if (syntax == NULL || config == NULL)
        return error_set(error, ENOMEM, "cannot read the configuration");

    struct json_value *root;
    int result = json_parse(syntax, text, size, &limits, &root, error);
    if (result < 0) {
        error_prefix(error, "%s", subject->file);
        return result;
    }

    config->arena = model;
    const struct conversion conversion = {.arena = model, .config = config, .error = error};
    result = schema_object(&conversion, subject->where, root, subject->object, (char *)config + subject->offset);
    if (result == 0)
        result = subject->validate(config, error);
    if (result < 0)
        return result;
    (void)take_ptr(model);
    *ret_config = config;
    return 0;
}

int oci_parse(const char *text, size_t size, struct oci_config **ret_config, struct error *error)
{
    static const struct subject subject = {.file = "config.json", .object = &config_object, .validate = oci_validate};
    return parse(&subject, text, size, ret_config, error);
}

/* Reads a whole regular file of at most OCI_FILE_MAX bytes, as it is at the time of reading. */
static int read_all(int fd, char **ret_text, size_t *ret_size)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return -errno;
    if (!S_ISREG(status.st_mode))
        return -EINVAL;
    if (status.st_size > OCI_FILE_MAX)
        return -EFBIG;

    size_t room = (size_t)status.st_size + 1, used = 0; /* one more, to notice a file that grows */
    auto_free char *text = malloc(room);
    if (text == NULL)
        return -ENOMEM;
    while (used < room) {
        ssize_t got = read(fd, text + used, room - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        used += (size_t)got;
    }
    if (used == room)
        return -EAGAIN;
    *ret_text = take_ptr(text);
    *ret_size = used;
    return 0;
}

static int read_failed(const char *path, int code, struct error *error)
{
    switch (-code) {
    case EINVAL:
        return error_refuse(error, "%s: not a regular file", path);
    case EFBIG:
        return error_refuse(error, "%s: larger than %d MiB", path, OCI_FILE_MAX / (1024 * 1024));
    case EAGAIN:
        return error_refuse(error, "%s: changed while it was read", path);
    default:
        return error_set(error, code, "cannot read %s", path);
    }
}

int oci_read(int folder, const char *name, const char *shown, char **ret_text, size_t *ret_size, struct error *error)
{
    /* O_NONBLOCK: a FIFO in the place of the file must not hang us; it has no effect on a regular file. */
    auto_close int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return error_set(error, errno, "cannot open %s", shown);

    int result = read_all(fd, ret_text, ret_size);
    return result < 0 ? read_failed(shown, result, error) : 0;
}

int oci_load(const char *path, struct oci_config **ret_config, struct error *error)
{
    auto_free char *text = NULL;
    size_t size = 0;
    int result = oci_read(AT_FDCWD, path, path, &text, &size, error);
    return result < 0 ? result : oci_parse(text, size, ret_config, error);
}

int oci_load_process(const char *path, struct oci_config **ret_config, struct error *error)
{
    static const struct where where = {.name = "process"};
    const struct subject subject = {.file = path,
                                    .where = &where,
                                    .object = &process_object,
                                    .offset = offsetof(struct oci_config, process),
                                    .validate = oci_validate_process};
    auto_free char *text = NULL;
    size_t size = 0;
    int result = oci_read(AT_FDCWD, path, path, &text, &size, error);
    return result < 0 ? result : parse(&subject, text, size, ret_config, error);
}

int oci_env_add(struct oci_config *config, char *const *items, size_t count)
{
    struct oci_strings *env = &config->process.env;
    char **all = arena_array(config->arena, env->count + count + 1, sizeof(*all));
    if (all == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < env->count + count; i++)
        all[i] = i < env->count ? env->items[i] : items[i - env->count];
    *env = (struct oci_strings){.items = all, .count = env->count + count};
    return 0;
}

struct oci_config *oci_free(struct oci_config *config)
{
    if (config != NULL)
        (void)arena_free(config->arena); /* the configuration is in it */
    return NULL;
}

const struct oci_namespace *oci_find_namespace(const struct oci_config *config, enum oci_namespace_type type)
{
    const struct oci_namespaces *namespaces = &config->linux_config.namespaces;
    for (size_t i = 0; i < namespaces->count; i++)
        if (namespaces->items[i].type == (int)type)
            return &namespaces->items[i];
    return NULL;
}

const char *oci_annotation(const struct oci_config *config, const char *key)
{
    /* From the end: of two equal names the last one counts. */
    for (size_t i = config->annotations.count; i > 0; i--)
        if (strcmp(config->annotations.items[i - 1].key, key) == 0)
            return config->annotations.items[i - 1].value;
    return NULL;
}
