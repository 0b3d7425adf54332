/* SPDX-License-Identifier: Apache-2.0 */
#include "postern/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ESCAPE_MAX = sizeof("\\u{10ffff}") };

size_t text_character(const char *text, unsigned int *ret_character)
{
    static const unsigned int least[] = {0, 0x80, 0x800, 0x10000}; /* of so many bytes behind the first: no longer form than needed */
    const unsigned char *bytes = (const unsigned char *)text;
    size_t more = bytes[0] < 0x80 ? 0 : (bytes[0] & 0xe0) == 0xc0 ? 1 : (bytes[0] & 0xf0) == 0xe0 ? 2 : 3;
    unsigned int character = more == 0 ? bytes[0] : bytes[0] & (0x3fu >> more);
    if (more == 3 && (bytes[0] & 0xf8) != 0xf0)
        return 0;
    for (size_t i = 1; i <= more; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0; /* also at the text's end */
        character = character << 6 | (bytes[i] & 0x3fu);
    }
    if (character < least[more] || character > 0x10ffff || (character >= 0xd800 && character < 0xe000))
        return 0;
    *ret_character = character;
    return more + 1;
}

bool text_is_plain(unsigned int character)
{
    static const struct {
        unsigned int first, last;
    } others[] = {
        {0, 0x1f},         {0x7f, 0x9f},       /* control characters */
        {0x200e, 0x200f},  {0x2028, 0x202e},   /* the direction of writing, and line separators */
        {0x2060, 0x206f},  {0xfeff, 0xfeff},   /* invisible ones, isolates */
        {0xfff9, 0xfffb},  {0xe0000, 0xe007f}, /* annotations, tags */
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (character >= others[i].first && character <= others[i].last)
            return false;
    return true;
}

/* One character, as it is shown. Returns its length in the text. */
static size_t show_one(const char *text, const char *kept, char shown[ESCAPE_MAX])
{
    static const char named[] = "\n\t\r", names[] = "ntr";
    unsigned int character = 0;
    size_t length = text_character(text, &character);
    const char *name = length == 1 ? strchr(named, (int)character) : NULL;
    if (length == 0)
        (void)snprintf(shown, ESCAPE_MAX, "\\x%02x", (unsigned char)*text);
    else if (text_is_plain(character) || (length == 1 && strchr(kept, (int)character) != NULL))
        (void)snprintf(shown, ESCAPE_MAX, "%.*s", (int)length, text);
    else if (name != NULL)
        (void)snprintf(shown, ESCAPE_MAX, "\\%c", names[name - named]);
    else
        (void)snprintf(shown, ESCAPE_MAX, character < 0x80 ? "\\x%02x" : "\\u{%x}", character);
    return length == 0 ? 1 : length;
}

size_t text_show(char *shown, size_t room, const char *text, const char *kept)
{
    size_t used = 0;
    while (*text != '\0') {
        char one[ESCAPE_MAX];
        text += show_one(text, kept, one);
        size_t length = strlen(one);
        if (used + length + 1 > room)
            break;
        memcpy(shown + used, one, length);
        used += length;
    }
    shown[used] = '\0';
    return used;
}

char *text_shown(const char *text, const char *kept)
{
    const size_t room = strlen(text) * 4 + 1; /* \xNN for each byte is the longest */
    char *shown = malloc(room);
    if (shown != NULL)
        (void)text_show(shown, room, text, kept);
    return shown;
}
