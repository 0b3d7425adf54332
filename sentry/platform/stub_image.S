/* SPDX-License-Identifier: Apache-2.0 */
/* The stub program's bytes, inside the sentry: no path leads to it. */
    .section .rodata
    .globl stub_image, stub_image_end
    .balign 16
stub_image:
    .incbin STUB_PATH
stub_image_end:
    .section .note.GNU-stack, "", @progbits
