/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what with shared memory, semaphores and message queues of whom. */
#include "case.h"

#include <grp.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <time.h>

enum { OWNER = 1000, MATE = 1001, STRANGER = 1002, TEAM = 500, GUILD = 600 };

struct message {
    long type;
    char text[16];
};

static void become_in(uid_t uid, gid_t gid, gid_t group)
{
    if (setgroups(1, &group) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
        _exit(97);
}

/* Of one kind, as somebody. */
struct somebody {
    const char *name;
    uid_t uid;
    gid_t gid, group;
};
static const struct somebody people[] = {
    {"owner", OWNER, OWNER, OWNER},       {"mate by group", MATE, TEAM, MATE}, {"mate by list", MATE, MATE, TEAM},
    {"stranger", STRANGER, STRANGER, 77}, {"root", 0, 0, 0},
};

static void for_everybody(void (*act)(int id), int id)
{
    for (size_t i = 0; i < sizeof(people) / sizeof(*people); i++) {
        IN_CHILD(people[i].name)
        {
            become_in(people[i].uid, people[i].gid, people[i].group);
            act(id);
        }
    }
}

static long attach(int id, int flags)
{
    void *map = shmat(id, NULL, flags);
    if (map == (void *)-1)
        return -1;
    shmdt(map);
    return 0;
}

static void use_memory(int id)
{
    struct shmid_ds info;
    TRY(attach(id, SHM_RDONLY));
    TRY(attach(id, 0));
    TRY(attach(id, SHM_EXEC | SHM_RDONLY));
    TRY(attach(id, SHM_EXEC));
    if (TRY(shmctl(id, IPC_STAT, &info)) == 0)
        say("uid %u gid %u cuid %u cgid %u mode %o size %zu", info.shm_perm.uid, info.shm_perm.gid, info.shm_perm.cuid,
            info.shm_perm.cgid, info.shm_perm.mode, info.shm_segsz);
    TRY(shmctl(id, SHM_LOCK, NULL));
    TRY(shmctl(id, SHM_UNLOCK, NULL));
    TRY(shmctl(id, IPC_SET, NULL));
}

/* Makes an object as its owner, with a group of its own, and tells its id. */
static int made_by_owner(int (*make)(int mode), int mode)
{
    int ends[2], id = -1;
    (void)!pipe(ends);
    IN_CHILD("maker")
    {
        become_in(OWNER, TEAM, OWNER);
        id = make(mode);
        (void)!write(ends[1], &id, sizeof(id));
    }
    (void)!read(ends[0], &id, sizeof(id));
    close(ends[0]), close(ends[1]);
    return id;
}

static int make_memory(int mode)
{
    return shmget(IPC_PRIVATE, 5000, IPC_CREAT | mode);
}
static int make_semaphores(int mode)
{
    return semget(IPC_PRIVATE, 3, IPC_CREAT | mode);
}
static int make_queue(int mode)
{
    return msgget(IPC_PRIVATE, IPC_CREAT | mode);
}

static void as_owner(int id, void (*act)(int id))
{
    IN_CHILD("by its owner")
    {
        become_in(OWNER, OWNER, OWNER);
        act(id);
    }
}
static void remove_memory(int id)
{
    TRY(shmctl(id, IPC_RMID, NULL));
}
static void remove_semaphores(int id)
{
    TRY(semctl(id, 0, IPC_RMID));
}
static void remove_queue(int id)
{
    TRY(msgctl(id, IPC_RMID, NULL));
}

CASE(memory_by_mode)
{
    static const int modes[] = {0600, 0640, 0604, 0660, 0666, 0000, 0400, 0200, 0777, 0040, 0066};
    for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
        int id = made_by_owner(make_memory, modes[i]);
        say("mode %o", modes[i]);
        for_everybody(use_memory, id);
        as_owner(id, remove_memory);
    }
}

static void try_remove(int id)
{
    TRY(shmctl(id, IPC_RMID, NULL));
}

CASE(memory_is_removed_by)
{
    for (size_t i = 0; i < sizeof(people) / sizeof(*people); i++) {
        int id = made_by_owner(make_memory, 0666);
        IN_CHILD(people[i].name)
        {
            become_in(people[i].uid, people[i].gid, people[i].group);
            try_remove(id);
        }
        as_owner(id, remove_memory);
    }
}

static void wait_zero(int id)
{
    struct timespec soon = {0, 20000000};
    TRY(semop(id, &(struct sembuf){0, 0, IPC_NOWAIT}, 1));
    TRY(semop(id, &(struct sembuf){1, 0, IPC_NOWAIT}, 1));
    TRY(semtimedop(id, &(struct sembuf){1, 0, 0}, 1, &soon));
    TRY(semtimedop(id, (struct sembuf[]){{0, 0, 0}, {2, 0, 0}}, 2, &soon));
    TRY(semtimedop(id, &(struct sembuf){1, 0, 0}, 1, &(struct timespec){0, 1000000000}));
    TRY(semtimedop(id, &(struct sembuf){7, 0, 0}, 1, &soon));
}

static void use_semaphores(int id)
{
    unsigned short values[3] = {9, 9, 9};
    struct semid_ds info;
    wait_zero(id);
    TRY(semop(id, &(struct sembuf){1, 1, 0}, 1));
    TRY(semop(id, &(struct sembuf){1, -1, IPC_NOWAIT}, 1));
    TRY(semop(id, (struct sembuf[]){{0, 0, 0}, {1, 1, SEM_UNDO}}, 2));
    TRY(semop(id, NULL, 1));
    TRY(semop(id, &(struct sembuf){0, 1, 0}, 0));
    TRY(semctl(id, 1, GETVAL));
    TRY(semctl(id, 1, GETNCNT));
    TRY(semctl(id, 1, GETZCNT));
    TRY(semctl(id, 7, GETVAL));
    if (TRY(semctl(id, 0, GETALL, values)) == 0)
        say("%u %u %u", values[0], values[1], values[2]);
    values[0] = 0, values[1] = 5, values[2] = 0;
    TRY(semctl(id, 1, SETVAL, 3));
    TRY(semctl(id, 1, SETVAL, 70000));
    TRY(semctl(id, 0, SETALL, values));
    if (TRY(semctl(id, 0, IPC_STAT, &info)) == 0)
        say("uid %u gid %u cuid %u cgid %u mode %o count %lu", info.sem_perm.uid, info.sem_perm.gid, info.sem_perm.cuid,
            info.sem_perm.cgid, info.sem_perm.mode, info.sem_nsems);
}

CASE(semaphores_by_mode)
{
    static const int modes[] = {0600, 0640, 0620, 0604, 0602, 0606, 0666, 0000, 0444, 0222};
    for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
        int id = made_by_owner(make_semaphores, modes[i]);
        say("mode %o", modes[i]);
        for_everybody(use_semaphores, id);
        as_owner(id, remove_semaphores);
    }
}

/* Who may only read waits until another has made it zero, is woken by a signal, or by the end of all. */
static void on_alarm(int signal)
{
    (void)signal;
}

CASE(waiting_for_zero_without_the_right_to_change)
{
    int id = semget(IPC_PRIVATE, 1, IPC_CREAT | 0644);
    for (int way = 0; way < 3; way++) {
        semctl(id, 0, SETVAL, 1);
        pid_t pid = fork_or_die();
        if (pid == 0) {
            become(STRANGER, STRANGER);
            struct sigaction action = {.sa_handler = on_alarm};
            sigaction(SIGUSR1, &action, NULL);
            TRY(semop(id, &(struct sembuf){0, 0, 0}, 1));
            _exit(0);
        }
        sleep_ms(300);
        if (way == 0)
            semctl(id, 0, SETVAL, 0);
        else if (way == 1)
            kill(pid, SIGUSR1);
        else
            semctl(id, 0, IPC_RMID);
        say_wait("waiter", pid);
    }
}

static void use_queue(int id)
{
    struct message message = {1, "text"};
    struct msqid_ds info;
    TRY(msgsnd(id, &message, 4, IPC_NOWAIT));
    TRY(msgrcv(id, &message, 16, 0, IPC_NOWAIT));
    TRY(msgrcv(id, &message, 16, 0, IPC_NOWAIT | MSG_NOERROR));
    if (TRY(msgctl(id, IPC_STAT, &info)) == 0)
        say("uid %u gid %u cuid %u cgid %u mode %o messages %lu bytes %lu", info.msg_perm.uid, info.msg_perm.gid,
            info.msg_perm.cuid, info.msg_perm.cgid, info.msg_perm.mode, info.msg_qnum, info.msg_qbytes);
}

CASE(queues_by_mode)
{
    static const int modes[] = {0600, 0640, 0620, 0604, 0602, 0606, 0666, 0000, 0444, 0222};
    for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
        int id = made_by_owner(make_queue, modes[i]);
        say("mode %o", modes[i]);
        for_everybody(use_queue, id);
        as_owner(id, remove_queue);
    }
}

static void get_memory(int key)
{
    static const int flags[] = {0, 0400, 0200, 0600, 0060, 0004, 0777, IPC_CREAT, IPC_CREAT | 0600, IPC_CREAT | IPC_EXCL | 0600};
    for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
        say_ok("shmget", shmget(key, 4096, flags[i]));
    say_ok("too large", shmget(key, 9000, 0400));
    say_ok("too large, exclusively", shmget(key, 9000, IPC_CREAT | IPC_EXCL | 0400));
    for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
        say_ok("semget", semget(key, 1, flags[i]));
    say_ok("too many", semget(key, 4, 0400));
    for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
        say_ok("msgget", msgget(key, flags[i]));
}

CASE(keys)
{
    const key_t key = 0x51515151;
    int memory = shmget(key, 5000, IPC_CREAT | 0640), semaphores = semget(key, 2, IPC_CREAT | 0604), queue = msgget(key, IPC_CREAT | 0620);
    say("same %d %d %d", shmget(key, 0, 0) == memory, semget(key, 0, 0) == semaphores, msgget(key, 0) == queue);
    for_everybody(get_memory, key);
    remove_memory(memory), remove_semaphores(semaphores), remove_queue(queue);
    TRY(shmget(key, 5000, 0600));
    TRY(semget(key, 2, 0600));
    TRY(msgget(key, 0600));
}

CASE(wrong_arguments)
{
    struct shmid_ds memory;
    TRY(shmget(IPC_PRIVATE, 0, 0600));
    TRY(shmget(IPC_PRIVATE, (size_t)-1, IPC_CREAT | 0600));
    TRY(semget(IPC_PRIVATE, 0, 0600));
    TRY(semget(IPC_PRIVATE, -1, 0600));
    TRY(semget(IPC_PRIVATE, 1 << 20, 0600));
    TRY(shmctl(-1, IPC_STAT, &memory));
    TRY(shmctl(0x7fffffff, IPC_STAT, &memory));
    TRY(shmctl(0x7fffffff, IPC_RMID, NULL));
    TRY(shmctl(0x7fffffff, SHM_LOCK, NULL));
    TRY(shmctl(0, 999, &memory));
    TRY(shmctl(0, -1, &memory));
    TRY(semctl(-1, 0, GETVAL));
    TRY(semctl(0x7fffffff, 0, GETVAL));
    TRY(semctl(0x7fffffff, 0, IPC_RMID));
    TRY(semctl(0, 0, 999));
    TRY(msgctl(-1, IPC_RMID, NULL));
    TRY(msgctl(0x7fffffff, IPC_RMID, NULL));
    TRY(msgctl(0, 999, NULL));
    TRY(shmat(-1, NULL, 0) == (void *)-1 ? -1 : 0);
    TRY(shmat(0x7fffffff, NULL, 0) == (void *)-1 ? -1 : 0);
    TRY(semop(-1, &(struct sembuf){0, 1, 0}, 1));
    TRY(semop(0x7fffffff, &(struct sembuf){0, 1, 0}, 1));
    TRY(msgsnd(-1, &(struct message){1, ""}, 1, 0));
    TRY(msgrcv(0x7fffffff, &(struct message){1, ""}, 1, 0, 0));
    int id = shmget(IPC_PRIVATE, 100, IPC_CREAT | 0600);
    TRY(shmctl(id, IPC_STAT, NULL));
    TRY(shmctl(id, IPC_STAT, (struct shmid_ds *)8));
    TRY(shmctl(id, IPC_SET, (struct shmid_ds *)8));
    TRY(shmctl(id, IPC_INFO, (struct shmid_ds *)8));
    remove_memory(id);
    TRY(shmctl(id, IPC_STAT, &memory));
    TRY(shmat(id, NULL, 0) == (void *)-1 ? -1 : 0);
}

static void set_owner(int id, uid_t uid, gid_t gid, int mode)
{
    struct shmid_ds info;
    if (TRY(shmctl(id, IPC_STAT, &info)) < 0)
        memset(&info, 0, sizeof(info));
    info.shm_perm.uid = uid, info.shm_perm.gid = gid, info.shm_perm.mode = (unsigned short)mode;
    TRY(shmctl(id, IPC_SET, &info));
    if (shmctl(id, IPC_STAT, &info) == 0)
        say("uid %u gid %u cuid %u cgid %u mode %o", info.shm_perm.uid, info.shm_perm.gid, info.shm_perm.cuid,
            info.shm_perm.cgid, info.shm_perm.mode);
}

/* Given away: the new owner and the maker both may do as owners. */
CASE(giving_away)
{
    int id = made_by_owner(make_memory, 0600);
    IN_CHILD("a stranger")
    {
        become(STRANGER, STRANGER);
        set_owner(id, STRANGER, STRANGER, 0666);
    }
    IN_CHILD("the owner")
    {
        become(OWNER, OWNER);
        set_owner(id, STRANGER, GUILD, 07640);
        TRY(attach(id, 0));
    }
    IN_CHILD("whom it was given to")
    {
        become(STRANGER, STRANGER);
        TRY(attach(id, 0));
        set_owner(id, 4000000000u, 1, 0600);
        set_owner(id, (uid_t)-1, 1, 0600);
        set_owner(id, STRANGER, GUILD, 0640);
    }
    IN_CHILD("a member of its group")
    {
        become_in(MATE, MATE, GUILD);
        TRY(attach(id, SHM_RDONLY));
        TRY(attach(id, 0));
        TRY(shmctl(id, IPC_RMID, NULL));
    }
    IN_CHILD("a member of its maker's group")
    {
        become_in(MATE, MATE, TEAM);
        TRY(attach(id, SHM_RDONLY));
    }
    IN_CHILD("whom it was given to")
    {
        become(STRANGER, STRANGER);
        TRY(shmctl(id, IPC_RMID, NULL));
    }
}

CASE(giving_away_semaphores_and_queues)
{
    struct semid_ds semaphores;
    struct msqid_ds queue;
    int sem = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600), msg = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    TRY(semctl(sem, 0, IPC_STAT, &semaphores));
    semaphores.sem_perm.uid = STRANGER;
    TRY(semctl(sem, 0, IPC_SET, &semaphores));
    TRY(msgctl(msg, IPC_STAT, &queue));
    queue.msg_perm.uid = STRANGER, queue.msg_qbytes = 100;
    TRY(msgctl(msg, IPC_SET, &queue));
    TRY(msgsnd(msg, &(struct message){1, ""}, 16, 0));
    TRY(msgsnd(msg, &(struct message){1, ""}, 16, 0));
    IN_CHILD("whom they were given to")
    {
        become(STRANGER, STRANGER);
        TRY(semop(sem, &(struct sembuf){0, 1, 0}, 1));
        TRY(msgctl(msg, IPC_STAT, &queue));
        say("bytes %lu messages %lu", queue.msg_qbytes, queue.msg_qnum);
        queue.msg_qbytes = 1 << 20;
        TRY(msgctl(msg, IPC_SET, &queue));
        queue.msg_qbytes = 16000;
        TRY(msgctl(msg, IPC_SET, &queue));
        TRY(semctl(sem, 0, IPC_RMID));
        TRY(msgctl(msg, IPC_RMID, NULL));
    }
}

CASE(removed_while_attached)
{
    struct shmid_ds info;
    int id = shmget(0x61616161, 4096, IPC_CREAT | 0600);
    char *map = shmat(id, NULL, 0);
    TRY(shmctl(id, IPC_RMID, NULL));
    strcpy(map, "still there");
    TRY(shmctl(id, IPC_STAT, &info));
    say("mode %o key %#x attached %lu", info.shm_perm.mode, info.shm_perm.__key, info.shm_nattch);
    TRY(shmget(0x61616161, 4096, 0600));
    IN_CHILD("a stranger")
    {
        become(STRANGER, STRANGER);
        TRY(attach(id, SHM_RDONLY));
    }
    char *again = shmat(id, NULL, SHM_RDONLY);
    say("[%s]", again == (void *)-1 ? error_name(errno) : again);
    TRY(shmdt(again));
    TRY(shmdt(map));
    TRY(shmctl(id, IPC_STAT, &info));
}

static int holds(int id, const int *ids, int count)
{
    for (int i = 0; i < count; i++)
        if (ids[i] == id)
            return 1;
    return 0;
}

/* ipcs(1) goes through all places. */
static void list_all(int memory)
{
    struct shm_info use;
    struct shminfo limits;
    struct shmid_ds info;
    int ids[64], any = 0, judged = 0;
    int highest = shmctl(0, SHM_INFO, (struct shmid_ds *)&use);
    say("places %d used %d", highest >= 0, use.used_ids);
    TRY(shmctl(0, IPC_INFO, (struct shmid_ds *)&limits) >= 0 ? 0 : -1);
    say("limits %lu %lu", limits.shmmin, limits.shmmni);
    for (int place = 0; place <= highest && any < 64; place++) {
        int id = shmctl(place, SHM_STAT_ANY, &info);
        if (id < 0)
            continue;
        ids[any++] = id;
        say("mode %o uid %u: %s", info.shm_perm.mode, info.shm_perm.uid, shmctl(place, SHM_STAT, &info) == id ? "yes" : error_name(errno));
        judged++;
    }
    say("found %d", holds(memory, ids, any));
    TRY(shmctl(highest + 1000, SHM_STAT_ANY, &info));
}

CASE(listing)
{
    int private = made_by_owner(make_memory, 0600), open = made_by_owner(make_memory, 0604);
    for_everybody(list_all, private);
    struct seminfo semaphores;
    struct msginfo queues;
    int sem = semget(IPC_PRIVATE, 7, IPC_CREAT | 0600), msg = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    msgsnd(msg, &(struct message){1, ""}, 9, 0);
    TRY(semctl(0, 0, IPC_INFO, &semaphores) >= 0 ? 0 : -1);
    say("%d %d %d %d", semaphores.semmni, semaphores.semmns, semaphores.semmsl, semaphores.semopm);
    TRY(semctl(0, 0, SEM_INFO, &semaphores) >= 0 ? 0 : -1);
    say("sets %d semaphores %d", semaphores.semusz, semaphores.semaem);
    TRY(msgctl(0, IPC_INFO, (struct msqid_ds *)&queues) >= 0 ? 0 : -1);
    say("%d %d %d", queues.msgmni, queues.msgmax, queues.msgmnb);
    TRY(msgctl(0, MSG_INFO, (struct msqid_ds *)&queues) >= 0 ? 0 : -1);
    say("queues %d messages %d bytes %d", queues.msgpool, queues.msgmap, queues.msgtql);
    as_owner(private, remove_memory), as_owner(open, remove_memory);
    remove_semaphores(sem), remove_queue(msg);
}

/* Whose process did it: the guest's own numbers. */
CASE(processes)
{
    struct shmid_ds memory;
    struct msqid_ds queue;
    int shm = shmget(IPC_PRIVATE, 100, IPC_CREAT | 0666), sem = semget(IPC_PRIVATE, 1, IPC_CREAT | 0666),
        msg = msgget(IPC_PRIVATE, IPC_CREAT | 0666);
    void *map = shmat(shm, NULL, 0);
    TRY(shmctl(shm, IPC_STAT, &memory));
    say("maker %d last %d", memory.shm_cpid == getpid(), memory.shm_lpid == getpid());
    TRY(semop(sem, &(struct sembuf){0, 1, 0}, 1));
    say("%d", semctl(sem, 0, GETPID) == getpid());
    msgsnd(msg, &(struct message){1, ""}, 1, 0);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        attach(shm, 0);
        semop(sem, &(struct sembuf){0, 1, 0}, 1);
        semctl(sem, 0, SETVAL, 4);
        struct message message;
        msgrcv(msg, &message, 16, 0, 0);
        shmctl(shm, IPC_STAT, &memory);
        say("in the child: last %d maker %d", memory.shm_lpid == getpid(), memory.shm_cpid == getppid());
        _exit(0);
    }
    say_wait("child", pid);
    sleep_ms(50);
    TRY(shmctl(shm, IPC_STAT, &memory));
    TRY(msgctl(msg, IPC_STAT, &queue));
    say("maker %d last %d semaphore %d sent %d received %d", memory.shm_cpid == getpid(), memory.shm_lpid == pid,
        semctl(sem, 0, GETPID) == pid, queue.msg_lspid == getpid(), queue.msg_lrpid == pid);
    say("times %d %d", memory.shm_atime > 0 && memory.shm_ctime > 0, queue.msg_stime > 0 && queue.msg_rtime > 0);
    shmdt(map);
    remove_memory(shm), remove_semaphores(sem), remove_queue(msg);
}

static void say_lines(const char *path, const char *keys)
{
    char line[512];
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        say("%s: %s", path, error_name(errno));
        return;
    }
    for (int i = 0; fgets(line, sizeof(line), file) != NULL; i++) {
        line[strcspn(line, "\n")] = '\0';
        if (i == 0)
            say("[%s]", line);
        long key = strtol(line, NULL, 10);
        if (i > 0 && key == strtol(keys, NULL, 0)) {
            /* what may differ between two runs: the id, pids and times */
            char words[24][24] = {{0}};
            int count = 0, at = 0, used;
            while (count < 24 && sscanf(line + at, "%23s%n", words[count], &used) == 1)
                at += used, count++;
            say("%d words, %zu characters", count, strlen(line));
            say("perms [%s] size or count [%s]", words[2], words[3]);
            for (int word = 4; word < count; word++)
                if (strlen(words[word]) < 5 || strcmp(words[word], "32768") < 0)
                    say("word %d: %s", word, strlen(words[word]) > 6 ? "long" : word >= 4 && word <= 5 ? "pid" : words[word]);
        }
    }
    fclose(file);
    struct stat st;
    TRY(stat(path, &st));
    say("mode %o uid %u size %ld", st.st_mode, st.st_uid, (long)st.st_size);
}

CASE(in_proc)
{
    const key_t key = 0x1234567;
    IN_CHILD("maker")
    {
        become_in(OWNER, TEAM, OWNER);
        shmget(key, 5000, IPC_CREAT | 0640);
        semget(key, 3, IPC_CREAT | 0604);
        int msg = msgget(key, IPC_CREAT | 0620);
        msgsnd(msg, &(struct message){1, ""}, 5, 0);
    }
    IN_CHILD("a stranger")
    {
        become(STRANGER, STRANGER);
        say_lines("/proc/sysvipc/shm", "0x1234567");
        say_lines("/proc/sysvipc/sem", "0x1234567");
        say_lines("/proc/sysvipc/msg", "0x1234567");
        OPEN("/proc/sysvipc/shm", O_WRONLY, 0);
    }
    say_stat("/proc/sysvipc");
    IN_CHILD("owner")
    {
        become(OWNER, OWNER);
        remove_memory(shmget(key, 0, 0)), remove_semaphores(semget(key, 0, 0)), remove_queue(msgget(key, 0));
    }
}

CASE(limits_in_proc)
{
    static const char *const names[] = {"kernel/shmmax", "kernel/shmall", "kernel/shmmni", "kernel/shm_rmid_forced", "kernel/sem",
        "kernel/msgmax", "kernel/msgmnb", "kernel/msgmni", "fs/mqueue/queues_max", "fs/mqueue/msg_max", "fs/mqueue/msg_default",
        "fs/mqueue/msgsize_max", "fs/mqueue/msgsize_default"};
    char path[64];
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        snprintf(path, sizeof(path), "/proc/sys/%s", names[i]);
        say_file(path);
        say_stat(path);
    }
}

/* Semaphores are undone when their user ends, whoever he is and whatever he may by then. */
CASE(undoing)
{
    int id = made_by_owner(make_semaphores, 0606);
    IN_CHILD("a stranger")
    {
        become(STRANGER, STRANGER);
        TRY(semop(id, &(struct sembuf){0, 3, SEM_UNDO}, 1));
        TRY(semctl(id, 0, GETVAL));
    }
    IN_CHILD("the owner")
    {
        become(OWNER, OWNER);
        TRY(semctl(id, 0, GETVAL));
        remove_semaphores(id);
    }
}

/* Set-id programs and threads are judged by the effective ids. */
CASE(effective_ids)
{
    int id = made_by_owner(make_memory, 0600);
    IN_CHILD("real ids do not count")
    {
        TRY(setresuid(OWNER, STRANGER, 0));
        TRY(attach(id, 0));
        TRY(setresuid(STRANGER, OWNER, 0));
        TRY(attach(id, 0));
        TRY(shmctl(id, IPC_RMID, NULL));
    }
}

CASE(locking)
{
    struct rlimit limit = {8192, 8192};
    int id = shmget(IPC_PRIVATE, 8192, IPC_CREAT | 0666), other = shmget(IPC_PRIVATE, 100, IPC_CREAT | 0666);
    struct shmid_ds info;
    TRY(setrlimit(RLIMIT_MEMLOCK, &limit));
    TRY(shmctl(id, SHM_LOCK, NULL));
    TRY(shmctl(id, SHM_LOCK, NULL));
    TRY(shmctl(other, SHM_LOCK, NULL));
    TRY(shmctl(id, IPC_STAT, &info));
    say("mode %o", info.shm_perm.mode);
    IN_CHILD("a stranger")
    {
        become(STRANGER, STRANGER);
        TRY(shmctl(id, SHM_UNLOCK, NULL));
    }
    TRY(shmctl(id, SHM_UNLOCK, NULL));
    TRY(shmctl(other, SHM_LOCK, NULL));
    TRY(shmctl(id, SHM_LOCK, NULL));
    TRY(shmctl(other, IPC_RMID, NULL));
    TRY(shmctl(id, SHM_LOCK, NULL));
    TRY(shmctl(id, IPC_RMID, NULL));
    limit.rlim_cur = 0;
    TRY(setrlimit(RLIMIT_MEMLOCK, &limit));
    id = shmget(IPC_PRIVATE, 8192, IPC_CREAT | 0666);
    TRY(shmctl(id, SHM_LOCK, NULL));
    TRY(shmctl(id, IPC_RMID, NULL));
}

CASE(huge_pages)
{
    TRY(shmget(IPC_PRIVATE, 1 << 21, IPC_CREAT | SHM_HUGETLB | 0600));
    TRY(mmap(NULL, 1 << 21, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0) == MAP_FAILED ? -1 : 0);
}
