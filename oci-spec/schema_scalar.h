/* SPDX-License-Identifier: Apache-2.0 */
/* The half of schema.c that converts single values, and says what is wrong with one. */
#ifndef OCI_SPEC_SCHEMA_SCALAR_H
#define OCI_SPEC_SCHEMA_SCALAR_H

#include "oci-spec/schema_types.h"

/* KIND_STRING, KIND_BOOL, the numbers, and KIND_NAME. */
int schema_scalar(const struct conversion *conversion, const struct where *where, const struct json_value *value,
                  const struct field *field, void *target);

/* A string of a vocabulary, to its number. */
int schema_name(const struct conversion *conversion, const struct where *where, const struct json_value *value,
                const struct name_table *names, int64_t *ret_value);

/* Records "path: sentence". Returns -EINVAL. */
int schema_refuse(const struct conversion *conversion, const struct where *where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds "path: sentence" to the warnings. */
void schema_warn(const struct conversion *conversion, const struct where *where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Copies a string after all checks a field of KIND_STRING gets; names `where` if it fails. */
int schema_string(const struct conversion *conversion, const struct where *where, const struct json_value *value,
                  const struct field *field, char **ret_text);

/* Checks that a value is of a type. */
int schema_expect(const struct conversion *conversion, const struct where *where, const struct json_value *value,
                  enum json_type type);

/* Adds a sentence to config->warnings; beyond a limit, or without memory, it is dropped. */
void oci_warn(struct oci_config *config, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
