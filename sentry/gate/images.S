/* SPDX-License-Identifier: Apache-2.0 */
/* The stub's and the gate's bytes, inside the sentry: no path leads to them. */
    .section .rodata
    .globl stub_image, stub_image_end, gate_image, gate_image_end
    .balign 16
stub_image:
    .incbin STUB_PATH
stub_image_end:
    .balign 16
gate_image:
    .incbin GATE_PATH
gate_image_end:
    .section .note.GNU-stack, "", @progbits
