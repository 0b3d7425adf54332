# seconds: 240
# /usr packed, unpacked and compared: content, owners, modes, times, links.
tar -C / --format=posix --numeric-owner -cf /tmp/usr.tar usr
mkdir /tmp/copy
tar -C /tmp/copy --numeric-owner -xpf /tmp/usr.tar
diff -r --no-dereference /usr /tmp/copy/usr
list() { find . -printf '%p %y %m %U:%G %n %l %T@\n' | grep -v '^\./local' | awk '$2 == "d" {$5 = "-"} {print}' | sort; }
(cd /usr && list) >/tmp/a
(cd /tmp/copy/usr && list) >/tmp/b
diff /tmp/a /tmp/b | head -n 20
cmp /tmp/a /tmp/b
tar -C /tmp/copy -df /tmp/usr.tar
rm -rf /tmp/copy
[ ! -e /tmp/copy ]
tar -cJf /tmp/etc.tar.xz /etc 2>/dev/null
tar -tJf /tmp/etc.tar.xz | grep -qx etc/passwd
cp -a /etc /tmp/etc
diff -r --no-dereference /etc /tmp/etc
