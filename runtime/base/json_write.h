/* SPDX-License-Identifier: Apache-2.0 */
/* JSON that we write: yajl's generator with what it needs every time. */
#ifndef RUNTIME_BASE_JSON_WRITE_H
#define RUNTIME_BASE_JSON_WRITE_H

#include <stdbool.h>
#include <stdio.h>
#include <yajl/yajl_gen.h>

struct error;
struct oci_pairs;

struct json_writer {
    yajl_gen generator; /* for what is not a string: maps, numbers */
    bool bad;           /* a string was not UTF-8, and was left empty */
};

/* Two blanks a level if it is for people. -ENOMEM or 0. */
int json_writer_open(struct json_writer *ret_writer, bool beautiful);

void json_write_text(struct json_writer *writer, const char *text);
void json_write_pair(struct json_writer *writer, const char *key, const char *text);
/* An object of its own under the key. */
void json_write_pairs(struct json_writer *writer, const char *key, const struct oci_pairs *pairs);
/* A list of strings under the key; the last of them is NULL. */
void json_write_list(struct json_writer *writer, const char *key, const char *const *texts);

/* Everything generated so far; that it arrives is checked. */
int json_write_out(struct json_writer *writer, FILE *file, struct error *error);

static inline void cleanup_json_writer(const struct json_writer *writer)
{
    if (writer->generator != NULL)
        yajl_gen_free(writer->generator);
}

#define auto_json_writer __attribute__((cleanup(cleanup_json_writer)))

#endif
