/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Root takes a user's file over (chown), while the user's own changes to it are on their way. Linux does either before or after: a
 * set-id bit that was there before goes with the chown, and after it nothing is the user's to change. Never is there a set-user-id
 * program of root's with the user's content, nor a file of root's that is of the user's group or speaks of him in a list.
 */
#include "attack.h"

#include <sys/xattr.h>

enum { USER = 1000, CHANGERS = 3, SECONDS_EACH = 3, SETTLES_US = 2000 };
#define FOLDER "/tmp/given"
#define FILE_NAME FOLDER "/file"
#define LIST "system.posix_acl_access"

/* u::rwx u:1000:rwx g::rwx m::rwx o::--- as the kernel takes it */
static const uint8_t list[] = {2, 0, 0, 0,
                               1, 0, 7, 0, 0xff, 0xff, 0xff, 0xff,
                               2, 0, 7, 0, 0xe8, 0x03, 0, 0,
                               4, 0, 7, 0, 0xff, 0xff, 0xff, 0xff,
                               16, 0, 7, 0, 0xff, 0xff, 0xff, 0xff,
                               32, 0, 0, 0, 0xff, 0xff, 0xff, 0xff};

static void become_user(void)
{
    if (setgid(USER) < 0 || setuid(USER) < 0)
        _exit(9);
}

static void set_bits(void)
{
    chmod(FILE_NAME, 06777);
}

static void set_bits_by_descriptor(void)
{
    int fd = open(FILE_NAME, O_RDONLY);
    for (int i = 0; fd >= 0 && i < 20; i++)
        fchmod(fd, 06777);
    if (fd >= 0)
        close(fd);
}

static void set_group(void)
{
    chown(FILE_NAME, (uid_t)-1, USER);
}

static void set_list(void)
{
    setxattr(FILE_NAME, LIST, list, sizeof(list), 0);
}

static bool has_bits(void)
{
    struct stat status;
    return stat(FILE_NAME, &status) == 0 && status.st_uid == 0 && (status.st_mode & (S_ISUID | S_ISGID)) != 0;
}

static bool has_group(void)
{
    struct stat status;
    return stat(FILE_NAME, &status) == 0 && status.st_uid == 0 && status.st_gid != 0;
}

static bool has_list(void)
{
    return getxattr(FILE_NAME, LIST, NULL, 0) > 0;
}

static const struct way {
    const char *name;
    void (*change)(void);
    bool (*bad)(void);
} ways[] = {
    {"a set-id bit", set_bits, has_bits},
    {"a set-id bit, by a descriptor", set_bits_by_descriptor, has_bits},
    {"the user's group", set_group, has_group},
    {"a list of the user's", set_list, has_list},
};

static bool make_file(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        become_user();
        _exit(open(FILE_NAME, O_CREAT | O_EXCL | O_RDWR, 0777) < 0);
    }
    int status = -1;
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static void take_over(const struct way *way)
{
    pid_t changers[CHANGERS];
    for (size_t i = 0; i < CHANGERS; i++) {
        changers[i] = fork();
        if (changers[i] == 0) {
            become_user();
            for (;;)
                way->change();
        }
    }
    int rounds = 0, bad = 0;
    for (double end = seconds() + share_of(SECONDS_EACH); seconds() < end; rounds++) {
        EXPECT(make_file());
        usleep(200 + (unsigned int)rounds * 37 % 900);
        EXPECT(chown(FILE_NAME, 0, 0) == 0);
        if (way->bad == has_list)
            (void)removexattr(FILE_NAME, LIST);
        usleep(SETTLES_US);
        bad += way->bad();
        EXPECT(unlink(FILE_NAME) == 0);
    }
    for (size_t i = 0; i < CHANGERS; i++) {
        kill(changers[i], SIGKILL);
        waitpid(changers[i], NULL, 0);
    }
    if (bad > 0)
        complain("%d of %d files of root's have %s", bad, rounds, way->name);
}

int main(void)
{
    umask(0);
    EXPECT(mkdir(FOLDER, 0777) == 0);
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
        take_over(&ways[i]);
    check_alive("files that were given away");
    return finish();
}
