/* SPDX-License-Identifier: Apache-2.0 */
/* For the assembler: the last step of a start. The stack is the program's, and on it lies where it begins; all registers are as the kernel
 * leaves them. */
    .macro start_program
    xor %eax, %eax
    xor %ebx, %ebx
    xor %ecx, %ecx
    xor %edx, %edx            /* no exit function for the C library to register */
    xor %esi, %esi
    xor %edi, %edi
    xor %r8d, %r8d
    xor %r9d, %r9d
    xor %r10d, %r10d
    xor %r11d, %r11d
    xor %r12d, %r12d
    xor %r13d, %r13d
    xor %r14d, %r14d
    xor %r15d, %r15d
    cld
    ret
    .endm
