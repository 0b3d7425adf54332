/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-spec/oci.h"
#include "postern/version.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define CAPABILITIES "[\"CAP_AUDIT_WRITE\", \"CAP_KILL\", \"CAP_NET_BIND_SERVICE\"]"

/* No inheritable and no ambient set: they would hand the capabilities to programs run by a user who is not root. */
static const char process_part[] =
    "    \"process\": {\n"
    "        \"terminal\": true,\n"
    "        \"user\": {\"uid\": 0, \"gid\": 0},\n"
    "        \"args\": [\"sh\"],\n"
    "        \"env\": [\n"
    "            \"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\",\n"
    "            \"TERM=xterm\"\n"
    "        ],\n"
    "        \"cwd\": \"/\",\n"
    "        \"capabilities\": {\n"
    "            \"bounding\": " CAPABILITIES ",\n"
    "            \"effective\": " CAPABILITIES ",\n"
    "            \"permitted\": " CAPABILITIES "\n"
    "        },\n"
    "        \"rlimits\": [\n"
    "            {\"type\": \"RLIMIT_NOFILE\", \"hard\": 1024, \"soft\": 1024}\n"
    "        ],\n"
    "        \"noNewPrivileges\": true\n"
    "    },\n"
    "    \"root\": {\"path\": \"rootfs\", \"readonly\": true},\n"
    "    \"hostname\": \"postern\",\n";

const struct oci_default_mount oci_default_mounts[] = {
    {"/proc", "proc", "proc", ""},
    {"/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k"},
    {"/dev/pts", "devpts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5"},
    {"/dev/shm", "tmpfs", "shm", "nosuid,noexec,nodev,mode=1777,size=65536k"},
    {"/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev"},
    {"/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro"},
    {"/sys/fs/cgroup", "cgroup", "cgroup", "nosuid,noexec,nodev,relatime,ro"},
    {0},
};

const char *const oci_default_masked[] = {
    "/proc/acpi",        "/proc/asound",      "/proc/kcore",       "/proc/keys", "/proc/latency_stats",
    "/proc/timer_list",  "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
    "/sys/devices/virtual/powercap", NULL,
};

const char *const oci_default_readonly[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL};

static const char resources_part[] =
    "        \"resources\": {\n"
    "            \"devices\": [{\"allow\": false, \"access\": \"rwm\"}]\n"
    "        },\n";

static const char namespaces_part[] =
    "        \"namespaces\": [\n"
    "            {\"type\": \"pid\"},\n"
    "            {\"type\": \"network\"},\n"
    "            {\"type\": \"ipc\"},\n"
    "            {\"type\": \"uts\"},\n"
    "            {\"type\": \"mount\"},\n"
    "            {\"type\": \"%s\"}\n"
    "        ],\n"
    "        \"maskedPaths\": ";

/* Without the group 5 of terminals, which a user's own mapping does not have. */
static const char rootless_devpts[] = "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620";

/* Errors of the single calls stay in the stream: ferror and fflush see them in the end. */
static void print_list(FILE *file, const char *const *texts)
{
    (void)fprintf(file, "[\n");
    for (; *texts != NULL; texts++)
        (void)fprintf(file, "            \"%s\"%s\n", *texts, texts[1] != NULL ? "," : "");
    (void)fprintf(file, "        ]");
}

static void print_options(FILE *file, const char *options)
{
    while (*options != '\0') {
        size_t length = strcspn(options, ",");
        bool last = options[length] == '\0';
        (void)fprintf(file, "\"%.*s\"%s", (int)length, options, last ? "" : ", ");
        options += length + !last;
    }
}

static void print_mounts(FILE *file, bool rootless)
{
    (void)fprintf(file, "    \"mounts\": [\n");
    for (const struct oci_default_mount *mount = oci_default_mounts; mount->destination != NULL; mount++) {
        (void)fprintf(file,
                      "        {\n"
                      "            \"destination\": \"%s\", \"type\": \"%s\", \"source\": \"%s\",\n"
                      "            \"options\": [",
                      mount->destination, mount->type, mount->source);
        print_options(file, rootless && strcmp(mount->type, "devpts") == 0 ? rootless_devpts : mount->options);
        (void)fprintf(file, "]\n        }%s\n", mount[1].destination != NULL ? "," : "");
    }
    (void)fprintf(file, "    ],\n");
}

static void print_mapping(FILE *file, const char *name, unsigned int host)
{
    (void)fprintf(file, "        \"%s\": [{\"containerID\": 0, \"hostID\": %u, \"size\": 1}],\n", name, host);
}

/* Without root there are no cgroups to limit, and the one id there is is root inside. */
int oci_default_spec(FILE *file, bool rootless)
{
    (void)fprintf(file, "{\n    \"ociVersion\": \"%s\",\n%s", POSTERN_OCI_VERSION, process_part);
    print_mounts(file, rootless);
    (void)fprintf(file, "    \"linux\": {\n");
    if (rootless) {
        print_mapping(file, "uidMappings", geteuid());
        print_mapping(file, "gidMappings", getegid());
    } else {
        (void)fprintf(file, "%s", resources_part);
    }
    (void)fprintf(file, namespaces_part, rootless ? "user" : "cgroup");
    print_list(file, oci_default_masked);
    (void)fprintf(file, ",\n        \"readonlyPaths\": ");
    print_list(file, oci_default_readonly);
    (void)fprintf(file, "\n    }\n}\n");
    return fflush(file) != 0 || ferror(file) ? -EIO : 0;
}
