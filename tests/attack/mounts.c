/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest that may mount. First it tries to have of what the bundle masked, made read-only or mounted more than the bundle gives: by
 * binds, moves, umounts, pivots, new instances, descriptors kept from before. Then many mount, move, take away and pivot while others
 * walk, open, rename and go up, some of them in a jail of the guest's own making: none may leave the jail, write where it is read-only or
 * find in one tmpfs what is another's, and in the end all that was mounted is gone.
 */
#include "attack.h"

#include <dirent.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/mount.h>

static const char top[] = "/tmp/mounts";
static const double STORM_SECONDS = 12.0;
enum { KINDS = 9 };

/* --- what the bundle has hidden --- */

static bool has_content(const char *path)
{
    char byte;
    int fd = open(path, O_RDONLY | O_NONBLOCK);
    bool found = fd >= 0 && read(fd, &byte, 1) == 1;
    if (fd >= 0)
        close(fd);
    return found;
}

static bool has_entries(const char *path)
{
    DIR *folder = opendir(path);
    int count = 0;
    while (folder != NULL && readdir(folder) != NULL)
        count++;
    if (folder != NULL)
        closedir(folder);
    return count > 2;
}

static bool can_write(const char *path)
{
    int fd = open(path, O_WRONLY);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static bool can_make(const char *folder)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/made-by-attack", folder);
    int fd = open(path, O_WRONLY | O_CREAT, 0644);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* proc, sys and attack: where these three of the bundle's mounts are seen, if at all. */
static void look(const char *scene, const char *proc, const char *sys, const char *attack)
{
    static const char *const masked[] = {"kcore", "keys", "timer_list", "sched_debug"};
    static const char *const readonly[] = {"sys/kernel/hostname", "sysrq-trigger", "sys/kernel/core_pattern"};
    char path[512];
    for (size_t i = 0; i < sizeof(masked) / sizeof(masked[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", proc, masked[i]);
        if (has_content(path))
            complain("%s: %s has content", scene, path);
    }
    for (size_t i = 0; i < sizeof(readonly) / sizeof(readonly[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", proc, readonly[i]);
        if (can_write(path))
            complain("%s: %s can be written to", scene, path);
        if (chmod(path, 0666) == 0)
            complain("%s: the mode of %s can be changed", scene, path);
    }
    snprintf(path, sizeof(path), "%s/firmware", sys);
    if (has_entries(path))
        complain("%s: %s has something in it", scene, path);
    if (can_make(sys) || can_make(attack))
        complain("%s: something was made in %s or %s", scene, sys, attack);
    snprintf(path, sizeof(path), "%s/mounts", attack);
    if (can_write(path) || unlink(path) == 0 || chmod(path, 0777) == 0)
        complain("%s: %s can be changed", scene, path);
}

static void look_below(const char *scene, const char *root)
{
    char proc[256], sys[256], attack[256];
    snprintf(proc, sizeof(proc), "%s/proc", root);
    snprintf(sys, sizeof(sys), "%s/sys", root);
    snprintf(attack, sizeof(attack), "%s/attack", root);
    look(scene, proc, sys, attack);
}

static const char *const bundle[] = {"/proc", "/proc/kcore", "/proc/keys", "/proc/sys", "/proc/sysrq-trigger", "/sys", "/sys/firmware",
                                     "/attack", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue"};

static void take_away(void)
{
    for (size_t i = 0; i < sizeof(bundle) / sizeof(bundle[0]); i++) {
        EXPECT(umount2(bundle[i], 0) < 0);
        EXPECT(umount2(bundle[i], MNT_DETACH) < 0);
        EXPECT(umount2(bundle[i], MNT_FORCE) < 0);
        EXPECT(mount(bundle[i], "to", NULL, MS_MOVE, NULL) < 0);
        EXPECT(rename(bundle[i], "/tmp/mounts/renamed") < 0);
    }
    EXPECT(umount2("/", 0) < 0);
    EXPECT(umount2("/", MNT_DETACH) < 0);
    look_below("taken away", "");
}

static void loosen(void)
{
    static const unsigned long flags[] = {MS_REMOUNT, MS_REMOUNT | MS_BIND, MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV | MS_NOEXEC,
                                          MS_REMOUNT | MS_NOSUID};
    for (size_t i = 0; i < sizeof(bundle) / sizeof(bundle[0]); i++)
        for (size_t f = 0; f < sizeof(flags) / sizeof(flags[0]); f++)
            (void)mount(NULL, bundle[i], NULL, flags[f], NULL);
    look_below("remounted", "");
}

static void see_again(void)
{
    EXPECT(mount("/", "to", NULL, MS_BIND, NULL) == 0);
    look_below("bound", "to");
    mount(NULL, "to", NULL, MS_REMOUNT | MS_BIND, NULL);
    look_below("bound, remounted", "to");
    for (size_t i = 0; i < sizeof(bundle) / sizeof(bundle[0]); i++) {
        char path[256];
        snprintf(path, sizeof(path), "to%s", bundle[i]);
        EXPECT(umount2(path, MNT_DETACH) < 0);
        EXPECT(mount(path, "other", NULL, MS_MOVE, NULL) < 0);
        mount(NULL, path, NULL, MS_REMOUNT | MS_BIND, NULL);
    }
    look_below("bound, taken away", "to");
    EXPECT(umount2("to", MNT_DETACH) == 0);
    EXPECT(mount("/", "to", NULL, MS_BIND | MS_REC, NULL) == 0);
    look_below("bound with all", "to");
    EXPECT(umount2("to", MNT_DETACH) == 0);
    mkdir("proc", 0755);
    mkdir("sys", 0755);
    EXPECT(mount("proc", "proc", "proc", 0, NULL) == 0);
    EXPECT(mount("sys", "sys", "sysfs", 0, NULL) == 0);
    look("new instances", "proc", "sys", "/attack");
    umount2("proc", 0);
    umount2("sys", 0);
    for (size_t i = 0; i < sizeof(bundle) / sizeof(bundle[0]); i++) { /* the parts of it, one by one */
        if (mount(bundle[i], "to", NULL, MS_BIND, NULL) == 0) {
            mount(NULL, "to", NULL, MS_REMOUNT | MS_BIND, NULL);
            if (strcmp(bundle[i], "/proc") == 0)
                look("bound alone", "to", "/sys", "/attack");
            if (strcmp(bundle[i], "/proc/sys") == 0)
                EXPECT(!can_write("to/kernel/hostname"));
            if (strcmp(bundle[i], "/attack") == 0 || strcmp(bundle[i], "/sys") == 0)
                EXPECT(!can_make("to"));
            umount2("to", MNT_DETACH);
        }
    }
}

/* Over it, below it, and away again. */
static void cover(void)
{
    static const char *const places[] = {"/proc", "/sys", "/attack", "/proc/sys", "/sys/firmware"};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        int before = open(places[i], O_PATH | O_DIRECTORY);
        if (mount("over", places[i], "tmpfs", 0, NULL) < 0)
            continue;
        char path[64];
        snprintf(path, sizeof(path), "/proc/self/fd/%d", before);
        umount2(path, MNT_DETACH);
        EXPECT(umount2(places[i], 0) == 0 || errno == EINVAL);
        close(before);
    }
    look_below("covered and uncovered", "");
}

static void turn_around(void)
{
    char text[16] = "";
    EXPECT(mount("/", "to", NULL, MS_BIND, NULL) == 0);
    int before = open("/", O_PATH | O_DIRECTORY);
    EXPECT(chdir("to") == 0);
    EXPECT(syscall(SYS_pivot_root, ".", ".") == 0);
    look_below("turned", "");
    EXPECT(umount2(".", MNT_DETACH) == 0);
    look_below("turned, the old root gone", "");
    EXPECT(umount2("/proc", MNT_DETACH) < 0);
    EXPECT(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL) == 0);
    look_below("turned, remounted", "");
    EXPECT(fchdir(before) == 0);
    look_below("turned, from before", ".");
    close(before);
    EXPECT(chdir(top) == 0);
    int fd = open("/proc/self/mounts", O_RDONLY);
    EXPECT(read(fd, text, sizeof(text)) > 0);
    close(fd);
}

/* --- the storm --- */

static struct shared {
    atomic_bool stop;
    atomic_long steps[KINDS];
} *shared;

/* What lies outside the jail; nobody in it may ever see it. */
static const char outside[] = "/tmp/mounts/outside";

static void bind_and_take_away(int number)
{
    char place[64];
    snprintf(place, sizeof(place), "play/place%d", number % 3);
    for (; !atomic_load(&shared->stop); atomic_fetch_add(&shared->steps[0], 1)) {
        mount("jail/work", place, NULL, MS_BIND | (rand() % 2 ? MS_REC : 0), NULL);
        if (rand() % 3 == 0)
            mount("play", place, NULL, MS_BIND, NULL);
        while (umount2(place, rand() % 2 ? MNT_DETACH : 0) == 0)
            ;
    }
    while (umount2(place, MNT_DETACH) == 0)
        ;
}

/* Within the jail: what is moved out of it takes along whoever is in it, as on Linux. */
static void move_about(int number)
{
    (void)number;
    for (; !atomic_load(&shared->stop); atomic_fetch_add(&shared->steps[1], 1)) {
        mount("jail/work/a", "jail/work/e", NULL, MS_BIND, NULL);
        mount("jail/work/e", "jail/work/b", NULL, MS_MOVE, NULL);
        mount("jail/work/b", "jail/work/e", NULL, MS_MOVE, NULL);
        umount2("jail/work/e", MNT_DETACH);
        umount2("jail/work/b", MNT_DETACH);
    }
}

/* Each has a tmpfs, and finds nothing in it but its own. */
static void fill_memory(int number)
{
    char place[64], mark[96], text[64];
    snprintf(place, sizeof(place), "play/memory%d", number);
    mkdir(place, 0755);
    for (; !atomic_load(&shared->stop); atomic_fetch_add(&shared->steps[2], 1)) {
        if (mount("m", place, "tmpfs", 0, NULL) < 0)
            continue;
        snprintf(mark, sizeof(mark), "%s/mark", place);
        if (access(mark, F_OK) == 0)
            complain("a new tmpfs is not empty");
        int fd = open(mark, O_RDWR | O_CREAT | O_EXCL, 0644);
        ssize_t length = snprintf(text, sizeof(text), "of %d", number);
        if (fd < 0 || write(fd, text, (size_t)length) != length)
            complain("a file in a tmpfs: %s", strerrorname_np(errno));
        snprintf(mark, sizeof(mark), "%s/d/e", place);
        mark[strlen(mark) - 2] = '\0';
        mkdir(mark, 0755);
        int folder = open(mark, O_RDONLY | O_DIRECTORY);
        umount2(place, MNT_DETACH);
        char found[64] = "";
        if (pread(fd, found, sizeof(found), 0) != length || memcmp(found, text, (size_t)length) != 0)
            complain("a file of a tmpfs that is gone: %.20s", found);
        if (faccessat(folder, "../../outside", F_OK, 0) == 0 || faccessat(folder, "../../../outside", F_OK, 0) == 0 ||
            openat(folder, "../../1", O_PATH) >= 0)
            complain("a way out of a tmpfs that is gone");
        close(folder);
        close(fd);
    }
    while (umount2(place, MNT_DETACH) == 0)
        ;
}

/* Namespaces come and go, with a jail of their own in them; what is mounted there is nowhere else. */
static void be_alone(int number)
{
    (void)number;
    for (; !atomic_load(&shared->stop); atomic_fetch_add(&shared->steps[8], 1)) {
        pid_t pid = fork();
        if (pid == 0) {
            if (unshare(CLONE_NEWNS) < 0) {
                if (errno != EBUSY) /* the root is being turned */
                    complain("unshare: %s", strerrorname_np(errno));
                _exit(complaints > 0);
            }
            if (mount("m", "alone", "tmpfs", 0, NULL) < 0 || mkdir("alone/d", 0755) < 0 || mkdir("alone/old", 0755) < 0)
                complain("alone: %s", strerrorname_np(errno));
            if (rand() % 2 && (syscall(SYS_pivot_root, "alone", "alone/old") < 0 || umount2("/old", MNT_DETACH) < 0 || chdir("/d") < 0 ||
                               access("../../../tmp", F_OK) == 0 || access("/d/../d/../old/tmp", F_OK) == 0))
                complain("alone with a root of its own: %s", strerrorname_np(errno));
            _exit(complaints > 0);
        }
        if (wait_within(pid, 20) != 0)
            complain("who is alone");
        if (access("alone/d", F_OK) == 0)
            complain("what is mounted in a namespace is seen outside of it");
    }
}

static void rename_about(int number)
{
    (void)number;
    for (; !atomic_load(&shared->stop); atomic_fetch_add(&shared->steps[3], 1)) {
        rename("jail/work/a/x", "jail/work/c/x");
        rename("jail/work/c/x", "jail/work/a/x");
        rename("jail/work/c", "jail/work/d");
        rename("jail/work/d", "jail/work/c");
    }
}

static void enter_jail(void)
{
    if (chroot("jail") < 0 || chdir("/") < 0)
        complain("the jail: %s", strerrorname_np(errno));
    if ((setgid(1000) < 0 || setuid(1000) < 0) && errno != EINVAL) /* without root there may be no other ids */
        complain("another user: %s", strerrorname_np(errno));
}

static bool sees_outside(int folder)
{
    static const char *const ways[] = {"outside", "../outside", "../../outside", "../../../outside", "../../../../outside",
                                       "../../../../../outside", "../../../../tmp/mounts/outside"};
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
        if (faccessat(folder, ways[i], F_OK, 0) == 0)
            return true;
    return access(outside, F_OK) == 0;
}

static void wander(int number)
{
    static const char *const places[] = {"/work", "/work/a", "/work/a/x", "/work/b", "/work/b/x", "/work/e", "/work/e/x", "/work/c/x", "/work/b/../c"};
    enter_jail();
    srand((unsigned int)number);
    for (; !atomic_load(&shared->stop); atomic_fetch_add(&shared->steps[4], 1)) {
        const char *place = places[(size_t)rand() % (sizeof(places) / sizeof(places[0]))];
        int folder = open(place, (rand() % 2 ? O_PATH : O_RDONLY) | O_DIRECTORY);
        if (chdir(place) == 0 && sees_outside(AT_FDCWD))
            complain("left the jail by a working folder in %s", place);
        if (folder >= 0 && sees_outside(folder))
            complain("left the jail by a descriptor of %s", place);
        if (folder >= 0 && fchdir(folder) == 0 && sees_outside(AT_FDCWD))
            complain("left the jail by fchdir");
        char path[512];
        (void)getcwd(path, sizeof(path));
        if (folder >= 0)
            close(folder);
        (void)chdir("/");
    }
}

static void write_where_it_is_read_only(int number)
{
    enter_jail();
    srand((unsigned int)number);
    for (; !atomic_load(&shared->stop); atomic_fetch_add(&shared->steps[5], 1)) {
        char path[64];
        int fd = open("/fixed/file", O_RDONLY), folder = open("/fixed", O_RDONLY | O_DIRECTORY);
        if (fd < 0 || folder < 0)
            complain("/fixed is not there: %s", strerrorname_np(errno));
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        if (open("/fixed/file", O_WRONLY) >= 0 || open(path, O_WRONLY) >= 0 || openat(folder, "file", O_RDWR) >= 0 ||
            openat(folder, "new", O_WRONLY | O_CREAT, 0644) >= 0 || fchmod(fd, 0600) == 0 || mkdirat(folder, "d", 0755) == 0 ||
            unlinkat(folder, "file", 0) == 0 || renameat(folder, "file", AT_FDCWD, "/work/file") == 0)
            complain("written where it is read-only");
        close(fd);
        close(folder);
    }
}

static void count_mounts(int number)
{
    (void)number;
    for (; !atomic_load(&shared->stop); atomic_fetch_add(&shared->steps[6], 1)) {
        char text[4096];
        int fd = open("/proc/self/mountinfo", O_RDONLY);
        while (read(fd, text, sizeof(text)) > 0)
            ;
        close(fd);
    }
}

/* There and back: all processes' roots move. Only those in the jail stay what they are. */
static void turn_and_turn(int number)
{
    (void)number;
    int home = open("/", O_RDONLY | O_DIRECTORY);
    for (; !atomic_load(&shared->stop); atomic_fetch_add(&shared->steps[7], 1)) {
        if (mount("t", "/tmp/mounts/turn", "tmpfs", 0, NULL) < 0 || mkdir("/tmp/mounts/turn/old", 0755) < 0 ||
            syscall(SYS_pivot_root, "/tmp/mounts/turn", "/tmp/mounts/turn/old") < 0) {
            complain("pivot_root: %s", strerrorname_np(errno));
            break;
        }
        if (syscall(SYS_pivot_root, "/old", "/old/tmp/mounts/turn") < 0) {
            complain("pivot_root back: %s", strerrorname_np(errno));
            break;
        }
        umount2("/tmp/mounts/turn", MNT_DETACH);
    }
    close(home);
}

static int lines_of_mounts(void)
{
    char line[4096];
    int count = 0;
    FILE *file = fopen("/proc/self/mounts", "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        count++;
    if (file != NULL)
        fclose(file);
    return count;
}

static void make_jail(void)
{
    static const char *const folders[] = {"play",        "play/place0", "play/place1", "play/place2", "jail",        "jail/work",    "jail/work/e",
                                          "jail/work/a", "jail/work/b", "jail/work/c", "jail/work/a/x", "jail/fixed", "jail/proc", "fixed", "turn", "alone"};
    umask(0);
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        mkdir(folders[i], 0777);
    close(open("outside", O_WRONLY | O_CREAT, 0666));
    close(open("fixed/file", O_WRONLY | O_CREAT, 0666));
    EXPECT(mount("jail", "jail", NULL, MS_BIND, NULL) == 0);
    EXPECT(mount("fixed", "jail/fixed", NULL, MS_BIND, NULL) == 0);
    EXPECT(mount(NULL, "jail/fixed", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) == 0);
    EXPECT(mount("proc", "jail/proc", "proc", 0, NULL) == 0);
}

static void storm(void (*const workers[])(int), size_t count)
{
    pid_t pids[16];
    const int before = lines_of_mounts();
    atomic_store(&shared->stop, false);
    for (size_t i = 0; i < count; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            srand((unsigned int)i);
            workers[i]((int)i);
            _exit(complaints > 0);
        }
    }
    for (double end = seconds() + share_of(STORM_SECONDS); seconds() < end;)
        usleep(50000);
    atomic_store(&shared->stop, true);
    for (size_t i = 0; i < count; i++) {
        int status = wait_within(pids[i], 30);
        if (status != 0)
            complain("worker %zu ended with %d", i, status);
    }
    const int after = lines_of_mounts();
    if (after != before)
        complain("%d mounts before, %d after", before, after);
}

static void bound_number(void)
{
    int made = 0, error = 0;
    while (made < 5000 && error == 0) {
        error = mount("fixed", "to", NULL, MS_BIND, NULL) == 0 ? 0 : errno;
        made += error == 0;
    }
    if (error != ENOSPC)
        complain("%d mounts, and then %s", made, strerrorname_np(error));
    EXPECT(mount("/", "other", NULL, MS_BIND | MS_REC, NULL) < 0);
    for (int i = 0; i < made; i++)
        EXPECT(umount2("to", 0) == 0);
    EXPECT(umount2("to", 0) < 0);
}

int main(void)
{
    void (*const first[])(int) = {bind_and_take_away, bind_and_take_away, move_about, fill_memory, fill_memory, rename_about, wander, wander,
                                  write_where_it_is_read_only, count_mounts, be_alone};
    void (*const second[])(int) = {turn_and_turn, wander, wander, write_where_it_is_read_only, fill_memory, count_mounts, be_alone};
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    EXPECT(mkdir(top, 0777) == 0 && chdir(top) == 0);
    mkdir("to", 0755);
    mkdir("other", 0755);
    take_away();
    loosen();
    see_again();
    cover();
    make_jail();
    bound_number();
    storm(first, sizeof(first) / sizeof(first[0]));
    storm(second, sizeof(second) / sizeof(second[0]));
    for (size_t i = 0; i < KINDS; i++) {
        printf("kind %zu: %ld steps\n", i, atomic_load(&shared->steps[i]));
        if (atomic_load(&shared->steps[i]) < 20)
            complain("worker of kind %zu got no further than %ld", i, atomic_load(&shared->steps[i]));
    }
    turn_around();
    if (complaints == 0)
        printf("held\n");
    return complaints > 0;
}
