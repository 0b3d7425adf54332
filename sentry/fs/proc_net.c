/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/PID/net: the host's files of the guest's own network namespace. Not here, because they speak of the whole host:
 * ptype and protocols (what the host kernel has loaded, memory of all namespaces), softnet_stat, and the memory columns
 * of sockstat.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sentry/fs/procfs.h"

/* sockstat counts `alloc` and `mem` over all namespaces; `inuse` is the namespace's own. */
static void append_sockstat_line(char *line, struct text *text)
{
    const char *hide = NULL;
    char *rest = line;
    const char *separator = "";
    for (char *word; (word = strsep(&rest, " ")) != NULL; separator = " ") {
        text_string(text, separator);
        text_string(text, hide != NULL ? "0" : word);
        bool host_wide = strcmp(word, "alloc") == 0 || strcmp(word, "mem") == 0 || strcmp(word, "memory") == 0 ||
                         strcmp(word, "orphan") == 0;
        hide = host_wide ? word : NULL;
    }
    text_string(text, "\n");
}

static int sockstat_text(const struct synth_source *source, struct text *text)
{
    auto_text struct text host = {0};
    int result = proc_subject_read(source, source->entry->path, &host);
    if (result < 0)
        return result;
    char *cursor = host.data;
    for (char *line; (line = text_line(&cursor)) != NULL;)
        append_sockstat_line(line, text);
    return 0;
}

#define NET(name) SYNTH_FILE("net/" name, 0444, SYNTH_REAL, .flags = SYNTH_OPTIONAL)

const struct synth_entry proc_net_table[] = {
    NET("anycast6"),
    NET("arp"),
    NET("dev"),
    NET("dev_mcast"),
    NET("dev_snmp6/lo"),
    NET("fib_trie"),
    NET("fib_triestat"),
    NET("icmp"),
    NET("icmp6"),
    NET("if_inet6"),
    NET("igmp"),
    NET("igmp6"),
    NET("ipv6_route"),
    NET("mcfilter"),
    NET("mcfilter6"),
    NET("netlink"),
    NET("netstat"),
    NET("packet"),
    NET("psched"),
    NET("raw"),
    NET("raw6"),
    NET("route"),
    NET("rt6_stats"),
    NET("rt_cache"),
    NET("snmp"),
    NET("snmp6"),
    SYNTH_FILE("net/sockstat", 0444, SYNTH_LIVE, .flags = SYNTH_OPTIONAL, .generate = sockstat_text),
    SYNTH_FILE("net/sockstat6", 0444, SYNTH_LIVE, .flags = SYNTH_OPTIONAL, .generate = sockstat_text),
    NET("tcp"),
    NET("tcp6"),
    NET("udp"),
    NET("udp6"),
    NET("udplite"),
    NET("udplite6"),
    NET("unix"),
    {0},
};
