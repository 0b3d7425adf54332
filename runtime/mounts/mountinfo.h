/* SPDX-License-Identifier: Apache-2.0 */
/* A line of /proc/PID/mountinfo (proc(5)). */
#ifndef RUNTIME_MOUNTS_MOUNTINFO_H
#define RUNTIME_MOUNTS_MOUNTINFO_H

#include <stdbool.h>
#include <stdint.h>

struct mountinfo {
    uint64_t id, parent;
    char *device, *root, *destination, *options, *type, *super_options; /* in the text */
    unsigned int shared, master; /* its peer group, and the one it follows; 0: none */
    bool unbindable;
};

/* Takes "36 35 98:0 /root /destination options tags... - type source super" apart, in place. */
bool mountinfo_parse(char *text, struct mountinfo *ret_line);

/* Is anything mounted below this folder, in our own mount namespace? If that cannot be read, yes. */
bool mountinfo_has_below(const char *folder);

#endif
