/* SPDX-License-Identifier: Apache-2.0 */
#include "postern/thread.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

#include "postern/confine.h"

/* Only threads: these are the flags of pthread_create(3), all of them. */
#define THREAD_FLAGS                                                                                                   \
    (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS |                 \
     CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)
CONFINE_ALLOW_IF(clone, 0, UINT32_MAX, THREAD_FLAGS, "one more thread");
CONFINE_ABSENT(clone3, "its flags are in memory; the C library falls back to clone");
CONFINE_ALLOW(set_robust_list, "a thread begins");
CONFINE_ALLOW(rseq, "a thread begins");
CONFINE_ALLOW(rt_sigprocmask, "a thread begins or ends");
CONFINE_ALLOW(futex, "threads wait for each other");
CONFINE_ALLOW_IF(mmap, 2, PROT_EXEC, 0, "a thread's stack");
CONFINE_ALLOW_IF(mprotect, 2, PROT_EXEC, 0, "a thread's stack");
CONFINE_ALLOW(munmap, "a thread's stack");
CONFINE_ALLOW(madvise, "a thread's stack");
CONFINE_ALLOW(exit, "a thread ends");

static void *nothing(void *data)
{
    return data;
}

/* A first thread has the C library install its signal handlers. */
int threads_prepare(void)
{
    (void)mallopt(M_ARENA_MAX, 1);
    pthread_t thread;
    int error = pthread_create(&thread, NULL, nothing, NULL);
    if (error == 0)
        error = pthread_join(thread, NULL);
    return -error;
}

int thread_start(void *(*run)(void *data), void *data, size_t stack_size)
{
    pthread_attr_t attributes;
    int error = pthread_attr_init(&attributes);
    if (error != 0)
        return -error;
    (void)pthread_attr_setstacksize(&attributes, stack_size);
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_t thread;
    error = pthread_create(&thread, &attributes, run, data);
    (void)pthread_attr_destroy(&attributes);
    return -error;
}
