# sandbox: --tree sockets
# seconds: 120
# D-Bus: who a peer is, by SO_PEERCRED and by SCM_CREDENTIALS, on a system bus and on a user's own; gsettings over it.
useradd -m -s /bin/bash alice
useradd -m -s /bin/bash bob
mkdir -p /run/dbus
dbus-uuidgen --ensure
dbus-daemon --system --fork

bus=org.freedesktop.DBus
ask() { # who, address, method, argument...
    su "$1" -c "dbus-send --bus=$2 --print-reply=literal --dest=$bus /org/freedesktop/DBus $bus.$3 ${*:4}"
}
system=unix:path=/run/dbus/system_bus_socket
ask alice $system ListNames | grep -q "$bus"
ask root $system GetConnectionUnixUser string:$bus | grep -q 'uint32'

# Each is to the bus who he is.
cat >/tmp/who.py <<'EOF'
import os, re, socket, sys
path, user = sys.argv[1], sys.argv[2]
bus = socket.socket(socket.AF_UNIX)
bus.connect(path)
bus.send(b"\0AUTH EXTERNAL " + str(user).encode().hex().encode() + b"\r\n")
print(bus.recv(1000).split()[0].decode())
EOF
chmod 644 /tmp/who.py
[ "$(su alice -c "python3 /tmp/who.py /run/dbus/system_bus_socket $(id -u alice)")" = OK ]
[ "$(su alice -c "python3 /tmp/who.py /run/dbus/system_bus_socket $(id -u bob)")" = REJECTED ]
[ "$(su bob -c "python3 /tmp/who.py /run/dbus/system_bus_socket 0")" = REJECTED ]
[ "$(python3 /tmp/who.py /run/dbus/system_bus_socket 0)" = OK ]

# A user's own bus: nobody else is let in. (Its socket has a mode that lets them try.)
su alice -c 'dbus-daemon --session --fork --address=unix:path=/tmp/alice-bus'
ask alice unix:path=/tmp/alice-bus ListNames | grep -q "$bus"
refused ask bob unix:path=/tmp/alice-bus ListNames 2>/dev/null
su alice -c 'dbus-daemon --session --fork --address=unix:abstract=alice-bus'
ask alice unix:abstract=alice-bus ListNames | grep -q "$bus"
refused ask bob unix:abstract=alice-bus ListNames 2>/dev/null

# GLib has its own client and server. The connection says whose it is, and which process.
cat >/tmp/credentials.sh <<'EOF'
set -eu
gdbus call --session --dest org.freedesktop.DBus --object-path / --method org.freedesktop.DBus.GetConnectionUnixUser org.freedesktop.DBus |
    grep -q "uint32 $(id -u)"
gdbus call --session --dest org.freedesktop.DBus --object-path / --method org.freedesktop.DBus.GetConnectionUnixProcessID org.freedesktop.DBus |
    grep -q "uint32 $(pgrep -u "$(id -u)" -n dbus-daemon)"
gdbus call --session --dest org.freedesktop.DBus --object-path / --method org.freedesktop.DBus.GetConnectionCredentials org.freedesktop.DBus |
    grep -q "'UnixUserID': <uint32 $(id -u)>"
gsettings set org.gnome.desktop.interface clock-format 12h
[ "$(gsettings get org.gnome.desktop.interface clock-format)" = "'12h'" ]
EOF
chmod 644 /tmp/credentials.sh
su - alice -c 'dbus-run-session -- bash /tmp/credentials.sh'
