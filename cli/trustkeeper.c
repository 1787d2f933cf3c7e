#include "cli/trustkeeper.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/say.h"
#include "base/text.h"
#include "cli/trustset.h"
#include "cli/trustview.h"
#include "db/db_domain.h"
#include "db/db_pending.h"
#include "db/db_trust_alert.h"
#include "trust/castate.h"
#include "verify/digest.h"
#include "watcher/rejudge.h"

#define LOCK_NAME "trust data" /* no domain has a space in its name */

struct round {
    struct cagraph *graph;
    struct db_trust_issuer *list; /* those that changed come first */
    size_t changed;
    size_t count;
    struct db_trust_seen *seen;
    size_t seen_count;
    bool whole;  /* every issuance of the domains at hand */
    bool failed; /* some domain could not be judged: all of it is to be done again */
    char reason[128];
};

struct judging {
    struct pgconn *conn;
    struct pgconn *write;
    struct round *round;
    struct rejudge rejudge;
};

static int by_identity(const void *left, const void *right)
{
    const struct db_trust_issuer *a = left;
    const struct db_trust_issuer *b = right;
    int order = memcmp(a->key, b->key, 32);
    return order != 0 ? order : memcmp(a->subject, b->subject, 32);
}

/* An issuer of which something new is said: its certificate, or one above it, may be on its way, until it
 * was looked at once before and nothing came. */
static bool wanted(void *arg, const struct issuance *issuance, bool *settled)
{
    const struct round *round = arg;
    struct db_trust_issuer probe = {.id = 0};
    memcpy(probe.key, issuance->issuer_spki_sha256, 32);
    digest_sha256(issuance->issuer, probe.subject);
    const struct db_trust_issuer *found =
        bsearch(&probe, round->list, round->changed, sizeof probe, by_identity);
    *settled = found == NULL || memcmp(found->state, found->next, 32) == 0;
    return round->whole || found != NULL;
}

static void find_changed(struct round *round)
{
    for (size_t i = 0; i < round->count; i++) {
        struct db_trust_issuer now = round->list[i];
        castate_of(round->graph, now.subject, now.key, now.state);
        if (memcmp(now.state, round->list[i].state, 32) == 0)
            continue;
        round->list[i] = round->list[round->changed];
        round->list[round->changed++] = now;
    }
    qsort(round->list, round->changed, sizeof *round->list, by_identity);
}

static bool is_seen(const struct round *round, int64_t domain_id)
{
    for (size_t i = 0; i < round->seen_count; i++)
        if (round->seen[i].domain_id == domain_id)
            return true;
    return false;
}

struct group {
    const struct watch *at[TOGETHER_MAX];
    size_t count;
};

/* One that can not be judged is told, and keeps nobody from judging the others. */
static enum err_code judge_alone(struct judging *judging, const struct watch *watch, struct err *why)
{
    struct err one = {0};
    enum err_code code = rejudge_domains(judging->conn, judging->write, &watch, 1, &judging->rejudge, &one);
    if (code == ERR_OK)
        return ERR_OK;
    if (code == ERR_CLOSED || code == ERR_DB_DOWN)
        return err_set(why, code, "%s", one.text);
    judging->round->failed = true;
    say_warn("watch",
             "domain=%s its certificates could not be held against the trust data, which is tried again"
             " in %d minutes: %s",
             watch->name, LIMIT_TRUST_REJUDGE_MS / 60000, one.text);
    return ERR_OK;
}

/* All in one pass; when that fails each by itself. */
static enum err_code judge_group(struct judging *judging, struct group *group, struct err *why)
{
    struct err one = {0};
    enum err_code code = ERR_OK;
    if (group->count != 0)
        code =
            rejudge_domains(judging->conn, judging->write, group->at, group->count, &judging->rejudge, &one);
    if (code == ERR_CLOSED || code == ERR_DB_DOWN)
        return err_set(why, code, "%s", one.text);
    bool failed = code != ERR_OK;
    code = ERR_OK;
    for (size_t i = 0; failed && code == ERR_OK && i < group->count; i++)
        code = judge_alone(judging, group->at[i], why);
    group->count = 0;
    return code;
}

/* Those of which every issuance is asked, or those of which some are. */
static enum err_code judge_some(struct judging *judging, const struct watch *watches, size_t count,
                                bool whole, struct err *why)
{
    struct group group = {.count = 0};
    enum err_code code = ERR_OK;
    judging->round->whole = whole;
    for (size_t i = 0; code == ERR_OK && i < count; i++) {
        if (is_seen(judging->round, watches[i].id) == whole)
            group.at[group.count++] = &watches[i];
        if (group.count == TOGETHER_MAX)
            code = judge_group(judging, &group, why);
    }
    return code == ERR_OK ? judge_group(judging, &group, why) : code;
}

static enum err_code judge_domains(const char *dsn, struct pgconn *conn, struct round *round,
                                   const atomic_bool *stop, struct trustkeeper_report *report,
                                   struct err *why)
{
    struct judging judging = {.conn = conn,
                              .round = round,
                              .rejudge = {.prove = {.trust = round->graph, .now_ms = clock_wall_ms()},
                                          .wanted = wanted,
                                          .arg = round,
                                          .reason = round->reason,
                                          .stop = stop}};
    struct watch *watches = NULL;
    uint64_t generation = 0;
    size_t count = 0;
    enum err_code code = pgconn_open(dsn, &judging.write, why);
    if (code == ERR_OK)
        code = db_domain_load(conn, &watches, &count, &generation, why);
    if (code == ERR_OK)
        code = judge_some(&judging, watches, count, true, why);
    if (code == ERR_OK && round->changed != 0)
        code = judge_some(&judging, watches, count, false, why);
    watch_free(watches, count);
    if (judging.write != NULL)
        pgconn_free(judging.write);
    report->judged = judging.rejudge.judged;
    report->raised = judging.rejudge.raised;
    report->closed = judging.rejudge.closed;
    return code;
}

static enum err_code look(const char *dsn, struct pgconn *conn, struct round *round, const atomic_bool *stop,
                          struct trustkeeper_report *report, struct err *why)
{
    char day[TEXT_TIME_MAX];
    enum err_code code = db_trust_alert_issuers(conn, &round->list, &round->count, why);
    if (code == ERR_OK)
        find_changed(round);
    if (code == ERR_OK)
        code = db_trust_alert_seen(conn, &round->seen, &round->seen_count, why);
    report->issuers = round->changed;
    if (code != ERR_OK || (round->changed == 0 && round->seen_count == 0))
        return code;
    (void)snprintf(
        round->reason, sizeof round->reason,
        "withdrawn: what is known of root stores and CAs by now (trust data of %.10s) does not say it",
        text_time(cagraph_bundle_ms(round->graph), false, day));
    code = judge_domains(dsn, conn, round, stop, report, why);
    if (code == ERR_OK && !round->failed)
        code = db_trust_alert_seen_judged(conn, round->seen, round->seen_count, why);
    /* A domain that can not be judged keeps nobody from being told what is settled for the others. */
    if (code == ERR_OK)
        code = db_trust_alert_judged(conn, round->list, round->changed, !round->failed, why);
    return code;
}

/* Once, and again when it was renewed and grew old. */
static void look_age(struct trustkeeper *keeper, const struct cagraph *graph)
{
    char text[320];
    bool old = trustview_age(graph, clock_wall_ms(), text, sizeof text);
    if (old && !keeper->warned)
        say_warn("watch", "%s", text);
    keeper->warned = old;
}

enum err_code trustkeeper_look(const char *dsn, struct pgconn *conn, struct trustkeeper *keeper,
                               const atomic_bool *stop, struct trustkeeper_report *report, struct err *why)
{
    struct round round = {.graph = NULL};
    int64_t now = clock_mono_ms();
    bool taken = false;
    *report = (struct trustkeeper_report){0};
    enum err_code code = trustset_pin(conn, &round.graph, why);
    if (code == ERR_OK)
        look_age(keeper, round.graph);
    if (code == ERR_OK && keeper->begun && keeper->bundle == cagraph_bundle_id(round.graph) &&
        now < keeper->due_ms) {
        cagraph_unpin(round.graph);
        return ERR_OK;
    }
    if (code == ERR_OK)
        code = db_pending_lock(conn, LOCK_NAME, false, &taken, why);
    if (code == ERR_OK && taken) {
        code = look(dsn, conn, &round, stop, report, why);
        struct err ignored = {0};
        enum err_code unlocked = db_pending_unlock(conn, LOCK_NAME, &ignored);
        code = code != ERR_OK ? code : unlocked;
    }
    if (code == ERR_OK && taken) {
        keeper->begun = true;
        keeper->bundle = cagraph_bundle_id(round.graph);
        keeper->due_ms = now + LIMIT_TRUST_REJUDGE_MS;
    }
    free(round.seen);
    free(round.list);
    cagraph_unpin(round.graph);
    return code;
}
