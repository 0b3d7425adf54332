/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers on the command line. */
#ifndef RUNTIME_BASE_NUMBERS_H
#define RUNTIME_BASE_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

struct error;

enum { PRESERVE_FDS_MAX = 64 };

/* A decimal number from 0 to most, with nothing around it. what: the option or part, for the words. 0 or -EINVAL. */
int number_parse(const char *text, const char *what, long long most, int *ret_number, struct error *error);
/* The same for ids. */
int number_parse_id(const char *text, const char *what, unsigned int *ret_id, struct error *error);
/* Bytes, perhaps with a unit: 64m, 1g, 512KiB; a thousand is always 1024. */
int number_parse_bytes(const char *text, const char *what, int64_t *ret_bytes, struct error *error);

/* "0-3, 7", numbers and ranges as the kernel writes them, as bits of `most` words. 0, or -EINVAL: it is no such list, has a number
 * too high, or none at all. */
enum { NUMBER_SET_BITS = 64 };
int number_parse_set(const char *list, uint64_t *bits, size_t most);

/* A time in milliseconds: 90, 90s, 1.5m, 1h, 500ms. Not 0. */
int number_parse_time(const char *text, const char *what, int64_t *ret_ms, struct error *error);

#endif
