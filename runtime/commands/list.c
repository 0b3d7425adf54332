/* SPDX-License-Identifier: Apache-2.0 */
/* postern list: the containers of a root, as a table or as JSON. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yajl/yajl_gen.h>

#include "postern/cleanup.h"
#include "postern/error.h"
#include "postern/text.h"
#include "runtime/base/json_write.h"
#include "runtime/base/log.h"
#include "runtime/base/options.h"
#include "runtime/commands/command.h"
#include "runtime/state/state_dir.h"
#include "runtime/state/state_print.h"
#include "runtime/state/target.h"

enum { COLUMN_COUNT = 6, COLUMN_WIDTH_MIN = 12, COLUMN_GAP = 3 };

enum format { FORMAT_TABLE, FORMAT_JSON, FORMAT_QUIET };

struct row {
    char *cells[COLUMN_COUNT];
};

struct listing {
    enum format format;
    struct json_writer writer;
    struct row *rows;
    size_t count;
};

static const struct option list_table[] = {
    {"format", required_argument, NULL, 'f'},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static int print_help(void)
{
    printf("Usage: postern list [OPTION]...\n"
           "List the containers whose states are below --root.\n\n"
           "  -f, --format table|json  (default: table)\n"
           "  -q, --quiet              ids only\n"
           "  -h, --help               this text\n");
    return EXIT_SUCCESS;
}

/* -- the table -------------------------------------------------------------------------------------------------- */

/* On a terminal: characters, not bytes. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static int add_row(struct listing *listing, const char *const texts[COLUMN_COUNT])
{
    struct row *rows = reallocarray(listing->rows, listing->count + 1, sizeof(*rows));
    if (rows == NULL)
        return -ENOMEM;
    listing->rows = rows;
    struct row *row = &rows[listing->count++];
    *row = (struct row){0};
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        if ((row->cells[i] = text_shown(texts[i], "")) == NULL) /* a bundle's path may hold anything */
            return -ENOMEM;
    return 0;
}

static void print_table(const struct listing *listing)
{
    size_t widths[COLUMN_COUNT];
    for (size_t column = 0; column < COLUMN_COUNT; column++) {
        widths[column] = COLUMN_WIDTH_MIN;
        for (size_t i = 0; i < listing->count; i++) {
            size_t width = width_of(listing->rows[i].cells[column]) + COLUMN_GAP;
            widths[column] = width > widths[column] ? width : widths[column];
        }
    }
    for (size_t i = 0; i < listing->count; i++) {
        for (size_t column = 0; column + 1 < COLUMN_COUNT; column++) {
            const char *cell = listing->rows[i].cells[column];
            printf("%s%*s", cell, (int)(widths[column] - width_of(cell)), "");
        }
        printf("%s\n", listing->rows[i].cells[COLUMN_COUNT - 1]);
    }
}

static void free_listing(const struct listing *listing)
{
    for (size_t i = 0; i < listing->count; i++)
        for (size_t column = 0; column < COLUMN_COUNT; column++)
            free(listing->rows[i].cells[column]);
    free(listing->rows);
    cleanup_json_writer(&listing->writer);
}

/* -- containers ------------------------------------------------------------------------------------------------- */

static int add_container(struct listing *listing, const struct container *container, enum container_status status)
{
    char pid[16];
    (void)snprintf(pid, sizeof(pid), "%d", (int)state_pid(container, status));
    const char *const texts[COLUMN_COUNT] = {
        container->id, pid, container_status_name(status), container->bundle, container->created, container->owner};
    switch (listing->format) {
    case FORMAT_TABLE:
        return add_row(listing, texts);
    case FORMAT_JSON:
        state_write(&listing->writer, container, status, container->owner);
        return 0;
    default:
        printf("%s\n", container->id);
        return 0;
    }
}

/* One that cannot be read is told of and does not hide the others. */
static int visit(struct listing *listing, const char *id)
{
    struct error error = {0};
    auto_target struct target target = TARGET_NONE;
    if (target_open(id, false, &target, &error) == 0)
        return add_container(listing, &target.container, target_status(&target));
    auto_free char *why = text_shown(error.text, "");
    (void)fprintf(stderr, "load container %s: %s\n", id, why != NULL ? why : "");
    return 0;
}

static int visit_all(struct listing *listing, struct error *error)
{
    struct dirent **entries = NULL;
    const char *root = options_global()->root;
    int result = 0, count = state_root_scan(root, &entries);
    if (count == -ENOENT && options_global()->root_given)
        log_message(LOG_LEVEL_WARNING, "--root: there is no folder %s", root);
    if (count < 0)
        return count == -ENOENT ? 0 : error_set(error, count, "cannot list %s", root);
    for (int i = 0; i < count; i++) {
        if (result == 0)
            result = visit(listing, entries[i]->d_name);
        free(entries[i]);
    }
    free((void *)entries);
    return result < 0 ? error_set(error, result, "cannot list %s", root) : 0;
}

static int list(enum format format, struct error *error)
{
    static const char *const titles[COLUMN_COUNT] = {"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"};
    __attribute__((cleanup(free_listing))) struct listing listing = {.format = format};
    int result = json_writer_open(&listing.writer, false);
    if (result == 0 && format == FORMAT_TABLE)
        result = add_row(&listing, titles);
    if (result < 0)
        return error_set(error, result, "cannot list containers");

    (void)yajl_gen_array_open(listing.writer.generator);
    result = visit_all(&listing, error);
    (void)yajl_gen_array_close(listing.writer.generator);
    if (result == 0 && format == FORMAT_TABLE)
        print_table(&listing);
    if (result == 0 && format == FORMAT_JSON) {
        result = json_write_out(&listing.writer, stdout, error);
        (void)putchar('\n');
    }
    return result == 0 && fflush(stdout) != 0 ? error_set(error, errno, "cannot print") : result;
}

int command_list(int argc, char **argv)
{
    struct error error = {0};
    const char *format = "table";
    bool quiet = false;
    int option;
    option_start();
    while (error.code == 0 && (option = option_next(argc, argv, ":f:qh", list_table)) != -1) {
        if (option == 'h')
            return print_help();
        if (option == 'f')
            format = optarg;
        else if (option == 'q')
            quiet = true;
        else
            (void)option_error(option, argv, &error);
    }
    if (error.code == 0 && arguments_check(argc, argv, 0, 0, &error) == 0) {
        bool json = strcmp(format, "json") == 0;
        if (!quiet && !json && strcmp(format, "table") != 0)
            (void)error_refuse(&error, "invalid format option");
        else
            (void)list(quiet ? FORMAT_QUIET : json ? FORMAT_JSON : FORMAT_TABLE, &error);
    }
    return command_end(&error);
}
