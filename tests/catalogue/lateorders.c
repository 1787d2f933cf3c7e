/* Late truth: whatever the order in which it comes, in the end the same is told. A precertificate, its
 * certificate in two logs, in one of them without its issuer, trust data that turn the CA away, a policy that
 * allows the CA, and the certificate of the issuer: in each order of all of them, and of those without the
 * one or the other, each with a CA and a domain of its own. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/fixture/storetest.h"

#include "base/clock.h"
#include "base/text.h"
#include "db/db_domain.h"
#include "db/db_pending.h"
#include "ingest/examine.h"
#include "parser/tbs.h"
#include "tests/fixture/cacert.h"
#include "trust/cagraph.h"
#include "verdictmake.h"
#include "watcher/history.h"
#include "watcher/lateproof.h"
#include "watcher/match.h"
#include "watcher/rejudge.h"

enum event { PRECERT, FINAL, SECOND, TRUST, POLICY, ISSUER, IMPOSTOR, DROPPED, EVENTS };

#define ORDERS_MAX 1200
#define LONGEST    6
#define LOGS       2
#define ARENA      (8u << 20)

static const char letters[] = "PFSTAIXD";

/* All orders of some events. A capital F or S: the entry comes with the certificate of its issuer. Where a
 * TBS was stored with its issuer and without it, not every place can be told to be of the one or the other;
 * the alert has those that can. D: retention takes the row. */
static const struct scenario {
    const char *events;
    const char *open;
    int places; /* of its only alert; 0: not the same in all orders */
    bool fixed; /* this order alone: what is judged by the row must come before it goes */
} scenarios[] = {
    {"PFSTA", "distrusted_ca critical", 3, false},
    {"PfSTA", "distrusted_ca critical", 0, false},
    {"PfTAI", "distrusted_ca critical", 0, false},
    {"fTAI", "distrusted_ca critical", 1, false},
    {"fAI", "nothing", 1, false},
    {"fTI", "distrusted_ca critical, unexpected_ca high", 1, false},
    {"PfsTAI", "distrusted_ca critical", 0, false},
    {"fX", "unexpected_ca high", 1, false},
    {"fXAI", "nothing", 1, false},
    {"fDI", "unexpected_ca high", 1, false},
    {"fADI", "nothing", 1, true},
    {"fTDI", "distrusted_ca critical, unexpected_ca high", 1, true},
};

struct order {
    const struct scenario *scenario;
    enum event event[EVENTS];
    size_t count;
    struct cacert ca;
    struct cacert impostor; /* of the same name, and allowed */
    struct cafacts facts;
    EVP_PKEY *key;
    struct verdictmake_issued issued;
    bool distrusted; /* by what is known so far */
};

static struct storetest test;
static struct store *store;
static struct pgconn *conn[2];
static struct store_range range[LOGS];
static struct batch batch;
static struct arena arena;
static struct cagraph *graph[2]; /* trusted, turned away */
static struct order orders[ORDERS_MAX];
static size_t order_count;
static bool longest;     /* the longest scenario alone, or all others */
static const char *only; /* NULL: no certain one */
static EVP_PKEY *subscriber;

static enum event event_of(char letter)
{
    return (enum event)(strchr(letters, letter >= 'a' ? letter - 'a' + 'A' : letter) - letters);
}

/* The order number `number` of all of the scenario. */
static void permute(const struct scenario *scenario, size_t number, struct order *order)
{
    bool used[EVENTS] = {false};
    order->scenario = scenario;
    order->count = strlen(scenario->events);
    for (size_t i = 0; i < order->count; i++) {
        size_t left = order->count - i;
        size_t pick = number % left;
        number /= left;
        size_t at = 0;
        while (used[at] || pick-- != 0)
            at++;
        at = scenario->fixed ? i : at;
        used[at] = true;
        order->event[i] = event_of(scenario->events[at]);
    }
}

static void permute_all(void)
{
    for (size_t i = 0; i < countof(scenarios); i++) {
        size_t orders_of = 1;
        bool asked = only != NULL ? strcmp(scenarios[i].events, only) == 0
                                  : (strlen(scenarios[i].events) == LONGEST) == longest;
        if (!asked)
            continue;
        for (size_t k = 2; !scenarios[i].fixed && k <= strlen(scenarios[i].events); k++)
            orders_of *= k;
        for (size_t k = 0; k < orders_of; k++) {
            must(order_count < ORDERS_MAX);
            permute(&scenarios[i], k, &orders[order_count++]);
        }
    }
}

static void make(size_t number)
{
    struct order *order = &orders[number];
    char name[64];
    (void)snprintf(name, sizeof name, "CA %zu", number);
    order->key = cacert_key();
    const struct cacert_order ca = {.subject = name,
                                    .key = order->key,
                                    .issuer = name,
                                    .signer = order->key,
                                    .serial = (long)number + 1,
                                    .not_before = 1262304000};
    assert_true(cafacts_read(cacert_make(&ca, &order->ca), &order->facts));
    struct cacert_order other = ca;
    other.key = other.signer = subscriber;
    (void)cacert_make(&other, &order->impostor);
    char host[64];
    (void)snprintf(host, sizeof host, "www.d%zu.example", number);
    const struct verdictmake_order cert = {.issuer = name,
                                           .signer = order->key,
                                           .key = subscriber,
                                           .names = host,
                                           .not_before = clock_wall_ms() / 1000 - 86400,
                                           .days = 90,
                                           .serial = number + 1};
    verdictmake_issue(&cert, &arena, &order->issued);
}

static void make_graphs(void)
{
    for (int away = 0; away < 2; away++) {
        struct cagraph_plan *plan = cagraph_plan_new();
        for (size_t i = 0; i < order_count; i++) {
            const struct cafacts *facts = &orders[i].facts;
            struct carule rule = {.class = CARULE_MEMBER, .label = "CA", .text = "", .source = "test"};
            cagraph_plan_cert(plan, facts);
            for (int at = 0; at < VERDICT_STORES; at++) {
                rule.store = (enum verdict_store)at;
                rule.kind = away ? CARULE_BLOCKED : CARULE_ANCHOR;
                rule.class = away ? CARULE_INCIDENT : CARULE_MEMBER;
                rule.target = away ? CARULE_KEY : CARULE_CERT;
                memcpy(rule.hash, away ? facts->key : facts->sha256, 32);
                memcpy(rule.key, facts->key, 32);
                memcpy(rule.subject, facts->subject, 32);
                cagraph_plan_rule(plan, &rule);
            }
        }
        graph[away] = cagraph_new(plan, clock_wall_ms(), away + 1, (uint64_t)away + 1);
    }
}

static struct match_prove prove_of(const struct order *order)
{
    return (struct match_prove){
        .trust = graph[order->distrusted], .now_ms = clock_wall_ms(), .settled = true};
}

/* The entry of the registered domain as it is stored; freed by the caller. */
static struct watch *watch_of(size_t number, size_t *count, const struct watch **found)
{
    struct watch *all = NULL;
    uint64_t generation = 0;
    assert_int_equal(db_domain_load(conn[0], &all, count, &generation, NULL), ERR_OK);
    *found = NULL;
    for (size_t i = 0; i < *count; i++)
        if (all[i].id == (int64_t)number + 1)
            *found = &all[i];
    assert_non_null(*found);
    return all;
}

static void prove(void *arg, struct batch *all, struct entry *entry)
{
    (void)arg;
    (void)all;
    examine_prove_issuer(entry, entry->chain_count > 0 ? entry->unverified_chain[0] : SPAN_NONE);
}

/* As whoever stores an entry does with its chain. */
static void store_issuer(const struct cacert *cert)
{
    struct store_ca ca = {.der = span_of(cert->bytes, cert->len), .log_id = 1};
    struct cafacts facts;
    struct cert read;
    struct err why = {0};
    assert_true(cafacts_read(ca.der, &facts) && tbs_read_certificate(ca.der, &read));
    memcpy(ca.sha256, facts.sha256, 32);
    memcpy(ca.spki_sha256, facts.key, 32);
    ca.subject = read.subject;
    if (store->ops->issuer_cert_put(store, &ca, &why) != ERR_OK)
        fail_msg("%s", why.text);
}

static void log_entry(struct order *order, const struct watch *watch, enum event event)
{
    size_t log = event == SECOND;
    struct span chain = span_of(order->ca.bytes, order->ca.len);
    bool chained = event == PRECERT || strchr(order->scenario->events, letters[event]) != NULL;
    struct watch *copy = calloc(1, sizeof *copy);
    struct match_prove how = prove_of(order);
    struct err why = {0};
    assert_true(copy != NULL && watch_copy(watch, copy));
    struct watchset *set = watchset_new(copy, 1, 0);
    how.prove = prove;
    batch_reset(&batch);
    batch.log = &test.log[log];
    batch.begin = range[log].next;
    batch.end = batch.begin + 1;
    batch.entry_count = 1;
    batch.entries = arena_zeroed(&batch.arena, 1, sizeof *batch.entries);
    assert_non_null(batch.entries);
    batch.entries[0].index = batch.begin;
    verdictmake_entry(&order->issued, event == PRECERT, &chain, chained ? 1 : 0, clock_wall_ms(),
                      &batch.arena, &batch.entries[0]);
    examine_entries(batch.entries, 1, &batch.arena);
    batch.entries[0].sighting.log_id = test.log[log].id;
    if (match_batch(set, &batch, &how, &why) != ERR_OK)
        fail_msg("%s", why.text);
    batch.watch_generation = 0;
    storetest_must_commit(store, &range[log], &batch);
    if (chained && event != PRECERT)
        store_issuer(&order->ca);
    watchset_unpin(set);
}

static void import_trust(struct order *order, const struct watch *watch)
{
    struct err why = {0};
    order->distrusted = true;
    struct rejudge again = {.prove = prove_of(order), .reason = "test"};
    if (rejudge_domains(conn[0], conn[1], &watch, 1, &again, &why) != ERR_OK)
        fail_msg("%s", why.text);
}

static void edit_policy(struct order *order, size_t number)
{
    char sql[512];
    char hex[65];
    size_t count = 0;
    const struct watch *watch = NULL;
    struct history_reader reader = {.prove = prove_of(order)};
    struct history_result result;
    struct err why = {0};
    (void)snprintf(sql, sizeof sql,
                   "UPDATE domain_allow SET spki_sha256 = decode('%s', 'hex') WHERE domain = %zu"
                   " AND label = 'spki:x';"
                   "UPDATE domain SET history_at = NULL WHERE id = %zu",
                   text_hex(span_of(order->facts.key, 32), hex), number + 1, number + 1);
    storetest_run(test.dsn, sql);
    struct watch *all = watch_of(number, &count, &watch);
    if (history_run(conn[0], conn[1], watch, &reader, &result, &why) != ERR_OK)
        fail_msg("%s", why.text);
    watch_free(all, count);
}

/* While another process is at it, and when it is to end, nothing is done and nothing passed over. */
static void settle_in_vain(const struct order *order)
{
    atomic_bool stop = true;
    struct lateproof_reader how = {.prove = prove_of(order), .read = examine_certificate};
    bool taken = false;
    for (int stopped = 0; stopped < 2; stopped++) {
        struct lateproof_report report;
        int64_t after = 0;
        how.stop = stopped != 0 ? &stop : NULL;
        if (stopped == 0)
            assert_int_equal(db_pending_lock(conn[1], LATEPROOF_LOCK, false, &taken, NULL), ERR_OK);
        assert_int_equal(lateproof_look(conn[0], &how, &after, &report, NULL), ERR_OK);
        assert_true(taken && report.closed + report.refuted + report.raised + (uint64_t)after == 0);
        if (stopped == 0)
            assert_int_equal(db_pending_unlock(conn[1], LATEPROOF_LOCK, NULL), ERR_OK);
    }
}

static void settle(const struct order *order)
{
    const struct lateproof_reader how = {.prove = prove_of(order), .read = examine_certificate};
    int64_t after = 0;
    struct err why = {0};
    do {
        struct lateproof_report report;
        if (lateproof_look(conn[0], &how, &after, &report, &why) != ERR_OK)
            fail_msg("%s", why.text);
    } while (after != 0);
}

static void register_domain(size_t number)
{
    char sql[400];
    char hex[65];
    uint8_t impostor[32];
    verdictmake_spki(subscriber, impostor);
    (void)snprintf(sql, sizeof sql,
                   "WITH d AS (INSERT INTO domain (name, kind) VALUES ('d%zu.example', 'dns') RETURNING id)"
                   " INSERT INTO domain_allow (domain, spki_sha256, label) SELECT id, sha256('x'), 'spki:x'"
                   " FROM d UNION ALL SELECT id, decode('%s', 'hex'), 'spki:y' FROM d",
                   number, text_hex(span_of(impostor, 32), hex));
    storetest_run(test.dsn, sql);
}

static void run(size_t number)
{
    struct order *order = &orders[number];
    register_domain(number);
    for (size_t i = 0; i < order->count; i++) {
        size_t count = 0;
        const struct watch *watch = NULL;
        struct watch *all = watch_of(number, &count, &watch);
        if (order->event[i] == TRUST)
            import_trust(order, watch);
        else if (order->event[i] == POLICY)
            edit_policy(order, number);
        else if (order->event[i] == ISSUER || order->event[i] == IMPOSTOR)
            store_issuer(order->event[i] == ISSUER ? &order->ca : &order->impostor);
        else if (order->event[i] == DROPPED)
            storetest_run(test.dsn, "DELETE FROM cert");
        else
            log_entry(order, watch, order->event[i]);
        watch_free(all, count);
        if (number % 16 == 0)
            settle_in_vain(order);
        settle(order);
    }
}

/* What is open, and in how many alerts with how many places. */
static bool is_right(size_t number)
{
    const struct order *order = &orders[number];
    char wanted[200];
    char sql[600];
    char got[1024];
    char name[EVENTS + 1] = "";
    (void)snprintf(
        sql, sizeof sql,
        "SELECT concat_ws(' ', (SELECT count(*) FROM alert WHERE domain = %zu), (SELECT count(*) FROM"
        " alert_sighting AS s JOIN alert AS a ON a.id = s.alert WHERE a.domain = %zu AND %d <> 0),"
        " (SELECT coalesce(string_agg(concat_ws(' ', f->>'kind', f->>'severity'), ', ' ORDER BY f->>'kind'), "
        "'nothing')"
        " FROM alert AS a, jsonb_array_elements(a.findings) AS f WHERE a.domain = %zu AND a.state IN"
        " ('new', 'notified')))",
        number + 1, number + 1, order->scenario->places, number + 1);
    (void)snprintf(wanted, sizeof wanted, "1 %d %s", order->scenario->places, order->scenario->open);
    assert_true(pgtest_sql(test.dsn, sql, got, sizeof got));
    for (size_t i = 0; i < order->count; i++)
        name[i] = letters[order->event[i]];
    if (strcmp(got, wanted) != 0)
        print_error("%s of %s: %s\n", name, order->scenario->events, got);
    return strcmp(got, wanted) == 0;
}

static void each_order_ends_the_same(void **state)
{
    size_t wrong = 0;
    (void)state;
    for (size_t i = 0; i < order_count; i++) {
        run(i);
        wrong += !is_right(i);
        /* The others have nothing to do with it, and are not read for each of them. */
        storetest_run(test.dsn, "DELETE FROM domain");
    }
    assert_int_equal(wrong, 0);
}

static int begin(void **state)
{
    (void)state;
    must(dns_psl_load(SPAN_LIT("example\n"), NULL) == ERR_OK);
    must(arena_init(&arena, 64u << 20) && batch_init(&batch, ARENA));
    subscriber = cacert_key();
    permute_all();
    for (size_t i = 0; i < order_count; i++)
        make(i);
    make_graphs();
    storetest_new(&test);
    store = storetest_open(test.dsn);
    must(store_pg_keep(store, STORE_PG_ALL, STORE_PG_DER_WATCHED));
    for (int i = 0; i < LOGS; i++) {
        storetest_take(store, i + 1, &range[i]);
        assert_int_equal(pgconn_open(test.dsn, &conn[i], NULL), ERR_OK);
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (int i = 0; i < LOGS; i++) {
        pgconn_free(conn[i]);
        cagraph_unpin(graph[i]);
    }
    store->ops->free(store);
    for (size_t i = 0; i < order_count; i++)
        EVP_PKEY_free(orders[i].key);
    EVP_PKEY_free(subscriber);
    batch_fini(&batch);
    arena_fini(&arena);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_order_ends_the_same)};
    longest = argc > 1 && strcmp(argv[1], "longest") == 0;
    only = argc > 1 && !longest ? argv[1] : NULL;
    int started = pgtest_start(&storetest_server);
    if (started != 0)
        return started;
    int failed = cmocka_run_group_tests_name("lateorders", tests, begin, end);
    pgtest_stop(&storetest_server);
    return failed;
}
