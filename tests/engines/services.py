# SPDX-License-Identifier: Apache-2.0
"""What people run detached: servers of Debian's packages, set up as the images of their projects do it, asked over the network."""
import contextlib
import hashlib
import os
import tempfile
import time

from docker_net import until_answers
from engines import contains, equal

IMAGE = "services"
ASK = "exec 3<>/dev/tcp/127.0.0.1/{port}; printf '{words}' >&3; timeout 10 cat <&3"


@contextlib.contextmanager
def service(e, *options, command, network="bridge"):
    """A detached container; its logs are part of what goes wrong with it."""
    e.image(IMAGE)
    c = e.docker("run", "-d", "--network", network, *options, IMAGE, *command, seconds=120).out.strip()
    try:
        yield c
    except AssertionError as error:
        logs = e.docker("logs", "--tail", "20", c, ok=None)
        raise AssertionError(f"{error}\n-- its logs\n{logs.out}{logs.err}") from None
    finally:
        e.docker("rm", "-f", "-v", c, ok=None)


def until(e, container, *command, out=None, seconds=60):
    """Executes a command in it until that works, and prints what it shall."""
    end = time.monotonic() + seconds
    while True:
        result = e.docker("exec", container, *command, ok=None)
        if result.code == 0 and (out is None or result.out == out):
            return result.out
        if time.monotonic() > end:
            raise AssertionError(f"{command}: {result}")
        time.sleep(0.3)


def ended(e, container, code):
    equal(e.docker("inspect", "-f", "{{.State.ExitCode}} {{.State.OOMKilled}}", container).out, f"{code} false\n")


def test_service_nginx(e):
    """Workers of another user, logs by way of /dev/stdout, a new configuration while it runs, a graceful end."""
    with tempfile.TemporaryDirectory(dir=e.folder) as folder:
        os.chmod(folder, 0o755)
        with open(folder + "/index.html", "w", encoding="ascii") as page:
            page.write("served\n")
        data = os.urandom(3 << 20)
        with open(folder + "/big", "wb") as big:
            big.write(data)
        script = ("ln -sf /dev/stdout /var/log/nginx/access.log; ln -sf /dev/stderr /var/log/nginx/error.log; "
                  "exec nginx -g 'daemon off;'")
        with service(e, "-p", "127.0.0.1:8201:80", "-v", folder + ":/var/www/html:ro", "--stop-signal", "QUIT",
                     command=("sh", "-c", script)) as c:
            until_answers(e, "http://127.0.0.1:8201/index.html", "served")
            digest = "import hashlib, urllib.request as u; print(hashlib.sha256(u.urlopen('http://127.0.0.1:8201/big').read()).hexdigest())"
            equal(e.inside("python3", "-c", digest).out.strip(), hashlib.sha256(data).hexdigest())
            contains(e.docker("exec", c, "ps", "-eo", "user,args").out, "www-data nginx: worker process")
            e.docker("exec", c, "sed", "-i", "s/listen 80 default_server/listen 81 default_server/", "/etc/nginx/sites-enabled/default")
            e.docker("kill", "-s", "HUP", c)
            until(e, c, "curl", "-sf", "http://127.0.0.1:81/index.html", out="served\n")
            e.docker("stop", c)
            ended(e, c, 0)
            logs = e.docker("logs", c)
            contains(logs.out, '"GET /index.html HTTP/1.1" 200')
            equal([line for line in logs.err.splitlines() if "[emerg]" in line or "[alert]" in line], [])


def test_service_redis(e):
    """Data in a volume outlive the container; snapshots are made by forking."""
    command = ("redis-server", "--bind", "0.0.0.0", "--protected-mode", "no", "--dir", "/data", "--appendonly", "yes")
    try:
        with service(e, "-p", "127.0.0.1:8202:6379", "-v", "redis-data:/data", command=command) as c:
            until(e, c, "redis-cli", "ping", out="PONG\n")
            equal(e.docker("exec", c, "redis-cli", "set", "key", "kept").out, "OK\n")
            e.docker("exec", c, "redis-benchmark", "-q", "-n", "3000", "-c", "20", "-t", "set,lpush")
            e.docker("exec", c, "redis-cli", "bgsave")
            until(e, c, "test", "-s", "/data/dump.rdb")
            equal(e.inside("bash", "-c", ASK.format(port=8202, words="GET key\\r\\nQUIT\\r\\n")).out, "$4\nkept\n+OK\n")
            e.docker("stop", c)
            ended(e, c, 0)
        with service(e, "-v", "redis-data:/data", command=command) as c:
            until(e, c, "redis-cli", "get", "key", out="kept\n")
    finally:
        e.docker("volume", "rm", "redis-data", ok=None)


POSTGRES = """
mkdir -p /data && chown postgres /data && chmod 700 /data
bin=$(echo /usr/lib/postgresql/*/bin)
as() { setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"; }
[ -s /data/PG_VERSION ] || as $bin/initdb -D /data --auth=trust >/dev/null
echo 'host all all all trust' >>/data/pg_hba.conf
exec setpriv --reuid=postgres --regid=postgres --init-groups -- $bin/postgres -D /data -k /tmp -c listen_addresses='*'
"""


def test_service_postgresql(e):
    """Many processes around shared memory; nothing committed is lost when it is killed."""
    try:
        with service(e, "-v", "pg-data:/data", "--shm-size", "128m", "--stop-signal", "INT", "--name", "pg",
                     command=("sh", "-c", POSTGRES)) as c:
            sql = ("psql", "-U", "postgres", "-h", "127.0.0.1", "-Atc")
            until(e, c, *sql, "select 1", out="1\n")
            e.docker("exec", c, *sql, "create table t as select g, md5(g::text) as m from generate_series(1, 20000) g")
            parallel = ("set max_parallel_workers_per_gather=2; set min_parallel_table_scan_size=0; set parallel_setup_cost=0; "
                        "set parallel_tuple_cost=0; select count(*) from t where m like '%a%'")
            serial = "select count(*) from t where m like '%a%'"
            equal(e.docker("exec", c, *sql, parallel).out.splitlines()[-1], e.docker("exec", c, *sql, serial).out.strip())
            e.docker("exec", c, "sh", "-c", "b=$(echo /usr/lib/postgresql/*/bin)/pgbench; $b -q -i -U postgres -h 127.0.0.1 postgres && "
                     "$b -U postgres -h 127.0.0.1 -c 4 -j 2 -t 25 postgres", seconds=120)
            committed = e.docker("exec", c, *sql, "select count(*), max(m) from t").out
            e.docker("kill", c)
            e.docker("start", c)
            until(e, c, *sql, "select count(*), max(m) from t", out=committed)
            e.docker("stop", "-t", "30", c)
            ended(e, c, 0)
    finally:
        e.docker("volume", "rm", "pg-data", ok=None)


def test_service_chain(e):
    """A balancer that finds two servers of its network by name, and memcached beside them."""
    e.docker("network", "create", "chain")
    haproxy = ("global\\n nbthread 2\\n user haproxy\\n group haproxy\\ndefaults\\n mode http\\n timeout client 5s\\n timeout server 5s\\n"
               " timeout connect 5s\\nfrontend f\\n bind *:80\\n default_backend b\\nbackend b\\n balance roundrobin\\n"
               " server one one:80 check\\n server two two:80 check\\n")
    serve = "echo from-$0 >/var/www/html/index.html; exec nginx -g 'daemon off;'"
    try:
        with service(e, "--name", "one", command=("sh", "-c", serve, "one"), network="chain"), \
                service(e, "--name", "two", command=("sh", "-c", serve, "two"), network="chain"), \
                service(e, "--name", "cache", command=("memcached", "-u", "nobody"), network="chain"), \
                service(e, "-p", "127.0.0.1:8203:80", network="chain",
                        command=("sh", "-c", f"printf '{haproxy}' >/h.cfg; exec haproxy -W -f /h.cfg")) as front:
            until_answers(e, "http://127.0.0.1:8203/", "from-", seconds=30)
            seen = {e.docker("exec", front, "curl", "-s", "http://127.0.0.1/").out for _ in range(6)}
            equal(seen, {"from-one\n", "from-two\n"})
            script = ("exec 3<>/dev/tcp/cache/11211; printf 'set a 0 0 5\\r\\nhello\\r\\nget a\\r\\nquit\\r\\n' >&3; cat <&3")
            contains(e.docker("exec", "one", "bash", "-c", script).out, "VALUE a 0 5\nhello")
            e.docker("kill", "-s", "USR2", front)  # new workers take the sockets over
            until(e, front, "curl", "-sf", "http://127.0.0.1/")
    finally:
        e.docker("network", "rm", "chain", ok=None)


def test_service_sshd(e):
    """Another container logs in: keys, a session with a terminal, a file by sftp."""
    e.docker("network", "create", "shells")
    daemon = ("mkdir -p /run/sshd /root/.ssh; ssh-keygen -q -t ed25519 -N '' -f /keys/id; cp /keys/id.pub /root/.ssh/authorized_keys; "
              "exec /usr/sbin/sshd -D -e")
    options = "-i /keys/id -o StrictHostKeyChecking=no -o LogLevel=ERROR"
    script = (f"for i in $(seq 50); do ssh {options} gate true 2>/dev/null && break; sleep 0.3; done; ssh {options} gate 'id -un; tty'; "
              f"ssh -tt {options} gate 'tty; stty -a | grep -c rows' </dev/null | tr -d '\\r'; "
              f"echo 'get /etc/hostname /got' | sftp -q -b - {options} gate >/dev/null; cat /got")
    try:
        with service(e, "--name", "gate", "--hostname", "gate", "-v", "keys:/keys", command=("sh", "-c", daemon), network="shells"):
            result = e.docker("run", "--rm", "--network", "shells", "-v", "keys:/keys", IMAGE, "sh", "-c", script, seconds=90)
            lines = result.out.splitlines()
            equal((lines[:2], lines[3:]), (["root", "not a tty"], ["1", "gate"]))
            contains(lines[2], "/dev/pts/")
    finally:
        e.docker("network", "rm", "shells", ok=None)
        e.docker("volume", "rm", "keys", ok=None)
