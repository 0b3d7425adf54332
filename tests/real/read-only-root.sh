# sandbox: --readonly --mount /tmp:tmpfs:tmpfs:size=64m --mount /var/lib/data:tmpfs:tmpfs:size=8m,mode=700,nosuid,nodev
# A read-only root with writable folders mounted on it.
refused touch /file 2>/tmp/err
grep -q 'Read-only file system' /tmp/err
refused mkdir /usr/x 2>/dev/null
refused rm /etc/passwd 2>/dev/null
refused chmod 600 /etc/passwd 2>/dev/null
refused mv /etc/passwd /etc/passwd2 2>/dev/null
refused sh -c "echo x >>/etc/passwd" 2>/dev/null
refused ln /etc/passwd /etc/hard 2>/dev/null
echo data >/var/lib/data/f && grep -q data /var/lib/data/f
[ "$(stat -c %a /var/lib/data)" = 700 ]
touch /tmp/x /dev/shm/x
mount | grep -q ' on / .*[(,]ro[,)]'
