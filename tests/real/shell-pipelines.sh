# bash: pipelines, substitution, here documents, traps, coprocesses, job control.
set -o pipefail
[ "$(seq 1 1000 | grep 7 | sort -rn | head -n 1)" = 997 ]
[ "$(printf 'b\na\nc\n' | sort | tr -d '\n')" = abc ]
[ "$(cat <<<"here string")" = "here string" ]
diff <(seq 5) <(printf '%s\n' 1 2 3 4 5)
(exit 3) || [ $? = 3 ]
if true | false | true; then exit 1; fi
coproc CAT { cat; }
echo through >&"${CAT[1]}"
read -r line <&"${CAT[0]}"
[ "$line" = through ]
eval "exec ${CAT[1]}>&-"
wait "$CAT_PID"
trap 'echo trapped >/tmp/trapped' USR1
kill -USR1 $$
[ "$(cat /tmp/trapped)" = trapped ]
(set +o pipefail; yes | head -n 100000 | wc -l | grep -qx 100000)
dd if=/dev/zero bs=1M count=50 2>/dev/null | sha256sum | grep -q ^
for i in $(seq 1 100); do (exit $((i % 7))) || true; done
[ "$(for i in a b c; do echo $i & wait; done | paste -sd,)" = a,b,c ]
