/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other commands that are at work on a container: its `run`, an `exec`, one that has its lock. Each has the container's state
 * folder open for as long as it lives; that is what they are found by.
 */
#ifndef RUNTIME_STATE_CLIENTS_H
#define RUNTIME_STATE_CLIENTS_H

/* Ends all but the caller: those that do not leave by themselves within a moment are asked to, and then killed. */
void clients_end(int folder);

#endif
