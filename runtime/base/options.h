/* SPDX-License-Identifier: Apache-2.0 */
/* Options in front of the subcommand, and what all subcommands need to parse theirs. */
#ifndef RUNTIME_BASE_OPTIONS_H
#define RUNTIME_BASE_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>

struct error;

struct global_options {
    const char *root;     /* --root: where states of containers are */
    bool root_given;      /* ... and it is not the default */
    const char *log;      /* --log: NULL, or a file that gets every message too */
    const char *id_range; /* --id-range: NULL, or BASE:COUNT */
    int timeout;          /* --timeout: seconds, for what may never answer */
    bool log_json;        /* --log-format=json */
    bool debug;           /* --debug, --log-level=debug */
    bool systemd_cgroup;  /* --systemd-cgroup */
    bool help, version;   /* asked for: nothing else is to be done */
};

/* Parses the options before the subcommand. root: where states are unless --root says otherwise, borrowed. *ret_index is where argv has the
 * subcommand (argc if there is none). Returns 0, or -EINVAL with a sentence in *error. */
int options_parse_global(int argc, char **argv, const char *root, struct global_options *ret_options, int *ret_index,
                         struct error *error);

/* What options_parse_global found, for the rest of the program. */
void options_keep(const struct global_options *options);
const struct global_options *options_global(void);

/* getopt_long for a subcommand: the first call of each starts at argv[1]; errors are left to option_error. `letters`
 * must begin with ":" (tell a missing argument apart), or with "+:" if options end at the first word: that is where the
 * words after it are another program's. Elsewhere options and words come in any order, as with runc. */
int option_next(int argc, char **argv, const char *letters, const struct option *options);
void option_start(void);

/* The sentence for what option_next refused ('?' or ':'); argv[0] is the subcommand. Returns -EINVAL. */
int option_error(int refused, char **argv, struct error *error);

#endif
