/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/gate/instruction.h"

#include <stdbool.h>

enum { INSTRUCTION_MAX = 15 };

/*
 * What follows an opcode:
 *   .  nothing                     m  a ModRM byte and what it asks for
 *   b  8 bits at once              M  the same, then 8 bits
 *   w  16 bits                     Z  the same, then an operand
 *   z  an operand (16 or 32 bits)  v  an operand, 64 bits with REX.W
 *   r  a jump of 32 bits           o  an address of 64 bits
 *   e  24 bits                     t, T  ModRM; test has an operand, neg and the rest have none
 *   x  unknown
 */
static const char one_byte[] =
    "mmmmbzxxmmmmbzxx" /* 00 */
    "mmmmbzxxmmmmbzxx"
    "mmmmbzxxmmmmbzxx" /* 20 */
    "mmmmbzxxmmmmbzxx"
    "xxxxxxxxxxxxxxxx" /* 40: REX */
    "................"
    "xxxmxxxxzZbM...." /* 60 */
    "bbbbbbbbbbbbbbbb"
    "MZxMmmmmmmmmmmmx" /* 80 */
    "..........x....."
    "oooo....bz......" /* a0 */
    "bbbbbbbbvvvvvvvv"
    "MMw.xxMZe.w..bx." /* c0 */
    "mmmmxxx.mmmmmmmm"
    "bbbbbbbbrrxb...." /* e0 */
    "x.xx..tT......mm";

static const char two_byte[] =
    "mmmmx.....x.xm.x" /* 0f 00 */
    "mmmmmmmmmmmmmmmm"
    "mmmmxxxxmmmmmmmm" /* 0f 20 */
    "......x.xxxxxxxx"
    "mmmmmmmmmmmmmmmm" /* 0f 40 */
    "mmmmmmmmmmmmmmmm"
    "mmmmmmmmmmmmmmmm" /* 0f 60 */
    "MMMMmmm.xxxxmmmm"
    "rrrrrrrrrrrrrrrr" /* 0f 80 */
    "mmmmmmmmmmmmmmmm"
    "...mMmxx...mMmmm" /* 0f a0 */
    "mmmmmmmmmmMmmmmm"
    "mmMmMMMm........" /* 0f c0 */
    "mmmmmmmmmmmmmmmm"
    "mmmmmmmmmmmmmmmm" /* 0f e0 */
    "mmmmmmmmmmmmmmmm";

struct decoder {
    const uint8_t *code;
    size_t size, at;
    bool operand_16, wide;
};

static bool is_prefix(uint8_t byte)
{
    switch (byte) {
    case 0x26: case 0x2e: case 0x36: case 0x3e: case 0x64: case 0x65: case 0x66: case 0x67: case 0xf0: case 0xf2: case 0xf3:
        return true;
    default:
        return false;
    }
}

static bool next(struct decoder *decoder, uint8_t *ret_byte)
{
    if (decoder->at >= decoder->size)
        return false;
    *ret_byte = decoder->code[decoder->at++];
    return true;
}

static size_t skip(struct decoder *decoder, size_t bytes)
{
    decoder->at += bytes;
    return decoder->at <= decoder->size && decoder->at <= INSTRUCTION_MAX ? decoder->at : 0;
}

/* ModRM, SIB and displacement. */
static bool skip_address(struct decoder *decoder, uint8_t *ret_modrm)
{
    uint8_t modrm, sib = 0;
    if (!next(decoder, &modrm))
        return false;
    unsigned int mode = modrm >> 6, base = modrm & 7;
    if (mode != 3 && base == 4) {
        if (!next(decoder, &sib))
            return false;
        base = sib & 7;
    }
    if (mode == 1)
        decoder->at += 1;
    else if (mode == 2 || (mode == 0 && base == 5))
        decoder->at += 4;
    *ret_modrm = modrm;
    return true;
}

static size_t finish(struct decoder *decoder, char form)
{
    const size_t operand = decoder->operand_16 ? 2 : 4;
    uint8_t modrm = 0;
    switch (form) {
    case '.': return skip(decoder, 0);
    case 'b': return skip(decoder, 1);
    case 'w': return skip(decoder, 2);
    case 'e': return skip(decoder, 3);
    case 'o': return skip(decoder, 8);
    case 'z': return skip(decoder, operand);
    case 'v': return skip(decoder, decoder->wide ? 8 : operand);
    case 'r': return decoder->operand_16 ? 0 : skip(decoder, 4); /* processors differ with 66 */
    case 'x': return 0;
    default: break;
    }
    if (!skip_address(decoder, &modrm))
        return 0;
    const bool has_operand = (modrm >> 3 & 7) < 2;
    switch (form) {
    case 'm': return skip(decoder, 0);
    case 'M': return skip(decoder, 1);
    case 'Z': return skip(decoder, operand);
    case 't': return skip(decoder, has_operand ? 1 : 0);
    case 'T': return skip(decoder, has_operand ? operand : 0);
    default: return 0;
    }
}

/* 0f 38 and 0f 3a, and what the vector encodings say instead: 1 is 0f, 2 is 0f 38, 3 is 0f 3a; 5 and 6 are half precision. */
static size_t finish_in_map(struct decoder *decoder, unsigned int map, uint8_t opcode)
{
    if (map == 2 || map == 5 || map == 6)
        return finish(decoder, 'm');
    if (map == 3)
        return finish(decoder, 'M');
    if (map != 1)
        return 0;
    return finish(decoder, two_byte[opcode]);
}

static size_t vector_length(struct decoder *decoder, uint8_t first)
{
    uint8_t byte, opcode;
    unsigned int map = 1;
    if (!next(decoder, &byte))
        return 0;
    if (first == 0xc4)
        map = byte & 0x1f;
    else if (first == 0x62)
        map = byte & 7;
    decoder->at += first == 0xc5 ? 0 : first == 0xc4 ? 1 : 2;
    if (!next(decoder, &opcode))
        return 0;
    return finish_in_map(decoder, map, opcode);
}

static size_t escaped_length(struct decoder *decoder)
{
    uint8_t opcode;
    if (!next(decoder, &opcode))
        return 0;
    if (opcode != 0x38 && opcode != 0x3a)
        return finish_in_map(decoder, 1, opcode);
    unsigned int map = opcode == 0x38 ? 2 : 3;
    return next(decoder, &opcode) ? finish_in_map(decoder, map, opcode) : 0;
}

size_t instruction_length(const uint8_t *code, size_t size)
{
    struct decoder decoder = {.code = code, .size = size};
    uint8_t byte;
    do {
        if (!next(&decoder, &byte))
            return 0;
        decoder.operand_16 = decoder.operand_16 || byte == 0x66;
    } while (is_prefix(byte) && decoder.at < INSTRUCTION_MAX);
    if ((byte & 0xf0) == 0x40) {
        decoder.wide = (byte & 8) != 0;
        if (!next(&decoder, &byte))
            return 0;
    }
    if (byte == 0x0f)
        return escaped_length(&decoder);
    if (byte == 0xc4 || byte == 0xc5 || byte == 0x62)
        return vector_length(&decoder, byte);
    return finish(&decoder, one_byte[byte]);
}
