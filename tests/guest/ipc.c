/* SPDX-License-Identifier: Apache-2.0 */
/* System V and POSIX message queues, shared memory, semaphores; pipes, eventfd, futexes. */
#include "case.h"

#include <linux/futex.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

CASE(shared_memory)
{
    int id = shmget(IPC_PRIVATE, 8192, IPC_CREAT | 0600);
    say("id %s", id < 0 ? error_name(errno) : "ok");
    char *map = shmat(id, NULL, 0);
    say("attached %s", map == (void *)-1 ? error_name(errno) : "ok");
    IN_CHILD("child")
    {
        strcpy(map, "from the child");
    }
    say("[%s]", map);
    struct shmid_ds info;
    TRY(shmctl(id, IPC_STAT, &info));
    say("size %zu attached %lu uid %u mode %o", info.shm_segsz, info.shm_nattch, info.shm_perm.uid, info.shm_perm.mode & 0777);
    TRY(shmdt(map));
    TRY(shmdt(map));
    TRY(shmctl(id, IPC_RMID, NULL));
    TRY(shmat(id, NULL, 0) == (void *)-1 ? -1 : 0);
    TRY(shmget(0x1234, 4096, 0600));
    id = shmget(0x1234, 4096, IPC_CREAT | IPC_EXCL | 0600);
    TRY(shmget(0x1234, 4096, IPC_CREAT | IPC_EXCL | 0600));
    TRY(shmget(0x1234, 99999, 0600));
    TRY(shmctl(id, IPC_RMID, NULL));
}

CASE(semaphores)
{
    int id = semget(IPC_PRIVATE, 2, IPC_CREAT | 0600);
    say("id %s", id < 0 ? error_name(errno) : "ok");
    TRY(semctl(id, 0, SETVAL, 1));
    TRY(semop(id, &(struct sembuf){0, -1, IPC_NOWAIT}, 1));
    TRY(semop(id, &(struct sembuf){0, -1, IPC_NOWAIT}, 1));
    TRY(semctl(id, 0, GETVAL));
    pid_t pid = fork_or_die();
    if (pid == 0) {
        sleep_ms(50);
        semop(id, &(struct sembuf){0, 1, 0}, 1);
        _exit(0);
    }
    TRY(semop(id, &(struct sembuf){0, -1, 0}, 1));
    say_wait("raised by", pid);
    TRY(semtimedop(id, &(struct sembuf){0, -1, 0}, 1, &(struct timespec){0, 20000000}));
    IN_CHILD("undone at its end")
    {
        semop(id, &(struct sembuf){1, 3, SEM_UNDO}, 1);
        TRY(semctl(id, 1, GETVAL));
    }
    TRY(semctl(id, 1, GETVAL));
    TRY(semctl(id, 0, IPC_RMID));
    TRY(semop(id, &(struct sembuf){0, 1, 0}, 1));
}

CASE(message_queues)
{
    struct {
        long type;
        char text[16];
    } message = {3, "three"};
    int id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    say("id %s", id < 0 ? error_name(errno) : "ok");
    TRY(msgsnd(id, &message, 6, 0));
    message.type = 5, strcpy(message.text, "five");
    TRY(msgsnd(id, &message, 5, 0));
    TRY(msgrcv(id, &message, 16, 5, 0));
    say("%ld [%s]", message.type, message.text);
    TRY(msgrcv(id, &message, 2, 0, 0));
    TRY(msgrcv(id, &message, 16, 0, 0));
    say("%ld [%s]", message.type, message.text);
    TRY(msgrcv(id, &message, 16, 0, IPC_NOWAIT));
    message.type = 0;
    TRY(msgsnd(id, &message, 4, 0));
    TRY(msgctl(id, IPC_RMID, NULL));
    TRY(msgsnd(id, &message, 4, 0));
}

CASE(posix_queues)
{
    struct mq_attr attr = {.mq_maxmsg = 4, .mq_msgsize = 32};
    mqd_t queue = mq_open("/queue", O_CREAT | O_RDWR | O_EXCL, 0600, &attr);
    say("open %s", queue == (mqd_t)-1 ? error_name(errno) : "ok");
    TRY(mq_send(queue, "low", 3, 1));
    TRY(mq_send(queue, "high", 4, 9));
    char text[32] = "";
    unsigned priority;
    TRY(mq_receive(queue, text, sizeof(text), &priority));
    say("[%s] %u", text, priority);
    TRY(mq_receive(queue, text, 4, &priority));
    TRY(mq_getattr(queue, &attr));
    say("%ld of %ld", attr.mq_curmsgs, attr.mq_maxmsg);
    TRY(poll(&(struct pollfd){queue, POLLIN, 0}, 1, 0));
    TRY(mq_receive(queue, text, sizeof(text), NULL));
    struct timespec past = {1, 0};
    TRY(mq_timedreceive(queue, text, sizeof(text), NULL, &past));
    TRY(mq_open("/queue", O_CREAT | O_RDWR | O_EXCL, 0600, &attr) == (mqd_t)-1 ? -1 : 0);
    struct stat st;
    TRY(stat("/dev/mqueue/queue", &st));
    say("mode %o", st.st_mode & 0777);
    IN_CHILD("user")
    {
        become(1000, 1000);
        TRY(mq_open("/queue", O_RDWR) == (mqd_t)-1 ? -1 : 0);
        TRY(mq_unlink("/queue"));
    }
    TRY(mq_unlink("/queue"));
    TRY(mq_open("/queue", O_RDWR) == (mqd_t)-1 ? -1 : 0);
    TRY(mq_open("/a/b", O_CREAT | O_RDWR, 0600, NULL) == (mqd_t)-1 ? -1 : 0);
}

CASE(posix_semaphores)
{
    sem_t *named = sem_open("/sem", O_CREAT | O_EXCL, 0600, 0);
    say("open %s", named == SEM_FAILED ? error_name(errno) : "ok");
    pid_t pid = fork_or_die();
    if (pid == 0) {
        sleep_ms(30);
        sem_post(named);
        _exit(0);
    }
    TRY(sem_wait(named));
    TRY(sem_trywait(named));
    say_wait("poster", pid);
    TRY(sem_unlink("/sem"));
    TRY(sem_unlink("/sem"));
}

CASE(pipes)
{
    int fd[2];
    TRY(pipe2(fd, O_NONBLOCK | O_CLOEXEC));
    char byte;
    TRY(read(fd[0], &byte, 1));
    static char much[1 << 17];
    TRY(write(fd[1], much, sizeof(much)));
    TRY(write(fd[1], "x", 1));
    TRY(pipe2(fd, 0x1234));
    TRY(syscall(SYS_pipe, (int *)8));
    int one[2], two[2];
    (void)!pipe(one), (void)!pipe(two);
    (void)!write(one[1], "spliced", 7);
    TRY(tee(one[0], two[1], 4, 0));
    TRY(splice(one[0], NULL, two[1], NULL, 7, 0));
    char text[16] = "";
    TRY(read(two[0], text, sizeof(text)));
    say("[%s]", text);
    TRY(write(one[1], "once more", 9));
    memset(text, 0, sizeof(text));
    TRY(read(one[0], text, sizeof(text)));
    say("[%s]", text);
    close(one[1]);
    TRY(read(one[0], text, sizeof(text)));
    TRY(poll(&(struct pollfd){one[0], POLLIN, 0}, 1, 0));
}

CASE(event_descriptor)
{
    int fd = OK(eventfd(3, EFD_NONBLOCK));
    uint64_t value = 4;
    TRY(write(fd, &value, 8));
    TRY(read(fd, &value, 8));
    say("%lu", (unsigned long)value);
    TRY(read(fd, &value, 8));
    TRY(read(fd, &value, 4));
    value = UINT64_MAX;
    TRY(write(fd, &value, 8));
    int counting = eventfd(2, EFD_SEMAPHORE);
    TRY(read(counting, &value, 8));
    say("%lu", (unsigned long)value);
    TRY(eventfd(0, 0x1234));
}

CASE(event_poll)
{
    int epoll = OK(epoll_create1(EPOLL_CLOEXEC)), pair[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 42}, got[4];
    TRY(epoll_ctl(epoll, EPOLL_CTL_ADD, pair[0], &event));
    TRY(epoll_ctl(epoll, EPOLL_CTL_ADD, pair[0], &event));
    TRY(epoll_wait(epoll, got, 4, 0));
    (void)!write(pair[1], "x", 1);
    TRY(epoll_wait(epoll, got, 4, 1000));
    say("events %#x data %lu", got[0].events, (unsigned long)got[0].data.u64);
    event.events = EPOLLIN | EPOLLET;
    TRY(epoll_ctl(epoll, EPOLL_CTL_MOD, pair[0], &event));
    TRY(epoll_wait(epoll, got, 4, 0));
    TRY(epoll_wait(epoll, got, 4, 0));
    close(pair[1]);
    TRY(epoll_pwait(epoll, got, 4, 1000, NULL));
    say("events %#x", got[0].events);
    TRY(epoll_ctl(epoll, EPOLL_CTL_DEL, pair[0], NULL));
    TRY(epoll_ctl(epoll, EPOLL_CTL_DEL, pair[0], NULL));
    TRY(epoll_ctl(epoll, EPOLL_CTL_ADD, epoll, &event));
    TRY(epoll_wait(0, got, 4, 0));
    TRY(epoll_wait(epoll, got, 0, 0));
}

CASE(selecting)
{
    int fd[2];
    (void)!pipe(fd);
    fd_set read_set, write_set;
    FD_ZERO(&read_set);
    FD_ZERO(&write_set);
    FD_SET(fd[0], &read_set);
    FD_SET(fd[1], &write_set);
    TRY(select(fd[1] + 1, &read_set, &write_set, NULL, &(struct timeval){0, 0}));
    say("%d %d", FD_ISSET(fd[0], &read_set), FD_ISSET(fd[1], &write_set) != 0);
    close(fd[0]);
    FD_SET(fd[0], &read_set);
    TRY(select(fd[1] + 1, &read_set, NULL, NULL, &(struct timeval){0, 0}));
    FD_ZERO(&read_set);
    TRY(pselect(0, NULL, NULL, NULL, &(struct timespec){0, 1000}, NULL));
    TRY(ppoll(NULL, 0, &(struct timespec){0, 1000}, NULL));
    TRY(poll(NULL, 0, 1));
}

CASE(futex)
{
    int *word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    TRY(syscall(SYS_futex, word, FUTEX_WAIT, 1, NULL, NULL, 0));
    TRY(syscall(SYS_futex, word, FUTEX_WAIT, 0, &(struct timespec){0, 10000000}, NULL, 0));
    TRY(syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0));
    pid_t pid = fork_or_die();
    if (pid == 0) {
        while (*word == 0)
            syscall(SYS_futex, word, FUTEX_WAIT, 0, NULL, NULL, 0);
        _exit(*word);
    }
    sleep_ms(30);
    *word = 19;
    syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
    say_wait("waiter", pid);
    TRY(syscall(SYS_futex, (int *)1, FUTEX_WAKE, 1, NULL, NULL, 0));
}

static pthread_mutex_t *shared_mutex(void)
{
    pthread_mutex_t *mutex = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(mutex, &attr);
    return mutex;
}

CASE(robust_mutex)
{
    pthread_mutex_t *mutex = shared_mutex();
    IN_CHILD("dies holding it")
    {
        pthread_mutex_lock(mutex);
    }
    int result = pthread_mutex_lock(mutex);
    say("lock %s", error_name(result));
    say("consistent %s", error_name(pthread_mutex_consistent(mutex)));
    say("unlock %s", error_name(pthread_mutex_unlock(mutex)));
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int turns;

static void *take_turns(void *which)
{
    int own = (int)(intptr_t)which;
    for (int i = 0; i < 500; i++) {
        pthread_mutex_lock(&lock);
        while (turns % 2 != own)
            pthread_cond_wait(&condition, &lock);
        turns++;
        pthread_cond_broadcast(&condition);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

CASE(conditions)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, take_turns, (void *)(intptr_t)i);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    say("turns %d", turns);
}
