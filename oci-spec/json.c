/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-spec/json.h"

#include "oci-spec/arena.h"
#include "postern/error.h"

#include <errno.h>
#include <string.h>
#include <yajl/yajl_parse.h>

enum { DEPTH_CEILING = 256 };

/* State of one parse. A callback that fails says why in `refusal` or, when memory is short, sets `no_memory`. */
struct builder {
    struct arena *arena;
    const struct json_limits *limits;
    struct json_value *root;
    struct json_value *open[DEPTH_CEILING];
    size_t depth, values;
    const char *key; /* the name the next value of an object gets */
    size_t key_length;
    const char *refusal;
    bool no_memory;
};

const char *json_type_name(enum json_type type)
{
    static const char *const names[] = {
        [JSON_NULL] = "null",       [JSON_BOOL] = "a boolean", [JSON_NUMBER] = "a number",
        [JSON_STRING] = "a string", [JSON_ARRAY] = "an array", [JSON_OBJECT] = "an object",
    };
    return names[type];
}

static int refuse(struct builder *builder, const char *reason)
{
    builder->refusal = reason;
    return 0;
}

static int no_memory(struct builder *builder)
{
    builder->no_memory = true;
    return 0;
}

static void attach(struct builder *builder, struct json_value *value)
{
    if (builder->depth == 0) {
        builder->root = value;
        return;
    }

    struct json_value *parent = builder->open[builder->depth - 1];
    if (parent->type == JSON_OBJECT) {
        value->key = builder->key;
        value->key_length = builder->key_length;
    }
    if (parent->last == NULL)
        parent->first = value;
    else
        parent->last->next = value;
    parent->last = value;
    parent->count++;
}

static struct json_value *add(struct builder *builder, enum json_type type)
{
    if (++builder->values > builder->limits->values) {
        (void)refuse(builder, "too many values");
        return NULL;
    }

    struct json_value *value = arena_alloc(builder->arena, sizeof(*value));
    if (value == NULL) {
        (void)no_memory(builder);
        return NULL;
    }
    value->type = type;
    attach(builder, value);
    return value;
}

static int add_text(struct builder *builder, enum json_type type, const char *text, size_t length)
{
    struct json_value *value = add(builder, type);
    if (value == NULL)
        return 0;

    value->text = arena_copy(builder->arena, text, length);
    value->length = length;
    return value->text != NULL ? 1 : no_memory(builder);
}

static int open_container(struct builder *builder, enum json_type type)
{
    if (builder->depth >= builder->limits->depth || builder->depth >= DEPTH_CEILING)
        return refuse(builder, "nested too deeply");

    struct json_value *value = add(builder, type);
    if (value == NULL)
        return 0;
    builder->open[builder->depth++] = value;
    return 1;
}

static int on_null(void *context)
{
    return add(context, JSON_NULL) != NULL;
}

static int on_boolean(void *context, int truth)
{
    struct json_value *value = add(context, JSON_BOOL);
    if (value == NULL)
        return 0;
    value->truth = truth != 0;
    return 1;
}

static int on_number(void *context, const char *text, size_t length)
{
    return add_text(context, JSON_NUMBER, text, length);
}

static int on_string(void *context, const unsigned char *text, size_t length)
{
    return add_text(context, JSON_STRING, (const char *)text, length);
}

static int on_start_map(void *context)
{
    return open_container(context, JSON_OBJECT);
}

static int on_map_key(void *context, const unsigned char *text, size_t length)
{
    struct builder *builder = context;
    builder->key = arena_copy(builder->arena, (const char *)text, length);
    builder->key_length = length;
    return builder->key != NULL ? 1 : no_memory(builder);
}

static int on_start_array(void *context)
{
    return open_container(context, JSON_ARRAY);
}

static int on_end(void *context)
{
    struct builder *builder = context;
    builder->depth--;
    return 1;
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_start_map,
    .yajl_map_key = on_map_key,
    .yajl_end_map = on_end,
    .yajl_start_array = on_start_array,
    .yajl_end_array = on_end,
};

/* The place, and yajl's own words up to the newline they end in. */
static int syntax_error(yajl_handle handle, const char *text, size_t consumed, const char *refusal, struct error *error)
{
    size_t line = 1, column = 1;
    for (size_t i = 0; i < consumed; i++) {
        column++;
        if (text[i] == '\n') {
            line++;
            column = 1;
        }
    }
    if (refusal != NULL)
        return error_refuse(error, "line %zu, column %zu: %s", line, column, refusal);

    unsigned char *said = yajl_get_error(handle, 0, NULL, 0);
    const char *reason = said != NULL ? (const char *)said : "not valid JSON";
    int result = error_refuse(error, "line %zu, column %zu: %.*s", line, column, (int)strcspn(reason, "\n"), reason);
    if (said != NULL)
        yajl_free_error(handle, said);
    return result;
}

static int run_parser(yajl_handle handle, struct builder *builder, const char *text, size_t size, struct error *error)
{
    yajl_status status = yajl_parse(handle, (const unsigned char *)text, size);
    size_t consumed = status == yajl_status_ok ? size : yajl_get_bytes_consumed(handle);
    if (status == yajl_status_ok)
        status = yajl_complete_parse(handle);
    if (builder->no_memory)
        return error_set(error, ENOMEM, "cannot parse JSON");
    if (status != yajl_status_ok)
        return syntax_error(handle, text, consumed < size ? consumed : size, builder->refusal, error);
    return 0;
}

static bool is_blank(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (strchr(" \t\r\n", text[i]) == NULL || text[i] == '\0')
            return false;
    return true;
}

int json_parse(struct arena *arena, const char *text, size_t size, const struct json_limits *limits,
               struct json_value **ret_value, struct error *error)
{
    struct builder builder = {.arena = arena, .limits = limits};
    if (is_blank(text, size)) /* yajl would say "premature EOF" */
        return error_refuse(error, "the file is empty");
    yajl_handle handle = yajl_alloc(&callbacks, NULL, &builder);
    if (handle == NULL)
        return error_set(error, ENOMEM, "cannot parse JSON");

    int result = run_parser(handle, &builder, text, size, error);
    yajl_free(handle);
    if (result < 0)
        return result;
    *ret_value = builder.root;
    return 0;
}
