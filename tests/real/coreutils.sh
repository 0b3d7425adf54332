# The small tools, each with what it does to files.
cd /tmp && mkdir c && cd c
seq 1 10000 >n; split -n 4 n part; cat part* | cmp - n
cp -a n m; ln n hard; ln -s n soft; [ "$(stat -c %h n)" = 2 ]; [ "$(readlink -f soft)" = /tmp/c/n ]
install -m 4750 -o 1000 -g 1001 n inst; [ "$(stat -c %a:%u:%g inst)" = 4750:1000:1001 ]
mkdir -p a/b/c/d; rmdir -p a/b/c/d; [ ! -e a ]
mkfifo p; (echo through >p) & [ "$(cat p)" = through ]; wait
truncate -s 1M big; [ "$(stat -c %s big)" = 1048576 ]; fallocate -l 2M big2; [ "$(du -k big2 | cut -f1)" -ge 2048 ]
cp --sparse=always big big3; cmp big big3
dd if=n of=copy bs=7 conv=fsync 2>/dev/null; cmp n copy; sync; sync copy
touch -d '2001-02-03 04:05:06 UTC' n; [ "$(stat -c %Y n)" = 981173106 ]; touch -r n m; [ m -nt n ] && exit 1
chmod u=rw,go= n; [ "$(stat -c %a n)" = 600 ]; chown nobody:nogroup n; [ "$(stat -c %U n)" = nobody ]
mv n moved; [ ! -e n ]; mv -n moved hard; [ -e moved ]; rm -f hard soft; ls -la >/dev/null
t=$(mktemp); [ -f "$t" ]; shred -u "$t"; [ ! -e "$t" ]; d=$(mktemp -d); rmdir "$d"
tee x y <moved >/dev/null; cmp x y; comm -12 x y | cmp - x; join x y >/dev/null
sort -R x | sort -n | cmp - <(sort -n x); sort --parallel=2 -S 100K x >/dev/null; shuf x | wc -l | grep -qx 10000
sha512sum x | sha512sum -c --quiet; cksum x >/dev/null; b2sum x >/dev/null; base64 x | base64 -d | cmp - x
timeout 5 tail -n 1 -f --pid=$$ x >/dev/null & kill $!; wait || true
expr 6 \* 7 | grep -qx 42; factor 91 | grep -qx '91: 7 13'; n=$(($(nice) + 5)); nice -n 5 nice | grep -qx "$((n > 19 ? 19 : n))"; env -i A=1 env | grep -qx A=1
chroot / true; stdbuf -oL echo x | grep -qx x; od -An -tx1 <<<A | grep -q 41; realpath ../c/./x | grep -qx /tmp/c/x
mknod null c 1 3 || true; flock x true; getent hosts localhost >/dev/null; script -qc 'echo typed' /dev/null | grep -q typed
setfattr=$(command -v setfattr || true); touch "$(printf 'new\nline')"; ls -b | grep -q 'new\\nline'
xz -k x && xz -dc x.xz | cmp - y; gzip -k y && gunzip -c y.gz | cmp - x; bzip2 -k x && bunzip2 -c x.bz2 | cmp - y
file /bin/bash | grep -q ELF; file -b --mime-type x | grep -qx text/plain; /usr/bin/time -f %e true 2>&1 | grep -q '^0'
awk 'BEGIN { while (("seq 3" | getline l) > 0) s += l; exit s != 6 }'; sed -i 's/^1$/one/' x; head -n 1 x | grep -qx one
