#include "cli/stalewatch.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/metric.h"
#include "base/say.h"
#include "base/text.h"
#include "cli/logtable.h"
#include "cli/staleness.h"
#include "db/db_stale.h"

#define STALEWATCH_TEXT 640

static struct staleness_log stalewatch_facts(const struct db_stale_log *log)
{
    return (struct staleness_log){
        .id = log->id,
        .mmd_s = log->mmd_s,
        .begun_ms = log->begun_ms,
        .head_ms = log->head_ms,
        .head_seen_ms = log->head_seen_ms,
        .head_size = log->head_size,
        .served_size = log->served_size,
        .behind = log->behind,
        .heard_ms = log->heard_ms,
        .clean_ms = log->clean_ms,
        .error = log->last_error[0] != '\0',
    };
}

static void stalewatch_found(const struct db_stale_log *log, enum staleness_rule rule, int64_t now_ms,
                             char *out, size_t out_cap)
{
    char signed_at[TEXT_TIME_MAX];
    char seen_at[TEXT_TIME_MAX];
    char age[24];
    int64_t heard_ms = log->heard_ms > log->clean_ms ? log->heard_ms : log->clean_ms;

    switch (rule) {
    case STALENESS_HEAD_AGE:
        (void)snprintf(out, out_cap, "it answers, and its newest head was signed at %s, %s ago",
                       text_time(log->head_ms, false, signed_at),
                       logtable_duration((now_ms - log->head_ms) / 1000, age));
        break;
    case STALENESS_SMALLER_HEAD:
        (void)snprintf(out, out_cap,
                       "it shows %" PRIu64 " entries; its head of %" PRIu64
                       ", signed at %s, was last seen at %s",
                       log->served_size, log->head_size, text_time(log->head_ms, false, signed_at),
                       text_time(log->head_seen_ms, false, seen_at));
        break;
    case STALENESS_ENTRIES:
        (void)snprintf(out, out_cap, "it shows heads, and the entries they promise can not be read: %s",
                       log->last_error);
        break;
    default:
        if (heard_ms == 0)
            (void)snprintf(out, out_cap, "it has never answered: %s", log->last_error);
        else
            (void)snprintf(out, out_cap, "it answered last at %s: %s", text_time(heard_ms, false, seen_at),
                           log->last_error);
    }
}

static enum err_code stalewatch_open(struct pgconn *conn, const struct db_stale_log *log,
                                     enum staleness_rule rule, int64_t now_ms, struct err *why)
{
    char expected[160];
    char found[STALEWATCH_TEXT];
    char limit[24];

    (void)snprintf(expected, sizeof expected, "a log whose newest head is not older than %s, and can be read",
                   logtable_duration(staleness_limit_ms(log->mmd_s) / 1000, limit));
    stalewatch_found(log, rule, now_ms, found, sizeof found);
    say_warn(log->name, "stale: %s", found);
    return db_stale_open(conn, log->id, staleness_rule_name(rule), expected, found, why);
}

static enum err_code stalewatch_log(struct pgconn *conn, const struct db_stale_log *log,
                                    const struct staleness_verdict *verdict, int64_t now_ms, struct err *why)
{
    char reason[160];
    char since[TEXT_TIME_MAX];

    if (log->rule[0] == '\0' && verdict->rule != STALENESS_NONE)
        return stalewatch_open(conn, log, verdict->rule, now_ms, why);
    if (log->rule[0] == '\0' || !verdict->well)
        return ERR_OK;
    (void)snprintf(reason, sizeof reason, "the log is well again: it shows %" PRIu64 " entries, signed at %s",
                   log->head_size, text_time(log->head_ms, false, since));
    say_info(log->name, "%s", reason);
    return db_stale_close(conn, log->id, reason, why);
}

static bool stalewatch_any_well(const struct staleness_verdict *verdicts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (verdicts[i].well)
            return true;
    return false;
}

static enum err_code stalewatch_self(struct pgconn *conn, const struct db_stale_look *look,
                                     enum staleness_self self, const struct staleness_verdict *verdicts,
                                     struct err *why)
{
    static const char *const texts[] = {
        [STALENESS_SELF_FINE] = "",
        [STALENESS_SELF_AHEAD] =
            "the newest heads of all logs are too old: the clock of this machine is ahead, or"
            " all logs stand still",
        [STALENESS_SELF_BEHIND] = "the newest heads of all logs are signed for the future: the clock of this"
                                  " machine is behind",
        [STALENESS_SELF_CUT_OFF] =
            "no log answers: this machine has no network, or its names can not be resolved",
    };

    if (self != STALENESS_SELF_FINE && look->self_rule[0] == '\0') {
        say_warn("logs", "%s", texts[self]);
        return db_stale_open(conn, 0, staleness_self_name(self), "logs that are up to date", texts[self],
                             why);
    }
    if (look->self_rule[0] != '\0' && stalewatch_any_well(verdicts, look->count)) {
        say_info("logs", "the logs are heard of again, and their heads are of this time");
        return db_stale_close(conn, 0, "the logs are heard of again, and their heads are of this time", why);
    }
    return ERR_OK;
}

/* It promised them in time: an SCT is a promise. */
static enum err_code stalewatch_late(void *arg, const struct db_stale_late *log, struct err *why)
{
    char expected[128];
    char found[192];
    char allowed[24];
    char delay[24];

    (void)snprintf(expected, sizeof expected, "entries that are taken in within %s of their SCT",
                   logtable_duration(log->mmd_s, allowed));
    (void)snprintf(found, sizeof found, "%" PRIu64 " came later, the latest after %s at least", log->count,
                   logtable_duration(log->delay_s, delay));
    say_warn(log->name, "merge delay exceeded: %s", found);
    return db_stale_late(arg, log->id, expected, found, why);
}

static enum err_code stalewatch_alone(struct pgconn *conn, struct err *why)
{
    struct db_stale_look look;
    enum err_code code = db_stale_begin(conn, &look, why);

    if (code != ERR_OK || !look.taken)
        return code;
    struct staleness_log *facts = calloc(look.count + 1, sizeof *facts);
    struct staleness_verdict *verdicts = calloc(look.count + 1, sizeof *verdicts);
    must(facts != NULL && verdicts != NULL);
    for (size_t i = 0; i < look.count; i++)
        facts[i] = stalewatch_facts(&look.logs[i]);
    enum staleness_self self = staleness_judge(facts, look.count, look.now_ms, look.watching_ms, verdicts);
    code = stalewatch_self(conn, &look, self, verdicts, why);
    for (size_t i = 0; code == ERR_OK && i < look.count; i++)
        code = stalewatch_log(conn, &look.logs[i], &verdicts[i], look.now_ms, why);
    if (code == ERR_OK)
        code = db_stale_merged(conn, stalewatch_late, conn, why);
    if (code == ERR_OK)
        code = db_stale_end(conn, why);
    else
        db_stale_drop(conn);
    free(facts);
    free(verdicts);
    free(look.logs);
    return code;
}

enum err_code stalewatch_look(struct pgconn *conn, struct err *why)
{
    int64_t open = 0;
    enum err_code code = stalewatch_alone(conn, why);

    if (code == ERR_OK)
        code = db_stale_count(conn, &open, why);
    if (code == ERR_OK)
        metric_set(METRIC_LOGS_STALE, (uint64_t)open);
    return code;
}
