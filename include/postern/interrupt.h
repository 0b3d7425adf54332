/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call that may wait and must not: a timer of the calling thread's interrupts it, again and again, until it has returned.
 */
#ifndef POSTERN_INTERRUPT_H
#define POSTERN_INTERRUPT_H

/* Once in the process, before its first thread and its confinement: an interrupted call returns. 0 or -errno. */
int interrupt_prepare(void);

/* From now on, every so many milliseconds, until interrupt_end(). 0, or -EAGAIN: nothing will be interrupted. */
int interrupt_begin(int interval_ms, int *ret_timer);
void interrupt_end(int timer);

#endif
