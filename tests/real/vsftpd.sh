# sandbox: --tree daemons
# vsftpd: a session is three processes, two of them in an empty root, that ask each other for what they may not do.
useradd -m -s /bin/bash alice
echo alice:secret | chpasswd
mkdir -p /run/vsftpd/empty
cat >/etc/vsftpd.conf <<'V'
listen=YES
listen_ipv6=NO
anonymous_enable=NO
local_enable=YES
write_enable=YES
chroot_local_user=YES
allow_writeable_chroot=YES
secure_chroot_dir=/run/vsftpd/empty
delay_failed_login=0
pam_service_name=vsftpd
V
vsftpd /etc/vsftpd.conf &
seq 100000 >/tmp/numbers
at=ftp://alice:secret@127.0.0.1
for _ in $(seq 50); do curl -s "$at/" >/dev/null && break; sleep 0.1; done
curl -sS -T /tmp/numbers "$at/up"
[ "$(stat -c '%U %s' /home/alice/up)" = "alice $(stat -c %s /tmp/numbers)" ]
curl -sS "$at/up" | cmp - /tmp/numbers
curl -sS -P - "$at/up" | cmp - /tmp/numbers # the server connects, from port 20
curl -sS "$at/" | grep -q ' up$'
curl -sS -Q 'MKD folder' -Q 'RNFR up' -Q 'RNTO folder/moved' "$at/" >/dev/null
[ -f /home/alice/folder/moved ]
refused curl -s "$at//etc/passwd" # outside the user's root
refused curl -s ftp://alice:wrong@127.0.0.1/
kill %1
