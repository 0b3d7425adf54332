# sandbox: --tree sockets
# rsyslogd takes messages at a datagram socket and is told by SCM_CREDENTIALS who sends them.
useradd -m -s /bin/bash alice
cat >/etc/rsyslog.conf <<'EOF'
module(load="imuxsock" SysSock.Name="/dev/log" SysSock.Annotate="on" SysSock.ParseTrusted="on" SysSock.UsePIDFromSystem="on")
template(name="told" type="string" string="%syslogtag% uid=%$!uid% gid=%$!gid% pid=%$!pid% %msg%\n")
action(type="omfile" file="/var/log/told" template="told")
EOF
rsyslogd -i /run/rsyslogd.pid
for _ in $(seq 50); do [ -S /dev/log ] && break; sleep 0.1; done
logged() {
    for _ in $(seq 50); do grep -q "$1" /var/log/told 2>/dev/null && return; sleep 0.1; done
    cat /var/log/told
    return 1
}
su alice -c 'logger -t first one'
logged "first\[[0-9]*\]: uid=$(id -u alice) gid=$(id -g alice) pid=[0-9]*  one"
logger -t second two
logged 'second\[[0-9]*\]: uid=0 gid=0 pid=[0-9]*  two'

# Whatever the text says of a pid, what the kernel says counts.
su alice -c 'echo $$ >/tmp/pid; exec logger --id=1 -t third three'
logged "third\[$(cat /tmp/pid)\]: uid=$(id -u alice) .* pid=$(cat /tmp/pid) "
refused su alice -c 'logger -p kern.emerg --socket-errors=on -u /nowhere x' 2>/dev/null
seq 300 | su alice -c 'logger -t many'
logged 'many.* 300$'
[ "$(grep -c "^many.* uid=$(id -u alice) " /var/log/told)" = 300 ]
kill "$(cat /run/rsyslogd.pid)"
