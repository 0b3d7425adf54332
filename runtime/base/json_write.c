/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/json_write.h"

#include <errno.h>
#include <string.h>

#include "oci-spec/oci.h"
#include "postern/error.h"
#include "postern/text.h"

int json_writer_open(struct json_writer *ret_writer, bool beautiful)
{
    yajl_gen generator = yajl_gen_alloc(NULL);
    if (generator == NULL)
        return -ENOMEM;
    (void)yajl_gen_config(generator, yajl_gen_validate_utf8, 1);
    (void)yajl_gen_config(generator, yajl_gen_beautify, beautiful ? 1 : 0);
    (void)yajl_gen_config(generator, yajl_gen_indent_string, "  ");
    *ret_writer = (struct json_writer){.generator = generator};
    return 0;
}

void json_write_text(struct json_writer *writer, const char *text)
{
    if (yajl_gen_string(writer->generator, (const unsigned char *)text, strlen(text)) != yajl_gen_invalid_string)
        return;
    writer->bad = true;
    (void)yajl_gen_string(writer->generator, (const unsigned char *)"", 0);
}

void json_write_pair(struct json_writer *writer, const char *key, const char *text)
{
    json_write_text(writer, key);
    json_write_text(writer, text);
}

void json_write_pairs(struct json_writer *writer, const char *key, const struct oci_pairs *pairs)
{
    json_write_text(writer, key);
    (void)yajl_gen_map_open(writer->generator);
    for (size_t i = 0; i < pairs->count; i++)
        json_write_pair(writer, pairs->items[i].key, pairs->items[i].value);
    (void)yajl_gen_map_close(writer->generator);
}

void json_write_list(struct json_writer *writer, const char *key, const char *const *texts)
{
    json_write_text(writer, key);
    (void)yajl_gen_array_open(writer->generator);
    for (; *texts != NULL; texts++)
        json_write_text(writer, *texts);
    (void)yajl_gen_array_close(writer->generator);
}

/* What a terminal could take for more than a character is there only in strings: said by number it is the same string. */
static void print_shown(const char *text, size_t size, FILE *file)
{
    for (size_t at = 0; at < size;) {
        unsigned int character = 0;
        const size_t length = text_character(text + at, &character);
        if (length > 0 && !text_is_plain(character) && character != '\n' && character < 0x10000)
            (void)fprintf(file, "\\u%04x", character);
        else
            (void)fwrite(text + at, 1, length > 0 ? length : 1, file);
        at += length > 0 ? length : 1;
    }
}

int json_write_out(struct json_writer *writer, FILE *file, struct error *error)
{
    const unsigned char *text;
    size_t size;
    (void)yajl_gen_get_buf(writer->generator, &text, &size);
    print_shown((const char *)text, size, file);
    return ferror(file) == 0 && fflush(file) == 0 ? 0 : error_set(error, errno, "cannot print");
}
