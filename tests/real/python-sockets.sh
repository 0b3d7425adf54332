# sandbox: --tree sockets
# seconds: 240
# Python's own tests of sockets, as a user too. Left out: UDPLITE, which containers have not, and two that want the network's databases or
# a route.
useradd -m -s /bin/bash alice
skip="-i *UDPLITE* -i *UDPLite* -i testGetServBy -i testGetaddrinfo"
cd /tmp
set -f
python3 -m test -q $skip test_socket test_socketserver test_asyncore >/tmp/log 2>&1 || { tail -40 /tmp/log; exit 1; }
su alice -c "cd /tmp; set -f; python3 -m test -q $skip -m *Unix* -m *UNIX* test_socket" >/tmp/log2 2>&1 || { tail -40 /tmp/log2; exit 1; }
grep -q SUCCESS /tmp/log2
