# by name: its tree is large
# sandbox: --tree large --mount /dev/shm:tmpfs:shm:size=512m
# seconds: 240
# Firefox draws pages, headless: several processes that share memory and pass descriptors, from files and from a server, as root and as a user.
useradd -m -s /bin/bash alice
mkdir -m 777 /tmp/pages
for colour in ff0000 00ff00; do
    echo "<body style='background:#000'><script>document.body.style.background='#' + '$colour'</script>" >/tmp/pages/$colour.html
done
(cd /tmp/pages && exec python3 -m http.server --bind 127.0.0.1 8000 >/dev/null 2>&1) &
corner() { # the first point of a picture, by whoever can decode one
    python3 - "$1" <<'P'
import struct, sys, zlib
with open(sys.argv[1], "rb") as file:
    data = file.read()
at, body, header = 8, b"", b""
while at < len(data):
    size, kind = struct.unpack(">I4s", data[at:at + 8])
    body += data[at + 8:at + 8 + size] if kind == b"IDAT" else b""
    header = data[at + 8:at + 8 + size] if kind == b"IHDR" else header
    at += size + 12
print(zlib.decompress(body)[1:4].hex())
P
}
draw() { # user, address, colour
    su "$1" -c "cd; timeout 100 firefox-esr --headless --window-size 100,100 --screenshot /tmp/pages/$1.$3.png '$2'" >/tmp/log."$1" 2>&1 || { cat /tmp/log."$1"; return 1; }
    [ "$(corner "/tmp/pages/$1.$3.png")" = "$3" ]
}
draw alice http://127.0.0.1:8000/ff0000.html ff0000
draw alice http://127.0.0.1:8000/00ff00.html 00ff00
draw root file:///tmp/pages/00ff00.html 00ff00
