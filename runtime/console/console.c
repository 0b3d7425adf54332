/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/console/console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "postern/cleanup.h"
#include "postern/error.h"
#include "runtime/base/await.h"

enum { STOP_KEY = 'Z' & 0x1f, PAUSE_MS = 50, END_PAUSE_MAX_MS = 1000, DRAIN_MS = 2000 };

/* -- the caller's terminal -------------------------------------------------------------------------------------- */

/* Of the whole process, because atexit has no argument. */
static struct {
    bool changed;
    struct termios settings;
} caller_terminal;

static void restore_terminal(void)
{
    if (caller_terminal.changed)
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &caller_terminal.settings);
    caller_terminal.changed = false;
}

static int make_raw(struct error *error)
{
    static bool registered;
    struct termios raw;
    if (tcgetattr(STDIN_FILENO, &caller_terminal.settings) < 0)
        return error_set(error, errno, "cannot read the settings of the terminal");
    if (!registered && atexit(restore_terminal) != 0)
        return error_set(error, ENOMEM, "cannot change the terminal");

    registered = true;
    raw = caller_terminal.settings;
    cfmakeraw(&raw);
    caller_terminal.changed = true;
    if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) < 0)
        return error_set(error, errno, "cannot put the terminal in raw mode");
    return 0;
}

/* The first of our streams that is not the program's own. */
static int output_stream(unsigned int own_streams)
{
    static const int order[] = {STDOUT_FILENO, STDERR_FILENO, STDIN_FILENO};
    size_t at = 0;
    while (at < 2 && (own_streams >> order[at] & 1) != 0)
        at++;
    return order[at];
}

/* A terminal opened anew can be non-blocking without that showing in the caller's other processes, which share the
 * descriptor we were given. Pipes and files are left as they are: poll says when they take CONSOLE_BUFFER bytes. */
static int open_output(unsigned int own_streams, bool *ret_own)
{
    const int stream = output_stream(own_streams);
    char name[32];
    (void)snprintf(name, sizeof(name), "/proc/self/fd/%d", stream);
    int fd = isatty(stream) ? open(name, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) : -1;
    *ret_own = fd >= 0;
    return fd >= 0 ? fd : stream;
}

void console_prepare(int master, unsigned int own_streams)
{
    struct termios settings;
    if (isatty(output_stream(own_streams)) || tcgetattr(master, &settings) < 0)
        return;
    settings.c_oflag &= ~(tcflag_t)ONLCR;
    (void)tcsetattr(master, TCSANOW, &settings);
}

int console_open(int master, unsigned int own_streams, struct console *ret_console, struct error *error)
{
    int flags = fcntl(master, F_GETFL);
    if (flags < 0 || fcntl(master, F_SETFL, flags | O_NONBLOCK) < 0)
        return error_set(error, errno, "cannot use the container's console");

    struct console console = {.master = master, .input = STDIN_FILENO, .last_input = '\n', .end_pause = PAUSE_MS};
    if ((own_streams & 1) != 0) {
        console.input = -1;
    } else if (isatty(STDIN_FILENO)) {
        int result = make_raw(error);
        if (result < 0)
            return result;
        console.raw = true;
    }
    console.output = open_output(own_streams, &console.own_output);
    console_resize(&console);
    *ret_console = console;
    return 0;
}

void console_resize(const struct console *console)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        struct winsize size;
        if (ioctl(fd, TIOCGWINSZ, &size) == 0) {
            (void)ioctl(console->master, TIOCSWINSZ, &size);
            return;
        }
    }
}

void console_close(struct console *console)
{
    if (console->own_output && console->output >= 0)
        (void)close(take_fd(&console->output));
    restore_terminal();
    console->raw = false;
}

/* -- buffers ---------------------------------------------------------------------------------------------------- */

static bool is_empty(const struct console_buffer *buffer)
{
    return buffer->start == buffer->end;
}

static bool again(void)
{
    return errno == EAGAIN || errno == EINTR;
}

/* Returns what read returned, or 0 when nothing is there yet; -1 for end of file and for any error. */
static ssize_t fill(struct console_buffer *buffer, int fd)
{
    ssize_t got = read(fd, buffer->bytes, sizeof(buffer->bytes));
    if (got < 0 && again())
        return 0;
    buffer->start = 0;
    buffer->end = got > 0 ? (size_t)got : 0;
    return got > 0 ? got : -1;
}

static int flush(struct console_buffer *buffer, int fd)
{
    ssize_t put = write(fd, buffer->bytes + buffer->start, buffer->end - buffer->start);
    if (put < 0)
        return again() ? 0 : -1;
    buffer->start += (size_t)put;
    return 0;
}

/* -- the relay -------------------------------------------------------------------------------------------------- */

/* Whether the program has read all we wrote. What it has not is marked with the terminal's mode of the time it came: an
 * end of file behind it would be a plain byte if that was raw, as it is while a shell edits its command line. */
static bool has_read_all(const struct console *console)
{
    auto_close int slave = ioctl(console->master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    struct pollfd entry = {.fd = slave, .events = POLLIN};
    return slave < 0 || poll(&entry, 1, 0) == 0;
}

/* A pty has no half-close: its end of file is a character, which must stand at the beginning of a line; in the middle
 * of one the first of two only completes the line. A program that changes the terminal's mode just then loses it, and a
 * pipe that has ended stays ended: so it is said again, at growing intervals, whenever the last one has been read. */
static void end_input(struct console *console)
{
    struct console_buffer *buffer = &console->to_program;
    if (await_now_ms() < console->end_at)
        return;
    console->end_at = await_now_ms() + PAUSE_MS;
    if (!is_empty(buffer) || console->hung_up || !has_read_all(console))
        return;

    struct termios settings;
    char eof = '\004';
    if (tcgetattr(console->master, &settings) == 0)
        eof = (char)settings.c_cc[VEOF];
    buffer->start = buffer->end = 0;
    if (console->last_input != '\n')
        buffer->bytes[buffer->end++] = eof;
    buffer->bytes[buffer->end++] = eof;
    console->last_input = '\n';
    console->end_pause = console->end_pause < END_PAUSE_MAX_MS ? 2 * console->end_pause : END_PAUSE_MAX_MS;
    console->end_at = await_now_ms() + console->end_pause;
}

static void read_input(struct console *console)
{
    ssize_t got = fill(&console->to_program, console->input);
    if (got > 0) {
        console->last_input = console->to_program.bytes[got - 1];
        console->stop_typed = console->stop_typed || memchr(console->to_program.bytes, STOP_KEY, (size_t)got) != NULL;
    }
    if (got < 0) {
        console->input = -1;
        console->ending = !console->raw; /* a terminal that is gone is a hang-up, which comes as a signal */
    }
}

static void write_output(struct console *console)
{
    if (console->output >= 0 && flush(&console->to_user, console->output) < 0) {
        if (console->own_output)
            (void)close(console->output);
        console->output = -1;
    }
    if (console->output < 0)
        console->to_user.start = console->to_user.end = 0;
}

void console_poll(struct console *console, struct pollfd *ret_entries)
{
    if (console->hung_up) { /* poll would return at once for as long as that lasts */
        struct pollfd probe = {.fd = console->master};
        console->hung_up = poll(&probe, 1, 0) == 1 && (probe.revents & POLLHUP) != 0;
    }

    short master_events = 0;
    if (is_empty(&console->to_user))
        master_events |= POLLIN;
    if (!is_empty(&console->to_program))
        master_events |= POLLOUT;
    ret_entries[0] = (struct pollfd){.fd = is_empty(&console->to_program) && !console->background ? console->input : -1, .events = POLLIN};
    ret_entries[1] = (struct pollfd){.fd = console->hung_up ? -1 : console->master, .events = master_events};
    ret_entries[2] = (struct pollfd){.fd = is_empty(&console->to_user) ? -1 : console->output, .events = POLLOUT};
}

int console_timeout(const struct console *console)
{
    if (console->hung_up)
        return PAUSE_MS;
    int64_t left = console->end_at - await_now_ms();
    return !console->ending ? -1 : left > 0 ? (int)left : 0;
}

void console_handle(struct console *console, const struct pollfd *entries)
{
    if (entries[0].revents != 0)
        read_input(console);
    if ((entries[1].revents & POLLIN) != 0)
        (void)fill(&console->to_user, console->master);
    else if ((entries[1].revents & (POLLHUP | POLLERR)) != 0)
        console->hung_up = true;
    if ((entries[1].revents & POLLOUT) != 0 && flush(&console->to_program, console->master) < 0)
        console->to_program.start = console->to_program.end = 0;
    if (entries[2].revents != 0 || console->output < 0)
        write_output(console);
    if (console->ending)
        end_input(console);
}

void console_drain(struct console *console)
{
    for (;;) {
        if (is_empty(&console->to_user) && fill(&console->to_user, console->master) <= 0)
            return;
        struct pollfd output = {.fd = console->output, .events = POLLOUT};
        if (console->output < 0 || poll(&output, 1, DRAIN_MS) <= 0)
            return; /* nobody reads: do not wait for ever */
        write_output(console);
    }
}

bool console_stop_typed(struct console *console)
{
    const bool typed = console->stop_typed;
    console->stop_typed = false;
    return typed;
}

void console_suspend(struct console *console)
{
    console_drain(console);
    restore_terminal();
}

void console_resume(struct console *console)
{
    struct error error = {0}; /* a terminal that has gone will tell by a hang-up */
    console->background = console->raw && tcgetpgrp(STDIN_FILENO) != getpgrp();
    if (console->raw && !console->background && !caller_terminal.changed)
        (void)make_raw(&error);
    console_resize(console);
}
