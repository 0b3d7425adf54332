/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/numbers.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

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
