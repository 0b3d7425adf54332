# SPDX-License-Identifier: Apache-2.0
"""Docker's networks. The bridge is in the daemon's own network namespace; there is no way out of it."""
import time

from engines import contains, equal


def address(c):
    return c.inspect("{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}")


def until_answers(e, url, text, seconds=10):
    """Asks from the daemon's network namespace."""
    script = ("import urllib.request, sys\n"
              "print(urllib.request.urlopen(sys.argv[1], timeout=2).read().decode())")
    end = time.monotonic() + seconds
    while True:
        result = e.inside("python3", "-c", script, url, ok=None)
        if result.code == 0:
            contains(result.out, text)
            return
        if time.monotonic() > end:
            raise AssertionError(result.err[-500:])
        time.sleep(0.2)


def test_network_none(e):
    equal(e.run("busybox", "ls", "/sys/class/net").out.split(), ["lo"])
    contains(e.run("busybox", "ip", "addr", "show", "lo").out, "127.0.0.1/8")


def test_loopback(e):
    script = "echo answer | nc -l -p 7000 & sleep 0.3; nc 127.0.0.1 7000 </dev/null"
    contains(e.run("busybox", "sh", "-c", script).out, "answer")


def test_bridge_address(e):
    with e.started("--network", "bridge") as c:
        own = address(c)
        assert own.startswith("172."), own
        contains(c.exec("ip", "addr", "show", "eth0").out, own)
        contains(c.exec("ip", "route").out, "default via")


def test_bridge_server(e):
    with e.started("--network", "bridge", command=("sh", "-c", "echo page >/tmp/index.html; exec httpd -f -p 8080 -h /tmp")) as c:
        until_answers(e, f"http://{address(c)}:8080/index.html", "page")


def test_bridge_low_port(e):
    with e.started("--network", "bridge", command=("sh", "-c", "echo low >/tmp/index.html; exec httpd -f -p 80 -h /tmp")) as c:
        until_answers(e, f"http://{address(c)}:80/index.html", "low")


def test_published_port(e):
    with e.started("--network", "bridge", "-p", "127.0.0.1:8123:8080",
                   command=("sh", "-c", "echo published >/tmp/index.html; exec httpd -f -p 8080 -h /tmp")) as c:
        until_answers(e, "http://127.0.0.1:8123/index.html", "published")
        contains(c.docker("port", "@").out, "8080/tcp -> 127.0.0.1:8123")


def test_between_containers(e):
    e.docker("network", "create", "pair")
    try:
        with e.started("--network", "pair", "--name", "server",
                       command=("sh", "-c", "echo neighbour >/tmp/index.html; exec httpd -f -p 8080 -h /tmp")):
            result = e.docker("run", "--rm", "--network", "pair", "busybox", "sh", "-c",
                              "for i in 1 2 3 4 5; do wget -q -O - http://server:8080/index.html && break; sleep 0.3; done")
            contains(result.out, "neighbour")
    finally:
        e.docker("network", "rm", "pair", ok=None)


def test_network_of_another(e):
    with e.started("--network", "bridge",
                   command=("sh", "-c", "echo shared >/tmp/index.html; exec httpd -f -p 8080 -h /tmp")) as c:
        time.sleep(0.5)
        result = e.docker("run", "--rm", "--network", "container:" + c.id, "busybox", "wget", "-q", "-O", "-",
                          "http://127.0.0.1:8080/index.html")
        equal(result.out, "shared\n")


def test_network_connect(e):
    e.docker("network", "create", "later")
    try:
        with e.started("--network", "bridge") as c:
            c.docker("network", "connect", "later", "@")
            contains(c.exec("ip", "addr").out, "eth1")
    finally:
        e.docker("network", "rm", "later", ok=None)
