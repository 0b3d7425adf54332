/* SPDX-License-Identifier: Apache-2.0 */
/* POSIX access control lists: set, shown, enforced, inherited. */
#include "case.h"

#include <grp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>

#define ACCESS  "system.posix_acl_access"
#define DEFAULT "system.posix_acl_default"

enum { USER_OBJ = 1, USER = 2, GROUP_OBJ = 4, GROUP = 8, MASK = 16, OTHER = 32 };

struct entry {
    uint16_t tag, permission;
    uint32_t id;
};

struct list {
    uint32_t version;
    struct entry entries[24];
};

static size_t letters(const char *text, struct entry *entries)
{
    static const struct { char letter; uint16_t tag; } tags[] = {{'U', USER_OBJ}, {'u', USER}, {'G', GROUP_OBJ}, {'g', GROUP}, {'m', MASK}, {'o', OTHER}};
    size_t count = 0;
    while (*text != '\0') {
        struct entry *entry = &entries[count++];
        for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
            if (tags[i].letter == *text)
                entry->tag = tags[i].tag;
        text++;
        entry->id = (entry->tag & (USER | GROUP)) != 0 ? (uint32_t)strtoul(text, (char **)&text, 10) : (uint32_t)-1;
        entry->permission = (uint16_t)(*++text - '0'); /* behind the '=' */
        text += text[1] == ' ' ? 2 : 1;
    }
    return count;
}

/* "U=6 u1000=4 G=0 m=4 o=0" */
static long set_list(const char *path, const char *name, const char *text)
{
    struct list list = {.version = 2};
    size_t count = letters(text, list.entries);
    return setxattr(path, name, &list, 4 + count * sizeof(struct entry), 0);
}

static void say_list(const char *path, const char *name)
{
    struct list list;
    char text[256] = "";
    ssize_t size = getxattr(path, name, &list, sizeof(list));
    for (ssize_t i = 0; i < (size - 4) / (ssize_t)sizeof(struct entry); i++)
        sprintf(text + strlen(text), " %d:%d=%d", list.entries[i].tag, (int)list.entries[i].id, list.entries[i].permission);
    say("%s %s:%s", path, strrchr(name, '_') + 1, size < 0 ? error_name(errno) : text);
}

static void as(uid_t uid, gid_t gid, void (*what)(void))
{
    char name[32];
    sprintf(name, "as %d:%d", uid, gid);
    IN_CHILD(name)
    {
        become(uid, gid);
        what();
    }
}

static void use_file(void)
{
    OPEN("file", O_RDONLY, 0);
    OPEN("file", O_WRONLY, 0);
    TRY(access("file", R_OK));
    TRY(access("file", W_OK));
    TRY(access("file", X_OK));
    TRY(utimensat(AT_FDCWD, "file", NULL, 0));
}

CASE(setting)
{
    put_file("file", "content", 0644);
    say_list("file", ACCESS);
    TRY(set_list("file", ACCESS, "U=6 u1000=6 G=4 m=6 o=0"));
    say_list("file", ACCESS);
    say_stat("file");
    TRY(chmod("file", 0640));
    say_list("file", ACCESS);
    TRY(set_list("file", DEFAULT, "U=6 G=4 o=0"));
    TRY(set_list("file", ACCESS, "U=6 u1000=6 G=4 o=0"));
    TRY(set_list("file", ACCESS, "U=6 G=4 o=9"));
    TRY(set_list("file", ACCESS, "G=4 U=6 o=0"));
    TRY(set_list("file", ACCESS, "U=6 G=4"));
    TRY(setxattr("file", ACCESS, "x", 1, 0));
    TRY(setxattr("file", "system.posix_acl", "x", 1, 0));
    TRY(set_list("file", ACCESS, "U=7 G=5 o=1"));
    say_stat("file");
    say_list("file", ACCESS);
    TRY(set_list("file", ACCESS, "U=6 u5=6 G=4 m=6 o=0"));
    TRY(removexattr("file", ACCESS));
    say_list("file", ACCESS);
    say_stat("file");
    symlink("file", "link");
    struct list list = {.version = 2};
    size_t count = letters("U=6 G=4 o=0", list.entries);
    TRY(lsetxattr("link", ACCESS, &list, 4 + count * sizeof(struct entry), 0));
    int fd = open("file", O_RDONLY);
    count = letters("U=6 g50=2 G=4 m=2 o=0", list.entries);
    TRY(fsetxattr(fd, ACCESS, &list, 4 + count * sizeof(struct entry), 0));
    count = letters("U=6 G=4 g50=2 m=2 o=0", list.entries);
    TRY(fsetxattr(fd, ACCESS, &list, 4 + count * sizeof(struct entry), 0));
    say_list("file", ACCESS);
    char names[256] = "";
    ssize_t size = flistxattr(fd, names, sizeof(names));
    say("listed %zd [%s]", size, names);
}

CASE(owner_only)
{
    put_file("file", "content", 0666);
    IN_CHILD("a stranger")
    {
        become(1000, 1000);
        TRY(set_list("file", ACCESS, "U=6 u1000=6 G=4 m=6 o=6"));
        TRY(removexattr("file", ACCESS));
    }
    chown("file", 1000, 1001);
    chmod("file", 02770);
    IN_CHILD("the owner, not of its group")
    {
        become(1000, 1000);
        TRY(set_list("file", ACCESS, "U=7 u1002=6 G=7 m=7 o=0"));
        say_stat("file");
        TRY(chmod("file", 02770));
        say_stat("file");
    }
}

static void remove_lists(void)
{
    struct list none = {.version = 2};
    TRY(removexattr("file", ACCESS));
    say_stat("file");
    TRY(set_list("file", ACCESS, "U=7 u1002=6 G=7 m=7 o=0"));
    TRY(chmod("file", 02770));
    TRY(setxattr("file", ACCESS, &none, 4, 0)); /* no entries: none is left */
    say_stat("file");
    say_list("file", ACCESS);
    TRY(set_list("file", ACCESS, "U=7 G=5 o=0")); /* no more than a mode says */
    say_stat("file");
    say_list("file", ACCESS);
    TRY(removexattr("folder", DEFAULT));
    TRY(removexattr("folder", DEFAULT));
    TRY(setxattr("folder", DEFAULT, &none, 4, 0));
    say_stat("folder");
}

CASE(removal)
{
    static const struct { uid_t uid; gid_t gid; } who[] = {{0, 0}, {1000, 1000}, {1000, 1001}, {1002, 1001}};
    for (size_t i = 0; i < sizeof(who) / sizeof(who[0]); i++) {
        unlink("file");
        rmdir("folder");
        put_file("file", "content", 0666);
        mkdir("folder", 0755);
        set_list("file", ACCESS, "U=7 u1002=6 G=7 m=7 o=0");
        set_list("folder", DEFAULT, "U=7 u1002=6 G=7 m=7 o=0");
        chown("file", 1000, 1001);
        chown("folder", 1000, 1001);
        chmod("file", 06770);
        chmod("folder", 02770);
        as(who[i].uid, who[i].gid, remove_lists);
    }
}

CASE(users)
{
    put_file("file", "content", 0600);
    set_list("file", ACCESS, "U=6 u1000=4 u1001=6 u1002=0 G=0 m=6 o=4");
    as(1000, 1000, use_file);
    as(1001, 1001, use_file);
    as(1002, 1002, use_file);
    as(1003, 1003, use_file);
    as(1003, 0, use_file);
    chmod("file", 0640); /* the mask */
    as(1001, 1001, use_file);
    as(1003, 1003, use_file);
    chmod("file", 0604);
    as(1001, 1001, use_file);
    as(1003, 1003, use_file);
    chown("file", 1002, 0);
    as(1002, 1002, use_file);
}

CASE(groups)
{
    put_file("file", "content", 0600);
    set_list("file", ACCESS, "U=6 u1000=4 G=0 g1000=6 g1001=2 g1002=4 m=6 o=6");
    as(1000, 1000, use_file);
    as(1001, 1000, use_file);
    as(1001, 1001, use_file);
    as(1003, 0, use_file);
    as(1003, 1003, use_file);
    IN_CHILD("in two groups")
    {
        const gid_t both[] = {1001, 1002};
        setgroups(2, both);
        setresgid(5, 5, 5);
        setresuid(5, 5, 5);
        use_file();
        OPEN("file", O_RDWR, 0);
    }
}

static void use_folder(void)
{
    OPEN("folder/inside", O_RDONLY, 0);
    OPEN("folder", O_RDONLY | O_DIRECTORY, 0);
    OPEN("folder/new", O_CREAT | O_EXCL | O_WRONLY, 0644);
    TRY(unlink("folder/new"));
    TRY(chdir("folder"));
}

CASE(folders)
{
    mkdir("folder", 0700);
    put_file("folder/inside", "", 0644);
    set_list("folder", ACCESS, "U=7 u1000=1 u1001=7 u1002=4 G=0 m=7 o=0");
    as(1000, 1000, use_folder);
    as(1001, 1001, use_folder);
    as(1002, 1002, use_folder);
    as(1003, 1003, use_folder);
    removexattr("folder", ACCESS);
    as(1000, 1000, use_folder);
}

CASE(inherited)
{
    mkdir("folder", 0777);
    TRY(set_list("folder", DEFAULT, "U=7 u1000=6 G=5 m=7 o=0"));
    say_list("folder", DEFAULT);
    umask(077);
    put_file("folder/file", "", 0666);
    close(open("folder/made", O_CREAT | O_WRONLY, 0666));
    close(open("folder/private", O_CREAT | O_WRONLY, 0600));
    mkdir("folder/sub", 0777);
    mkfifo("folder/fifo", 0666);
    const char *const names[] = {"folder/made", "folder/private", "folder/sub", "folder/fifo"};
    for (size_t i = 0; i < 4; i++) {
        say_stat(names[i]);
        say_list(names[i], ACCESS);
        say_list(names[i], DEFAULT);
    }
    IN_CHILD("a user")
    {
        become(1000, 1000);
        OPEN("folder/made", O_RDWR, 0);
        OPEN("folder/private", O_RDONLY, 0);
    }
    TRY(removexattr("folder", DEFAULT));
    close(open("folder/after", O_CREAT | O_WRONLY, 0666));
    say_stat("folder/after");
}

CASE(programs)
{
    copy_self("program");
    chmod("program", 0700);
    IN_CHILD("without")
    {
        become(1000, 1000);
        TRY(execl("program", "program", "--list", (char *)NULL));
    }
    set_list("program", ACCESS, "U=7 u1000=1 u1001=4 G=0 m=5 o=0");
    IN_CHILD("with")
    {
        become(1000, 1000);
        freopen("/dev/null", "w", stdout);
        dup2(open("/dev/null", O_WRONLY), 1);
        execl("program", "program", "--list", (char *)NULL);
        _exit(9);
    }
    IN_CHILD("one who may only read it")
    {
        become(1001, 1001);
        TRY(execl("program", "program", "--list", (char *)NULL));
    }
}

CASE(sockets)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    int server = socket(AF_UNIX, SOCK_STREAM, 0);
    bind(server, (struct sockaddr *)&address, sizeof(address));
    listen(server, 4);
    chmod("socket", 0600);
    TRY(set_list("socket", ACCESS, "U=6 u1000=6 G=0 m=6 o=0"));
    for (uid_t uid = 1000; uid < 1002; uid++)
        IN_CHILD("a user")
        {
            become(uid, uid);
            TRY(connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof(address)));
        }
}

CASE(without_a_name)
{
    put_file("file", "content", 0600);
    set_list("file", ACCESS, "U=6 u1000=4 u1001=0 G=0 m=4 o=4");
    int fd = open("file", O_RDONLY);
    unlink("file");
    for (uid_t uid = 1000; uid < 1003; uid++)
        IN_CHILD("a user")
        {
            char path[32];
            sprintf(path, "/proc/self/fd/%d", fd);
            become(uid, uid);
            OPEN(path, O_RDONLY, 0);
            OPEN(path, O_WRONLY, 0);
        }
}

CASE(changed_while_used)
{
    put_file("file", "content", 0600);
    set_list("file", ACCESS, "U=6 u1000=6 G=0 m=6 o=0");
    int gate[2], back[2];
    (void)!pipe(gate);
    (void)!pipe(back);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        become(1000, 1000);
        for (int i = 0; i < 4; i++) {
            char byte;
            OPEN("file", O_RDWR, 0);
            (void)!write(back[1], "x", 1);
            (void)!read(gate[0], &byte, 1);
        }
        _exit(0);
    }
    char byte;
    (void)!read(back[0], &byte, 1);
    set_list("file", ACCESS, "U=6 u1000=0 G=0 m=6 o=6");
    (void)!write(gate[1], "x", 1);
    (void)!read(back[0], &byte, 1);
    int fd = open("file", O_RDONLY);
    fremovexattr(fd, ACCESS);
    chmod("file", 0606);
    (void)!write(gate[1], "x", 1);
    (void)!read(back[0], &byte, 1);
    rename("file", "other");
    put_file("file", "another", 0600);
    (void)!write(gate[1], "x", 1);
    (void)!read(back[0], &byte, 1);
    (void)!write(gate[1], "x", 1);
    say_wait("user", pid);
}
