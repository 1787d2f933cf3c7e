/* This side of bench_db: the stream of entries through the real writer, from struct batch on, by one writer
 * or by several, each with logs of its own. */
#ifndef CTVIGIL_DBLOAD_H
#define CTVIGIL_DBLOAD_H

#include <pthread.h>

#include "base/limits.h"
#include "bench/dbcost.h"
#include "bench/issuancemill.h"
#include "db/store_pg.h"

#define DBLOAD_ENTRIES LIMIT_COMMIT_ENTRIES /* per transaction, as where there is a backlog */
#define DBLOAD_REPLY   256                  /* per batch */
#define DBLOAD_BATCHES (DBLOAD_ENTRIES / DBLOAD_REPLY)
#define DBLOAD_WRITERS 8
/* The connection that was made last. */
#define DBLOAD_NEWEST_SQL                                                                                    \
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"                                    \
    " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"                                       \
    " ORDER BY backend_start DESC LIMIT 1"

struct dbload_lane {
    struct ctlog log;
    struct store_range range;
    struct batch *batches[DBLOAD_BATCHES];
    size_t entries;
    size_t room; /* of the first transaction: less, so that not all logs commit at the same time */
};

struct dbload {
    const char *dsn;
    uint64_t issuances;
    uint64_t tail; /* the last so many entries are counted apart as well */
    int64_t begun;
    unsigned writers;
    bool remember; /* the writers have their memory of what they stored last, one for all */
    bool down;     /* without indexes, to be sealed (db/db_load.h) */
    struct dbcost cost[DBLOAD_WRITERS];
    struct dbcost late[DBLOAD_WRITERS];
    int64_t elapsed_ns; /* with making the entries */
};

struct dbload_writer {
    struct dbload *load;
    unsigned at;
    int pid;
    struct store *store;
    struct fpcache *memory;
    struct dbload_lane *lanes;
};

static inline void dbload_die(const char *what, const struct err *why)
{
    fprintf(stderr, "bench_db: %s: %s\n", what, why->text);
    exit(4);
}

static inline void dbload_entry(const struct dbload *load, struct dbload_lane *lane,
                                const struct issuancemill_entry *made)
{
    size_t at = lane->entries++;
    struct batch *batch = lane->batches[at / DBLOAD_REPLY];

    if (at % DBLOAD_REPLY == 0) {
        batch_reset(batch);
        batch->log = &lane->log;
        batch->begin = lane->range.next + at;
        batch->entries = arena_zeroed(&batch->arena, DBLOAD_REPLY, sizeof *batch->entries);
        must(batch->entries != NULL);
    }
    struct entry *entry = &batch->entries[batch->entry_count++];
    entry->index = lane->range.next + at;
    batch->end = entry->index + 1;
    entry->kind = made->precert ? ENTRY_PRECERT : ENTRY_X509;
    issuancemill_make(&entry->issuance, made->number, load->begun, &batch->arena);
    entry->timestamp_ms = entry->issuance.not_before * 1000 + (int64_t)(entry->index % 60000);
    entry->sighting.form = made->precert ? ISSUANCE_PRECERT : ISSUANCE_FINAL;
    issuancemill_hash(made->number, made->precert ? 4 : 5, entry->sighting.sha256);
}

static inline void dbload_commit(struct dbload_writer *writer, struct dbload_lane *lane, bool late)
{
    struct err why = {0};
    struct dbcost *cost = &writer->load->cost[writer->at];
    struct dbcost before = *cost;
    struct store_settle settle = {.range = &lane->range,
                                  .batches = lane->batches,
                                  .count = (lane->entries + DBLOAD_REPLY - 1) / DBLOAD_REPLY,
                                  .next = lane->range.next + lane->entries};

    dbcost_start(cost, writer->pid);
    if (writer->store->ops->commit(writer->store, &settle, &why) != ERR_OK)
        dbload_die("commit", &why);
    dbcost_stop(cost, writer->pid, lane->entries);
    lane->entries = 0;
    if (!late)
        return;
    struct dbcost *tail = &writer->load->late[writer->at];
    tail->entries += cost->entries - before.entries;
    tail->wall_ns += cost->wall_ns - before.wall_ns;
    tail->client_ns += cost->client_ns - before.client_ns;
    tail->server_ns += cost->server_ns - before.server_ns;
}

static inline void *dbload_write(void *arg)
{
    struct dbload_writer *writer = arg;
    struct dbload *load = writer->load;
    struct issuancemill *mill = malloc(sizeof *mill);
    struct issuancemill_entry made;
    uint64_t at = 0;

    must(mill != NULL);
    issuancemill_begin(mill, load->issuances);
    for (; issuancemill_next(mill, at, &made); at++) {
        struct dbload_lane *lane = &writer->lanes[made.log];
        if (made.log % load->writers != writer->at)
            continue;
        dbload_entry(load, lane, &made);
        if (lane->entries == lane->room) {
            dbload_commit(writer, lane, at + load->tail >= 4 * load->issuances);
            lane->room = DBLOAD_ENTRIES;
        }
    }
    for (unsigned i = 0; i < ISSUANCEMILL_LOGS; i++)
        if (writer->lanes[i].entries != 0)
            dbload_commit(writer, &writer->lanes[i], true);
    issuancemill_end(mill);
    free(mill);
    return NULL;
}

/* On the main thread, one after the other, so that the newest connection is this one's. */
static inline void dbload_open(struct dbload_writer *writer, PGconn *pg)
{
    struct dbload *load = writer->load;
    struct err why = {0};

    if (store_pg_open(load->dsn, &writer->store, &why) != ERR_OK)
        dbload_die("open", &why);
    must(load->remember || store_pg_remember(writer->store, 0));
    if (load->remember)
        store_pg_remember_in(writer->store, writer->memory);
    if (load->down && store_pg_load(writer->store, &why) != ERR_OK)
        dbload_die("backfill", &why);
    writer->pid = (int)dbcost_number(pg, DBLOAD_NEWEST_SQL);
    writer->lanes = calloc(ISSUANCEMILL_LOGS, sizeof *writer->lanes);
    must(writer->lanes != NULL);
    for (unsigned i = writer->at; i < ISSUANCEMILL_LOGS; i += load->writers) {
        struct dbload_lane *lane = &writer->lanes[i];
        size_t count;
        bool taken;
        lane->log.id = (int32_t)i + 1;
        lane->room = (size_t)DBLOAD_BATCHES * (i + 1) / ISSUANCEMILL_LOGS * DBLOAD_REPLY;
        if (writer->store->ops->ranges(writer->store, lane->log.id, &lane->range, 1, &count, &why) !=
                ERR_OK ||
            writer->store->ops->range_take(writer->store, &lane->range, &taken, &why) != ERR_OK)
            dbload_die("range", &why);
        for (int k = 0; k < DBLOAD_BATCHES; k++) {
            lane->batches[k] = malloc(sizeof **lane->batches);
            must(lane->batches[k] != NULL && batch_init(lane->batches[k], 4u << 20));
        }
    }
}

static inline void dbload_close(struct dbload_writer *writer)
{
    for (unsigned i = writer->at; i < ISSUANCEMILL_LOGS; i += writer->load->writers) {
        for (int k = 0; k < DBLOAD_BATCHES; k++) {
            batch_fini(writer->lanes[i].batches[k]);
            free(writer->lanes[i].batches[k]);
        }
    }
    free(writer->lanes);
    writer->store->ops->free(writer->store);
}

/* Empties the database of a run before. */
static inline void dbload_empty(PGconn *pg)
{
    PQclear(dbcost_query(pg, "SET client_min_messages = warning"));
    PQclear(dbcost_query(pg, "TRUNCATE public.cert, public.cert_apex, public.cert_ip, public.log_tile, "
                             "public.place_block, public.issued,"
                             " public.issuer, public.log_range, public.log RESTART IDENTITY CASCADE"));
    PQclear(dbcost_query(pg, "INSERT INTO public.log (name, protocol, url, log_id, key) SELECT 'bench ' || i,"
                             " 'rfc6962', '', sha256(i::text::bytea), '' FROM generate_series(1, 34) AS i"));
    PQclear(dbcost_query(pg, "INSERT INTO public.log_range (log, range_begin, next, verified)"
                             " SELECT id, 0, 0, 0 FROM public.log"));
    PQclear(dbcost_query(pg, "CHECKPOINT"));
}

static inline void dbload_run(struct dbload *load, PGconn *pg)
{
    struct dbload_writer writers[DBLOAD_WRITERS] = {0};
    pthread_t threads[DBLOAD_WRITERS];
    struct fpcache *memory = store_pg_memory();

    must(memory != NULL);
    dbload_empty(pg);
    for (unsigned i = 0; i < load->writers; i++) {
        writers[i] = (struct dbload_writer){.load = load, .at = i, .memory = memory};
        dbload_open(&writers[i], pg);
    }
    int64_t began = clock_mono_ns();
    for (unsigned i = 0; i < load->writers; i++)
        must(pthread_create(&threads[i], NULL, dbload_write, &writers[i]) == 0);
    for (unsigned i = 0; i < load->writers; i++)
        must(pthread_join(threads[i], NULL) == 0);
    /* What the writers left to be cleaned up. */
    dbcost_start(&load->cost[0], PQbackendPID(pg));
    PQclear(dbcost_query(pg, "VACUUM (TRUNCATE off) public.place_block"));
    dbcost_stop(&load->cost[0], PQbackendPID(pg), 0);
    load->elapsed_ns = clock_mono_ns() - began;
    for (unsigned i = 0; i < load->writers; i++)
        dbload_close(&writers[i]);
    store_pg_memory_free(memory);
}

#endif
