/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/ids/id_table.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "oci-spec/oci.h"
#include "postern/error.h"

static bool meet(uint32_t a, uint32_t a_size, uint32_t b, uint32_t b_size)
{
    return (uint64_t)a < (uint64_t)b + b_size && (uint64_t)b < (uint64_t)a + a_size;
}

int id_table_add(struct boot_id_table *table, uint32_t inside, uint32_t outside, uint32_t size)
{
    /* The last id means "none". */
    if (size == 0 || (uint64_t)inside + size > UINT32_MAX || (uint64_t)outside + size > UINT32_MAX)
        return -EINVAL;
    for (uint32_t i = 0; i < table->count; i++) {
        const struct boot_id_line *line = &table->lines[i];
        if (meet(line->inside, line->size, inside, size) || meet(line->outside, line->size, outside, size))
            return -EINVAL;
    }
    if (table->count == BOOT_ID_LINES_MAX)
        return -E2BIG;
    table->lines[table->count++] = (struct boot_id_line){inside, outside, size};
    return 0;
}

int id_table_from_config(const struct oci_id_mappings *mappings, const char *field, struct boot_id_table *ret_table,
                         struct error *error)
{
    struct boot_id_table table = {0};
    for (size_t i = 0; i < mappings->count; i++) {
        const struct oci_id_mapping *mapping = &mappings->items[i];
        int result = id_table_add(&table, mapping->container_id, mapping->host_id, mapping->size);
        if (result == -E2BIG)
            return error_refuse(error, "%s: more than %d lines", field, BOOT_ID_LINES_MAX);
        if (result < 0)
            return error_refuse(error, "%s[%zu]: overlaps another line, or ends beyond the last id", field, i);
    }
    *ret_table = table;
    return 0;
}

int id_table_parse(const char *text, struct boot_id_table *ret_table)
{
    struct boot_id_table table = {0};
    int used;
    for (unsigned int inside, outside, size; sscanf(text, "%u %u %u%n", &inside, &outside, &size, &used) == 3; text += used) {
        if (table.count == BOOT_ID_LINES_MAX)
            return -EINVAL;
        table.lines[table.count++] = (struct boot_id_line){inside, outside, size};
    }
    if (text[strspn(text, " \n")] != '\0')
        return -EINVAL;
    *ret_table = table;
    return 0;
}

int id_table_print(const struct boot_id_table *table, char text[ID_TABLE_TEXT_MAX])
{
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < table->count; i++) {
        const struct boot_id_line *line = &table->lines[i];
        int size = snprintf(text + used, ID_TABLE_TEXT_MAX - used, "%u %u %u\n", line->inside, line->outside, line->size);
        if (size < 0 || used + (size_t)size >= ID_TABLE_TEXT_MAX)
            return -E2BIG;
        used += (size_t)size;
    }
    return (int)used;
}

bool id_table_outside(const struct boot_id_table *table, uint32_t inside, uint32_t *ret_outside)
{
    for (uint32_t i = 0; i < table->count; i++) {
        const struct boot_id_line *line = &table->lines[i];
        if (inside - line->inside < line->size) {
            *ret_outside = line->outside + (inside - line->inside);
            return true;
        }
    }
    return false;
}

bool id_table_inside(const struct boot_id_table *table, uint32_t outside, uint32_t *ret_inside)
{
    for (uint32_t i = 0; i < table->count; i++) {
        const struct boot_id_line *line = &table->lines[i];
        if (outside - line->outside < line->size) {
            *ret_inside = line->inside + (outside - line->outside);
            return true;
        }
    }
    return false;
}

bool id_table_is_whole(const struct boot_id_table *table)
{
    return table->count == 1 && table->lines[0].inside == 0 && table->lines[0].outside == 0 &&
           table->lines[0].size == UINT32_MAX;
}
