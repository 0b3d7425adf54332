# useradd, passwd, su, sudo, groups, and what users may not do.
useradd -m -s /bin/bash alice
useradd -m -s /bin/bash -G users bob
echo 'alice:secret' | chpasswd
getent passwd alice | grep -q /home/alice
[ "$(su - alice -c 'id -un; pwd; echo $HOME' | paste -sd,)" = alice,/home/alice,/home/alice ]
su alice -c 'touch /home/alice/mine'
[ "$(stat -c %U:%G /home/alice/mine)" = alice:alice ]
refused su alice -c 'touch /etc/forbidden' 2>/dev/null
refused su alice -c 'cat /etc/shadow' 2>/dev/null
refused su alice -c 'ls /root' 2>/dev/null
refused su bob -c 'kill -0 1' 2>/dev/null
su bob -c 'id -Gn' | grep -qw users
echo 'alice ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/alice
chmod 440 /etc/sudoers.d/alice
[ "$(su alice -c 'sudo id -u')" = 0 ]
[ "$(su alice -c 'sudo -u bob id -un')" = bob ]
refused su bob -c 'sudo -n id -u' 2>/dev/null
su alice -c 'sudo sh -c "echo by root >/etc/allowed"'
[ "$(stat -c %u /etc/allowed)" = 0 ]
groupadd team && usermod -aG team alice
mkdir /srv/team && chgrp team /srv/team && chmod 2770 /srv/team
su alice -c 'touch /srv/team/shared'
[ "$(stat -c %G /srv/team/shared)" = team ]
refused su bob -c 'ls /srv/team' 2>/dev/null
setpriv --reuid=bob --regid=bob --init-groups id -un | grep -qx bob
su bob -c 'ulimit -n 64; ulimit -n' | grep -qx 64
userdel -r bob
refused getent passwd bob
