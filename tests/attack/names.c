/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many processes and threads on few names. While they are at it none sees what Linux could not show it: a name that is exchanged
 * or replaced is never missing, a working folder stays what it is wherever it is moved, of those who make one name one succeeds. When
 * they pause, what the sandbox says of each name is what the file system itself has (a listing of a folder is the host's own).
 *
 * All of it in the root, in a tmpfs, and in a folder of the host's; there the host exchanges and replaces names too (names_host.py).
 */
#include "attack.h"

#include <dirent.h>
#include <limits.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum { PROCESSES = 3, THREADS = 2, WORKERS = PROCESSES * THREADS };
static const double ROUND_SECONDS = 2.0;

enum { COMPLAINTS_MAX = 40, TEXT_MAX = 160 };

static struct shared {
    atomic_bool stop;
    atomic_long made[2], removed[2]; /* things, folders */
    atomic_long steps;
    pthread_mutex_t mutex; /* of what follows */
    struct {
        char text[TEXT_MAX];
        long count;
    } wrong[COMPLAINTS_MAX];
} *shared;

/* --- saying --- */

/* Each thing once, with how often it was seen. */
__attribute__((format(printf, 1, 2))) static void wrong(const char *format, ...)
{
    char text[TEXT_MAX];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    pthread_mutex_lock(&shared->mutex);
    size_t i = 0;
    while (i < COMPLAINTS_MAX - 1 && shared->wrong[i].count > 0 && strcmp(shared->wrong[i].text, text) != 0)
        i++;
    memcpy(shared->wrong[i].text, text, sizeof(text));
    shared->wrong[i].count++;
    pthread_mutex_unlock(&shared->mutex);
}

static void complain_of_all(void)
{
    for (size_t i = 0; i < COMPLAINTS_MAX && shared->wrong[i].count > 0; i++)
        complain("%s (%ld times)", shared->wrong[i].text, shared->wrong[i].count);
}

/* A call may fail with one of these; 0 ends the list. */
static bool is_allowed(int error, const int *allowed)
{
    while (*allowed != 0 && *allowed != error)
        allowed++;
    return *allowed != 0;
}

static bool check(const char *scene, const char *what, long result, const int *allowed)
{
    if (result < 0 && !is_allowed(errno, allowed))
        wrong("%s: %s: %s", scene, what, strerrorname_np(errno));
    return result >= 0;
}

#define NEVER ((const int[]){0})
#define ONLY(...) ((const int[]){__VA_ARGS__, 0})

static int exchange_names(int folder, const char *one, const char *other)
{
    return (int)syscall(SYS_renameat2, folder, one, folder, other, RENAME_EXCHANGE);
}

static void write_file(int folder, const char *name, const char *text)
{
    int fd = openat(folder, name, O_CREAT | O_WRONLY | O_TRUNC, 0644);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        wrong("writing %s: %s", name, strerrorname_np(errno));
    close(fd);
}

/* What a file says it is; false if it cannot be opened. */
static bool read_file(int folder, const char *name, char text[32])
{
    int fd = openat(folder, name, O_RDONLY);
    if (fd < 0)
        return false;
    ssize_t got = read(fd, text, 31);
    close(fd);
    text[got > 0 ? got : 0] = '\0';
    return true;
}

static ino_t inode_of(int folder, const char *name)
{
    struct stat status;
    return fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) < 0 ? 0 : status.st_ino;
}

/* --- scenes: each worker of one does its part over and over --- */

struct scene {
    const char *name;
    void (*prepare)(int folder);
    void (*step)(int folder, unsigned int worker, unsigned int *seed);
    void (*settled)(int folder); /* when nobody works */
};

/* Two files change names: neither name is ever missing. */
static void exchange_prepare(int folder)
{
    write_file(folder, "one", "1");
    write_file(folder, "two", "2");
}

static void look_at(const char *scene, int folder, const char *name)
{
    struct stat status;
    char text[32];
    check(scene, "stat", fstatat(folder, name, &status, 0), NEVER);
    check(scene, "access", faccessat(folder, name, R_OK, 0), NEVER);
    if (!read_file(folder, name, text))
        wrong("%s: open %s: %s", scene, name, strerrorname_np(errno));
    check(scene, "chmod", fchmodat(folder, name, 0644, 0), NEVER);
}

static void exchange_step(int folder, unsigned int worker, unsigned int *seed)
{
    if (worker < 2)
        check("exchange", "rename", exchange_names(folder, "one", "two"), NEVER);
    else
        look_at("exchange", folder, rand_r(seed) % 2 == 0 ? "one" : "two");
}

static void exchange_settled(int folder)
{
    char one[32] = "", two[32] = "";
    read_file(folder, "one", one);
    read_file(folder, "two", two);
    if (!((strcmp(one, "1") == 0 && strcmp(two, "2") == 0) || (strcmp(one, "2") == 0 && strcmp(two, "1") == 0)))
        wrong("exchange: in the end \"%s\" and \"%s\"", one, two);
}

/* A file is replaced all the time: it is there all the time, and what is opened is whole. */
static void replace_prepare(int folder)
{
    write_file(folder, "target", "content");
}

static void replace_step(int folder, unsigned int worker, unsigned int *seed)
{
    char name[32], text[32];
    if (worker < 2) {
        snprintf(name, sizeof(name), "new-%u", worker);
        write_file(folder, name, "content");
        check("replace", "rename", renameat(folder, name, folder, "target"), NEVER);
        return;
    }
    look_at("replace", folder, "target");
    int fd = openat(folder, "target", O_RDWR | O_CREAT, 0644);
    check("replace", "open for writing", fd, NEVER);
    if (fd >= 0 && (read(fd, text, sizeof(text)) != 7 || memcmp(text, "content", 7) != 0))
        wrong("replace: half a file");
    close(fd);
    (void)seed;
}

/* Two folders change names; who works in one of them stays in it, by working folder and by descriptor. */
static void folders_prepare(int folder)
{
    EXPECT(mkdirat(folder, "first", 0755) == 0 && mkdirat(folder, "second", 0755) == 0);
    write_file(folder, "first/f", "first");
    write_file(folder, "second/f", "second");
}

static void stay_in(int folder, const char *what, unsigned int worker)
{
    char text[32] = "", name[32];
    struct stat status;
    if (!read_file(folder, "f", text))
        wrong("%s: open: %s", what, strerrorname_np(errno));
    else if (strcmp(text, "first") != 0)
        wrong("%s: opened the file of the other folder", what);
    check(what, "stat", fstatat(folder, "f", &status, 0), NEVER);
    check(what, "stat of nothing", fstatat(folder, "nothing", &status, 0) == 0 ? -1 : 0, NEVER);
    snprintf(name, sizeof(name), "made-%u", worker);
    check(what, "mkdir", mkdirat(folder, name, 0755), NEVER);
    check(what, "stat of what was made", fstatat(folder, name, &status, 0), NEVER);
    check(what, "rmdir", unlinkat(folder, name, AT_REMOVEDIR), NEVER);
    int fd = openat(folder, name, O_CREAT | O_EXCL | O_RDWR, 0600);
    check(what, "create", fd, NEVER);
    close(fd);
    check(what, "link", linkat(folder, name, folder, "f", 0) == 0 ? -1 : errno == EEXIST ? 0 : -1, NEVER);
    check(what, "unlink", unlinkat(folder, name, 0), NEVER);
}

static _Thread_local int first_folder = -1;
static _Thread_local unsigned int scene_count, first_of;

static void folders_step(int folder, unsigned int worker, unsigned int *seed)
{
    char path[PATH_MAX];
    if (first_of != scene_count) { /* while nobody moves it: the movers begin later */
        first_of = scene_count;
        for (int i = 0; i < 100; i++) {
            char text[32] = "";
            int fd = openat(folder, i % 2 == 0 ? "first" : "second", O_RDONLY | O_DIRECTORY);
            if (fd >= 0 && read_file(fd, "f", text) && strcmp(text, "first") == 0) {
                first_folder = fd;
                break;
            }
            close(fd);
        }
        if (first_folder < 0)
            wrong("folders: cannot find the folder to work in");
    }
    if (worker == 0)
        check("folders", "exchange", exchange_names(folder, "first", "second"), NEVER);
    else if (worker == 1)
        check("folders", "exchange back", exchange_names(folder, "second", "first"), NEVER);
    else if (worker < 4) {
        stay_in(first_folder, "folder by descriptor", worker);
    } else {
        /* The threads of a process share it: only the two of this one move there, and to the same. */
        check("folders", "fchdir", fchdir(first_folder), NEVER);
        stay_in(AT_FDCWD, "working folder", worker);
        if (getcwd(path, sizeof(path)) == NULL)
            wrong("folders: getcwd: %s", strerrorname_np(errno));
        else if (strcmp(strrchr(path, '/'), "/first") != 0 && strcmp(strrchr(path, '/'), "/second") != 0)
            wrong("folders: getcwd: %s", path);
    }
    (void)seed;
}

/* One folder goes to and fro between two parents; its file is always there for who holds it. */
static void travel_prepare(int folder)
{
    EXPECT(mkdirat(folder, "here", 0755) == 0 && mkdirat(folder, "there", 0755) == 0 && mkdirat(folder, "here/d", 0755) == 0);
    write_file(folder, "here/d/f", "first");
}

static void travel_step(int folder, unsigned int worker, unsigned int *seed)
{
    struct stat status;
    if (first_of != scene_count) {
        first_of = scene_count;
        first_folder = -1;
        for (int i = 0; i < 1000 && first_folder < 0; i++)
            first_folder = openat(folder, i % 2 == 0 ? "here/d" : "there/d", O_RDONLY | O_DIRECTORY);
        if (first_folder < 0)
            wrong("travel: cannot find the folder to work in");
    }
    if (worker == 0)
        check("travel", "rename", renameat(folder, "here/d", folder, "there/d"), ONLY(ENOENT));
    else if (worker == 1)
        check("travel", "rename back", renameat(folder, "there/d", folder, "here/d"), ONLY(ENOENT));
    else if (worker == 2)
        stay_in(first_folder, "travelling folder by descriptor", worker);
    else if (worker == 3)
        check("travel", "stat by name", fstatat(folder, rand_r(seed) % 2 == 0 ? "here/d/f" : "there/d/f", &status, 0), ONLY(ENOENT));
    else
        check("travel", "stat from within", fstatat(first_folder, rand_r(seed) % 2 == 0 ? "../../here" : "f", &status, 0), NEVER);
}

/* One name, and everybody makes and removes it as all kinds of things: each success has its counterpart. */
enum kind { FILE_KIND, FOLDER_KIND, LINK_KIND, SYMLINK_KIND, NODE_KIND, KINDS };

static void make_prepare(int folder)
{
    write_file(folder, "source", "source");
}

static long make_kind(int folder, enum kind kind)
{
    int fd;
    switch (kind) {
    case FILE_KIND:
        fd = openat(folder, "it", O_CREAT | O_EXCL | O_WRONLY, 0644);
        if (fd >= 0)
            close(fd);
        return fd;
    case FOLDER_KIND:
        return mkdirat(folder, "it", 0755);
    case LINK_KIND:
        return linkat(folder, "source", folder, "it", 0);
    case SYMLINK_KIND:
        return symlinkat("source", folder, "it");
    default:
        return mknodat(folder, "it", S_IFIFO | 0644, 0);
    }
}

static void make_step(int folder, unsigned int worker, unsigned int *seed)
{
    enum kind kind = (enum kind)((unsigned int)rand_r(seed) % KINDS);
    char target[16];
    struct stat status;
    (void)worker;
    if (check("make", "make", make_kind(folder, kind), ONLY(EEXIST)))
        atomic_fetch_add(&shared->made[kind == FOLDER_KIND], 1);
    check("make", "stat", fstatat(folder, "it", &status, AT_SYMLINK_NOFOLLOW), ONLY(ENOENT));
    check("make", "readlink", readlinkat(folder, "it", target, sizeof(target)), ONLY(ENOENT, EINVAL));
    if (check("make", "unlink", unlinkat(folder, "it", 0), ONLY(ENOENT, EISDIR, EPERM)))
        atomic_fetch_add(&shared->removed[0], 1);
    if (check("make", "rmdir", unlinkat(folder, "it", AT_REMOVEDIR), ONLY(ENOENT, ENOTDIR)))
        atomic_fetch_add(&shared->removed[1], 1);
}

static void make_settled(int folder)
{
    struct stat status;
    bool there = fstatat(folder, "it", &status, AT_SYMLINK_NOFOLLOW) == 0;
    for (int i = 0; i < 2; i++) {
        long left = shared->made[i] - shared->removed[i];
        bool expected = there && S_ISDIR(status.st_mode) == (i == 1);
        if (left != expected)
            wrong("make: %s: made %ld times and removed %ld times, and is %sthere", i == 1 ? "folder" : "file", (long)shared->made[i],
                  (long)shared->removed[i], expected ? "" : "not ");
    }
    if (fstatat(folder, "source", &status, 0) < 0 || status.st_nlink != 1 + (nlink_t)(there && inode_of(folder, "it") == status.st_ino))
        wrong("make: in the end the source has %lu links", (unsigned long)status.st_nlink);
}

/* Open with O_CREAT, and somebody who removes: it opens every time. */
static void reopen_step(int folder, unsigned int worker, unsigned int *seed)
{
    (void)seed;
    if (worker < 2) {
        check("reopen", "unlink", unlinkat(folder, "log", 0), ONLY(ENOENT));
        return;
    }
    int fd = openat(folder, "log", O_CREAT | O_WRONLY | O_APPEND, 0644);
    check("reopen", "open", fd, NEVER);
    struct stat status;
    if (fd >= 0 && (fstat(fd, &status) < 0 || status.st_nlink > 1))
        wrong("reopen: fstat");
    close(fd);
}

/* One thing that goes from name to name: there is always one of it, in one place. */
static void token_prepare(int folder)
{
    write_file(folder, "token-0", "token");
}

static void token_step(int folder, unsigned int worker, unsigned int *seed)
{
    char from[16], to[16], text[32];
    (void)worker;
    snprintf(from, sizeof(from), "token-%u", (unsigned int)rand_r(seed) % 3);
    snprintf(to, sizeof(to), "token-%u", (unsigned int)rand_r(seed) % 3);
    if (rand_r(seed) % 2 == 0)
        check("token", "rename", renameat(folder, from, folder, to), ONLY(ENOENT));
    else
        check("token", "rename without replacing", (int)syscall(SYS_renameat2, folder, from, folder, to, RENAME_NOREPLACE), ONLY(ENOENT, EEXIST));
    if (read_file(folder, to, text) && strcmp(text, "token") != 0)
        wrong("token: it says \"%s\"", text);
}

static void token_settled(int folder)
{
    int there = 0;
    char name[16];
    struct stat status;
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof(name), "token-%d", i);
        there += fstatat(folder, name, &status, 0) == 0;
    }
    if (there != 1)
        wrong("token: in the end there are %d", there);
}

/* What one does oneself one sees at once, whatever others do around it. */
static void own_step(int folder, unsigned int worker, unsigned int *seed)
{
    char name[32], other[32], text[32];
    struct stat status;
    mode_t mode = (mode_t)(0600 | (rand_r(seed) & 0077));
    snprintf(name, sizeof(name), "own-%u", worker);
    snprintf(other, sizeof(other), "moved-%u", worker);
    snprintf(text, sizeof(text), "%u", (unsigned int)rand_r(seed));
    write_file(folder, name, text);
    check("own", "chmod", fchmodat(folder, name, mode, 0), NEVER);
    if (!check("own", "stat", fstatat(folder, name, &status, 0), NEVER) || (status.st_mode & 07777) != mode ||
        status.st_size != (off_t)strlen(text))
        wrong("own: mode %o instead of %o, size %ld instead of %zu", status.st_mode & 07777, mode, (long)status.st_size, strlen(text));
    check("own", "rename", renameat(folder, name, folder, other), NEVER);
    if (fstatat(folder, name, &status, 0) == 0 || errno != ENOENT)
        wrong("own: it is still under its old name");
    ino_t before = inode_of(folder, other);
    check("own", "link", linkat(folder, other, folder, name, 0), NEVER);
    if (fstatat(folder, name, &status, 0) < 0 || status.st_ino != before || status.st_nlink != 2)
        wrong("own: a link of it is %lu with %lu links", (unsigned long)status.st_ino, (unsigned long)status.st_nlink);
    check("own", "unlink", unlinkat(folder, other, 0), NEVER);
    if (fstatat(folder, name, &status, 0) < 0 || status.st_nlink != 1)
        wrong("own: %lu links are left of it", (unsigned long)status.st_nlink);
    check("own", "unlink the last", unlinkat(folder, name, 0), NEVER);
    if (fstatat(folder, name, &status, 0) == 0 || errno != ENOENT)
        wrong("own: it is still there");
}

/* What is removed or moved is what has the name then: never what had it before and has another now. */
static void keep_step(int folder, unsigned int worker, unsigned int *seed)
{
    char mine[32];
    (void)seed;
    if (worker == 0) {
        int fd = openat(folder, "passing", O_CREAT | O_EXCL | O_WRONLY, 0644);
        if (check("keep", "create", fd, ONLY(EEXIST)))
            close(fd);
        if (check("keep", "rename", renameat(folder, "passing", folder, "kept"), ONLY(ENOENT)))
            check("keep", "unlink what was kept", unlinkat(folder, "kept", 0), NEVER);
    } else if (worker == 1) {
        check("keep", "mkdir", mkdirat(folder, "passing-folder", 0755), NEVER);
        if (check("keep", "rename a folder", renameat(folder, "passing-folder", folder, "kept-folder"), ONLY(ENOENT)))
            check("keep", "rmdir what was kept", unlinkat(folder, "kept-folder", AT_REMOVEDIR), NEVER);
    } else if (worker == 2) {
        check("keep", "rmdir", unlinkat(folder, "passing-folder", AT_REMOVEDIR), ONLY(ENOENT));
    } else if (worker % 2 == 0) {
        check("keep", "unlink", unlinkat(folder, "passing", 0), ONLY(ENOENT));
    } else {
        snprintf(mine, sizeof(mine), "taken-%u", worker);
        if (check("keep", "take", renameat(folder, "passing", folder, mine), ONLY(ENOENT)))
            check("keep", "unlink what was taken", unlinkat(folder, mine, 0), NEVER);
    }
}

static const struct scene scenes[] = {
    {"exchange", exchange_prepare, exchange_step, exchange_settled},
    {"replace", replace_prepare, replace_step, NULL},
    {"folders", folders_prepare, folders_step, NULL},
    {"travel", travel_prepare, travel_step, NULL},
    {"make", make_prepare, make_step, make_settled},
    {"reopen", NULL, reopen_step, NULL},
    {"token", token_prepare, token_step, token_settled},
    {"own", NULL, own_step, NULL},
    {"keep", NULL, keep_step, NULL},
};
enum { SCENES = sizeof(scenes) / sizeof(scenes[0]) };

/* --- the end of each: names against the file system's own list --- */

static void compare_listing(const char *scene, int parent, const char *path)
{
    int fd = openat(parent, path, O_RDONLY | O_DIRECTORY);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    if (directory == NULL) {
        wrong("%s: cannot list: %s", scene, strerrorname_np(errno));
        return;
    }
    static const char *const names[] = {"one", "two", "target", "first", "second", "it", "log", "token-0", "token-1", "token-2", "new-0", "new-1",
                                        "here", "there", "d", "f"};
    bool listed[sizeof(names) / sizeof(names[0])] = {false};
    struct stat status;
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
            listed[i] = listed[i] || strcmp(names[i], entry->d_name) == 0;
        if (fstatat(fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
            wrong("%s: %s is listed, and stat says %s", scene, entry->d_name, strerrorname_np(errno));
        else if (entry->d_type != (status.st_mode & S_IFMT) >> 12)
            wrong("%s: %s is of type %d in the list, and of %o to stat", scene, entry->d_name, entry->d_type, status.st_mode);
        else if (entry->d_ino != status.st_ino)
            wrong("%s: %s is %lu in the list, and %lu to stat", scene, entry->d_name, (unsigned long)entry->d_ino, (unsigned long)status.st_ino);
        else if (S_ISDIR(status.st_mode))
            compare_listing(scene, fd, entry->d_name);
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!listed[i] && fstatat(fd, names[i], &status, AT_SYMLINK_NOFOLLOW) == 0)
            wrong("%s: %s is not listed, and stat finds it", scene, names[i]);
    closedir(directory);
}

/* --- many at once --- */

struct job {
    const struct scene *scene;
    int folder;
    unsigned int worker, count;
};

static void *work(void *data)
{
    const struct job *job = data;
    unsigned int seed = job->worker * 7919 + job->count;
    scene_count = job->count;
    while (!atomic_load(&shared->stop)) {
        job->scene->step(job->folder, job->worker, &seed);
        atomic_fetch_add(&shared->steps, 1);
    }
    return NULL;
}

static void run_threads(const struct scene *scene, int folder, unsigned int process, unsigned int count)
{
    pthread_t threads[THREADS];
    struct job jobs[THREADS];
    for (unsigned int i = 0; i < THREADS; i++) {
        jobs[i] = (struct job){.scene = scene, .folder = folder, .worker = process * THREADS + i, .count = count};
        if (pthread_create(&threads[i], NULL, work, &jobs[i]) != 0)
            _exit(3);
    }
    for (unsigned int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    _exit(0);
}

static void run_scene(const struct scene *scene, const char *place, unsigned int count)
{
    char path[128];
    pid_t processes[PROCESSES];
    snprintf(path, sizeof(path), "%s/%s", place, scene->name);
    EXPECT(mkdir(path, 0755) == 0);
    int folder = open(path, O_RDONLY | O_DIRECTORY);
    EXPECT(folder >= 0);
    if (scene->prepare != NULL)
        scene->prepare(folder);
    shared->stop = false;
    shared->steps = 0;
    for (int i = 0; i < 2; i++)
        shared->made[i] = shared->removed[i] = 0;
    for (unsigned int i = 0; i < PROCESSES; i++) {
        processes[i] = fork();
        if (processes[i] == 0)
            run_threads(scene, folder, i, count);
    }
    usleep((useconds_t)(share_of(ROUND_SECONDS) * 1e6));
    shared->stop = true;
    for (int i = 0; i < PROCESSES; i++) {
        int status = wait_within(processes[i], 20);
        if (status != 0)
            wrong("%s at %s: a process ended with %#x", scene->name, place, (unsigned int)status);
    }
    if (scene->settled != NULL)
        scene->settled(folder);
    compare_listing(scene->name, AT_FDCWD, path);
    printf("%s at %s: %ld steps\n", scene->name, place, (long)shared->steps);
    fflush(stdout);
    close(folder);
}

int main(int argc, char **argv)
{
    static const char *const places[] = {"/root", "/tmp", "/host"};
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&shared->mutex, &attributes);
    unsigned int count = 0;
    for (size_t place = 0; place < sizeof(places) / sizeof(places[0]); place++) {
        if (access(places[place], W_OK) < 0)
            continue;
        for (size_t i = 0; i < SCENES; i++)
            if (argc < 2 || strcmp(argv[1], scenes[i].name) == 0)
                run_scene(&scenes[i], places[place], ++count);
    }
    complain_of_all();
    check_alive("many on few names");
    return finish();
}
