/* SPDX-License-Identifier: Apache-2.0 */
/* Which ids a user namespace has, and what they are outside it (user_namespaces(7)): pure functions on lines of a map. */
#ifndef RUNTIME_IDS_ID_TABLE_H
#define RUNTIME_IDS_ID_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "postern/boot.h"

struct error;
struct oci_id_mappings;

enum { ID_TABLE_TEXT_MAX = 4096 /* the kernel takes less than a page */ };

/* From config.json; `field` is for the error: linux.uidMappings. Lines that overlap, or reach beyond the last id, are refused. */
int id_table_from_config(const struct oci_id_mappings *mappings, const char *field, struct boot_id_table *ret_table,
                         struct error *error);

/* From the text of a uid_map or gid_map. 0 or -EINVAL. */
int id_table_parse(const char *text, struct boot_id_table *ret_table);

/* The text to write there. Returns its length, or -E2BIG. */
int id_table_print(const struct boot_id_table *table, char text[ID_TABLE_TEXT_MAX]);

/* Adds a line. -E2BIG if there is no room, -EINVAL if it overlaps another. */
int id_table_add(struct boot_id_table *table, uint32_t inside, uint32_t outside, uint32_t size);

/* What id `inside` is outside. False if it is none of the namespace's. */
bool id_table_outside(const struct boot_id_table *table, uint32_t inside, uint32_t *ret_outside);

/* The other way round. */
bool id_table_inside(const struct boot_id_table *table, uint32_t outside, uint32_t *ret_inside);

/* Are all ids there, under their own numbers: the machine's own table? */
bool id_table_is_whole(const struct boot_id_table *table);

#endif
