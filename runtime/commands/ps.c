/* SPDX-License-Identifier: Apache-2.0 */
/* postern ps: what ps(1) says about the processes of a container, or their pids. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <yajl/yajl_gen.h>

#include "postern/cleanup.h"
#include "postern/error.h"
#include "postern/text.h"
#include "runtime/base/json_write.h"
#include "runtime/base/options.h"
#include "runtime/commands/command.h"
#include "runtime/state/processes.h"
#include "runtime/state/target.h"

enum { OUTPUT_MAX = 64 * 1024 * 1024 };

extern char **environ;

static const struct option ps_table[] = {
    {"format", required_argument, NULL, 'f'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

struct pids {
    pid_t *items;
    size_t count;
};

static int print_help(void)
{
    printf("Usage: postern ps [OPTION]... ID [PS-OPTION]...\n"
           "Show the processes of a container, as ps(1) with the given options (default: -ef) shows them.\n\n"
           "  -f, --format table|json  json: the list of their pids (default: table)\n"
           "  -h, --help               this text\n");
    return EXIT_SUCCESS;
}

static void cleanup_pids(const struct pids *pids)
{
    free(pids->items);
}

/* -- json ------------------------------------------------------------------------------------------------------- */

static int print_json(const struct pids *pids, struct error *error)
{
    auto_json_writer struct json_writer writer = {0};
    int result = json_writer_open(&writer, false);
    if (result < 0)
        return error_set(error, result, "cannot print the list");
    (void)yajl_gen_array_open(writer.generator);
    for (size_t i = 0; i < pids->count; i++)
        (void)yajl_gen_integer(writer.generator, pids->items[i]);
    (void)yajl_gen_array_close(writer.generator);
    result = json_write_out(&writer, stdout, error);
    (void)putchar('\n');
    return result;
}

/* -- the table -------------------------------------------------------------------------------------------------- */

static int spawn_ps(char *const argv[], int output, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    int code = posix_spawn_file_actions_init(&actions);
    if (code != 0)
        return -code;
    code = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    if (code == 0)
        code = posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    if (code == 0)
        code = posix_spawnp(ret_pid, "ps", &actions, NULL, argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    return -code;
}

static int read_all(int fd, char **ret_text)
{
    auto_free char *text = NULL;
    size_t size = 0, room = 0;
    ssize_t got = 1;
    while (got > 0 && size < OUTPUT_MAX) {
        if (size + 1 >= room) {
            room = room == 0 ? 16384 : 2 * room;
            char *larger = realloc(text, room);
            if (larger == NULL)
                return -ENOMEM;
            text = larger;
        }
        got = read(fd, text + size, room - size - 1);
        if (got > 0)
            size += (size_t)got;
    }
    if (got < 0)
        return -errno;
    text[size] = '\0';
    *ret_text = take_ptr(text);
    return 0;
}

/* All that ps says; *ret_status as from waitpid. */
static int run_ps(char *const argv[], char **ret_text, int *ret_status)
{
    int ends[2];
    pid_t pid;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    auto_close int input = ends[0];
    int result = spawn_ps(argv, ends[1], &pid);
    (void)close(ends[1]);
    if (result < 0)
        return result;
    result = read_all(input, ret_text);
    while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR)
        continue;
    return result;
}

/* Which of the blank-separated words of the line is the given one; -1: none. */
static int word_index(const char *line, const char *wanted)
{
    size_t length = strlen(wanted);
    for (int index = 0;; index++) {
        line += strspn(line, " \t");
        size_t word = strcspn(line, " \t");
        if (word == 0)
            return -1;
        if (word == length && strncmp(line, wanted, length) == 0)
            return index;
        line += word;
    }
}

static const char *word_at(const char *line, int index)
{
    line += strspn(line, " \t");
    for (; index > 0; index--) {
        line += strcspn(line, " \t");
        line += strspn(line, " \t");
    }
    return line;
}

static bool has_pid(const struct pids *pids, const char *word)
{
    long pid = strtol(word, NULL, 10);
    for (size_t i = 0; i < pids->count; i++)
        if (pids->items[i] == pid)
            return true;
    return false;
}

/* A guest chooses the names of its processes, and which ps this is we do not know. */
static void print_line(const char *line)
{
    auto_free char *shown = text_shown(line, "\t");
    if (shown != NULL)
        printf("%s\n", shown);
}

static int print_lines(char *text, const struct pids *pids, struct error *error)
{
    char *rest = NULL;
    const char *line = strtok_r(text, "\n", &rest);
    int column = line != NULL ? word_index(line, "PID") : -1;
    if (column < 0)
        return error_refuse(error, "couldn't find PID field in ps output");
    for (bool shown = true; line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        if (shown || has_pid(pids, word_at(line, column)))
            print_line(line);
        shown = false;
    }
    return 0;
}

/* "--pid=1,2,3": whatever else the options select, the container's are shown. By -e alone they would not be: an option such as -x
 * makes ps read all of them as BSD did, and show only what is the caller's; theirs is another user. */
static char *pid_option(const struct pids *pids)
{
    enum { PID_ROOM = 12 };
    static const char name[] = "--pid=";
    const size_t room = sizeof(name) + pids->count * PID_ROOM;
    char *option = malloc(room);
    if (option == NULL)
        return NULL;
    size_t used = (size_t)snprintf(option, room, "%s", name);
    for (size_t i = 0; i < pids->count; i++)
        used += (size_t)snprintf(option + used, room - used, "%s%d", i == 0 ? "" : ",", (int)pids->items[i]);
    return option;
}

/* The words as given; of a container without processes, the heading. */
static int print_table(char **words, const struct pids *pids, struct error *error)
{
    enum { OPTION_MAX = 100000 /* bytes of one; all of a machine's processes at that many */ };
    size_t count = 0;
    while (words[count] != NULL)
        count++;
    auto_free char **argv = calloc(count + 3, sizeof(*argv));
    auto_free char *option = pid_option(pids);
    if (argv == NULL || option == NULL)
        return error_set(error, ENOMEM, "cannot run ps");
    argv[0] = (char *)"ps";
    argv[1] = (char *)(count == 0 ? "-ef" : pids->count == 0 || strlen(option) > OPTION_MAX ? "-e" : option);
    for (size_t i = 0; i < count; i++)
        argv[2 + i] = words[i];

    auto_free char *text = NULL;
    int status = 0;
    int result = run_ps(argv, &text, &status);
    if (result < 0)
        return error_set(error, result, "cannot run ps");
    if (status != 0)
        return error_refuse(error, "exit status %d: %.800s", WIFEXITED(status) ? WEXITSTATUS(status) : -1, text);
    return print_lines(text, pids, error);
}

/* -- the command ------------------------------------------------------------------------------------------------ */

static int show(char **words, const char *format, struct error *error)
{
    auto_target struct target target = TARGET_NONE;
    __attribute__((cleanup(cleanup_pids))) struct pids pids = {0};
    int result = target_open(words[0], false, &target, error);
    if (result < 0)
        return result;
    result = processes_list(&target.container, &pids.items, &pids.count);
    if (result < 0)
        return error_set(error, result, "cannot list the container's processes");
    if (strcmp(format, "json") == 0)
        return print_json(&pids, error);
    if (strcmp(format, "table") != 0)
        return error_refuse(error, "invalid format option");
    return print_table(words + 1, &pids, error);
}

int command_ps(int argc, char **argv)
{
    struct error error = {0};
    const char *format = "table";
    int option;
    option_start();
    while (error.code == 0 && (option = option_next(argc, argv, "+:f:h", ps_table)) != -1) {
        if (option == 'h')
            return print_help();
        if (option == 'f')
            format = optarg;
        else
            (void)option_error(option, argv, &error);
    }
    if (error.code == 0 && arguments_check(argc, argv, 1, argc, &error) == 0)
        (void)show(argv + optind, format, &error);
    if (error.code == 0 && fflush(stdout) != 0)
        (void)error_set(&error, errno, "cannot print");
    return command_end(&error);
}
