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

#define MOUNT(destination, type, source, options)                                                                \
    "        {\n"                                                                                                \
    "            \"destination\": \"" destination "\", \"type\": \"" type "\", \"source\": \"" source "\",\n"    \
    "            \"options\": [" options "]\n"                                                                   \
    "        }"

static const char mounts_part[] =
    "    \"mounts\": [\n"
    MOUNT("/proc", "proc", "proc", "") ",\n"
    MOUNT("/dev", "tmpfs", "tmpfs", "\"nosuid\", \"strictatime\", \"mode=755\", \"size=65536k\"") ",\n"
    MOUNT("/dev/pts", "devpts", "devpts",
          "\"nosuid\", \"noexec\", \"newinstance\", \"ptmxmode=0666\", \"mode=0620\", \"gid=5\"") ",\n"
    MOUNT("/dev/shm", "tmpfs", "shm", "\"nosuid\", \"noexec\", \"nodev\", \"mode=1777\", \"size=65536k\"") ",\n"
    MOUNT("/dev/mqueue", "mqueue", "mqueue", "\"nosuid\", \"noexec\", \"nodev\"") ",\n"
    MOUNT("/sys", "sysfs", "sysfs", "\"nosuid\", \"noexec\", \"nodev\", \"ro\"") ",\n"
    MOUNT("/sys/fs/cgroup", "cgroup", "cgroup", "\"nosuid\", \"noexec\", \"nodev\", \"relatime\", \"ro\"") "\n"
    "    ],\n";

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

int oci_default_spec(FILE *file)
{
    int written = fprintf(file, "{\n    \"ociVersion\": \"%s\",\n%s%s%s}\n", POSTERN_OCI_VERSION, process_part, mounts_part,
                          linux_part);
    return written < 0 || fflush(file) != 0 ? -EIO : 0;
}
