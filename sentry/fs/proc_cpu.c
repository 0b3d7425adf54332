/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/cpuinfo, from CPUID: any program in the cell can execute that instruction, so the file tells it nothing new.
 * The CPUs are those the sandbox may run on, by the numbers sched_getaffinity(2) gives.
 */
#include "sentry/fs/proc_cpu.h"

#include <cpuid.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "postern/confine.h"
#include "sentry/fs/procfs.h"

CONFINE_ALLOW(sched_getaffinity, "the processors there are");

size_t cpu_list(unsigned int *numbers, size_t max)
{
    cpu_set_t set;
    size_t count = 0;
    if (sched_getaffinity(0, sizeof(set), &set) == 0) {
        for (unsigned int i = 0; i < CPU_SETSIZE && count < max; i++) {
            if (CPU_ISSET(i, &set))
                numbers[count++] = i;
        }
    }
    if (count == 0)
        numbers[count++] = 0;
    return count;
}

unsigned int proc_cpu_count(void)
{
    unsigned int numbers[CPUS_MAX];
    return (unsigned int)cpu_list(numbers, CPUS_MAX);
}

void cpu_ranges(const unsigned int *numbers, size_t count, struct text *text)
{
    for (size_t i = 0, next; i < count; i = next) {
        next = i + 1;
        while (next < count && numbers[next] == numbers[next - 1] + 1)
            next++;
        text_printf(text, i == 0 ? "%u" : ",%u", numbers[i]);
        if (next > i + 1)
            text_printf(text, "-%u", numbers[next - 1]);
    }
}

/* --- CPUID --- */

enum cpuid_register { EAX, EBX, ECX, EDX };

static uint32_t cpuid_word(uint32_t leaf, uint32_t subleaf, enum cpuid_register which)
{
    uint32_t words[4] = {0};
    if (!__get_cpuid_count(leaf, subleaf, &words[EAX], &words[EBX], &words[ECX], &words[EDX]))
        return 0;
    return words[which];
}

/* Feature words in the order of /proc/cpuinfo; names by bit, as Linux calls them. */
struct feature_word {
    uint32_t leaf, subleaf;
    enum cpuid_register which;
    const char *names[32];
};

static const struct feature_word feature_words[] = {
    {1, 0, EDX, {"fpu",  "vme",  "de",   "pse", "tsc",  "msr", "pae",   "mce", "cx8",     "apic", NULL,
                 "sep",  "mtrr", "pge",  "mca", "cmov", "pat", "pse36", "pn",  "clflush", NULL,   "dts",
                 "acpi", "mmx",  "fxsr", "sse", "sse2", "ss",  "ht",    "tm",  "ia64",    "pbe"}},
    {0x80000001,
     0,
     EDX,
     {[11] = "syscall",
      [19] = "mp",
      [20] = "nx",
      [22] = "mmxext",
      [25] = "fxsr_opt",
      [26] = "pdpe1gb",
      [27] = "rdtscp",
      [29] = "lm",
      [30] = "3dnowext",
      [31] = "3dnow"}},
    {0x80000007, 0, EDX, {[8] = "constant_tsc"}},
    {1, 0, ECX, {"pni",    "pclmulqdq", "dtes64", "monitor", "ds_cpl",
                 "vmx",    "smx",       "est",    "tm2",     "ssse3",
                 "cid",    "sdbg",      "fma",    "cx16",    "xtpr",
                 "pdcm",   NULL,        "pcid",   "dca",     "sse4_1",
                 "sse4_2", "x2apic",    "movbe",  "popcnt",  "tsc_deadline_timer",
                 "aes",    "xsave",     NULL,     "avx",     "f16c",
                 "rdrand", "hypervisor"}},
    {0x80000001,
     0,
     ECX,
     {"lahf_lm",       "cmp_legacy", "svm",   "extapic",    "cr8_legacy",  "abm",   "sse4a",   "misalignsse",
      "3dnowprefetch", "osvw",       "ibs",   "xop",        "skinit",      "wdt",   NULL,      "lwp",
      "fma4",          "tce",        NULL,    "nodeid_msr", NULL,          "tbm",   "topoext", "perfctr_core",
      "perfctr_nb",    NULL,         "bpext", "ptsc",       "perfctr_llc", "mwaitx"}},
    {7, 0, EBX, {"fsgsbase",   "tsc_adjust", "sgx",        "bmi1",     "hle",      "avx2",     "fdp_excptn_only",
                 "smep",       "bmi2",       "erms",       "invpcid",  "rtm",      "cqm",      NULL,
                 "mpx",        "rdt_a",      "avx512f",    "avx512dq", "rdseed",   "adx",      "smap",
                 "avx512ifma", NULL,         "clflushopt", "clwb",     "intel_pt", "avx512pf", "avx512er",
                 "avx512cd",   "sha_ni",     "avx512bw",   "avx512vl"}},
    {0xd, 1, EAX, {"xsaveopt", "xsavec", "xgetbv1", "xsaves"}},
    {7,
     1,
     EAX,
     {[4] = "avx_vnni", [5] = "avx512_bf16", [10] = "fzrm", [11] = "fsrs", [12] = "fsrc", [23] = "avx_ifma"}},
    {0x80000008, 0, EBX, {[0] = "clzero", [1] = "irperf", [2] = "xsaveerptr", [4] = "rdpru", [9] = "wbnoinvd"}},
    {6, 0, EAX, {[2] = "arat"}},
    {7,
     0,
     ECX,
     {[1] = "avx512vbmi",
      [2] = "umip",
      [3] = "pku",
      [4] = "ospke",
      [5] = "waitpkg",
      [6] = "avx512_vbmi2",
      [8] = "gfni",
      [9] = "vaes",
      [10] = "vpclmulqdq",
      [11] = "avx512_vnni",
      [12] = "avx512_bitalg",
      [14] = "avx512_vpopcntdq",
      [16] = "la57",
      [22] = "rdpid",
      [25] = "cldemote",
      [27] = "movdiri",
      [28] = "movdir64b"}},
    {7,
     0,
     EDX,
     {[2] = "avx512_4vnniw",
      [3] = "avx512_4fmaps",
      [4] = "fsrm",
      [8] = "avx512_vp2intersect",
      [10] = "md_clear",
      [14] = "serialize",
      [16] = "tsxldtrk",
      [22] = "amx_bf16",
      [23] = "avx512_fp16",
      [24] = "amx_tile",
      [25] = "amx_int8",
      [28] = "flush_l1d",
      [29] = "arch_capabilities"}},
};

static void append_flags(struct text *text)
{
    text_string(text, "flags\t\t:");
    for (size_t i = 0; i < sizeof(feature_words) / sizeof(*feature_words); i++) {
        const struct feature_word *word = &feature_words[i];
        uint32_t bits = cpuid_word(word->leaf, word->subleaf, word->which);
        for (unsigned int bit = 0; bit < 32; bit++) {
            if ((bits >> bit & 1) != 0 && word->names[bit] != NULL)
                text_printf(text, " %s", word->names[bit]);
        }
    }
    text_string(text, " nopl cpuid\n");
}

static void read_vendor(char vendor[13])
{
    const uint32_t words[3] = {cpuid_word(0, 0, EBX), cpuid_word(0, 0, EDX), cpuid_word(0, 0, ECX)};
    memcpy(vendor, words, 12);
    vendor[12] = '\0';
}

static void read_brand(char brand[49])
{
    uint32_t words[12];
    for (uint32_t i = 0; i < 12; i++)
        words[i] = cpuid_word(0x80000002 + i / 4, 0, i % 4);
    memcpy(brand, words, 48);
    brand[48] = '\0';
    size_t blanks = strspn(brand, " ");
    memmove(brand, brand + blanks, 49 - blanks);
    if (brand[0] == '\0')
        memcpy(brand, "unknown", sizeof("unknown"));
}

/* The nominal frequency: CPUID's, or what the brand string advertises. */
static double nominal_mhz(const char *brand)
{
    uint32_t base = cpuid_word(0x16, 0, EAX) & 0xffff;
    if (base != 0)
        return base;
    const char *at = strchr(brand, '@');
    double ghz = at != NULL ? strtod(at + 1, NULL) : 0;
    return ghz > 0.1 && ghz < 10 ? ghz * 1000 : 2000;
}

/* The largest cache leaf 4 describes, or the second level AMD describes. */
static unsigned int cache_kilobytes(void)
{
    unsigned int largest = 0;
    for (uint32_t i = 0; i < 8; i++) {
        uint32_t eax = cpuid_word(4, i, EAX), ebx = cpuid_word(4, i, EBX), sets = cpuid_word(4, i, ECX) + 1;
        if ((eax & 31) == 0)
            break;
        uint32_t ways = (ebx >> 22) + 1, partitions = (ebx >> 12 & 0x3ff) + 1, line = (ebx & 0xfff) + 1;
        unsigned int kilobytes = (unsigned int)((uint64_t)ways * partitions * line * sets / 1024);
        largest = kilobytes > largest ? kilobytes : largest;
    }
    return largest != 0 ? largest : cpuid_word(0x80000006, 0, ECX) >> 16;
}

struct cpu_description {
    struct text flags;
    char vendor[13], brand[49];
    unsigned int family, model, stepping, cache, physical_bits, virtual_bits, clflush, level;
    double mhz;
};

static void describe(struct cpu_description *cpu)
{
    read_vendor(cpu->vendor);
    read_brand(cpu->brand);
    uint32_t signature = cpuid_word(1, 0, EAX), sizes = cpuid_word(0x80000008, 0, EAX);
    cpu->family = signature >> 8 & 15;
    cpu->model = signature >> 4 & 15;
    if (cpu->family == 15 || cpu->family == 6)
        cpu->model |= (signature >> 16 & 15) << 4;
    if (cpu->family == 15)
        cpu->family += signature >> 20 & 255;
    cpu->stepping = signature & 15;
    cpu->cache = cache_kilobytes();
    cpu->physical_bits = sizes & 255;
    cpu->virtual_bits = sizes >> 8 & 255;
    cpu->clflush = (cpuid_word(1, 0, EBX) >> 8 & 255) * 8;
    cpu->mhz = nominal_mhz(cpu->brand);
    cpu->level = cpuid_word(0, 0, EAX);
    append_flags(&cpu->flags);
}

/* Once: in a virtual machine each CPUID is a trip to the hypervisor. */
static struct cpu_description this_cpu;

static void describe_this_cpu(void)
{
    describe(&this_cpu);
}

static void append_cpu(const struct cpu_description *cpu, unsigned int number, unsigned int index, unsigned int count,
                       struct text *text)
{
    text_printf(text,
                "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\nmodel name\t: %s\nstepping\t: %u\n"
                "microcode\t: 0x1\ncpu MHz\t\t: %.3f\ncache size\t: %u KB\n",
                number, cpu->vendor, cpu->family, cpu->model, cpu->brand, cpu->stepping, cpu->mhz, cpu->cache);
    text_printf(text,
                "physical id\t: 0\nsiblings\t: %u\ncore id\t\t: %u\ncpu cores\t: %u\napicid\t\t: %u\n"
                "initial apicid\t: %u\nfpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: %u\nwp\t\t: yes\n",
                count, index, count, index, index, cpu->level);
    text_append(text, cpu->flags.data, cpu->flags.length);
    text_printf(text,
                "bugs\t\t:\nbogomips\t: %.2f\nclflush size\t: %u\ncache_alignment\t: %u\n"
                "address sizes\t: %u bits physical, %u bits virtual\npower management:\n\n",
                cpu->mhz * 2, cpu->clflush, cpu->clflush, cpu->physical_bits, cpu->virtual_bits);
}

int proc_cpuinfo_text(const struct synth_source *source, struct text *text)
{
    (void)source;
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, describe_this_cpu);
    if (this_cpu.flags.error < 0)
        return this_cpu.flags.error;
    unsigned int numbers[CPUS_MAX];
    size_t count = cpu_list(numbers, CPUS_MAX);
    for (size_t i = 0; i < count; i++)
        append_cpu(&this_cpu, numbers[i], (unsigned int)i, (unsigned int)count, text);
    return 0;
}
