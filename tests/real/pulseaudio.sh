# sandbox: --tree sockets
# seconds: 90
# PulseAudio lets in who is of its own user, as SCM_CREDENTIALS say.
useradd -m -s /bin/bash alice
useradd -m -s /bin/bash bob
mkdir -p /run/alice && chown alice /run/alice && chmod 755 /run/alice
sound="XDG_RUNTIME_DIR=/run/alice PULSE_SERVER=unix:/tmp/sound"
su alice -c "XDG_RUNTIME_DIR=/run/alice pulseaudio -n --daemonize --exit-idle-time=-1 --disable-shm=yes \
    -L 'module-null-sink sink_name=none' -L 'module-native-protocol-unix socket=/tmp/sound auth-cookie-enabled=0'"
su alice -c "$sound pactl info" | grep -q 'User Name: alice'
su alice -c "$sound pactl list short sinks" | grep -q none
refused su bob -c "XDG_RUNTIME_DIR=/tmp PULSE_SERVER=unix:/tmp/sound pactl info" 2>/dev/null
head -c 100000 /dev/zero | su alice -c "$sound pacat --playback --raw"
su alice -c "$sound pactl exit"
