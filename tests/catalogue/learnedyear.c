/* A year of a shop with a hundred hosts: a policy is learned from what was issued until then (`domain
 * learn`), made the rule (`domain apply`), and then a thousand renewals of usual shapes pass through the
 * pipeline, with somebody looking at expiry and habits each day. Nobody wants to hear of them; of what comes
 * after them, everybody. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/fixture/storetest.h"

#include "base/text.h"
#include "cli/expirykeeper.h"
#include "db/db_domain.h"
#include "db/pgexec.h"
#include "ingest/examine.h"
#include "tests/fixture/cacert.h"
#include "verdictmake.h"
#include "watcher/match.h"

#define DAY              INT64_C(86400)
#define HOSTS            100
#define RENEWALS         1000
#define HISTORY          430 /* days in front of the policy */
#define EVENTS           48  /* of one day */
#define NAMES            4096
#define FALSE_ALARMS_MAX 1

struct ca {
    const char *name;
    EVP_PKEY *key;
    struct cacert cert;
};

struct host {
    int64_t due; /* when it is renewed next, Unix seconds */
    EVP_PKEY *key;
    unsigned round;
    bool waited;
};

static struct storetest test;
static struct store *store;
static struct store_range range;
static struct batch batch;
static struct ca cas[3]; /* the third one is nobody's */
static struct host hosts[HOSTS];
static struct pgconn *conn; /* with a clock of our own */
static struct watchset *set;
static uint64_t generation;
static uint64_t serial;
static size_t issued;
static int64_t day;
static uint32_t dice = 1;

static uint32_t roll(uint32_t sides)
{
    dice = dice * 1664525u + 1013904223u;
    return (dice >> 8) % sides;
}

static void sql(const char *text)
{
    struct err why = {0};
    if (pgexec_script(conn, text, &why) != ERR_OK)
        fail_msg("%s", why.text);
}

static int64_t number(const char *text)
{
    int64_t value = -1;
    struct err why = {0};
    if (pgexec_number(conn, text, &PGEXEC_NO_ARGS, &value, &why) != ERR_OK)
        fail_msg("%s: %s", why.text, text);
    return value;
}

/* Shapes
 * ------------------------------------------------------------------------------------------------------- */

enum shape {
    ROBOT,    /* 90 days, renewed when two thirds are over */
    WILDCARD, /* 45 days */
    SHORT,    /* 6 days */
    BY_HAND,  /* 199 days, many names, a key that stays, renewed when somebody finds the time */
};

static enum shape shape_of(size_t host)
{
    return host < 60 ? ROBOT : host < 80 ? WILDCARD : host < 85 ? SHORT : BY_HAND;
}

static int life_of(size_t host)
{
    static const int lives[] = {90, 45, 6, 199};
    return lives[shape_of(host)];
}

static int64_t pause_of(size_t host)
{
    switch (shape_of(host)) {
    case ROBOT:
        return 59 * DAY + (int64_t)roll(48) * 3600;
    case WILDCARD:
        return 29 * DAY + (int64_t)roll(48) * 3600;
    case SHORT:
        return 4 * DAY - (int64_t)roll(12) * 3600;
    case BY_HAND:
        break;
    }
    return 140 * DAY + (int64_t)roll(30 * 24) * 3600;
}

static void names_of(size_t host, char names[NAMES])
{
    size_t len = 0;
    if (shape_of(host) == WILDCARD)
        len += (size_t)snprintf(names, NAMES, "*.h%zu.shop.example ", host);
    len += (size_t)snprintf(names + len, NAMES - len, "h%zu.shop.example", host);
    /* A name more from one renewal on. */
    size_t more = host % 5 == 0;
    if (shape_of(host) == BY_HAND)
        more = hosts[host].round >= 3 && host % 3 == 0 ? 41 : 40;
    for (size_t i = 0; i < more; i++)
        len += (size_t)snprintf(names + len, NAMES - len, " s%zu.h%zu.shop.example", i, host);
}

/* The second CA steps in now and then, and has its own hosts. */
static const struct ca *ca_of(size_t host)
{
    bool second = host % 7 == 0 || (host % 7 == 1 && hosts[host].round % 4 == 1);
    return &cas[second];
}

/* The pipeline
 * ----------------------------------------------------------------------------------------------------- */

static void prove(void *arg, struct batch *all, struct entry *entry)
{
    (void)arg;
    (void)all;
    examine_prove_issuer(entry, entry->chain_count > 0 ? entry->unverified_chain[0] : SPAN_NONE);
}

static void batch_begin(void)
{
    batch_reset(&batch);
    batch.log = &test.log[0];
    batch.begin = range.next;
    batch.entries = arena_zeroed(&batch.arena, 4 * EVENTS, sizeof *batch.entries);
    must(batch.entries != NULL);
    batch.entry_count = 0;
}

/* Precertificate and certificate. */
static void put(const struct ca *ca, EVP_PKEY *key, const char *names, int64_t begin, int days)
{
    struct verdictmake_issued made;
    const struct span chain = span_of(ca->cert.bytes, ca->cert.len);
    const struct verdictmake_order order = {.issuer = ca->name,
                                            .signer = ca->key,
                                            .key = key,
                                            .names = names,
                                            .not_before = begin,
                                            .days = days,
                                            .serial = ++serial};
    verdictmake_issue(&order, &batch.arena, &made);
    for (int form = 0; form < 2; form++) {
        must(batch.entry_count < 4 * EVENTS);
        struct entry *entry = &batch.entries[batch.entry_count];
        entry->index = batch.begin + batch.entry_count++;
        verdictmake_entry(&made, form == 0, &chain, 1, begin * 1000 + 3600000 + form * 1000, &batch.arena,
                          entry);
    }
}

static void batch_end(void)
{
    const struct match_prove how = {.prove = prove, .now_ms = day * 1000};
    struct err why = {0};
    if (batch.entry_count == 0)
        return;
    batch.end = batch.begin + batch.entry_count;
    examine_entries(batch.entries, batch.entry_count, &batch.arena);
    for (size_t i = 0; i < batch.entry_count; i++) {
        assert_true(batch.entries[i].kind != ENTRY_OPAQUE);
        batch.entries[i].sighting.log_id = test.log[0].id;
    }
    if (match_batch(set, &batch, &how, &why) != ERR_OK)
        fail_msg("%s", why.text);
    batch.watch_generation = generation;
    storetest_must_commit(store, &range, &batch);
}

/* What is due until the end of the day. */
static void one_day(void)
{
    batch_begin();
    for (size_t host = 0; host < HOSTS; host++) {
        struct host *one = &hosts[host];
        char names[NAMES];
        if (one->due >= day + DAY)
            continue;
        /* Some robots do not run for three days. */
        if (shape_of(host) == ROBOT && host % 9 == 0 && one->round == 8 && !one->waited) {
            one->waited = true;
            one->due += 3 * DAY;
            continue;
        }
        names_of(host, names);
        bool fresh = shape_of(host) != BY_HAND;
        EVP_PKEY *key = fresh ? cacert_key() : one->key;
        put(ca_of(host), key, names, one->due, life_of(host));
        issued++;
        /* A second one with another key, for another server. */
        if (shape_of(host) == ROBOT && host % 10 == 3) {
            put(ca_of(host), one->key, names, one->due + 600, life_of(host));
            issued++;
        }
        if (fresh)
            EVP_PKEY_free(key);
        one->round++;
        one->due += pause_of(host);
    }
    batch_end();
}

/* The log is read to its end, and the day is over. */
static struct expirykeeper_report look(void)
{
    static struct expirykeeper keeper;
    struct expirykeeper_report report;
    struct err why = {0};
    char text[512];
    (void)snprintf(text, sizeof text,
                   "UPDATE clock SET at = to_timestamp(%" PRId64 "); DELETE FROM log_head;"
                   "INSERT INTO log_head (log, size, root, timestamp, raw, seen_at, seen_last)"
                   " SELECT log, next, sha256('root'), now(), '', now(), now() FROM log_range",
                   day + DAY);
    sql(text);
    keeper.begun = false;
    if (expirykeeper_look(conn, &keeper, NULL, &report, &why) != ERR_OK)
        fail_msg("%s", why.text);
    return report;
}

/* The story
 * -------------------------------------------------------------------------------------------------------- */

static void ctvigil(const char *command)
{
    const char *build = getenv("CTVIGIL_BUILD");
    char line[2048];
    must(build != NULL);
    (void)snprintf(line, sizeof line, "'%s/ctvigil' --db '%s' --state-dir '%s.d' %s", build, test.dsn,
                   storetest_server.dir, command);
    int status = system(line);
    if (status != 0)
        fail_msg("%d: %s", status, line);
}

static void take_rules(void)
{
    struct watch *watches = NULL;
    size_t count = 0;
    struct err why = {0};
    watchset_unpin(set);
    if (db_domain_load(conn, &watches, &count, &generation, &why) != ERR_OK)
        fail_msg("%s", why.text);
    set = watchset_new(watches, count, generation);
    must(set != NULL);
}

static void show_alerts(void)
{
    char text[8192] = "";
    (void)pgtest_sql(
        test.dsn,
        "SELECT string_agg(left(name || ' ' || findings::text, 400), E'\\n' ORDER BY id) FROM (SELECT * FROM"
        " alert ORDER BY id LIMIT 15) AS a",
        text, sizeof text);
    fprintf(stderr, "%s\n", text);
}

static void a_thousand_renewals(void **state)
{
    char command[512];
    (void)state;
    take_rules();
    for (int i = 0; i < HISTORY; i++, day += DAY)
        one_day();
    assert_int_equal(number("SELECT count(*) FROM alert"), 0);
    (void)snprintf(command, sizeof command, "domain learn shop.example --days 36500 --yaml > '%s.yaml'",
                   storetest_server.dir);
    ctvigil(command);
    (void)snprintf(command, sizeof command, "domain apply '%s.yaml' > '%s.out'", storetest_server.dir,
                   storetest_server.dir);
    ctvigil(command);
    take_rules();
    assert_int_equal(watchset_count(set), 1);
    assert_int_equal(watchset_at(set, 0)->allow_count, 2);
    size_t before = issued;
    size_t days = 0;
    for (; issued < before + RENEWALS; day += DAY, days++) {
        one_day();
        if (days % 2 == 1)
            (void)look();
    }
    int64_t told = number("SELECT count(*) FROM alert");
    printf("%zu issuances learned from, %zu renewals in %zu days: %" PRId64 " alerts\n", before,
           issued - before, days, told);
    if (told > FALSE_ALARMS_MAX)
        show_alerts();
    assert_true(told <= FALSE_ALARMS_MAX);
    assert_true(number("SELECT count(*) FROM cert") == (int64_t)issued);
    assert_true(number("SELECT count(*) FROM pair_look") > 100);
}

/* The same rules, and what nobody has planned. */
static void what_is_no_renewal(void **state)
{
    EVP_PKEY *key = cacert_key();
    (void)state;
    sql("DELETE FROM outbox; DELETE FROM alert");
    /* Somebody else has one from an allowed CA, when not half of the rhythm of that host is over. */
    size_t host = 2;
    while (hosts[host].due < day + 30 * DAY || host % 7 < 2 || host % 10 == 3 || host % 5 == 0)
        must(++host < 60);
    batch_begin();
    char name[64];
    (void)snprintf(name, sizeof name, "h%zu.shop.example", host);
    put(&cas[0], key, name, day, 90);
    /* And one from a CA that nobody expects. */
    put(&cas[2], key, "h4.shop.example", day, 90);
    batch_end();
    (void)look();
    assert_int_equal(number("SELECT count(*) FROM alert WHERE findings @> '[{\"kind\": \"unexpected_ca\"}]'"
                            " AND name = 'h4.shop.example'"),
                     1);
    assert_int_equal(number("SELECT count(*) FROM alert WHERE findings @> '[{\"rule\": \"cadence_early\"}]'"
                            " AND name <> 'h4.shop.example'"),
                     1);
    /* The robots stop. */
    for (int i = 0; i < 10; i++, day += 4 * DAY)
        (void)look();
    assert_true(number("SELECT count(*) FROM alert WHERE findings @> '[{\"kind\": \"missing_renewal\"}]'") >
                20);
    assert_true(number("SELECT count(*) FROM alert WHERE findings @> '[{\"kind\": \"expiring\"}]'") > 20);
    EVP_PKEY_free(key);
}

static int begin(void **state)
{
    struct err why = {0};
    int64_t ms = 0;
    (void)state;
    must(text_parse_time(SPAN_LIT("2025-01-20"), &ms));
    day = ms / 1000;
    must(dns_psl_load(SPAN_LIT("example\n"), NULL) == ERR_OK);
    storetest_new(&test);
    must(pgconn_open(test.dsn, &conn, &why) == ERR_OK);
    sql("CREATE TABLE clock (at timestamptz NOT NULL); INSERT INTO clock VALUES (pg_catalog.now());"
        "CREATE FUNCTION now() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT at FROM public.clock';"
        "SET search_path = public, pg_catalog");
    store = storetest_open(test.dsn);
    storetest_take(store, 1, &range);
    sql("UPDATE log SET followed = false WHERE id <> 1;"
        "INSERT INTO psl (sha256, list) VALUES (sha256('example'), E'example\\n')");
    must(batch_init(&batch, 64u << 20));
    for (size_t i = 0; i < countof(cas); i++) {
        static const char *const names[] = {"Usual CA", "Second CA", "Other CA"};
        cas[i] = (struct ca){.name = names[i], .key = cacert_key()};
        const struct cacert_order order = {.subject = cas[i].name,
                                           .key = cas[i].key,
                                           .issuer = cas[i].name,
                                           .signer = cas[i].key,
                                           .serial = (long)++serial,
                                           .not_before = 1262304000};
        (void)cacert_make(&order, &cas[i].cert);
    }
    for (size_t i = 0; i < HOSTS; i++) {
        hosts[i].key = cacert_key();
        hosts[i].due =
            day + (int64_t)roll((uint32_t)(shape_of(i) == BY_HAND ? 20 * 24 : life_of(i) * 16)) * 3600;
    }
    return 0;
}

static int end(void **state)
{
    char command[256];
    (void)state;
    watchset_unpin(set);
    batch_fini(&batch);
    store->ops->free(store);
    pgconn_free(conn);
    for (size_t i = 0; i < countof(cas); i++)
        EVP_PKEY_free(cas[i].key);
    for (size_t i = 0; i < HOSTS; i++)
        EVP_PKEY_free(hosts[i].key);
    (void)snprintf(command, sizeof command, "rm -rf '%s.d' '%s.yaml' '%s.out'", storetest_server.dir,
                   storetest_server.dir, storetest_server.dir);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_thousand_renewals),
                                       cmocka_unit_test(what_is_no_renewal)};
    int started = pgtest_start(&storetest_server);
    if (started != 0)
        return started;
    int failed = cmocka_run_group_tests_name("learnedyear", tests, begin, end);
    pgtest_stop(&storetest_server);
    return failed;
}
