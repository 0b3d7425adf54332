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

/* Up to its end; -EFBIG if that is beyond OCI_FILE_MAX. */
static int read_all(int fd, char **ret_text, size_t *ret_size)
{
    enum { FIRST_ROOM = 16384 };
    size_t room = 0, used = 0;
    auto_free char *text = NULL;
    for (ssize_t got = 1; got != 0;) {
        if (used == room) {
            if (room > OCI_FILE_MAX)
                return -EFBIG;
            room = room == 0 ? FIRST_ROOM : room * 2 > OCI_FILE_MAX ? OCI_FILE_MAX + 1 : room * 2;
            char *larger = realloc(text, room);
            if (larger == NULL)
                return -ENOMEM;
            text = larger;
        }
        got = read(fd, text + used, room - used);
        if (got < 0 && errno != EINTR)
            return -errno;
        used += got > 0 ? (size_t)got : 0;
        got = got < 0 ? 1 : got; /* interrupted: again */
    }
    *ret_text = take_ptr(text);
    *ret_size = used;
    return 0;
}

static int read_fd(int fd, const char *path, char **ret_text, size_t *ret_size, struct error *error)
{
    int result = read_all(fd, ret_text, ret_size);
    if (result == -EFBIG)
        return error_refuse(error, "%s: larger than %d MiB", path, OCI_FILE_MAX / (1024 * 1024));
    return result < 0 ? error_set(error, result, "cannot read %s", path) : 0;
}

int oci_read(int folder, const char *name, const char *shown, char **ret_text, size_t *ret_size, struct error *error)
{
    struct stat status;
    /* O_NONBLOCK: a FIFO in the place of the file must not hang us; it has no effect on a regular file. */
    auto_close int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &status) < 0)
        return error_set(error, errno, "cannot open %s", shown);
    if (!S_ISREG(status.st_mode))
        return error_refuse(error, "%s: not a regular file", shown);
    return read_fd(fd, shown, ret_text, ret_size, error);
}

/* A file the caller names on the command line may be a pipe: the shell's <(COMMAND). */
static int read_given(const char *path, char **ret_text, size_t *ret_size, struct error *error)
{
    struct stat status;
    auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 || fstat(fd, &status) < 0)
        return error_set(error, errno, "cannot open %s", path);
    if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode))
        return error_refuse(error, "%s: neither a regular file nor a pipe", path);
    return read_fd(fd, path, ret_text, ret_size, error);
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
    int result = read_given(path, &text, &size, error);
    return result < 0 ? result : parse(&subject, text, size, ret_config, error);
}

struct oci_config *oci_free(struct oci_config *config)
{
    if (config != NULL)
        (void)arena_free(config->arena); /* the configuration is in it */
    return NULL;
}
