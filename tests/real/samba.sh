# by name: its tree is large
# sandbox: --tree large
# Samba: a process for each client, that becomes another user from call to call, in one thread and not in another; locks, attributes, renames.
useradd -m alice
mkdir -p /srv/share
chmod 777 /srv/share
printf '[global]\nsecurity=user\nmap to guest=bad user\nlog file=/tmp/smb.log\n[share]\npath=/srv/share\nguest ok=yes\nwritable=yes\n' >/etc/samba/smb.conf
printf 'pw\npw\n' | smbpasswd -s -a alice >/dev/null
smbd -D
for _ in $(seq 100); do nc -z 127.0.0.1 445 && break; sleep 0.1; done
seq 200000 >/tmp/numbers
smbclient -N //127.0.0.1/share -c 'put /tmp/numbers guest' >/dev/null
smbclient -U alice%pw //127.0.0.1/share -c 'mkdir folder; put /tmp/numbers hers; rename hers folder\moved; get guest /tmp/back; ls folder\*' | grep -q moved
cmp /tmp/numbers /tmp/back
cmp /tmp/numbers /srv/share/folder/moved
[ "$(stat -c %U /srv/share/guest /srv/share/folder/moved | tr '\n' ' ')" = 'nobody alice ' ]
refused smbclient -U alice%wrong //127.0.0.1/share -c ls >/dev/null
for i in 1 2 3 4; do smbclient -U alice%pw //127.0.0.1/share -c "put /tmp/numbers n$i; get n$i /tmp/n$i; del n$i" >/dev/null & done
wait
for i in 1 2 3 4; do cmp /tmp/numbers /tmp/n$i; done
[ ! -e /srv/share/n1 ]
pkill smbd
refused grep -qE 'PANIC|INTERNAL ERROR' /tmp/smb.log
