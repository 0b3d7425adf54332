/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The caller's terminal on one side, the master of the container's pty on the other, and bytes in between. Whatever way
 * the program ends, the terminal gets its settings back (console_close, and atexit as the net beneath it).
 *
 * Nothing here blocks: each side waits in the caller's poll loop until the other can take what it has.
 */
#ifndef RUNTIME_CONSOLE_CONSOLE_H
#define RUNTIME_CONSOLE_CONSOLE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

enum { CONSOLE_POLL_COUNT = 3, CONSOLE_BUFFER = 4096 };

struct console_buffer {
    size_t start, end; /* what is still to be written */
    char bytes[CONSOLE_BUFFER];
};

struct console {
    int master;      /* borrowed */
    int input;       /* -1: ended */
    int output;      /* -1: nobody reads it, what comes is dropped */
    bool own_output; /* output is a descriptor of ours */
    bool raw;        /* a terminal was changed and is to be restored */
    bool background; /* it is somebody else's for now: its input is not ours */
    bool stop_typed; /* ^Z came since console_stop_typed */
    bool hung_up;    /* for now nobody has the other side of the pty open */
    bool ending;     /* the input has ended, and the program is told whenever it reads */
    int64_t end_at;  /* when next, in milliseconds of the monotonic clock */
    int end_pause;
    char last_input; /* to end a line that was begun when input ends */
    struct console_buffer to_program, to_user;
};

/* For a new console, before a program writes to it: what ends in a file or a pipe has no carriage returns. Where a terminal shows it
 * they stay, and programs know: one that moves the cursor down by a line feed would find it at the line's beginning. */
void console_prepare(int master, unsigned int own_streams);

/* Puts the caller's terminal, if there is one, in raw mode, and gives its size to the pty. Those of our standard streams that are
 * the program's own (bits 0 to 2) are left alone. */
int console_open(int master, unsigned int own_streams, struct console *ret_console, struct error *error);

/* Says what to wait for, in CONSOLE_POLL_COUNT entries. */
void console_poll(struct console *console, struct pollfd *ret_entries);

/* How long the caller may wait, in milliseconds; -1: for ever. */
int console_timeout(const struct console *console);

/* Moves what can be moved. */
void console_handle(struct console *console, const struct pollfd *entries);

/* Gives the size of the caller's terminal to the pty (SIGWINCH). */
void console_resize(const struct console *console);

/* Whether ^Z was typed since it was last asked. */
bool console_stop_typed(struct console *console);

/* Gives the terminal back, with all that the program has written, and takes it again, if it is ours by then: after each SIGCONT
 * it may be. */
void console_suspend(struct console *console);
void console_resume(struct console *console);

/* Writes out what the program, now dead, left in the pty. */
void console_drain(struct console *console);

/* Restores the terminal. */
void console_close(struct console *console);

#endif
