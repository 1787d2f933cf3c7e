/* What it costs to keep certificates whole (db.der): bytes and time of packing them, and entries per second
 * into PostgreSQL by the real writer with none, with those of one watched domain, and with all, in one run.
 *
 *   bench_der [FORMS] [DSN]
 *
 * Certificates with an EC key, a serial number and a signature of their own each; two forms an issuance, each
 * of them in two logs. Without a DSN the program's own private cluster is used. */
#include <libpq-fe.h>
#include <openssl/evp.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "bench/certmill.h"
#include "db/cluster.h"
#include "db/dbkey.h"
#include "db/derchunk.h"
#include "db/migrate.h"
#include "db/store_pg.h"

#define MODELS  64
#define REPLY   256
#define BATCHES 16
#define POINT   64   /* bytes of an EC key and of its signature that do not pack */
#define WATCHED 1000 /* one entry in so many concerns somebody */

static struct certmill mill;
static size_t key_at[MODELS];

static void die(const char *what, const struct err *why)
{
    fprintf(stderr, "bench_der: %s: %s\n", what, why->text);
    exit(4);
}

static uint64_t mix(uint64_t value)
{
    value += 0x9e3779b97f4a7c15;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
    value = (value ^ value >> 27) * 0x94d049bb133111eb;
    return value ^ value >> 31;
}

static void noise(uint8_t *out, size_t len, uint64_t seed)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)mix(seed * 128 + i);
}

static void make_models(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    uint8_t point[1 + POINT];
    size_t len = 0;
    must(key != NULL && EVP_PKEY_get_octet_string_param(key, "pub", point, sizeof point, &len) == 1);
    for (unsigned i = 0; i < MODELS; i++) {
        certmill_add(&mill, certmill_one(key, key, i, i % 2 == 0 ? CERTMILL_PRECERT : CERTMILL_FINAL));
        const uint8_t *found = memmem(mill.certs[i].at, mill.certs[i].len, point, len);
        must(found != NULL);
        key_at[i] = (size_t)(found - mill.certs[i].at) + 1;
    }
    EVP_PKEY_free(key);
}

/* Form `number` of all: issuance number / 2. */
static struct span form_of(uint64_t number, struct arena *arena)
{
    size_t model = number % MODELS;
    struct span der = arena_copy(arena, mill.certs[model]);
    uint8_t *bytes = (uint8_t *)(uintptr_t)der.at;
    must(bytes != NULL);
    noise(bytes + key_at[model], POINT, number / 2);
    noise(bytes + der.len - POINT, POINT, number + (UINT64_C(1) << 40));
    noise(bytes + 20, 8, number / 2 + (UINT64_C(1) << 41));
    return der;
}

static void pack(uint64_t forms)
{
    struct buf plain;
    struct buf packed;
    struct arena arena;
    struct err why = {0};
    uint64_t plain_bytes = 0;
    uint64_t packed_bytes = 0;
    int64_t pack_ns = 0;
    int64_t unpack_ns = 0;
    must(arena_init(&arena, 4u << 20));
    buf_init(&plain, DERCHUNK_PLAIN_MAX);
    buf_init(&packed, 2 * DERCHUNK_PLAIN_MAX);
    forms -= forms % DERCHUNK_CERTS;
    for (uint64_t at = 0; at < forms; at += DERCHUNK_CERTS) {
        arena_reset(&arena, 4u << 20);
        buf_clear(&plain);
        for (uint64_t i = at; i < at + DERCHUNK_CERTS; i++)
            derchunk_put(&plain, form_of(i, &arena));
        int64_t began = certmill_cpu_ns();
        if (derchunk_pack(buf_span(&plain), &packed, &why) != ERR_OK)
            die("pack", &why);
        int64_t between = certmill_cpu_ns();
        plain_bytes += plain.len;
        packed_bytes += packed.len;
        if (derchunk_unpack(buf_span(&packed), (int64_t)plain.len, &plain, &why) != ERR_OK)
            die("unpack", &why);
        unpack_ns += certmill_cpu_ns() - between;
        pack_ns += between - began;
    }
    printf("packing: %.0f bytes a form become %.0f, %.1f us each; %.0f us to unpack a row of %d\n",
           (double)plain_bytes / (double)forms, (double)packed_bytes / (double)forms,
           (double)pack_ns / 1e3 / (double)forms, (double)unpack_ns / 1e3 * DERCHUNK_CERTS / (double)forms,
           DERCHUNK_CERTS);
    buf_fini(&plain);
    buf_fini(&packed);
    arena_fini(&arena);
}

static void make_entry(struct batch *batch, size_t at, uint64_t number)
{
    static const uint8_t dn[] = "\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02\x43\x41";
    struct entry *entry = &batch->entries[at];
    struct issuance *issuance = &entry->issuance;
    bool precert = number % 2 == 0;
    uint64_t seed = number / 2;
    struct name *name = arena_zeroed(&batch->arena, 1, sizeof *name);
    char text[48];
    must(name != NULL);
    int len = snprintf(text, sizeof text, "domain-%" PRIx64 ".example", seed);
    name->kind = NAME_DNS;
    name->raw = name->text = name->apex = arena_copy(&batch->arena, span_of(text, (size_t)len));
    *entry = (struct entry){.index = batch->begin + at,
                            .kind = precert ? ENTRY_PRECERT : ENTRY_X509,
                            .timestamp_ms = 1790000000000 + (int64_t)number};
    issuance->issuer_known = true;
    dbkey_sha256(span_of(&seed, sizeof seed), issuance->tbs_fp);
    memcpy(issuance->spki_sha256, issuance->tbs_fp, 32);
    issuance->issuer_spki_sha256[0] = (uint8_t)(seed % 40);
    issuance->issuer = span_of(dn, sizeof dn - 1);
    issuance->serial = span_of(issuance->tbs_fp, 16);
    issuance->not_before = 1790000000 + (int64_t)(seed % 30) * 86400;
    issuance->not_after = issuance->not_before + 90 * 86400;
    issuance->names = name;
    issuance->name_count = 1;
    entry->sighting.form = precert ? ISSUANCE_PRECERT : ISSUANCE_FINAL;
    struct span der = form_of(number, &batch->arena);
    dbkey_sha256(der, entry->sighting.sha256);
    if (precert)
        entry->unverified_precert = der;
    else
        entry->cert_der = der;
}

/* As the matching leaves it: an entry in WATCHED is as expected of somebody's domain. */
static void match(struct batch *batch)
{
    struct alert *alerts = arena_zeroed(&batch->arena, REPLY, sizeof *alerts);
    must(alerts != NULL);
    batch->watch_generation = 1;
    batch->alerts = alerts;
    for (size_t i = 0; i < batch->entry_count; i++) {
        if (batch->entries[i].index % WATCHED == 0)
            alerts[batch->alert_count++] = (struct alert){.domain_id = 1, .entry_at = i};
    }
}

static void clear(const char *dsn)
{
    PGconn *pg = PQconnectdb(dsn);
    PGresult *res = PQexec(
        pg, "SET client_min_messages = warning;"
            "TRUNCATE cert, cert_apex, cert_ip, log_tile, issued, issuer, log_range, log, der_chunk RESTART"
            " IDENTITY CASCADE;"
            "INSERT INTO log (name, protocol, url, log_id, key) SELECT 'bench ' || i, 'rfc6962', '',"
            " sha256(i::text::bytea), '' FROM generate_series(1, 2) AS i;"
            "INSERT INTO log_range (log, range_begin, next, verified) SELECT id, 0, 0, 0 FROM log");
    if (PQresultStatus(res) != PGRES_COMMAND_OK) {
        fprintf(stderr, "bench_der: %s", PQerrorMessage(pg));
        exit(4);
    }
    PQclear(res);
    PQfinish(pg);
}

static double number_of(const char *dsn, const char *sql)
{
    PGconn *pg = PQconnectdb(dsn);
    PGresult *res = PQexec(pg, sql);
    must(PQntuples(res) == 1);
    double value = strtod(PQgetvalue(res, 0, 0), NULL);
    PQclear(res);
    PQfinish(pg);
    return value;
}

/* Entries per second of commits. */
static double write_all(const char *dsn, enum store_pg_der der, uint64_t forms)
{
    static struct batch batches[BATCHES];
    struct ctlog logs[2] = {{.id = 1}, {.id = 2}};
    struct store_range range[2];
    struct store *store;
    struct err why = {0};
    uint64_t entries = 0;
    int64_t busy_ns = 0;
    size_t count;
    bool taken;
    clear(dsn);
    if (store_pg_open(dsn, &store, &why) != ERR_OK)
        die("open", &why);
    must(store_pg_keep(store, STORE_PG_ALL, der));
    for (int i = 0; i < 2; i++) {
        if (store->ops->ranges(store, i + 1, &range[i], 1, &count, &why) != ERR_OK ||
            store->ops->range_take(store, &range[i], &taken, &why) != ERR_OK)
            die("range", &why);
    }
    for (int i = 0; i < BATCHES; i++)
        must(batch_init(&batches[i], 8u << 20));
    for (uint64_t at = 0; at + REPLY * BATCHES <= forms; at += REPLY * BATCHES) {
        for (int log = 0; log < 2; log++) {
            struct batch *list[BATCHES];
            for (uint64_t k = 0; k < BATCHES; k++) {
                struct batch *batch = list[k] = &batches[k];
                batch_reset(batch);
                batch->log = &logs[log];
                batch->begin = at + k * REPLY;
                batch->end = batch->begin + REPLY;
                batch->entry_count = REPLY;
                batch->entries = arena_zeroed(&batch->arena, REPLY, sizeof *batch->entries);
                must(batch->entries != NULL);
                for (size_t i = 0; i < REPLY; i++)
                    make_entry(batch, i, batch->begin + i);
                match(batch);
            }
            struct store_settle settle = {
                .range = &range[log], .batches = list, .count = BATCHES, .next = at + REPLY * BATCHES};
            int64_t began = clock_mono_ns();
            if (store->ops->commit(store, &settle, &why) != ERR_OK)
                die("commit", &why);
            busy_ns += clock_mono_ns() - began;
            entries += REPLY * BATCHES;
        }
    }
    for (int i = 0; i < BATCHES; i++)
        batch_fini(&batches[i]);
    store->ops->free(store);
    return (double)entries * 1e9 / (double)busy_ns;
}

static void writer(const char *dsn, uint64_t forms)
{
    double none = 0;
    double watched = 0;
    double all = 0;
    for (int round = 0; round < 3; round++) { /* the best of three, taken in turn: others share the machine */
        double rate = write_all(dsn, STORE_PG_DER_NONE, forms);
        none = rate > none ? rate : none;
        rate = write_all(dsn, STORE_PG_DER_WATCHED, forms);
        watched = rate > watched ? rate : watched;
        rate = write_all(dsn, STORE_PG_DER_ALL, forms);
        all = rate > all ? rate : all;
    }
    printf("writer: none %.0f entries/s, watched %.0f (%.2fx), all %.0f (%.2fx, %.1f us an entry more)\n",
           none, watched, watched / none, all, all / none, 1e6 / all - 1e6 / none);
    printf(
        "on disk: %.0f bytes a form, of these %.0f its share of the index by hash; %.0f forms in %.0f rows\n",
        number_of(
            dsn,
            "SELECT pg_total_relation_size('der_chunk')::float8 / sum(cardinality(sha8)) FROM der_chunk"),
        number_of(
            dsn, "SELECT pg_relation_size('der_chunk_sha8')::float8 / sum(cardinality(sha8)) FROM der_chunk"),
        number_of(dsn, "SELECT sum(cardinality(sha8)) FROM der_chunk"),
        number_of(dsn, "SELECT count(*) FROM der_chunk"));
}

static void run(const char *dsn, uint64_t forms)
{
    struct err why = {0};
    struct pgconn *conn = NULL;
    unsigned applied;
    if (pgconn_open(dsn, &conn, &why) != ERR_OK || migrate_run(conn, &applied, &why) != ERR_OK)
        die("database", &why);
    pgconn_free(conn);
    writer(dsn, forms);
}

int main(int argc, char **argv)
{
    char dir[] = "/tmp/ctvigil-bench-XXXXXX";
    char command[64];
    uint64_t forms = 65536;
    struct cluster *cluster = NULL;
    struct err why = {0};
    if (argc == 3 && strcmp(argv[1], CLUSTER_KEEPER_COMMAND) == 0)
        return cluster_keeper_main(argv[2]);
    if (argc > 1 && (!text_uint(span_str(argv[1]), &forms) || forms < REPLY * BATCHES)) {
        fprintf(stderr, "bench_der: not a number of forms, or below %d: %s\n", REPLY * BATCHES, argv[1]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    make_models();
    pack(forms);
    if (argc > 2) {
        run(argv[2], forms);
        return 0;
    }
    if (mkdtemp(dir) == NULL || cluster_use(dir, "/proc/self/exe", &cluster, &why) != ERR_OK)
        die("private cluster", &why);
    run(cluster_dsn(cluster), forms);
    cluster_release(cluster);
    clock_sleep_ms(2000);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command) == 0 ? 0 : 4;
}
