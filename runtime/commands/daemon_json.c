/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/commands/daemon_json.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_gen.h>

#include "oci-spec/arena.h"
#include "oci-spec/json.h"
#include "postern/cleanup.h"
#include "postern/error.h"

enum { NAME_MAX_BYTES = 64 };

int daemon_json_check_name(const char *name, struct error *error)
{
    size_t length = strlen(name);
    bool good = length > 0 && length <= NAME_MAX_BYTES && isalnum((unsigned char)name[0]) != 0;
    for (const char *c = name; good && *c != '\0'; c++)
        good = isalnum((unsigned char)*c) || strchr("._-", *c) != NULL;
    if (!good)
        return error_refuse(error, "\"%.80s\" is no name for a runtime: letters, digits, and . _ - after the first", name);
    if (strcmp(name, "runc") == 0 || strncmp(name, "io.containerd.", 14) == 0)
        return error_refuse(error, "\"%s\" is a name Docker keeps for itself", name);
    return 0;
}

/* -- the tree ----------------------------------------------------------------------------------------------------- */

static bool has_key(const struct json_value *value, const char *key)
{
    return value->key_length == strlen(key) && memcmp(value->key, key, value->key_length) == 0;
}

/* The member of a name, or NULL. Two of them would mean something else to Docker than to us. */
static int find(const struct json_value *object, const char *key, struct json_value **ret_value, struct error *error)
{
    struct json_value *found = NULL;
    for (struct json_value *member = object->first; member != NULL; member = member->next) {
        if (!has_key(member, key))
            continue;
        if (found != NULL)
            return error_refuse(error, "it has \"%s\" twice", key);
        found = member;
    }
    *ret_value = found;
    return 0;
}

static void append(struct json_value *parent, struct json_value *child)
{
    if (parent->last != NULL)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    parent->count++;
}

static void take_out(struct json_value *parent, const struct json_value *child)
{
    struct json_value *before = NULL;
    for (struct json_value *member = parent->first; member != child; member = member->next)
        before = member;
    if (before != NULL)
        before->next = child->next;
    else
        parent->first = child->next;
    if (parent->last == child)
        parent->last = before;
    parent->count--;
}

static struct json_value *new_value(struct arena *arena, enum json_type type, const char *key, const char *text)
{
    struct json_value *value = arena_alloc(arena, sizeof(*value));
    if (value != NULL)
        *value = (struct json_value){.type = type,
                                     .key = key,
                                     .key_length = key != NULL ? strlen(key) : 0,
                                     .text = text,
                                     .length = text != NULL ? strlen(text) : 0};
    return value;
}

static int parse(struct arena *arena, const char *text, size_t size, struct json_value **ret_root, struct error *error)
{
    static const struct json_limits limits = {.depth = 32, .values = 100000};
    bool empty = true;
    for (size_t i = 0; i < size && empty; i++)
        empty = isspace((unsigned char)text[i]) != 0;
    int result = json_parse(arena, empty ? "{}" : text, empty ? 2 : size, &limits, ret_root, error);
    if (result == 0 && (*ret_root)->type != JSON_OBJECT)
        result = error_refuse(error, "it is %s, not an object", json_type_name((*ret_root)->type));
    return result;
}

/* "runtimes", or NULL. */
static int find_runtimes(const struct json_value *root, struct json_value **ret_runtimes, struct error *error)
{
    int result = find(root, "runtimes", ret_runtimes, error);
    if (result == 0 && *ret_runtimes != NULL && (*ret_runtimes)->type != JSON_OBJECT)
        result = error_refuse(error, "\"runtimes\" is %s, not an object", json_type_name((*ret_runtimes)->type));
    return result;
}

/* -- back to text ------------------------------------------------------------------------------------------------- */

static void write_value(yajl_gen generator, const struct json_value *value);

static void write_string(yajl_gen generator, const char *text, size_t length)
{
    (void)yajl_gen_string(generator, (const unsigned char *)text, length);
}

static void write_members(yajl_gen generator, const struct json_value *value)
{
    bool object = value->type == JSON_OBJECT;
    (void)(object ? yajl_gen_map_open(generator) : yajl_gen_array_open(generator));
    for (const struct json_value *member = value->first; member != NULL; member = member->next) {
        if (object)
            write_string(generator, member->key, member->key_length);
        write_value(generator, member);
    }
    (void)(object ? yajl_gen_map_close(generator) : yajl_gen_array_close(generator));
}

/* The parser has bounded the depth. */
static void write_value(yajl_gen generator, const struct json_value *value)
{
    switch (value->type) {
    case JSON_NULL:
        (void)yajl_gen_null(generator);
        break;
    case JSON_BOOL:
        (void)yajl_gen_bool(generator, value->truth);
        break;
    case JSON_NUMBER:
        (void)yajl_gen_number(generator, value->text, value->length);
        break;
    case JSON_STRING:
        write_string(generator, value->text, value->length);
        break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        write_members(generator, value);
        break;
    }
}

static int write_text(const struct json_value *root, char **ret_text, struct error *error)
{
    yajl_gen generator = yajl_gen_alloc(NULL);
    if (generator == NULL)
        return error_set(error, ENOMEM, "cannot write JSON");
    (void)yajl_gen_config(generator, yajl_gen_beautify, 1);
    (void)yajl_gen_config(generator, yajl_gen_indent_string, "    ");
    write_value(generator, root);
    const unsigned char *buffer = NULL;
    size_t size = 0;
    char *text = NULL;
    if (yajl_gen_get_buf(generator, &buffer, &size) == yajl_gen_status_ok)
        text = strndup((const char *)buffer, size);
    yajl_gen_free(generator);
    if (text == NULL)
        return error_set(error, ENOMEM, "cannot write JSON");
    *ret_text = text;
    return 0;
}

/* -- the two changes ---------------------------------------------------------------------------------------------- */

static struct json_value *new_runtime(struct arena *arena, const char *name, const char *path, char *const *args)
{
    struct json_value *runtime = new_value(arena, JSON_OBJECT, name, NULL);
    struct json_value *program = new_value(arena, JSON_STRING, "path", path);
    struct json_value *list = new_value(arena, JSON_ARRAY, "runtimeArgs", NULL);
    if (runtime == NULL || program == NULL || list == NULL)
        return NULL;
    append(runtime, program);
    for (; *args != NULL; args++) {
        struct json_value *word = new_value(arena, JSON_STRING, NULL, *args);
        if (word == NULL)
            return NULL;
        append(list, word);
    }
    if (list->count > 0)
        append(runtime, list);
    return runtime;
}

int daemon_json_add(const char *text, size_t size, const char *name, const char *path, char *const *args, char **ret_text,
                    struct error *error)
{
    struct json_value *root, *runtimes = NULL, *old = NULL;
    auto_arena struct arena *arena = arena_new();
    if (arena == NULL)
        return error_set(error, ENOMEM, "cannot read JSON");
    int result = parse(arena, text, size, &root, error);
    if (result == 0)
        result = find_runtimes(root, &runtimes, error);
    if (result == 0 && runtimes != NULL)
        result = find(runtimes, name, &old, error);
    if (result < 0)
        return result;

    struct json_value *runtime = new_runtime(arena, name, path, args);
    if (runtimes == NULL && (runtimes = new_value(arena, JSON_OBJECT, "runtimes", NULL)) != NULL)
        append(root, runtimes);
    if (runtime == NULL || runtimes == NULL)
        return error_set(error, ENOMEM, "cannot write JSON");
    if (old != NULL)
        take_out(runtimes, old);
    append(runtimes, runtime);
    return write_text(root, ret_text, error);
}

int daemon_json_remove(const char *text, size_t size, const char *name, char **ret_text, struct error *error)
{
    struct json_value *root, *runtimes = NULL, *old = NULL, *preferred = NULL;
    auto_arena struct arena *arena = arena_new();
    if (arena == NULL)
        return error_set(error, ENOMEM, "cannot read JSON");
    int result = parse(arena, text, size, &root, error);
    if (result == 0)
        result = find_runtimes(root, &runtimes, error);
    if (result == 0 && runtimes != NULL)
        result = find(runtimes, name, &old, error);
    if (result == 0)
        result = find(root, "default-runtime", &preferred, error);
    if (result < 0)
        return result;
    if (old == NULL)
        return -ENOENT;
    if (preferred != NULL && preferred->type == JSON_STRING && strcmp(preferred->text, name) == 0)
        return error_refuse(error, "\"%s\" is its \"default-runtime\": choose another one first", name);
    take_out(runtimes, old);
    if (runtimes->count == 0)
        take_out(root, runtimes);
    return write_text(root, ret_text, error);
}
