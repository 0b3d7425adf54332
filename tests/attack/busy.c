/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A user's own file has been given a capability (setcap). Writing to it takes that away, and while it runs nobody may write to it: else the
 * user's own code would run with what the program was given. The user tries: by name, by a descriptor that is opened again, after the
 * file has lost its mode's x, and just when it is being started.
 */
#include "attack.h"

#include <linux/capability.h>
#include <sys/xattr.h>

enum { USER = 1000, CLEAN = 40, CHANGED_PRIVILEGED, CHANGED_PLAIN, NO_EXEC, BEFORE = 0x11223344, AFTER = 7 };
#define PROGRAM "/tmp/busy-program"
#define SECRET "/tmp/busy-secret"

/* mov $BEFORE,%eax; ret: in a page of its own, without a system call in it. */
extern const char code[];
__asm__(".text\n.balign 4096\n.global code\ncode:\n.byte 0xb8,0x44,0x33,0x22,0x11,0xc3\n.balign 4096\n");

static int run_code(void)
{
    int (*function)(void);
    const char *address = code;
    memcpy(&function, &address, sizeof(function));
    return function();
}

/* The program with the capability. */
static int program(double time)
{
    for (double end = seconds() + time; seconds() < end; usleep(500))
        if (run_code() != BEFORE)
            return open(SECRET, O_RDONLY) >= 0 ? CHANGED_PRIVILEGED : CHANGED_PLAIN;
    return CLEAN;
}

static off_t code_at;

static bool copy_program(const char *self)
{
    static char bytes[4 << 20];
    int from = open(self, O_RDONLY), to = open(PROGRAM, O_CREAT | O_EXCL | O_WRONLY, 0755);
    ssize_t size = read(from, bytes, sizeof(bytes));
    const char *found = size > 0 ? memmem(bytes, (size_t)size, code, 6) : NULL;
    bool fine = found != NULL && write(to, bytes, (size_t)size) == size;
    code_at = fine ? found - bytes : 0;
    close(from);
    close(to);
    return fine;
}

static bool make_program(const char *self)
{
    const struct {
        uint32_t magic, words[4];
    } capability = {VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE, {1U << CAP_DAC_OVERRIDE}};
    unlink(PROGRAM);
    return copy_program(self) && chown(PROGRAM, USER, USER) == 0 &&
           setxattr(PROGRAM, "security.capability", &capability, sizeof(capability), 0) == 0;
}

static int by_name(void)
{
    return open(PROGRAM, O_WRONLY);
}

static int by_descriptor(void)
{
    char name[32];
    int fd = open(PROGRAM, O_RDONLY | O_CLOEXEC);
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    int opened = open(name, O_WRONLY);
    close(fd);
    return opened;
}

static int without_x(void)
{
    chmod(PROGRAM, 0644);
    int fd = open(PROGRAM, O_WRONLY);
    chmod(PROGRAM, 0755);
    return fd;
}

static const struct way {
    const char *name;
    int (*open)(void);
} ways[] = {{"by name", by_name}, {"by a descriptor", by_descriptor}, {"without x", without_x}};

static void become_user(void)
{
    if (setgid(USER) < 0 || setuid(USER) < 0)
        _exit(9);
}

static pid_t start_program(const char *time)
{
    pid_t pid = fork();
    if (pid == 0) {
        become_user();
        execl(PROGRAM, PROGRAM, time, (char *)NULL);
        _exit(NO_EXEC);
    }
    return pid;
}

/* Tries until it is let to, or for some time. */
static pid_t start_writer(const struct way *way, double time)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    become_user();
    for (double end = seconds() + time; seconds() < end;) {
        const int value = AFTER;
        int fd = way->open();
        if (fd >= 0)
            _exit(pwrite(fd, &value, sizeof(value), code_at + 1) != sizeof(value));
    }
    _exit(0);
}

static bool was_changed(pid_t program_pid, pid_t writer)
{
    int status = wait_within(program_pid, 20);
    EXPECT(wait_within(writer, 20) == 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == CHANGED_PRIVILEGED;
}

static void while_it_runs(const char *self, const struct way *way)
{
    EXPECT(make_program(self));
    pid_t program_pid = start_program("0.4");
    usleep(150000);
    if (was_changed(program_pid, start_writer(way, 0.1)))
        complain("%s: a program with a capability was changed while it ran", way->name);
}

static void while_it_starts(const char *self, const struct way *way)
{
    int rounds = 0, bad = 0;
    for (double end = seconds() + 4; seconds() < end; rounds++) {
        EXPECT(make_program(self));
        pid_t first, second;
        if (rounds % 2 == 0) {
            first = start_program("0.01");
            usleep((unsigned int)(rounds * 53 % 1500));
            second = start_writer(way, 0.008);
        } else {
            second = start_writer(way, 0.008);
            first = start_program("0.01");
        }
        bad += was_changed(first, second);
    }
    if (bad > 0)
        complain("%s: %d of %d programs with a capability were changed while they were started", way->name, bad, rounds);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return program(strtod(argv[1], NULL));
    int secret = open(SECRET, O_CREAT | O_WRONLY, 0600);
    EXPECT(secret >= 0 && close(secret) == 0);
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        while_it_runs(argv[0], &ways[i]);
        while_it_starts(argv[0], &ways[i]);
    }
    unlink(PROGRAM);
    check_alive("programs that were written to");
    return finish();
}
