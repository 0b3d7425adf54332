# seconds: 120
# Python: threads, subprocesses, asyncio, multiprocessing, sqlite, temporary files, a virtual environment.
cat >/tmp/t.py <<'P'
import asyncio, concurrent.futures, multiprocessing, os, pathlib, queue, select, shutil, signal, socket, sqlite3
import subprocess, sys, tempfile, threading, time

def square(x):
    return x * x

def worker(q, lock, value):
    with lock:
        value.value += 1
    q.put(os.getpid())

def threads():
    q, out = queue.Queue(), []
    def run():
        while (item := q.get()) is not None:
            out.append(item * 2)
    pool = [threading.Thread(target=run) for _ in range(8)]
    [t.start() for t in pool]
    [q.put(i) for i in range(1000)]
    [q.put(None) for _ in pool]
    [t.join() for t in pool]
    assert sorted(out) == [i * 2 for i in range(1000)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(square, range(100))) == sum(i * i for i in range(100))

def subprocesses():
    r = subprocess.run(["sh", "-c", "cat; echo err >&2; exit 3"], input=b"x" * 200000, capture_output=True)
    assert (r.returncode, len(r.stdout), r.stderr) == (3, 200000, b"err\n")
    p = subprocess.Popen(["sleep", "100"], start_new_session=True)
    p.terminate()
    assert p.wait(10) == -signal.SIGTERM
    try:
        subprocess.run(["/no/such/program"])
        raise AssertionError("ran what is not there")
    except FileNotFoundError:
        pass
    for i in range(50):
        assert subprocess.call(["true"]) == 0
    assert subprocess.check_output("echo $$; pwd", shell=True, cwd="/usr").split()[1] == b"/usr"

def asynchronous():
    async def serve(reader, writer):
        writer.write((await reader.readline()).upper())
        await writer.drain()
        writer.close()
    async def main():
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async def ask(i):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"line %d\n" % i)
            answer = await reader.readline()
            writer.close()
            return answer
        answers = await asyncio.gather(*[ask(i) for i in range(50)])
        assert answers[49] == b"LINE 49\n", answers[49]
        path = "/tmp/async.sock"
        unix = await asyncio.start_unix_server(serve, path)
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"unix\n")
        assert await reader.readline() == b"UNIX\n"
        p = await asyncio.create_subprocess_exec("echo", "child", stdout=asyncio.subprocess.PIPE)
        out, _ = await p.communicate()
        assert out == b"child\n" and p.returncode == 0
        server.close(), unix.close()
    asyncio.run(asyncio.wait_for(main(), 30))

def processes():
    for method in ("fork", "spawn", "forkserver"):
        context = multiprocessing.get_context(method)
        with context.Pool(3) as pool:
            assert pool.map(square, range(20)) == [i * i for i in range(20)], method
        q, lock, value = context.Queue(), context.Lock(), context.Value("i", 0)
        children = [context.Process(target=worker, args=(q, lock, value)) for _ in range(3)]
        [c.start() for c in children]
        pids = {q.get(timeout=30) for _ in children}
        [c.join(30) for c in children]
        assert len(pids) == 3 and value.value == 3 and all(c.exitcode == 0 for c in children), method
    from multiprocessing import shared_memory
    memory = shared_memory.SharedMemory(create=True, size=4096)
    memory.buf[0] = 42
    again = shared_memory.SharedMemory(memory.name)
    assert again.buf[0] == 42
    again.close(), memory.close(), memory.unlink()

def database():
    for mode in ("delete", "wal"):
        path = f"/tmp/{mode}.db"
        db = sqlite3.connect(path, timeout=30)
        assert db.execute(f"pragma journal_mode={mode}").fetchone()[0] == mode
        db.execute("create table t(a integer primary key, b text)")
        with db:
            db.executemany("insert into t(b) values(?)", [(str(i),) for i in range(5000)])
        db.execute("create index i on t(b)")
        other = sqlite3.connect(path, timeout=30)
        assert other.execute("select count(*) from t").fetchone()[0] == 5000
        with other:
            other.execute("delete from t where a % 2 = 0")
        assert db.execute("select count(*) from t").fetchone()[0] == 2500
        assert db.execute("pragma integrity_check").fetchone()[0] == "ok"
        db.close(), other.close()

def files():
    with tempfile.TemporaryDirectory() as d:
        p = pathlib.Path(d) / "a" / "b"
        p.mkdir(parents=True)
        for i in range(200):
            (p / f"f{i}").write_text(str(i))
        assert len(list(p.iterdir())) == 200
        shutil.copytree(p, p.parent / "c")
        shutil.move(p.parent / "c", p.parent / "d")
        assert (p.parent / "d" / "f7").read_text() == "7"
        with tempfile.TemporaryFile(dir=d) as t:
            t.write(b"x" * 100000); t.seek(0); assert len(t.read()) == 100000
    assert not os.path.exists(d)

for test in (threads, subprocesses, asynchronous, processes, database, files):
    begun = time.time()
    test()
    print(test.__name__, "ok", round(time.time() - begun, 1), flush=True)
P
sed -i '/^for test in/i if __name__ == "__main__":' /tmp/t.py
sed -i '/^for test in/,$ s/^/    /' /tmp/t.py
python3 /tmp/t.py
python3 -m venv --without-pip /tmp/venv
/tmp/venv/bin/python -c 'import sys; assert sys.prefix == "/tmp/venv", sys.prefix'
python3 -m compileall -q /usr/lib/python3.11/json
