/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-spec/schema.h"

#include "oci-spec/arena.h"
#include "oci-spec/oci.h"
#include "postern/error.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* All lists of the model look like this to us: a pointer of some type, then the count. */
struct any_list {
    void *items;
    size_t count;
};

_Static_assert(sizeof(struct any_list) == sizeof(struct oci_mounts), "a list of the model has items and count");
_Static_assert(offsetof(struct oci_mounts, count) == offsetof(struct any_list, count), "and in this order");

static int out_of_memory(const struct conversion *conversion)
{
    return error_set(conversion->error, ENOMEM, "cannot read the configuration");
}

static int check_not_empty(const struct conversion *conversion, const struct where *where,
                           const struct json_value *value, const struct field *field)
{
    if ((field->flags & (FIELD_NOT_EMPTY | FIELD_EACH)) == FIELD_NOT_EMPTY && value->count == 0)
        return schema_refuse(conversion, where, "must not be empty");
    return 0;
}

/* Allocates the items of a list with one spare, zeroed element at the end, and stores it in the model. */
static int make_list(const struct conversion *conversion, const struct json_value *value, size_t item_size,
                     void *target, char **ret_items)
{
    char *items = arena_array(conversion->arena, value->count + 1, item_size);
    if (items == NULL)
        return out_of_memory(conversion);

    struct any_list list = {.items = items, .count = value->count};
    memcpy(target, &list, sizeof(list));
    *ret_items = items;
    return 0;
}

static int convert_strings(const struct conversion *conversion, const struct where *where,
                           const struct json_value *value, const struct field *field, void *target)
{
    char *items = NULL;
    int result = schema_expect(conversion, where, value, JSON_ARRAY);
    if (result == 0)
        result = check_not_empty(conversion, where, value, field);
    if (result == 0)
        result = make_list(conversion, value, sizeof(char *), target, &items);
    if (result < 0)
        return result;

    struct field element = *field;
    if ((field->flags & FIELD_EACH) == 0)
        element.flags &= ~(unsigned)FIELD_NOT_EMPTY;
    size_t i = 0;
    for (const struct json_value *member = value->first; member != NULL; member = member->next, i++) {
        struct where here = {.up = where, .index = i};
        result = schema_string(conversion, &here, member, &element, (char **)(void *)items + i);
        if (result < 0)
            return result;
    }
    return 0;
}

static int convert_numbers(const struct conversion *conversion, const struct where *where,
                           const struct json_value *value, const struct field *field, void *target)
{
    char *items = NULL;
    int result = schema_expect(conversion, where, value, JSON_ARRAY);
    if (result == 0)
        result = make_list(conversion, value, sizeof(uint32_t), target, &items);
    if (result < 0)
        return result;

    struct field element = *field;
    element.kind = KIND_U32;
    size_t i = 0;
    for (const struct json_value *member = value->first; member != NULL; member = member->next, i++) {
        struct where here = {.up = where, .index = i};
        result = schema_scalar(conversion, &here, member, &element, items + i * sizeof(uint32_t));
        if (result < 0)
            return result;
    }
    return 0;
}

static int convert_flags(const struct conversion *conversion, const struct where *where, const struct json_value *value,
                         const struct field *field, void *target)
{
    int result = schema_expect(conversion, where, value, JSON_ARRAY);
    if (result < 0)
        return result;

    uint64_t flags = 0;
    size_t i = 0;
    for (const struct json_value *member = value->first; member != NULL; member = member->next, i++) {
        struct where here = {.up = where, .index = i};
        int64_t flag;
        result = schema_name(conversion, &here, member, field->names, &flag);
        if (result < 0)
            return result;
        flags |= (uint64_t)flag;
    }
    memcpy(target, &flags, sizeof(flags));
    return 0;
}

static int convert_object(const struct conversion *conversion, const struct where *where,
                          const struct json_value *value, const struct field *field, void *target)
{
    void *structure = arena_alloc(conversion->arena, field->object->size);
    if (structure == NULL)
        return out_of_memory(conversion);

    int result = schema_object(conversion, where, value, field->object, structure);
    if (result == 0)
        memcpy(target, &structure, sizeof(structure));
    return result;
}

static int convert_inline(const struct conversion *conversion, const struct where *where,
                          const struct json_value *value, const struct field *field, void *target)
{
    return schema_object(conversion, where, value, field->object, target);
}

static int convert_list(const struct conversion *conversion, const struct where *where, const struct json_value *value,
                        const struct field *field, void *target)
{
    char *items = NULL;
    int result = schema_expect(conversion, where, value, JSON_ARRAY);
    if (result == 0)
        result = check_not_empty(conversion, where, value, field);
    if (result == 0)
        result = make_list(conversion, value, field->object->size, target, &items);

    size_t i = 0;
    for (const struct json_value *member = value->first; result == 0 && member != NULL; member = member->next, i++) {
        struct where here = {.up = where, .index = i};
        result = schema_object(conversion, &here, member, field->object, items + i * field->object->size);
    }
    return result;
}

static int copy_key(const struct conversion *conversion, const struct where *where, const struct json_value *member,
                    void *target)
{
    if (member->key_length == 0)
        return schema_refuse(conversion, where, "an empty name");
    if (strlen(member->key) != member->key_length)
        return schema_refuse(conversion, where, "a NUL character in the name");

    char *key = arena_copy(conversion->arena, member->key, member->key_length);
    if (key == NULL)
        return out_of_memory(conversion);
    memcpy(target, &key, sizeof(key));
    return 0;
}

static int convert_map(const struct conversion *conversion, const struct where *where, const struct json_value *value,
                       const struct field *field, void *target)
{
    char *items = NULL;
    int result = schema_expect(conversion, where, value, JSON_OBJECT);
    if (result == 0)
        result = make_list(conversion, value, field->object->size, target, &items);
    if (result < 0)
        return result;

    for (const struct json_value *member = value->first; member != NULL; member = member->next) {
        struct where here = {.up = where, .name = member->key, .is_key = true};
        result = copy_key(conversion, &here, member, items + field->object->key_offset);
        if (result == 0)
            result = schema_object(conversion, &here, member, field->object, items);
        if (result < 0)
            return result;
        items += field->object->size;
    }
    return 0;
}

static int convert_pairs(const struct conversion *conversion, const struct where *where, const struct json_value *value,
                         const struct field *field, void *target)
{
    char *items = NULL;
    int result = schema_expect(conversion, where, value, JSON_OBJECT);
    if (result == 0)
        result = make_list(conversion, value, sizeof(struct oci_pair), target, &items);
    if (result < 0)
        return result;

    struct oci_pair *pair = (struct oci_pair *)(void *)items;
    for (const struct json_value *member = value->first; member != NULL; member = member->next, pair++) {
        struct where here = {.up = where, .name = member->key, .is_key = true};
        result = copy_key(conversion, &here, member, &pair->key);
        if (result == 0)
            result = schema_string(conversion, &here, member, field, &pair->value);
        if (result < 0)
            return result;
    }
    return 0;
}

static int convert_present(const struct conversion *conversion, const struct where *where,
                           const struct json_value *value, const struct field *field, void *target)
{
    (void)conversion, (void)where, (void)value, (void)field;
    memcpy(target, &(bool){true}, sizeof(bool));
    return 0;
}

static int convert_custom(const struct conversion *conversion, const struct where *where,
                          const struct json_value *value, const struct field *field, void *target)
{
    return field->convert(conversion, where, value, target);
}

typedef int converter(const struct conversion *conversion, const struct where *where, const struct json_value *value,
                      const struct field *field, void *target);

static converter *const converters[] = {
    [KIND_STRING] = schema_scalar,    [KIND_BOOL] = schema_scalar,    [KIND_I32] = schema_scalar,
    [KIND_U32] = schema_scalar,       [KIND_I64] = schema_scalar,     [KIND_U64] = schema_scalar,
    [KIND_NAME] = schema_scalar,      [KIND_FLAGS] = convert_flags,   [KIND_STRINGS] = convert_strings,
    [KIND_NUMBERS] = convert_numbers, [KIND_INLINE] = convert_inline, [KIND_OBJECT] = convert_object,
    [KIND_LIST] = convert_list,       [KIND_MAP] = convert_map,       [KIND_PAIRS] = convert_pairs,
    [KIND_PRESENT] = convert_present, [KIND_CUSTOM] = convert_custom,
};

/* In whatever case, as Go's decoder has it, and with it runc and the engines that write configurations: "Seccomp" that is read over
 * would be worse than any spelling. */
static const struct field *find_field(const struct object *object, const struct json_value *member)
{
    for (size_t i = 0; i < object->count; i++) {
        const char *name = object->fields[i].name;
        if (strlen(name) == member->key_length && strncasecmp(name, member->key, member->key_length) == 0)
            return &object->fields[i];
    }
    return NULL;
}

/* The last value of each field, null counting as none. */
static int collect(const struct conversion *conversion, const struct where *where, const struct json_value *value,
                   const struct object *object, const struct json_value **found)
{
    for (const struct json_value *member = value->first; member != NULL; member = member->next) {
        const struct field *field = find_field(object, member);
        if (field != NULL) {
            found[field - object->fields] = member->type != JSON_NULL ? member : NULL;
        } else if (object->closed) {
            struct where here = {.up = where, .name = member->key, .is_key = true};
            return schema_refuse(conversion, &here, "unknown name");
        }
    }
    return 0;
}

enum { FIELDS_MAX = 32 };

int schema_object(const struct conversion *conversion, const struct where *where, const struct json_value *value,
                  const struct object *object, void *target)
{
    const struct json_value *found[FIELDS_MAX] = {NULL};
    int result = schema_expect(conversion, where, value, JSON_OBJECT);
    if (result == 0)
        result = collect(conversion, where, value, object, found);

    for (size_t i = 0; result == 0 && i < object->count; i++) {
        const struct field *field = &object->fields[i];
        struct where here = {.up = where, .name = field->name};
        if (found[i] != NULL)
            result = converters[field->kind](conversion, &here, found[i], field, (char *)target + field->offset);
        else if ((field->flags & FIELD_REQUIRED) != 0)
            result = schema_refuse(conversion, &here, "required, but missing");
    }
    return result;
}
