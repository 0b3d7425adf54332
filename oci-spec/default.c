/* SPDX-License-Identifier: Apache-2.0 */
#include "oci-spec/oci.h"
#include "postern/version.h"

#include <errno.h>

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

static const struct {
    const char *destination, *type, *source, *options;
} mounts[] = {
    {"/proc", "proc", "proc", ""},
    {"/dev", "tmpfs", "tmpfs", "\"nosuid\", \"strictatime\", \"mode=755\", \"size=65536k\""},
    {"/dev/pts", "devpts", "devpts",
     "\"nosuid\", \"noexec\", \"newinstance\", \"ptmxmode=0666\", \"mode=0620\", \"gid=5\""},
    {"/dev/shm", "tmpfs", "shm", "\"nosuid\", \"noexec\", \"nodev\", \"mode=1777\", \"size=65536k\""},
    {"/dev/mqueue", "mqueue", "mqueue", "\"nosuid\", \"noexec\", \"nodev\""},
    {"/sys", "sysfs", "sysfs", "\"nosuid\", \"noexec\", \"nodev\", \"ro\""},
    {"/sys/fs/cgroup", "cgroup", "cgroup", "\"nosuid\", \"noexec\", \"nodev\", \"relatime\", \"ro\""},
};

enum { MOUNT_COUNT = sizeof(mounts) / sizeof(mounts[0]) };

static const char linux_part[] =
    "    \"linux\": {\n"
    "        \"resources\": {\n"
    "            \"devices\": [{\"allow\": false, \"access\": \"rwm\"}]\n"
    "        },\n"
    "        \"namespaces\": [\n"
    "            {\"type\": \"pid\"},\n"
    "            {\"type\": \"network\"},\n"
    "            {\"type\": \"ipc\"},\n"
    "            {\"type\": \"uts\"},\n"
    "            {\"type\": \"mount\"},\n"
    "            {\"type\": \"cgroup\"}\n"
    "        ],\n"
    "        \"maskedPaths\": [\n"
    "            \"/proc/acpi\", \"/proc/asound\", \"/proc/kcore\", \"/proc/keys\", \"/proc/latency_stats\",\n"
    "            \"/proc/timer_list\", \"/proc/timer_stats\", \"/proc/sched_debug\", \"/proc/scsi\",\n"
    "            \"/sys/firmware\", \"/sys/devices/virtual/powercap\"\n"
    "        ],\n"
    "        \"readonlyPaths\": [\n"
    "            \"/proc/bus\", \"/proc/fs\", \"/proc/irq\", \"/proc/sys\", \"/proc/sysrq-trigger\"\n"
    "        ]\n"
    "    }\n";

/* Errors of the single calls stay in the stream: ferror and fflush see them in the end. */
static void print_mounts(FILE *file)
{
    (void)fprintf(file, "    \"mounts\": [\n");
    for (size_t i = 0; i < MOUNT_COUNT; i++)
        (void)fprintf(file,
                      "        {\n"
                      "            \"destination\": \"%s\", \"type\": \"%s\", \"source\": \"%s\",\n"
                      "            \"options\": [%s]\n"
                      "        }%s\n",
                      mounts[i].destination, mounts[i].type, mounts[i].source, mounts[i].options,
                      i + 1 < MOUNT_COUNT ? "," : "");
    (void)fprintf(file, "    ],\n");
}

int oci_default_spec(FILE *file)
{
    (void)fprintf(file, "{\n    \"ociVersion\": \"%s\",\n%s", POSTERN_OCI_VERSION, process_part);
    print_mounts(file);
    (void)fprintf(file, "%s}\n", linux_part);
    return fflush(file) != 0 || ferror(file) ? -EIO : 0;
}
