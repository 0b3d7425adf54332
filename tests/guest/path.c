/* SPDX-License-Identifier: Apache-2.0 */
/* Names: resolution of paths, links, folders, renaming, and calls relative to a descriptor. */
#include "case.h"

#include <sys/mman.h>

#include <dirent.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

static void say_link(const char *path)
{
    char text[256];
    ssize_t length = readlink(path, text, sizeof(text) - 1);
    if (length >= 0)
        text[length] = '\0';
    say("%s -> %s", path, length < 0 ? error_name(errno) : text);
}

static void say_cwd(void)
{
    char path[PATH_MAX];
    say("cwd %s", getcwd(path, sizeof(path)) ? path : error_name(errno));
}

CASE(dot_and_dotdot)
{
    mkdir("a", 0755), mkdir("a/b", 0755);
    put_file("a/b/file", "deep", 0644);
    put_file("top", "top", 0644);
    say_file("a/b/../../top");
    say_file("./a/./b/./file");
    say_file("a//b///file");
    say_file("a/b/../b/file");
    say_file("a/missing/../b/file");
    say_file("top/../top");
    say_file("top/.");
    say_file("/../../../etc/../tmp/case.dot_and_dotdot/top");
    TRY(chdir("a/b"));
    say_file("../../top");
    TRY(chdir(".."));
    say_cwd();
    TRY(chdir("/.."));
    say_cwd();
    TRY(chdir("/../.."));
    say_cwd();
}

CASE(trailing_slash)
{
    mkdir("folder", 0755);
    put_file("file", "x", 0644);
    (void)!symlink("folder", "to-folder");
    (void)!symlink("file", "to-file");
    (void)!symlink("nothing", "to-nothing");
    struct stat st;
    TRY(stat("folder/", &st));
    TRY(stat("file/", &st));
    TRY(lstat("to-folder/", &st));
    say("folder %d", S_ISDIR(st.st_mode));
    TRY(lstat("to-file/", &st));
    TRY(mkdir("new/", 0755));
    TRY(mkdir("to-nothing/", 0755));
    TRY(rmdir("new/"));
    TRY(unlink("file/"));
    TRY(unlink("folder/"));
    TRY(unlink("to-folder/"));
    TRY(rmdir("to-folder/"));
    TRY(open("made/", O_CREAT | O_WRONLY, 0644));
    TRY(open("file/", O_RDONLY));
    OK(open("folder/", O_RDONLY));
    TRY(symlink("x", "link/"));
    TRY(link("file", "hard/"));
    TRY(rename("file", "file2/"));
    TRY(rename("folder", "folder2/"));
    TRY(rename("folder2/", "folder"));
    TRY(mknod("node/", S_IFREG | 0644, 0));
    TRY(truncate("file/", 0));
    TRY(access("file/", F_OK));
    char text[16];
    TRY(readlink("to-folder/", text, sizeof(text)));
    TRY(readlink("to-folder", text, sizeof(text)));
}

CASE(empty_and_bad)
{
    struct stat st;
    TRY(stat("", &st));
    TRY(open("", O_RDONLY));
    TRY(mkdir("", 0755));
    TRY(unlink(""));
    TRY(rename("", "x"));
    TRY(symlink("", "link"));
    TRY(readlink("", NULL, 0));
    TRY(chdir(""));
    TRY(syscall(SYS_open, NULL, O_RDONLY));
    TRY(syscall(SYS_stat, (char *)1, &st));
    TRY(syscall(SYS_stat, "/", (void *)1));
    TRY(syscall(SYS_mkdir, (char *)-1L, 0755));
    TRY(syscall(SYS_rename, "a", (char *)16));
}

CASE(long_names)
{
    char name[5000], path[5000];
    memset(name, 'n', 256);
    name[255] = '\0';
    TRY(mkdir(name, 0755));
    TRY(rmdir(name));
    name[255] = 'n', name[256] = '\0';
    TRY(mkdir(name, 0755));
    struct stat st;
    TRY(stat(name, &st));
    memset(path, '/', 4095);
    path[4094] = '.', path[4095] = '\0';
    TRY(stat(path, &st));
    memset(path, '/', 4096);
    path[4095] = '.', path[4096] = '\0';
    TRY(stat(path, &st));
    TRY(open(path, O_RDONLY));
    memset(path, 'x', 4096);
    TRY(symlink(path, "link"));
    path[4095] = '\0';
    TRY(symlink(path, "link"));
    TRY(readlink("link", name, sizeof(name)));
    TRY(readlink("link", name, 10));
}

CASE(deep_folders)
{
    char start[PATH_MAX];
    (void)!getcwd(start, sizeof(start));
    int made = 0;
    for (int i = 0; i < 100; i++)
        made += mkdir("a-folder-with-a-fairly-long-name-to-get-beyond-the-limit", 0755) == 0 &&
            chdir("a-folder-with-a-fairly-long-name-to-get-beyond-the-limit") == 0;
    say("made %d", made);
    char path[PATH_MAX * 2];
    say("length %d", getcwd(path, sizeof(path)) ? (int)strlen(path) : -errno);
    TRY(getcwd(path, 100) ? 0 : -1);
    put_file("here", "at the bottom", 0644);
    say_file("here");
    unlink("here");
    for (int i = 0; i < 100; i++) {
        (void)!chdir("..");
        rmdir("a-folder-with-a-fairly-long-name-to-get-beyond-the-limit");
    }
    say_cwd();
}

CASE(symbolic_links)
{
    mkdir("a", 0755), mkdir("a/b", 0755);
    put_file("a/b/file", "found", 0644);
    (void)!symlink("a/b", "relative");
    (void)!symlink("/tmp/case.symbolic_links/a/b", "absolute");
    (void)!symlink("../b/file", "a/b/up");
    (void)!symlink("relative/up", "chain");
    (void)!symlink("nothing", "dangling");
    (void)!symlink("one", "two"), (void)!symlink("two", "one");
    (void)!symlink("a/b/", "slash");
    say_file("relative/file");
    say_file("absolute/file");
    say_file("relative/up");
    say_file("chain");
    say_file("dangling");
    say_file("one");
    say_file("slash/file");
    say_file("relative/../b/file");
    say_link("relative");
    say_link("absolute");
    say_link("a/b/up");
    say_link("a");
    say_link("missing");
    say_stat("chain");
    say_stat("dangling");
    char text[4];
    TRY(readlink("absolute", text, sizeof(text)));
    TRY(readlink("absolute", text, 0));
}

CASE(link_depth)
{
    put_file("end", "end", 0644);
    (void)!symlink("end", "link0");
    for (int i = 1; i < 45; i++) {
        char from[16], to[16];
        snprintf(to, sizeof(to), "link%d", i - 1);
        snprintf(from, sizeof(from), "link%d", i);
        (void)!symlink(to, from);
    }
    say_file("link38");
    say_file("link39");
    say_file("link40");
    say_file("link44");
}

CASE(create_through_links)
{
    (void)!symlink("target", "link");
    OPEN("link", O_WRONLY | O_CREAT | O_EXCL, 0644);
    OPEN("link", O_WRONLY | O_CREAT | O_NOFOLLOW, 0644);
    OPEN("link", O_WRONLY, 0);
    OPEN("link", O_WRONLY | O_CREAT, 0640);
    say_stat("target");
    (void)!symlink("gone/target", "link2");
    OPEN("link2", O_WRONLY | O_CREAT, 0644);
    TRY(mkdir("link2", 0755));
    TRY(mknod("link2", S_IFREG | 0644, 0));
    (void)!symlink("newdir", "link3");
    TRY(mkdir("link3", 0755));
    TRY(symlink("a", "link3"));
}

CASE(hard_links)
{
    put_file("file", "shared", 0644);
    mkdir("folder", 0755);
    (void)!symlink("file", "link");
    TRY(link("file", "second"));
    say_stat("file");
    struct stat one, two;
    stat("file", &one), stat("second", &two);
    say("same %d", one.st_ino == two.st_ino && one.st_dev == two.st_dev);
    TRY(link("file", "second"));
    TRY(link("folder", "other"));
    TRY(link("missing", "other"));
    TRY(link("link", "hard-to-link"));
    say_stat("hard-to-link");
    TRY(linkat(AT_FDCWD, "link", AT_FDCWD, "followed", AT_SYMLINK_FOLLOW));
    say_stat("followed");
    TRY(link("file", "/dev/shm/other"));
    TRY(unlink("file"));
    say_stat("second");
    say_file("second");
    int fd = open("second", O_RDONLY);
    TRY(linkat(fd, "", AT_FDCWD, "by-fd", AT_EMPTY_PATH));
    char name[64];
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    TRY(linkat(AT_FDCWD, name, AT_FDCWD, "by-proc", AT_SYMLINK_FOLLOW));
    TRY(linkat(AT_FDCWD, "second", AT_FDCWD, "x", 0x8000));
}

CASE(unlink_and_rmdir)
{
    mkdir("full", 0755), mkdir("full/inner", 0755), mkdir("empty", 0755);
    put_file("file", "still here", 0644);
    TRY(rmdir("full"));
    TRY(rmdir("file"));
    TRY(unlink("empty"));
    TRY(rmdir("missing"));
    TRY(unlink("missing"));
    TRY(rmdir("empty/."));
    TRY(rmdir("full/inner/.."));
    TRY(rmdir("."));
    TRY(rmdir("/"));
    TRY(unlinkat(AT_FDCWD, "empty", AT_REMOVEDIR));
    TRY(unlinkat(AT_FDCWD, "file", 0x4000));
    int fd = open("file", O_RDWR);
    TRY(unlink("file"));
    char text[16] = "";
    TRY(read(fd, text, sizeof(text) - 1));
    say("[%s]", text);
    struct stat st;
    TRY(fstat(fd, &st));
    say("links %ld", (long)st.st_nlink);
    TRY(write(fd, " and more", 9));
    TRY(fchmod(fd, 0600));
    TRY(ftruncate(fd, 3));
    TRY(fstat(fd, &st));
    say("size %ld mode %o", (long)st.st_size, st.st_mode & 07777);
}

CASE(removed_directory)
{
    mkdir("gone", 0755);
    int fd = open("gone", O_RDONLY | O_DIRECTORY);
    TRY(chdir("gone"));
    TRY(rmdir("../gone"));
    say_cwd();
    TRY(mkdir("x", 0755));
    TRY(open("x", O_CREAT | O_WRONLY, 0644));
    TRY(open(".", O_RDONLY) >= 0 ? 0 : -1);
    TRY(openat(fd, "x", O_CREAT | O_WRONLY, 0644));
    struct stat st;
    TRY(stat(".", &st));
    TRY(fstat(fd, &st));
    TRY(chdir(".."));
    say_cwd();
}

CASE(rename_matrix)
{
    mkdir("dir", 0755), mkdir("empty", 0755), mkdir("full", 0755), mkdir("full/sub", 0755);
    put_file("file", "one", 0644), put_file("other", "two", 0644);
    (void)!symlink("other", "link");
    TRY(rename("file", "file"));
    TRY(rename("missing", "x"));
    TRY(rename("file", "other"));
    say_file("other");
    say_stat("file");
    TRY(rename("other", "dir"));
    TRY(rename("dir", "other"));
    TRY(rename("dir", "empty"));
    TRY(rename("empty", "full"));
    TRY(rename("full", "full/sub/inside"));
    TRY(rename("full", "full/sub"));
    TRY(rename("full/sub", "full"));
    TRY(rename("link", "moved-link"));
    say_link("moved-link");
    TRY(rename("other", "moved-link"));
    say_stat("moved-link");
    TRY(rename(".", "x"));
    TRY(rename("empty/..", "x"));
    TRY(rename("moved-link", "/dev/shm/x"));
    TRY(rename("moved-link", "missing/x"));
    TRY(rename("moved-link/x", "y"));
    link("moved-link", "hard");
    TRY(rename("moved-link", "hard"));
    say_stat("moved-link");
}

CASE(rename_flags)
{
    put_file("a", "A", 0644), put_file("b", "B", 0644);
    mkdir("d", 0755);
    TRY(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE));
    TRY(renameat2(AT_FDCWD, "a", AT_FDCWD, "c", RENAME_NOREPLACE));
    TRY(renameat2(AT_FDCWD, "c", AT_FDCWD, "b", RENAME_EXCHANGE));
    say_file("b"), say_file("c");
    TRY(renameat2(AT_FDCWD, "c", AT_FDCWD, "d", RENAME_EXCHANGE));
    say_stat("c"), say_stat("d");
    TRY(renameat2(AT_FDCWD, "c", AT_FDCWD, "missing", RENAME_EXCHANGE));
    TRY(renameat2(AT_FDCWD, "c", AT_FDCWD, "b", RENAME_EXCHANGE | RENAME_NOREPLACE));
    TRY(renameat2(AT_FDCWD, "c", AT_FDCWD, "b", 0x100));
}

CASE(rename_and_open_descriptors)
{
    mkdir("one", 0755);
    put_file("one/file", "text", 0644);
    int dir = open("one", O_RDONLY | O_DIRECTORY);
    TRY(chdir("one"));
    TRY(rename("../one", "../two"));
    say_cwd();
    say_file("file");
    TRY(faccessat(dir, "file", R_OK, 0));
    put_file("new", "in two", 0644);
    say_file("../two/new");
    TRY(mkdirat(dir, "by-fd", 0755));
    say_stat("../two/by-fd");
}

CASE(relative_to_descriptor)
{
    mkdir("d", 0755);
    put_file("d/file", "below d", 0644);
    put_file("f", "x", 0644);
    int dir = open("d", O_RDONLY | O_DIRECTORY), path = open("d", O_PATH), file = open("f", O_RDONLY);
    struct stat st;
    TRY(fstatat(dir, "file", &st, 0));
    TRY(fstatat(path, "file", &st, 0));
    TRY(fstatat(file, "file", &st, 0));
    TRY(fstatat(999, "file", &st, 0));
    TRY(fstatat(999, "/tmp", &st, 0));
    TRY(fstatat(dir, "../f", &st, 0));
    TRY(fstatat(dir, "", &st, 0));
    TRY(fstatat(file, "", &st, AT_EMPTY_PATH));
    say("file %d", S_ISREG(st.st_mode));
    TRY(fstatat(AT_FDCWD, "", &st, AT_EMPTY_PATH));
    say("folder %d", S_ISDIR(st.st_mode));
    TRY(fstatat(dir, "file", &st, 0x40000));
    TRY(mkdirat(path, "sub", 0700));
    TRY(symlinkat("file", dir, "sym"));
    TRY(linkat(dir, "file", AT_FDCWD, "hard", 0));
    TRY(renameat(dir, "sub", AT_FDCWD, "sub2"));
    TRY(unlinkat(dir, "sym", 0));
    TRY(mknodat(dir, "fifo", S_IFIFO | 0644, 0));
    TRY(fchmodat(dir, "file", 0600, 0));
    TRY(fchownat(dir, "file", 5, 6, 0));
    say_stat("d/file");
    TRY(faccessat(dir, "file", R_OK, 0));
    TRY(fchdir(path));
    say_cwd();
    TRY(fchdir(file));
    TRY(fchdir(999));
    TRY(fchdir(dir));
}

CASE(openat2_resolve)
{
    mkdir("d", 0755), mkdir("d/sub", 0755);
    put_file("d/file", "in", 0644), put_file("out", "out", 0644);
    (void)!symlink("../out", "d/leaves"), (void)!symlink("file", "d/stays"), (void)!symlink("/out", "d/absolute");
    int dir = open("d", O_PATH | O_DIRECTORY);
    struct {
        const char *path;
        uint64_t resolve;
    } tries[] = {{"file", RESOLVE_BENEATH}, {"../out", RESOLVE_BENEATH}, {"leaves", RESOLVE_BENEATH},
        {"stays", RESOLVE_BENEATH}, {"sub/../file", RESOLVE_BENEATH}, {"/out", RESOLVE_BENEATH},
        {"stays", RESOLVE_NO_SYMLINKS}, {"file", RESOLVE_NO_SYMLINKS}, {"absolute", RESOLVE_IN_ROOT},
        {"/file", RESOLVE_IN_ROOT}, {"../file", RESOLVE_IN_ROOT}, {"leaves", RESOLVE_IN_ROOT},
        {"/proc/self/exe", RESOLVE_NO_MAGICLINKS}, {"file", RESOLVE_NO_XDEV}, {"/proc/version", RESOLVE_NO_XDEV}};
    for (unsigned i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
        struct open_how how = {.flags = O_RDONLY | O_CLOEXEC, .resolve = tries[i].resolve};
        long fd = syscall(SYS_openat2, dir, tries[i].path, &how, sizeof(how));
        say("%s %#llx: %s", tries[i].path, (unsigned long long)tries[i].resolve, fd < 0 ? error_name(errno) : "ok");
    }
    struct open_how how = {.flags = O_RDONLY, .mode = 0644};
    TRY(syscall(SYS_openat2, dir, "file", &how, sizeof(how)));
    how = (struct open_how){.flags = 1ULL << 40};
    TRY(syscall(SYS_openat2, dir, "file", &how, sizeof(how)));
    how = (struct open_how){.resolve = 1 << 20};
    TRY(syscall(SYS_openat2, dir, "file", &how, sizeof(how)));
    TRY(syscall(SYS_openat2, dir, "file", &how, 8));
    TRY(syscall(SYS_openat2, dir, "file", &how, 100000));
}

/* ---- folders ---- */

CASE(read_folder)
{
    mkdir("d", 0755), mkdir("d/sub", 0755);
    put_file("d/file", "", 0644);
    (void)!symlink("x", "d/link");
    mkfifo("d/fifo", 0644);
    struct dirent **list;
    int count = scandir("d", &list, NULL, alphasort);
    say("count %d", count);
    for (int i = 0; i < count; i++)
        say("%s type %d", list[i]->d_name, list[i]->d_type);
    struct stat st, parent;
    stat("d", &st), stat(".", &parent);
    for (int i = 0; i < count; i++) {
        if (strcmp(list[i]->d_name, ".") == 0)
            say("dot is itself %d", list[i]->d_ino == st.st_ino);
        if (strcmp(list[i]->d_name, "..") == 0)
            say("dotdot is the parent %d", list[i]->d_ino == parent.st_ino);
        struct stat each;
        if (fstatat(open("d", O_PATH), list[i]->d_name, &each, AT_SYMLINK_NOFOLLOW) == 0 && list[i]->d_name[0] != '.')
            say("%s inode agrees %d", list[i]->d_name, each.st_ino == list[i]->d_ino);
    }
}

CASE(large_folder)
{
    enum { COUNT = 10000 };
    mkdir("d", 0755);
    (void)!chdir("d");
    int made = 0;
    for (int i = 0; i < COUNT; i++) {
        char name[32];
        snprintf(name, sizeof(name), "entry-%05d", i);
        int fd = open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
        made += fd >= 0;
        close(fd);
    }
    static unsigned char found[COUNT];
    DIR *dir = opendir(".");
    int count = 0, odd = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        int number;
        if (sscanf(entry->d_name, "entry-%d", &number) == 1 && number >= 0 && number < COUNT)
            count += !found[number]++;
        else
            odd++;
    }
    say("made %d found %d others %d", made, count, odd);
    rewinddir(dir);
    count = 0;
    while (readdir(dir))
        count++;
    say("again %d", count);
    closedir(dir);
    for (int i = 0; i < COUNT; i++) {
        char name[32];
        snprintf(name, sizeof(name), "entry-%05d", i);
        made -= unlink(name) == 0;
    }
    say("left %d", made);
    TRY(rmdir("../d"));
}

CASE(read_folder_into_little)
{
    for (int i = 0; i < 5; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%c%0*d", 'a', 3 + i, i);
        close(open(name, O_CREAT | O_WRONLY, 0644));
    }
    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(pages + 4096, 4096);
    const char *folders[] = {".", "/proc/self/task", "/sys"};
    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
        int fd = open(folders[i], O_RDONLY | O_DIRECTORY);
        long got, all = 0;
        say("%s", folders[i]);
        TRY(syscall(SYS_getdents64, fd, pages + 4096 - 60, 4096));
        TRY(syscall(SYS_getdents64, fd, pages + 4096 - 10, 4096));
        TRY(syscall(SYS_getdents64, fd, pages + 4096, 4096));
        TRY(syscall(SYS_getdents64, fd, pages, 1UL << 31));
        TRY(syscall(SYS_getdents64, fd, pages, 10));
        while ((got = syscall(SYS_getdents64, fd, pages + 4096 - 300, 4096)) > 0)
            all += i == 0 ? got : 0;
        say("the rest: %ld, %ld", all, got);
        TRY(syscall(SYS_getdents64, fd, pages, 1UL << 31));
        close(fd);
    }
}

CASE(seek_in_folder)
{
    mkdir("d", 0755);
    for (int i = 0; i < 50; i++) {
        char name[32];
        snprintf(name, sizeof(name), "d/e%d", i);
        put_file(name, "", 0644);
    }
    DIR *dir = opendir("d");
    long places[64];
    char names[64][32];
    int count = 0, wrong = 0;
    for (struct dirent *entry; count < 64; count++) {
        places[count] = telldir(dir);
        if (!(entry = readdir(dir)))
            break;
        snprintf(names[count], sizeof(names[0]), "%.31s", entry->d_name);
    }
    say("count %d", count);
    for (int i = count - 1; i >= 0; i -= 7) {
        seekdir(dir, places[i]);
        struct dirent *entry = readdir(dir);
        wrong += !entry || strcmp(entry->d_name, names[i]) != 0;
    }
    say("wrong %d", wrong);
    closedir(dir);
    int fd = open("d", O_RDONLY | O_DIRECTORY);
    char small[8], buffer[4096];
    TRY(syscall(SYS_getdents64, fd, small, sizeof(small)));
    TRY(syscall(SYS_getdents64, fd, buffer, sizeof(buffer)) > 0);
    TRY(lseek(fd, 0, SEEK_SET));
    TRY(syscall(SYS_getdents64, fd, (void *)8, sizeof(buffer)));
    TRY(syscall(SYS_getdents64, 999, buffer, sizeof(buffer)));
    TRY(syscall(SYS_getdents64, open("d/e1", O_RDONLY), buffer, sizeof(buffer)));
    TRY(syscall(SYS_getdents64, open("d", O_PATH), buffer, sizeof(buffer)));
    TRY(read(fd, buffer, 10));
    TRY(write(fd, buffer, 10));
}

CASE(folder_changes_while_read)
{
    mkdir("d", 0755);
    DIR *dir = opendir("d");
    int before = 0, after = 0;
    while (readdir(dir))
        before++;
    put_file("d/new", "", 0644);
    rewinddir(dir);
    while (readdir(dir))
        after++;
    say("before %d after %d", before, after);
    TRY(unlink("d/new"));
    TRY(rmdir("d"));
    rewinddir(dir);
    errno = 0;
    say("entries of a removed folder %d %s", readdir(dir) != NULL, error_name(errno));
}

CASE(make_nodes)
{
    TRY(mknod("plain", S_IFREG | 0640, 0));
    TRY(mknod("none", 0600, 0));
    TRY(mkfifo("fifo", 0666));
    TRY(mknod("socket", S_IFSOCK | 0644, 0));
    TRY(mknod("folder", S_IFDIR | 0755, 0));
    TRY(mknod("odd", 0170000 | 0644, 0));
    TRY(mkfifo("fifo", 0666));
    say_stat("plain"), say_stat("none"), say_stat("fifo"), say_stat("socket");
    TRY(open("socket", O_RDONLY));
    IN_CHILD("user")
    {
        become(1000, 1000);
        TRY(mknod("user-fifo", S_IFIFO | 0644, 0));
        TRY(mknod("device", S_IFCHR | 0666, 0x103));
        say_stat("user-fifo");
    }
}

CASE(current_directory)
{
    TRY(chdir("missing"));
    put_file("file", "", 0644);
    TRY(chdir("file"));
    mkdir("d", 0755);
    (void)!symlink("d", "link");
    TRY(chdir("link"));
    say_cwd();
    TRY(syscall(SYS_getcwd, NULL, 0));
    char buffer[8];
    TRY(syscall(SYS_getcwd, buffer, sizeof(buffer)));
    char large[256];
    say("length with its end %ld", syscall(SYS_getcwd, large, sizeof(large)));
    TRY(syscall(SYS_getcwd, (char *)8, 256));
}

CASE(chroot)
{
    mkdir("new", 0755), mkdir("new/inner", 0755);
    put_file("new/inner/file", "inside", 0644);
    put_file("outside", "outside", 0644);
    (void)!symlink("/inner/file", "new/absolute");
    IN_CHILD("chrooted")
    {
        int out = open(".", O_PATH);
        TRY(chroot("new"));
        say_file("outside");
        TRY(chdir("/"));
        say_cwd();
        say_file("/inner/file");
        say_file("absolute");
        say_file("../../outside");
        TRY(chdir("inner"));
        say_cwd();
        TRY(fchdir(out));
        TRY(chdir(".."));
        TRY(chroot("/missing"));
    }
    say_file("outside");
    IN_CHILD("user")
    {
        become(1000, 1000);
        TRY(chroot("new"));
    }
}

CASE(unix_sockets_and_names)
{
    put_file("file", "", 0644);
    TRY(access("file", F_OK));
    TRY(access("file", X_OK));
    TRY(access("file", 8));
    TRY(access("missing", F_OK));
    TRY(access("file/x", F_OK));
    TRY(faccessat(AT_FDCWD, "file", W_OK, AT_EACCESS));
    (void)!symlink("missing", "dangling");
    TRY(faccessat(AT_FDCWD, "dangling", F_OK, 0));
    TRY(syscall(SYS_faccessat2, AT_FDCWD, "dangling", F_OK, AT_SYMLINK_NOFOLLOW));
    TRY(syscall(SYS_faccessat2, AT_FDCWD, "file", F_OK, 0x40000));
}

/* An overlay copies a folder of a lower layer up for its first change; a descriptor opened before still means it. */
CASE(folder_of_the_image_changed_by_descriptor)
{
    int folder = open("/home", O_RDONLY | O_DIRECTORY);
    OK(openat(folder, "new", O_RDONLY));
    TRY(mkdirat(folder, "new", 0755));
    OK(openat(folder, "new", O_RDONLY | O_NOFOLLOW));
    TRY(mkdirat(folder, "second", 0755));
    OK(openat(folder, "second/file", O_WRONLY | O_CREAT, 0644));
    say_stat("/home/second/file");
    TRY(unlinkat(folder, "second/file", 0));
    TRY(unlinkat(folder, "second", AT_REMOVEDIR));
    TRY(unlinkat(folder, "new", AT_REMOVEDIR));
}
