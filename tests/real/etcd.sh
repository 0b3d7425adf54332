# by name: its tree is large
# sandbox: --tree large
# etcd: a Go program with a mapped data file, three of them that agree, and one that is killed and catches up.
cluster=a=http://127.0.0.1:2381,b=http://127.0.0.1:2382,c=http://127.0.0.1:2383
declare -A member
start() { # name, number
    etcd --name "$1" --data-dir "/tmp/$1" --initial-cluster "$cluster" --initial-advertise-peer-urls "http://127.0.0.1:238$2" \
        --listen-peer-urls "http://127.0.0.1:238$2" --listen-client-urls "http://127.0.0.1:239$2" --advertise-client-urls "http://127.0.0.1:239$2" \
        >>"/tmp/log.$1" 2>&1 &
    member[$1]=$!
}
start a 1
start b 2
start c 3
all=127.0.0.1:2391,127.0.0.1:2392,127.0.0.1:2393
healthy() { for _ in $(seq 100); do etcdctl --endpoints "$all" endpoint health >/dev/null 2>&1 && return; sleep 0.1; done; return 1; }
healthy
for i in 1 2 3 4 5; do etcdctl --endpoints "$all" put "key$i" "value$i" >/dev/null; done
etcdctl --endpoints 127.0.0.1:2393 watch seen >/tmp/watched &
watch=$!
sleep 0.5
kill -KILL "${member[b]}"
wait "${member[b]}" || true
etcdctl --endpoints 127.0.0.1:2391 put seen now >/dev/null
for _ in $(seq 50); do grep -q now /tmp/watched && break; sleep 0.1; done
grep -q now /tmp/watched
kill $watch
start b 2
healthy
[ "$(etcdctl --endpoints 127.0.0.1:2392 get --print-value-only seen)" = now ]
[ "$(etcdctl --endpoints 127.0.0.1:2392 get --prefix --print-value-only key | wc -l)" = 5 ]
etcdctl --endpoints 127.0.0.1:2391 snapshot save /tmp/snapshot >/dev/null 2>&1
kill "${member[@]}"
wait
