# sandbox: --tree daemons
# PHP behind nginx: a master that hands its socket to workers of another user, sessions, SQLite, programs started from a page, new workers in flight.
mkdir -p /run/php /srv
chmod 755 /srv
cat >/srv/page.php <<'P'
<?php
session_start();
$_SESSION['visits'] = ($_SESSION['visits'] ?? 0) + 1;
$db = new SQLite3('/tmp/pages.db');
$db->busyTimeout(5000);
$db->exec('create table if not exists visits (at int)');
$db->exec('insert into visits values (1)');
echo $_SESSION['visits'], ' ', PHP_SAPI, ' ', trim(`id -un`), ' ', $_SERVER['REQUEST_METHOD'], ' ', strlen(file_get_contents('php://input')), ' ',
    opcache_get_status(false)['opcache_enabled'] ? 'cached' : 'not cached', "\n";
P
fpm=$(echo /usr/sbin/php-fpm*)
cat >/etc/nginx/sites-enabled/default <<N
server { listen 8080; root /srv; location ~ \.php\$ { include snippets/fastcgi-php.conf; fastcgi_pass unix:/run/php/test.sock; } }
N
sed -i 's|^listen = .*|listen = /run/php/test.sock|; s|^pm = .*|pm = static|; s|^pm.max_children = .*|pm.max_children = 3|' /etc/php/*/fpm/pool.d/www.conf
"$fpm" -D
nginx
[ "$(stat -c '%U %a' /run/php/test.sock)" = 'www-data 660' ]
page() { curl -sS -b /tmp/jar -c /tmp/jar "$@" http://127.0.0.1:8080/page.php; }
[ "$(page)" = '1 fpm-fcgi www-data GET 0 cached' ]
head -c 200000 /dev/zero >/tmp/body
[ "$(page --data-binary @/tmp/body)" = '2 fpm-fcgi www-data POST 200000 cached' ]
for _ in 1 2 3 4; do (for _ in 1 2 3 4 5; do curl -sS http://127.0.0.1:8080/page.php; done) >/tmp/out.$RANDOM & done
wait
[ "$(cat /tmp/out.* | grep -c '^1 fpm-fcgi www-data GET')" = 20 ]
kill -USR2 "$(cat /run/php/*.pid)" # the master executes itself anew and takes the socket along
for _ in $(seq 50); do grep -q 'using inherited socket' /var/log/php*-fpm.log && break; sleep 0.1; done
[ "$(page)" = '3 fpm-fcgi www-data GET 0 cached' ]
kill -QUIT "$(cat /run/php/*.pid)"
for _ in $(seq 50); do pgrep php-fpm >/dev/null || break; sleep 0.1; done
refused pgrep php-fpm
refused grep -qE 'WARNING|ERROR|ALERT' /var/log/php*-fpm.log
