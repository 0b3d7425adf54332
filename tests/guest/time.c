/* SPDX-License-Identifier: Apache-2.0 */
/* Time: clocks, sleeping, timers of every kind. */
#include "case.h"

#include <poll.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <sys/times.h>
#include <time.h>

static int64_t now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

CASE(clocks)
{
    static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID,
        CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_TAI};
    for (unsigned i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
        struct timespec one, two;
        int result = clock_gettime(clocks[i], &one);
        clock_gettime(clocks[i], &two);
        int direct = (int)syscall(SYS_clock_gettime, clocks[i], &one);
        say("clock %d: %d %d forward %d", clocks[i], result, direct,
            one.tv_sec > two.tv_sec || (one.tv_sec == two.tv_sec && one.tv_nsec >= two.tv_nsec));
        TRY(clock_getres(clocks[i], &one));
    }
    struct timespec time;
    TRY(clock_gettime(77, &time));
    TRY(clock_settime(CLOCK_MONOTONIC, &time));
    IN_CHILD("user")
    {
        become(1000, 1000);
        TRY(clock_settime(CLOCK_REALTIME, &time));
    }
    struct timex nothing = {0};
    TRY(adjtimex(&nothing) >= 0 ? 0 : -1);
}

CASE(agreement)
{
    struct timeval day;
    struct timespec clock;
    gettimeofday(&day, NULL);
    clock_gettime(CLOCK_REALTIME, &clock);
    say("day %d", labs(day.tv_sec - clock.tv_sec) <= 1);
    say("time %d", labs(time(NULL) - clock.tv_sec) <= 1);
    put_file("file", "", 0644);
    struct stat st;
    stat("file", &st);
    say("file %d", labs(st.st_mtime - clock.tv_sec) <= 1);
}

CASE(sleeping)
{
    int64_t begun = now_ms();
    TRY(usleep(50000));
    TRY(clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){0, 50000000}, NULL));
    int64_t took = now_ms() - begun;
    say("long enough %d, not too long %d", took >= 100, took < 2000);
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at); /* not a second less: a container's clock may have started just now */
    TRY(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL));
    TRY(nanosleep(&(struct timespec){0, 2000000000}, NULL));
    TRY(nanosleep(&(struct timespec){-1, 0}, NULL));
    TRY(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &at, NULL));
}

CASE(timer_descriptor)
{
    int fd = OK(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
    struct itimerspec timer = {{0, 10000000}, {0, 10000000}};
    uint64_t count = 0;
    TRY(read(fd, &count, sizeof(count)));
    TRY(timerfd_settime(fd, 0, &timer, NULL));
    TRY(poll(&(struct pollfd){fd, POLLIN, 0}, 1, 2000));
    sleep_ms(50);
    TRY(read(fd, &count, sizeof(count)));
    say("several %d", count >= 3 && count < 200);
    TRY(timerfd_gettime(fd, &timer));
    say("interval %ld", timer.it_interval.tv_nsec);
    TRY(read(fd, &count, 4));
    TRY(timerfd_create(99, 0));
    timer.it_value.tv_nsec = 2000000000;
    TRY(timerfd_settime(fd, 0, &timer, NULL));
}

static volatile int fired;

static void note(int number)
{
    (void)number;
    fired++;
}

CASE(posix_timers)
{
    signal(SIGUSR1, note);
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    TRY(timer_create(CLOCK_MONOTONIC, &event, &timer));
    struct itimerspec time = {{0, 0}, {0, 20000000}};
    TRY(timer_settime(timer, 0, &time, NULL));
    TRY(pause());
    say("fired %d", fired);
    TRY(timer_gettime(timer, &time));
    say("left %ld", time.it_value.tv_nsec);
    TRY(timer_getoverrun(timer));
    TRY(timer_delete(timer));
    TRY(syscall(SYS_timer_delete, 12345));
    event.sigev_notify = 77;
    TRY(timer_create(CLOCK_MONOTONIC, &event, &timer));
}

static clockid_t clock_of(int number, int bits)
{
    return (clockid_t)(((unsigned int)~number << 3) | (unsigned int)bits);
}

CASE(timers_of_processor_time)
{
    signal(SIGUSR1, note);
    const clockid_t clocks[] = {CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, clock_of(0, 2), clock_of(getpid(), 2), clock_of(0, 6),
                                clock_of((int)syscall(SYS_gettid), 6), clock_of(0, 0), clock_of(getpid(), 1)};
    for (size_t i = 0; i < sizeof(clocks) / sizeof(*clocks); i++) {
        timer_t timer;
        struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
        say("clock %zu: %s", i, timer_create(clocks[i], &event, &timer) < 0 ? error_name(errno) : "made");
        const struct itimerspec soon = {{0, 0}, {0, 10000000}};
        fired = 0;
        TRY(timer_settime(timer, 0, &soon, NULL));
        while (fired == 0) {
        }
        TRY(timer_delete(timer));
    }
    timer_t timer;
    for (int bits = 0; bits < 8; bits++)
        if ((bits & 3) == 3 || bits >= 4)
            say("of process 1, %d: %s", bits, timer_create(clock_of(1, bits), NULL, &timer) < 0 ? error_name(errno) : "made");
    say("none: %s", timer_create(12, NULL, &timer) < 0 ? error_name(errno) : "made");
    const struct timespec moment = {0, 1000};
    say("sleep: %s", error_name(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &moment, NULL)));
    say("sleep: %s", error_name(clock_nanosleep(clock_of(1, 6), 0, &moment, NULL)));
}

CASE(processor_time)
{
    volatile unsigned long sum = 0;
    clock_t begun = clock();
    while (clock() - begun < CLOCKS_PER_SEC / 20)
        for (int i = 0; i < 100000; i++)
            sum += (unsigned long)i;
    struct tms used;
    times(&used);
    say("used %d", used.tms_utime + used.tms_stime >= 2);
    signal(SIGVTALRM, note);
    struct itimerval timer = {{0, 0}, {0, 20000}};
    setitimer(ITIMER_VIRTUAL, &timer, NULL);
    while (!fired)
        sum++;
    say("virtual alarm %d", fired);
}
