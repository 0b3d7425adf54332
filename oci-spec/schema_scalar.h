/* SPDX-License-Identifier: Apache-2.0 */
/* The half of schema.c that converts single values. */
#ifndef OCI_SPEC_SCHEMA_SCALAR_H
#define OCI_SPEC_SCHEMA_SCALAR_H

#include "oci-spec/schema.h"

/* KIND_STRING, KIND_BOOL, the numbers, and KIND_NAME. */
int schema_scalar(const struct conversion *conversion, const struct where *where, const struct json_value *value,
                  const struct field *field, void *target);

/* A string of a vocabulary, to its number. */
int schema_name(const struct conversion *conversion, const struct where *where, const struct json_value *value,
                const struct name_table *names, int64_t *ret_value);

#endif
