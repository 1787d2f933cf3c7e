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

/* From the look that begins it to the one in which the last domain was judged, by the same trust data. */
struct trustkeeper_round {
    struct cagraph *graph;
    struct db_trust_issuer *list; /* those that changed come first */
    size_t changed;
    size_t count;
    struct db_trust_seen *seen;
    size_t seen_count;
    bool whole;  /* every issuance of the domains at hand */
    bool failed; /* some domain could not be judged: all of it is to be done again */
    bool whole_done;
    int64_t after; /* domain up to which it came, of those that are whole or of the others */
    bool late;     /* its time was over before the last of them */
    char reason[128];
};

struct judging {
    struct pgconn *conn;
    struct pgconn *write;
    struct trustkeeper_round *round;
    int64_t until_ms; /* 0: no end */
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
    const struct trustkeeper_round *round = arg;
    struct db_trust_issuer probe = {.id = 0};
    memcpy(probe.key, issuance->issuer_spki_sha256, 32);
    digest_sha256(issuance->issuer, probe.subject);
    const struct db_trust_issuer *found =
        bsearch(&probe, round->list, round->changed, sizeof probe, by_identity);
    *settled = found == NULL || memcmp(found->state, found->next, 32) == 0;
    return round->whole || found != NULL;
}

static void find_changed(struct trustkeeper_round *round)
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

static bool is_seen(const struct trustkeeper_round *round, int64_t domain_id)
{
    for (size_t i = 0; i < round->seen_count; i++)
        if (round->seen[i].domain_id == domain_id)
            return true;
    return false;
}

struct group {
    const struct watch *at[REJUDGE_TOGETHER_MAX];
    size_t count;
};

/* All in one pass; when that fails its halves by themselves, so that one that can not be judged, which is
 * told, keeps nobody else from it. */
static enum err_code judge_these(struct judging *judging, const struct watch *const *watches, size_t count,
                                 struct err *why)
{
    struct err one = {0};
    enum err_code code =
        rejudge_domains(judging->conn, judging->write, watches, count, &judging->rejudge, &one);
    if (code == ERR_OK)
        return ERR_OK;
    if (code == ERR_CLOSED || code == ERR_DB_DOWN)
        return err_set(why, code, "%s", one.text);
    /* With ERR_DB_PART all of them were judged as far as anybody can. */
    if (count > 1 && code != ERR_DB_PART) {
        code = judge_these(judging, watches, count / 2, why);
        return code == ERR_OK ? judge_these(judging, watches + count / 2, count - count / 2, why) : code;
    }
    judging->round->failed = true;
    say_warn("watch",
             "domain=%s its certificates could not be held against the trust data, which is tried again"
             " in %d minutes: %s",
             watches[0]->name, LIMIT_TRUST_REJUDGE_MS / 60000, one.text);
    return ERR_OK;
}

static enum err_code judge_group(struct judging *judging, struct group *group, struct err *why)
{
    if (group->count == 0)
        return ERR_OK;
    enum err_code code = judge_these(judging, group->at, group->count, why);
    if (code == ERR_OK)
        judging->round->after = group->at[group->count - 1]->id;
    group->count = 0;
    judging->round->late = judging->until_ms != 0 && clock_mono_ms() >= judging->until_ms;
    return code;
}

/* Those of which every issuance is asked, or those of which some are; `watches` by id. */
static enum err_code judge_some(struct judging *judging, const struct watch *watches, size_t count,
                                bool whole, struct err *why)
{
    struct trustkeeper_round *round = judging->round;
    struct group group = {.count = 0};
    enum err_code code = ERR_OK;
    round->whole = whole;
    for (size_t i = 0; code == ERR_OK && i < count && !round->late; i++) {
        if (watches[i].id > round->after && is_seen(round, watches[i].id) == whole)
            group.at[group.count++] = &watches[i];
        if (group.count == REJUDGE_TOGETHER_MAX)
            code = judge_group(judging, &group, why);
    }
    if (code != ERR_OK || round->late)
        return code;
    code = judge_group(judging, &group, why);
    round->late = false; /* that was the last one */
    return code;
}

static enum err_code judge_all(struct judging *judging, const struct watch *watches, size_t count,
                               struct err *why)
{
    struct trustkeeper_round *round = judging->round;
    enum err_code code = ERR_OK;
    round->late = false;
    if (!round->whole_done)
        code = judge_some(judging, watches, count, true, why);
    if (code != ERR_OK || round->late)
        return code;
    if (!round->whole_done)
        round->after = 0;
    round->whole_done = true;
    return round->changed == 0 ? ERR_OK : judge_some(judging, watches, count, false, why);
}

static int by_id(const void *left, const void *right)
{
    const struct watch *a = left;
    const struct watch *b = right;
    return a->id < b->id ? -1 : a->id > b->id;
}

static enum err_code judge_domains(const char *dsn, struct pgconn *conn, struct trustkeeper *keeper,
                                   const atomic_bool *stop, struct trustkeeper_report *report,
                                   struct err *why)
{
    struct trustkeeper_round *round = keeper->round;
    struct judging judging = {.conn = conn,
                              .round = round,
                              .until_ms = keeper->most_ms == 0 ? 0 : clock_mono_ms() + keeper->most_ms,
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
    if (code == ERR_OK) {
        qsort(watches, count, sizeof *watches, by_id);
        code = judge_all(&judging, watches, count, why);
    }
    watch_free(watches, count);
    if (judging.write != NULL)
        pgconn_free(judging.write);
    report->judged = judging.rejudge.judged;
    report->raised = judging.rejudge.raised;
    report->closed = judging.rejudge.closed;
    return code;
}

static enum err_code begin(struct pgconn *conn, struct trustkeeper_round *round, struct err *why)
{
    char day[TEXT_TIME_MAX];
    enum err_code code = db_trust_alert_issuers(conn, &round->list, &round->count, why);
    if (code == ERR_OK)
        find_changed(round);
    if (code == ERR_OK)
        code = db_trust_alert_seen(conn, &round->seen, &round->seen_count, why);
    (void)snprintf(
        round->reason, sizeof round->reason,
        "withdrawn: what is known of root stores and CAs by now (trust data of %.10s) does not say it",
        text_time(cagraph_bundle_ms(round->graph), false, day));
    return code;
}

static enum err_code look(const char *dsn, struct pgconn *conn, struct trustkeeper *keeper,
                          const atomic_bool *stop, struct trustkeeper_report *report, struct err *why)
{
    struct trustkeeper_round *round = keeper->round;
    report->issuers = round->changed;
    if (round->changed == 0 && round->seen_count == 0)
        return ERR_OK;
    enum err_code code = judge_domains(dsn, conn, keeper, stop, report, why);
    if (code != ERR_OK || round->late)
        return code;
    if (!round->failed)
        code = db_trust_alert_seen_judged(conn, round->seen, round->seen_count, why);
    /* A domain that can not be judged keeps nobody from being told what is settled for the others. */
    if (code == ERR_OK)
        code = db_trust_alert_judged(conn, round->list, round->changed, !round->failed, why);
    return code;
}

void trustkeeper_free(struct trustkeeper *keeper)
{
    struct trustkeeper_round *round = keeper->round;
    keeper->round = NULL;
    keeper->more = false;
    if (round == NULL)
        return;
    free(round->seen);
    free(round->list);
    cagraph_unpin(round->graph);
    free(round);
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

/* Trust data that came meanwhile is judged by from the first domain on. */
static void leave_older(struct trustkeeper *keeper, const struct cagraph *graph)
{
    if (keeper->round != NULL && cagraph_bundle_id(keeper->round->graph) != cagraph_bundle_id(graph))
        trustkeeper_free(keeper);
}

static bool is_due(const struct trustkeeper *keeper, const struct cagraph *graph)
{
    return keeper->round != NULL || !keeper->begun || keeper->bundle != cagraph_bundle_id(graph) ||
           clock_mono_ms() >= keeper->due_ms;
}

/* With the lock. */
static enum err_code go_on(const char *dsn, struct pgconn *conn, struct trustkeeper *keeper,
                           struct cagraph *graph, const atomic_bool *stop, struct trustkeeper_report *report,
                           struct err *why)
{
    enum err_code code = ERR_OK;
    if (keeper->round == NULL) {
        keeper->round = calloc(1, sizeof *keeper->round);
        must(keeper->round != NULL);
        keeper->round->graph = cagraph_pin(graph);
        keeper->due_ms = clock_mono_ms() + LIMIT_TRUST_REJUDGE_MS;
        code = begin(conn, keeper->round, why);
    }
    if (code == ERR_OK)
        code = look(dsn, conn, keeper, stop, report, why);
    if (code == ERR_OK && keeper->round->late) {
        keeper->more = true;
        return ERR_OK;
    }
    if (code == ERR_OK) {
        keeper->begun = true;
        keeper->bundle = cagraph_bundle_id(graph);
    } else {
        keeper->due_ms = 0;
    }
    trustkeeper_free(keeper);
    return code;
}

enum err_code trustkeeper_look(const char *dsn, struct pgconn *conn, struct trustkeeper *keeper,
                               const atomic_bool *stop, struct trustkeeper_report *report, struct err *why)
{
    struct cagraph *graph = NULL;
    bool taken = false;
    *report = (struct trustkeeper_report){0};
    keeper->more = false;
    enum err_code code = trustset_pin(conn, &graph, why);
    if (code == ERR_OK) {
        look_age(keeper, graph);
        leave_older(keeper, graph);
    }
    if (code == ERR_OK && is_due(keeper, graph))
        code = db_pending_lock(conn, LOCK_NAME, false, &taken, why);
    if (code == ERR_OK && taken) {
        code = go_on(dsn, conn, keeper, graph, stop, report, why);
        struct err ignored = {0};
        enum err_code unlocked = db_pending_unlock(conn, LOCK_NAME, &ignored);
        code = code != ERR_OK ? code : unlocked;
    }
    cagraph_unpin(graph);
    return code;
}
