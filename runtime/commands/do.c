/* SPDX-License-Identifier: Apache-2.0 */
/* postern do: its command line. What it means is in the other files of runtime/throwaway/do.h. */
#include "runtime/mounts/mount_calls.h"
#include "runtime/throwaway/do.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "oci-spec/arena.h"
#include "postern/cleanup.h"
#include "postern/error.h"
#include "postern/text.h"
#include "runtime/base/log.h"
#include "runtime/base/numbers.h"
#include "runtime/base/options.h"
#include "runtime/commands/command.h"
#include "runtime/ids/rootless.h"
#include "runtime/lifecycle/janitor.h"
#include "runtime/state/state_dir.h"

enum { PIDS_DEFAULT = 4096, PIDS_MAX = 4194304, NS_PER_US = 1000 };
#define LAYER_DEFAULT (INT64_C(1) << 30)

enum {
    OPTION_RW = 256,
    OPTION_BIND,
    OPTION_RO_BIND,
    OPTION_HIDE,
    OPTION_CPUS,
    OPTION_PIDS,
    OPTION_LAYER,
    OPTION_HOSTNAME,
    OPTION_NAME,
    OPTION_GATE,
    OPTION_TRACE,
};

static const struct option do_table[] = {
    {"rw", no_argument, NULL, OPTION_RW},
    {"bind", required_argument, NULL, OPTION_BIND},
    {"ro-bind", required_argument, NULL, OPTION_RO_BIND},
    {"hide", required_argument, NULL, OPTION_HIDE},
    {"cwd", required_argument, NULL, 'C'},
    {"network", required_argument, NULL, 'n'},
    {"time", required_argument, NULL, 't'},
    {"memory", required_argument, NULL, 'm'},
    {"cpus", required_argument, NULL, OPTION_CPUS},
    {"pids", required_argument, NULL, OPTION_PIDS},
    {"layer", required_argument, NULL, OPTION_LAYER},
    {"env", required_argument, NULL, 'e'},
    {"user", required_argument, NULL, 'u'},
    {"hostname", required_argument, NULL, OPTION_HOSTNAME},
    {"name", required_argument, NULL, OPTION_NAME},
    {"gate", required_argument, NULL, OPTION_GATE},
    {"trace", optional_argument, NULL, OPTION_TRACE},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static int print_help(void)
{
    printf(
        "Usage: postern do [OPTION]... [--] [COMMAND [ARGUMENT]...]\n"
        "Run a command (default: your shell) in a throw-away sandbox. It sees this machine's files, but what it writes "
        "is\n"
        "kept from them and gone when it ends; it has no network, an empty /tmp and /run, and a clean environment.\n\n"
        "Files:\n"
        "      --rw                 the current folder is the real one: what is written there stays\n"
        "      --bind SRC[:DST]     so is SRC, seen at DST\n"
        "      --ro-bind SRC[:DST]  the same, read-only\n"
        "      --hide PATH          an empty folder, or file, instead of this one\n"
        "  -C, --cwd DIR            run in DIR instead of the current folder\n"
        "      --layer SIZE         room for what is written, in memory (default 1g)\n\n"
        "Limits:\n"
        "  -n, --network none|host  (default none)\n"
        "  -t, --time TIME          end it after TIME: 90, 90s, 5m, 1h\n"
        "  -m, --memory SIZE        512m, 2g\n"
        "      --cpus N             processors it may use at a time: 2, 0.5\n"
        "      --pids N             processes and threads (default %d)\n\n"
        "Who and how:\n"
        "  -u, --user USER[:GROUP]  run as this user (default: yourself)\n"
        "  -e, --env NAME[=VALUE]   set a variable, or pass ours on\n"
        "      --hostname NAME      (default: this machine's)\n"
        "      --name NAME          for postern list, exec and kill\n"
        "      --gate on|off        answer frequent calls in the program itself (default on)\n"
        "      --trace[=FILE]       a line for each trapped system call, to FILE or stderr\n"
        "  -v, --verbose            say what it may do, and how long the start took\n"
        "  -h, --help               this text\n\n"
        "The exit status is the command's, or 128+n if signal n killed it; 124 if its time was up, 127 if it was not "
        "found,\n"
        "126 if it cannot be executed, 125 if the sandbox could not be made or failed.\n",
        PIDS_DEFAULT);
    return EXIT_SUCCESS;
}

/* -- options ----------------------------------------------------------------------------------------------------- */

static int parse_network(const char *text, bool *ret_host, struct error *error)
{
    bool host = strcmp(text, "host") == 0;
    if (!host && strcmp(text, "none") != 0)
        return error_refuse(error, "--network is none or host, not \"%.40s\"", text);
    *ret_host = host;
    return 0;
}

static int parse_gate(const char *text, bool *ret_without, struct error *error)
{
    const bool off = strcmp(text, "off") == 0;
    if (!off && strcmp(text, "on") != 0)
        return error_refuse(error, "--gate is on or off, not \"%.40s\"", text);
    *ret_without = off;
    return 0;
}

static int parse_cpus(const char *text, int64_t *ret_quota, struct error *error)
{
    char *end;
    double cpus = strtod(text, &end);
    if (strspn(text, "0123456789.") != strlen(text) || *end != '\0' || !(cpus >= 0.01) || cpus > 65536)
        return error_refuse(error, "--cpus: \"%.40s\" is not a number of processors such as 2 or 0.5", text);
    *ret_quota = (int64_t)(cpus * DO_CPU_PERIOD_US);
    return 0;
}

static int parse_room(const char *text, const char *option, int64_t *ret_bytes, struct error *error)
{
    int64_t bytes;
    int result = number_parse_bytes(text, option, &bytes, error);
    if (result == 0 && bytes == 0)
        result = error_refuse(error, "%s: 0 is too little", option);
    if (result == 0)
        *ret_bytes = bytes;
    return result;
}

static void add_text(struct do_texts *texts, const char *text)
{
    texts->items[texts->count++] = text;
}

static int apply_option(struct do_options *options, int option, char **argv, struct error *error)
{
    switch (option) {
    case OPTION_RW:
        options->writable_cwd = true;
        return 0;
    case OPTION_BIND:
    case OPTION_RO_BIND:
        options->binds[options->bind_count++] = (struct do_bind){.text = optarg, .writable = option == OPTION_BIND};
        return 0;
    case OPTION_HIDE:
        add_text(&options->hide, optarg);
        return 0;
    case 'C':
        options->cwd = optarg;
        return 0;
    case 'n':
        return parse_network(optarg, &options->host_network, error);
    case 't':
        return number_parse_time(optarg, "--time", &options->container.time_limit_ms, error);
    case 'm':
        return parse_room(optarg, "--memory", &options->memory, error);
    case OPTION_CPUS:
        return parse_cpus(optarg, &options->cpu_quota_us, error);
    case OPTION_PIDS:
        return number_parse(optarg, "--pids", PIDS_MAX, &options->pids, error);
    case OPTION_LAYER:
        return parse_room(optarg, "--layer", &options->layer, error);
    case 'e':
        add_text(&options->env, optarg);
        return 0;
    case 'u':
        options->user = optarg;
        return 0;
    case OPTION_HOSTNAME:
        options->hostname = optarg;
        return strlen(optarg) <= HOST_NAME_MAX ? 0
                                               : error_refuse(error, "--hostname: longer than %d bytes", HOST_NAME_MAX);
    case OPTION_NAME:
        options->container.creation.id = optarg;
        return state_id_check(optarg, error);
    case OPTION_GATE:
        return parse_gate(optarg, &options->without_gate, error);
    case OPTION_TRACE:
        options->container.trace = true;
        options->container.trace_file = optarg;
        return 0;
    case 'v':
        options->verbose = true;
        return 0;
    case 'h':
        options->help = true;
        return 0;
    default:
        return option_error(option, argv, error);
    }
}

/* The lists are as long as the command line could need. */
static int parse_options(int argc, char **argv, struct arena *arena, struct do_options *ret_options,
                         struct error *error)
{
    const size_t most = (size_t)argc;
    struct do_options options = {
        .pids = PIDS_DEFAULT, .layer = LAYER_DEFAULT, .container.set_up_status = EXIT_SANDBOX_DIED};
    options.env.items = arena_array(arena, most, sizeof(char *));
    options.hide.items = arena_array(arena, most, sizeof(char *));
    options.binds = arena_array(arena, most, sizeof(*options.binds));
    if (options.env.items == NULL || options.hide.items == NULL || options.binds == NULL)
        return error_set(error, ENOMEM, "cannot read the command line");
    int option, result = 0;
    option_start();
    while (result == 0 && (option = option_next(argc, argv, "+:C:n:t:m:e:u:vh", do_table)) != -1)
        result = apply_option(&options, option, argv, error);
    options.command = argv + optind;
    *ret_options = options;
    return result;
}

/* -- what is said with --verbose --------------------------------------------------------------------------------- */

static void say_plan(const struct do_plan *plan)
{
    const struct do_options *options = plan->options;
    auto_free char *cwd = text_shown(plan->cwd, "");
    (void)fprintf(stderr, "postern: %s: user %u:%u, in %s (%s), network %s, %" PRId64 " MiB to write in",
                  options->container.creation.id, plan->user->uid, plan->user->gid, cwd != NULL ? cwd : "?",
                  options->writable_cwd ? "the real one" : "below the layer",
                  options->host_network ? "the host's" : "none", options->layer >> 20);
    if (options->memory > 0)
        (void)fprintf(stderr, ", %" PRId64 " MiB of memory", options->memory >> 20);
    if (options->container.time_limit_ms > 0)
        (void)fprintf(stderr, ", %.3g s", (double)options->container.time_limit_ms / 1000);
    (void)fprintf(stderr, "\n");
}

static void say_started(void *data, const struct foreground_times *times)
{
    const struct do_plan *plan = data;
    (void)fprintf(stderr, "postern: %s: started in %.1f ms (the sandbox %.1f, the program %.1f)\n",
                  plan->options->container.creation.id, (double)(times->started - times->begun) / 1e6,
                  (double)(times->made - times->begun) / 1e6, (double)(times->started - times->made) / 1e6);
}

/* -- the command ------------------------------------------------------------------------------------------------- */

/* Which standard streams are no terminals: those the command gets as they are, and a terminal of its own for the
 * others. */
static unsigned int find_own_streams(void)
{
    unsigned int own = 0;
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        own |= isatty(fd) ? 0 : 1u << fd;
    return own;
}

/* A job in the background must not take the terminal from the shell. */
static void leave_terminal(void)
{
    if (!isatty(STDIN_FILENO) || tcgetpgrp(STDIN_FILENO) == getpgrp())
        return;
    auto_close int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null >= 0)
        (void)dup2(null, STDIN_FILENO);
}

static int choose_name(struct arena *arena, const char **name, struct error *error)
{
    enum { NAME_MAX_SIZE = 40 };
    uint16_t suffix;
    char *chosen = arena_alloc(arena, NAME_MAX_SIZE);
    if (chosen == NULL || getrandom(&suffix, sizeof(suffix), 0) != (ssize_t)sizeof(suffix))
        return error_set(error, errno, "cannot choose a name");
    (void)snprintf(chosen, NAME_MAX_SIZE, JANITOR_PREFIX "%d-%04x", (int)getpid(), suffix);
    *name = chosen;
    return 0;
}

static int enter_cwd(const char *wanted, char *cwd, size_t size, struct error *error)
{
    if (wanted != NULL && chdir(wanted) < 0)
        return error_set(error, errno, "--cwd: cannot go to %s", wanted);
    if (getcwd(cwd, size) == NULL || cwd[0] != '/')
        return error_set(error, errno, "cannot tell where the current folder is");
    return 0;
}

/* A configuration of the options, in memory that is to be freed. */
static int make_config(const struct do_plan *plan, char **ret_text, size_t *ret_size, struct error *error)
{
    FILE *file = open_memstream(ret_text, ret_size);
    if (file == NULL)
        return error_set(error, errno, "cannot write the configuration");
    int result = do_config_write(plan, file, error);
    if (fclose(file) != 0 && result == 0)
        result = error_set(error, errno, "cannot write the configuration");
    return result;
}

static int run(struct arena *arena, struct do_options *options, struct error *error)
{
    char cwd[PATH_MAX], hostname[HOST_NAME_MAX + 1] = "";
    struct do_user user;
    struct do_mounts mounts;
    const char **environment = NULL;
    leave_terminal();
    struct foreground_options *container = &options->container;
    container->creation.own_streams = find_own_streams();
    options->without_root = rootless_needed();
    const bool terminal = container->creation.own_streams != 7;
    (void)gethostname(hostname, sizeof(hostname) - 1);

    int result = container->creation.id != NULL ? 0 : choose_name(arena, &container->creation.id, error);
    if (result == 0)
        result = enter_cwd(options->cwd, cwd, sizeof(cwd), error);
    if (result == 0)
        result = do_user_find(options->user, options->without_root, &user, error);
    if (result == 0)
        result = do_environment(arena, &user, terminal, &options->env, &environment, error);
    if (result == 0)
        result = do_mounts_make(arena, options, cwd, user.home, &mounts, error);
    if (result == 0)
        result = state_root_create(options_global()->root, error);
    if (result < 0)
        return result;

    struct do_plan plan = {.options = options,
                           .user = &user,
                           .mounts = &mounts,
                           .environment = environment,
                           .cwd = cwd,
                           .hostname = options->hostname != NULL ? options->hostname : hostname,
                           .terminal = terminal};
    auto_free char *config = NULL;
    result = make_config(&plan, &config, &container->creation.config_size, error);
    if (result < 0)
        return result;
    container->janitor = container->stops = true;
    container->creation.hold_signals = container->creation.keep_cpus = true;
    container->creation.config = config;
    container->creation.bundle = options_global()->root; /* a bundle has to be somewhere */
    if (options->verbose) {
        say_plan(&plan);
        container->started = say_started;
        container->data = &plan;
    }
    return foreground_run(container);
}

int command_do(int argc, char **argv)
{
    struct error error = {0};
    struct do_options options;
    auto_arena struct arena *arena = arena_new();
    int status = arena == NULL ? error_set(&error, ENOMEM, "cannot read the command line")
                               : parse_options(argc, argv, arena, &options, &error);
    if (status == 0 && options.help)
        return print_help();
    if (status == 0)
        status = run(arena, &options, &error);
    if (status < 0)
        log_message(LOG_LEVEL_ERROR, "%s", error.text);
    /* 1 might be the command's. */
    return status < 0 ? EXIT_SANDBOX_DIED : status;
}
