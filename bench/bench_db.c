/* The database under load: entries per second by the real writer against a schema like crt.sh's in the same
 * run, bytes and WAL for a certificate, and how long questions take afterwards.
 *
 *   bench_db [--certs N] [--baseline N] [--writers N] [--asks N] [--large] [--live] [--backfill] [--again]
 *            [--only KIND] [--dsn DSN]
 *
 * Without a DSN the program's own private cluster is used (fsync on, the settings users get). The stream of
 * entries: issuancemill.h. --live leaves the backfill out, --backfill all but it, --again only asks what a
 * run before left, --only one kind of question: sub, serial, spki, sha256 or fp. The time counts what the
 * writer does from struct batch on: encoding, COPY, statements, COMMIT. Rates are of the wall clock; those of
 * processor time, which other work on the machine does not change, stand beside them, and ratios are taken
 * from these. */
#include <unistd.h>

#include "base/dns.h"
#include "bench/crtshlike.h"
#include "bench/dbceiling.h"
#include "bench/dbload.h"
#include "db/cluster.h"
#include "db/db_load.h"
#include "db/db_part.h"
#include "db/db_psl.h"
#include "db/migrate.h"
#include "db/query.h"

#define BEGUN   1784600000 /* not_before of issuance 0 */
#define LONG    1700000000 /* and of those that a backfill brings: all in one partition, expired */
#define ASKS    2000       /* at most */
#define KINDS   5          /* of questions */
#define DB_ROOM 256

struct options {
    uint64_t certs;
    uint64_t baseline;
    unsigned writers;
    unsigned asks;
    bool live;
    bool load;
    bool again;
    const char *dsn;
    const char *only; /* of the kinds of questions; NULL: all */
};

struct lag {
    const char *what;
    double p50_ms;
    double p99_ms;
    double both_ms; /* processor time of server and client, the mean */
    bool page;      /* of many rows */
    bool brief;     /* as a table shows them; otherwise with forms and sightings, as JSON has them */
};

struct outcome {
    struct dbload one;
    struct dbload many;
    struct dbload down;
    struct dbcost seal;
    struct dbceiling ceiling;
    struct dbcost theirs;
    int64_t certs;
    double wal;
    double disk;
    double their_disk;
    bool exact;
    struct lag lags[2 * KINDS];
    size_t lag_count;
};

static int64_t wal_at(PGconn *pg)
{
    return dbcost_number(pg, "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::int8");
}

/* Roll-up, rows and places agree with what was sent. */
static bool is_exact(PGconn *pg, uint64_t certs, const struct dbload *load)
{
    uint64_t entries = 0;
    for (unsigned i = 0; i < load->writers; i++)
        entries += load->cost[i].entries;
    return dbcost_number(pg, "SELECT count(*) FROM public.cert") == (int64_t)certs &&
           dbcost_number(pg, "SELECT sum(n)::int8 FROM public.issued") == (int64_t)certs &&
           dbcost_number(pg, "SELECT sum(cardinality(fp8))::int8 FROM public.log_tile") == (int64_t)entries;
}

static double print_sizes(PGconn *pg, double certs)
{
    static const char sql[] =
        "SELECT what, sum(bytes)::int8 FROM (SELECT CASE WHEN i.indexrelid IS NULL THEN t.relname || ' heap'"
        " ELSE t.relname || ' ' || substring(pg_get_indexdef(i.indexrelid) FROM 'USING (.*)') END AS what, "
        "x.bytes"
        " FROM pg_class AS c LEFT JOIN pg_index AS i ON i.indexrelid = c.oid"
        " LEFT JOIN pg_inherits AS h ON h.inhrelid = coalesce(i.indrelid, c.oid)"
        " JOIN pg_class AS t ON t.oid = coalesce(h.inhparent, i.indrelid, c.oid)"
        " CROSS JOIN LATERAL (SELECT CASE WHEN i.indexrelid IS NULL THEN pg_table_size(c.oid)"
        " ELSE pg_relation_size(c.oid) END AS bytes) AS x"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'i')"
        " AND t.relname IN ('cert', 'cert_apex', 'cert_ip', 'log_tile', 'place_block', 'issued')) AS p"
        " GROUP BY 1 HAVING sum(bytes) > 0 ORDER BY 2 DESC";
    double all = 0;
    PGresult *res = dbcost_query(pg, sql);
    printf("\nbytes for a certificate, with all its log entries:\n");
    for (int i = 0; i < PQntuples(res); i++) {
        int64_t bytes = 0;
        must(text_int(span_str(PQgetvalue(res, i, 1)), &bytes));
        all += (double)bytes / certs;
        if ((double)bytes / certs >= 0.5)
            printf("  %6.1f  %s\n", (double)bytes / certs, PQgetvalue(res, i, 0));
    }
    printf("  %6.1f  in all\n", all);
    PQclear(res);
    return all;
}

static enum err_code count_row(void *arg, const struct query_row *row, struct err *why)
{
    (void)row;
    (void)why;
    ++*(uint64_t *)arg;
    return ERR_OK;
}

static int by_value(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

/* What is asked for in question `at`: something of an issuance that is stored. */
static void phrase(char *out, size_t cap, const char *kind, uint64_t at, uint64_t certs, struct arena *arena)
{
    char hex[65];
    struct issuance issuance;
    uint8_t sha[32];
    uint64_t number = issuancemill_mix(at) % certs;
    arena_reset(arena, 1u << 20);
    issuancemill_make(&issuance, number, BEGUN, arena);
    if (strcmp(kind, "sub") == 0) {
        const struct span apex = issuance.names[issuance.name_count - 1].apex;
        (void)snprintf(out, cap, "sub:%.*s", (int)apex.len, (const char *)apex.at);
        return;
    }
    issuancemill_hash(number, 4, sha);
    const struct span what = strcmp(kind, "serial") == 0 ? issuance.serial
                             : strcmp(kind, "spki") == 0 ? span_of(issuance.spki_sha256, 32)
                             : strcmp(kind, "fp") == 0   ? span_of(issuance.tbs_fp, 32)
                                                         : span_of(sha, 32);
    (void)snprintf(out, cap, "%s:%s", kind, text_hex(what, hex));
}

static struct lag ask(struct pgconn *conn, int pid, const char *const kind[2], bool brief,
                      const struct options *options)
{
    static double times[ASKS];
    struct err why = {0};
    struct arena arena;
    struct dbcost cost = {0};
    must(arena_init(&arena, 4u << 20));
    for (uint64_t round = 0; round < 2; round++) { /* the first one warms what the second one asks again */
        cost = (struct dbcost){0};
        for (uint64_t i = 0; i < options->asks; i++) {
            char text[DB_ROOM];
            struct query query;
            struct query_result result;
            uint64_t rows = 0;
            phrase(text, sizeof text, kind[1], i, options->certs, &arena);
            if (query_parse(text, &query, &why) != ERR_OK)
                dbload_die(text, &why);
            query.brief = brief;
            dbcost_start(&cost, pid);
            int64_t began = clock_mono_ns();
            if (query_run(conn, &query, count_row, &rows, &result, &why) != ERR_OK)
                dbload_die(text, &why);
            times[i] = (double)(clock_mono_ns() - began) / 1e6;
            dbcost_stop(&cost, pid, 1);
        }
    }
    arena_fini(&arena);
    qsort(times, options->asks, sizeof times[0], by_value);
    return (struct lag){.what = kind[0],
                        .p50_ms = times[options->asks / 2],
                        .p99_ms = times[options->asks * 99 / 100],
                        .both_ms = (double)(cost.client_ns + cost.server_ns) / 1e6 / options->asks,
                        .page = strcmp(kind[1], "sub") == 0,
                        .brief = brief};
}

static void ask_all(const char *dsn, PGconn *pg, const struct options *options, struct outcome *out)
{
    static const char *const kinds[KINDS][2] = {{"domain or subtree, newest 100", "sub"},
                                                {"serial number", "serial"},
                                                {"SPKI", "spki"},
                                                {"SHA-256", "sha256"},
                                                {"tbs_fp", "fp"}};
    struct err why = {0};
    struct pgconn *conn = NULL;
    if (pgconn_open(dsn, &conn, &why) != ERR_OK || db_psl_activate(conn, &why) != ERR_OK ||
        db_part_note(conn, &why) != ERR_OK) /* as the program does every ten minutes */
        dbload_die("search", &why);
    int pid = (int)dbcost_number(pg, DBLOAD_NEWEST_SQL);
    for (size_t i = 0; i < 2 * countof(kinds); i++) {
        const char *const *kind = kinds[i % countof(kinds)];
        if (options->only == NULL || strcmp(options->only, kind[1]) == 0)
            out->lags[out->lag_count++] = ask(conn, pid, kind, i < countof(kinds), options);
    }
    pgconn_free(conn);
}

static char *baseline_schema(void)
{
    static char text[8192];
    FILE *file = fopen(CTVIGIL_BENCH_DIR "/crtsh_like.sql", "re");
    size_t len = file != NULL ? fread(text, 1, sizeof text - 1, file) : 0;
    if (len == 0 || len == sizeof text - 1) {
        fprintf(stderr, "bench_db: " CTVIGIL_BENCH_DIR "/crtsh_like.sql can not be read\n");
        exit(4);
    }
    (void)fclose(file);
    return text;
}

static void say_rate(const char *what, const struct dbcost *cost)
{
    printf("%-44s %8" PRIu64
           " entries: %7.0f a second; %7.0f for a second of processor (%.1f us server, %.1f us "
           "client each)\n",
           what, cost->entries, dbcost_rate(cost), dbcost_both_rate(cost),
           (double)cost->server_ns / 1e3 / (double)cost->entries,
           (double)cost->client_ns / 1e3 / (double)cost->entries);
}

/* Into an empty database, as an archive comes, and the sealing. */
static void backfill(const char *dsn, PGconn *pg, const struct options *options, struct outcome *out)
{
    const struct db_load_how how = {.wait_ms = 1000};
    struct err why = {0};
    struct pgconn *conn = NULL;
    out->down = (struct dbload){.dsn = dsn,
                                .issuances = options->certs,
                                .begun = LONG,
                                .writers = options->writers,
                                .remember = true,
                                .down = true};
    dbload_run(&out->down, pg);
    if (pgconn_open(dsn, &conn, &why) != ERR_OK)
        dbload_die("seal", &why);
    int pid = (int)dbcost_number(pg, DBLOAD_NEWEST_SQL);
    out->seal.whole = true; /* one connection reads while another one writes, and indexes have helpers */
    dbcost_start(&out->seal, pid);
    if (db_load_seal(conn, &how, &why) != ERR_OK)
        dbload_die("seal", &why);
    dbcost_stop(&out->seal, pid, 0);
    pgconn_free(conn);
    for (unsigned i = 0; i < options->writers; i++)
        out->seal.entries += out->down.cost[i].entries;
    out->exact = is_exact(pg, options->certs, &out->down);
    say_rate("backfill, put down (first writer)", &out->down.cost[0]);
    say_rate("backfill, sealed", &out->seal);
    dbceiling_look(pg, &out->ceiling);
}

/* The writers make their entries themselves, between two transactions; what that takes is left out here. */
static double backfill_commits(const struct options *options, const struct outcome *out)
{
    int64_t ns = 0;
    for (unsigned i = 0; i < options->writers; i++)
        ns = out->down.cost[i].wall_ns > ns ? out->down.cost[i].wall_ns : ns;
    ns += out->seal.wall_ns;
    return ns == 0 ? 0 : (double)out->seal.entries * 1e6 / (double)ns;
}

static double backfill_rate(const struct options *options, const struct outcome *out, bool processor)
{
    double ns = 0;
    for (unsigned i = 0; i < options->writers; i++)
        ns += (double)(out->down.cost[i].client_ns + out->down.cost[i].server_ns);
    ns = processor ? ns + (double)(out->seal.server_ns + out->seal.client_ns)
                   : (double)(out->down.elapsed_ns + out->seal.wall_ns);
    return ns == 0 ? 0 : (double)out->seal.entries * 1e6 / ns;
}

static void measure(const char *dsn, PGconn *pg, const struct options *options, struct outcome *out)
{
    out->one = (struct dbload){.dsn = dsn,
                               .issuances = options->certs,
                               .tail = options->certs, /* the last quarter */
                               .begun = BEGUN,
                               .writers = 1,
                               .remember = true};
    out->exact = true;
    out->certs = (int64_t)options->certs;
    if (options->again) {
        ask_all(dsn, pg, options, out);
        return;
    }
    if (!options->live)
        backfill(dsn, pg, options, out);
    if (options->load)
        return;
    if (options->writers > 1) {
        out->many = out->one;
        out->many.writers = options->writers;
        out->many.issuances = options->certs / 4;
        dbload_run(&out->many, pg);
        out->exact = is_exact(pg, options->certs / 4, &out->many) && out->exact;
    }
    dbload_empty(pg);
    int64_t wal = wal_at(pg);
    dbload_run(&out->one, pg);
    out->wal = (double)(wal_at(pg) - wal) / (double)out->certs;
    out->exact = is_exact(pg, options->certs, &out->one) && out->exact;
    say_rate("one writer", &out->one.cost[0]);
    say_rate("  its last quarter", &out->one.late[0]);
    out->disk = print_sizes(pg, (double)out->certs);
    printf("  %6.1f  of WAL\n\n", out->wal);
    if (options->asks != 0)
        ask_all(dsn, pg, options, out);
    if (options->baseline != 0) {
        crtshlike_run(pg, baseline_schema(), options->baseline, BEGUN, &out->theirs);
        say_rate("schema like crt.sh's", &out->theirs);
        out->their_disk =
            (double)dbcost_number(
                pg, "SELECT sum(pg_total_relation_size(oid))::int8 FROM pg_class WHERE relnamespace ="
                    " 'baseline'::regnamespace AND relkind = 'r'") /
            (double)options->baseline;
        printf("  %.0f bytes of disk for a certificate\n", out->their_disk);
    }
}

static void report(const struct options *options, const struct outcome *out)
{
    const struct dbcost *late = &out->one.late[0];
    double ratio = out->theirs.server_ns == 0 ? 0 : dbcost_both_rate(late) / dbcost_server_rate(&out->theirs);
    printf("\n%-52s %10s %10s   %s\n", "what", "floor", "goal", "got");
    bool large = options->certs >= 5000000;
    printf("%-52s %10s %10s   %.0f k/s; %.0f k per second of processor\n",
           large ? "into PostgreSQL, one writer, 10 M certificates"
                 : "into PostgreSQL, one writer, 1 M certificates",
           large ? "50 k/s" : "80 k/s", large ? "100 k/s" : "160 k/s", dbcost_rate(late) / 1e3,
           dbcost_both_rate(late) / 1e3);
    printf("%-52s %10s %10s   %.0f k/s\n", "  without the client, as the goal was measured",
           large ? "50 k/s" : "80 k/s", large ? "100 k/s" : "160 k/s", dbcost_server_rate(late) / 1e3);
    if (ratio != 0)
        printf("%-52s %10s %10s   %.1fx (theirs without client, ours with it)\n",
               "  against a schema like crt.sh's", "7x", "14x", ratio);
    if (options->writers > 1) {
        uint64_t entries = 0;
        for (unsigned i = 0; i < options->writers; i++)
            entries += out->many.cost[i].entries;
        printf("%-52s %10s %10s   %.0f k/s with making them, %u writers\n",
               "into PostgreSQL, several writers", "", "",
               (double)entries * 1e6 / (double)out->many.elapsed_ns, options->writers);
    }
    printf("%-52s %10s %10s   %.0f k/s; %.0f k/s with making them; %.0f k per second of processor\n",
           "backfill: put down and sealed", "300 k/s", "560 k/s", backfill_commits(options, out),
           backfill_rate(options, out, false), backfill_rate(options, out, true));
    if (out->ceiling.row_us > 0)
        printf("%-52s %10s %10s   %.0f k with places and their blocks, %.0f k without (COPY alone)\n",
               "  at most, per second of processor of the server", "", "",
               1e3 / (out->ceiling.row_us / 4 + out->ceiling.place_us), 1e3 * 4 / out->ceiling.row_us);
    printf("%-52s %10s %10s   %.0f B (like crt.sh: %.0f B)\n", "disk per certificate, 4 log entries, no DER",
           "850 B", "650 B", out->disk, out->their_disk);
    printf("%-52s %10s %10s   %.0f B\n", "WAL per certificate", "", "1 kB", out->wal);
    for (size_t i = 0; i < out->lag_count; i++) {
        const struct lag *lag = &out->lags[i];
        printf("%-30s%-22s %10s %10s   p50 %.2f ms, p99 %.2f ms; %.2f ms of processor\n", lag->what,
               lag->brief ? "" : ", forms, sightings", lag->page ? "1/50 ms" : "-/1 ms",
               lag->page ? "0.3/20 ms" : "-/0.3 ms", lag->p50_ms, lag->p99_ms, lag->both_ms);
    }
    printf("%-52s %10s %10s   %s\n", "rows, roll-up and places", "exact", "exact",
           out->exact ? "exact" : "WRONG");
}

static int run(const char *dsn, const struct options *options)
{
    static struct outcome out;
    struct err why = {0};
    struct pgconn *conn = NULL;
    unsigned applied;
    if (pgconn_open(dsn, &conn, &why) != ERR_OK || migrate_run(conn, &applied, &why) != ERR_OK ||
        db_psl_install(conn, NULL, &why) != ERR_OK)
        dbload_die("database", &why);
    pgconn_free(conn);
    PGconn *pg = PQconnectdb(dsn);
    setvbuf(stdout, NULL, _IOLBF, 0);
    measure(dsn, pg, options, &out);
    PQfinish(pg);
    report(options, &out);
    return out.exact ? 0 : 4;
}

static uint64_t number(const char *text)
{
    uint64_t value = 0;
    if (text == NULL || !text_uint(span_str(text), &value)) {
        fprintf(stderr, "bench_db: not a number: %s\n", text == NULL ? "" : text);
        exit(2);
    }
    return value;
}

static void read_options(char **argv, struct options *options)
{
    *options = (struct options){.certs = 1000000, .baseline = 60000, .writers = 2, .asks = ASKS};
    for (int i = 1; argv[i] != NULL; i++) {
        const char *value = argv[i + 1];
        if (strcmp(argv[i], "--large") == 0) {
            options->certs = 10000000;
            options->baseline = 500000;
            continue;
        }
        if (strcmp(argv[i], "--live") == 0) {
            options->live = true;
            continue;
        }
        if (strcmp(argv[i], "--backfill") == 0) {
            options->load = true;
            continue;
        }
        if (strcmp(argv[i], "--again") == 0) {
            options->again = true;
            continue;
        }
        if (strcmp(argv[i], "--certs") == 0)
            options->certs = number(value);
        else if (strcmp(argv[i], "--baseline") == 0)
            options->baseline = number(value);
        else if (strcmp(argv[i], "--writers") == 0)
            options->writers = (unsigned)number(value);
        else if (strcmp(argv[i], "--asks") == 0)
            options->asks = (unsigned)number(value);
        else if (strcmp(argv[i], "--dsn") == 0)
            options->dsn = value;
        else if (strcmp(argv[i], "--only") == 0)
            options->only = value;
        else
            value = NULL;
        if (value == NULL || options->writers > DBLOAD_WRITERS || options->certs == 0 ||
            options->asks > ASKS) {
            fprintf(stderr, "usage: bench_db [--certs N] [--baseline N] [--writers N] [--asks N] [--large] "
                            "[--live] [--backfill] [--again] [--only KIND] [--dsn DSN]\n");
            exit(2);
        }
        i++;
    }
}

int main(int argc, char **argv)
{
    char dir[] = "/tmp/ctvigil-bench-XXXXXX";
    char command[64];
    struct options options;
    struct err why = {0};
    struct cluster *cluster = NULL;
    if (argc == 3 && strcmp(argv[1], CLUSTER_KEEPER_COMMAND) == 0)
        return cluster_keeper_main(argv[2]);
    read_options(argv, &options);
    if (options.dsn != NULL)
        return run(options.dsn, &options);
    if (mkdtemp(dir) == NULL || cluster_use(dir, "/proc/self/exe", &cluster, &why) != ERR_OK)
        dbload_die("private cluster", &why);
    int code = run(cluster_dsn(cluster), &options);
    cluster_release(cluster);
    clock_sleep_ms(2000);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command) == 0 ? code : 4;
}
