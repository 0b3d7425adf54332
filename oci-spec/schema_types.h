/* SPDX-License-Identifier: Apache-2.0 */
/* What the tables of fields are made of. */
#ifndef OCI_SPEC_SCHEMA_TYPES_H
#define OCI_SPEC_SCHEMA_TYPES_H

#include "oci-spec/json.h"
#include "oci-spec/names.h"

#include <stddef.h>
#include <stdint.h>

struct arena;
struct error;
struct oci_config;

/* Where in the file we are, as a chain of stack frames: written out only when an error needs it. */
struct where {
    const struct where *up;
    const char *name; /* a field; NULL: an element of an array */
    size_t index;     /* the element */
    bool is_key;      /* name is a key somebody chose: it is quoted in brackets */
};

struct conversion {
    struct arena *arena;
    struct oci_config *config; /* gets the warnings */
    struct error *error;
};

enum field_kind {
    KIND_STRING, /* char * */
    KIND_BOOL,   /* bool, or struct oci_optional_bool */
    KIND_I32,    /* int32_t, or struct oci_optional_i32 */
    KIND_U32,
    KIND_I64,
    KIND_U64,
    KIND_NAME,    /* a string of the table `names`, to int */
    KIND_FLAGS,   /* an array of such strings, to uint64_t: their values or-ed */
    KIND_STRINGS, /* struct oci_strings; each of the table `names` if there is one */
    KIND_NUMBERS, /* struct oci_numbers */
    KIND_INLINE,  /* the structure `object` describes */
    KIND_OBJECT,  /* pointer to it */
    KIND_LIST,    /* an array of objects, to items and count */
    KIND_MAP,     /* an object whose keys are free and whose values are objects, to items and count */
    KIND_PAIRS,   /* an object whose keys and values are strings, to struct oci_pairs */
    KIND_PRESENT, /* bool: the field is there */
    KIND_CUSTOM,  /* the function `convert` */
};

enum field_flags {
    FIELD_REQUIRED = 1,  /* absence is an error */
    FIELD_OPTIONAL = 2,  /* a number or boolean whose target records whether it was there */
    FIELD_NOT_EMPTY = 4, /* of a string, an array, or each string of an array (see FIELD_EACH) */
    FIELD_ABSOLUTE = 8,  /* a path that must begin with a slash; of an array: each */
    FIELD_EACH = 16,     /* FIELD_NOT_EMPTY is meant for each string */
};

struct field {
    const char *name;
    enum field_kind kind;
    unsigned flags;
    size_t offset;
    const struct object *object;
    const struct name_table *names;
    int64_t min;  /* of a number; both 0: what the type holds */
    uint64_t max; /* of a number, or the length of a string (0: STRING_MAX, for a path PATH_MAX - 1) */
    int (*convert)(const struct conversion *conversion, const struct where *where, const struct json_value *value,
                   void *target);
};

struct object {
    size_t size;
    const struct field *fields;
    size_t count;
    size_t key_offset; /* in a KIND_MAP: where the key goes, a char * */
    bool closed;       /* a name that is not in the table is an error */
};

#define OBJECT(type, table) .size = sizeof(type), .fields = (table), .count = sizeof(table) / sizeof((table)[0])

enum {
    STRING_MAX = 1024 * 1024,
    ARGUMENT_MAX = 128 * 1024 - 1, /* what execve(2) takes in one string */
};

#endif
