/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trampoline (sentry/gate/twin.c) jumps here as the call site would have made its call: the number in rax, arguments in their
 * registers. rcx, which is the call's to spoil, says where to return; r11 is free. No stack is the site's to lose but what lies
 * below its red zone. The code lies at GATE_ADDRESS, with its calls where gate.h says.
 */
#include <asm/unistd.h>

#include "sentry/stub/start_program.h"

    .section .text.entry, "ax", @progbits
    .globl gate_entry
    .type gate_entry, @function
gate_entry:
    lea -128(%rsp), %rsp      /* the red zone */
    push %rcx
    push %rax
    cmp $__NR_mmap, %eax
    je serve
    jmp first

    .org 0x3e                 /* GATE_FIRST: behind the instruction */
first:
    syscall
    cmp $-4, %rax             /* EINTR: see gate.h */
    je again
    cmp $-4094, %rax          /* GATE_WAITS */
    je final
return:
    mov 8(%rsp), %rcx
    lea 144(%rsp), %rsp
    jmp *%rcx
again:
    mov (%rsp), %rax
    jmp first
final:
    mov (%rsp), %rax
    jmp last

    .org 0x7e                 /* GATE_FINAL */
last:
    syscall
    jmp return

/* int64_t gate_native(nr, a, b, c, d, e, f), int64_t gate_ask(the same) */
    .globl gate_native, gate_ask
gate_native:
    call registers
    jmp native

    .org 0xbe                 /* GATE_NATIVE */
native:
    syscall
    ret
gate_ask:
    call registers
    jmp ask

    .org 0xfe                 /* GATE_ASK */
ask:
    syscall
    ret

    .org 0x140                /* GATE_LEAVE */
leave:
    mov $__NR_munmap, %eax
    syscall
    start_program

registers:
    mov %rdi, %rax
    mov %rsi, %rdi
    mov %rdx, %rsi
    mov %rcx, %rdx
    mov %r8, %r10
    mov %r9, %r8
    mov 16(%rsp), %r9
    ret

/* What C has a hand in: struct gate_call is on the stack, all registers but rax, rcx and r11 are as they were afterwards. */
serve:
    push %r9
    push %r8
    push %r10
    push %rdx
    push %rsi
    push %rdi
    mov %rsp, %rdi
    push %rbp
    mov %rsp, %rbp
    and $-16, %rsp
    call gate_map
    mov %rbp, %rsp
    pop %rbp
    pop %rdi
    pop %rsi
    pop %rdx
    pop %r10
    pop %r8
    pop %r9
    jmp return
    .size gate_entry, . - gate_entry
    .section .note.GNU-stack, "", @progbits
