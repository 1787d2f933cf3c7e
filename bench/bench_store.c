/* Entries per second into PostgreSQL by the real writer, against a schema like crt.sh's in the same run.
 *
 *   bench_store [ISSUANCES] [BASELINE_ISSUANCES] [DSN]
 *
 * Without a DSN the program's own private cluster is used (fsync on, the settings users get). Synthetic
 * issuances with everything derived from their number: 2 to 6 log entries each (mean 4), precertificates and
 * final ones, 34 logs, 70 % of the copies close to each other, 400 issuers, 3.2 names, one registered domain
 * in three is another one. The time counts what the writer does from struct batch on: encoding, COPY,
 * statements, COMMIT. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "db/cluster.h"
#include "db/dbkey.h"
#include "db/migrate.h"
#include "db/store_pg.h"

#define LOGS    34
#define ISSUERS 400
#define ENTRIES 8192 /* per transaction */
#define REPLY   256  /* per batch */
#define BATCHES (ENTRIES / REPLY)
#define NEAR    300
#define FAR     60000
#define DER     900 /* bytes of certificate in the baseline */

struct lane {
    struct ctlog log;
    struct store_range range;
    struct batch *batches[BATCHES];
    size_t entries;
};

static uint64_t mix(uint64_t value)
{
    value += 0x9e3779b97f4a7c15;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
    value = (value ^ value >> 27) * 0x94d049bb133111eb;
    return value ^ value >> 31;
}

static void fill_hash(uint64_t number, uint64_t what, uint8_t out[32])
{
    for (unsigned i = 0; i < 4; i++) {
        uint64_t word = mix(number * 8 + i + (what << 56));
        memcpy(out + 8 * (size_t)i, &word, 8);
    }
}

static struct name *add_name(struct name *name, struct arena *arena, const char *host, uint64_t domain)
{
    char text[96];
    char apex[48];
    int apex_len = snprintf(apex, sizeof apex, "domain-%" PRIx64 ".example", domain);
    int len = snprintf(text, sizeof text, "%s%s", host, apex);
    struct span copy = arena_copy(arena, span_of(text, (size_t)len));
    must(copy.at != NULL);
    *name = (struct name){.kind = NAME_DNS, .raw = copy, .text = copy};
    name->apex = span_part(copy, copy.len - (size_t)apex_len, copy.len);
    return name + 1;
}

static void make_issuance(struct issuance *issuance, uint64_t number, struct arena *arena)
{
    static const uint8_t dn[] =
        "\x30\x13\x31\x11\x30\x0f\x06\x03\x55\x04\x03\x0c\x08\x42\x65\x6e\x63\x68\x20\x43\x41";
    static const char *const hosts[] = {"", "www.", "mail.", "api.", "shop.", "cdn."};
    static const int64_t days[] = {6, 47, 90, 90, 90, 199};
    uint64_t word = mix(number);
    uint64_t issuer = mix(word & 0xffff) % ISSUERS * (word >> 16 & 1 ? 1 : 0) + (word >> 17 & 7);
    struct name *names = arena_take(arena, 8 * sizeof *names, 8);
    must(names != NULL);
    *issuance = (struct issuance){.issuer_known = true, .issuer_proven = true, .names = names};
    fill_hash(number, 1, issuance->tbs_fp);
    fill_hash(issuer, 2, issuance->issuer_spki_sha256);
    fill_hash(word % 6 == 0 ? number / 100 : number, 3, issuance->spki_sha256);
    issuance->issuer = span_of(dn, sizeof dn - 1);
    issuance->serial = arena_copy(arena, span_of(issuance->tbs_fp, 18));
    issuance->not_before = 1790000000 - (int64_t)(word % 86400) + (int64_t)(number / 100000) * 3600;
    issuance->not_after = issuance->not_before + days[word >> 20 & 3] * 86400;
    struct name *at = add_name(names, arena, "", word % 20000000);
    for (uint64_t i = 1; i <= (word >> 24) % 5; i++)
        at = add_name(at, arena, hosts[i], word % 20000000);
    if (word % 3 == 0)
        at = add_name(at, arena, "www.", mix(word) % 20000000);
    issuance->name_count = (size_t)(at - names);
}

static void make_entry(struct lane *lane, uint64_t number, bool precert)
{
    size_t at = lane->entries++;
    struct batch *batch = lane->batches[at / REPLY];
    if (at % REPLY == 0) {
        batch_reset(batch);
        batch->log = &lane->log;
        batch->begin = lane->range.next + at;
        batch->entries = arena_zeroed(&batch->arena, REPLY, sizeof *batch->entries);
        must(batch->entries != NULL);
    }
    struct entry *entry = &batch->entries[batch->entry_count++];
    entry->index = lane->range.next + at;
    batch->end = entry->index + 1;
    entry->kind = precert ? ENTRY_PRECERT : ENTRY_X509;
    entry->timestamp_ms = 1790000000000 + (int64_t)entry->index;
    make_issuance(&entry->issuance, number, &batch->arena);
    entry->sighting.form = precert ? ISSUANCE_PRECERT : ISSUANCE_FINAL;
    fill_hash(number, precert ? 4 : 5, entry->sighting.sha256);
}

struct rate {
    uint64_t entries;
    int64_t busy_ns;
};

static void die(const char *what, const struct err *why)
{
    fprintf(stderr, "bench_store: %s: %s\n", what, why->text);
    exit(4);
}

static void commit(struct store *store, struct lane *lane, struct rate *rate)
{
    struct err why = {0};
    struct store_settle settle = {.range = &lane->range,
                                  .batches = lane->batches,
                                  .count = (lane->entries + REPLY - 1) / REPLY,
                                  .next = lane->range.next + lane->entries};
    int64_t began = clock_mono_ns();
    if (store->ops->commit(store, &settle, &why) != ERR_OK)
        die("commit", &why);
    rate->busy_ns += clock_mono_ns() - began;
    rate->entries += lane->entries;
    lane->entries = 0;
}

/* Entry number `at` of the whole stream: which issuance it shows. Four entries an issuance on average; copies
 * come soon after or much later. */
static uint64_t issuance_of(uint64_t at, bool *precert)
{
    uint64_t word = mix(at ^ 0x5555);
    uint64_t newest = at / 4;
    uint64_t back = at % 4 == 0 ? 0 : word % 10 < 7 ? word / 10 % NEAR : word / 10 % FAR;
    *precert = (word >> 40) % 3 == 0;
    return newest > back ? newest - back : newest;
}

static PGresult *query(PGconn *pg, const char *sql)
{
    PGresult *res = PQexec(pg, sql);
    ExecStatusType status = PQresultStatus(res);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_COPY_IN) {
        fprintf(stderr, "bench_store: %s", PQerrorMessage(pg));
        exit(4);
    }
    return res;
}

static int64_t number_of(PGconn *pg, const char *sql)
{
    int64_t value = 0;
    PGresult *res = query(pg, sql);
    must(text_int(span_str(PQgetvalue(res, 0, 0)), &value));
    PQclear(res);
    return value;
}

/* `remember`: whether the writer has its memory of what it stored last. */
static void ours(const char *dsn, PGconn *pg, uint64_t issuances, bool remember, struct rate *rate)
{
    struct err why = {0};
    struct store *store;
    static struct lane lanes[LOGS];
    PGresult *fresh = query(pg, "TRUNCATE cert, cert_apex, cert_ip, log_tile, issued, issuer, log_range, log"
                                " RESTART IDENTITY CASCADE");
    PQclear(fresh);
    PQclear(query(pg,
                  "INSERT INTO log (name, protocol, url, log_id, key) SELECT 'bench ' || i, 'rfc6962', '',"
                  " sha256(i::text::bytea), '' FROM generate_series(1, 34) AS i"));
    PQclear(
        query(pg, "INSERT INTO log_range (log, range_begin, next, verified) SELECT id, 0, 0, 0 FROM log"));
    if (store_pg_open(dsn, &store, &why) != ERR_OK)
        die("open", &why);
    must(remember || store_pg_remember(store, 0));
    for (int i = 0; i < LOGS; i++) {
        size_t count;
        bool taken;
        lanes[i].log.id = i + 1;
        if (store->ops->ranges(store, i + 1, &lanes[i].range, 1, &count, &why) != ERR_OK ||
            store->ops->range_take(store, &lanes[i].range, &taken, &why) != ERR_OK)
            die("range", &why);
        for (int k = 0; k < BATCHES; k++) {
            lanes[i].batches[k] = malloc(sizeof **lanes[i].batches);
            must(lanes[i].batches[k] != NULL && batch_init(lanes[i].batches[k], 4u << 20));
        }
    }
    for (uint64_t at = 0; at < 4 * issuances; at++) {
        bool precert;
        uint64_t number = issuance_of(at, &precert);
        struct lane *lane = &lanes[mix(at) % LOGS];
        make_entry(lane, number, precert);
        if (lane->entries == ENTRIES)
            commit(store, lane, rate);
        if (at % 1000000 == 999999)
            printf("  %" PRIu64 " entries: %.0f entries/s so far\n", at + 1,
                   (double)rate->entries * 1e9 / (double)rate->busy_ns);
    }
    for (int i = 0; i < LOGS; i++) {
        if (lanes[i].entries != 0)
            commit(store, &lanes[i], rate);
        for (int k = 0; k < BATCHES; k++) {
            batch_fini(lanes[i].batches[k]);
            free(lanes[i].batches[k]);
        }
    }
    store->ops->free(store);
}

/* After crt.sh's published schema: a row per certificate with its DER, b-trees over what is asked for, a GIN
 * over the words of the names, a row per log entry. */
static const char baseline_schema[] =
    "CREATE SCHEMA baseline; SET search_path = baseline;"
    "CREATE TABLE certificate (id bigint NOT NULL, issuer_ca_id int NOT NULL, certificate bytea NOT NULL,"
    " not_before timestamp NOT NULL, not_after timestamp NOT NULL, serial bytea NOT NULL, names tsvector NOT "
    "NULL);"
    "CREATE UNIQUE INDEX ON certificate (id);"
    "CREATE UNIQUE INDEX ON certificate (sha256(certificate));"
    "CREATE INDEX ON certificate (substring(sha256(certificate) FOR 20));"
    "CREATE INDEX ON certificate (serial);"
    "CREATE INDEX ON certificate (substring(certificate FOR 32));"
    "CREATE INDEX ON certificate (md5(substring(certificate FOR 32)));"
    "CREATE INDEX ON certificate (issuer_ca_id, not_before);"
    "CREATE INDEX ON certificate (issuer_ca_id, not_after);"
    "CREATE INDEX ON certificate (substring(certificate FROM 32 FOR 20));"
    "CREATE INDEX ON certificate USING gin (names);"
    "CREATE TABLE ct_log_entry (certificate_id bigint NOT NULL, entry_id bigint NOT NULL,"
    " entry_timestamp timestamp NOT NULL, ct_log_id int NOT NULL);"
    "CREATE INDEX ON ct_log_entry (certificate_id); CREATE INDEX ON ct_log_entry (ct_log_id, entry_id);"
    "CREATE INDEX ON ct_log_entry (ct_log_id, entry_timestamp); CREATE INDEX ON ct_log_entry "
    "(entry_timestamp);"
    "CREATE SEQUENCE certificate_id;"
    "CREATE TEMP TABLE arrived (entry_id bigint, log int, sha bytea, issuer int, der bytea, nb bigint, na "
    "bigint,"
    " serial bytea, names text, id bigint)";

static const char *const baseline_steps[] = {
    "UPDATE arrived AS a SET id = c.id FROM certificate AS c WHERE sha256(c.certificate) = a.sha",
    "UPDATE arrived AS a SET id = n.id FROM (SELECT sha, nextval('certificate_id') AS id FROM (SELECT "
    "DISTINCT sha"
    " FROM arrived WHERE id IS NULL) AS x) AS n WHERE a.id IS NULL AND a.sha = n.sha",
    "INSERT INTO certificate SELECT DISTINCT ON (a.id) a.id, a.issuer, a.der, to_timestamp(a.nb)::timestamp,"
    " to_timestamp(a.na)::timestamp, a.serial, to_tsvector('simple', a.names) FROM arrived AS a WHERE NOT "
    "EXISTS"
    " (SELECT FROM certificate AS c WHERE c.id = a.id) ORDER BY a.id",
    "INSERT INTO ct_log_entry SELECT id, entry_id, now()::timestamp, log FROM arrived",
};

static void put_baseline_row(struct buf *out, uint64_t entry, uint64_t number, bool precert,
                             struct arena *arena)
{
    static const char digits[] = "0123456789abcdef";
    struct issuance issuance;
    uint8_t der[DER];
    uint8_t sha[32];
    char hex[2 * DER + 1];
    arena_reset(arena, 1u << 20);
    make_issuance(&issuance, number, arena);
    for (size_t i = 0; i < DER / 32; i++)
        fill_hash(number * 64 + i, precert ? 6 : 7, der + 32 * i);
    memset(der + DER / 32 * 32, 0, DER % 32);
    dbkey_sha256(span_of(der, sizeof der), sha);
    buf_fmt(out, "%" PRIu64 "\t%u\t\\\\x%s\t", entry, (unsigned)(mix(entry) % LOGS),
            text_hex(span_of(sha, 32), hex));
    buf_fmt(out, "%u\t\\\\x", (unsigned)(mix(number) % ISSUERS));
    for (size_t i = 0; i < sizeof der; i++) {
        buf_byte(out, (uint8_t)digits[der[i] >> 4]);
        buf_byte(out, (uint8_t)digits[der[i] & 15]);
    }
    buf_fmt(out, "\t%" PRId64 "\t%" PRId64 "\t\\\\x%s\t", issuance.not_before, issuance.not_after,
            text_hex(issuance.serial, hex));
    /* Every name and every suffix of it, as its full-text index holds them. */
    for (size_t i = 0; i < issuance.name_count; i++) {
        buf_put(out, issuance.names[i].text);
        buf_byte(out, ' ');
        buf_put(out, issuance.names[i].apex);
        buf_byte(out, ' ');
    }
    buf_str(out, "\n");
}

static void baseline(PGconn *pg, uint64_t issuances, struct rate *rate)
{
    struct arena arena;
    struct buf rows;
    must(arena_init(&arena, 4u << 20));
    buf_init(&rows, (size_t)64 << 20);
    PQclear(query(pg, baseline_schema));
    for (uint64_t at = 0; at < 4 * issuances; at += ENTRIES) {
        buf_clear(&rows);
        for (uint64_t i = at; i < at + ENTRIES && i < 4 * issuances; i++) {
            bool precert;
            uint64_t number = issuance_of(i, &precert);
            put_baseline_row(&rows, i, number, precert, &arena);
            rate->entries++;
        }
        must(buf_ok(&rows));
        int64_t began = clock_mono_ns();
        PQclear(query(pg, "BEGIN"));
        PQclear(query(pg, "TRUNCATE arrived"));
        PQclear(
            query(pg, "COPY arrived (entry_id, log, sha, issuer, der, nb, na, serial, names) FROM STDIN"));
        must(PQputCopyData(pg, (const char *)rows.at, (int)rows.len) == 1 && PQputCopyEnd(pg, NULL) == 1);
        for (PGresult *res = PQgetResult(pg); res != NULL; res = PQgetResult(pg)) {
            if (PQresultStatus(res) != PGRES_COMMAND_OK)
                fprintf(stderr, "bench_store: %s", PQerrorMessage(pg));
            PQclear(res);
        }
        PQclear(query(pg, "ANALYZE arrived"));
        for (size_t i = 0; i < countof(baseline_steps); i++)
            PQclear(query(pg, baseline_steps[i]));
        PQclear(query(pg, "COMMIT"));
        rate->busy_ns += clock_mono_ns() - began;
    }
    buf_fini(&rows);
    arena_fini(&arena);
}

static void report(PGconn *pg, const struct rate *plain, const struct rate *mine, const struct rate *theirs)
{
    static const char size_sql[] = "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::int8 FROM "
                                   "pg_class AS c JOIN pg_namespace AS n"
                                   " ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind = 'r'"
                                   " AND (c.relname LIKE 'cert%' OR c.relname IN ('log_tile', 'issued'))";
    double ours_rate = (double)mine->entries * 1e9 / (double)mine->busy_ns;
    int64_t certs = number_of(pg, "SELECT count(*) FROM public.cert");
    int64_t issued = number_of(pg, "SELECT sum(n)::int8 FROM public.issued");
    int64_t sightings = number_of(pg, "SELECT sum(cardinality(fp8))::int8 FROM public.log_tile");
    printf("ctvigil: %" PRIu64 " entries of %" PRId64
           " issuances: %.0f entries/s, %.0f bytes of disk per issuance\n",
           mine->entries, certs, ours_rate, (double)number_of(pg, size_sql) / (double)certs);
    printf("without memory of what was stored: %.0f entries/s\n",
           (double)plain->entries * 1e9 / (double)plain->busy_ns);
    printf("counts: roll-up %s, sightings %s\n", issued == certs ? "exact" : "WRONG",
           sightings == (int64_t)mine->entries ? "exact" : "WRONG");
    if (theirs->entries == 0)
        return;
    double their_rate = (double)theirs->entries * 1e9 / (double)theirs->busy_ns;
    int64_t rows = number_of(pg, "SELECT count(*) FROM baseline.certificate");
    printf("like crt.sh: %" PRIu64 " entries, %" PRId64 " certificates: %.0f entries/s\nratio: %.1fx\n",
           theirs->entries, rows, their_rate, ours_rate / their_rate);
}

static uint64_t argument(int argc, char **argv, int at, uint64_t otherwise)
{
    uint64_t value = otherwise;
    if (argc > at && !text_uint(span_str(argv[at]), &value)) {
        fprintf(stderr, "bench_store: not a number: %s\n", argv[at]);
        exit(2);
    }
    return value;
}

static void run(const char *dsn, uint64_t issuances, uint64_t baseline_issuances)
{
    struct err why = {0};
    struct pgconn *conn = NULL;
    unsigned applied;
    struct rate plain = {0};
    struct rate mine = {0};
    struct rate theirs = {0};
    if (pgconn_open(dsn, &conn, &why) != ERR_OK || migrate_run(conn, &applied, &why) != ERR_OK)
        die("database", &why);
    pgconn_free(conn);
    PGconn *pg = PQconnectdb(dsn);
    printf("without memory of what was stored:\n");
    ours(dsn, pg, issuances, false, &plain);
    printf("with it:\n");
    ours(dsn, pg, issuances, true, &mine);
    if (baseline_issuances != 0)
        baseline(pg, baseline_issuances, &theirs);
    report(pg, &plain, &mine, &theirs);
    PQfinish(pg);
}

int main(int argc, char **argv)
{
    char dir[] = "/tmp/ctvigil-bench-XXXXXX";
    char command[64];
    struct err why = {0};
    struct cluster *cluster = NULL;
    if (argc == 3 && strcmp(argv[1], CLUSTER_KEEPER_COMMAND) == 0)
        return cluster_keeper_main(argv[2]);
    uint64_t issuances = argument(argc, argv, 1, 300000);
    uint64_t baseline_issuances = argument(argc, argv, 2, 60000);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 3) {
        run(argv[3], issuances, baseline_issuances);
        return 0;
    }
    if (mkdtemp(dir) == NULL || cluster_use(dir, "/proc/self/exe", &cluster, &why) != ERR_OK)
        die("private cluster", &why);
    run(cluster_dsn(cluster), issuances, baseline_issuances);
    cluster_release(cluster);
    clock_sleep_ms(2000);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command) == 0 ? 0 : 4;
}
