/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.json: written through one table of fields and read through the same. What is read is judged as if somebody else
 * had written it, because a disk that was full or lost power did.
 */
#include "runtime/state/container.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yajl/yajl_gen.h>

#include "oci-spec/arena.h"
#include "oci-spec/json.h"
#include "postern/cell.h"
#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/base/await.h"
#include "runtime/base/json_write.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/state/lock.h"
#include "runtime/state/state_dir.h"

#define STATE_FILE "state.json"

enum {
    STATE_BYTES_MAX = 2 * OCI_FILE_MAX, /* the annotations of any config.json, escaped */
    STATE_DEPTH_MAX = 4,
};

struct field {
    const char *key;
    size_t offset, room;
};

#define TEXT(name)                                                                                                     \
    {                                                                                                                  \
        #name, offsetof(struct container, name), sizeof(((struct container *)0)->name)                                 \
    }
static const struct field texts[] = {TEXT(id), TEXT(bundle), TEXT(rootfs), TEXT(created), TEXT(owner), TEXT(cgroup)};

#define MARK(name)                                                                                                     \
    {                                                                                                                  \
        #name, offsetof(struct container, name), 0                                                                     \
    }
static const struct field marks[] = {MARK(init), MARK(sentry), MARK(gofer)};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* -- the folder ------------------------------------------------------------------------------------------------- */

static int does_not_exist(struct error *error)
{
    (void)error_refuse(error, "container does not exist");
    return -ENOENT;
}

int container_open(const char *root, const char *id, int *ret_folder, struct error *error)
{
    int result = state_id_check(id, error);
    if (result < 0)
        return result;

    auto_close int parent = state_root_open(root);
    if (parent == -ENOENT)
        return does_not_exist(error);
    if (parent < 0)
        return state_root_failed(error, parent, root);
    auto_close int folder = openat(parent, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0 && errno == ENOENT)
        return does_not_exist(error);
    if (folder < 0)
        return error_set(error, errno, "cannot open %s/%s", root, id);
    *ret_folder = take_fd(&folder);
    return 0;
}

int container_lock(int folder, int patience_ms)
{
    return lock_take(folder, LOCK_FILE, patience_ms);
}

int container_lock_or_say(int folder, int *ret_lock, struct error *error)
{
    int lock = container_lock(folder, await_limit_ms());
    if (lock == -ENOENT)
        return does_not_exist(error);
    if (lock == -EWOULDBLOCK)
        return error_refuse(error, "cannot lock the container: another command on it does not end (--timeout)");
    if (lock < 0)
        return error_set(error, lock, "cannot lock the container");
    *ret_lock = lock;
    return 0;
}

/* -- writing ---------------------------------------------------------------------------------------------------- */

static void write_mark(struct json_writer *writer, const struct process_mark *mark)
{
    (void)yajl_gen_map_open(writer->generator);
    json_write_text(writer, "pid");
    (void)yajl_gen_integer(writer->generator, mark->pid);
    json_write_text(writer, "start");
    (void)yajl_gen_integer(writer->generator, (long long)mark->start);
    (void)yajl_gen_map_close(writer->generator);
}

static void write_fields(struct json_writer *writer, const struct container *container)
{
    char boot_id[BOOT_ID_MAX];
    read_boot_id(boot_id);
    (void)yajl_gen_map_open(writer->generator);
    json_write_pair(writer, "boot", boot_id);
    for (size_t i = 0; i < COUNT(texts); i++)
        json_write_pair(writer, texts[i].key, (const char *)container + texts[i].offset);
    for (size_t i = 0; i < COUNT(marks); i++) {
        json_write_text(writer, marks[i].key);
        write_mark(writer, (const struct process_mark *)((const char *)container + marks[i].offset));
    }
    json_write_text(writer, "systemd_cgroup");
    (void)yajl_gen_bool(writer->generator, container->systemd_cgroup);
    json_write_pairs(writer, "annotations", &container->annotations);
    (void)yajl_gen_map_close(writer->generator);
}

static int write_all(int fd, const unsigned char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return written < 0 ? -errno : -EIO;
        bytes += written;
        size -= (size_t)written;
    }
    return 0;
}

/* Who reads sees the old file or the new one, also after a loss of power. */
static int replace_file(int folder, const unsigned char *bytes, size_t size)
{
    char name[32];
    (void)snprintf(name, sizeof(name), STATE_FILE ".%d", (int)getpid());
    auto_close int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;

    int result = write_all(fd, bytes, size);
    if (result == 0 && (fdatasync(fd) < 0 || renameat(folder, name, folder, STATE_FILE) < 0))
        result = -errno;
    if (result < 0)
        (void)unlinkat(folder, name, 0);
    return result;
}

int container_save(int folder, const struct container *container, struct error *error)
{
    auto_json_writer struct json_writer writer = {0};
    const unsigned char *text;
    size_t size;
    int result = json_writer_open(&writer, false);
    if (result < 0)
        return error_set(error, result, "cannot write the container's state");
    write_fields(&writer, container);
    if (writer.bad) /* nothing else can be: the rest came out of a JSON text, or is ours */
        return error_refuse(error, "cannot write the container's state: the bundle's path is not UTF-8");

    (void)yajl_gen_get_buf(writer.generator, &text, &size);
    result = replace_file(folder, text, size);
    return result < 0 ? error_set(error, result, "cannot write the container's state") : 0;
}

/* -- reading ---------------------------------------------------------------------------------------------------- */

static const struct json_value *member(const struct json_value *object, const char *key, enum json_type type)
{
    const struct json_value *found = NULL;
    for (const struct json_value *value = object->first; value != NULL; value = value->next)
        if (value->key_length == strlen(key) && memcmp(value->key, key, value->key_length) == 0)
            found = value;
    return found != NULL && found->type == type ? found : NULL;
}

static bool is_text(const struct json_value *value)
{
    return value != NULL && value->type == JSON_STRING && memchr(value->text, '\0', value->length) == NULL;
}

static bool read_number(const struct json_value *object, const char *key, uint64_t most, uint64_t *ret_number)
{
    const struct json_value *value = member(object, key, JSON_NUMBER);
    if (value == NULL || value->length == 0 || strspn(value->text, "0123456789") != value->length)
        return false;
    errno = 0;
    unsigned long long number = strtoull(value->text, NULL, 10);
    if (errno != 0 || number > most)
        return false;
    *ret_number = number;
    return true;
}

static bool read_text(const struct json_value *root, const struct field *field, struct container *container)
{
    const struct json_value *value = member(root, field->key, JSON_STRING);
    if (!is_text(value) || value->length >= field->room)
        return false;
    memcpy((char *)container + field->offset, value->text, value->length + 1);
    return true;
}

static bool read_mark(const struct json_value *root, const struct field *field, struct container *container)
{
    const struct json_value *value = member(root, field->key, JSON_OBJECT);
    uint64_t pid, start;
    if (value == NULL || !read_number(value, "pid", INT_MAX, &pid) ||
        !read_number(value, "start", INT64_MAX, &start))
        return false;
    *(struct process_mark *)((char *)container + field->offset) = (struct process_mark){(pid_t)pid, start};
    return true;
}

static int read_annotations(const struct json_value *root, struct oci_pairs *annotations)
{
    const struct json_value *object = member(root, "annotations", JSON_OBJECT);
    if (object == NULL || object->count == 0)
        return object == NULL ? -EINVAL : 0;

    annotations->items = calloc(object->count, sizeof(*annotations->items));
    if (annotations->items == NULL)
        return -ENOMEM;
    for (const struct json_value *value = object->first; value != NULL; value = value->next) {
        if (!is_text(value) || memchr(value->key, '\0', value->key_length) != NULL)
            return -EINVAL;
        struct oci_pair *pair = &annotations->items[annotations->count++];
        pair->key = strdup(value->key);
        pair->value = strdup(value->text);
        if (pair->key == NULL || pair->value == NULL)
            return -ENOMEM;
    }
    return 0;
}

static bool read_fields(const struct json_value *root, struct container *container)
{
    const struct json_value *systemd = member(root, "systemd_cgroup", JSON_BOOL);
    bool whole = systemd != NULL;
    for (size_t i = 0; i < COUNT(texts) && whole; i++)
        whole = read_text(root, &texts[i], container);
    for (size_t i = 0; i < COUNT(marks) && whole; i++)
        whole = read_mark(root, &marks[i], container);
    if (!whole || state_id_check(container->id, NULL) < 0)
        return false;
    container->systemd_cgroup = systemd->truth;
    return true;
}

/* After a reboot the marks would be of processes that never were ours. */
static void judge_boot(const struct json_value *root, struct container *container)
{
    const struct json_value *then = member(root, "boot", JSON_STRING);
    char now[BOOT_ID_MAX];
    read_boot_id(now);
    if (is_text(then) && strcmp(then->text, now) == 0)
        return;
    container->init = container->sentry = container->gofer = (struct process_mark){0};
}

static int read_state(int folder, char **ret_text, size_t *ret_size, struct error *error)
{
    struct stat status;
    auto_close int fd = openat(folder, STATE_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return does_not_exist(error);
    if (fd < 0 || fstat(fd, &status) < 0)
        return error_set(error, errno, "cannot open the container's state");
    if (!S_ISREG(status.st_mode) || status.st_size > STATE_BYTES_MAX)
        return error_refuse(error, "the container's state is damaged: " STATE_FILE " is no file of ours");

    size_t room = (size_t)status.st_size, size = 0;
    auto_free char *text = malloc(room + 1);
    if (text == NULL)
        return error_set(error, ENOMEM, "cannot read the container's state");
    for (ssize_t got = 1; got > 0 && size < room; size += (size_t)got)
        if ((got = read(fd, text + size, room - size)) < 0)
            return error_set(error, errno, "cannot read the container's state");
    *ret_text = take_ptr(text);
    *ret_size = size;
    return 0;
}

int container_load(int folder, struct container *ret_container, struct error *error)
{
    static const struct json_limits limits = {.depth = STATE_DEPTH_MAX, .values = OCI_VALUES_MAX};
    auto_arena struct arena *arena = arena_new();
    auto_free char *text = NULL;
    struct json_value *root;
    size_t size;
    if (arena == NULL)
        return error_set(error, ENOMEM, "cannot read the container's state");
    int result = read_state(folder, &text, &size, error);
    if (result < 0)
        return result;
    result = json_parse(arena, text, size, &limits, &root, error);
    if (result < 0) {
        error_prefix(error, "the container's state is damaged");
        return result;
    }

    struct container container = {0};
    if (root->type != JSON_OBJECT || !read_fields(root, &container))
        return error_refuse(error, "the container's state is damaged: a field is missing or wrong");
    result = read_annotations(root, &container.annotations);
    if (result < 0) {
        container_release(&container);
        return error_set(error, result, "the container's state is damaged: its annotations");
    }
    judge_boot(root, &container);
    *ret_container = container;
    return 0;
}

void container_release(struct container *container)
{
    struct oci_pairs *annotations = &container->annotations;
    for (size_t i = 0; i < annotations->count; i++) {
        free(annotations->items[i].key);
        free(annotations->items[i].value);
    }
    free(annotations->items);
    *annotations = (struct oci_pairs){0};
}

/* -- status ----------------------------------------------------------------------------------------------------- */

/* Its start has not been: its first process still is postern-cell. The socket alone does not tell, should `start` have been killed
 * before it removed it. */
static bool awaits_start(int folder, const struct container *container)
{
    static const char cell[] = "/" CELL_PROGRAM_NAME, replaced[] = "/" CELL_PROGRAM_NAME " (deleted)";
    char path[40], program[PATH_MAX];
    if (faccessat(folder, START_SOCKET, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    (void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)container->init.pid);
    ssize_t size = readlink(path, program, sizeof(program) - 1);
    if (size < 0)
        return errno != ENOENT && errno != ESRCH; /* it has ended meanwhile: a program may be short */
    program[size] = '\0';
    const char *name = strrchr(program, '/');
    return name != NULL && (strcmp(name, cell) == 0 || strcmp(name, replaced) == 0);
}

enum container_status container_status(int folder, const struct container *container)
{
    if (container->init.pid == 0)
        return lock_is_held(folder, ALIVE_FILE) ? CONTAINER_CREATING : CONTAINER_STOPPED;
    auto_close int init = process_mark_open(&container->init);
    if (init < 0)
        return CONTAINER_STOPPED;
    if (container->cgroup[0] != '\0' && cgroup_is_frozen(container->cgroup, container->systemd_cgroup))
        return CONTAINER_PAUSED;
    return awaits_start(folder, container) ? CONTAINER_CREATED : CONTAINER_RUNNING;
}

const char *container_status_name(enum container_status status)
{
    static const char *const names[] = {
        [CONTAINER_CREATING] = "creating", [CONTAINER_CREATED] = "created", [CONTAINER_RUNNING] = "running",
        [CONTAINER_PAUSED] = "paused",     [CONTAINER_STOPPED] = "stopped",
    };
    return names[status];
}
