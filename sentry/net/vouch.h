/* SPDX-License-Identifier: Apache-2.0 */
/* What SCM_CREDENTIALS say: what guests may claim in them, and what is true of those the host gives. */
#ifndef SENTRY_NET_VOUCH_H
#define SENTRY_NET_VOUCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct call;
struct net;
struct process;

/* May the caller say so of a message he sends? 0, -EINVAL, -EPERM or -ESRCH, as scm_check_creds of Linux. */
int vouch_check(struct call *call, const struct ucred *claim);

/* What the host would say of the caller by itself: process, real user and group. */
struct ucred vouch_caller(const struct call *call);

/* The ticket of a claim. False: there is none, and a receiver is told nothing. */
bool vouch_ticket(const struct call *call, const struct ucred *claim, uint32_t *ret_ticket);

/* The truth behind what came with a message that was sent at `since` or later. */
struct ucred vouch_translate(struct call *call, const struct ucred *native, uint64_t since);

/* The caller has changed its credentials; before: its real ids until now. */
void vouch_changed(const struct call *call, uid_t uid, gid_t gid);
/* A process has come from outside. */
void vouch_met(const struct net *net, uid_t uid, gid_t gid);
/* A process has ended. For process_table_tell_ends: data is the struct net. */
void vouch_ended(const struct process *process, void *data);

#endif
