#include "ingest/courtesy.h"

#include <stdlib.h>

#include "base/clock.h"
#include "ingest/opkey.h"
#include "ingest/pacer.h"

#define LOOK_MS 250 /* between two looks for a turn */

struct turn_taken {
    struct tempo_bounds bounds;
    struct tempo_heard heard;
    int64_t took_ms; /* since the request went out */
    bool wants;
    bool granted;
    int64_t hold_ms; /* how long nothing may be asked */
};

static void step(void *arg, struct pace *pace, bool found, int64_t now_ms)
{
    struct turn_taken *turn = arg;
    struct tempo_heard heard = turn->heard;
    if (!found)
        tempo_init(pace, &turn->bounds, now_ms);
    heard.refused_sent_ms = now_ms - turn->took_ms; /* by the clock of the record */
    tempo_turn(pace, &turn->bounds, &heard, now_ms);
    turn->granted = turn->wants && tempo_lease(pace, 1, LOOK_MS, now_ms) >= 1;
    turn->hold_ms = pace->hold_until_ms > now_ms ? pace->hold_until_ms - now_ms : 0;
}

/* Somebody else is at the record all the time: then it is looked at again later. */
static enum err_code move(const struct courtesy *courtesy, const char *operator_key, const char *source,
                          struct turn_taken *turn, struct err *why)
{
    struct store *store = courtesy->store;
    turn->granted = turn->wants;
    turn->hold_ms = 0;
    if (store == NULL || store->ops->pace == NULL)
        return ERR_OK;
    enum err_code code = store->ops->pace(store, operator_key, source, step, turn, why);
    if (code != ERR_DB_CONFLICT)
        return code;
    err_clear(why);
    turn->granted = false;
    return ERR_OK;
}

/* *source: from where; NULL: no turn came in time, or it is to end. */
static enum err_code take(const struct courtesy *courtesy, const char *operator_key, const char *url,
                          int64_t until_ms, const atomic_bool *stop, const char **source, struct err *why)
{
    *source = NULL;
    for (;;) {
        int64_t least_ms = INT64_MAX;
        for (size_t i = 0; i < courtesy->sources->count; i++) {
            struct turn_taken turn = {.bounds = pacer_bounds(operator_key, url, courtesy->requests_per_s),
                                      .wants = true};
            enum err_code code = move(courtesy, operator_key, courtesy->sources->name[i], &turn, why);
            if (code != ERR_OK)
                return code;
            if (turn.granted) {
                *source = courtesy->sources->name[i];
                return ERR_OK;
            }
            least_ms = turn.hold_ms < least_ms ? turn.hold_ms : least_ms;
        }
        int64_t now_ms = clock_mono_ms();
        bool ended = stop != NULL && atomic_load(stop);
        if (ended || now_ms >= until_ms || least_ms > until_ms - now_ms)
            return ERR_OK;
        clock_sleep_ms(LOOK_MS);
    }
}

static void heard_of(const struct ask *ask, struct tempo_heard *heard)
{
    heard->sent = 1;
    if (ask->code == ERR_HTTP_BUSY || ask->code == ERR_TIMEOUT)
        heard->refused = 1;
    else if (ask->status != 0)
        heard->good = 1;
    heard->hold_ms = ask->retry_after_ms > 0 ? ask->retry_after_ms : 0;
}

/* No turn came: it was not asked. */
static void unasked(struct ask *ask, const char *operator_key, const atomic_bool *stop)
{
    bool ended = stop != NULL && atomic_load(stop);
    ask->status = 0;
    ask->retry_after_ms = -1;
    ask->code = err_set(&ask->why, ended ? ERR_CLOSED : ERR_HTTP_BUSY,
                        "%s: not asked, because %s has had all it allows or asked to be left alone", ask->url,
                        operator_key);
}

/* What its operator answered counts there. */
static enum err_code tell(const struct courtesy *courtesy, const struct ctlog *log, const struct ask *ask,
                          int64_t took_ms, struct err *why)
{
    char operator_key[PACE_OPERATOR_MAX];
    opkey_of(log->operator_key, log->url, operator_key);
    struct turn_taken turn = {.bounds = pacer_bounds(operator_key, log->url, courtesy->requests_per_s),
                              .took_ms = took_ms};
    heard_of(ask, &turn.heard);
    return move(courtesy, operator_key, ask->source, &turn, why);
}

struct round_of {
    const struct ctlog *const *logs;
    struct ask *asks;
    size_t *order; /* those with a turn, */
    size_t count;
    size_t granted; /* and how many they are */
    int64_t until_ms;
};

static enum err_code turns(const struct courtesy *courtesy, struct round_of *round, const atomic_bool *stop,
                           struct err *why)
{
    for (size_t i = 0; i < round->count; i++) {
        char operator_key[PACE_OPERATOR_MAX];
        const struct ctlog *log = round->logs[i];
        const char *source = NULL;
        opkey_of(log->operator_key, log->url, operator_key);
        enum err_code code = take(courtesy, operator_key, log->url, round->until_ms, stop, &source, why);
        if (code != ERR_OK)
            return code;
        round->asks[i].source = source;
        if (source == NULL)
            unasked(&round->asks[i], operator_key, stop);
        else
            round->order[round->granted++] = i;
    }
    return ERR_OK;
}

enum err_code courtesy_ask_all(const struct courtesy *courtesy, const struct ctlog *const *logs,
                               struct ask *asks, size_t count, int64_t wait_ms, const atomic_bool *stop,
                               struct err *why)
{
    size_t *order = calloc(count + 1, sizeof *order);
    struct ask *sent = calloc(count + 1, sizeof *sent);
    must(order != NULL && sent != NULL);
    struct round_of round = {
        .logs = logs, .asks = asks, .order = order, .count = count, .until_ms = clock_mono_ms() + wait_ms};
    enum err_code code = turns(courtesy, &round, stop, why);
    size_t granted = round.granted;
    for (size_t i = 0; i < granted; i++)
        sent[i] = asks[order[i]];
    int64_t sent_ms = clock_mono_ms();
    if (code == ERR_OK && granted > 0)
        code = ask_all(courtesy->user_agent, sent, granted, wait_ms, stop, why);
    int64_t took_ms = clock_mono_ms() - sent_ms;
    for (size_t i = 0; i < granted; i++) {
        asks[order[i]] = sent[i];
        if (code == ERR_OK)
            code = tell(courtesy, logs[order[i]], &sent[i], took_ms, why);
    }
    free(order);
    free(sent);
    return code;
}

enum err_code courtesy_ask(const struct courtesy *courtesy, const struct ctlog *log, struct ask *ask,
                           int64_t wait_ms, const atomic_bool *stop, struct err *why)
{
    return courtesy_ask_all(courtesy, &log, ask, 1, wait_ms, stop, why);
}
