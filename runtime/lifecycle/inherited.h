/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors our caller leaves to the container's program, from 3 on: those of socket activation (sd_listen_fds(3)) and
 * behind them those of --preserve-fds. Only what the caller has opened may be among them: one of our own, at a number that
 * the caller left free, would be a way out.
 */
#ifndef RUNTIME_LIFECYCLE_INHERITED_H
#define RUNTIME_LIFECYCLE_INHERITED_H

struct error;
struct oci_config;

/* Those of socket activation, if it is us whom LISTEN_PID means, or nobody, as crun has it; then LISTEN_FDS and LISTEN_PID are added
 * to the program's environment. Without LISTEN_PID as many are passed as are open. 0 or -errno. */
int inherited_listen(struct oci_config *config, int *ret_count, struct error *error);

/* Checks that descriptors 3 to 2 + listening + preserved are our caller's. */
int inherited_check(int listening, int preserved, struct error *error);

#endif
