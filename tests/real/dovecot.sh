# sandbox: --tree daemons
# Dovecot: a login process without rights hands a connection, by descriptor, to one of the user's; the mailbox tells by inotify that there is mail.
useradd -m alice
echo alice:secret | chpasswd
su alice -c 'mkdir -p ~/Maildir/{cur,new,tmp}; printf "Subject: first\n\nbody\n" >~/Maildir/new/1' -s /bin/bash
cat >/etc/dovecot/local.conf <<'D'
mail_location = maildir:~/Maildir
ssl = no
disable_plaintext_auth = no
log_path = /var/log/dovecot.log
D
dovecot
cat >/tmp/mail.py <<'P'
import imaplib, os, subprocess, time
for _ in range(50):
    try:
        box = imaplib.IMAP4("127.0.0.1")
        break
    except OSError:
        time.sleep(0.1)
box.login("alice", "secret")
assert box.select()[1] == [b"1"]
assert b"Subject: first" in box.fetch("1", "(BODY[HEADER])")[1][0][1]
box.send(b"x IDLE\r\n")
while not box.readline().startswith(b"+"):
    pass
subprocess.run(["su", "alice", "-c", "printf 'Subject: second\\n\\nbody\\n' >~/Maildir/tmp/2 && mv ~/Maildir/tmp/2 ~/Maildir/new/2"], check=True)
box.sock.settimeout(10)
while b"2 EXISTS" not in (line := box.readline()):
    assert line
box.send(b"DONE\r\n")
while not box.readline().startswith(b"x OK"):
    pass
assert "alice" in subprocess.run(["doveadm", "who"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
users = {os.stat(f"/proc/{pid}").st_uid for pid in subprocess.run(["pgrep", "-x", "imap"], stdout=subprocess.PIPE, text=True).stdout.split()}
assert users == {1000}, users
box.append("INBOX", None, None, b"Subject: third\r\n\r\nbody\r\n")
assert box.search(None, "SUBJECT", "third")[1] == [b"3"]
box.logout()
P
python3 /tmp/mail.py
doveadm stop
for _ in $(seq 50); do pgrep dovecot >/dev/null || break; sleep 0.1; done
refused pgrep dovecot
refused grep -qE 'Error|Fatal|Panic' /var/log/dovecot.log
