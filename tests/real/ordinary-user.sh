# sandbox: --uid 1000 --gid 1000 --group 4 --nnp --env HOME=/tmp
# The container's program is an ordinary user without capabilities who may gain none.
[ "$(id -u):$(id -g)" = 1000:1000 ]
id -G | grep -qw 4
grep -q 'CapEff:.0000000000000000' /proc/self/status
grep -q 'NoNewPrivs:.1' /proc/self/status
refused touch /etc/x 2>/dev/null
refused cat /etc/shadow 2>/dev/null
refused chown 0 /test.sh 2>/dev/null
refused mknod /tmp/n c 1 3 2>/dev/null
refused kill -0 0x1 2>/dev/null
touch /tmp/mine && [ "$(stat -c %u:%g /tmp/mine)" = 1000:1000 ]
refused su -c id 2>/dev/null </dev/null
refused sudo -n id 2>/dev/null
