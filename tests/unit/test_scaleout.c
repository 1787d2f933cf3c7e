/* A database that is spread over a Citus cluster against one on a single server: the same entries in, the
 * same answers out; and what a lost node and a killed server do to it. */
#include "tests/fixture/citusrig.h"
#include "tests/fixture/lateproofs.h"
#include "tests/fixture/renewals.h"

#include "base/clock.h"
#include "db/db_domain.h"
#include "db/db_part.h"
#include "db/db_psl.h"
#include "db/db_psl_move.h"
#include "db/db_reader.h"
#include "db/query.h"
#include "db/spread.h"

#define ENTRIES 900

static struct citusrig rig;
static char plain_dsn[256], spread_dsn[256];

/* The base rows of storetest_new. */
static void seed(const char *dsn)
{
    struct err why = {0};
    struct pgconn *conn = NULL;
    storetest_run(dsn, "INSERT INTO log (name, protocol, url, log_id, key) SELECT 'log ' || i, 'rfc6962',"
                       " 'https://log.test', sha256(i::text::bytea), 'key' FROM generate_series(1, 2) AS i;"
                       "INSERT INTO log_range (log, range_begin, next, verified, frontier)"
                       " SELECT i, 0, 0, 0, int8send(0) FROM generate_series(1, 2) AS i;"
                       "INSERT INTO channel (name) VALUES ('one'), ('two');"
                       "INSERT INTO domain (name, kind) VALUES ('x.test', 'dns')");
    assert_int_equal(pgconn_open(dsn, &conn, &why), ERR_OK);
    if (db_psl_install(conn, NULL, &why) != ERR_OK)
        fail_msg("%s", why.text);
    pgconn_free(conn);
}

static struct ctlog logs[2] = {{.id = 1}, {.id = 2}};

/* The entries of a log, in commits of different sizes; two logs have most issuances in common. */
static void ingest(const char *dsn, int32_t log_id, uint64_t end)
{
    struct store *store = storetest_open(dsn);
    struct store_range range;
    struct batch batch;
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    storetest_take(store, log_id, &range);
    for (uint64_t at = range.next; at < end;) {
        size_t count = at % 700 == 0 ? 450 : at % 3 == 0 ? 150 : 100;
        count = count > end - at ? (size_t)(end - at) : count;
        citusrig_batch(&batch, &logs[log_id - 1], at, at / 2 + (uint64_t)(log_id - 1) * 150, count);
        batch.watch_generation = 1;
        if (at == 0) /* in the same transaction */
            issuances_alert(&batch, 4, 1, ALERT_KIND_UNEXPECTED_CA, "CN=CA");
        storetest_must_commit(store, &range, &batch);
        at += count;
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
        "SELECT string_agg(concat_ws(' ', a.kind, encode(a.tbs_fp, 'hex'), (SELECT count(*) FROM "
        "alert_sighting AS s"
        " WHERE s.alert = a.id)), ';' ORDER BY a.id) FROM alert AS a",
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

static enum err_code put_answer(void *arg, const struct query_row *row, struct err *why)
{
    struct buf *answers = arg;
    char line[512];
    (void)why;
    (void)snprintf(line, sizeof line,
                   "%02x%02x%02x%02x %d %d/%" PRIu64 " names %zu cn %.*s sightings %" PRIu64 " %d%d %s\n",
                   row->issuance->tbs_fp[0], row->issuance->tbs_fp[1], row->issuance->tbs_fp[2],
                   row->issuance->tbs_fp[3], row->issuer_id, row->log_id, row->index,
                   row->issuance->name_count, (int)row->issuance->subject_cn.len,
                   (const char *)row->issuance->subject_cn.at, row->sightings, row->precert, row->final,
                   row->log);
    buf_str(answers, line);
    for (size_t i = 0; i < row->issuance->name_count; i++) {
        buf_put(answers, row->issuance->names[i].raw);
        buf_byte(answers, ' ');
    }
    return ERR_OK;
}

/* All pages of a small size, and the number. */
static char *answer(struct pgconn *conn, const char *typed, size_t *rows)
{
    struct err why = {0};
    struct query query;
    struct query_result result = {.more = true};
    struct buf answers;
    char line[64];
    buf_init(&answers, 4u << 20);
    if (query_parse(typed, &query, &why) != ERR_OK)
        fail_msg("%s: %s", typed, why.text);
    query.limit = 45;
    for (unsigned pages = 0; result.more && pages < 5; pages++) {
        if (query_run(conn, &query, put_answer, &answers, &result, &why) != ERR_OK)
            fail_msg("%s: %s", typed, why.text);
        query.has_after = result.more;
        query.after = result.next;
    }
    if (query_count(conn, &query, 10000, &result, &why) != ERR_OK)
        fail_msg("%s: %s", typed, why.text);
    (void)snprintf(line, sizeof line, "%" PRIu64 " in all", result.total);
    buf_str(&answers, line);
    *rows = (size_t)result.total;
    assert_true(buf_ok(&answers));
    char *text = strdup(buf_text(&answers));
    assert_non_null(text);
    buf_fini(&answers);
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
    struct err why = {0};
    struct pgconn *conn[2] = {NULL, NULL};
    if (pgconn_open(plain_dsn, &conn[0], &why) != ERR_OK ||
        pgconn_open(spread_dsn, &conn[1], &why) != ERR_OK || db_psl_activate(conn[0], &why) != ERR_OK)
        fail_msg("%s", why.text);
    for (size_t i = 0; i < countof(rows); i++) {
        size_t count[2];
        char *plain = answer(conn[0], rows[i], &count[0]);
        char *spread = answer(conn[1], rows[i], &count[1]);
        if (strcmp(plain, spread) != 0)
            fail_msg("%s: %zu on one server, %zu on the cluster:\n%.800s\n--\n%.800s", rows[i], count[0],
                     count[1], plain, spread);
        if (count[0] == 0)
            fail_msg("%s: nothing was found", rows[i]);
        free(plain);
        free(spread);
    }
    pgconn_free(conn[0]);
    pgconn_free(conn[1]);
}

static enum err_code put_past(void *arg, const struct issuance *issuance, const struct sighting *sightings,
                              size_t count, struct err *why)
{
    struct buf *past = arg;
    char line[128];
    (void)why;
    (void)sightings;
    (void)snprintf(line, sizeof line, "%02x%02x%02x %zu names %zu sightings\n", issuance->tbs_fp[0],
                   issuance->tbs_fp[1], issuance->tbs_fp[2], issuance->name_count, count);
    buf_str(past, line);
    return ERR_OK;
}

static char *past_of(const char *dsn, const struct watch *watch)
{
    struct err why = {0};
    struct pgconn *conn = NULL;
    struct buf past;
    buf_init(&past, 1u << 20);
    if (pgconn_open(dsn, &conn, &why) != ERR_OK || db_psl_activate(conn, &why) != ERR_OK ||
        db_domain_history(conn, watch, put_past, &past, NULL, &why) != ERR_OK)
        fail_msg("%s: %s", watch->name, why.text);
    pgconn_free(conn);
    char *text = strdup(buf_text(&past));
    assert_non_null(text);
    buf_fini(&past);
    return text;
}

static void a_new_domain_meets_the_same_past(void **state)
{
    (void)state;
    static char spki[80];
    uint8_t hash[32];
    char hex[65];
    issuances_hash("spki", 33, hash);
    (void)snprintf(spki, sizeof spki, "spki:%s", text_hex(span_of(hash, 32), hex));
    static const struct watch watches[] = {
        {.kind = WATCH_DNS, .name = (char *)(uintptr_t) "www.x30.test"},
        {.kind = WATCH_DNS, .name = (char *)(uintptr_t) "x10.example"},
        {.kind = WATCH_DNS, .name = (char *)(uintptr_t) "test"},
        {.kind = WATCH_IP,
         .name = (char *)(uintptr_t) "192.0.2.0/28",
         .ip = {192, 0, 2},
         .ip_len = 4,
         .ip_prefix = 28},
        {.kind = WATCH_SPKI, .name = spki},
    };
    for (size_t i = 0; i < countof(watches); i++) {
        char *plain = past_of(plain_dsn, &watches[i]);
        char *spread = past_of(spread_dsn, &watches[i]);
        if (strcmp(plain, spread) != 0 || plain[0] == '\0')
            fail_msg("%s:\n%.600s\n--\n%.600s", watches[i].name, plain, spread);
        free(plain);
        free(spread);
    }
    renewals_same(plain_dsn, spread_dsn);
    lateproofs_same(plain_dsn, spread_dsn);
}

/* An entry that was read wrongly, and again. */
static void repair_one(const char *dsn, int64_t *rows)
{
    struct store *store = storetest_open(dsn);
    struct store_range range;
    struct batch batch;
    struct compact frontier;
    struct err why = {0};
    uint64_t changed = 0;
    uint64_t begin = ENTRIES;
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    storetest_take(store, 1, &range);
    citusrig_batch(&batch, &logs[0], begin, 5000, 40);
    struct issuance *wrong = &batch.entries[6].issuance;
    wrong->tbs_fp[0] ^= 1;
    batch.entries[6].sighting.sha256[0] ^= 1;
    batch.entries[7].issuance.tbs_fp[0] ^= 1;
    storetest_must_commit(store, &range, &batch);
    *rows = pgtest_count(dsn, "SELECT count(*) FROM cert");
    citusrig_batch(&batch, &logs[0], begin, 5000, 40);
    storetest_compact(&frontier, range.next);
    struct store_settle settle = {.range = &range, .next = range.next, .frontier = &frontier};
    enum err_code code = store->ops->repair_begin(store, &range, &why);
    if (code == ERR_OK)
        code = store->ops->repair(store, &batch, &changed, &why);
    if (code == ERR_OK)
        code = store->ops->repair_end(store, &settle, true, &why);
    if (code != ERR_OK)
        fail_msg("%s", why.text);
    assert_int_equal(changed, 2);
    batch_fini(&batch);
    store->ops->free(store);
}

static void what_was_read_wrongly_is_written_again(void **state)
{
    int64_t rows[2];
    repair_one(plain_dsn, &rows[0]);
    repair_one(spread_dsn, &rows[1]);
    assert_int_equal(rows[0], rows[1]);
    the_same_entries_give_the_same_rows(state);
}

static void partitions_are_cut_and_dropped(void **state)
{
    (void)state;
    struct err why = {0};
    struct pgconn *conn = NULL;
    struct db_part_todo *todo = NULL;
    struct db_part_done done;
    /* In the middle of 2029 the months of that year and the next are made. */
    const struct db_part_rules rules = {.at_ms = INT64_C(1876780800000), .rows_max = 1000000};
    size_t count = 0;
    bool taken = false;
    int64_t before = pgtest_count(spread_dsn, "SELECT count(*) FROM cert");
    assert_int_equal(pgconn_open(spread_dsn, &conn, &why), ERR_OK);
    assert_int_equal(db_part_lock(conn, &taken, &why), ERR_OK);
    assert_true(taken);
    if (db_part_plan(conn, &rules, &todo, &count, &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_int_equal(count, 2);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(todo[i].act, DB_PART_SPLIT);
        if (db_part_work(conn, &todo[i], NULL, &done, &why) != ERR_OK)
            fail_msg("%s", why.text);
        assert_false(done.nothing);
    }
    free(todo);
    pgconn_free(conn);
    check_sql(spread_dsn, "SELECT count(*) FROM partition_leaf WHERE suffix ~ '^(2029|2030)..$'", 24);
    check_sql(spread_dsn, "SELECT count(*) FROM cert", before);
    assert_false(
        pgtest_sql(spread_dsn,
                   "SELECT partition_begin('seal', ARRAY['2013'], ARRAY[timestamptz '2013-01-01 00:00:00+00',"
                   " timestamptz '2014-01-01 00:00:00+00'])",
                   NULL, 0));
    storetest_run(spread_dsn, "SELECT partition_forget('2014-01-01')");
    storetest_run(spread_dsn, "SELECT partition_drop('2013')");
    check_sql(spread_dsn, "SELECT count(*) FROM partition_leaf WHERE suffix = '2013'", 0);
}

static void what_it_can_not_do_it_says(void **state)
{
    (void)state;
    struct err why = {0};
    struct pgconn *conn = NULL;
    struct db_psl_move_report report;
    struct scaleout_state nodes;
    size_t with_shards = 0;
    assert_int_equal(pgconn_open(spread_dsn, &conn, &why), ERR_OK);
    assert_int_equal(db_psl_move_begin(conn, NULL, &report, &why), ERR_CONFIG);
    assert_non_null(strstr(why.text, "Citus"));
    err_clear(&why);
    assert_int_equal(db_reader_add(conn, "someone", 60, 5, NULL, NULL, &why), ERR_CONFIG);
    assert_non_null(strstr(why.text, "Citus"));
    err_clear(&why);
    if (scaleout_look(conn, &nodes, &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_true(nodes.spread && !nodes.moving);
    assert_int_equal(nodes.count, CITUSRIG_NODES);
    assert_int_equal(nodes.shards, CITUSRIG_SHARDS);
    for (size_t i = 0; i < nodes.count; i++) {
        assert_true(nodes.node[i].reached && nodes.node[i].bytes > 0 && nodes.node[i].prepared == 0);
        with_shards += nodes.node[i].shards != 0;
    }
    assert_int_equal(with_shards, 2);
    citusrig_come_back(spread_dsn, conn);
    /* Twice is once. */
    assert_int_equal(scaleout_run(conn, 7, NULL, NULL, &why), ERR_OK);
    pgconn_free(conn);
    assert_int_equal(pgconn_open(plain_dsn, &conn, &why), ERR_OK);
    assert_int_equal(scaleout_run(conn, 7, NULL, NULL, &why), ERR_CONFIG);
    assert_non_null(strstr(why.text, "CREATE EXTENSION citus"));
    assert_int_equal(scaleout_look(conn, &nodes, &why), ERR_OK);
    assert_false(nodes.spread);
    pgconn_free(conn);
}

/* As a coordinator that died leaves it. */
static void a_prepared_transaction_is_ended(void **state)
{
    (void)state;
    struct err why = {0};
    struct pgconn *conn = NULL;
    char worker[256];
    char sql[256];
    (void)pgtest_dsn(&rig.node[1], "spread", worker);
    assert_true(pgtest_sql(spread_dsn,
                           "SELECT format('BEGIN; UPDATE scale_out_turn_%s SET turns = turns + 1; PREPARE"
                           " TRANSACTION %L', shardid, 'citus_0_999999_77_1') FROM pg_dist_shard"
                           " WHERE logicalrelid = 'scale_out_turn'::regclass",
                           sql, sizeof sql));
    storetest_run(worker, sql);
    assert_int_equal(pgconn_open(spread_dsn, &conn, &why), ERR_OK);
    if (spread_settle(conn, &why) != ERR_OK)
        fail_msg("%s", why.text);
    check_sql(worker, "SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database()", 0);
    pgconn_free(conn);
}

static void a_lost_worker_loses_nothing(void **state)
{
    (void)state;
    struct err why = {0};
    struct store *store = storetest_open(spread_dsn);
    struct store_range range;
    struct batch batch;
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    storetest_take(store, 2, &range);
    uint64_t next = range.next;
    int64_t before = pgtest_count(spread_dsn, "SELECT sum(n) FROM issued");
    citusrig_batch(&batch, &logs[1], next, 9000, 60);
    assert_true(pgtest_down(&rig.node[2], SIGQUIT));
    assert_int_not_equal(storetest_commit(store, &range, &batch, &why), ERR_OK);
    check_sql(spread_dsn, "SELECT next FROM log_range WHERE log = 2", (int64_t)next);
    check_sql(spread_dsn, "SELECT sum(n) FROM issued", before);
    assert_true(pgtest_up(&rig.node[2]));
    enum err_code code = ERR_DB;
    for (int i = 0; i < 300 && code != ERR_OK; i++) {
        err_clear(&why);
        code = storetest_commit(store, &range, &batch, &why);
        if (code != ERR_OK)
            clock_sleep_ms(200);
    }
    if (code != ERR_OK)
        fail_msg("%s", why.text);
    check_sql(spread_dsn, "SELECT sum(n) FROM issued", before + 30);
    check_spread();
    batch_fini(&batch);
    store->ops->free(store);
}

/* A child commits as fast as it can and says each position that it was told is stored. */
static void commit_and_tell(int out)
{
    struct store *store = storetest_open(spread_dsn);
    struct store_range range;
    struct batch batch;
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    storetest_take(store, 2, &range);
    for (;;) {
        struct err why = {0};
        citusrig_batch(&batch, &logs[1], range.next, 20000 + range.next, 40);
        if (storetest_commit(store, &range, &batch, &why) != ERR_OK || write(out, &range.next, 8) != 8)
            _exit(0);
    }
}

static void a_killed_coordinator_loses_and_doubles_nothing(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        int ends[2];
        uint64_t told = 0;
        uint64_t one = 0;
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0) {
            (void)close(ends[0]);
            commit_and_tell(ends[1]);
        }
        (void)close(ends[1]);
        for (unsigned i = 0; i < 3 + round && read(ends[0], &one, 8) == 8; i++)
            told = one;
        clock_sleep_ms(17 * (int64_t)round);
        assert_true(pgtest_down(&rig.node[0], SIGQUIT));
        while (read(ends[0], &one, 8) == 8)
            told = one;
        (void)close(ends[0]);
        (void)waitpid(child, NULL, 0);
        assert_true(pgtest_up(&rig.node[0]));
        struct err why = {0};
        struct pgconn *conn = NULL;
        assert_int_equal(pgconn_open(spread_dsn, &conn, &why), ERR_OK);
        if (spread_settle(conn, &why) != ERR_OK)
            fail_msg("%s", why.text);
        pgconn_free(conn);
        int64_t next = pgtest_count(spread_dsn, "SELECT next FROM log_range WHERE log = 2");
        assert_true(next >= (int64_t)told && told != 0);
        /* Every issuance twice. */
        char sql[160];
        (void)snprintf(sql, sizeof sql,
                       "SELECT count(*) FROM cert WHERE log = 2 AND idx >= %d AND idx < %" PRId64,
                       ENTRIES + 60, next);
        check_sql(spread_dsn, sql, (next - ENTRIES - 60) / 2);
        check_sql(spread_dsn, "SELECT max(last_index) + 1 FROM log_tile WHERE log = 2", next);
        check_spread();
    }
}

static bool struck;

/* The session ends between two partitions. */
static void strike(void *arg, const char *step)
{
    (void)arg;
    if (struck || strcmp(step, "2016") != 0)
        return;
    struck = true;
    storetest_run(spread_dsn,
                  "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
                  " AND classid = 1668707433 AND objid = 1935896437");
}

static void spread_it(void)
{
    struct err why = {0};
    struct pgconn *conn = NULL;
    struct store *store = NULL;
    struct store_range range;
    struct batch batch;
    assert_int_equal(pgconn_open(spread_dsn, &conn, &why), ERR_OK);
    assert_int_equal(scaleout_run(conn, CITUSRIG_SHARDS, strike, NULL, &why), ERR_DB_DOWN);
    assert_true(struck);
    pgconn_free(conn);
    err_clear(&why);
    /* Nobody writes into what is half there. */
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    store = storetest_open(spread_dsn);
    storetest_take(store, 2, &range);
    citusrig_batch(&batch, &logs[1], 0, 0, 10);
    assert_int_equal(storetest_commit(store, &range, &batch, &why), ERR_DB_CONFLICT);
    assert_non_null(strstr(why.text, "being spread"));
    batch_fini(&batch);
    store->ops->free(store);
    citusrig_migrate(spread_dsn, true);
}

static int start(void **state)
{
    (void)state;
    storetest_run(pgtest_dsn(&rig.node[0], "postgres", plain_dsn), "CREATE DATABASE plain");
    (void)pgtest_dsn(&rig.node[0], "plain", plain_dsn);
    citusrig_database(&rig, "spread", spread_dsn);
    citusrig_migrate(plain_dsn, false);
    citusrig_migrate(spread_dsn, false);
    seed(plain_dsn);
    seed(spread_dsn);
    ingest(plain_dsn, 1, ENTRIES);
    ingest(plain_dsn, 2, ENTRIES);
    /* One log before it is spread, one after. */
    ingest(spread_dsn, 1, ENTRIES);
    spread_it();
    ingest(spread_dsn, 2, ENTRIES);
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_entries_give_the_same_rows),
        cmocka_unit_test(the_same_questions_give_the_same_answers),
        cmocka_unit_test(a_new_domain_meets_the_same_past),
        cmocka_unit_test(what_was_read_wrongly_is_written_again),
        cmocka_unit_test(what_it_can_not_do_it_says),
        cmocka_unit_test(partitions_are_cut_and_dropped),
        cmocka_unit_test(a_prepared_transaction_is_ended),
        cmocka_unit_test(a_lost_worker_loses_nothing),
        cmocka_unit_test(a_killed_coordinator_loses_and_doubles_nothing),
    };
    int started = citusrig_start(&rig);
    if (started != 0)
        return started;
    int failed = cmocka_run_group_tests(tests, start, NULL);
    citusrig_stop(&rig);
    return failed;
}
