/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Things all users of a container share: how one is taken, how one user takes as many as he can get, and what another must be able to do
 * with such a thing meanwhile.
 */
#pragma once

#include "attack.h"

#include <linux/aio_abi.h>
#include <mqueue.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { THINGS_MAX = 40000, PROCESSES_MAX = 64, THREADS_OF_ONE = 500, WANTED_FDS = 4096, STACK_SIZE = 64 << 10, SETTLE_MS = 10000, SETTLE_STEP_MS = 1000 };

/* What a greedy one has got; seen by all. */
struct haul {
    volatile int count, error;
    volatile bool taken; /* all that was to be */
    volatile int ids[THINGS_MAX]; /* of what outlives him */
};
static struct haul *haul;

/* --- one after the other, by as many processes as that takes ----------------------------------------------------- */

/* take_one: 0, or -errno: EMFILE, when another process may go on. */
static void take_by_processes(int (*take_one)(void))
{
    const struct rlimit files = {WANTED_FDS, WANTED_FDS};
    setrlimit(RLIMIT_NOFILE, &files);
    haul->error = EMFILE;
    for (int i = 0; i < PROCESSES_MAX && haul->error == EMFILE; i++) {
        int ends[2], error = 0;
        if (pipe(ends) != 0)
            break;
        if (fork() == 0) {
            while (error == 0 && haul->count < THINGS_MAX) {
                error = -take_one();
                if (error == 0)
                    haul->count++;
            }
            haul->error = error;
            close(ends[1]);
            for (;;)
                pause();
        }
        close(ends[1]);
        (void)!read(ends[0], &error, 1);
        close(ends[0]);
    }
}

/* --- one for each thread ------------------------------------------------------------------------------------------ */

static int (*thread_takes)(int number);
static volatile int threads_going;

static void *take_in_thread(void *data)
{
    const int number = (int)(intptr_t)data;
    __atomic_add_fetch(&haul->count, 1, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&threads_going, 1, __ATOMIC_SEQ_CST);
    int error = -thread_takes(number); /* may wait for ever */
    if (error != 0) {
        __atomic_sub_fetch(&haul->count, 1, __ATOMIC_SEQ_CST);
        haul->error = error;
    }
    for (;;)
        pause();
    return NULL;
}

static void take_by_threads_of_one(int first)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    for (int i = 0; i < THREADS_OF_ONE && haul->error == 0; i++) {
        pthread_t thread;
        int begun = threads_going;
        if (pthread_create(&thread, &attributes, take_in_thread, (void *)(intptr_t)(first + i)) != 0)
            break;
        while (threads_going == begun)
            sched_yield();
    }
}

static void take_by_threads(int (*take)(int number), int most)
{
    thread_takes = take;
    for (int first = 0; first < most && haul->error == 0; first += THREADS_OF_ONE) {
        int ends[2];
        char byte;
        if (pipe(ends) != 0)
            break;
        if (fork() == 0) {
            take_by_threads_of_one(first);
            close(ends[1]);
            for (;;)
                pause();
        }
        close(ends[1]);
        (void)!read(ends[0], &byte, 1);
        close(ends[0]);
    }
    /* Refusals may be long in coming: calls of one user wait for each other. */
    for (int i = 0, count = -1; i < SETTLE_MS && (haul->error == 0 || haul->count != count); i += SETTLE_STEP_MS) {
        count = haul->count;
        usleep(SETTLE_STEP_MS * 1000);
    }
}

/* --- live files, folders of /proc --------------------------------------------------------------------------------- */

static int take_file(void)
{
    return open("/proc/self/status", O_RDONLY) < 0 ? -errno : 0;
}

static int take_folder(void)
{
    return open("/proc/self", O_RDONLY | O_DIRECTORY) < 0 ? -errno : 0;
}

static void take_files(void)
{
    take_by_processes(take_file);
}

static void take_folders(void)
{
    take_by_processes(take_folder);
}

static bool use_files(void)
{
    char text[64];
    int fds[20];
    bool fine = true;
    for (int i = 0; i < 20; i++) {
        fds[i] = open(i % 2 == 0 ? "/proc/self/status" : "/proc/self", O_RDONLY);
        fine = fine && fds[i] >= 0 && (i % 2 == 1 || read(fds[i], text, sizeof(text)) > 0);
    }
    for (int i = 0; i < 20; i++)
        close(fds[i]);
    return fine;
}

/* --- calls that wait ---------------------------------------------------------------------------------------------- */

static void make_fifo(char name[64])
{
    snprintf(name, 64, "/tmp/fifo.%d", (int)getuid());
    mkfifo(name, 0600);
}

static int wait_at_fifo(int number)
{
    char name[64];
    (void)number;
    make_fifo(name);
    return open(name, O_RDONLY) < 0 ? -errno : 0;
}

static void take_waits(void)
{
    take_by_threads(wait_at_fifo, 4500);
}

static bool use_waits(void)
{
    char name[64];
    make_fifo(name);
    pid_t pid = fork();
    if (pid == 0) {
        usleep(50000);
        _exit(open(name, O_WRONLY) < 0);
    }
    int fd = open(name, O_RDONLY);
    bool fine = fd >= 0 && wait_within(pid, 5) == 0;
    close(fd);
    return fine;
}

/* --- messages that wait, with descriptors ------------------------------------------------------------------------- */

enum { SENT_FDS = 50 };

/* With its sender's name in it, so that it goes by way of the sentry. */
static int send_with(int socket, size_t fd_count, size_t size, int flags)
{
    static char data[100000];
    char control[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int) * SENT_FDS)] = "";
    struct iovec part = {data, size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    const struct ucred own = {getpid(), getuid(), getgid()};
    *header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_CREDENTIALS, .cmsg_len = CMSG_LEN(sizeof(own))};
    memcpy(CMSG_DATA(header), &own, sizeof(own));
    message.msg_controllen = CMSG_SPACE(sizeof(own));
    if (fd_count > 0) {
        header = (struct cmsghdr *)(control + CMSG_SPACE(sizeof(own)));
        *header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int) * fd_count)};
        for (size_t i = 0; i < fd_count; i++)
            memcpy(CMSG_DATA(header) + i * sizeof(int), &socket, sizeof(int));
        message.msg_controllen += CMSG_SPACE(sizeof(int) * fd_count);
    }
    return sendmsg(socket, &message, flags) < 0 ? -errno : 0;
}

static int wait_with_message(int number)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) != 0)
        return -errno;
    while (send(ends[0], "x", 1, MSG_DONTWAIT) == 1)
        continue;
    return send_with(ends[0], number % 2 == 0 ? SENT_FDS : 0, 100000, 0);
}

static void take_messages(void)
{
    const struct rlimit files = {WANTED_FDS, WANTED_FDS};
    setrlimit(RLIMIT_NOFILE, &files);
    take_by_threads(wait_with_message, 800);
}

static bool use_messages(void)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) != 0)
        return false;
    while (send(ends[0], "x", 1, MSG_DONTWAIT) == 1)
        continue;
    pid_t pid = fork();
    if (pid == 0)
        _exit(send_with(ends[0], 3, 10, 0) != 0);
    usleep(50000);
    char byte;
    for (int i = 0; i < 2000 && recv(ends[1], &byte, 1, MSG_DONTWAIT) == 1; i++)
        continue;
    bool fine = wait_within(pid, 5) == 0;
    close(ends[0]);
    close(ends[1]);
    return fine;
}

/* --- states of threads -------------------------------------------------------------------------------------------- */

static int differ(int number)
{
    (void)number;
    return unshare(CLONE_FS) != 0 ? -errno : 0;
}

static void take_states(void)
{
    take_by_threads(differ, 4500);
}

static void *differ_a_little(void *fine)
{
    *(bool *)fine = prctl(PR_SET_TIMERSLACK, 1000000 + getpid()) == 0 && unshare(CLONE_FS) == 0 && chdir("/etc") == 0;
    return NULL;
}

static bool use_states(void)
{
    pthread_t thread;
    bool fine = false;
    return pthread_create(&thread, NULL, differ_a_little, &fine) == 0 && pthread_join(thread, NULL) == 0 && fine;
}

/* --- asynchronous I/O --------------------------------------------------------------------------------------------- */

static int set_up(void)
{
    aio_context_t context = 0;
    return syscall(SYS_io_setup, 64, &context) != 0 ? -errno : 0;
}

static void take_requests(void)
{
    take_by_processes(set_up);
}

static bool use_requests(void)
{
    aio_context_t context = 0;
    return syscall(SYS_io_setup, 128, &context) == 0 && syscall(SYS_io_destroy, context) == 0;
}

/* --- objects of System V, queues ---------------------------------------------------------------------------------- */

static int keep(int id)
{
    if (id < 0)
        return -errno;
    haul->ids[haul->count] = id;
    return 0;
}

static int take_segment(void)
{
    return keep(shmget(IPC_PRIVATE, 4096, 0600));
}

static int take_semaphore(void)
{
    return keep(semget(IPC_PRIVATE, 1, 0600));
}

static int take_message_queue(void)
{
    return keep(msgget(IPC_PRIVATE, 0600));
}

static void take_segments(void)
{
    take_by_processes(take_segment);
}

static void take_semaphores(void)
{
    take_by_processes(take_semaphore);
}

static void take_message_queues(void)
{
    take_by_processes(take_message_queue);
}

static void give_segments(void)
{
    for (int i = 0; i < haul->count; i++)
        shmctl(haul->ids[i], IPC_RMID, NULL);
}

static void give_semaphores(void)
{
    for (int i = 0; i < haul->count; i++)
        semctl(haul->ids[i], 0, IPC_RMID);
}

static void give_message_queues(void)
{
    for (int i = 0; i < haul->count; i++)
        msgctl(haul->ids[i], IPC_RMID, NULL);
}

static bool use_segments(void)
{
    int id = shmget(IPC_PRIVATE, 4096, 0600);
    void *at = shmat(id, NULL, 0);
    bool fine = id >= 0 && at != (void *)-1 && shmdt(at) == 0;
    return shmctl(id, IPC_RMID, NULL) == 0 && fine;
}

static bool use_semaphores(void)
{
    int id = semget(IPC_PRIVATE, 1, 0600);
    struct sembuf up = {0, 1, 0};
    bool fine = id >= 0 && semop(id, &up, 1) == 0;
    return semctl(id, 0, IPC_RMID) == 0 && fine;
}

static bool use_message_queues(void)
{
    struct {
        long kind;
        char text[4];
    } message = {1, "abc"};
    int id = msgget(IPC_PRIVATE, 0600);
    bool fine = id >= 0 && msgsnd(id, &message, 4, 0) == 0 && msgrcv(id, &message, 4, 0, 0) == 4;
    return msgctl(id, IPC_RMID, NULL) == 0 && fine;
}

static int take_queue(void)
{
    char name[64];
    struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = 1};
    snprintf(name, sizeof(name), "/greedy.%d", haul->count);
    mqd_t queue = mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, &attributes);
    if (queue < 0)
        return -errno;
    mq_close(queue);
    return 0;
}

static void take_queues(void)
{
    take_by_processes(take_queue);
}

static void give_queues(void)
{
    char name[64];
    for (int i = 0; i < haul->count; i++) {
        snprintf(name, sizeof(name), "/greedy.%d", i);
        mq_unlink(name);
    }
}

static bool use_queues(void)
{
    struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = 1};
    mqd_t queue = mq_open("/other", O_CREAT | O_EXCL | O_RDWR, 0600, &attributes);
    bool fine = queue >= 0 && mq_send(queue, "x", 1, 0) == 0;
    mq_close(queue);
    return mq_unlink("/other") == 0 && fine;
}

/* --- programs that may not be read, stopped before they have begun ------------------------------------------------- */

enum { STARTS_MAX = 8000, STOP_WITHIN_US = 1500 };

static void make_unreadable(char name[64])
{
    char buffer[65536];
    snprintf(name, 64, "/tmp/unreadable.%d", (int)getuid());
    int from = open("/bin/true", O_RDONLY), to = open(name, O_WRONLY | O_CREAT | O_EXCL, 0700);
    for (ssize_t got; to >= 0 && (got = read(from, buffer, sizeof(buffer))) > 0;)
        (void)!write(to, buffer, (size_t)got);
    close(from);
    if (to >= 0)
        close(to);
    chmod(name, 0111);
}

static void stop_soon(pid_t pid, unsigned seed)
{
    usleep(seed % STOP_WITHIN_US);
    kill(pid, SIGSTOP);
    _exit(0);
}

static void start_and_stop(const char *name, unsigned seed)
{
    const pid_t self = getpid();
    if (fork() == 0)
        stop_soon(self, seed);
    execl(name, "true", (char *)NULL);
    haul->error = errno;
    _exit(1);
}

static void take_programs(void)
{
    char name[64];
    int status;
    make_unreadable(name);
    for (int i = 0; i < STARTS_MAX && haul->error == 0; i++) {
        pid_t pid = fork();
        if (pid == 0)
            start_and_stop(name, (unsigned)i * 7919);
        while (waitpid(pid, &status, WUNTRACED) == pid && !WIFSTOPPED(status) && !WIFEXITED(status) && !WIFSIGNALED(status))
            continue;
        haul->count += WIFSTOPPED(status);
    }
}

static bool use_programs(void)
{
    char name[64];
    make_unreadable(name);
    pid_t pid = fork();
    if (pid == 0) {
        execl(name, "true", (char *)NULL);
        _exit(1);
    }
    return wait_within(pid, 5) == 0;
}
