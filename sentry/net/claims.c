/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/net/claims.h"

#include <errno.h>
#include <stdlib.h>

#include "postern/cleanup.h"
#include "postern/mark.h"
#include "sentry/net/people.h"

struct claims {
    struct people *people;
    pid_t *pids[LABELS]; /* of each person: LABELS of them, by remainder */
};

struct claims *claims_new(void)
{
    auto_free struct claims *claims = calloc(1, sizeof(*claims));
    if (claims == NULL || (claims->people = people_new(LABELS)) == NULL)
        return NULL;
    return take_ptr(claims);
}

void claims_free(struct claims *claims)
{
    if (claims == NULL)
        return;
    for (size_t i = 0; i < LABELS; i++)
        free(claims->pids[i]);
    people_free(claims->people);
    free(claims);
}

int claims_ticket(struct claims *claims, const struct ucred *claim, uint32_t *ret_ticket)
{
    const struct person person = {.uid = claim->uid, .gid = claim->gid};
    uint32_t who;
    if (claim->pid < 0)
        return -EINVAL;
    int error = people_number(claims->people, &person, &who);
    if (error < 0)
        return error;
    if (claims->pids[who] == NULL && (claims->pids[who] = calloc(LABELS, sizeof(pid_t))) == NULL)
        return -ENOMEM;
    const uint32_t remainder = (uint32_t)claim->pid % LABELS;
    claims->pids[who][remainder] = claim->pid;
    *ret_ticket = remainder * LABELS + who;
    return 0;
}

bool claims_find(const struct claims *claims, uint32_t ticket, struct ucred *ret_claim)
{
    const uint32_t who = ticket % LABELS, remainder = ticket / LABELS % LABELS;
    const struct person *person = people_find(claims->people, who);
    if (person == NULL || claims->pids[who] == NULL)
        return false;
    *ret_claim = (struct ucred){.pid = claims->pids[who][remainder], .uid = person->uid, .gid = person->gid};
    return true;
}
