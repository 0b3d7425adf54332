# Job control without a terminal: background, stop, continue, wait, kill.
set -m
sleep 60 &
job=$!
[ "$(ps -o pgid= -p $job | tr -d ' ')" = $job ]
kill -STOP %1
for i in $(seq 100); do [ "$(ps -o state= -p $job)" = T ] && break; sleep 0.05; done
[ "$(ps -o state= -p $job)" = T ]
jobs | grep -q Stopped
bg %1
for i in $(seq 100); do [ "$(ps -o state= -p $job)" = S ] && break; sleep 0.05; done
[ "$(ps -o state= -p $job)" = S ]
kill %1
code=0; wait $job || code=$?
[ $code = 143 ]
(sleep 0.2; exit 5) &
code=0; wait $! || code=$?
[ $code = 5 ]
timeout 0.3 sleep 10 || [ $? = 124 ]
sleep 0.1 & sleep 0.2 & sleep 0.3 & wait
[ -z "$(jobs -r)" ]
sh -c 'kill -9 $$' || [ $? = 137 ]
nohup setsid sh -c 'echo detached >/tmp/detached' >/dev/null 2>&1
for i in $(seq 100); do [ -s /tmp/detached ] && break; sleep 0.05; done
grep -q detached /tmp/detached
