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
    int64_t *seen; /* domains with alerts that were seen in more places */
    size_t seen_count;
    bool whole; /* every issuance of the domain at hand */
    char reason[128];
};

static int by_identity(const void *left, const void *right)
{
    const struct db_trust_issuer *a = left;
    const struct db_trust_issuer *b = right;
    int order = memcmp(a->key, b->key, 32);
    return order != 0 ? order : memcmp(a->subject, b->subject, 32);
}

static bool wanted(void *arg, const struct issuance *issuance)
{
    const struct round *round = arg;
    struct db_trust_issuer probe = {.id = 0};
    if (round->whole)
        return true;
    memcpy(probe.key, issuance->issuer_spki_sha256, 32);
    digest_sha256(issuance->issuer, probe.subject);
    return bsearch(&probe, round->list, round->changed, sizeof probe, by_identity) != NULL;
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

static void on_seen(void *arg, int64_t domain_id)
{
    struct round *round = arg;
    round->seen = realloc(round->seen, (round->seen_count + 1) * sizeof *round->seen);
    must(round->seen != NULL);
    round->seen[round->seen_count++] = domain_id;
}

static bool is_seen(const struct round *round, int64_t domain_id)
{
    for (size_t i = 0; i < round->seen_count; i++)
        if (round->seen[i] == domain_id)
            return true;
    return false;
}

static enum err_code judge_domains(const char *dsn, struct pgconn *conn, struct round *round,
                                   const atomic_bool *stop, struct trustkeeper_report *report,
                                   struct err *why)
{
    struct rejudge rejudge = {.prove = {.trust = round->graph, .now_ms = clock_wall_ms(), .settled = true},
                              .wanted = wanted,
                              .arg = round,
                              .reason = round->reason,
                              .stop = stop};
    struct pgconn *write = NULL;
    struct watch *watches = NULL;
    uint64_t generation = 0;
    size_t count = 0;
    enum err_code code = pgconn_open(dsn, &write, why);
    if (code == ERR_OK)
        code = db_domain_load(conn, &watches, &count, &generation, why);
    for (size_t i = 0; code == ERR_OK && i < count; i++) {
        round->whole = is_seen(round, watches[i].id);
        if (round->whole || round->changed != 0)
            code = rejudge_domain(conn, write, &watches[i], &rejudge, why);
    }
    watch_free(watches, count);
    if (write != NULL)
        pgconn_free(write);
    report->judged = rejudge.judged;
    report->raised = rejudge.raised;
    report->closed = rejudge.closed;
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
        code = db_trust_alert_seen(conn, on_seen, round, why);
    report->issuers = round->changed;
    if (code != ERR_OK || (round->changed == 0 && round->seen_count == 0))
        return code;
    (void)snprintf(
        round->reason, sizeof round->reason,
        "withdrawn: what is known of root stores and CAs by now (trust data of %.10s) does not say it",
        text_time(cagraph_bundle_ms(round->graph), false, day));
    code = judge_domains(dsn, conn, round, stop, report, why);
    return code == ERR_OK ? db_trust_alert_judged(conn, round->list, round->changed, why) : code;
}

/* Once, and again when it was renewed and grew old. */
static void look_age(struct trustkeeper *keeper, const struct cagraph *graph)
{
    bool old = trustview_old(cagraph_bundle_ms(graph), clock_wall_ms());
    if (old && !keeper->warned)
        say_warn("watch",
                 "the trust data is older than %d days: what root stores did since then is not known; see"
                 " 'ctvigil trust import'",
                 LIMIT_TRUST_DAYS);
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
