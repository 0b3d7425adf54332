/* SPDX-License-Identifier: Apache-2.0 */
#include "sentry/net/senders.h"

#include <stdlib.h>

#include "postern/cleanup.h"

enum {
    PASTS_SHARE = 512, /* of one user */
    SHARES_MAX = 64,
    IDS_MAX = 8,        /* that one process had in a short time */
    OVERFLOW_GID = 65534,
    ALLOCATION_US = 1, /* no machine gives pids out faster than one in a microsecond: they are given under one lock */
};

struct past {
    pid_t pid, vpid; /* 0: no entry */
    struct real_ids ids;
    uint64_t until;
    bool ended;
};

/* Those of one user: whoever makes many processes makes his own ones forgotten. */
struct sender_share {
    uid_t user;
    uint64_t used; /* for which is the one not used for longest */
    size_t next;
    struct past pasts[PASTS_SHARE];
};

struct senders {
    uint64_t reuse_us; /* within this time no number is given twice */
    struct real_ids only;
    bool mixed; /* there has been somebody with other ids than `only` */
    uint64_t clock;
    struct sender_share *shares[SHARES_MAX];
};

struct senders *senders_new(uint32_t pid_max, const struct real_ids *first)
{
    struct senders *senders = calloc(1, sizeof(*senders));
    if (senders != NULL) {
        senders->reuse_us = (uint64_t)pid_max * ALLOCATION_US;
        senders->only = *first;
    }
    return senders;
}

void senders_free(struct senders *senders)
{
    if (senders == NULL)
        return;
    for (size_t i = 0; i < SHARES_MAX; i++)
        free(senders->shares[i]);
    free(senders);
}

static bool same(const struct real_ids *one, const struct real_ids *other)
{
    return one->uid == other->uid && one->gid == other->gid;
}

void senders_met(struct senders *senders, const struct real_ids *ids)
{
    senders->mixed = senders->mixed || !same(ids, &senders->only);
}

/* The user's own, a free one, or the one not used for longest. */
static struct sender_share *past_of(struct senders *senders, uid_t user)
{
    struct sender_share **best = &senders->shares[0];
    for (size_t i = 0; i < SHARES_MAX; i++) {
        struct sender_share **at = &senders->shares[i];
        if (*at != NULL && (*at)->user == user)
            return *at;
        if (*best != NULL && (*at == NULL || (*at)->used < (*best)->used))
            best = at;
    }
    if (*best == NULL && (*best = malloc(sizeof(**best))) == NULL)
        return NULL;
    **best = (struct sender_share){.user = user};
    return *best;
}

void senders_past(struct senders *senders, pid_t pid, pid_t vpid, const struct real_ids *ids, uint64_t now, bool ended)
{
    struct sender_share *share = past_of(senders, ids->uid);
    if (share == NULL)
        return;
    share->used = ++senders->clock;
    share->pasts[share->next] = (struct past){.pid = pid, .vpid = vpid, .ids = *ids, .until = now, .ended = ended};
    share->next = (share->next + 1) % PASTS_SHARE;
}

bool senders_ask_birth(const struct senders *senders, uint64_t since, uint64_t now)
{
    return senders->mixed && now - since >= senders->reuse_us;
}

/* What is found of a number, over a time. */
struct finding {
    size_t count;
    struct real_ids ids[IDS_MAX]; /* all that its processes had */
    bool too_many;
    const struct past *end; /* of the last process that had it */
};

static void add(struct finding *finding, const struct real_ids *ids)
{
    for (size_t i = 0; i < finding->count; i++)
        if (same(&finding->ids[i], ids))
            return;
    if (finding->count == IDS_MAX)
        finding->too_many = true;
    else
        finding->ids[finding->count++] = *ids;
}

static struct finding look(const struct senders *senders, pid_t pid, uint64_t since)
{
    struct finding finding = {0};
    for (size_t i = 0; i < SHARES_MAX; i++) {
        const struct sender_share *share = senders->shares[i];
        for (size_t j = 0; share != NULL && j < PASTS_SHARE; j++) {
            const struct past *past = &share->pasts[j];
            if (past->pid != pid || past->until < since)
                continue;
            add(&finding, &past->ids);
            if (past->ended && (finding.end == NULL || past->until > finding.end->until))
                finding.end = past;
        }
    }
    return finding;
}

/* One number for all: the only one, or the only one beside 0, which is the least of them. False: there are several. */
static bool least(const uint32_t *numbers, size_t count, uint32_t *ret_least)
{
    uint32_t found = 0;
    for (size_t i = 0; i < count; i++) {
        if (numbers[i] == 0 || numbers[i] == found)
            continue;
        if (found != 0)
            return false;
        found = numbers[i];
    }
    *ret_least = found;
    return true;
}

/* One process that had several ids meanwhile: it is told as the one that may least. (A message of root's is then shown as of whom it
 * became, which nobody is fooled by. Of two users it may have been either.) */
static bool least_of(const struct finding *finding, struct real_ids *ret_ids)
{
    uint32_t uids[IDS_MAX], gids[IDS_MAX], uid, gid;
    size_t count = 0;
    for (size_t i = 0; i < finding->count; i++)
        uids[i] = finding->ids[i].uid;
    if (finding->too_many || finding->count == 0 || !least(uids, finding->count, &uid))
        return false;
    for (size_t i = 0; i < finding->count; i++)
        if (finding->ids[i].uid == uid)
            gids[count++] = finding->ids[i].gid;
    *ret_ids = (struct real_ids){.uid = uid, .gid = least(gids, count, &gid) ? gid : OVERFLOW_GID};
    return true;
}

bool senders_find(const struct senders *senders, pid_t pid, uint64_t since, uint64_t now, const struct sender_now *present,
                  struct real_ids *ret_ids, pid_t *ret_vpid)
{
    struct finding finding = look(senders, pid, since);
    const bool one_holder = now - since < senders->reuse_us;
    *ret_vpid = present->there ? present->vpid : finding.end != NULL ? finding.end->vpid : 0;
    if (!senders->mixed) {
        *ret_ids = senders->only;
        return true;
    }
    /* Is it the one that sent? Then only its ids count, and all it had meanwhile. */
    const bool known = present->there ? one_holder || present->born_before <= since : one_holder && finding.end != NULL;
    if (present->there)
        add(&finding, &present->ids);
    return known && !(present->there && present->differ) && least_of(&finding, ret_ids);
}
