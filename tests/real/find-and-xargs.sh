# seconds: 120
# Every file of the tree is found, and can be asked for its attributes.
find / -xdev -print0 | xargs -0 -n 200 stat -c '%n %s' >/tmp/stat.list
[ "$(wc -l </tmp/stat.list)" -gt 10000 ]
find /usr -xdev -type f | wc -l >/tmp/one
ls -lR /usr | grep -c '^-' >/tmp/two
cmp /tmp/one /tmp/two
find /etc -type f | xargs -P 4 -n 10 md5sum >/tmp/sums
md5sum --quiet -c /tmp/sums
find / -name bash -path '*bin*' | grep -q /bin/bash
find /proc -maxdepth 1 -name self | grep -q self
[ "$(find /usr -newer /nothing 2>&1 | grep -c 'No such file')" = 1 ]
[ "$(find /sys /proc -maxdepth 5 2>&1 >/dev/null | grep -c 'loop detected')" = 0 ]
du -s /usr >/dev/null
