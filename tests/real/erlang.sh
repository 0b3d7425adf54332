# sandbox: --tree daemons
# Erlang: schedulers on threads, ports to programs, files and sockets, and two nodes that find each other by a daemon.
cat >/tmp/t.erl <<'E'
-module(t).
-export([main/0]).
main() ->
    338350 = lists:sum([X * X || X <- lists:seq(1, 100)]),
    Self = self(),
    [spawn(fun() -> Self ! {done, N} end) || N <- lists:seq(1, 20000)],
    200010000 = lists:foldl(fun(_, Sum) -> receive {done, N} -> Sum + N end end, 0, lists:seq(1, 20000)),
    "hi\n" = os:cmd("echo hi"),
    Port = open_port({spawn, "cat"}, [binary, exit_status]),
    true = port_command(Port, <<"echoed">>),
    receive {Port, {data, <<"echoed">>}} -> ok after 5000 -> halt(9) end,
    {ok, Listener} = gen_tcp:listen(0, [binary, {active, false}]),
    {ok, Number} = inet:port(Listener),
    spawn(fun() -> {ok, S} = gen_tcp:accept(Listener), ok = gen_tcp:send(S, <<"served">>), gen_tcp:close(S) end),
    {ok, Socket} = gen_tcp:connect("127.0.0.1", Number, [binary, {active, false}]),
    {ok, <<"served">>} = gen_tcp:recv(Socket, 0, 5000),
    ok = file:write_file("/tmp/from-erlang", <<"text">>),
    {ok, <<"text">>} = file:read_file("/tmp/from-erlang"),
    {error, enoent} = file:read_file("/nowhere"),
    {ok, Other} = wait_for(list_to_atom("other@" ++ element(2, inet:gethostname())), 100),
    3 = rpc:call(Other, erlang, '+', [1, 2]),
    rpc:cast(Other, erlang, halt, [0]),
    io:format("all well~n"),
    halt(3).
wait_for(Node, 0) -> {none, Node};
wait_for(Node, Times) ->
    case net_adm:ping(Node) of
        pong -> {ok, Node};
        pang -> timer:sleep(100), wait_for(Node, Times - 1)
    end.
E
cd /tmp
echo "127.0.0.1 $(hostname)" >>/etc/hosts
erlc t.erl
erl -noinput -sname other -setcookie secret &
code=0
out=$(erl -noinput -sname one -setcookie secret -run t main) || code=$?
[ "$code $out" = '3 all well' ]
wait %1
epmd -kill >/dev/null || true
