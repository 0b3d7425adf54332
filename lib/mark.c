/* SPDX-License-Identifier: Apache-2.0 */
#include "postern/mark.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "postern/confine.h"

CONFINE_ALLOW(setgroups, "marks a socket with who connects, listens or makes a pair");

enum { WHO_BITS = 16, PID_BITS = 24, TIME_BITS = 56, DIGIT_MASK = (1 << MARK_DIGIT_BITS) - 1 };

_Static_assert(WHO_BITS + PID_BITS + TIME_BITS == MARK_DIGITS * MARK_DIGIT_BITS, "the digits hold all fields");

bool mark_fits(const struct mark *mark)
{
    return mark->pid < UINT32_C(1) << PID_BITS && mark->time < UINT64_C(1) << TIME_BITS;
}

/* Fields one behind the other, lowest bit first. */
static unsigned int bit_of(const struct mark *mark, unsigned int bit)
{
    if (bit < WHO_BITS)
        return mark->who >> bit & 1;
    bit -= WHO_BITS;
    return bit < PID_BITS ? mark->pid >> bit & 1 : (unsigned int)(mark->time >> (bit - PID_BITS) & 1);
}

static void set_bit(struct mark *mark, unsigned int bit)
{
    if (bit < WHO_BITS)
        mark->who = (uint16_t)(mark->who | 1U << bit);
    else if (bit < WHO_BITS + PID_BITS)
        mark->pid |= UINT32_C(1) << (bit - WHO_BITS);
    else
        mark->time |= UINT64_C(1) << (bit - WHO_BITS - PID_BITS);
}

void mark_to_groups(const struct mark *mark, gid_t first, gid_t ret_groups[MARK_DIGITS])
{
    for (unsigned int i = 0; i < MARK_DIGITS; i++) {
        unsigned int digit = 0;
        for (unsigned int bit = 0; bit < MARK_DIGIT_BITS; bit++)
            digit |= bit_of(mark, i * MARK_DIGIT_BITS + bit) << bit;
        ret_groups[i] = first + (i << MARK_DIGIT_BITS) + digit;
    }
}

bool mark_from_groups(const gid_t *groups, size_t count, gid_t first, struct mark *ret_mark)
{
    struct mark mark = {0};
    if (count != MARK_DIGITS)
        return false;
    for (unsigned int i = 0; i < MARK_DIGITS; i++) {
        gid_t digit = groups[i] - first - (i << MARK_DIGIT_BITS);
        if (digit > DIGIT_MASK)
            return false;
        for (unsigned int bit = 0; bit < MARK_DIGIT_BITS; bit++)
            if ((digit >> bit & 1) != 0)
                set_bit(&mark, i * MARK_DIGIT_BITS + bit);
    }
    *ret_mark = mark;
    return true;
}

/* By the call itself: the C library would do it for all threads. */
int mark_wear(const gid_t *groups)
{
    return syscall(SYS_setgroups, groups != NULL ? MARK_DIGITS : 0, groups) < 0 ? -errno : 0;
}
