# Perl: files, processes, sockets, sorting, a module.
perl -we 'use strict; print "hello\n"' | grep -qx hello
perl -MFile::Find -e 'my $n = 0; find(sub { $n++ if -f }, "/etc"); exit($n > 50 ? 0 : 1)'
perl -MIO::Socket::INET -we '
  my $s = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") or die $!;
  if (fork == 0) { my $c = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $s->sockport) or die $!;
    print $c "ping\n"; exit 0 }
  my $a = $s->accept; my $l = <$a>; wait; exit($l eq "ping\n" ? 0 : 1)'
perl -we 'open my $p, "-|", "seq 1 1000" or die; my $s = 0; $s += $_ while <$p>; close $p; exit($s == 500500 ? 0 : 1)'
perl -we 'local $SIG{ALRM} = sub { exit 7 }; alarm 1; sleep 10; exit 1' || [ $? = 7 ]
seq 1 100000 | perl -ne '$s += $_; END { print "$s\n" }' | grep -qx 5000050000
perl -MFcntl=:flock -we 'open my $f, ">", "/tmp/l" or die; flock $f, LOCK_EX or die; print "locked"' | grep -q locked
cp /etc/passwd /tmp/p && perl -pi -e 's/root/ROOT/' /tmp/p && grep -q ^ROOT /tmp/p
