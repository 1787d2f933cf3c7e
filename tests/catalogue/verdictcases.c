/* Runs the verdict catalogue (verdictcase.def): one database, one trust snapshot that is imported, compared
 * and loaded as in a running program, then each case from the bytes of its log entries to the alert in the
 * database. What the alert says has to be what the case wants, no more and no less. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/fixture/storetest.h"

#include "base/text.h"
#include "cli/edgekeeper.h"
#include "db/db_trust.h"
#include "db/db_trust_put.h"
#include "ingest/examine.h"
#include "tests/fixture/cacert.h"
#include "verdictmake.h"
#include "verdictrows.h"
#include "watcher/match.h"
#include "watcher/rejudge.h"

#define CASES_MAX 64
#define CAS_MAX   8
#define CHAIN_MAX 4
#define LOGS      3
#define ARENA     (64u << 20)
#define PAGE      200 /* entries of one batch */

struct ca {
    char letter;
    char issuer;
    const char *name;
    struct cacert cert;
    struct cafacts facts;
};

struct one {
    size_t begin; /* its rows */
    size_t end;
    struct ca ca[CAS_MAX];
    size_t ca_count;
    EVP_PKEY *key[128]; /* by letter */
};

static struct one cases[CASES_MAX];
static size_t case_count;
static struct storetest test;
static struct store *store;
static struct ctlog logs[LOGS];
static struct store_range range[LOGS];
static struct batch batch;
static struct cagraph *graph;
static uint64_t serial;

static int64_t seconds(const char *date)
{
    int64_t ms = 0;
    assert_true(text_parse_time(span_str(date), &ms));
    return ms / 1000;
}

static EVP_PKEY *key_of(struct one *one, char letter)
{
    EVP_PKEY **key = &one->key[(unsigned char)letter & 127];
    if (*key == NULL)
        *key = cacert_key();
    return *key;
}

static struct ca *ca_of(struct one *one, char letter)
{
    for (size_t i = 0; i < one->ca_count; i++)
        if (one->ca[i].letter == letter)
            return &one->ca[i];
    fail_msg("%s: there is no CA %c", rows[one->begin].id, letter);
    return NULL;
}

static const char *name_of(const struct one *one, char letter)
{
    for (size_t at = one->begin; at < one->end; at++)
        if (rows[at].type == ROW_CA && rows[at].letter == letter)
            return rows[at].text[0];
    fail_msg("%s: there is no CA %c", rows[one->begin].id, letter);
    return NULL;
}

static void make_ca(struct one *one, const struct row *row)
{
    struct ca *ca = &one->ca[one->ca_count++];
    must(one->ca_count <= CAS_MAX);
    *ca = (struct ca){.letter = row->letter, .issuer = row->other, .name = row->text[0]};
    const struct cacert_order order = {.subject = ca->name,
                                       .key = key_of(one, ca->letter),
                                       .issuer = name_of(one, ca->issuer),
                                       .signer = key_of(one, ca->issuer),
                                       .serial = (long)++serial,
                                       .not_before = 1262304000, /* 2010 */
                                       .not_after = row->date == NULL ? 0 : seconds(row->date)};
    assert_true(cafacts_read(cacert_make(&order, &ca->cert), &ca->facts));
}

static void make_cases(void)
{
    for (size_t at = 0; at < countof(rows); at++) {
        if (rows[at].type == ROW_CASE) {
            must(case_count < CASES_MAX);
            cases[case_count++].begin = at;
        }
        cases[case_count - 1].end = at + 1;
    }
    for (size_t i = 0; i < case_count; i++)
        for (size_t at = cases[i].begin; at < cases[i].end; at++)
            if (rows[at].type == ROW_CA)
                make_ca(&cases[i], &rows[at]);
}

/* The trust data
 * ----------------------------------------------------------------------------------------------- */

static enum verdict_store store_of(char letter)
{
    static const char letters[] = "MCAW";
    const char *at = strchr(letters, letter);
    must(letter != '\0' && at != NULL);
    return (enum verdict_store)(at - letters);
}

static void take_rule(struct catake *take, uint32_t part, struct one *one, const struct row *row)
{
    const struct ca *ca = ca_of(one, row->letter);
    struct carule rule = {.kind = row->kind,
                          .class = row->class,
                          .target = CARULE_KEY,
                          .text = row->text[1],
                          .label = ca->name,
                          .source = "the catalogue"};
    memcpy(rule.hash, ca->facts.key, 32);
    if (row->type == ROW_ROOT) {
        rule.kind = CARULE_ANCHOR;
        rule.class = CARULE_MEMBER;
        rule.target = CARULE_CERT;
        memcpy(rule.hash, ca->facts.sha256, 32);
        memcpy(rule.key, ca->facts.key, 32);
        memcpy(rule.subject, ca->facts.subject, 32);
    } else if (row->date[0] != '\0') {
        rule.limit = seconds(row->date) + 86399;
    }
    for (const char *at = row->text[0]; *at != '\0'; at++) {
        rule.store = store_of(*at);
        catake_rule(take, part, &rule, false);
    }
}

static void load_trust(void)
{
    struct pgconn *conn = NULL;
    struct catake *take = catake_new();
    struct err why = {0};
    struct db_trust_put done;
    struct edgekeeper_report report = {.certs = 1};
    const uint8_t sha256[32] = {1};
    uint32_t part = catake_part(take, "catalogue", 1000);
    for (size_t i = 0; i < case_count; i++) {
        struct one *one = &cases[i];
        for (size_t k = 0; k < one->ca_count; k++)
            assert_true(catake_der(take, span_of(one->ca[k].cert.bytes, one->ca[k].cert.len), NULL));
        for (size_t at = one->begin; at < one->end; at++)
            if (rows[at].type == ROW_ROOT || rows[at].type == ROW_SAID)
                take_rule(take, part, one, &rows[at]);
    }
    assert_int_equal(pgconn_open(test.dsn, &conn, &why), ERR_OK);
    if (db_trust_put(conn, take, sha256, 1000, "[]", true, &done, &why) != ERR_OK)
        fail_msg("%s", why.text);
    catake_free(take);
    while (report.certs != 0)
        if (edgekeeper_look(conn, 512, NULL, &report, &why) != ERR_OK)
            fail_msg("%s", why.text);
    struct cagraph_plan *plan = cagraph_plan_new();
    struct db_trust_bundle bundle;
    uint64_t version = 0;
    if (db_trust_load(conn, plan, &bundle, &version, &why) != ERR_OK)
        fail_msg("%s", why.text);
    graph = cagraph_new(plan, bundle.dated_ms, bundle.id, version);
    pgconn_free(conn);
}

/* Entries
 * ------------------------------------------------------------------------------------------------------ */

static size_t chain_of(struct one *one, char letter, struct span chain[CHAIN_MAX])
{
    size_t count = 0;
    for (;;) {
        const struct ca *ca = ca_of(one, letter);
        must(count < CHAIN_MAX);
        chain[count++] = span_of(ca->cert.bytes, ca->cert.len);
        if (ca->issuer == letter)
            return count;
        letter = ca->issuer;
    }
}

/* The next entries of log `at`, all of them alike but for their bytes. */
static void begin_batch(size_t at, size_t count)
{
    batch_reset(&batch);
    batch.log = &logs[at];
    batch.begin = range[at].next;
    batch.end = batch.begin + count;
    batch.entry_count = count;
    batch.entries = arena_zeroed(&batch.arena, count, sizeof *batch.entries);
    must(batch.entries != NULL);
    for (size_t i = 0; i < count; i++)
        batch.entries[i].index = batch.begin + i;
}

static void prove(void *arg, struct batch *all, struct entry *entry)
{
    (void)arg;
    (void)all;
    examine_prove_issuer(entry, entry->chain_count > 0 ? entry->unverified_chain[0] : SPAN_NONE);
}

/* Parses, hashes, matches and stores, as workers and settlers do. */
static void run_batch(size_t at, struct watchset *set, int64_t now_ms)
{
    const struct match_prove how = {.prove = prove, .trust = graph, .now_ms = now_ms};
    struct err why = {0};
    examine_entries(batch.entries, batch.entry_count, &batch.arena);
    for (size_t i = 0; i < batch.entry_count; i++) {
        assert_true(batch.entries[i].kind != ENTRY_OPAQUE);
        batch.entries[i].sighting.log_id = logs[at].id;
    }
    if (match_batch(set, &batch, &how, &why) != ERR_OK)
        fail_msg("%s", why.text);
    batch.watch_generation = 0;
    storetest_must_commit(store, &range[at], &batch);
}

static void run_cert(struct one *one, const struct row *row, struct watchset *set)
{
    struct verdictmake_issued issued;
    struct span chain[CHAIN_MAX];
    struct arena arena;
    assert_true(arena_init(&arena, 1u << 20));
    const struct verdictmake_order order = {.issuer = ca_of(one, row->letter)->name,
                                            .signer = key_of(one, row->letter),
                                            .key = key_of(one, row->other),
                                            .names = row->text[0],
                                            .not_before = seconds(row->date),
                                            .days = row->number,
                                            .ca = strchr(row->text[1], 'c') != NULL,
                                            .serial = ++serial};
    verdictmake_issue(&order, &arena, &issued);
    size_t count = chain_of(one, row->letter, chain);
    int64_t logged = seconds(row->logged) * 1000 + 3600000;
    size_t log = 0;
    for (const char *form = row->text[1]; *form != '\0'; form++) {
        if (*form == 'c')
            continue;
        begin_batch(log % LOGS, 1);
        verdictmake_entry(&issued, *form == 'p', chain, count, logged, &batch.arena, &batch.entries[0]);
        run_batch(log % LOGS, set, logged);
        log++;
        logged += 1000;
    }
    arena_fini(&arena);
}

/* What a shop with a hundred hosts renews in some years, in four shapes. */
static void shape(size_t number, struct verdictmake_order *order, char names[4096])
{
    static const int days[] = {90, 45, 6, 199};
    size_t host = number % 40;
    size_t kind = host % 4;
    size_t round = number / 40;
    size_t len = 0;
    order->days = days[kind];
    /* Renewed when two thirds are over, a day sooner or later. */
    order->not_before =
        seconds("2026-03-15") + (int64_t)(host + round * 30) * 7200 + (int64_t)(number % 3) * 3600;
    if (kind == 1)
        len += (size_t)snprintf(names, 4096, "*.h%zu.renewed.example h%zu.renewed.example", host, host);
    else
        len += (size_t)snprintf(names, 4096, "h%zu.renewed.example", host);
    for (size_t i = 0; kind == 3 && i < 90; i++)
        len += (size_t)snprintf(names + len, 4096 - len, " s%zu.h%zu.renewed.example", i, host);
    order->names = names;
}

static void run_renewals(struct one *one, const struct row *row, struct watchset *set)
{
    for (size_t done = 0; done < (size_t)row->number; done += PAGE / 2) {
        struct span chain[CHAIN_MAX];
        int64_t logged = 0;
        begin_batch(done / PAGE % LOGS, PAGE);
        for (size_t i = 0; i < PAGE / 2; i++) {
            char names[4096];
            struct verdictmake_issued issued;
            char ca = (done + i) % 7 == 0 ? row->other : row->letter;
            struct verdictmake_order order = {.issuer = ca_of(one, ca)->name,
                                              .signer = key_of(one, ca),
                                              .key = (done + i) % 2 == 0 ? cacert_key() : key_of(one, 'x'),
                                              .serial = ++serial};
            shape(done + i, &order, names);
            verdictmake_issue(&order, &batch.arena, &issued);
            if ((done + i) % 2 == 0)
                EVP_PKEY_free(order.key);
            size_t count = chain_of(one, ca, chain);
            logged = order.not_before * 1000 + 3600000;
            for (size_t form = 0; form < 2; form++)
                verdictmake_entry(&issued, form == 0, chain, count, logged, &batch.arena,
                                  &batch.entries[2 * i + form]);
        }
        run_batch(done / PAGE % LOGS, set, logged);
    }
}

/* Policy
 * ------------------------------------------------------------------------------------------------------- */

static struct watchset *watch_of(struct one *one, size_t number, const struct row *row)
{
    struct watch *watch = calloc(1, sizeof *watch);
    must(watch != NULL);
    watch->id = (int64_t)number + 1;
    watch->name = strdup(row->text[0]);
    must(watch->name != NULL);
    if (inet_pton(AF_INET, row->text[0], watch->ip) == 1) {
        watch->kind = WATCH_IP;
        watch->ip_len = 4;
        watch->ip_prefix = 32;
    }
    watch->wildcard_allowed = strstr(row->text[2], "wildcard") != NULL;
    watch->foreign = strstr(row->text[2], "foreign") != NULL ? WATCH_FOREIGN_WARN : WATCH_FOREIGN_OFF;
    if (strstr(row->text[2], "keys") != NULL) {
        uint8_t known[32];
        watch->keys = WATCH_KEYS_ENFORCE;
        verdictmake_spki(key_of(one, 'k'), known);
        assert_true(watch_hashes_add(&watch->key_spki, known, "spki:k"));
    }
    watch->allow = calloc(strlen(row->text[1]) + 1, sizeof *watch->allow);
    must(watch->allow != NULL);
    for (const char *at = row->text[1]; *at != '\0'; at++) {
        struct watch_allow *allow = &watch->allow[watch->allow_count++];
        memcpy(allow->spki_sha256, ca_of(one, *at)->facts.key, 32);
        allow->label = strdup("spki:of the case");
        must(allow->label != NULL);
    }
    struct watchset *set = watchset_new(watch, 1, 0);
    must(set != NULL);
    return set;
}

/* What the alerts have to say
 * ---------------------------------------------------------------------------------- */

static void found(size_t number, char *out, size_t cap)
{
    char sql[512];
    (void)snprintf(
        sql, sizeof sql,
        "SELECT coalesce(string_agg(w, ', ' ORDER BY w COLLATE \"C\"), '') FROM (SELECT f->>'kind' "
        "|| ' ' || (f->>'severity') AS w FROM alert AS a, jsonb_array_elements(a.findings) AS f"
        " WHERE a.domain = %zu) AS x",
        number + 1);
    assert_true(pgtest_sql(test.dsn, sql, out, cap));
}

/* What an alert says in full, for whoever has to find out why a case fails. */
static void show(size_t number)
{
    char sql[512];
    char text[8192];
    (void)snprintf(sql, sizeof sql,
                   "SELECT coalesce(string_agg(f->>'rule' || ': ' || (f->>'found'), E'\\n'), 'no alert') FROM"
                   " alert AS a, jsonb_array_elements(a.findings) AS f WHERE a.domain = %zu",
                   number + 1);
    if (pgtest_sql(test.dsn, sql, text, sizeof text))
        print_error("%s\n", text);
}

static bool judge_case(size_t number)
{
    const struct one *one = &cases[number];
    char sql[256];
    char want[1024];
    char got[8192];
    verdictrows_wanted(one->begin, one->end, want, sizeof want);
    found(number, got, sizeof got);
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM alert WHERE domain = %zu", number + 1);
    int64_t alerts = pgtest_count(test.dsn, sql);
    bool good = strcmp(want, got) == 0 && alerts == (want[0] == '\0' ? 0 : 1);
    if (good)
        return true;
    print_error("%s: wanted '%s', got '%s' in %d alerts\n", rows[one->begin].id, want, got, (int)alerts);
    show(number);
    return false;
}

static void every_case_says_what_it_should(void **state)
{
    (void)state;
    size_t failed = 0;
    for (size_t i = 0; i < case_count; i++) {
        struct one *one = &cases[i];
        struct watchset *set = NULL;
        for (size_t at = one->begin; at < one->end; at++) {
            if (rows[at].type == ROW_WATCH)
                set = watch_of(one, i, &rows[at]);
            else if (rows[at].type == ROW_CERT)
                run_cert(one, &rows[at], set);
            else if (rows[at].type == ROW_RENEWALS)
                run_renewals(one, &rows[at], set);
        }
        watchset_unpin(set);
        failed += !judge_case(i);
    }
    storetest_check(test.dsn);
    assert_int_equal(failed, 0);
}

/* Judged again
 * ------------------------------------------------------------------------------------------------- */

/* Of all that is stored for this name: what CAs of this case issued. */
static bool of_this_case(void *arg, const struct issuance *issuance, bool *settled)
{
    const struct one *one = arg;
    (void)settled;
    for (size_t i = 0; i < one->ca_count; i++)
        if (memcmp(one->ca[i].facts.key, issuance->issuer_spki_sha256, 32) == 0)
            return true;
    return false;
}

/* From what is stored the rules of root stores say what they said of the entries: nothing comes, goes, or is
 * told twice. */
static void judged_again_it_is_the_same(void **state)
{
    (void)state;
    struct pgconn *conn[2] = {NULL, NULL};
    uint64_t judged = 0;
    size_t failed = 0;
    for (size_t i = 0; i < countof(conn); i++)
        assert_int_equal(pgconn_open(test.dsn, &conn[i], NULL), ERR_OK);
    for (size_t i = 0; i < case_count; i++) {
        struct one *one = &cases[i];
        struct watchset *set = NULL;
        struct rejudge again = {
            .prove = {.trust = graph}, .wanted = of_this_case, .arg = one, .reason = "test"};
        struct err why = {0};
        for (size_t at = one->begin; at < one->end; at++) {
            if (rows[at].type == ROW_WATCH)
                set = watch_of(one, i, &rows[at]);
            if (rows[at].type == ROW_CERT)
                again.prove.now_ms = seconds(rows[at].logged) * 1000 + 3600000;
            if (rows[at].type == ROW_RENEWALS)
                again.prove.now_ms = seconds("2026-03-15") * 1000;
        }
        const struct watch *watch = watchset_at(set, 0);
        if (rejudge_domains(conn[0], conn[1], &watch, 1, &again, &why) != ERR_OK)
            fail_msg("%s: %s", rows[one->begin].id, why.text);
        if (again.raised + again.closed != 0)
            print_error("%s: %d raised, %d closed\n", rows[one->begin].id, (int)again.raised,
                        (int)again.closed);
        failed += again.raised + again.closed != 0;
        failed += !judge_case(i);
        judged += again.judged;
        watchset_unpin(set);
    }
    for (size_t i = 0; i < countof(conn); i++)
        pgconn_free(conn[i]);
    assert_int_equal(failed, 0);
    assert_true(judged >
                case_count); /* of the final certificates without a precertificate nothing is proven */
}

static bool not_yet(void *arg, const struct issuance *issuance, bool *settled)
{
    *settled = false;
    return of_this_case(arg, issuance, settled);
}

/* With the issuer's certificate not at hand: what was said of its key stays until there was time for it. */
static void what_may_yet_come_takes_nothing_back(void **state)
{
    (void)state;
    struct pgconn *conn[2] = {NULL, NULL};
    size_t at = 0;
    struct cagraph *nothing = cagraph_new(cagraph_plan_new(), 1000, 1, 1);
    while (strcmp(rows[cases[at].begin].id, "copied_name") != 0)
        at++;
    struct one *one = &cases[at];
    for (size_t i = 0; i < countof(conn); i++)
        assert_int_equal(pgconn_open(test.dsn, &conn[i], NULL), ERR_OK);
    for (int settled = 0; settled < 2; settled++) {
        char got[1024];
        struct watchset *set = NULL;
        struct rejudge again = {.prove = {.trust = nothing, .now_ms = seconds("2026-05-02") * 1000},
                                .wanted = settled ? of_this_case : not_yet,
                                .arg = one,
                                .reason = "test"};
        for (size_t row = one->begin; row < one->end; row++)
            if (rows[row].type == ROW_WATCH)
                set = watch_of(one, at, &rows[row]);
        const struct watch *watch = watchset_at(set, 0);
        assert_int_equal(rejudge_domains(conn[0], conn[1], &watch, 1, &again, NULL), ERR_OK);
        found(at, got, sizeof got);
        assert_string_equal(got,
                            settled ? "unexpected_ca high" : "unexpected_ca high, unknown_issuer_key high");
        watchset_unpin(set);
    }
    for (size_t i = 0; i < countof(conn); i++)
        pgconn_free(conn[i]);
    cagraph_unpin(nothing);
}

static void one_issuance_is_one(void **state)
{
    (void)state;
    /* Each case has one issuance, the renewals a thousand; whatever the forms and the logs. */
    size_t issuances = 0;
    for (size_t at = 0; at < countof(rows); at++)
        issuances += rows[at].type == ROW_CERT       ? 1
                     : rows[at].type == ROW_RENEWALS ? (size_t)rows[at].number
                                                     : 0;
    check_sql(test.dsn, "SELECT count(*) FROM cert", (int64_t)issuances);
}

static int begin(void **state)
{
    (void)state;
    char sql[256];
    must(dns_psl_load(SPAN_LIT("com\nexample\nfi\nnl\ntg\nru\nhr\ngov.tr\ntr\n"), NULL) == ERR_OK);
    make_cases();
    storetest_new(&test);
    storetest_run(test.dsn, "INSERT INTO log (name, protocol, url, log_id, key) VALUES ('log 3', 'rfc6962',"
                            " 'https://log.test', sha256('3'), 'key');"
                            "INSERT INTO log_range (log, range_begin, next, verified, frontier)"
                            " VALUES (3, 0, 0, 0, int8send(0))");
    (void)snprintf(
        sql, sizeof sql,
        "INSERT INTO domain (name, kind) SELECT 'case ' || i, 'dns' FROM generate_series(1, %zu) AS i"
        " ORDER BY i",
        case_count);
    storetest_run(test.dsn, sql);
    store = storetest_open(test.dsn);
    for (int i = 0; i < LOGS; i++) {
        logs[i] = (struct ctlog){.id = i + 1};
        storetest_take(store, i + 1, &range[i]);
    }
    must(batch_init(&batch, ARENA));
    load_trust();
    return 0;
}

static int end(void **state)
{
    (void)state;
    cagraph_unpin(graph);
    batch_fini(&batch);
    store->ops->free(store);
    for (size_t i = 0; i < case_count; i++)
        for (size_t k = 0; k < countof(cases[i].key); k++)
            EVP_PKEY_free(cases[i].key[k]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_says_what_it_should), cmocka_unit_test(judged_again_it_is_the_same),
        cmocka_unit_test(one_issuance_is_one), cmocka_unit_test(what_may_yet_come_takes_nothing_back)};
    int started = pgtest_start(&storetest_server);
    if (started != 0)
        return started;
    int failed = cmocka_run_group_tests_name("verdicts", tests, begin, end);
    pgtest_stop(&storetest_server);
    return failed;
}
