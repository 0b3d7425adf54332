/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/options.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "postern/error.h"
#include "runtime/base/await.h"
#include "runtime/base/numbers.h"
#include "runtime/base/settings.h"

static struct global_options kept = {.root = "/run/postern"}; /* until options are parsed */

enum {
    OPTION_ROOT = 256,
    OPTION_LOG,
    OPTION_LOG_FORMAT,
    OPTION_LOG_LEVEL,
    OPTION_DEBUG,
    OPTION_ID_RANGE,
    OPTION_TIMEOUT,
    OPTION_SYSTEMD_CGROUP,
    OPTION_IGNORED,
};

/* The last two are given by engines as a matter of course; they change nothing here. */
static const struct option global_table[] = {
    {"root", required_argument, NULL, OPTION_ROOT},
    {"log", required_argument, NULL, OPTION_LOG},
    {"log-format", required_argument, NULL, OPTION_LOG_FORMAT},
    {"log-level", required_argument, NULL, OPTION_LOG_LEVEL},
    {"debug", no_argument, NULL, OPTION_DEBUG},
    {"id-range", required_argument, NULL, OPTION_ID_RANGE},
    {"timeout", required_argument, NULL, OPTION_TIMEOUT},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'v'},
    {"systemd-cgroup", no_argument, NULL, OPTION_SYSTEMD_CGROUP},
    {"rootless", required_argument, NULL, OPTION_IGNORED},
    {"criu", required_argument, NULL, OPTION_IGNORED},
    {0},
};

void options_keep(const struct global_options *options)
{
    kept = *options;
}

const struct global_options *options_global(void)
{
    return &kept;
}

void option_start(void)
{
    optind = 0; /* glibc: forget what was parsed before */
    opterr = 0;
}

/* "--force=true" of an option that takes no argument, as Go's flags have it. Returns 1 or 0; -1: it is no such thing. */
static int boolean_value(const char *word)
{
    static const struct {
        const char *text;
        int value;
    } values[] = {{"true", 1}, {"false", 0}, {"1", 1}, {"0", 0}, {"t", 1}, {"f", 0},
                  {"TRUE", 1}, {"FALSE", 0}, {"T", 1}, {"F", 0}, {"True", 1}, {"False", 0}};
    const char *value = word[0] == '-' ? strchr(word, '=') : NULL;
    for (size_t i = 0; value != NULL && i < sizeof(values) / sizeof(values[0]); i++)
        if (strcmp(value + 1, values[i].text) == 0)
            return values[i].value;
    return -1;
}

/* Like Go's flags, which runc has, long options may begin with one dash. */
int option_next(int argc, char **argv, const char *letters, const struct option *options)
{
    for (;;) {
        int option = getopt_long_only(argc, argv, letters, options, NULL);
        int value = option == '?' && optopt != 0 ? boolean_value(argv[optind - 1]) : -1;
        if (value != 0)
            return value > 0 ? optopt : option;
    }
}

/* `help` is how to get the text that lists the options. */
static int refuse_option(int refused, char **argv, const char *help, struct error *error)
{
    const char *word = argv[optind - 1];
    if (refused == ':')
        return error_refuse(error, "option %.80s needs an argument; see %s", word, help);
    if (optopt != 0 && optopt < 256 && strncmp(word, "--", 2) != 0)
        return error_refuse(error, "unknown option -%c; see %s", optopt, help);
    if (optopt != 0)
        return error_refuse(error, "option %.80s takes no argument; see %s", word, help);
    return error_refuse(error, "unknown or ambiguous option %.80s; see %s", word, help);
}

int option_error(int refused, char **argv, struct error *error)
{
    char help[64];
    (void)snprintf(help, sizeof(help), "postern %.30s --help", argv[0]);
    return refuse_option(refused, argv, help, error);
}

/* We may be elsewhere when it is used. */
static int set_root(struct global_options *options, const char *root, struct error *error)
{
    static char absolute[PATH_MAX];
    char here[PATH_MAX] = "";
    if (root[0] != '/' && getcwd(here, sizeof(here)) == NULL)
        return error_set(error, errno, "--root: cannot tell the current folder");
    int size = snprintf(absolute, sizeof(absolute), "%s%s%s", here, root[0] != '/' ? "/" : "", root);
    if (root[0] == '\0' || size < 0 || (size_t)size >= sizeof(absolute))
        return error_refuse(error, "--root: \"%.40s\" is no folder", root);
    options->root = absolute;
    options->root_given = true;
    return 0;
}

static int set_log_format(struct global_options *options, const char *format, struct error *error)
{
    if (strcmp(format, "text") != 0 && strcmp(format, "json") != 0)
        return error_refuse(error, "--log-format is text or json, not \"%.40s\"", format);
    options->log_json = format[0] == 'j';
    return 0;
}

/* Errors and warnings are always said; the levels above them exist because other runtimes have them. */
static int set_log_level(struct global_options *options, const char *level, struct error *error)
{
    static const char *const levels[] = {"panic", "fatal", "error", "warn", "warning", "info", "debug", "trace"};
    size_t index = 0;
    while (index < sizeof(levels) / sizeof(levels[0]) && strcmp(level, levels[index]) != 0)
        index++;
    if (index == sizeof(levels) / sizeof(levels[0]))
        return error_refuse(error, "--log-level is debug, info, warn or error, not \"%.40s\"", level);
    if (strcmp(level, "debug") == 0 || strcmp(level, "trace") == 0)
        options->debug = true;
    return 0;
}

/* In seconds; 0 would mean that nothing is waited for. */
static int parse_timeout(const char *text, const char *what, int *ret_seconds, struct error *error)
{
    int seconds;
    int result = number_parse(text, what, AWAIT_SECONDS_MAX, &seconds, error);
    if (result < 0)
        return result;
    if (seconds == 0)
        return error_refuse(error, "%s: at least one second", what);
    *ret_seconds = seconds;
    return 0;
}

static int apply(struct global_options *options, int option, char **argv, struct error *error)
{
    switch (option) {
    case OPTION_ROOT:
        return set_root(options, optarg, error);
    case OPTION_LOG:
        options->log = optarg;
        return 0;
    case OPTION_LOG_FORMAT:
        return set_log_format(options, optarg, error);
    case OPTION_LOG_LEVEL:
        return set_log_level(options, optarg, error);
    case OPTION_SYSTEMD_CGROUP:
        options->systemd_cgroup = true;
        return 0;
    case OPTION_DEBUG:
        options->debug = true;
        return 0;
    case OPTION_ID_RANGE:
        options->id_range = optarg;
        return 0;
    case OPTION_TIMEOUT:
        return parse_timeout(optarg, "--timeout", &options->timeout, error);
    case 'h':
        options->help = true;
        return 0;
    case 'v':
        options->version = true;
        return 0;
    case OPTION_IGNORED:
        return 0;
    default:
        return refuse_option(option, argv, "postern --help", error);
    }
}

static int find_timeout(int *ret_seconds, struct error *error)
{
    char text[32];
    int line = settings_find(SETTINGS_FILE, "timeout", text, sizeof(text), error);
    *ret_seconds = AWAIT_SECONDS_DEFAULT;
    if (line <= 0)
        return line;
    int result = parse_timeout(text, "timeout", ret_seconds, error);
    if (result < 0)
        error_prefix(error, SETTINGS_FILE ":%d", line);
    return result;
}

int options_parse_global(int argc, char **argv, const char *root, struct global_options *ret_options, int *ret_index,
                         struct error *error)
{
    struct global_options options = {.root = root};
    int option;
    option_start();
    while ((option = option_next(argc, argv, "+:hv", global_table)) != -1) {
        int result = apply(&options, option, argv, error);
        if (result < 0)
            return result;
    }
    if (options.timeout == 0) {
        int result = find_timeout(&options.timeout, error);
        if (result < 0)
            return result;
    }
    *ret_options = options;
    *ret_index = optind;
    return 0;
}
