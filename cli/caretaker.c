#include "cli/caretaker.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/metric.h"
#include "base/say.h"
#include "cli/blockset.h"
#include "cli/chore.h"
#include "cli/edgekeeper.h"
#include "cli/expirykeeper.h"
#include "cli/learnkeeper.h"
#include "cli/matching.h"
#include "cli/pendingscan.h"
#include "cli/readerwatch.h"
#include "cli/stalewatch.h"
#include "cli/trustkeeper.h"
#include "cli/trustset.h"
#include "db/db_channel.h"
#include "db/db_der.h"
#include "db/db_known.h"
#include "db/db_pending.h"
#include "db/db_psl.h"
#include "db/db_unheard.h"
#include "ingest/examine.h"
#include "watcher/lateproof.h"
#include "watcher/pairing.h"
#include "watcher/planned.h"
#include "watcher/promise.h"

#define CARETAKER_WAIT_MS     60000
#define CARETAKER_SOON_MS     1000 /* history scans are left */
#define CARETAKER_MERGES      64   /* in one look; the others at the next */
#define CARETAKER_MERGE_LEAST 16   /* rows; fewer are not worth being written again */
#define CARETAKER_KNOWN_MS    3600000
#define CARETAKER_DROP        1000 /* rows, 40 MB of them */

/* From one round to the next. */
struct caretaker_memory {
    int64_t pending_ms; /* for history scans in one round; 0: as long as they take */
    bool more;          /* that was too short */
    unsigned missed;    /* of struct pendingscan */
    struct pendingscan_rest rest;
    int64_t known_due_ms;
    struct db_unheard said; /* what the operator was told last */
    int64_t late;           /* alert up to which later proof was looked for */
    struct trustkeeper trust;
    struct expirykeeper expiry;
};

struct caretaker {
    char *dsn;
    bool reads; /* this process reads logs */
    struct caretaker_memory memory;
    bool down; /* the last look failed */
    struct chore chore;
    struct readerwatch *readers; /* beside it: a history scan takes its time */
};

enum err_code caretaker_claim(struct pgconn *conn, const char *name, struct err *why)
{
    bool taken = false;
    return db_pending_lock(conn, name, true, &taken, why);
}

static enum err_code caretaker_let_go(struct pgconn *conn, const char *name, enum err_code code,
                                      struct err *why)
{
    struct err inner = {0};
    enum err_code unlocked = db_pending_unlock(conn, name, &inner);
    return code == ERR_OK && unlocked != ERR_OK ? err_set(why, unlocked, "%s", inner.text) : code;
}

enum err_code caretaker_scan_all(const char *dsn, struct pgconn *conn, const struct watch *const *watches,
                                 size_t count, struct history_all *all, struct history_result *results,
                                 struct err *why)
{
    const struct pendingscan_pass pass = {.dsn = dsn, .all = all};
    const char *name = count == 1 ? watches[0]->name : DB_PENDING_MANY;
    enum err_code code = caretaker_claim(conn, name, why);
    if (code != ERR_OK)
        return code;
    code = pendingscan_run(&pass, conn, watches, count, results, why);
    return caretaker_let_go(conn, name, code, why);
}

enum err_code caretaker_scan(const char *dsn, struct pgconn *conn, const struct watch *watch,
                             struct history_result *result, struct err *why)
{
    enum err_code code = caretaker_scan_all(dsn, conn, &watch, 1, NULL, result, why);
    if (code == ERR_OK && result->outdated)
        code =
            err_set(why, ERR_CLOSED, "%s: its rules were changed meanwhile, or it was removed", watch->name);
    return code;
}

enum err_code caretaker_try(const char *dsn, struct pgconn *conn, const struct watch *const *watches,
                            size_t count, const struct caretaker_dry *dry, struct history_result *results,
                            struct err *why)
{
    struct pgconn *second = NULL;
    struct cagraph *trust = NULL;
    struct blocklist *blocklist = NULL;
    enum err_code code = pgconn_open(dsn, &second, why);

    if (code == ERR_OK)
        code = trustset_pin(second, &trust, why);
    if (code == ERR_OK)
        code = blockset_pin(&blocklist, why);
    if (code == ERR_OK) {
        struct history_reader reader = matching_reader(second, dry->stop);
        reader.prove.trust = trust;
        reader.prove.blocklist = blocklist;
        reader.prove.now_ms = clock_wall_ms();
        reader.prove.settled = true;
        reader.dry = dry->would;
        reader.kept = dry->kept;
        reader.dry_arg = dry->arg;
        code = history_run_all(conn, second, watches, count, &reader, results, why);
    }
    cagraph_unpin(trust);
    blocklist_unpin(blocklist);
    if (second != NULL)
        pgconn_free(second);
    return code;
}

static bool caretaker_ended(const atomic_bool *stop)
{
    return stop != NULL && atomic_load(stop);
}

/* Once, and again whenever it gets worse. */
static enum err_code caretaker_unheard(struct pgconn *conn, struct db_unheard *said, struct err *why)
{
    struct db_unheard unheard;
    uint64_t retired = 0;
    enum err_code code = db_channel_retire(conn, &retired, why);

    if (code == ERR_OK && retired != 0)
        say_warn("watch", "channels=%" PRIu64 " given up: nobody has served them for %d days", retired,
                 LIMIT_CHANNEL_DAYS);
    if (code == ERR_OK)
        code = db_unheard_look(conn, &unheard, why);
    if (code != ERR_OK)
        return code;
    metric_set(METRIC_ALERTS_UNHEARD, unheard.without_row + unheard.overdue);
    if (unheard.without_row > said->without_row)
        say_warn("watch",
                 "alerts=%" PRIu64 " domain=%s channels=%s new alerts have no receiver: no `run` or `watch`"
                 " offers a channel that their domains allow",
                 unheard.without_row, unheard.domain, unheard.wanted);
    if (unheard.overdue > said->overdue)
        say_warn("watch",
                 "alerts=%" PRIu64
                 " channel=%s deliveries have been due for more than %d minutes: nobody runs"
                 " that channel, or it can not keep up",
                 unheard.overdue, unheard.channel, DB_UNHEARD_MINUTES);
    *said = unheard;
    return ERR_OK;
}

/* One page of the open alerts a round. */
static enum err_code caretaker_late(struct pgconn *conn, int64_t *after, const atomic_bool *stop,
                                    struct err *why)
{
    struct lateproof_reader reader = {
        .prove.now_ms = clock_wall_ms(), .read = examine_certificate, .stop = stop};
    struct lateproof_report report = {0};
    struct cagraph *trust = NULL;
    struct blocklist *blocklist = NULL;
    enum err_code code = trustset_pin(conn, &trust, why);

    if (code == ERR_OK)
        code = blockset_pin(&blocklist, why);
    reader.prove.trust = trust;
    reader.prove.blocklist = blocklist;
    if (code == ERR_OK)
        code = lateproof_look(conn, &reader, after, &report, why);
    cagraph_unpin(trust);
    blocklist_unpin(blocklist);
    if (report.closed != 0 || report.refuted != 0 || report.raised != 0)
        say_info("watch",
                 "alerts=%" PRIu64 " closed: what is stored by now proves who issued; %" PRIu64
                 " more say that no longer, %" PRIu64 " alerts raised",
                 report.closed, report.refuted, report.raised);
    return code;
}

static enum err_code caretaker_edges(struct pgconn *conn, const atomic_bool *stop, struct err *why)
{
    struct edgekeeper_report report = {0};
    enum err_code code = edgekeeper_look(conn, LIMIT_EDGE_CERTS, stop, &report, why);

    if (report.certs != 0)
        say_debug("watch",
                  "ca_certificates=%" PRIu64 " compared with the others: %" PRIu64
                  " signatures checked, %" PRIu64 " edges",
                  report.certs, report.checks, report.edges);
    return code;
}

/* Small commits leave small rows of certificates, and what was dropped from cert leaves whole ones. */
static enum err_code caretaker_der(struct pgconn *conn, const atomic_bool *stop, struct err *why)
{
    enum err_code code = ERR_OK;
    uint64_t dropped = 1;

    for (int i = 0; i < CARETAKER_MERGES && code == ERR_OK && !caretaker_ended(stop); i++) {
        struct db_der_merged merged;
        code = db_der_merge(conn, CARETAKER_MERGE_LEAST, &merged, why);
        if (merged.damaged != 0)
            say_warn("db", "%" PRIu64 " rows of der_chunk are damaged: their certificates are read from logs",
                     merged.damaged);
        if (code != ERR_OK || merged.before == 0)
            break;
        say_debug("db", "rows=%" PRIu64 " of certificates joined, %" PRIu64 " were there twice",
                  merged.before, merged.twice);
    }
    while (code == ERR_OK && dropped != 0 && !caretaker_ended(stop))
        code = db_der_drop(conn, CARETAKER_DROP, &dropped, why);
    return code;
}

/* Imported history that is long over, once an hour. */
static enum err_code caretaker_known(struct pgconn *conn, int64_t *due_ms, struct err *why)
{
    uint64_t gone = 0;
    if (clock_mono_ms() < *due_ms)
        return ERR_OK;
    enum err_code code = db_known_prune(conn, &gone, why);
    if (code == ERR_OK)
        *due_ms = clock_mono_ms() + CARETAKER_KNOWN_MS;
    if (gone != 0)
        say_debug("watch", "certificates=%" PRIu64 " of imported history were over long ago, and are gone",
                  gone);
    return code;
}

/* CA certificates that came are compared first, so that what is judged is judged by them. */
static enum err_code caretaker_trust(const char *dsn, struct pgconn *conn, struct trustkeeper *trust,
                                     const atomic_bool *stop, struct err *why)
{
    struct trustkeeper_report report;
    enum err_code code = trustkeeper_look(dsn, conn, trust, stop, &report, why);

    if (code == ERR_OK && (report.raised != 0 || report.closed != 0))
        say_info("watch",
                 "certificates=%" PRIu64 " judged again by what is known of CAs now: %" PRIu64
                 " alerts raised, %" PRIu64 " closed",
                 report.judged, report.raised, report.closed);
    return code;
}

static enum err_code caretaker_pairs(struct pgconn *conn, const atomic_bool *stop, struct err *why)
{
    struct pairing_report report;
    uint64_t told = 0;
    enum err_code code = pairing_look(conn, LIMIT_PAIR_LOOKS, stop, &report, why);
    if (code == ERR_OK)
        code = planned_look(conn, &told, why);

    if (report.raised != 0 || report.closed != 0)
        say_info("watch",
                 "certificates=%" PRIu64 " looked at for others under their serial number and for their"
                 " precertificates: %" PRIu64 " alerts raised, %" PRIu64 " closed",
                 report.looked, report.raised, report.closed);
    return code;
}

static enum err_code caretaker_promises(struct pgconn *conn, const atomic_bool *stop, struct err *why)
{
    struct promise_report report;
    enum err_code code = promise_look(conn, LIMIT_SCT_LOOKS, LIMIT_SCT_MS, stop, &report, why);

    if (report.raised != 0 || report.closed != 0)
        say_info("watch",
                 "certificates=%" PRIu64 " looked for in the logs whose SCTs they carry: %" PRIu64
                 " alerts raised, %" PRIu64 " closed",
                 report.looked, report.raised, report.closed);
    return code;
}

static enum err_code caretaker_expiry(struct pgconn *conn, struct expirykeeper *keeper,
                                      const atomic_bool *stop, struct err *why)
{
    struct expirykeeper_report report;
    enum err_code code = expirykeeper_look(conn, keeper, stop, &report, why);

    if (report.raised != 0 || report.unusual != 0 || report.listed != 0 || report.closed != 0)
        say_info("watch",
                 "certificates=%" PRIu64 " looked at for their end and their renewals: %" PRIu64
                 " that run out or are late told, %" PRIu64 " unusual ones, %" PRIu64
                 " with keys that others have, %" PRIu64 " alerts closed",
                 report.looked, report.raised, report.unusual, report.listed, report.closed);
    return code;
}

/* What came of the steps until now. */
struct caretaker_result {
    const atomic_bool *stop;
    enum err_code code; /* the first failure */
    struct err *why;    /* of that one */
    struct err step;    /* of the one at hand */
};

/* One step that fails must not keep the others from their work. False: none can do it now. */
static bool caretaker_next(struct caretaker_result *done, enum err_code code)
{
    if (code != ERR_OK && done->code == ERR_OK)
        done->code = err_set(done->why, code, "%s", done->step.text);
    else if (code != ERR_OK)
        say_debug("watch", "looking after what is stored: %s", done->step.text);
    err_clear(&done->step);
    return code != ERR_DB_DOWN && !caretaker_ended(done->stop);
}

static void caretaker_steps(const char *dsn, struct pgconn *conn, struct caretaker_memory *memory,
                            struct caretaker_result *done)
{
    const atomic_bool *stop = done->stop;
    struct err *why = &done->step;
    struct pendingscan pending = PENDINGSCAN_USUAL;
    pending.dsn = dsn;
    pending.most_ms = memory->pending_ms;
    pending.missed = &memory->missed;
    pending.rest = &memory->rest;
    pending.stop = stop;
    /* Nobody else in a process that only watches hears of another public suffix list. */
    bool on = caretaker_next(done, db_psl_follow(conn, why));
    /* What was learned is scanned for in the same round. */
    on = on && caretaker_next(done, learnkeeper_look(dsn, conn, stop, why));
    on = on && caretaker_next(done, pendingscan_look(&pending, conn, &memory->more, why));
    on = on && caretaker_next(done, caretaker_unheard(conn, &memory->said, why));
    on = on && caretaker_next(done, caretaker_late(conn, &memory->late, stop, why));
    on = on && caretaker_next(done, caretaker_edges(conn, stop, why));
    on = on && caretaker_next(done, caretaker_trust(dsn, conn, &memory->trust, stop, why));
    on = on && caretaker_next(done, caretaker_pairs(conn, stop, why));
    on = on && caretaker_next(done, caretaker_promises(conn, stop, why));
    on = on && caretaker_next(done, caretaker_expiry(conn, &memory->expiry, stop, why));
    on = on && caretaker_next(done, caretaker_known(conn, &memory->known_due_ms, why));
    if (on)
        (void)caretaker_next(done, caretaker_der(conn, stop, why));
}

static enum err_code caretaker_round(const char *dsn, bool reads, struct caretaker_memory *memory,
                                     const atomic_bool *stop, struct err *why)
{
    struct caretaker_result done = {.stop = stop, .why = why};
    struct pgconn *conn = NULL;
    enum err_code code = pgconn_open(dsn, &conn, why);
    if (code != ERR_OK)
        return code;
    /* A history scan takes its time, and what is out of date is told at once. */
    if (!reads || caretaker_next(&done, stalewatch_look(conn, &done.step)))
        caretaker_steps(dsn, conn, memory, &done);
    pgconn_free(conn);
    return done.code;
}

enum err_code caretaker_look(const char *dsn, const atomic_bool *stop, struct err *why)
{
    struct caretaker_memory memory = {0};
    enum err_code code = caretaker_round(dsn, false, &memory, stop, why);
    trustkeeper_free(&memory.trust);
    return code == ERR_OK && caretaker_ended(stop) ? err_set(why, ERR_CLOSED, "stopped") : code;
}

static int64_t caretaker_turn(void *arg)
{
    struct caretaker *caretaker = arg;
    struct err why = {0};
    enum err_code code =
        caretaker_round(caretaker->dsn, caretaker->reads, &caretaker->memory, &caretaker->chore.stop, &why);

    /* An outage is said by whoever reads or delivers. */
    if (code == ERR_DB_DOWN && !caretaker->down)
        say_debug("watch", "looking after what is stored: %s", why.text);
    else if (code != ERR_OK && !caretaker->down && !atomic_load(&caretaker->chore.stop))
        say_warn("watch", "looking after what is stored failed, and is tried again every minute: %s",
                 why.text);
    caretaker->down = code != ERR_OK;
    bool more = caretaker->memory.more || caretaker->memory.trust.more;
    return more && code == ERR_OK ? CARETAKER_SOON_MS : CARETAKER_WAIT_MS;
}

enum err_code caretaker_start(const char *dsn, bool reads, struct caretaker **out, struct err *why)
{
    struct caretaker *caretaker = calloc(1, sizeof *caretaker);

    *out = NULL;
    must(caretaker != NULL);
    caretaker->reads = reads;
    caretaker->memory.pending_ms = LIMIT_PENDING_MS;
    caretaker->memory.trust.most_ms = LIMIT_TRUST_LOOK_MS;
    caretaker->dsn = strdup(dsn);
    must(caretaker->dsn != NULL);
    enum err_code code = chore_start(&caretaker->chore, "caretaker", caretaker_turn, caretaker, why);
    if (code == ERR_OK)
        code = readerwatch_start(dsn, &caretaker->readers, why);
    if (code != ERR_OK)
        caretaker_stop(caretaker);
    else
        *out = caretaker;
    return code;
}

void caretaker_stop(struct caretaker *caretaker)
{
    if (caretaker == NULL)
        return;
    chore_stop(&caretaker->chore);
    readerwatch_stop(caretaker->readers);
    trustkeeper_free(&caretaker->memory.trust);
    free(caretaker->dsn);
    free(caretaker);
}
