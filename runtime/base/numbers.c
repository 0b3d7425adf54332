/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/numbers.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "postern/error.h"

static int parse(const char *text, const char *what, long long most, long long *ret_number, struct error *error)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (!isdigit((unsigned char)text[0]) || *end != '\0' || errno != 0 || number > most)
        return error_refuse(error, "%s: \"%.40s\" is not a number from 0 to %lld", what, text, most);
    *ret_number = number;
    return 0;
}

int number_parse(const char *text, const char *what, long long most, int *ret_number, struct error *error)
{
    long long number;
    int result = parse(text, what, most, &number, error);
    if (result == 0)
        *ret_number = (int)number;
    return result;
}

int number_parse_id(const char *text, const char *what, unsigned int *ret_id, struct error *error)
{
    long long number;
    int result = parse(text, what, (long long)UINT_MAX - 1, &number, error);
    if (result == 0)
        *ret_id = (unsigned int)number;
    return result;
}

int number_parse_bytes(const char *text, const char *what, int64_t *ret_bytes, struct error *error)
{
    static const char units[] = "bkmgtp";
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    const char *unit = *end != '\0' ? strchr(units, tolower((unsigned char)*end)) : units;
    bool bare = *end == '\0' || end[1] == '\0' || strcasecmp(end + 1, "b") == 0 || strcasecmp(end + 1, "ib") == 0;
    unsigned int shift = unit != NULL ? (unsigned int)(unit - units) * 10 : 0;
    if (!isdigit((unsigned char)text[0]) || errno != 0 || unit == NULL || !bare || value > (unsigned long long)INT64_MAX >> shift)
        return error_refuse(error, "%s: \"%.40s\" is not a number of bytes such as 512m or 1g", what, text);
    *ret_bytes = (int64_t)(value << shift);
    return 0;
}

/* A number of the list at *at; -1 if there is none. */
static long take_number(const char **at, size_t limit)
{
    char *end;
    if (!isdigit((unsigned char)**at))
        return -1;
    errno = 0;
    long number = strtol(*at, &end, 10);
    *at = end;
    return errno == 0 && (unsigned long)number < limit ? number : -1;
}

int number_parse_set(const char *list, uint64_t *bits, size_t most)
{
    const size_t limit = most * NUMBER_SET_BITS;
    bool any = false;
    memset(bits, 0, most * sizeof(*bits));
    for (const char *at = list + strspn(list, " "); *at != '\0'; at += strspn(at, " ")) {
        long first = take_number(&at, limit), last = first;
        if (*at == '-') {
            at++;
            last = take_number(&at, limit);
        }
        at += strspn(at, " ");
        if (first < 0 || last < first || (*at != ',' && *at != '\0'))
            return -EINVAL;
        for (long number = first; number <= last; number++)
            bits[number / NUMBER_SET_BITS] |= UINT64_C(1) << (number % NUMBER_SET_BITS);
        any = true;
        at += *at == ',';
    }
    return any ? 0 : -EINVAL;
}

int number_parse_time(const char *text, const char *what, int64_t *ret_ms, struct error *error)
{
    static const struct {
        const char *unit;
        double ms;
    } units[] = {{"", 1e3}, {"s", 1e3}, {"m", 6e4}, {"h", 3.6e6}, {"d", 8.64e7}, {"ms", 1}};
    enum { UNITS = sizeof(units) / sizeof(units[0]) };
    char *end;
    double number = strtod(text, &end);
    size_t at = 0;
    while (at < UNITS && strcmp(end, units[at].unit) != 0)
        at++;
    const double ms = at < UNITS ? number * units[at].ms : 0;
    if (strspn(text, "0123456789.") != (size_t)(end - text) || !(ms >= 1) || ms > 1e15)
        return error_refuse(error, "%s: \"%.40s\" is not a time such as 90, 90s, 5m or 1h", what, text);
    *ret_ms = (int64_t)ms;
    return 0;
}
