/* SPDX-License-Identifier: Apache-2.0 */
/* Text of others (a guest, a bundle, a sentry that may be the guest's) on its way to a terminal or a log. */
#ifndef POSTERN_TEXT_H
#define POSTERN_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Copies text with everything that is not plainly visible made so: control characters, bytes that are no UTF-8, and characters that
 * turn the direction of writing or begin a line become \n, \x1b, \u{202e}. Those in `kept` stay. What does not fit is left out, in
 * whole characters. Returns the length. */
size_t text_show(char *shown, size_t room, const char *text, const char *kept);

/* The same in memory of its own, as long as it needs to be; NULL if there is none. */
char *text_shown(const char *text, const char *kept);

/* The length of the UTF-8 character at the beginning of text, and which it is; 0 if there is none. */
size_t text_character(const char *text, unsigned int *ret_character);

/* Whether it is visible, and no more than that. */
bool text_is_plain(unsigned int character);

#endif
