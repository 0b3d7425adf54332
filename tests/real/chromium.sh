# by name: its tree is large
# sandbox: --tree browser
# seconds: 240
# A browser: processes that hand each other descriptors and are told who sends them; pages with scripts, from an address and a server.
useradd -m -s /bin/bash alice
mkdir /srv/www
echo '<p id=a>x</p><script>document.getElementById("a").innerText=6*7;</script>' >/srv/www/index.html
(cd /srv/www && exec python3 -m http.server --bind 127.0.0.1 8000 >/dev/null 2>&1) &
browse() { # user, address, option...
    su "$1" -c "cd; exec timeout 60 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage ${*:3} --dump-dom '$2' 2>/tmp/log.$1" |
        grep -q '<p id="a">42</p>' || { tail /tmp/log."$1"; return 1; }
}
page='data:text/html,<p id=a>x</p><script>document.getElementById(%22a%22).innerText=6*7;</script>'
browse root "$page"
browse alice "$page"
browse alice http://127.0.0.1:8000/
browse alice "$page" --no-zygote
