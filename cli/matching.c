#include "cli/matching.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/metric.h"
#include "base/say.h"
#include "base/thread.h"
#include "cli/blockset.h"
#include "cli/trustset.h"
#include "db/alertjson.h"
#include "db/db_alert_raise.h"
#include "db/db_domain.h"
#include "db/pgconn.h"
#include "ingest/examine.h"
#include "parser/leaf.h"
#include "parser/lint.h"
#include "watcher/match.h"
#include "watcher/watchset.h"

#define MATCHING_TRUST_MS 30000 /* between looks whether there is newer trust data */

struct matching {
    struct lock lock;      /* guards current */
    struct lock load_lock; /* guards conn: one thread loads, the others wait for its result */
    struct watchset *current;
    struct pgconn *conn;
    _Atomic int64_t trust_at; /* when to look again; clock_mono_ms */
};

/* Replaces the snapshot by the newest one. load_lock is held. */
static enum err_code matching_load(struct matching *matching, struct err *why)
{
    struct watch *watches = NULL;
    struct watchset *fresh;
    struct watchset *old;
    uint64_t generation = 0;
    size_t count = 0;
    enum err_code code = db_domain_load(matching->conn, &watches, &count, &generation, why);

    if (code == ERR_DB_DOWN) {
        struct err again = {0};
        if (pgconn_reopen(matching->conn, &again) != ERR_OK)
            return code;
        err_clear(why);
        code = db_domain_load(matching->conn, &watches, &count, &generation, why);
    }
    if (code != ERR_OK)
        return code;
    fresh = watchset_new(watches, count, generation);
    if (fresh == NULL)
        return err_set(why, ERR_MEMORY, "no memory for %zu registered domains", count);
    thread_lock(&matching->lock);
    old = matching->current;
    matching->current = fresh;
    thread_unlock(&matching->lock);
    watchset_unpin(old);
    return ERR_OK;
}

static struct watchset *matching_pin(struct matching *matching)
{
    struct watchset *set;

    thread_lock(&matching->lock);
    set = watchset_pin(matching->current);
    thread_unlock(&matching->lock);
    return set;
}

/* No entry is matched without any. */
static enum err_code matching_first_trust(struct matching *matching, struct err *why)
{
    struct cagraph *graph = NULL;
    enum err_code code = trustset_pin(matching->conn, &graph, why);

    atomic_store(&matching->trust_at, clock_mono_ms() + MATCHING_TRUST_MS);
    cagraph_unpin(graph);
    return code;
}

static enum err_code matching_first_blocklist(struct err *why)
{
    struct blocklist *list = NULL;
    enum err_code code = blockset_pin(&list, why);

    blocklist_unpin(list);
    return code;
}

enum err_code matching_open(const char *dsn, struct matching **out, struct err *why)
{
    struct matching *matching = calloc(1, sizeof *matching);
    enum err_code code;

    must(matching != NULL);
    thread_lock_init(&matching->lock);
    thread_lock_init(&matching->load_lock);
    code = pgconn_open(dsn, &matching->conn, why);
    if (code == ERR_OK)
        code = matching_load(matching, why);
    if (code == ERR_OK)
        code = matching_first_trust(matching, why);
    if (code == ERR_OK)
        code = matching_first_blocklist(why);
    if (code != ERR_OK) {
        matching_close(matching);
        matching = NULL;
    }
    *out = matching;
    return code;
}

void matching_close(struct matching *matching)
{
    watchset_unpin(matching->current);
    if (matching->conn != NULL)
        pgconn_free(matching->conn);
    thread_lock_fini(&matching->lock);
    thread_lock_fini(&matching->load_lock);
    free(matching);
}

/* A snapshot of at least `generation`. */
static enum err_code matching_snapshot(struct matching *matching, uint64_t generation, struct watchset **out,
                                       struct err *why)
{
    struct watchset *set = matching_pin(matching);
    enum err_code code = ERR_OK;

    if (watchset_generation(set) < generation) {
        watchset_unpin(set);
        thread_lock(&matching->load_lock);
        set = matching_pin(matching);
        if (watchset_generation(set) < generation) {
            watchset_unpin(set);
            code = matching_load(matching, why);
            set = matching_pin(matching);
        }
        thread_unlock(&matching->load_lock);
        if (code == ERR_OK && watchset_generation(set) < generation)
            code = err_set(why, ERR_DB, "the registered domains of generation %llu can not be seen yet",
                           (unsigned long long)generation);
    }
    *out = set;
    return code;
}

static void matching_prove(void *arg, struct batch *batch, struct entry *entry)
{
    (void)arg;
    (void)batch;
    examine_prove_issuer(entry, entry->chain_count > 0 ? entry->unverified_chain[0] : SPAN_NONE);
}

static void matching_look(const struct entry *entry, struct finding_set *lint)
{
    lint_read(&entry->cert, lint);
}

/* With what is there when the database has no answer: alerts never wait for trust data. */
static struct cagraph *matching_trust(struct matching *matching)
{
    struct cagraph *graph = NULL;
    int64_t now = clock_mono_ms();
    int64_t due = atomic_load(&matching->trust_at);
    struct err why = {0};

    if (now >= due && atomic_compare_exchange_strong(&matching->trust_at, &due, now + MATCHING_TRUST_MS)) {
        thread_lock(&matching->load_lock);
        if (trustset_pin(matching->conn, &graph, &why) != ERR_OK)
            say_debug("watch", "trust data: %s", why.text);
        thread_unlock(&matching->load_lock);
    }
    return graph != NULL ? graph : trustset_pin_last();
}

static enum err_code matching_run(void *arg, struct batch *batch, uint64_t generation, struct err *why)
{
    struct matching *matching = arg;
    struct cagraph *trust = matching_trust(matching);
    struct blocklist *blocklist = NULL;
    struct watchset *set = NULL;
    enum err_code code = blockset_pin(&blocklist, why);
    const struct match_prove prove = {.prove = matching_prove,
                                      .look = matching_look,
                                      .trust = trust,
                                      .blocklist = blocklist,
                                      .now_ms = clock_wall_ms()};
    if (code == ERR_OK)
        code = matching_snapshot(matching, generation, &set, why);

    if (code == ERR_OK) {
        if (generation != 0)
            metric_add(METRIC_REMATCHES_TOTAL, 1);
        code = match_batch(set, batch, &prove, why);
    }
    /* Texts of alerts are copies in the batch's arena, so the snapshots may go. */
    watchset_unpin(set);
    cagraph_unpin(trust);
    blocklist_unpin(blocklist);
    return code;
}

/* The batch will not be committed, so its alerts are written here. The connection is guarded by load_lock.
 */
static enum err_code matching_stuck(void *arg, struct batch *batch, struct err *why)
{
    struct matching *matching = arg;
    enum err_code code = matching_run(matching, batch, 0, why);

    thread_lock(&matching->load_lock);
    for (size_t i = 0; code == ERR_OK && i < batch->alert_count; i++) {
        const struct alert *alert = &batch->alerts[i];
        char room[ALERTJSON_DEDUP_MAX];
        bool raised = false;
        if (alert->finding_count != 0)
            code = db_alert_raise(matching->conn, alert, &alert->sighting, 1, alertjson_dedup(alert, room),
                                  NULL, &raised, why);
    }
    if (code == ERR_DB_DOWN && pgconn_reopen(matching->conn, NULL) != ERR_OK)
        say_debug("ingest", "the database is away still");
    thread_unlock(&matching->load_lock);
    return code;
}

struct pipe_stage matching_hook(struct matching *matching)
{
    return (struct pipe_stage){.run = matching_run, .stuck = matching_stuck, .arg = matching};
}

/* One data tile's worth of the entry, put together again. */
static bool matching_read_tile(const struct db_malformed_row *row, struct arena *arena, struct entry *entry)
{
    size_t head = row->leaf.len < 2 ? row->leaf.len : 2; /* version and type are not in the tile */
    size_t len = row->leaf.len - head + row->extra.len;
    uint8_t *bytes = arena_take(arena, len + 1, 1);
    uint8_t *room = arena_take(arena, len + 3, 1);
    if (bytes == NULL || room == NULL)
        return false;
    struct span leaf = span_part(row->leaf, head, row->leaf.len);
    if (leaf.len != 0)
        memcpy(bytes, leaf.at, leaf.len);
    if (row->extra.len != 0)
        memcpy(bytes + leaf.len, row->extra.at, row->extra.len);
    struct cur tile = cur_of(span_of(bytes, len));
    room[0] = 0;
    return leaf_read_tile(&tile, room + 1, len + 2, entry);
}

/* The leaf with the prefix of its hash in front, as examine_entry wants it. */
static enum err_code matching_keep(const struct db_malformed_row *row, struct arena *arena,
                                   struct entry *entry, struct err *why)
{
    uint8_t *bytes = arena_take(arena, row->leaf.len + 1, 1);
    if (bytes == NULL)
        return err_set(why, ERR_TOO_BIG, "a stored entry of %zu bytes does not fit", row->leaf.len);
    bytes[0] = 0;
    if (row->leaf.len != 0)
        memcpy(bytes + 1, row->leaf.at, row->leaf.len);
    entry->leaf = span_of(bytes + 1, row->leaf.len);
    return ERR_OK;
}

static enum err_code matching_issuer(struct pgconn *conn, struct arena *arena, struct entry *entry,
                                     struct err *why)
{
    if (entry->unverified_fingerprints.len < 32)
        return ERR_OK;
    struct db_malformed_issuer *issuer = malloc(sizeof *issuer);
    must(issuer != NULL);
    enum err_code code = db_malformed_issuer(conn, entry->unverified_fingerprints.at, issuer, why);
    struct span der = SPAN_NONE;
    if (code == ERR_OK && issuer->len != 0)
        der = arena_copy(arena, span_of(issuer->der, issuer->len));
    free(issuer);
    entry->unverified_chain[0] = der;
    entry->chain_count = der.at != NULL ? 1 : 0;
    if (entry->kind == ENTRY_X509 && entry->chain_count != 0)
        examine_issuer(entry, der);
    return code;
}

static enum err_code matching_read(void *arg, const struct db_malformed_row *row, struct arena *arena,
                                   struct entry *entry, struct err *why)
{
    enum err_code code = ERR_OK;
    struct entry probe = {.index = row->index};
    leaf_read(row->leaf, &probe);
    bool tile = row->tile || leaf_extra_of_tile(probe.kind, row->extra);
    bool framed = tile && matching_read_tile(row, arena, entry);
    if (!framed)
        code = matching_keep(row, arena, entry, why);
    if (code != ERR_OK)
        return code;
    if (!tile)
        leaf_read(entry->leaf, entry);
    entry->kind = tile && !framed ? ENTRY_OPAQUE : entry->kind;
    entry->extra = row->extra;
    if (!tile && entry->kind != ENTRY_OPAQUE)
        leaf_read_extra(row->extra, entry);
    finding_merge(&entry->findings, &row->findings);
    if (entry->timestamp_ms == 0)
        entry->timestamp_ms = row->timestamp_ms;
    examine_entry(entry, arena);
    /* What could not be stored as a certificate is not one now. */
    if (row->unparsed && issuance_is_parsed(&entry->issuance))
        entry->kind = ENTRY_OPAQUE;
    if (entry->kind == ENTRY_OPAQUE)
        return ERR_OK;
    return tile ? matching_issuer(arg, arena, entry, why) : ERR_OK;
}

struct history_reader matching_reader(struct pgconn *conn, const atomic_bool *stop)
{
    return (struct history_reader){.read = matching_read,
                                   .arg = conn,
                                   .prove = {.prove = matching_prove, .look = matching_look},
                                   .stop = stop};
}
