/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel enters here with the new stack as it built it. We leave that stack alone and work on one of our
 * own, because the program's stack is rebuilt below the old one.
 */
#include "sentry/stub/start_program.h"

    .text
    .globl _start
    .type _start, @function
    .balign 8
    .quad plan - _start       /* the sentry looks for it here (platform/exec.c) */
_start:
    xor %ebp, %ebp
    mov %rsp, %rdi
    lea stub_stack_top(%rip), %rsp
    and $-16, %rsp
    lea -32(%rsp), %rsp
    mov %rsp, %rsi            /* where stub_main puts a struct leaving */
    call stub_main
    mov 8(%rsp), %rax         /* the entry point */
    mov 16(%rsp), %rdi
    mov 24(%rsp), %rcx
    mov (%rsp), %rsp
    push %rax
    test %rcx, %rcx
    jz 1f
    lea _end(%rip), %rsi      /* all of the stub: what it does next is done by the gate */
    sub %rdi, %rsi
    jmp *%rcx
1:
    start_program
    .size _start, . - _start

    .bss
    .balign 16
stub_stack:
    .skip 16384
stub_stack_top:
    .section .note.GNU-stack, "", @progbits
