# What an administrator types: ps, top, df, free, uptime, mount, lsof, and the like.
ps aux | grep -q '[/]bin/bash -eu /test.sh'
ps -ef | awk '$2 == 1 {found = 1} END {exit !found}'
[ "$(ps -o user= -p 1)" = root ]
sleep 30 &
ps -o pid=,ppid=,comm= -p $! | awk -v p=$! -v q=$$ '{exit !($1 == p && $2 == q && $3 == "sleep")}'
pgrep -x sleep | grep -qx $!
pstree=$(ps -e --forest -o comm=) && grep -q sleep <<<"$pstree"
top -b -n1 >/tmp/top
grep -q '^Tasks:' /tmp/top && grep -q 'MiB Mem' /tmp/top && grep -q sleep /tmp/top
df >/tmp/df && grep -qE ' /$' /tmp/df && grep -q /dev/shm /tmp/df
df -h / && df -i / >/dev/null
free | awk '/^Mem:/ {exit !($2 > 0 && $3 > 0 && $2 > $3)}'
free -h >/dev/null
uptime | grep -q 'load average'
mount | grep -q ' on / type '
mount | grep -q 'proc on /proc type proc'
findmnt -n -o TARGET / | grep -qx /
findmnt -n /proc | grep -q proc
tail -f /etc/passwd >/dev/null &
tail=$!
for i in $(seq 50); do lsof -p $tail 2>/dev/null | grep -q /etc/passwd && break; sleep 0.1; done
lsof -p $tail 2>/dev/null | grep -q /etc/passwd
lsof /etc/passwd 2>/dev/null | grep -q tail
vmstat 1 1 | tail -n 1 | grep -q '[0-9]'
pwdx $$ | grep -q /
pmap $$ | grep -qi total
uname -a | grep -q Linux && [ "$(uname -n)" = cell ] && [ "$(hostname)" = cell ]
nproc | grep -qE '^[1-9]'
lscpu | grep -q x86_64
[ -d /sys/bus/pci/devices ] # lspci, snmpd: libpci ends its program without it
id | grep -q 'uid=0(root)'
getconf PAGESIZE | grep -qx 4096
cat /proc/1/cmdline | tr '\0' ' ' | grep -q bash
w >/dev/null; date >/dev/null; tty || true; ulimit -a >/dev/null
stat -f / >/dev/null; cat /proc/self/mountinfo | grep -q ' / / '
[ "$(lsns -n -o TYPE -p $$ | sort | xargs)" = "cgroup ipc mnt net pid time user uts" ]
[ "$(lsns -n -o NS -t net)" = "$(readlink /proc/self/ns/net | tr -dc 0-9)" ]
lslocks >/dev/null; ipcs >/dev/null; prlimit >/dev/null
kill %1 %2
