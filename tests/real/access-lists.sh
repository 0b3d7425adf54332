# setfacl and getfacl; what they grant and refuse; copies that keep them; killall and pstree, which look a process up by its folder.
cd /tmp && mkdir shared && chmod 750 shared && echo secret >shared/file && chmod 640 shared/file
useradd -m alice; useradd -m bob
refused su alice -c 'cat /tmp/shared/file' 2>/dev/null
setfacl -m u:alice:rx shared && setfacl -m u:alice:r shared/file
[ "$(su alice -c 'cat /tmp/shared/file')" = secret ]
refused su bob -c 'cat /tmp/shared/file' 2>/dev/null
refused su alice -c 'echo x >>/tmp/shared/file' 2>/dev/null
getfacl -cp shared/file | grep -qx 'user:alice:r--'
setfacl -d -m u:bob:rwx,m::rwx shared && setfacl -m u:bob:rwx shared
su bob -c 'mkdir /tmp/shared/bobs && touch /tmp/shared/bobs/f'
getfacl -cp shared/bobs/f | grep -q '^user:bob:rwx'
cp -a shared copy && diff <(getfacl -cpR shared | sed 's/shared/X/') <(getfacl -cpR copy | sed 's/copy/X/')
tar --acls -C shared -cf t.tar . && mkdir out && tar --acls -C out -xpf t.tar
diff <(getfacl -cp shared/file) <(getfacl -cp out/file)
ls -l shared/file | grep -q '^-rw-r-----+'
setfacl -b shared/file
refused su alice -c 'cat /tmp/shared/file' 2>/dev/null
sleep 77 & sleep=$!
for i in $(seq 50); do [ "$(cat /proc/$sleep/comm)" = sleep ] && break; sleep 0.1; done
pstree -p $$ | grep -q "sleep($sleep)"
fuser /dev/null 2>/dev/null | grep -qw $$ || true
killall -w sleep
refused kill -0 $sleep 2>/dev/null
