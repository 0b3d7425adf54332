/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sd_notify(3), as runc does it: if our caller gave us NOTIFY_SOCKET, the container has a socket of its own, and when a program in there
 * says READY=1, we say so to the caller's, and which process is the service's. Whatever else is said in there stays with us: it is a
 * stranger's word, and the caller may be the machine's first process.
 */
#ifndef RUNTIME_LIFECYCLE_NOTIFY_H
#define RUNTIME_LIFECYCLE_NOTIFY_H

#include <stdbool.h>
#include <sys/types.h>

struct error;
struct oci_config;

#define NOTIFY_FOLDER "notify" /* in the state folder; mounted read-only in the container */

struct notify {
    int socket; /* the container's, or -1 */
    bool ready;
};

#define NOTIFY_NONE                                                                                                      \
    {                                                                                                                  \
        .socket = -1                                                                                                   \
    }

/* Whether there is a socket of the caller's. */
bool notify_wanted(void);

/* For a new container, before its sandbox is made: makes the folder in its state folder, adds the mount and the variable. */
int notify_add(struct oci_config *config, int folder, struct error *error);

/* Opens the container's socket, if the caller has one and the container was made with that folder. 0 or -errno. */
int notify_open(int folder, struct notify *ret_notify, struct error *error);
void notify_close(struct notify *notify);

/* Takes what has come; returns true, once, when the program is ready. What it says later is heard too, and goes nowhere. */
bool notify_hear(struct notify *notify);

/* Tells the caller, that `service` is the process to look after too. waits: until it has read that, for a while; for one that ends
 * afterwards, and must not before. */
void notify_tell(pid_t service, bool waits);

/* All of it, until the program is ready or the process behind `init` has ended. */
void notify_wait(struct notify *notify, int init, pid_t service);

#endif
