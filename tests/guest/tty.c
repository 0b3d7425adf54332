/* SPDX-License-Identifier: Apache-2.0 */
/* Terminals: pairs from /dev/ptmx, their modes and sizes, controlling terminals, job control. */
#include "case.h"

#include <pty.h>
#include <sys/ioctl.h>
#include <termios.h>

static int open_pair(int *slave)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0 || grantpt(master) || unlockpt(master)) {
        say("master: %s", error_name(errno));
        _exit(1);
    }
    char name[64];
    if (ptsname_r(master, name, sizeof(name))) {
        say("ptsname: %s", error_name(errno));
        _exit(1);
    }
    *slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (*slave < 0)
        say("slave: %s", error_name(errno));
    return master;
}

/* A pair that passes bytes as they are. */
static int open_raw_pair(int *slave)
{
    int master = open_pair(slave);
    struct termios mode;
    tcgetattr(*slave, &mode);
    cfmakeraw(&mode);
    tcsetattr(*slave, TCSANOW, &mode);
    return master;
}

static void read_text(const char *what, int fd)
{
    char text[256];
    ssize_t length = read(fd, text, sizeof(text) - 1);
    if (length < 0) {
        say("%s: %s", what, error_name(errno));
        return;
    }
    for (ssize_t i = 0; i < length; i++)
        if (text[i] == '\r' || text[i] == '\n')
            text[i] = text[i] == '\r' ? '<' : '>';
    text[length] = '\0';
    say("%s: [%s]", what, text);
}

CASE(pair)
{
    int slave, master = open_pair(&slave);
    say("terminals %d %d", isatty(master), isatty(slave));
    char name[64], own[64];
    say("names agree %d", ptsname_r(master, name, sizeof(name)) == 0 && ttyname_r(slave, own, sizeof(own)) == 0 &&
        strcmp(name, own) == 0);
    struct stat st;
    fstat(slave, &st);
    say("char device %d mode %o gid %u uid %u", S_ISCHR(st.st_mode), st.st_mode & 0777, st.st_gid, st.st_uid);
    TRY(stat(name, &st));
    (void)!write(slave, "out\n", 4);
    read_text("master", master);
    (void)!write(master, "in\n", 3);
    read_text("slave", slave);
    read_text("echo", master);
    close(slave);
    read_text("hung up", master);
    close(master);
    TRY(stat(name, &st));
}

CASE(two_pairs)
{
    int one, two, first = open_raw_pair(&one), second = open_raw_pair(&two);
    char a[64], b[64];
    ptsname_r(first, a, sizeof(a)), ptsname_r(second, b, sizeof(b));
    say("different %d", strcmp(a, b) != 0);
    (void)!write(first, "1", 1), (void)!write(second, "2", 1);
    read_text("one", one);
    read_text("two", two);
    close(second);
    read_text("gone", two);
    TRY(write(two, "x", 1));
}

CASE(modes)
{
    int slave, master = open_pair(&slave);
    struct termios mode;
    TRY(tcgetattr(slave, &mode));
    say("%#x %#x %#x %#x", mode.c_iflag, mode.c_oflag, mode.c_cflag, mode.c_lflag);
    mode.c_lflag &= (tcflag_t) ~(ECHO | ICANON);
    TRY(tcsetattr(slave, TCSAFLUSH, &mode));
    (void)!write(master, "x", 1);
    read_text("without a line", slave);
    int count;
    (void)!write(master, "abc", 3);
    sleep_ms(50);
    TRY(ioctl(slave, FIONREAD, &count));
    say("count %d", count);
    TRY(tcflush(slave, TCIFLUSH));
    TRY(ioctl(slave, FIONREAD, &count));
    say("count %d", count);
    TRY(tcdrain(slave));
    TRY(tcsendbreak(slave, 0));
    TRY(tcgetattr(0, &mode));
    int pipe_fd[2];
    (void)!pipe(pipe_fd);
    TRY(tcgetattr(pipe_fd[0], &mode));
}

CASE(window_size)
{
    int slave, master = open_pair(&slave);
    struct winsize size = {.ws_row = 33, .ws_col = 99}, got;
    TRY(ioctl(master, TIOCGWINSZ, &got));
    say("%u %u", got.ws_row, got.ws_col);
    TRY(ioctl(master, TIOCSWINSZ, &size));
    TRY(ioctl(slave, TIOCGWINSZ, &got));
    say("%u %u", got.ws_row, got.ws_col);
    size.ws_row = 44;
    TRY(ioctl(slave, TIOCSWINSZ, &size));
    TRY(ioctl(master, TIOCGWINSZ, &got));
    say("%u", got.ws_row);
}

CASE(openpty_and_forkpty)
{
    int master, slave;
    TRY(openpty(&master, &slave, NULL, NULL, NULL));
    pid_t pid = forkpty(&master, NULL, NULL, &(struct winsize){.ws_row = 12, .ws_col = 34});
    if (pid == 0) {
        struct winsize size;
        ioctl(0, TIOCGWINSZ, &size);
        printf("%d %d %d %d %d\n", size.ws_row, size.ws_col, tcgetpgrp(0) == getpid(), getsid(0) == getpid(),
               open("/dev/tty", O_RDWR) >= 0);
        fflush(stdout);
        _exit(6);
    }
    read_text("child", master);
    say_wait("child", pid);
}

CASE(controlling_terminal)
{
    int slave, master = open_pair(&slave);
    (void)master;
    OPEN("/dev/tty", O_RDWR, 0);
    TRY(tcgetpgrp(slave));
    TRY(ioctl(slave, TIOCSCTTY, 0));
    OPEN("/dev/tty", O_RDWR, 0);
    say("foreground %d session %d", tcgetpgrp(slave) == getpgrp(), tcgetsid(slave) == getsid(0));
    IN_CHILD("child")
    {
        OPEN("/dev/tty", O_RDWR, 0);
        setsid();
        OPEN("/dev/tty", O_RDWR, 0);
        TRY(ioctl(slave, TIOCSCTTY, 0));
        TRY(tcgetpgrp(slave));
    }
    TRY(tcsetpgrp(slave, 99999));
    signal(SIGHUP, SIG_IGN);
    TRY(ioctl(slave, TIOCNOTTY));
    OPEN("/dev/tty", O_RDWR, 0);
}

CASE(opening_makes_it_controlling)
{
    int slave, master = open_pair(&slave);
    char name[64];
    ptsname_r(master, name, sizeof(name));
    IN_CHILD("a session leader opens it")
    {
        setsid();
        int fd = open(name, O_RDWR);
        say("%s", fd < 0 ? error_name(errno) : "ok");
        OPEN("/dev/tty", O_RDWR, 0);
        say("session %d", tcgetsid(fd) == getpid());
    }
    IN_CHILD("with O_NOCTTY")
    {
        setsid();
        (void)!open(name, O_RDWR | O_NOCTTY);
        OPEN("/dev/tty", O_RDWR, 0);
    }
}

CASE(interrupt_and_quit)
{
    int slave, master = open_pair(&slave);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        setsid();
        ioctl(slave, TIOCSCTTY, 0);
        (void)!write(slave, "ready", 5);
        sleep_ms(10000);
        _exit(0);
    }
    read_text("child", master);
    (void)!write(master, "\003", 1);
    say_wait("^C", pid);
    pid = fork_or_die();
    if (pid == 0) {
        setsid();
        ioctl(slave, TIOCSCTTY, 1);
        signal(SIGQUIT, _exit);
        (void)!write(slave, "ready", 5);
        sleep_ms(10000);
        _exit(0);
    }
    sleep_ms(50);
    (void)!write(master, "\034", 1);
    say_wait("^\\", pid);
}

CASE(job_control)
{
    int slave, master = open_raw_pair(&slave);
    (void)master;
    ioctl(slave, TIOCSCTTY, 0);
    struct termios mode;
    tcgetattr(slave, &mode);
    mode.c_lflag |= ISIG | TOSTOP;
    tcsetattr(slave, TCSANOW, &mode);
    signal(SIGTTOU, SIG_IGN);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        setpgid(0, 0);
        signal(SIGTTOU, SIG_DFL);
        char byte;
        _exit(read(slave, &byte, 1) == 1 ? 10 : 11);
    }
    setpgid(pid, pid);
    int status;
    waitpid(pid, &status, WUNTRACED);
    say_status("a background reader", status);
    TRY(tcsetpgrp(slave, pid));
    say("foreground %d", tcgetpgrp(slave) == pid);
    kill(-pid, SIGCONT);
    (void)!write(master, "x", 1);
    say_wait("in front it reads", pid);
    TRY(tcsetpgrp(slave, getpgrp()));
    pid = fork_or_die();
    if (pid == 0) {
        setpgid(0, 0);
        signal(SIGTTOU, SIG_DFL);
        (void)!write(slave, "y", 1);
        _exit(12);
    }
    setpgid(pid, pid);
    waitpid(pid, &status, WUNTRACED);
    say_status("a background writer", status);
    kill(pid, SIGKILL);
    say_wait("killed", pid);
    pid = fork_or_die();
    if (pid == 0) {
        setpgid(0, 0);
        sleep_ms(5000);
        _exit(0);
    }
    setpgid(pid, pid);
    tcsetpgrp(slave, pid);
    (void)!write(master, "\032", 1);
    waitpid(pid, &status, WUNTRACED);
    say_status("^Z", status);
    kill(-pid, SIGKILL);
    say_wait("killed", pid);
}

CASE(hang_up)
{
    int slave, master = open_pair(&slave);
    int ready[2];
    (void)!pipe(ready);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        close(master);
        setsid();
        ioctl(slave, TIOCSCTTY, 0);
        (void)!write(ready[1], "x", 1);
        sleep_ms(10000);
        _exit(0);
    }
    char byte;
    (void)!read(ready[0], &byte, 1);
    close(master);
    say_wait("the leader when the master is closed", pid);
}

CASE(window_signal)
{
    int slave, master = open_pair(&slave), ready[2];
    (void)!pipe(ready);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        setsid();
        ioctl(slave, TIOCSCTTY, 0);
        sigset_t mask;
        sigemptyset(&mask);
        sigaddset(&mask, SIGWINCH);
        sigprocmask(SIG_BLOCK, &mask, NULL);
        (void)!write(ready[1], "x", 1);
        int number = 0;
        sigwait(&mask, &number);
        struct winsize size;
        ioctl(slave, TIOCGWINSZ, &size);
        _exit(number == SIGWINCH ? size.ws_row : 1);
    }
    char byte;
    (void)!read(ready[0], &byte, 1);
    TRY(ioctl(master, TIOCSWINSZ, &(struct winsize){.ws_row = 77, .ws_col = 10}));
    say_wait("told of its new rows", pid);
}

CASE(peer_by_descriptor)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY), number = -1;
    TRY(ioctl(master, TIOCGPTN, &number));
    say("number %d", number >= 0);
    int lock = 1;
    TRY(ioctl(master, TIOCSPTLCK, &lock));
    char name[64];
    snprintf(name, sizeof(name), "/dev/pts/%d", number);
    TRY(open(name, O_RDWR | O_NOCTTY));
    lock = 0;
    TRY(ioctl(master, TIOCSPTLCK, &lock));
    int peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
    say("peer %s", peer < 0 ? error_name(errno) : "ok");
    OPEN("/dev/pts/9999", O_RDWR, 0);
    OPEN("/dev/ptmx", O_RDWR | O_NOCTTY, 0);
    TRY(isatty(0));
}

/* What only some terminals know, or only some may do: the same answers, whoever gives them. */
CASE(rare_questions)
{
    static const struct {
        unsigned int command;
        const char *name;
    } questions[] = {
        {TIOCGLCKTRMIOS, "GLCKTRMIOS"}, {TIOCSLCKTRMIOS, "SLCKTRMIOS"}, {TIOCGSERIAL, "GSERIAL"}, {TIOCSSERIAL, "SSERIAL"},
        {TIOCGICOUNT, "GICOUNT"},       {TCGETX, "TCGETX"},             {TCSETX, "TCSETX"},       {TIOCMIWAIT, "MIWAIT"},
        {TIOCMGET, "MGET"},             {TIOCGDEV, "GDEV"},             {TIOCGSOFTCAR, "GSOFTCAR"}, {TIOCSERGETLSR, "SERGETLSR"},
        {TIOCGETD, "GETD"},             {TIOCGEXCL, "GEXCL"},           {TIOCGPKT, "GPKT"},       {TIOCGRS485, "GRS485"},
        {TIOCLINUX, "LINUX"},           {TIOCSERCONFIG, "SERCONFIG"},   {TIOCGPTN, "GPTN"},       {TIOCGSID, "GSID"},
    };
    int slave, ends[2];
    int master = open_pair(&slave);
    TRY(pipe(ends));
    int file = open("file", O_RDWR | O_CREAT, 0600);
    const int fds[] = {master, slave, ends[0], file};
    const char *const names[] = {"master", "slave", "pipe", "file"};
    for (size_t f = 0; f < sizeof(fds) / sizeof(fds[0]); f++)
        for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
            long answer[64] = {0};
            int result = ioctl(fds[f], questions[i].command, answer);
            say("%s %s: %s", names[f], questions[i].name, result < 0 ? error_name(errno) : "ok");
        }
    struct termios locked;
    memset(&locked, 0xff, sizeof(locked));
    TRY(ioctl(slave, TIOCGLCKTRMIOS, &locked));
    say("locked %x %x", locked.c_lflag, locked.c_iflag);
}
