# seconds: 120
# A program of several files, made with make -j4, and run; a shared library; a static program.
mkdir -p /tmp/p && cd /tmp/p
for i in $(seq 1 20); do
    printf '#include "all.h"\n#include <stdio.h>\nint f%d(int x) { char b[32]; snprintf(b, 32, "%%d", x); return x + %d; }\n' $i $i >f$i.c
    echo "int f$i(int);" >>all.h
done
{ echo '#include <stdio.h>'; echo '#include "all.h"'; echo 'int main(void) { int s = 0;'
  for i in $(seq 1 20); do echo "s = f$i(s);"; done; echo 'printf("%d\n", s); return s == 210 ? 0 : 1; }'; } >main.c
cat >Makefile <<'M'
objects = $(patsubst %.c,%.o,$(wildcard *.c))
prog: $(objects)
	$(CC) -o $@ $^
%.o: %.c all.h
	$(CC) -O2 -Wall -Werror -c -o $@ $<
M
make -s -j4 prog
[ "$(./prog)" = 210 ]
make -q prog
touch f3.c
refused make -q prog
make -s -j4 prog && ./prog
gcc -shared -fPIC -o libf.so f1.c && gcc -o dyn -x c - -L. -lf -Wl,-rpath,/tmp/p <<<'int f1(int); int main(void) { return f1(4) - 5; }' && ./dyn
gcc -static -o static main.c f*.c && ./static >/dev/null
gcc -pthread -g -fsanitize-recover=all -o nothing -x c - 2>/dev/null <<<'int main(void) { return 0; }' && ./nothing
refused gcc -c -x c -o /dev/null - 2>/dev/null <<<'int main(void) { return }'
