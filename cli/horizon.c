#include "cli/horizon.h"

#include <stdio.h>

#include "base/text.h"
#include "db/db_horizon.h"

static bool horizon_hash(const char *typed, uint8_t hash[32])
{
    static const char *const kinds[] = {"sha256:", "fp:"};

    for (size_t i = 0; i < countof(kinds); i++)
        if (strncmp(typed, kinds[i], strlen(kinds[i])) == 0)
            return text_unhex(span_str(typed + strlen(kinds[i])), hash, 32);
    return text_unhex(span_str(typed), hash, 32);
}

static void horizon_print(int64_t horizon_ms)
{
    char day[TEXT_TIME_MAX];

    fprintf(stderr, "ctvigil: what expired before %.10s is not kept (db.retain_expired_days)\n",
            text_time(horizon_ms, false, day));
}

/* An error here would hide an answer that is there: what can not be said is not said. */
void horizon_say(struct pgconn *conn, const char *typed, bool found)
{
    struct db_horizon_place place;
    struct err why = {0};
    uint8_t hash[32];
    int64_t horizon_ms;
    char day[TEXT_TIME_MAX];
    char log[4 * sizeof place.log];
    bool there = false;

    if (db_horizon_get(conn, &horizon_ms, &why) != ERR_OK || horizon_ms == INT64_MIN)
        return;
    if (!found && horizon_hash(typed, hash) && db_horizon_find(conn, hash, &place, &there, &why) == ERR_OK &&
        there) {
        fprintf(stderr,
                "ctvigil: entry %" PRIu64
                " of log \"%s\" has it (by the first 8 bytes); it expired on %.10s, beyond"
                " the retention horizon, and is not kept\n",
                place.index, text_visible_str(span_str(place.log), log, sizeof log),
                text_time(place.expired_ms, false, day));
        return;
    }
    horizon_print(horizon_ms);
}

void horizon_say_when(struct pgconn *conn)
{
    struct err why = {0};
    int64_t horizon_ms;

    if (db_horizon_get(conn, &horizon_ms, &why) == ERR_OK && horizon_ms != INT64_MIN)
        horizon_print(horizon_ms);
}
