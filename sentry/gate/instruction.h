/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where one x86-64 instruction ends and the next begins. Only that: sites.c must know that the bytes of a call site are two
 * instructions and not the tail of others. Whatever is not in the tables (or not in 64-bit mode, or too long) has no length,
 * and the function it stands in is left alone. No memory, no state; reads only what it is given.
 * Source: Intel SDM volume 2, appendix A (opcode maps) and chapter 2 (encoding).
 */
#ifndef SENTRY_GATE_INSTRUCTION_H
#define SENTRY_GATE_INSTRUCTION_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the instruction at `code`, at most `size`; 0: not known, or cut off. */
size_t instruction_length(const uint8_t *code, size_t size);

#endif
