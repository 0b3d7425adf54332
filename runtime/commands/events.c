/* SPDX-License-Identifier: Apache-2.0 */
/* postern events: what a container uses, and that it ran out of memory, as lines of JSON. */
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/base/await.h"
#include "runtime/base/log.h"
#include "runtime/base/options.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/commands/command.h"
#include "runtime/state/container.h"

struct events_options {
    const char *id;
    int64_t interval_ms;
    bool once, help;
};

static const struct option events_table[] = {
    {"interval", required_argument, NULL, 'i'},
    {"stats", no_argument, NULL, 's'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static int print_help(void)
{
    printf("Usage: postern events [OPTION]... ID\n"
           "Print what a container uses, and whenever it runs out of memory, as lines of JSON until it ends.\n\n"
           "      --interval TIME  time from one to the next, such as 500ms, 5s (default) or 1m30s\n"
           "      --stats          print once what it uses\n");
    return EXIT_SUCCESS;
}

/* "1m30s", "500ms": numbers, each with its unit. */
static int parse_interval(const char *text, int64_t *ret_ms, struct error *error)
{
    static const struct {
        const char *unit;
        double ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"us", 0.001}};
    double total = 0;
    bool good = *text != '\0';
    for (const char *at = text; good && *at != '\0';) {
        char *end;
        double number = isdigit((unsigned char)*at) || *at == '.' ? strtod(at, &end) : -1;
        good = false;
        for (size_t i = 0; number >= 0 && i < sizeof(units) / sizeof(units[0]) && !good; i++) {
            size_t length = strlen(units[i].unit);
            good = strncmp(end, units[i].unit, length) == 0 && !isalpha((unsigned char)end[length]);
            if (good) {
                total += number * units[i].ms;
                at = end + length;
            }
        }
    }
    if (!good || total < 1 || total > 1e9)
        return error_refuse(error, "--interval: \"%.40s\" is not a time above 0 such as 500ms, 5s or 1m30s", text);
    *ret_ms = (int64_t)total;
    return 0;
}

static int parse_options(int argc, char **argv, struct events_options *options, struct error *error)
{
    int option, result = 0;
    option_start();
    while (result == 0 && (option = option_next(argc, argv, ":h", events_table)) != -1) {
        if (option == 'i')
            result = parse_interval(optarg, &options->interval_ms, error);
        else if (option == 's')
            options->once = true;
        else if (option == 'h')
            options->help = true;
        else
            result = option_error(option, argv, error);
    }
    if (result < 0 || options->help)
        return result;
    result = arguments_check(argc, argv, 1, 1, error);
    if (result < 0)
        return result;
    options->id = argv[optind];
    return 0;
}

/* The line is put together first: a reader never gets the half of one. */
static int print_stats(const struct container *container, struct error *error)
{
    auto_free char *line = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&line, &size);
    if (memory == NULL)
        return error_set(error, ENOMEM, "cannot collect statistics");
    int result = cgroup_stats(container->cgroup, container->systemd_cgroup, memory, error);
    if (fclose(memory) != 0 && result == 0)
        result = error_set(error, ENOMEM, "cannot collect statistics");
    if (result < 0)
        return result;
    printf("{\"type\":\"stats\",\"id\":\"%s\",\"data\":%s}\n", container->id, line);
    return fflush(stdout) == 0 ? 0 : error_set(error, errno, "cannot write");
}

/* A container that ends is no failure: there is nothing more to tell. */
static int follow(const struct container *container, int init, int64_t interval, struct error *error)
{
    struct cgroup_oom_watch watch = {.fd = -1};
    if (cgroup_oom_watch(container->cgroup, container->systemd_cgroup, &watch) < 0)
        log_message(LOG_LEVEL_DEBUG, "no word of memory running out: this host has no memory controller");
    auto_close int fd = watch.fd;
    struct pollfd polled[] = {{.fd = init, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
    int64_t next = await_now_ms() + interval;
    for (;;) {
        int64_t left = next - await_now_ms();
        int ready = poll(polled, 2, left > 0 ? (int)left : 0);
        if (ready < 0 && errno != EINTR)
            return error_set(error, errno, "poll");
        if (ready > 0 && polled[1].revents != 0 &&
            cgroup_oom_take(container->cgroup, container->systemd_cgroup, &watch)) {
            printf("{\"type\":\"oom\",\"id\":\"%s\"}\n", container->id);
            (void)fflush(stdout);
        }
        if (ready > 0 && polled[0].revents != 0)
            return 0;
        if (await_now_ms() < next)
            continue;
        next += interval;
        struct error failure = {0};
        int result = print_stats(container, &failure);
        if (result == -ENOENT)
            return 0; /* ended and removed in this moment */
        if (result < 0) {
            *error = failure;
            return result;
        }
    }
}

static int events(const struct events_options *options, struct error *error)
{
    auto_close int folder = -1;
    struct container container = {0};
    int result = container_open(options_global()->root, options->id, &folder, error);
    if (result == 0)
        result = container_load(folder, &container, error);
    if (result < 0)
        return result;
    auto_close int init = container.init.pid > 0 ? process_mark_open(&container.init) : -ESRCH;
    if (init < 0)
        result = error_refuse(error, "container with id %s is not running", container.id);
    else if (container.cgroup[0] == '\0')
        result = error_refuse(error, "container %s has no cgroup of its own, in which its use could be counted",
                              container.id);
    else if (options->once)
        result = print_stats(&container, error);
    else
        result = follow(&container, init, options->interval_ms, error);
    container_release(&container);
    return result;
}

int command_events(int argc, char **argv)
{
    struct events_options options = {.interval_ms = 5000};
    struct error error = {0};
    int result = parse_options(argc, argv, &options, &error);
    if (result == 0 && options.help)
        return print_help();
    if (result == 0)
        result = events(&options, &error);
    if (result < 0)
        log_message(LOG_LEVEL_ERROR, "%s", error.text);
    return result < 0 ? EXIT_USAGE : EXIT_SUCCESS;
}
