# openssl: digests, ciphers, keys, certificates, a TLS connection.
cd /tmp
[ "$(printf abc | openssl dgst -sha256 -r | cut -d' ' -f1)" = ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad ]
dd if=/dev/urandom of=plain bs=1M count=5 2>/dev/null
openssl enc -aes-256-cbc -pbkdf2 -k secret -in plain -out cipher
openssl enc -d -aes-256-cbc -pbkdf2 -k secret -in cipher | cmp - plain
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key -out cert -subj /CN=localhost -days 2 2>/dev/null
openssl x509 -in cert -noout -subject | grep -q localhost
openssl s_server -accept 127.0.0.1:4433 -key key -cert cert -www >/dev/null 2>&1 &
server=$!
for i in $(seq 50); do echo | openssl s_client -connect 127.0.0.1:4433 -CAfile cert 2>/dev/null | grep -q 'Verify return code: 0' && break; sleep 0.1; done
printf 'GET / HTTP/1.0\r\n\r\n' | openssl s_client -quiet -connect 127.0.0.1:4433 -CAfile cert 2>/dev/null | grep -q Cipher
kill $server
openssl rand -hex 16 | grep -qE '^[0-9a-f]{32}$'
