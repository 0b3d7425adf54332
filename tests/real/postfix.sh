# sandbox: --tree daemons
# Postfix: a dozen programs of several users, started on demand by a master, that pass sockets, lock mailboxes and drop to whom they deliver.
useradd -m alice
postconf -e myhostname=cell.test mydestination=cell.test inet_protocols=ipv4 maillog_file=/var/log/mail.log smtp_dns_support_level=disabled
newaliases
postfix start 2>/dev/null
postfix status 2>/dev/null
python3 - <<'P'
import smtplib, time
for _ in range(50):
    try:
        with smtplib.SMTP("127.0.0.1", 25) as smtp:
            smtp.sendmail("bob@elsewhere.test", "alice@cell.test", "Subject: first\n\nby smtp\n")
            for word in ("missing@cell.test", "two words@cell.test"):
                try:
                    smtp.sendmail("bob@elsewhere.test", word, "no\n")
                    raise SystemExit(word + " was accepted")
                except smtplib.SMTPRecipientsRefused:
                    pass
        break
    except OSError:
        time.sleep(0.1)
P
printf 'Subject: second\n\nfrom inside\n' | su www-data -s /bin/sh -c 'sendmail alice'
for _ in $(seq 100); do [ "$(grep -c '^From ' /var/mail/alice 2>/dev/null)" = 2 ] && break; sleep 0.1; done
[ "$(grep -cE '^(Subject: (first|second)|by smtp|from inside)$' /var/mail/alice)" = 4 ]
[ "$(stat -c '%U %G %a' /var/mail/alice)" = 'alice mail 600' ]
grep -q 'uid=33 from=<www-data>' /var/log/mail.log
[ "$(mailq)" = 'Mail queue is empty' ]
postconf -e default_transport=hold: # what cannot be delivered stays in the queue
echo x | sendmail someone@far.test
for _ in $(seq 50); do mailq | grep -q someone@far.test && break; sleep 0.1; done
mailq | grep -q someone@far.test
postsuper -d ALL 2>/dev/null
[ "$(mailq)" = 'Mail queue is empty' ]
postfix stop 2>/dev/null
refused postfix status 2>/dev/null
refused grep -qE 'panic:|fatal:' /var/log/mail.log
