/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern install, postern uninstall: this program as one of Docker's runtimes. The daemon's configuration is read, changed in
 * memory, and replaced in one step; the one before stays beside it.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/base/log.h"
#include "runtime/base/options.h"
#include "runtime/commands/command.h"
#include "runtime/commands/daemon_json.h"

enum { OPTION_RUNTIME = 256, OPTION_CONFIG, OPTION_DRY_RUN, CONFIG_MAX = 1 << 20 };

struct install {
    const char *name, *config;
    bool dry_run, help, removes;
    char **args;       /* for each call of the runtime; ends in NULL */
    char path[PATH_MAX]; /* of the configuration, links followed */
    char program[PATH_MAX];
    struct stat status; /* of the configuration; st_mode is 0 if there is none */
    char *before;       /* owned */
    size_t before_size;
};

static const struct option install_table[] = {
    {"runtime", required_argument, NULL, OPTION_RUNTIME},
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"config_file", required_argument, NULL, OPTION_CONFIG}, /* as runsc has it */
    {"dry-run", no_argument, NULL, OPTION_DRY_RUN},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static int print_help(const struct install *install)
{
    if (install->removes)
        printf("Usage: postern uninstall [OPTION]...\nTake postern out of Docker's runtimes.\n\n");
    else
        printf("Usage: postern install [OPTION]... [-- ARGUMENT...]\n"
               "Make postern one of Docker's runtimes: docker run --runtime=postern. The arguments are given to postern\n"
               "each time Docker calls it, before the command (-- --debug).\n\n");
    printf("      --runtime NAME   what Docker calls it (default: postern)\n"
           "      --config FILE    Docker's configuration (default: /etc/docker/daemon.json)\n"
           "      --dry-run        print what the file would be, and change nothing\n"
           "  -h, --help           this text\n");
    return EXIT_SUCCESS;
}

static int parse_options(int argc, char **argv, struct install *install, struct error *error)
{
    int option;
    option_start();
    while ((option = option_next(argc, argv, "+:h", install_table)) != -1) {
        switch (option) {
        case OPTION_RUNTIME:
            install->name = optarg;
            break;
        case OPTION_CONFIG:
            install->config = optarg;
            break;
        case OPTION_DRY_RUN:
            install->dry_run = true;
            break;
        case 'h':
            install->help = true;
            return 0;
        default:
            return option_error(option, argv, error);
        }
    }
    install->args = argv + optind;
    if (install->args[0] != NULL && (install->removes || strcmp(argv[optind - 1], "--") != 0))
        return error_refuse(error, "%s takes no argument such as \"%.40s\"", argv[0], install->args[0]);
    return daemon_json_check_name(install->name, error);
}

/* -- files -------------------------------------------------------------------------------------------------------- */

/* The file itself is replaced, not a link to it. */
static int find_config(struct install *install, struct error *error)
{
    if (realpath(install->config, install->path) != NULL)
        return 0;
    if (errno != ENOENT || strlen(install->config) >= sizeof(install->path))
        return error_set(error, errno, "cannot find %s", install->config);
    (void)strcpy(install->path, install->config);
    return 0;
}

static int read_config(struct install *install, struct error *error)
{
    int result = find_config(install, error);
    if (result < 0)
        return result;
    install->before = calloc(1, CONFIG_MAX + 1);
    if (install->before == NULL)
        return error_set(error, ENOMEM, "cannot read %s", install->path);
    auto_close int fd = open(install->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? 0 : error_set(error, errno, "cannot open %s", install->path);
    if (fstat(fd, &install->status) < 0 || !S_ISREG(install->status.st_mode))
        return error_refuse(error, "%s is not a regular file", install->path);
    while (install->before_size <= CONFIG_MAX) {
        ssize_t got = read(fd, install->before + install->before_size, CONFIG_MAX + 1 - install->before_size);
        if (got < 0)
            return error_set(error, errno, "cannot read %s", install->path);
        if (got == 0)
            return 0;
        install->before_size += (size_t)got;
    }
    return error_refuse(error, "%s has more than %d bytes", install->path, CONFIG_MAX);
}

static int write_all(int fd, const char *text, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t written = write(fd, text + done, size - done);
        if (written < 0)
            return -errno;
        done += (size_t)written;
    }
    return fsync(fd) < 0 ? -errno : 0;
}

/* Beside its place first, then into it: who reads the file finds the old one or the new one, whatever happens. */
static int replace(const struct install *install, const char *target, const char *text, size_t size, struct error *error)
{
    char beside[PATH_MAX + 32];
    (void)snprintf(beside, sizeof(beside), "%s.postern-XXXXXX", target);
    auto_close int fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0)
        return error_set(error, errno, "cannot write beside %s", target);
    mode_t mode = install->status.st_mode != 0 ? install->status.st_mode & 07777 : 0644;
    int result = write_all(fd, text, size);
    if (result == 0 && install->status.st_mode != 0 && fchown(fd, install->status.st_uid, install->status.st_gid) < 0)
        result = -errno;
    if (result == 0 && (fchmod(fd, mode) < 0 || rename(beside, target) < 0))
        result = -errno;
    if (result < 0)
        (void)unlink(beside);
    return result < 0 ? error_set(error, result, "cannot write %s", target) : 0;
}

static int make_folder(const char *path, struct error *error)
{
    char copy[PATH_MAX];
    (void)snprintf(copy, sizeof(copy), "%s", path);
    const char *folder = dirname(copy);
    if (mkdir(folder, 0755) < 0 && errno != EEXIST)
        return error_set(error, errno, "cannot make %s", folder);
    return 0;
}

static int write_config(const struct install *install, const char *after, struct error *error)
{
    char backup[PATH_MAX + 1];
    int result = make_folder(install->path, error);
    (void)snprintf(backup, sizeof(backup), "%s~", install->path);
    if (result == 0 && install->status.st_mode != 0)
        result = replace(install, backup, install->before, install->before_size, error);
    if (result == 0)
        result = replace(install, install->path, after, strlen(after), error);
    if (result < 0)
        return result;
    printf("%s %s\"%s\" now%s%s. For Docker to see it: systemctl reload docker\n", install->path,
           install->removes ? "has no runtime " : "has the runtime ", install->name,
           install->status.st_mode != 0 ? "; before: " : "", install->status.st_mode != 0 ? backup : "");
    return 0;
}

/* -- the commands -------------------------------------------------------------------------------------------------- */

static int find_program(struct install *install, struct error *error)
{
    ssize_t size = readlink("/proc/self/exe", install->program, sizeof(install->program) - 1);
    return size < 0 ? error_set(error, errno, "cannot tell where this program is") : 0;
}

static int change(const struct install *install, char **ret_after, struct error *error)
{
    int result = install->removes ? daemon_json_remove(install->before, install->before_size, install->name, ret_after, error)
                                  : daemon_json_add(install->before, install->before_size, install->name, install->program,
                                                    install->args, ret_after, error);
    if (result < 0 && error->code != 0)
        error_prefix(error, "%s", install->path);
    return result;
}

static int carry_out(struct install *install, struct error *error)
{
    auto_free char *after = NULL;
    int result = find_program(install, error);
    if (result == 0)
        result = read_config(install, error);
    if (result == 0)
        result = change(install, &after, error);
    if (result == -ENOENT && error->code == 0) {
        printf("%s has no runtime \"%s\": nothing to do\n", install->path, install->name);
        return 0;
    }
    if (result < 0)
        return result;
    if (install->dry_run) {
        printf("%s", after);
        return 0;
    }
    if (strlen(after) == install->before_size && memcmp(after, install->before, install->before_size) == 0) {
        printf("%s has the runtime \"%s\" already: nothing to do\n", install->path, install->name);
        return 0; /* and what was before is still beside it */
    }
    return write_config(install, after, error);
}

static int command(int argc, char **argv, bool removes)
{
    struct install install = {.name = "postern", .config = "/etc/docker/daemon.json", .removes = removes};
    struct error error = {0};
    int result = parse_options(argc, argv, &install, &error);
    if (result == 0 && install.help)
        return print_help(&install);
    if (result == 0)
        result = carry_out(&install, &error);
    free(install.before);
    if (result < 0)
        log_message(LOG_LEVEL_ERROR, "%s", error.text);
    return result < 0 ? EXIT_USAGE : EXIT_SUCCESS;
}

int command_install(int argc, char **argv)
{
    return command(argc, argv, false);
}

int command_uninstall(int argc, char **argv)
{
    return command(argc, argv, true);
}
