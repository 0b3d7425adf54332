/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What belongs to one user of the container, and another who wants it: by its id, by every id there can be, by its key and its
 * name, by memory that changes between look and use, by ids that come back, and by taking all there is.
 */
#include "attack.h"

#include <grp.h>
#include <mqueue.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/uio.h>

enum { USER = 1000, KEY = 0x5ec7e7, SLOTS = 256, SEQUENCES = 24, SLOT_BITS = 15, RACE_SECONDS = 4 };
static const char secret[] = "root's own secret";

struct message {
    long type;
    char text[64];
};

static struct {
    int memory, semaphores, queue;
    int open_to_all;
} own = {.open_to_all = -1};

static void become_user(void)
{
    EXPECT(setgroups(0, NULL) == 0 && setresgid(USER, USER, USER) == 0 && setresuid(USER, USER, USER) == 0);
}

static void as_user(void (*act)(void), const char *what)
{
    pid_t pid = fork();
    if (pid == 0) {
        complaints = 0;
        become_user();
        act();
        _exit(complaints > 0);
    }
    int status = wait_within(pid, 100);
    if (status != 0)
        complain("%s: status %#x", what, (unsigned int)status);
}

static void make_own(void)
{
    struct message message = {1, ""};
    own.memory = shmget(KEY, 4096, IPC_CREAT | IPC_EXCL | 0600);
    own.semaphores = semget(KEY, 2, IPC_CREAT | IPC_EXCL | 0600);
    own.queue = msgget(KEY, IPC_CREAT | IPC_EXCL | 0600);
    EXPECT(own.memory >= 0 && own.semaphores >= 0 && own.queue >= 0);
    char *map = shmat(own.memory, NULL, 0);
    strcpy(map, secret);
    strcpy(message.text, secret);
    EXPECT(msgsnd(own.queue, &message, sizeof(message.text), 0) == 0);
    EXPECT(semctl(own.semaphores, 0, SETVAL, 7) == 0);
    shmdt(map);
}

static void check_own(const char *after)
{
    struct message message;
    char *map = shmat(own.memory, NULL, SHM_RDONLY);
    if (map == (void *)-1 || strcmp(map, secret) != 0)
        complain("%s: the memory is not what it was (%s)", after, map == (void *)-1 ? strerror(errno) : map);
    else
        shmdt(map);
    if (semctl(own.semaphores, 0, GETVAL) != 7)
        complain("%s: the semaphore is %d", after, semctl(own.semaphores, 0, GETVAL));
    if (msgrcv(own.queue, &message, sizeof(message.text), 0, IPC_NOWAIT) < 0 || strcmp(message.text, secret) != 0)
        complain("%s: the message is gone", after);
    else
        EXPECT(msgsnd(own.queue, &message, sizeof(message.text), 0) == 0);
}

/* --- by id --- */

static void try_memory(int id)
{
    struct shmid_ds info;
    for (int flags = 0; flags < 4; flags++) {
        char *map = shmat(id, NULL, (flags & 1 ? SHM_RDONLY : 0) | (flags & 2 ? SHM_EXEC : 0));
        if (map != (void *)-1) {
            complain("memory %d attached with flags %d: %.20s", id, flags, map);
            shmdt(map);
        }
    }
    if (shmctl(id, IPC_STAT, &info) == 0)
        complain("memory %d described", id);
    memset(&info, 0, sizeof(info));
    info.shm_perm.uid = USER, info.shm_perm.gid = USER, info.shm_perm.mode = 0666;
    if (shmctl(id, IPC_SET, &info) == 0 || shmctl(id, SHM_LOCK, NULL) == 0 || shmctl(id, SHM_UNLOCK, NULL) == 0 ||
        shmctl(id, IPC_RMID, NULL) == 0)
        complain("memory %d changed", id);
}

static void try_semaphores(int id)
{
    unsigned short values[250];
    struct semid_ds info;
    static const struct sembuf operations[] = {{0, 1, IPC_NOWAIT}, {0, -1, IPC_NOWAIT}, {0, 0, IPC_NOWAIT}, {1, 0, IPC_NOWAIT}};
    for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++)
        if (semop(id, (struct sembuf *)&operations[i], 1) == 0 || errno == EAGAIN)
            complain("semaphore %d used", id);
    if (semctl(id, 0, GETVAL) >= 0 || semctl(id, 0, GETPID) >= 0 || semctl(id, 0, GETNCNT) >= 0 || semctl(id, 0, GETALL, values) >= 0 ||
        semctl(id, 0, IPC_STAT, &info) >= 0)
        complain("semaphore %d read", id);
    memset(&info, 0, sizeof(info));
    info.sem_perm.uid = USER, info.sem_perm.mode = 0666;
    memset(values, 0, sizeof(values));
    if (semctl(id, 0, SETVAL, 0) >= 0 || semctl(id, 0, SETALL, values) >= 0 || semctl(id, 0, IPC_SET, &info) >= 0 || semctl(id, 0, IPC_RMID) >= 0)
        complain("semaphore %d changed", id);
}

static void try_queue(int id)
{
    struct message message = {1, "mine"};
    struct msqid_ds info;
    if (msgrcv(id, &message, sizeof(message.text), 0, IPC_NOWAIT) >= 0 || errno == ENOMSG ||
        msgrcv(id, &message, sizeof(message.text), 0, IPC_NOWAIT | MSG_COPY) >= 0)
        complain("queue %d read", id);
    if (msgsnd(id, &message, 4, IPC_NOWAIT) >= 0 || msgctl(id, IPC_STAT, &info) >= 0)
        complain("queue %d used", id);
    memset(&info, 0, sizeof(info));
    info.msg_perm.uid = USER, info.msg_perm.mode = 0666, info.msg_qbytes = 1000;
    if (msgctl(id, IPC_SET, &info) >= 0 || msgctl(id, IPC_RMID, NULL) >= 0)
        complain("queue %d changed", id);
}

static void by_id(void)
{
    try_memory(own.memory);
    try_semaphores(own.semaphores);
    try_queue(own.queue);
    static const int flags[] = {0400, 0200, 0600, 0060, 0006, 0666, IPC_CREAT | 0600};
    for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
        if (shmget(KEY, 0, flags[i]) >= 0 || semget(KEY, 0, flags[i]) >= 0 || msgget(KEY, flags[i]) >= 0)
            complain("found by key with %o", flags[i]);
}

/* Ids are a place and a sequence number. What is found by place tells the id of all, and no more. */
static void by_every_id(void)
{
    struct shmid_ds memory;
    struct semid_ds semaphores;
    struct msqid_ds queue;
    for (int slot = 0; slot < SLOTS; slot++) {
        int found = shmctl(slot, SHM_STAT, &memory);
        if ((found >= 0 && found != own.open_to_all) || semctl(slot, 0, SEM_STAT, &semaphores) >= 0 || msgctl(slot, MSG_STAT, &queue) >= 0)
            complain("place %d described", slot);
        for (int sequence = 0; sequence < SEQUENCES; sequence++) {
            int id = sequence << SLOT_BITS | slot;
            if (id == own.open_to_all)
                continue;
            if (shmat(id, NULL, SHM_RDONLY) != (void *)-1 || msgrcv(id, &(struct message){0, ""}, 64, 0, IPC_NOWAIT) >= 0 ||
                semctl(id, 0, GETVAL) >= 0)
                complain("id %d used", id);
        }
    }
}

/* --- attached for reading --- */

static int readable;

static void read_then_write(void)
{
    char *map = shmat(readable, NULL, SHM_RDONLY), text[] = "owned";
    EXPECT(map != (void *)-1);
    EXPECT(shmat(readable, NULL, 0) == (void *)-1 && errno == EACCES);
    EXPECT(mprotect(map, 4096, PROT_READ | PROT_WRITE) < 0);
    EXPECT(shmat(readable, map, SHM_REMAP) == (void *)-1);
    char *moved = mremap(map, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, map + (1 << 20));
    if (moved != MAP_FAILED) {
        map = moved;
        EXPECT(mprotect(map, 4096, PROT_READ | PROT_WRITE) < 0);
    }
    struct iovec local = {text, 6}, remote = {map, 6};
    EXPECT(process_vm_writev(getpid(), &local, 1, &remote, 1, 0) < 0);
    char path[64];
    unsigned long start = (unsigned long)map;
    snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", start, start + 4096);
    int fd = open(path, O_RDWR);
    if (fd >= 0 && pwrite(fd, text, 6, 0) > 0)
        complain("written through %s", path);
    fd = open("/proc/self/mem", O_RDWR);
    if (fd >= 0)
        (void)!pwrite(fd, text, 6, (off_t)start);
}

static void check_reading(void)
{
    readable = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0644);
    char *map = shmat(readable, NULL, 0);
    strcpy(map, secret);
    as_user(read_then_write, "reading");
    if (strcmp(map, secret) != 0)
        complain("who may only read has written: %s", map);
    EXPECT(shmctl(readable, IPC_RMID, NULL) == 0 && shmdt(map) == 0);
}

/* --- memory that changes --- */

static volatile bool stop;
static struct sembuf changing = {0, 0, IPC_NOWAIT};

static void *change_operation(void *unused)
{
    (void)unused;
    while (!stop) {
        __atomic_store_n(&changing.sem_op, 5, __ATOMIC_RELAXED);
        for (int i = 0; i < 50; i++)
            __asm__ volatile("pause");
        __atomic_store_n(&changing.sem_op, 0, __ATOMIC_RELAXED);
    }
    return NULL;
}

static int only_readable;

static void flip_operation(void)
{
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, change_operation, NULL) == 0);
    for (double end = seconds() + share_of(RACE_SECONDS); seconds() < end;)
        semop(only_readable, &changing, 1);
    stop = true;
    pthread_join(thread, NULL);
}

static char name[16];

static void *change_name(void *unused)
{
    (void)unused;
    while (!stop) {
        memcpy(name, "rootq", 6);
        for (int i = 0; i < 50; i++)
            __asm__ volatile("pause");
        memcpy(name, "userq", 6);
    }
    return NULL;
}

static void flip_name(void)
{
    char text[8192];
    pthread_t thread;
    int queue = (int)syscall(SYS_mq_open, "userq", O_CREAT | O_RDWR, 0600, NULL);
    EXPECT(queue >= 0);
    EXPECT(pthread_create(&thread, NULL, change_name, NULL) == 0);
    for (double end = seconds() + share_of(RACE_SECONDS); seconds() < end;) {
        int fd = (int)syscall(SYS_mq_open, name, O_RDWR | O_NONBLOCK, 0, NULL);
        if (fd < 0)
            continue;
        if (mq_receive(fd, text, sizeof(text), NULL) > 0)
            complain("root's queue was opened");
        close(fd);
    }
    for (double end = seconds() + 1; seconds() < end;)
        syscall(SYS_mq_unlink, name);
    stop = true;
    pthread_join(thread, NULL);
}

static void check_changing_memory(void)
{
    only_readable = semget(IPC_PRIVATE, 1, IPC_CREAT | 0644);
    EXPECT(semctl(only_readable, 0, SETVAL, 0) == 0);
    as_user(flip_operation, "changing operations");
    if (semctl(only_readable, 0, GETVAL) != 0)
        complain("who may only read has changed a semaphore to %d", semctl(only_readable, 0, GETVAL));
    EXPECT(semctl(only_readable, 0, IPC_RMID) == 0);

    int queue = (int)syscall(SYS_mq_open, "rootq", O_CREAT | O_RDWR | O_NONBLOCK, 0600, NULL);
    EXPECT(queue >= 0 && mq_send(queue, secret, sizeof(secret), 0) == 0);
    as_user(flip_name, "changing names");
    int again = (int)syscall(SYS_mq_open, "rootq", O_RDWR, 0, NULL);
    EXPECT(again >= 0);
    EXPECT(syscall(SYS_mq_unlink, "rootq") == 0);
}

/* --- what is removed and made again meanwhile --- */

static int *shared_id;

static void *remake(void *unused)
{
    (void)unused;
    while (!stop) {
        int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
        __atomic_store_n(shared_id, id, __ATOMIC_RELAXED);
        if (id >= 0)
            shmctl(id, IPC_RMID, NULL);
    }
    return NULL;
}

static void attach_removed(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        EXPECT(pthread_create(&threads[i], NULL, remake, NULL) == 0);
    for (double end = seconds() + share_of(RACE_SECONDS); seconds() < end;) {
        int id = __atomic_load_n(shared_id, __ATOMIC_RELAXED);
        for (int offset = -1; offset <= 1; offset++) {
            char *map = shmat(id + offset, NULL, SHM_RDONLY);
            if (map == (void *)-1)
                continue;
            if (strcmp(map, secret) == 0)
                complain("an id led to root's memory");
            shmdt(map);
        }
    }
    stop = true;
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
}

/* Root makes and removes as fast as it can while the user does, and queues of one name likewise. */
static void make_and_remove(double time)
{
    for (double end = seconds() + time; seconds() < end;) {
        int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
        char *map = shmat(id, NULL, 0);
        if (map != (void *)-1) {
            strcpy(map, secret);
            shmdt(map);
        }
        shmctl(id, IPC_RMID, NULL);
        int queue = (int)syscall(SYS_mq_open, "common", O_CREAT | O_EXCL | O_RDWR | O_NONBLOCK, 0600, NULL);
        if (queue >= 0) {
            mq_send(queue, secret, sizeof(secret), 0);
            close(queue);
        }
        syscall(SYS_mq_unlink, "common");
    }
}

static void open_common(void)
{
    char text[8192];
    for (double end = seconds() + share_of(RACE_SECONDS); seconds() < end;) {
        int queue = (int)syscall(SYS_mq_open, "common", O_CREAT | O_RDWR | O_NONBLOCK, 0600, NULL);
        if (queue < 0)
            continue;
        if (mq_receive(queue, text, sizeof(text), NULL) > 0)
            complain("a name led to root's queue");
        close(queue);
        syscall(SYS_mq_unlink, "common");
    }
}

static void check_races(void)
{
    shared_id = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 2; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            complaints = 0;
            become_user();
            (i == 0 ? attach_removed : open_common)();
            _exit(complaints > 0);
        }
        make_and_remove(share_of(RACE_SECONDS));
        EXPECT(wait_within(pid, 60) == 0);
    }
    syscall(SYS_mq_unlink, "common");
}

/* --- taking all there is --- */

static void take_all(void)
{
    int memory = 0, semaphores = 0, queues = 0, named = 0;
    char path[16];
    while (memory < 5000 && shmget(IPC_PRIVATE, 1, IPC_CREAT | 0600) >= 0)
        memory++;
    while (semaphores < 33000 && semget(IPC_PRIVATE, 1, IPC_CREAT | 0600) >= 0)
        semaphores++;
    while (queues < 33000 && msgget(IPC_PRIVATE, IPC_CREAT | 0600) >= 0)
        queues++;
    struct mq_attr small = {.mq_maxmsg = 1, .mq_msgsize = 1};
    for (; named < 300; named++) {
        snprintf(path, sizeof(path), "take%d", named);
        int fd = (int)syscall(SYS_mq_open, path, O_CREAT | O_RDWR, 0600, &small);
        if (fd < 0)
            break;
        close(fd);
    }
    if (memory >= 4096 || semaphores >= 32000 || queues >= 32000 || named >= 256)
        complain("one user took all: %d %d %d %d", memory, semaphores, queues, named);
}

static void check_shares(void)
{
    as_user(take_all, "taking");
    int memory = shmget(IPC_PRIVATE, 1, IPC_CREAT | 0600), semaphores = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600),
        queue = msgget(IPC_PRIVATE, IPC_CREAT | 0600), named = (int)syscall(SYS_mq_open, "left", O_CREAT | O_RDWR, 0600, NULL);
    EXPECT(memory >= 0 && semaphores >= 0 && queue >= 0 && named >= 0);
    EXPECT(shmctl(memory, IPC_RMID, NULL) == 0 && semctl(semaphores, 0, IPC_RMID) == 0 && msgctl(queue, IPC_RMID, NULL) == 0);
    EXPECT(syscall(SYS_mq_unlink, "left") == 0);
}

static void leave(void)
{
    EXPECT(unshare(CLONE_NEWIPC) < 0);
    EXPECT(syscall(SYS_clone, CLONE_NEWIPC | SIGCHLD, 0, 0, 0, 0) < 0);
}

/* --- two containers in one namespace (neighbours.py): one holds, the other reaches; each is a stranger to the other --- */

enum { OPEN_KEY = 0x09e7 };

static int hold(void)
{
    struct mq_attr small = {.mq_maxmsg = 2, .mq_msgsize = 64};
    char line[8];
    umask(0);
    make_own();
    int open_memory = shmget(OPEN_KEY, 4096, IPC_CREAT | IPC_EXCL | 0666);
    char *map = shmat(open_memory, NULL, 0);
    strcpy(map, secret);
    int closed = (int)syscall(SYS_mq_open, "closed", O_CREAT | O_EXCL | O_RDWR | O_NONBLOCK, 0600, &small);
    int open_to_all = (int)syscall(SYS_mq_open, "open", O_CREAT | O_EXCL | O_RDWR | O_NONBLOCK, 0666, &small);
    EXPECT(mq_send(closed, secret, sizeof(secret), 0) == 0 && mq_send(open_to_all, secret, sizeof(secret), 0) == 0);
    printf("%d %d %d %d\n", own.memory, own.semaphores, own.queue, open_memory);
    fflush(stdout);
    (void)!read(STDIN_FILENO, line, 1);
    check_own("the neighbour");
    if (strcmp(map, "written by the neighbour") != 0)
        complain("what is open to all is not: %s", map);
    EXPECT(shmctl(open_memory, IPC_RMID, NULL) == 0);
    EXPECT(syscall(SYS_mq_open, "closed", O_RDWR, 0, NULL) >= 0 && syscall(SYS_mq_unlink, "closed") == 0 && syscall(SYS_mq_unlink, "open") == 0);
    return finish();
}

static void reach_queues(void)
{
    char text[8192];
    static const int modes[] = {O_RDONLY, O_WRONLY, O_RDWR};
    for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
        if (syscall(SYS_mq_open, "closed", modes[i] | O_NONBLOCK, 0, NULL) >= 0)
            complain("the neighbour's queue was opened");
    if (syscall(SYS_mq_unlink, "closed") == 0 || syscall(SYS_mq_unlink, "open") == 0)
        complain("the neighbour's queue was removed");
    int fd = (int)syscall(SYS_mq_open, "open", O_RDWR | O_NONBLOCK, 0, NULL);
    EXPECT(fd >= 0 && mq_receive(fd, text, sizeof(text), NULL) == sizeof(secret));
    /* one of our own, with its owner and mode */
    fd = (int)syscall(SYS_mq_open, "mine", O_CREAT | O_EXCL | O_RDWR, 0600, NULL);
    EXPECT(fd >= 0);
    pid_t pid = fork();
    if (pid == 0) {
        become_user();
        _exit(syscall(SYS_mq_open, "mine", O_RDWR, 0, NULL) >= 0 || syscall(SYS_mq_unlink, "mine") == 0);
    }
    EXPECT(wait_within(pid, 10) == 0);
    EXPECT(syscall(SYS_mq_open, "mine", O_RDWR, 0, NULL) >= 0 && syscall(SYS_mq_unlink, "mine") == 0);
}

static int reach(char **ids)
{
    own.memory = atoi(ids[0]), own.semaphores = atoi(ids[1]), own.queue = atoi(ids[2]);
    const int open_memory = own.open_to_all = atoi(ids[3]);
    by_id();
    as_user(by_id, "by id");
    as_user(by_every_id, "by every id");
    reach_queues();
    char *map = shmat(open_memory, NULL, 0);
    EXPECT(map != (void *)-1 && strcmp(map, secret) == 0);
    strcpy(map, "written by the neighbour");
    EXPECT(shmget(OPEN_KEY, 0, 0666) == open_memory);
    EXPECT(shmctl(open_memory, IPC_RMID, NULL) < 0 && errno == EPERM);
    return finish();
}

/* Objects outlive their container where the namespace does. Whoever has its ids later is a stranger to them all the same. */
static int leave_behind(void)
{
    make_own();
    printf("%d %d %d\n", own.memory, own.semaphores, own.queue);
    return finish();
}

static int come_later(char **ids)
{
    own.memory = atoi(ids[0]), own.semaphores = atoi(ids[1]), own.queue = atoi(ids[2]);
    by_id();
    as_user(by_id, "by id");
    return finish();
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "hold") == 0)
        return hold();
    if (argc > 5 && strcmp(argv[1], "reach") == 0)
        return reach(argv + 2);
    if (argc > 1 && strcmp(argv[1], "leave") == 0)
        return leave_behind();
    if (argc > 4 && strcmp(argv[1], "later") == 0)
        return come_later(argv + 2);
    make_own();
    as_user(by_id, "by id");
    check_own("by id");
    as_user(by_every_id, "by every id");
    check_own("by every id");
    check_reading();
    check_changing_memory();
    check_races();
    check_own("races");
    check_shares();
    check_own("shares");
    as_user(leave, "leaving");
    check_alive("ipc");
    return finish();
}
