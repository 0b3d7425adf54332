/* SPDX-License-Identifier: Apache-2.0 */
/* Memory: mapping, protection, the break, memory files and their seals. */
#include "case.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>

#define MAP(...) (mmap(__VA_ARGS__) == MAP_FAILED ? -1L : 0L)

CASE(anonymous)
{
    char *map = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    say("mapped %d nought %d", map != MAP_FAILED, map[5000] == 0);
    memset(map, 7, 1 << 20);
    TRY(munmap(map + 4096, 4096));
    say("neighbours %d %d", map[0], map[8192]);
    unsigned char resident[256];
    TRY(mincore(map, 4096, resident));
    TRY(mincore(map + 4096, 4096, resident));
    TRY(munmap(map, 1 << 20));
    TRY(munmap(map + 1, 4096));
    TRY(munmap(map, 0));
    TRY(MAP(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    TRY(MAP(NULL, 4096, PROT_READ, MAP_ANONYMOUS, -1, 0));
    TRY(MAP(NULL, 4096, PROT_READ, MAP_PRIVATE, -1, 0));
    TRY(MAP(NULL, 4096, PROT_READ, MAP_PRIVATE, 999, 0));
    TRY(MAP(NULL, 1UL << 60, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

CASE(shared_with_children)
{
    int *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int *own = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    IN_CHILD("writes")
    {
        *map = 5;
        *own = 5;
    }
    say("shared %d private %d", *map, *own);
}

CASE(fixed_places)
{
    char *place = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    say("fixed %d", mmap(place + 8192, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
        place + 8192);
    place[8192] = 1;
    TRY(MAP(place, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
    TRY(MAP(place + 1, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    TRY(MAP((void *)0xffffffffff600000UL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    IN_CHILD("the first page")
    {
        become(1000, 1000);
        TRY(MAP(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    }
}

CASE(protection)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    char *map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TRY(mprotect(map, 4096, PROT_READ));
    IN_CHILD("write to read only")
    {
        map[0] = 1;
    }
    IN_CHILD("write behind it")
    {
        map[4096] = 1;
    }
    TRY(mprotect(map, 4096, PROT_NONE));
    IN_CHILD("read of none")
    {
        _exit(*(volatile char *)map);
    }
    TRY(mprotect(map + 1, 4096, PROT_READ));
    TRY(mprotect(map, 1 << 20, PROT_READ));
    IN_CHILD("execute data")
    {
        map[4096] = (char)0xc3;
        ((void (*)(void))(void *)(map + 4096))();
    }
    TRY(mprotect(map + 4096, 4096, PROT_READ | PROT_WRITE | PROT_EXEC));
    map[4096] = (char)0xc3;
    ((void (*)(void))(void *)(map + 4096))();
    say("executed");
}

CASE(moving)
{
    char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    strcpy(map, "moved");
    char *moved = mremap(map, 4096, 1 << 20, MREMAP_MAYMOVE);
    say("%s %d", moved, moved[100000]);
    TRY(mremap(moved, 1 << 20, 4096, 0) == MAP_FAILED ? -1 : 0);
    TRY(mremap((void *)1, 4096, 8192, 0) == MAP_FAILED ? -1 : 0);
    TRY(madvise(moved, 4096, MADV_DONTNEED));
    say("[%s]", moved);
    TRY(madvise(moved, 4096, 9999));
    TRY(msync(moved, 4096, MS_ASYNC));
    TRY(mlock(moved, 4096));
    TRY(munlock(moved, 4096));
}

CASE(the_break)
{
    char *start = sbrk(0);
    TRY(sbrk(1 << 20) == (void *)-1 ? -1 : 0);
    start[1000] = 7;
    say("grown %ld", (long)((char *)sbrk(0) - start));
    TRY(brk(start));
    say("back %d", sbrk(0) == start);
    struct rlimit limit = {1 << 16, 1 << 16};
    setrlimit(RLIMIT_DATA, &limit);
    TRY(sbrk(1 << 24) == (void *)-1 ? -1 : 0);
}

__attribute__((noinline)) static int use_stack(long left)
{
    volatile char page[4096];
    page[0] = 1;
    return left > 0 ? use_stack(left - (long)sizeof(page)) + page[0] : 0;
}

/* The stack pointer is below a buffer no page of which has been touched. */
__attribute__((noinline)) static long call_deep_in_the_stack(long number, long first, long second, char *below)
{
    long result;
    __asm__ volatile("mov %%rsp, %%r12\n\tmov %[below], %%rsp\n\tsyscall\n\tmov %%r12, %%rsp"
                     : "=a"(result)
                     : [below] "r"(below), "a"(number), "D"(first), "S"(second)
                     : "rcx", "r11", "r12", "memory");
    return result;
}

CASE(results_in_untouched_stack)
{
    char *top = __builtin_frame_address(0);
    for (long size = 300 << 10; size < 7 << 20; size += 1100 << 10) {
        char *low = top - size;
        say("getcwd %ld KiB below: %d", size >> 10, call_deep_in_the_stack(SYS_getcwd, (long)low, 4096, low - 4096) > 0);
        say("and read: %c", low[0]);
        low -= 200000;
        say("stat: %ld", call_deep_in_the_stack(SYS_stat, (long)"/etc", (long)low, low - 4096));
        low -= 200000;
        say("open: %s", error_name((int)-call_deep_in_the_stack(SYS_open, (long)low, O_RDONLY, low - 4096)));
    }
    struct rlimit limit = {64 << 10, 64 << 10};
    setrlimit(RLIMIT_STACK, &limit);
    char *hole = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(hole, 4096);
    TRY(syscall(SYS_getcwd, hole, 4096));
    mprotect(hole + 4096, 4096, PROT_NONE);
    TRY(syscall(SYS_getcwd, hole + 4096, 4096));
    mprotect(hole + 4096, 4096, PROT_READ);
    TRY(syscall(SYS_getcwd, hole + 4096, 4096));
}

CASE(stack)
{
    volatile char deep[1 << 20];
    deep[0] = 1, deep[sizeof(deep) - 1] = 2;
    say("%d", deep[0] + deep[sizeof(deep) - 1]);
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    IN_CHILD("too deep")
    {
        struct rlimit small = {1 << 19, 1 << 19};
        setrlimit(RLIMIT_STACK, &small);
        use_stack(1 << 21);
    }
}

CASE(limits)
{
    struct rlimit limit = {64 << 20, 64 << 20};
    setrlimit(RLIMIT_AS, &limit);
    TRY(MAP(NULL, 128 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    TRY(MAP(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

CASE(memory_files)
{
    int fd = OK(memfd_create("name", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    struct stat st;
    TRY(ftruncate(fd, 8192));
    TRY(fstat(fd, &st));
    say("size %ld mode %o links %ld", (long)st.st_size, st.st_mode & 0777, (long)st.st_nlink);
    char *map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    strcpy(map, "content");
    char text[16] = "";
    TRY(pread(fd, text, 8, 0));
    say("[%s]", text);
    TRY(fcntl(fd, F_GET_SEALS));
    TRY(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW));
    TRY(ftruncate(fd, 4096));
    TRY(ftruncate(fd, 16384));
    TRY(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    munmap(map, 8192);
    TRY(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    TRY(write(fd, "x", 1));
    TRY(MAP(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    TRY(MAP(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
    TRY(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
    TRY(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
    TRY(fcntl(fd, F_GET_SEALS));
    int plain = memfd_create("plain", 0);
    TRY(fcntl(plain, F_ADD_SEALS, F_SEAL_GROW));
    TRY(memfd_create("x", 0x8000));
    TRY(memfd_create("x", 0xffffffff)); /* a browser asks so */
    TRY(memfd_create("x", 4 /* MFD_HUGETLB */ | 8 | 0x10));
    TRY(memfd_create("x", 4 | 0x8000));
    char name[300];
    memset(name, 'n', 260);
    name[260] = '\0';
    TRY(memfd_create(name, 0));
    TRY(fchmod(plain, 0600));
    fstat(plain, &st);
    say("mode %o", st.st_mode & 0777);
}

CASE(memory_of_others)
{
    static char word[16] = "parent's";
    char got[16] = "";
    struct iovec local = {got, 8}, remote = {word, 8};
    TRY(process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
    say("[%s]", got);
    remote.iov_base = (void *)8;
    TRY(process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
    TRY(process_vm_readv(99999, &local, 1, &remote, 1, 0));
}

CASE(much_memory)
{
    size_t size = 128 << 20;
    char *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    unsigned long sum = 0;
    for (size_t i = 0; i < size; i += 4096)
        map[i] = (char)(i >> 12);
    for (size_t i = 0; i < size; i += 4096)
        sum += (unsigned char)map[i];
    say("sum %lu", sum);
}
