/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-spec/schema_scalar.h"

#include "oci-spec/arena.h"
#include "oci-spec/oci.h"
#include "postern/error.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { WARNINGS_MAX = 64, PLACE_MAX = 256 };

/* -- places and messages ---------------------------------------------------------------------------------------- */

/* Appends at *used as far as there is room; what does not fit is cut, never the terminator. */
static void append(char place[PLACE_MAX], size_t *used, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void append(char place[PLACE_MAX], size_t *used, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int added = vsnprintf(place + *used, PLACE_MAX - *used, format, arguments);
    va_end(arguments);
    if (added > 0)
        *used = *used + (size_t)added < PLACE_MAX ? *used + (size_t)added : PLACE_MAX - 1;
}

static void append_where(char place[PLACE_MAX], size_t *used, const struct where *where)
{
    if (where->up != NULL)
        append_where(place, used, where->up);

    char buffer[SHOWN_MAX];
    if (where->name == NULL)
        append(place, used, "[%zu]", where->index);
    else if (where->is_key)
        append(place, used, "[\"%s\"]", shown(buffer, where->name));
    else
        append(place, used, "%s%s", *used > 0 ? "." : "", where->name);
}

/* The file itself has an empty place: it is a `where` without a name at the top, so callers pass NULL for it. */
static void place_text(char place[PLACE_MAX], const struct where *where)
{
    size_t used = 0;
    place[0] = '\0';
    if (where != NULL)
        append_where(place, &used, where);
    else
        append(place, &used, "config.json");
}

int schema_refuse(const struct conversion *conversion, const struct where *where, const char *format, ...)
{
    char place[PLACE_MAX], sentence[ERROR_TEXT_MAX - PLACE_MAX - 2];
    place_text(place, where);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    return error_refuse(conversion->error, "%s: %s", place, sentence);
}

void schema_warn(const struct conversion *conversion, const struct where *where, const char *format, ...)
{
    char place[PLACE_MAX], sentence[ERROR_TEXT_MAX];
    place_text(place, where);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    oci_warn(conversion->config, "%s: %s", place, sentence);
}

void oci_warn(struct oci_config *config, const char *format, ...)
{
    struct oci_strings *warnings = &config->warnings;
    if (warnings->count >= WARNINGS_MAX)
        return;
    if (warnings->items == NULL)
        warnings->items = arena_array(config->arena, WARNINGS_MAX + 1, sizeof(char *));
    if (warnings->items == NULL)
        return;

    char text[PLACE_MAX + ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    char *copy = arena_copy(config->arena, text, strlen(text));
    if (copy != NULL)
        warnings->items[warnings->count++] = copy;
}

int schema_expect(const struct conversion *conversion, const struct where *where, const struct json_value *value,
                  enum json_type type)
{
    if (value->type == type)
        return 0;
    return schema_refuse(conversion, where, "must be %s, not %s", json_type_name(type), json_type_name(value->type));
}

/* -- strings ---------------------------------------------------------------------------------------------------- */

static int check_string(const struct conversion *conversion, const struct where *where, const struct json_value *value,
                        const struct field *field)
{
    bool path = (field->flags & FIELD_ABSOLUTE) != 0;
    uint64_t max = field->max != 0 ? field->max : path ? PATH_MAX - 1 : STRING_MAX;
    char buffer[SHOWN_MAX];
    int64_t ignored;

    if (strlen(value->text) != value->length)
        return schema_refuse(conversion, where, "a NUL character in the text");
    if (value->length > max)
        return schema_refuse(conversion, where, "too long: %zu bytes, at most %" PRIu64, value->length, max);
    if (value->length == 0 && (field->flags & (FIELD_NOT_EMPTY | FIELD_ABSOLUTE)) != 0)
        return schema_refuse(conversion, where, "must not be empty");
    if (path && value->text[0] != '/')
        return schema_refuse(conversion, where, "\"%s\" is not an absolute path", shown(buffer, value->text));
    if (field->names != NULL && name_lookup(field->names, value->text, &ignored) < 0)
        return schema_refuse(conversion, where, "unknown %s \"%s\"", field->names->what, shown(buffer, value->text));
    return 0;
}

int schema_string(const struct conversion *conversion, const struct where *where, const struct json_value *value,
                  const struct field *field, char **ret_text)
{
    int result = schema_expect(conversion, where, value, JSON_STRING);
    if (result == 0)
        result = check_string(conversion, where, value, field);
    if (result < 0)
        return result;

    char *copy = arena_copy(conversion->arena, value->text, value->length);
    if (copy == NULL)
        return error_set(conversion->error, ENOMEM, "cannot read the configuration");
    *ret_text = copy;
    return 0;
}

int schema_name(const struct conversion *conversion, const struct where *where, const struct json_value *value,
                const struct name_table *names, int64_t *ret_value)
{
    const struct field field = {.names = names};
    int result = schema_expect(conversion, where, value, JSON_STRING);
    if (result == 0)
        result = check_string(conversion, where, value, &field);
    return result == 0 ? name_lookup(names, value->text, ret_value) : result;
}

/* -- numbers ---------------------------------------------------------------------------------------------------- */

struct range {
    int64_t min;
    uint64_t max;
};

static struct range field_range(const struct field *field)
{
    static const struct range types[] = {
        [KIND_I32] = {INT32_MIN, INT32_MAX},
        [KIND_U32] = {0, UINT32_MAX},
        [KIND_I64] = {INT64_MIN, INT64_MAX},
        [KIND_U64] = {0, UINT64_MAX},
    };
    return field->min != 0 || field->max != 0 ? (struct range){field->min, field->max} : types[field->kind];
}

/* Reads a whole number as JSON writes it. The bits of a negative one are its two's complement. Returns -EINVAL for a
 * fraction or an exponent, -ERANGE outside the range. */
static int read_number(const struct json_value *value, const struct range *range, uint64_t *ret_bits)
{
    const char *text = value->text;
    bool negative = text[0] == '-';
    if (strspn(text + negative, "0123456789") != value->length - negative || value->length == negative)
        return -EINVAL;

    errno = 0;
    uint64_t size = strtoull(text + negative, NULL, 10);
    if (errno != 0)
        return -ERANGE;
    if (negative && size != 0) {
        uint64_t lowest = range->min < 0 ? (uint64_t)0 - (uint64_t)range->min : 0;
        *ret_bits = (uint64_t)0 - size;
        return size <= lowest ? 0 : -ERANGE;
    }
    *ret_bits = size;
    return size <= range->max && (range->min <= 0 || size >= (uint64_t)range->min) ? 0 : -ERANGE;
}

static int convert_number(const struct conversion *conversion, const struct where *where,
                          const struct json_value *value, const struct field *field, uint64_t *ret_bits)
{
    struct range range = field_range(field);
    char buffer[SHOWN_MAX];
    int result = schema_expect(conversion, where, value, JSON_NUMBER);
    if (result < 0)
        return result;

    result = read_number(value, &range, ret_bits);
    if (result == -EINVAL)
        return schema_refuse(conversion, where, "must be a whole number, not %s", shown(buffer, value->text));
    if (result == -ERANGE)
        return schema_refuse(conversion, where, "%s is out of range: from %" PRId64 " to %" PRIu64,
                             shown(buffer, value->text), range.min, range.max);
    return 0;
}

/* Writes the low `size` bytes of a number (we only build for little endian), behind the flag if there is one. */
static void store_number(const struct field *field, uint64_t bits, size_t size, void *target)
{
    size_t offset = 0;
    if ((field->flags & FIELD_OPTIONAL) != 0) {
        memcpy(target, &(bool){true}, sizeof(bool));
        offset = size == 1   ? offsetof(struct oci_optional_bool, value)
                 : size == 4 ? offsetof(struct oci_optional_u32, value)
                             : offsetof(struct oci_optional_u64, value);
    }
    memcpy((char *)target + offset, &bits, size);
}

static int convert_bool(const struct conversion *conversion, const struct where *where, const struct json_value *value,
                        const struct field *field, void *target)
{
    int result = schema_expect(conversion, where, value, JSON_BOOL);
    if (result == 0)
        store_number(field, value->truth, sizeof(bool), target);
    return result;
}

static int convert_name(const struct conversion *conversion, const struct where *where, const struct json_value *value,
                        const struct field *field, void *target)
{
    int64_t number;
    int result = schema_name(conversion, where, value, field->names, &number);
    if (result == 0)
        memcpy(target, &(int){(int)number}, sizeof(int));
    return result;
}

/* An empty string is as good as none, unless the field forbids it: engines written in Go cannot tell the two apart. */
static int convert_string(const struct conversion *conversion, const struct where *where,
                          const struct json_value *value, const struct field *field, void *target)
{
    char *text = NULL;
    int result = schema_string(conversion, where, value, field, &text);
    if (result == 0 && text[0] != '\0')
        memcpy(target, &text, sizeof(text));
    return result;
}

int schema_scalar(const struct conversion *conversion, const struct where *where, const struct json_value *value,
                  const struct field *field, void *target)
{
    if (field->kind == KIND_STRING)
        return convert_string(conversion, where, value, field, target);
    if (field->kind == KIND_BOOL)
        return convert_bool(conversion, where, value, field, target);
    if (field->kind == KIND_NAME)
        return convert_name(conversion, where, value, field, target);

    uint64_t bits = 0;
    int result = convert_number(conversion, where, value, field, &bits);
    if (result == 0)
        store_number(field, bits, field->kind == KIND_I32 || field->kind == KIND_U32 ? 4 : 8, target);
    return result;
}
