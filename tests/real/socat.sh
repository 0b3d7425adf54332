# sandbox: --tree sockets
# socat over all kinds of Unix sockets, by paths and abstract names, and over TCP and UDP.
cd /tmp
listening() { for _ in $(seq 50); do "$@" && return; sleep 0.1; done; false; }

socat UNIX-LISTEN:stream,fork EXEC:'tr a-z A-Z' &
server=$!
listening test -S stream
[ "$(echo hello | socat - UNIX-CONNECT:stream)" = HELLO ]
[ "$(echo hello | socat - UNIX-CONNECT:/tmp/stream)" = HELLO ]
kill $server

socat ABSTRACT-LISTEN:nameless,fork EXEC:'tr a-z A-Z' &
server=$!
listening grep -q @nameless /proc/net/unix
[ "$(echo hello | socat - ABSTRACT-CONNECT:nameless)" = HELLO ]
kill $server

# A datagram's answer goes to the name its sender was bound by.
socat UNIX-RECVFROM:/tmp/question,fork SYSTEM:'tr a-z A-Z' &
server=$!
listening test -S question
[ "$(echo hello | socat -t 2 - UNIX-SENDTO:/tmp/question,bind=/tmp/answer)" = HELLO ]
kill $server

socat -u UNIX-RECV:/tmp/box OPEN:/tmp/received,creat,append &
server=$!
listening test -S box
for i in 1 2 3; do echo "line $i" | socat -u - UNIX-SENDTO:/tmp/box,shut-none; done
listening grep -q 'line 3' received
[ "$(wc -l <received)" = 3 ]
kill $server

socat UNIX-LISTEN:seq,type=5,fork EXEC:'tr a-z A-Z' &
server=$!
listening test -S seq
[ "$(echo hello | socat - UNIX-CONNECT:seq,type=5)" = HELLO ]
kill $server

socat TCP-LISTEN:7001,fork,reuseaddr EXEC:'tr a-z A-Z' &
server=$!
listening socat -u OPEN:/dev/null TCP:127.0.0.1:7001
[ "$(echo hello | socat - TCP:127.0.0.1:7001)" = HELLO ]
[ "$(echo hello | socat - TCP:127.0.0.1:7001,so-bindtodevice=lo)" = HELLO ]
kill $server

# Descriptors a program inherits at both ends.
[ "$(socat -u EXEC:'echo through a pair' -)" = 'through a pair' ]
[ "$(echo both | socat - EXEC:cat)" = both ]
