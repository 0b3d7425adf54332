# sandbox: --tree daemons
# Apache with each of its ways to be many: threads, processes, both; programs behind it; new configurations while it serves; an end that waits.
set -E # a line of serve() that fails is named
echo served >/var/www/html/index.html
echo 'ServerName cell' >>/etc/apache2/apache2.conf
sed -i 's/^APACHE_ULIMIT.*//; s/#\?APACHE_ULIMIT_MAX_FILES=.*/APACHE_ULIMIT_MAX_FILES=true/' /etc/apache2/envvars
grep -q ULIMIT_MAX_FILES=true /etc/apache2/envvars || echo 'APACHE_ULIMIT_MAX_FILES=true' >>/etc/apache2/envvars
mkdir -p /usr/lib/cgi-bin
printf '#!/bin/sh\necho Content-type: text/plain\necho\nid -un\ncat\n' >/usr/lib/cgi-bin/run
chmod 755 /usr/lib/cgi-bin/run
count() { pgrep -c apache2 || true; }
serve() { # the module, and how it starts programs
    rm -f /etc/apache2/mods-enabled/mpm_* /etc/apache2/mods-enabled/cgi*
    a2enmod -q "mpm_$1" "$2" >/dev/null
    apachectl start
    for _ in $(seq 50); do curl -s http://127.0.0.1/ >/dev/null && break; sleep 0.1; done
    [ "$(curl -sS http://127.0.0.1/)" = served ]
    [ "$(curl -sS -d data http://127.0.0.1/cgi-bin/run | tr '\n' ' ')" = 'www-data data' ]
    [ "$(curl -sS -o /dev/null -w '%{http_code}' http://127.0.0.1/missing)" = 404 ]
    for n in 1 2 3 4; do (for _ in 1 2 3 4 5; do curl -sS http://127.0.0.1/; done) >"/tmp/$1.$n" & done
    wait
    [ "$(cat /tmp/"$1".* | grep -c served)" = 20 ]
    apachectl graceful
    [ "$(curl -sS http://127.0.0.1/)" = served ]
    apachectl -k graceful-stop
    for _ in $(seq 100); do [ "$(count)" = 0 ] && break; sleep 0.1; done
    [ "$(count)" = 0 ]
}
serve event cgid
serve prefork cgi
serve worker cgid
refused grep -qE ':(warn|error|crit|alert|emerg)\]' /var/log/apache2/error.log
