# System V IPC with ipcmk, ipcs, ipcrm, lsipc and perl; who has a capability is let through.
# sandbox: --cap SETUID --cap SETGID --cap SETPCAP --cap CHOWN --cap DAC_OVERRIDE --cap IPC_OWNER --cap SYS_ADMIN --cap IPC_LOCK
as() { setpriv --reuid 1000 --regid 1000 --clear-groups "$@"; }
with() { as --inh-caps "-all,+$1" --ambient-caps "+$1" --bounding-set "-all,+$1" -- "${@:2}"; }
made=$(ipcmk -M 4096 -p 0600 -Q -S 3)
shm=$(sed -n 's/Shared memory id: //p' <<<"$made"); msg=$(sed -n 's/Message queue id: //p' <<<"$made"); sem=$(sed -n 's/Semaphore id: //p' <<<"$made")
ipcs -m | grep -Eq "^0x[0-9a-f]{8} $shm +root +600 +4096 +0"
ipcs -s | grep -Eq " $sem +root +[0-9]+ +3"
ipcs -q | grep -Eq " $msg +root +[0-9]+ +0 +0"
ipcs -m -i "$shm" | grep -q 'mode=0600'; ipcs -m -c | grep -Eq "^$shm +600 +root +root +root +root"
ipcs -lm | grep -q 'max number of segments = 4096'; ipcs -u | grep -q 'segments allocated 1'
[ "$(wc -l </proc/sysvipc/shm)" = 2 ]; [ "$(wc -l </proc/sysvipc/sem)" = 2 ]; [ "$(wc -l </proc/sysvipc/msg)" = 2 ]
lsipc -m | grep -q root; lsipc -s | grep -q root; lsipc -q | grep -q root

perl -e 'shmwrite($ARGV[0], "kept from others", 0, 16) or die' "$shm"
reads=(perl -e 'shmread($ARGV[0], $b, 0, 16) or exit 3; exit($b eq "kept from others" ? 0 : 4)' "$shm")
"${reads[@]}"
refused as -- "${reads[@]}"; refused as -- ipcrm -m "$shm"; refused as -- ipcrm -q "$msg"; refused as -- ipcrm -s "$sem"
as -- ipcs -m | grep -q "$shm"; refused as -- ipcs -m -i "$shm" >/dev/null 2>&1 || true
with ipc_owner "${reads[@]}"; refused with ipc_owner ipcrm -m "$shm"
refused with sys_admin "${reads[@]}"; with sys_admin ipcrm -q "$msg"; [ "$(wc -l </proc/sysvipc/msg)" = 1 ]
lock=(perl -e 'defined shmctl($ARGV[0], 11, 0) or exit 3' "$shm")
refused as -- "${lock[@]}"; refused with ipc_owner "${lock[@]}"; with ipc_lock "${lock[@]}"
ipcs -m | grep -q 'locked'

mine=$(as -- ipcmk -M 100 -p 0640 | sed 's/.*: //'); ipcs -m -i "$mine" | grep -q 'uid=1000'
as -- ipcrm -m "$mine"; ipcrm -m "$shm" -s "$sem"; ipcmk -Q >/dev/null; ipcrm --all
[ "$(wc -l </proc/sysvipc/shm)" = 1 ]; [ "$(wc -l </proc/sysvipc/sem)" = 1 ]; [ "$(wc -l </proc/sysvipc/msg)" = 1 ]
