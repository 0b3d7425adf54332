/* SPDX-License-Identifier: Apache-2.0 */
/* huge N: exit code 0 if N huge pages of 2 MiB can be had and written to. A limit of the cgroup is met at the latest
 * when a page is touched, and the signal is then an answer too. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void refused(int signal)
{
    (void)signal;
    _exit(1);
}

int main(int argc, char **argv)
{
    size_t size = (argc > 1 ? (size_t)atoi(argv[1]) : 1) << 21;
    (void)signal(SIGBUS, refused);
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
    if (pages == MAP_FAILED)
        return 1;
    memset(pages, 1, size);
    return 0;
}
