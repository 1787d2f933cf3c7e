/* Registered domains, and the scan of what was stored before them. */
#include "tests/fixture_cert.h"

#include <pthread.h>

#include "base/limits.h"
#include "db/db_domain.h"

static struct fixture_db fixture;

static struct watch dns_watch(const char *name, bool exact)
{
    return (struct watch){.kind = WATCH_DNS, .name = (char *)(uintptr_t)name, .exact = exact};
}

static void note_other(void *arg, const char *name)
{
    char *text = arg;
    (void)snprintf(text + strlen(text), 64, "%s ", name);
}

/* Two of three stay, one of them with other rules; the same again changes nothing. */
static void applied(void **state)
{
    (void)state;
    struct pgconn *conn = fixture.db.conn;
    struct err why = {0};
    enum db_domain_change changes[2];
    char others[128] = "";
    uint64_t before;
    uint64_t after;
    uint64_t generation;
    int64_t ids[3];
    struct watch *loaded;
    size_t count;
    static const char *const names[] = {"a.example", "b.example", "c.example"};
    for (size_t i = 0; i < 3; i++) {
        struct watch watch = dns_watch(names[i], false);
        assert_int_equal(db_domain_add(conn, &watch, NULL, 0, &ids[i], &generation, &why), ERR_OK);
        assert_int_equal(db_domain_history_done(conn, ids[i], 0, NULL, &why), ERR_OK);
    }
    struct watch_allow allow[3] = {{{2}, (char *)(uintptr_t) "spki:2"},
                                   {{1}, (char *)(uintptr_t) "spki:1"},
                                   {{3}, (char *)(uintptr_t) "ca:One"}};
    char *exclude[] = {(char *)(uintptr_t) "shop.b.example"};
    struct watch given[2] = {dns_watch("b.example", false), dns_watch("a.example", false)};
    given[0].allow = allow;
    given[0].allow_count = 3;
    given[0].exclude = (struct watch_words){exclude, 1};
    struct db_domain_apply apply = {given, 2, true, true, note_other, others, changes};
    assert_int_equal(db_domain_generation(conn, &before, NULL), ERR_OK);
    assert_int_equal(db_domain_apply(conn, &apply, &why), ERR_OK);
    assert_int_equal(changes[0], DB_DOMAIN_CHANGED);
    assert_int_equal(changes[1], DB_DOMAIN_SAME);
    assert_string_equal(others, "c.example ");
    assert_int_equal(db_domain_generation(conn, &after, NULL), ERR_OK);
    assert_int_equal(after, before); /* a dry run */
    apply.dry_run = false;
    assert_int_equal(db_domain_apply(conn, &apply, &why), ERR_OK);
    assert_int_equal(given[0].id, ids[1]);
    assert_int_equal(db_domain_load(conn, &loaded, &count, &after, &why), ERR_OK);
    assert_int_equal(after, before + 1);
    assert_int_equal(count, 2);
    assert_string_equal(loaded[1].exclude.at[0], "shop.b.example");
    assert_int_equal(loaded[1].allow_count, 3);
    watch_free(loaded, count);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(db_domain_apply(conn, &apply, &why), ERR_OK);
        assert_int_equal(changes[0], DB_DOMAIN_SAME);
        assert_int_equal(db_domain_generation(conn, &after, NULL), ERR_OK);
        assert_int_equal(after, before + 1);
    }
    assert_int_equal(db_domain_remove(conn, "a.example", &why), ERR_OK);
    assert_int_equal(db_domain_remove(conn, "b.example", &why), ERR_OK);
}

static void add_load_remove(void **state)
{
    (void)state;
    struct pgconn *conn = fixture.db.conn;
    struct err why = {0};
    struct watch_allow allow[2] = {{.label = (char *)(uintptr_t) "spki:aa"},
                                   {.label = (char *)(uintptr_t) "cert:b.pem"}};
    static const char *const channels[] = {"stdout", "hook"};
    struct watch given = dns_watch("example.com", true);
    struct watch net = {.kind = WATCH_IP, .name = (char *)(uintptr_t) "192.0.2.0/24"};
    struct watch *loaded;
    size_t count;
    int64_t id;
    int64_t net_id;
    uint64_t before;
    uint64_t generation;
    uint64_t after;
    memset(allow[0].spki_sha256, 1, 32);
    memset(allow[1].spki_sha256, 2, 32);
    given.allow = allow;
    given.allow_count = 2;
    given.owner = (char *)(uintptr_t) "it's me; DROP TABLE domain";
    given.wildcard_allowed = true;
    assert_int_equal(db_domain_generation(conn, &before, NULL), ERR_OK);
    assert_int_equal(db_domain_add(conn, &given, channels, 2, &id, &generation, &why), ERR_OK);
    assert_int_equal(generation, before + 1);
    assert_int_equal(db_domain_add(conn, &given, channels, 2, &id, &generation, &why), ERR_EXISTS);
    assert_int_equal(db_domain_generation(conn, &after, NULL), ERR_OK);
    assert_int_equal(after, before + 1); /* a refused one changes nothing */
    err_clear(&why);
    assert_int_equal(db_domain_add(conn, &net, NULL, 0, &net_id, &generation, &why), ERR_OK);
    assert_int_equal(db_domain_load(conn, &loaded, &count, &after, &why), ERR_OK);
    assert_int_equal(count, 2);
    assert_int_equal(after, before + 2);
    assert_string_equal(loaded[0].name, "192.0.2.0/24");
    assert_int_equal(loaded[0].kind, WATCH_IP);
    assert_int_equal(loaded[0].ip_len, 4);
    assert_int_equal(loaded[0].ip_prefix, 24);
    assert_memory_equal(loaded[0].ip, "\xc0\x00\x02\x00", 4);
    assert_null(loaded[0].owner);
    assert_int_equal(loaded[0].allow_count, 0);
    assert_string_equal(loaded[1].name, "example.com");
    assert_true(loaded[1].exact && loaded[1].wildcard_allowed);
    assert_string_equal(loaded[1].owner, given.owner);
    assert_int_equal(loaded[1].allow_count, 2);
    assert_string_equal(loaded[1].allow[0].label, "cert:b.pem");
    assert_int_equal(loaded[1].allow[0].spki_sha256[31], 2);
    watch_free(loaded, count);
    bool done = true;
    assert_int_equal(db_domain_history_done(conn, id, 1, &done, &why), ERR_OK);
    assert_false(done); /* other rules */
    assert_int_equal(db_domain_history_done(conn, id, 0, &done, &why), ERR_OK);
    assert_true(done);
    assert_int_equal(db_domain_remove(conn, "example.com", &why), ERR_OK);
    assert_int_equal(db_domain_remove(conn, "192.0.2.0/24", &why), ERR_OK);
    assert_int_equal(db_domain_remove(conn, "example.com", &why), ERR_NOT_FOUND);
    assert_int_equal(db_domain_load(conn, &loaded, &count, &after, NULL), ERR_OK);
    assert_int_equal(count, 0);
    assert_int_equal(after, before + 4);
    watch_free(loaded, count);
}

struct adding {
    struct pgconn *conn;
    bool done;
    pthread_mutex_t lock;
};

static void *add_other(void *arg)
{
    struct adding *adding = arg;
    struct watch watch = dns_watch("waiting.example", false);
    int64_t id;
    uint64_t generation;
    bool added = db_domain_add(adding->conn, &watch, NULL, 0, &id, &generation, NULL) == ERR_OK;
    (void)pthread_mutex_lock(&adding->lock);
    adding->done = added;
    (void)pthread_mutex_unlock(&adding->lock);
    return NULL;
}

/* While a writer has matched and not yet committed, no domain can come between. */
static void add_waits_for_writers(void **state)
{
    (void)state;
    struct adding adding = {.lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_t thread;
    assert_int_equal(pgconn_open(fixture.db.dsn, &adding.conn, NULL), ERR_OK);
    fixture_sql(fixture.db.conn, "BEGIN; SELECT generation FROM domain_generation FOR SHARE");
    assert_int_equal(pthread_create(&thread, NULL, add_other, &adding), 0);
    (void)usleep(500000);
    (void)pthread_mutex_lock(&adding.lock);
    assert_false(adding.done);
    (void)pthread_mutex_unlock(&adding.lock);
    fixture_sql(fixture.db.conn, "COMMIT");
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(adding.done);
    assert_int_equal(db_domain_remove(fixture.db.conn, "waiting.example", NULL), ERR_OK);
    pgconn_free(adding.conn);
}

static const struct fixture_cert certs[] = {
    {0, "example.com", "2025-06-01 00:00:00+00", NULL},
    {1, "*.com", "2025-06-02 00:00:00+00", NULL},
    {2, "other.org www.example.com", "2025-06-03 00:00:00+00", NULL},
    {3, "?.net", "2025-06-04 00:00:00+00", NULL},
    {4, "", "2025-06-05 00:00:00+00", "192.0.2.9"},
    {5, "unrelated.net", "2025-06-06 00:00:00+00", "192.0.2.10"},
    {6, "www.example.com example.com example.org", "2025-06-07 00:00:00+00", NULL},
    {7, "a.github.io", "2025-06-08 00:00:00+00", NULL},
    {8, "unrelated.net b.github.io c.github.io", "2025-06-09 00:00:00+00", NULL},
    {9, "www.example.com ?.example.com", "2025-06-10 00:00:00+00", "192.0.2.11"},
};

struct found {
    int times[4096];
    size_t sightings;
    struct pgconn *conn;
};

static enum err_code found_one(void *arg, const struct issuance *issuance, const struct sighting *sightings,
                               size_t count, struct err *why)
{
    struct found *found = arg;
    int number = issuance->serial.at[2] << 8 | issuance->serial.at[3];
    assert_true(number < (int)countof(found->times));
    found->times[number]++;
    found->sightings += count;
    for (size_t i = 0; i < count; i++)
        assert_int_equal(sightings[i].index, number);
    /* The connection is free for the caller's own transaction in between. */
    if (found->conn != NULL) {
        assert_int_equal(pgexec_begin(found->conn, why), ERR_OK);
        assert_int_equal(pgexec_commit(found->conn, why), ERR_OK);
    }
    return ERR_OK;
}

static void expect(const struct watch *watch, const char *expected)
{
    struct found found = {.conn = fixture.db.conn};
    struct err why = {0};
    char text[128] = "";
    size_t len = 0;
    if (db_domain_history(fixture.db.conn, watch, found_one, &found, NULL, &why) != ERR_OK)
        fail_msg("%s: %s", watch->name, why.text);
    for (int i = 0; i < 10; i++) {
        if (found.times[i] != 0)
            len += (size_t)snprintf(text + len, sizeof text - len, "%d", i);
        if (found.times[i] > 1)
            fail_msg("%s: certificate %d came %d times", watch->name, i, found.times[i]);
    }
    if (strcmp(text, expected) != 0)
        fail_msg("%s: found %s, expected %s", watch->name, text, expected);
}

/* Always among them: 3 and 9, whose name could not be read, and 4, which has no domain at all. */
static void history_finds_every_candidate(void **state)
{
    (void)state;
    struct watch watch = dns_watch("example.com", false);
    expect(&watch, "0123469");
    watch = dns_watch("www.example.com", true);
    expect(&watch, "0123469");
    watch = dns_watch("nowhere.test", false);
    expect(&watch, "349");
    watch = dns_watch("github.io", false);
    expect(&watch, "34789");
    watch = (struct watch){.kind = WATCH_IP,
                           .name = (char *)(uintptr_t) "192.0.2.8/30",
                           .ip = {192, 0, 2, 8},
                           .ip_len = 4,
                           .ip_prefix = 30};
    expect(&watch, "3459");
}

static void history_names_and_sightings(void **state)
{
    (void)state;
    struct found found = {0};
    struct watch watch = dns_watch("example.com", false);
    assert_int_equal(db_domain_history(fixture.db.conn, &watch, found_one, &found, NULL, NULL), ERR_OK);
    assert_int_equal(found.sightings, 7);
}

/* More than one page, many with the same not_before. */
static void history_pages_join(void **state)
{
    (void)state;
    struct found *found = calloc(1, sizeof *found);
    struct watch watch = dns_watch("paged.example", false);
    struct err why = {0};
    assert_non_null(found);
    fixture_sql(fixture.db.conn, "BEGIN");
    for (int i = 100; i < 800; i++) {
        const struct fixture_cert cert = {i, i % 3 == 0 ? "first.example paged.example" : "a.paged.example",
                                          i % 2 == 0 ? "2025-07-01 00:00:00+00" : "2025-07-02 00:00:00+00",
                                          NULL};
        fixture_cert_put(fixture.db.conn, &cert);
    }
    fixture_sql(fixture.db.conn, "COMMIT");
    if (db_domain_history(fixture.db.conn, &watch, found_one, found, NULL, &why) != ERR_OK)
        fail_msg("%s", why.text);
    for (int i = 100; i < 800; i++)
        assert_int_equal(found->times[i], 1);
    free(found);
}

static enum err_code refuse(void *arg, const struct issuance *issuance, const struct sighting *sightings,
                            size_t count, struct err *why)
{
    (void)issuance;
    (void)sightings;
    (void)count;
    ++*(int *)arg;
    return err_set(why, ERR_CLOSED, "enough");
}

static void history_stops_on_error(void **state)
{
    (void)state;
    int calls = 0;
    struct watch watch = dns_watch("example.com", false);
    assert_int_equal(db_domain_history(fixture.db.conn, &watch, refuse, &calls, NULL, NULL), ERR_CLOSED);
    assert_int_equal(calls, 1);
}

static int open_all(void **state)
{
    (void)state;
    fixture_db_open(&fixture);
    fixture_logs(fixture.db.conn);
    for (size_t i = 0; i < countof(certs); i++)
        fixture_cert_put(fixture.db.conn, &certs[i]);
    fixture_tile_put(fixture.db.conn, 2, (int)countof(certs), FACTS_FORM_FINAL, 0);
    fixture_sql(
        fixture.db.conn,
        "DO $$ DECLARE k int; d int; BEGIN FOR k IN 0 .. 9 LOOP"
        " SELECT floor(extract(epoch FROM not_after) / 86400) INTO d FROM cert WHERE idx = k;"
        " UPDATE log_tile SET info = set_byte(set_byte(info, k * 9 + 7, d / 256), k * 9 + 8, d % 256);"
        " END LOOP; END $$");
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    fixture_db_close(&fixture);
    return 0;
}

/* No more than are looked for, counted with those that stay; told before anything is written. */
/* More than go in one statement, with all columns, in the order of the file; what was registered before has
 * its alerts again. */
static void many_at_once(void **state)
{
    enum { MANY = 1203 };
    static struct watch given[MANY];
    static enum db_domain_change changes[MANY];
    static char names[MANY][32];
    struct pgconn *conn = fixture.db.conn;
    struct err why = {0};
    struct watch *loaded = NULL;
    size_t count = 0;
    uint64_t generation;
    int64_t id;
    char *tags[] = {(char *)(uintptr_t) "a \"b\" \\"};
    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        (void)snprintf(names[i], sizeof names[i], "m%zu.example", MANY - i);
        given[i] = dns_watch(names[i], i % 3 == 0);
        given[i].owner = i % 2 == 0 ? NULL : (char *)(uintptr_t) "o'wner \"x\"";
        given[i].wildcard_allowed = i % 5 == 0;
        given[i].tags = (struct watch_words){tags, i % 7 == 0};
    }
    assert_int_equal(db_domain_add(conn, &given[3], NULL, 0, &id, &generation, &why), ERR_OK);
    assert_int_equal(
        pgexec_do(conn,
                  "INSERT INTO alert (domain, domain_name, kind, severity, tbs_fp, findings, issuance,"
                  " first_seen, dedup) SELECT id, name, 'expiring', 'low', '\\x01', '[]', '{}', now(),"
                  " 'expiry:' || id || ':x' FROM domain WHERE name = 'm1200.example'",
                  &PGEXEC_NO_ARGS, NULL, &why),
        ERR_OK);
    assert_int_equal(db_domain_remove(conn, given[3].name, &why), ERR_OK);
    struct db_domain_apply apply = {given, MANY, false, false, NULL, NULL, changes};
    assert_int_equal(db_domain_apply(conn, &apply, &why), ERR_OK);
    assert_int_equal(db_domain_load(conn, &loaded, &count, &generation, &why), ERR_OK);
    assert_int_equal(count, MANY);
    for (size_t i = 0; i < count; i++) {
        const struct watch *watch = &loaded[i];
        size_t at = 0;
        while (strcmp(given[at].name, watch->name) != 0)
            at++;
        assert_true(watch->id == given[at].id && watch->exact == given[at].exact);
        assert_true(watch->wildcard_allowed == given[at].wildcard_allowed);
        assert_int_equal(watch->tags.count, given[at].tags.count);
        assert_true((watch->owner == NULL) == (given[at].owner == NULL));
        assert_true(at == 0 || given[at - 1].id < watch->id);
        assert_string_equal(watch->tags.count == 0 ? tags[0] : watch->tags.at[0], tags[0]);
    }
    watch_free(loaded, count);
    int64_t back = 0;
    struct pgexec_args args = {0};
    pgexec_int(&args, given[3].id);
    assert_int_equal(pgexec_number(conn,
                                   "SELECT count(*) FROM alert WHERE domain = $1 AND domain_name ="
                                   " 'm1200.example' AND dedup = 'expiry:' || $1 || ':x'",
                                   &args, &back, &why),
                     ERR_OK);
    assert_int_equal(back, 1);
    assert_int_equal(db_domain_apply(conn, &apply, &why), ERR_OK);
    assert_int_equal(changes[MANY - 1], DB_DOMAIN_SAME);
    apply = (struct db_domain_apply){given, 1, true, false, NULL, NULL, changes};
    assert_int_equal(db_domain_apply(conn, &apply, &why), ERR_OK);
    assert_int_equal(db_domain_remove(conn, given[0].name, &why), ERR_OK);
}

static void too_many_lookalikes(void **state)
{
    (void)state;
    const size_t count = LIMIT_LOOKALIKE_BRANDS;
    struct watch *given = calloc(count, sizeof *given);
    enum db_domain_change *changes = calloc(count, sizeof *changes);
    char(*names)[24] = calloc(count, sizeof *names);
    struct watch stays = dns_watch("stays.example", false);
    struct err why = {0};
    int64_t id;
    uint64_t generation;
    assert_true(given != NULL && changes != NULL && names != NULL);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(names[i], sizeof names[i], "b%zu.example", i);
        given[i] = dns_watch(names[i], false);
        given[i].lookalike = WATCH_LOOKALIKE_ON;
    }
    struct db_domain_apply apply = {given, count, false, true, NULL, NULL, changes};
    assert_int_equal(db_domain_apply(fixture.db.conn, &apply, &why), ERR_OK);
    stays.lookalike = WATCH_LOOKALIKE_STRICT;
    assert_int_equal(db_domain_add(fixture.db.conn, &stays, NULL, 0, &id, &generation, &why), ERR_OK);
    assert_int_equal(db_domain_apply(fixture.db.conn, &apply, &why), ERR_TOO_BIG);
    given[7].name = stays.name; /* one of the file */
    assert_int_equal(db_domain_apply(fixture.db.conn, &apply, &why), ERR_OK);
    assert_int_equal(db_domain_remove(fixture.db.conn, "stays.example", &why), ERR_OK);
    free(given);
    free(changes);
    free(names);
}

int main(int argc, char **argv)
{
    FIXTURE_DB_KEEPER(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(applied),
        cmocka_unit_test(add_load_remove),
        cmocka_unit_test(add_waits_for_writers),
        cmocka_unit_test(history_finds_every_candidate),
        cmocka_unit_test(history_names_and_sightings),
        cmocka_unit_test(history_pages_join),
        cmocka_unit_test(history_stops_on_error),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(too_many_lookalikes),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
