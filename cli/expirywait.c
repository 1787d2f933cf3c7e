#include "cli/expirywait.h"

#include <stdlib.h>

#include "base/say.h"
#include "base/text.h"

/* FNV-1a */
static uint64_t expirywait_mix(uint64_t mark, struct span bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        mark = (mark ^ bytes.at[i]) * UINT64_C(0x100000001b3);
    return mark;
}

static uint64_t expirywait_mark(const struct expirywait_found *found)
{
    uint64_t mark = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < found->count; i++) {
        mark = expirywait_mix(mark, span_str(found->list[i].log));
        mark = expirywait_mix(mark, found->list[i].waited ? SPAN_LIT(" waited ") : SPAN_LIT(" given up "));
    }
    return found->count == 0 ? 0 : mark;
}

/* Several stretches of one log stand for it once. */
static bool expirywait_first(const struct expirywait_found *found, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (strcmp(found->list[i].log, found->list[at].log) == 0)
            return false;
    return true;
}

static void expirywait_say(const struct expirywait_found *found)
{
    for (size_t i = 0; i < found->count; i++) {
        const struct db_unread *one = &found->list[i];
        char when[TEXT_TIME_MAX];
        if (!expirywait_first(found, i))
            continue;
        const char *until =
            one->begin == DB_UNREAD_BEGIN ? "nothing" : text_time(one->begin * 1000, false, when);
        if (one->fresh && one->waited)
            say_info(
                "watch",
                "log=%s it is being caught up with (read up to: %s); until then certificates that run out"
                " and missing renewals are told only as far as that is known",
                one->log, until);
        else if (!one->waited)
            say_warn("watch",
                     "log=%s it is behind (read up to: %s) and does not go on, or has been for a week;"
                     " certificates that run out are told without waiting for it",
                     one->log, until);
    }
}

enum err_code expirywait_look(struct pgconn *conn, struct expirywait *wait, struct expirywait_found *found,
                              struct err *why)
{
    *found = (struct expirywait_found){.count = 0};
    enum err_code code = db_unread_look(conn, &found->list, &found->count, why);
    if (code != ERR_OK)
        return code;
    found->unread = calloc(found->count + 1, sizeof *found->unread);
    must(found->unread != NULL);
    for (size_t i = 0; i < found->count; i++)
        found->unread[i] = (struct renewal_unread){.begin = found->list[i].begin,
                                                   .end = found->list[i].end,
                                                   .waited = found->list[i].waited,
                                                   .log = found->list[i].log};
    uint64_t mark = expirywait_mark(found);
    found->changed = mark != wait->mark;
    if (found->changed)
        expirywait_say(found);
    wait->mark = mark;
    return ERR_OK;
}

void expirywait_free(struct expirywait_found *found)
{
    free(found->list);
    free(found->unread);
    *found = (struct expirywait_found){.count = 0};
}
