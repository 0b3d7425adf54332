# by name: its tree is large
# sandbox: --tree large
# seconds: 180
# MariaDB: asynchronous I/O on files opened for direct access, many clients, and nothing committed lost when it is killed.
data=/var/lib/data
mkdir -p /run/mysqld
chown mysql:mysql /run/mysqld
mariadb-install-db --user=mysql --datadir=$data >/dev/null 2>&1
server() {
    mariadbd --user=mysql --datadir=$data --innodb-flush-method=O_DIRECT 2>>/tmp/log &
    for _ in $(seq 200); do mariadb-admin ping >/dev/null 2>&1 && return; sleep 0.1; done
    cat /tmp/log
    return 1
}
server
[ "$(mariadb -Ne 'select @@innodb_use_native_aio, @@innodb_flush_method')" = "$(printf '1\tO_DIRECT')" ]
mariadb -e 'create database d; create table d.t (id int primary key auto_increment, client int, text varchar(40)) engine=innodb'
clients=()
for client in 1 2 3 4; do
    for _ in $(seq 50); do echo "begin; insert into d.t (client, text) values ($client, uuid()), ($client, uuid()); commit;"; done | mariadb &
    clients+=($!)
done
wait "${clients[@]}"
[ "$(mariadb -Ne 'select count(*) from d.t')" = 400 ]
useradd -m alice
refused su alice -c 'mariadb -u root -e "select 1"' 2>/dev/null # who is at the other end of the socket decides
mariadb -e "create user alice@localhost identified via unix_socket; grant select on d.* to alice@localhost"
[ "$(su alice -c 'mariadb -Ne "select count(distinct client) from d.t"')" = 4 ]
mariadb-dump d >/tmp/dump
sum=$(mariadb -Ne 'checksum table d.t')
kill -KILL %1
wait %1 || true
server
[ "$(mariadb -Ne 'checksum table d.t')" = "$sum" ]
[ "$(mariadb -Ne 'check table d.t' | cut -f4)" = OK ]
mariadb -e 'create database e' && mariadb e </tmp/dump
[ "$(mariadb -Ne 'checksum table e.t' | cut -f2)" = "$(cut -f2 <<<"$sum")" ]
mariadb-admin shutdown
wait
refused grep -E '\[ERROR\]' /tmp/log
