# SPDX-License-Identifier: Apache-2.0
# sandbox: --cap CHOWN --cap DAC_OVERRIDE --cap FOWNER --cap SYS_CHROOT --cap SETUID --cap SETGID --cap SYS_ADMIN
# What builders of packages and init scripts do with mount(8), findmnt and umount, without a namespace of their own.
cd /tmp
mkdir a b c

mount -t tmpfs -o size=4m,mode=755 scratch a
echo hi >a/x
mountpoint -q a
refused mountpoint -q b
test "$(findmnt -n -o SOURCE,FSTYPE a)" = "scratch tmpfs"
test "$(findmnt -n -o OPTIONS a)" = rw,relatime,size=4096k,mode=755
df a | grep -q " /tmp/a$"
mount --bind a b
mount -o remount,ro,bind b
refused touch b/y
test "$(cat b/x)" = hi
case $(findmnt -n -o OPTIONS b) in ro,*) ;; *) exit 1 ;; esac
mount --make-private b
mount --move b c
test "$(cat c/x)" = hi
test ! -e b/x
(cd a && refused umount /tmp/a)
umount c
umount a
test ! -e a/x

# the tree once more, and away again
mount --rbind / a
test -d a/proc/self
umount -R a
test -z "$(ls a)"

# a chroot as pbuilder and debootstrap make one
mkdir -p root/proc root/sys root/dev root/usr root/tmp
for name in bin lib lib64 sbin; do ln -s usr/$name root/$name; done
mount -t proc proc root/proc
mount -t sysfs sysfs root/sys
mount --rbind /dev root/dev
mount --bind /usr root/usr
mount -o remount,bind,ro root/usr
mount -t tmpfs tmpfs root/tmp
chroot root /bin/sh -eu <<'END'
test "$(cat /proc/self/comm)" = cat
ps -p $$ >/dev/null
echo x >/dev/null
test -d /sys/kernel
! touch /usr/made 2>/dev/null
cd /tmp
for i in 1 2 3; do mkdir -p d$i/e/f; echo $i >d$i/e/f/g; done
test "$(cat d*/e/f/g | tr -d '\n')" = 123
mount | grep -q "^proc on /proc type proc"
test "$(findmnt -n -o TARGET /tmp)" = /tmp
test ! -e /../../marker
END
umount root/tmp root/usr root/sys root/proc
umount -R root/dev
rm -r root

# what the bundle has mounted stays, and stays as strict
refused umount /proc
refused umount -l /dev/shm
refused mount --move /proc /tmp/a
refused mount -o remount,rw,bind /sys
refused touch /sys/made
mount -o remount,ro /
refused touch /made
mount -o remount,rw /
touch /made
rm /made

# a new root
mkdir new
mount -t tmpfs tmpfs new
mkdir new/old new/usr
for name in bin lib lib64; do ln -s usr/$name new/$name; done
mount --rbind /usr new/usr
mkdir new/proc
mount -t proc proc new/proc
cd new
pivot_root . old
cd /
test -d /old/tmp/new
umount -l /old
test -z "$(ls /old)"
test "$(findmnt -n -o FSTYPE /)" = tmpfs
refused umount /proc/sys
test -d /proc/self
