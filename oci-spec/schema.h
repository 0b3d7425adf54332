/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a JSON tree to C structures, by tables: one table of fields per object of the specification says the field's
 * name, its kind, where it goes and what it may hold. The tables are in fields_*.c; nothing else knows JSON names.
 */
#ifndef OCI_SPEC_SCHEMA_H
#define OCI_SPEC_SCHEMA_H

#include "oci-spec/schema_scalar.h"

/* Fills the structure at target from an object. Returns 0 or -errno with *conversion->error set. */
int schema_object(const struct conversion *conversion, const struct where *where, const struct json_value *value,
                  const struct object *object, void *target);

#endif
