/* A database that is spread over a Citus cluster against one on a single server: the same entries in, the
 * same answers out; and what a lost node and a killed server do to it. */
#include "tests/fixture/citusrig.h"

#include "db/db_psl.h"
#include "db/query.h"

#define ENTRIES 900

static struct citusrig rig;
static char plain_dsn[256];
static char spread_dsn[256];

/* Everything that is searched by. */
static void enrich(struct entry *entry, uint64_t number, struct arena *arena)
{
    static const char *const orgs[] = {"Acme Inc", "Initech"};
    struct issuance *issuance = &entry->issuance;
    if (!issuance_is_parsed(issuance))
        return;
    if (number % 4 == 0) {
        struct span *org = arena_zeroed(arena, 1, sizeof *org);
        must(org != NULL);
        *org = span_str(orgs[number / 4 % 2]);
        issuance->orgs = org;
        issuance->org_count = 1;
    }
    if (number % 6 == 1 && issuance->name_count < 5) {
        struct name *name = (struct name *)(uintptr_t)&issuance->names[issuance->name_count++];
        *name = (struct name){.kind = NAME_EMAIL, .text = SPAN_LIT("joe@mail.example")};
    }
    if (number % 10 == 3)
        issuance->subject_cn = SPAN_LIT("Some CA");
}

static void fill_batch(struct batch *batch, const struct ctlog *log, uint64_t begin, uint64_t number,
                       size_t count)
{
    storetest_pairs(batch, log, begin, number, count);
    for (size_t i = 0; i < count; i++)
        enrich(&batch->entries[i], number + i / 2, &batch->arena);
}

/* The base rows of storetest_new. */
static void seed(const char *dsn)
{
    struct err why = {0};
    struct pgconn *conn = NULL;
    storetest_run(dsn, "INSERT INTO log (name, protocol, url, log_id, key) SELECT 'log ' || i, 'rfc6962',"
                       " 'https://log.test', sha256(i::text::bytea), 'key' FROM generate_series(1, 2) AS i;"
                       "INSERT INTO log_range (log, range_begin, next, verified, frontier)"
                       " SELECT i, 0, 0, 0, int8send(0) FROM generate_series(1, 2) AS i;"
                       "INSERT INTO channel (name) VALUES ('one'), ('two')");
    assert_int_equal(pgconn_open(dsn, &conn, &why), ERR_OK);
    if (db_psl_install(conn, NULL, &why) != ERR_OK)
        fail_msg("%s", why.text);
    pgconn_free(conn);
}

/* Two logs with the same issuances, in commits of different sizes; the second one has some of its own. */
static void ingest(const char *dsn)
{
    struct ctlog logs[2] = {{.id = 1}, {.id = 2}};
    struct store *store = storetest_open(dsn);
    struct batch batch;
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    for (size_t i = 0; i < 2; i++) {
        struct store_range range;
        storetest_take(store, (int32_t)i + 1, &range);
        for (uint64_t at = range.next; at < ENTRIES;) {
            size_t count = at % 700 == 0 ? 450 : at % 3 == 0 ? 150 : 100;
            count = count > ENTRIES - at ? (size_t)(ENTRIES - at) : count;
            fill_batch(&batch, &logs[i], at, at / 2 + i * 150, count);
            storetest_must_commit(store, &range, &batch);
            at += count;
        }
    }
    batch_fini(&batch);
    store->ops->free(store);
}

/* As storetest_check, in the words that a cluster understands. */
static void check_spread(void)
{
    check_sql(spread_dsn,
              "WITH c AS MATERIALIZED (SELECT count(*) AS n FROM cert) SELECT c.n - (SELECT sum(n) FROM "
              "issued) FROM c",
              0);
    check_sql(
        spread_dsn,
        "SELECT count(*) FROM (SELECT tbs_fp FROM cert GROUP BY tbs_fp, issuer HAVING count(*) > 1) AS x", 0);
    check_sql(spread_dsn,
              "SELECT count(*) FROM log_tile WHERE cardinality(fp8) <> last_index - first_index + 1"
              " OR cardinality(sha8) <> cardinality(fp8) OR length(info) <> 9 * cardinality(fp8)",
              0);
}

static void same_answer(const char *sql)
{
    char plain[4096];
    char spread[4096];
    assert_true(pgtest_sql(plain_dsn, sql, plain, sizeof plain));
    assert_true(pgtest_sql(spread_dsn, sql, spread, sizeof spread));
    if (strcmp(plain, spread) != 0)
        fail_msg("%s: '%s' on one server, '%s' on the cluster", sql, plain, spread);
}

static void the_same_entries_give_the_same_rows(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "SELECT count(*) FROM cert",
        "SELECT count(*) FROM cert_apex",
        "SELECT count(*) FROM cert_ip",
        "SELECT count(*) FROM log_tile",
        "SELECT sum(n) FROM issued",
        "SELECT md5(string_agg(i::text, ';' ORDER BY issuer, day)) FROM issued AS i",
        "SELECT md5(string_agg(concat_ws('|', not_after, not_before, first_seen, apex8, idx, facts, issuer, "
        "log,"
        " tbs_fp, serial, spki_sha256, names, cn, findings, others), ';' ORDER BY tbs_fp, issuer)) FROM cert",
        "SELECT md5(string_agg(concat_ws('|', not_after, not_before, apex8, issuer, tbs_fp), ';'"
        " ORDER BY tbs_fp, issuer, apex8)) FROM cert_apex",
        "SELECT md5(string_agg(concat_ws('|', not_after, not_before, ip, issuer, tbs_fp), ';'"
        " ORDER BY tbs_fp, issuer, ip)) FROM cert_ip",
        "SELECT md5(string_agg(t::text, ';' ORDER BY log, tile)) FROM log_tile AS t",
        "SELECT string_agg(concat_ws(' ', log, next, verified), ';' ORDER BY log) FROM log_range",
    };
    for (size_t i = 0; i < countof(rows); i++)
        same_answer(rows[i]);
    check_spread();
    /* Each copy is the whole row. */
    check_sql(spread_dsn,
              "WITH c AS MATERIALIZED (SELECT * FROM cert) SELECT count(*) FROM cert_apex AS a JOIN c"
              " ON c.tbs_fp = a.tbs_fp AND c.issuer = a.issuer WHERE (c.names, c.serial, c.log, c.idx, "
              "c.facts, c.keys) IS DISTINCT FROM (a.names, a.serial, a.log,"
              " a.idx, a.facts, a.keys) OR NOT a.apex8 = ANY (a.keys) OR a.keys[1] <> c.apex8",
              0);
    /* Rows are on both workers. */
    check_sql(spread_dsn,
              "SELECT count(DISTINCT nodename) FROM citus_shards WHERE table_name = 'cert'::regclass", 2);
}

struct answers {
    struct buf text;
};

static enum err_code put_answer(void *arg, const struct query_row *row, struct err *why)
{
    struct answers *answers = arg;
    char line[512];
    (void)why;
    (void)snprintf(line, sizeof line,
                   "%02x%02x%02x%02x %d %d/%" PRIu64 " names %zu cn %.*s sightings %" PRIu64 " %d%d %s\n",
                   row->issuance->tbs_fp[0], row->issuance->tbs_fp[1], row->issuance->tbs_fp[2],
                   row->issuance->tbs_fp[3], row->issuer_id, row->log_id, row->index,
                   row->issuance->name_count, (int)row->issuance->subject_cn.len,
                   (const char *)row->issuance->subject_cn.at, row->sightings, row->precert, row->final,
                   row->log);
    buf_str(&answers->text, line);
    for (size_t i = 0; i < row->issuance->name_count; i++) {
        buf_put(&answers->text, row->issuance->names[i].raw);
        buf_byte(&answers->text, ' ');
    }
    return ERR_OK;
}

/* All pages of a small size, and the number. */
static char *answer(const char *dsn, const char *typed, size_t *rows)
{
    struct err why = {0};
    struct pgconn *conn = NULL;
    struct query query;
    struct query_result result = {.more = true};
    struct answers answers;
    char line[64];
    buf_init(&answers.text, 4u << 20);
    if (pgconn_open(dsn, &conn, &why) != ERR_OK || db_psl_activate(conn, &why) != ERR_OK ||
        query_parse(typed, &query, &why) != ERR_OK)
        fail_msg("%s: %s", typed, why.text);
    query.limit = 7;
    for (unsigned pages = 0; result.more && pages < 40; pages++) {
        if (query_run(conn, &query, put_answer, &answers, &result, &why) != ERR_OK)
            fail_msg("%s: %s", typed, why.text);
        query.has_after = result.more;
        query.after = result.next;
    }
    if (query_count(conn, &query, 10000, &result, &why) != ERR_OK)
        fail_msg("%s: %s", typed, why.text);
    (void)snprintf(line, sizeof line, "%" PRIu64 " in all", result.total);
    buf_str(&answers.text, line);
    *rows = (size_t)result.total;
    pgconn_free(conn);
    assert_true(buf_ok(&answers.text));
    char *text = strdup(buf_text(&answers.text));
    assert_non_null(text);
    buf_fini(&answers.text);
    return text;
}

static void the_same_questions_give_the_same_answers(void **state)
{
    (void)state;
    uint8_t hash[32];
    char typed[8][160];
    char hex[65];
    issuances_hash("spki", 30, hash);
    (void)snprintf(typed[0], sizeof typed[0], "spki:%s", text_hex(span_of(hash, 32), hex));
    (void)snprintf(typed[1], sizeof typed[1], "%s", hex);
    (void)snprintf(typed[2], sizeof typed[2], "serial:%.32s", hex);
    issuances_hash("fp", 31, hash);
    (void)snprintf(typed[3], sizeof typed[3], "fp:%s", text_hex(span_of(hash, 32), hex));
    (void)snprintf(typed[4], sizeof typed[4], "%s", hex);
    issuances_hash("sha pre", 32, hash);
    (void)snprintf(typed[5], sizeof typed[5], "sha256:%s", text_hex(span_of(hash, 32), hex));
    (void)snprintf(typed[6], sizeof typed[6], "%s", hex);
    const char *const rows[] = {typed[0],
                                typed[1],
                                typed[2],
                                typed[3],
                                typed[4],
                                typed[5],
                                typed[6],
                                "x30.test",
                                "host:www.x30.test",
                                "name:x30.test",
                                "x10.example",
                                "sub:test",
                                "ip:192.0.2.5",
                                "ip:192.0.2.0/28",
                                "email:joe@mail.example",
                                "email:mail.example",
                                "org:Acme Inc",
                                "cn:Some CA",
                                "cn:x30.test",
                                "issuer:CN=CA",
                                "text:x30"};
    for (size_t i = 0; i < countof(rows); i++) {
        size_t count[2];
        char *plain = answer(plain_dsn, rows[i], &count[0]);
        char *spread = answer(spread_dsn, rows[i], &count[1]);
        if (strcmp(plain, spread) != 0)
            fail_msg("%s: %zu on one server, %zu on the cluster:\n%.800s\n--\n%.800s", rows[i], count[0],
                     count[1], plain, spread);
        if (count[0] == 0)
            fail_msg("%s: nothing was found", rows[i]);
        free(plain);
        free(spread);
    }
}

static int start(void **state)
{
    (void)state;
    storetest_server = rig.node[0];
    storetest_run(pgtest_dsn(&rig.node[0], "postgres", plain_dsn), "CREATE DATABASE plain");
    (void)pgtest_dsn(&rig.node[0], "plain", plain_dsn);
    citusrig_database(&rig, "spread", spread_dsn);
    citusrig_migrate(plain_dsn, false);
    citusrig_migrate(spread_dsn, true);
    seed(plain_dsn);
    seed(spread_dsn);
    ingest(plain_dsn);
    ingest(spread_dsn);
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_entries_give_the_same_rows),
        cmocka_unit_test(the_same_questions_give_the_same_answers),
    };
    int started = citusrig_start(&rig);
    if (started != 0)
        return started;
    int failed = cmocka_run_group_tests(tests, start, NULL);
    citusrig_stop(&rig);
    return failed;
}
