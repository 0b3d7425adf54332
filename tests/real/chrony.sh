# sandbox: --tree sockets
# chronyc asks chronyd over a datagram socket, bound by a name of its own at which it is answered.
echo 'local stratum 5' >/etc/chrony/chrony.conf
mkdir -p /run/chrony
chown _chrony:_chrony /run/chrony
chmod 750 /run/chrony
chronyd -x -f /etc/chrony/chrony.conf
for _ in $(seq 50); do [ -S /run/chrony/chronyd.sock ] && break; sleep 0.1; done
chronyc -h /run/chrony/chronyd.sock tracking | grep -q '^Stratum *: 5'
chronyc -h /run/chrony/chronyd.sock activity | grep -q 'sources online'
chronyc -h /run/chrony/chronyd.sock add server 127.0.0.9 | grep -q OK   # only by that socket
chronyc -n -h /run/chrony/chronyd.sock sources | grep -q 127.0.0.9
for _ in $(seq 20); do chronyc -h /run/chrony/chronyd.sock tracking >/dev/null; done
[ "$(ls /run/chrony | grep -c chronyc)" = 0 ]
useradd -m alice
refused su alice -c 'chronyc -h /run/chrony/chronyd.sock tracking' 2>/dev/null
chronyc -h /run/chrony/chronyd.sock shutdown | grep -q OK
