#include "db/store_pg.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/metric.h"
#include "db/patience.h"
#include "db/spread.h"
#include "db/store_alert.h"
#include "db/store_der.h"
#include "db/store_gap.h"
#include "db/store_head.h"
#include "db/store_incident.h"
#include "db/store_load.h"
#include "db/store_log.h"
#include "db/store_pace.h"
#include "db/store_pair.h"
#include "db/store_place.h"
#include "db/store_range.h"
#include "db/store_repair.h"
#include "db/store_sct.h"
#include "db/store_want.h"
#include "db/store_write.h"

#define HEADS_RAW_MAX ((size_t)64 << 20)

static void free_store(struct store *store)
{
    if (store == NULL)
        return;
    struct pgstore *pg = pgstore_of(store);
    /* The server notices a closed connection when it gets to it; whoever waits for the range need not. */
    if (pg->conn != NULL && PQstatus(pg->conn->pg) == CONNECTION_OK) {
        pgexec_rollback(pg->conn);
        if (pgexec_script(pg->conn, "SELECT pg_advisory_unlock_all()", NULL) != ERR_OK)
            pg->held_count = 0;
    }
    pgconn_free(pg->conn);
    issuer_ids_free(pg->issuers);
    fpcache_free(pg->known);
    copy_fini(&pg->copy);
    stage_fini(&pg->stage);
    store_der_fini(&pg->keep);
    store_rows_fini(&pg->rows);
    placemerge_fini(&pg->places);
    loadpack_fini(&pg->pack);
    buf_fini(&pg->heads_raw);
    buf_fini(&pg->other_raw);
    pg->store.magic = 0;
    free(pg);
}

/* True when a domain was added after some batch was matched. */
static bool is_outdated(const struct store_settle *settle, uint64_t generation)
{
    for (size_t i = 0; i < settle->count; i++) {
        uint64_t matched = settle->batches[i]->watch_generation;
        if (matched != 0 && matched < generation)
            return true;
    }
    return false;
}

/* Holds the domains as they are and makes sure that every batch was matched with them. Matching again may
 * change what is known of an issuer, so the rows are collected again; *again: an issuer is new and needs its
 * own small transaction first. */
static enum err_code hold_domains(struct pgstore *pg, struct store_settle *settle, bool *again,
                                  struct err *why)
{
    uint64_t generation = 0;
    size_t missing = 0;
    enum err_code code = store_write_hold(pg, &generation, why);
    *again = false;
    if (code != ERR_OK || !is_outdated(settle, generation))
        return code;
    must(settle->rematch != NULL);
    /* A million domains take longer to read than this session may be silent. */
    code = patience_silent(pg->conn, LIMIT_DB_DOMAINS_S, why);
    if (code == ERR_OK)
        code = settle->rematch(settle->rematch_arg, settle->batches, settle->count, generation, why);
    if (code == ERR_OK)
        code = patience_silent(pg->conn, LIMIT_DB_TX_IDLE_S, why);
    if (code != ERR_OK)
        return code;
    must(!is_outdated(settle, generation));
    code = stage_collect(&pg->stage, settle->batches, settle->count, pg->issuers, &missing, why);
    *again = code == ERR_OK && missing != 0;
    return code;
}

static enum err_code write_rows(struct pgstore *pg, struct store_settle *settle, struct err *why)
{
    size_t malformed = 0;
    int32_t alerts = 0;
    settle->fresh = 0;
    store_der_judge(pg, settle->batches, settle->count);
    (void)store_der_leave_out(pg);
    stage_recall(&pg->stage, pg->known, pg->known_age);
    enum err_code code = spread_turn(pg->conn, why);
    if (code == ERR_OK)
        code = store_write_rows(pg, settle, why);
    if (code == ERR_OK && settle->count != 0)
        code = store_write_places(pg, settle->batches, settle->count, why);
    if (code == ERR_OK)
        code =
            stage_malformed(&pg->stage, &pg->copy, pg->conn, settle->batches, settle->count, &malformed, why);
    if (code == ERR_OK)
        code = store_alert_stage(pg, settle->batches, settle->count, &alerts, why);
    if (code == ERR_OK && malformed != 0)
        code = store_write_malformed(pg, why);
    if (code == ERR_OK && alerts != 0)
        code = store_alert_write(pg->conn, why);
    if (code == ERR_OK)
        code = store_pair_write(pg, settle->batches, settle->count, why);
    if (code == ERR_OK)
        code = store_sct_write(pg, settle->batches, settle->count, why);
    if (code == ERR_OK)
        code = store_der_write(pg, settle->batches, settle->count, why);
    return code == ERR_OK ? store_der_note_thin(pg, settle, why) : code;
}

/* The disk is nearly full: alerts, and the word that the rest is not stored. */
static enum err_code write_little(struct pgstore *pg, struct store_settle *settle, struct err *why)
{
    int32_t alerts = 0;
    enum err_code code = store_alert_stage(pg, settle->batches, settle->count, &alerts, why);
    if (code == ERR_OK && alerts != 0)
        code = store_alert_write(pg->conn, why);
    return code == ERR_OK ? store_gap_add(pg, settle, why) : code;
}

static enum err_code move_range(struct pgstore *pg, const struct store_settle *settle, struct err *why)
{
    bool moved = false;
    enum err_code code = store_write_move(pg, settle, 0, &moved, why);
    if (code == ERR_OK && !moved)
        code = err_set(why, ERR_DB_CONFLICT, "database: another process moved range %" PRId64,
                       settle->range->id);
    return code;
}

static enum err_code commit_once(struct pgstore *pg, struct store_settle *settle, bool *again,
                                 struct err *why)
{
    bool little = pg->guard.is_short;
    *again = false;
    pg->place_blocks = 0;
    enum err_code code = store_write_collect(pg, settle->batches, settle->count, pg->conn, why);
    if (code == ERR_OK)
        code = patience_begin(pg->conn, why);
    if (code != ERR_OK)
        return code;
    /* Tells early that the work would be for nothing. */
    code = patience_lock(pg->conn, settle->range->id, settle->range->next, settle->range->epoch, why);
    if (code == ERR_OK)
        code = hold_domains(pg, settle, again, why);
    if (code == ERR_OK && !*again)
        code = little ? write_little(pg, settle, why) : write_rows(pg, settle, why);
    if (code == ERR_OK && !*again)
        code = move_range(pg, settle, why);
    if (code != ERR_OK || *again) {
        pgexec_rollback(pg->conn);
        return code;
    }
    code = store_write_commit(pg, settle, 0, why);
    if (code == ERR_OK && !little) {
        stage_remember(&pg->stage, pg->known, pg->known_age);
        store_der_remember(pg);
        metric_add(METRIC_ENTRIES_EXPIRED_TOTAL, pg->stage.beyond);
        placemerge_stored(&pg->places, &pg->copy, pg->conn, pg->place_blocks, clock_mono_ms());
    }
    return code;
}

static void check_settle(const struct store_settle *settle)
{
    uint64_t at = settle->range->next;
    for (size_t i = 0; i < settle->count; i++) {
        must(settle->batches[i]->magic == BATCH_MAGIC && settle->batches[i]->begin == at);
        must(settle->batches[i]->log->id == settle->range->log_id);
        at = settle->batches[i]->end;
        must(settle->batches[i]->entry_count == at - settle->batches[i]->begin);
    }
    must(at == settle->next);
    must(!settle->has_verified || settle->verified != NULL);
}

/* Classes of SQLSTATE that come from the rows: data, constraints, limits of the program, triggers. */
static bool is_about_data(const char *sqlstate)
{
    static const char *const heads[] = {"21", "22", "23", "44", "54", "P0"};
    for (size_t i = 0; i < countof(heads); i++)
        if (strncmp(sqlstate, heads[i], 2) == 0)
            return true;
    return false;
}

static enum err_code commit(struct store *store, struct store_settle *settle, struct err *why)
{
    struct pgstore *pg = pgstore_of(store);
    bool landed = false;
    bool again = true;
    must(!pg->repair.open);
    enum err_code code = store_write_ready(pg, why);
    if (code == ERR_OK)
        code = store_write_landed(pg, settle, 0, &landed, why);
    if (code != ERR_OK || landed)
        return code;
    check_settle(settle);
    (void)diskguard_short(&pg->guard, pg->conn, clock_mono_ms());
    if (!pg->load)
        code = store_past_choose(&pg->past, pg->conn, settle->range->log_id, clock_wall_ms(),
                                 &pg->load_before_ms, why);
    while (code == ERR_OK && again)
        code = commit_once(pg, settle, &again, why);
    /* A text that is not UTF-8 is a person's mistake elsewhere (pgexec_code), and here an entry's. */
    bool text = code == ERR_USAGE && strcmp(pg->conn->sqlstate, "22021") == 0;
    if (text || (code == ERR_DB && is_about_data(pg->conn->sqlstate)))
        code = ERR_DB_DATA;
    if (code == ERR_DB_DATA && why != NULL)
        why->code = code;
    return code;
}

static enum err_code verified(struct store *store, struct store_settle *settle, struct err *why)
{
    struct pgstore *pg = pgstore_of(store);
    bool landed = false;
    must(settle->has_verified && settle->next == settle->range->next);
    enum err_code code = store_write_ready(pg, why);
    if (code == ERR_OK)
        code = store_write_landed(pg, settle, 0, &landed, why);
    if (code != ERR_OK || landed)
        return code;
    code = patience_begin(pg->conn, why);
    if (code != ERR_OK)
        return code;
    code = store_load_doubt(pg, settle, why);
    if (code == ERR_OK)
        code = move_range(pg, settle, why);
    if (code == ERR_OK)
        return store_write_commit(pg, settle, 0, why);
    pgexec_rollback(pg->conn);
    return code;
}

/* With what was not stored for lack of room among them, as soon as there is room. */
static enum err_code ranges(struct store *store, int32_t log_id, struct store_range *out, size_t max,
                            size_t *count, struct err *why)
{
    struct pgstore *pg = pgstore_of(store);
    enum err_code code = store_write_ready(pg, why);
    if (code == ERR_OK && !diskguard_short(&pg->guard, pg->conn, clock_mono_ms()))
        code = store_gap_reread(pg, log_id, why);
    return code == ERR_OK ? store_log_ranges(store, log_id, out, max, count, why) : code;
}

static const struct store_ops ops = {
    .free = free_store,
    .ranges = ranges,
    .range_take = store_log_take,
    .range_drop = store_log_drop,
    .range_frontier = store_log_frontier,
    .range_split = store_range_split,
    .range_meet = store_range_meet,
    .commit = commit,
    .verified = verified,
    .repair_begin = store_repair_begin,
    .repair = store_repair_batch,
    .repair_end = store_repair_end,
    .differs = store_repair_differs,
    .head = store_head_put,
    .heads = store_head_list,
    .claims = store_head_claims,
    .claim_judged = store_head_judged,
    .others = store_head_others,
    .places = store_place_list,
    .refuted = store_head_refuted,
    .head_since = store_head_since,
    .inconsistent = store_incident_put,
    .account_room = store_incident_room,
    .log_note = store_log_note,
    .issuer_cert_get = store_log_cert_get,
    .issuer_cert_put = store_log_cert_put,
    .want_put = store_want_put,
    .want_list = store_want_list,
    .pace = store_pace_move,
    .page = store_pace_page,
};

enum err_code store_pg_open(const char *dsn, struct store **store, struct err *why)
{
    *store = NULL;
    struct pgstore *pg = calloc(1, sizeof *pg);
    if (pg == NULL)
        return err_set(why, ERR_MEMORY, "database: no memory for a store");
    pg->store.magic = STORE_MAGIC;
    pg->store.ops = &ops;
    pg->lists = -1;
    pg->load_before_ms = PGSTORE_LOAD_NOTHING;
    copy_init(&pg->copy);
    stage_init(&pg->stage);
    store_rows_init(&pg->rows);
    loadpack_init(&pg->pack);
    buf_init(&pg->heads_raw, HEADS_RAW_MAX);
    buf_init(&pg->other_raw, LIMIT_SMALL_BYTES);
    pg->issuers = issuer_ids_new();
    pg->known = fpcache_new(LIMIT_ISSUANCES_KNOWN);
    enum err_code code = ERR_OK;
    bool keeps = store_der_init(&pg->keep, STORE_PG_ALL, STORE_PG_DER_NONE);
    if (pg->issuers == NULL || pg->known == NULL || !keeps)
        code = err_set(why, ERR_MEMORY, "database: no memory for a store");
    if (code == ERR_OK)
        code = pgconn_open(dsn, &pg->conn, why);
    if (code == ERR_OK)
        code = store_write_ready(pg, why);
    if (code != ERR_OK) {
        free_store(&pg->store);
        return code;
    }
    *store = &pg->store;
    return ERR_OK;
}

bool store_pg_remember(struct store *store, size_t issuances)
{
    struct pgstore *pg = pgstore_of(store);
    struct fpcache *known = fpcache_new(issuances);
    if (known == NULL)
        return false;
    fpcache_free(pg->known);
    pg->known = known;
    return true;
}

struct fpcache *store_pg_memory(void)
{
    return fpcache_new(LIMIT_ISSUANCES_KNOWN);
}

void store_pg_memory_free(struct fpcache *memory)
{
    fpcache_free(memory);
}

void store_pg_remember_in(struct store *store, struct fpcache *memory)
{
    struct pgstore *pg = pgstore_of(store);
    fpcache_free(pg->known);
    pg->known = fpcache_share(memory);
}

bool store_pg_keep(struct store *store, enum store_pg_store rows, enum store_pg_der der)
{
    return store_der_init(&pgstore_of(store)->keep, rows, der);
}

enum err_code store_pg_load(struct store *store, struct err *why)
{
    static const char sql[] =
        "SELECT coalesce(max(upper), '0001-01-01') FROM partition_leaf WHERE upper <= now()";
    struct pgstore *pg = pgstore_of(store);
    PGresult *res;
    if (pg->conn->spread) /* rows go to their shards at once */
        return ERR_OK;
    enum err_code code = pgexec_run(pg->conn, sql, &PGEXEC_NO_ARGS, &res, why);
    if (code != ERR_OK)
        return code;
    pg->load_before_ms = pgexec_get_time(res, 0, 0);
    pg->places.load = true;
    pg->load = true;
    PQclear(res);
    return ERR_OK;
}

void store_pg_past(struct store *store, int64_t days, uint64_t entries)
{
    pgstore_of(store)->past = (struct store_past){.days = days, .entries = entries, .looked_ms = INT64_MIN};
}

void store_pg_guard(struct store *store, unsigned percent, const char *path)
{
    diskguard_init(&pgstore_of(store)->guard, percent, path);
}
