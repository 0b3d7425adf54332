# seconds: 180
# dpkg and apt: build a package, install it with dpkg -i, remove it, install it with apt-get from a local repository.
export DEBIAN_FRONTEND=noninteractive
mkdir -p /tmp/hello/DEBIAN /tmp/hello/usr/bin /tmp/hello/etc && cd /tmp
cat >hello/DEBIAN/control <<'C'
Package: hello-cell
Version: 1.0
Architecture: all
Maintainer: Nobody <nobody@example.org>
Description: a package for a test
C
echo /etc/hello-cell.conf >hello/DEBIAN/conffiles
echo conf >hello/etc/hello-cell.conf
printf '#!/bin/sh\necho hello from a package\n' >hello/usr/bin/hello-cell
printf '#!/bin/sh\necho configured >/tmp/configured\n' >hello/DEBIAN/postinst
chmod 755 hello/usr/bin/hello-cell hello/DEBIAN/postinst
dpkg-deb --build hello repo.deb >/dev/null
dpkg -i repo.deb >/dev/null
[ "$(hello-cell)" = "hello from a package" ]
[ "$(cat /tmp/configured)" = configured ]
dpkg -s hello-cell | grep -q 'Status: install ok installed'
dpkg -V hello-cell
dpkg -S /usr/bin/hello-cell | grep -q hello-cell
dpkg -P hello-cell >/dev/null
[ ! -e /usr/bin/hello-cell ] && [ ! -e /etc/hello-cell.conf ]
mkdir -p /srv/repo && cp repo.deb /srv/repo/hello-cell_1.0_all.deb && cd /srv/repo
{ dpkg-deb -f hello-cell_1.0_all.deb
  echo "Filename: ./hello-cell_1.0_all.deb"
  echo "Size: $(stat -c %s hello-cell_1.0_all.deb)"
  echo "SHA256: $(sha256sum hello-cell_1.0_all.deb | cut -d' ' -f1)"; echo; } >Packages
rm -f /etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/srv/repo ./' >/etc/apt/sources.list
apt-get -q update
apt-get -q -y install hello-cell
[ "$(hello-cell)" = "hello from a package" ]
apt-cache policy hello-cell | grep -q 'Installed: 1.0'
apt-get -q -y purge hello-cell
refused command -v hello-cell
dpkg --audit
