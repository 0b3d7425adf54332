# by name: its tree is large
# sandbox: --tree large
# seconds: 180
# Java: the compiler, every collector, threads, sockets, programs, watched folders, mapped files, and looks into a running machine.
mkdir /tmp/j
cd /tmp/j
cat >Main.java <<'J'
import java.io.*;
import java.net.*;
import java.nio.channels.FileChannel;
import java.nio.file.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;

public class Main {
    static void same(Object got, Object wanted) {
        if (!got.equals(wanted))
            throw new AssertionError(got + " is not " + wanted);
    }

    public static void main(String[] arguments) throws Exception {
        same(IntStream.range(0, 1000000).parallel().filter(i -> i % 7 == 0).count(), 142858L);
        ExecutorService pool = Executors.newFixedThreadPool(16);
        List<Future<Integer>> futures = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            final int n = i;
            futures.add(pool.submit(() -> new byte[100000].length / 100000 * n));
        }
        int sum = 0;
        for (Future<Integer> future : futures)
            sum += future.get();
        same(sum, 19900);
        pool.shutdown();
        ServerSocket server = new ServerSocket(0, 5, InetAddress.getLoopbackAddress());
        new Thread(() -> {
            try (Socket peer = server.accept()) {
                peer.getOutputStream().write("served\n".getBytes());
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }).start();
        try (Socket socket = new Socket(server.getInetAddress(), server.getLocalPort())) {
            same(new BufferedReader(new InputStreamReader(socket.getInputStream())).readLine(), "served");
        }
        Process child = new ProcessBuilder("sh", "-c", "cat; exit 3").start();
        child.getOutputStream().write("echoed".getBytes());
        child.getOutputStream().close();
        same(new String(child.getInputStream().readAllBytes()), "echoed");
        same(child.waitFor(), 3);
        Path folder = Files.createTempDirectory("watched");
        WatchService watcher = folder.getFileSystem().newWatchService();
        folder.register(watcher, StandardWatchEventKinds.ENTRY_CREATE);
        Files.createFile(folder.resolve("new"));
        same(watcher.poll(10, TimeUnit.SECONDS).pollEvents().get(0).context().toString(), "new");
        try (FileChannel channel = FileChannel.open(folder.resolve("new"), StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            var memory = channel.map(FileChannel.MapMode.READ_WRITE, 0, 1 << 20);
            memory.put(5, (byte) 7);
            memory.force();
            same(channel.lock().isValid(), true);
        }
        same(Files.readAllBytes(folder.resolve("new"))[5], (byte) 7);
        same(ProcessHandle.current().info().command().isPresent(), true);
        System.gc();
        System.out.println("all well as " + System.getProperty("user.name"));
        if (arguments.length > 0)
            Thread.sleep(60000);
    }
}
J
javac Main.java
for collector in Serial Parallel G1 Z Shenandoah; do
    [ "$(java "-XX:+Use${collector}GC" -Xmx200m Main)" = 'all well as root' ]
done
useradd -m alice
[ "$(su alice -c 'java -cp /tmp/j Main')" = 'all well as alice' ]
printf 'int x = 6 * 7;\nSystem.out.println("x is " + x);\n/exit\n' | jshell -s - >/tmp/shell 2>&1
grep -q 'x is 42' /tmp/shell
java Main stay >/tmp/out &
for _ in $(seq 100); do grep -q well /tmp/out && break; sleep 0.1; done
jps | grep -q "^$! Main"
jstack $! | grep -q '"main"'
jcmd $! GC.heap_info | grep -qi heap
kill -QUIT $! # a dump of threads, and on it goes
for _ in $(seq 50); do grep -q 'Full thread dump' /tmp/out && break; sleep 0.1; done
grep -q 'Full thread dump' /tmp/out
kill $!
wait $! || [ $? = 143 ]
