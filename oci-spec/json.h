/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JSON text as a tree, built on yajl's event parser. yajl_tree is not used because it loses what we must see: the
 * length of a string (an embedded NUL would cut it short) and any bound on depth (it frees its tree by recursion).
 */
#ifndef OCI_SPEC_JSON_H
#define OCI_SPEC_JSON_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct error;

enum json_type {
    JSON_NULL,
    JSON_BOOL,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

struct json_value {
    enum json_type type;
    bool truth;       /* of a boolean */
    const char *text; /* of a string, or a number as it was written; NUL-terminated */
    size_t length;    /* of text, which may hold NUL bytes of its own */
    const char *key;  /* when the parent is an object; NUL-terminated */
    size_t key_length;
    struct json_value *first; /* members of an array or object, in the order of the text */
    struct json_value *last;
    struct json_value *next; /* sibling */
    size_t count;            /* members */
};

struct json_limits {
    size_t depth;  /* arrays and objects within each other */
    size_t values; /* in the whole text */
};

/* The name of a type for an error message: "a string", ... */
const char *json_type_name(enum json_type type);

/* Parses one JSON text of size bytes; the tree is in the arena. On failure *error names line and column. */
int json_parse(struct arena *arena, const char *text, size_t size, const struct json_limits *limits,
               struct json_value **ret_value, struct error *error);

#endif
