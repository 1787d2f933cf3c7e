/* Alerts about certificates that run out, from the first step to the renewal, in a database. */
#include "tests/fixture_cert.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/blockset.h"
#include "cli/expirykeeper.h"
#include "db/db_domain.h"
#include "db/db_pending.h"
#include "tests/fixture/watches.h"

static struct fixture_db fixture;

static void sql(const char *text)
{
    fixture_sql(fixture.db.conn, text);
}

static int64_t number(const char *text)
{
    int64_t value = -1;
    struct err why = {0};
    if (pgexec_number(fixture.db.conn, text, &PGEXEC_NO_ARGS, &value, &why) != ERR_OK)
        fail_msg("%s: %s", why.text, text);
    return value;
}

/* By a process that was started just now. */
static struct expirykeeper_report look(void)
{
    struct expirykeeper keeper = {.begun = false};
    struct expirykeeper_report report;
    struct err why = {0};
    if (expirykeeper_look(fixture.db.conn, &keeper, NULL, &report, &why) != ERR_OK)
        fail_msg("%s", why.text);
    return report;
}

/* For 90 days, from so many days ago. */
static void issue(int at, const char *names, int days_ago)
{
    char begin[TEXT_TIME_MAX];
    struct fixture_cert cert = {.number = at, .names = names};
    cert.not_before = text_time(clock_wall_ms() - days_ago * INT64_C(86400000) - 3600000, false, begin);
    fixture_cert_put(fixture.db.conn, &cert);
}

/* As if so many days had passed. */
static void pass(int days)
{
    char text[256];
    (void)snprintf(text, sizeof text,
                   "UPDATE cert SET not_before = not_before - interval '%d days', not_after = not_after - "
                   "interval '%d days'",
                   days, days);
    sql(text);
}

static void begin(void)
{
    sql("DELETE FROM outbox; DELETE FROM alert; DELETE FROM domain; DELETE FROM cert; DELETE FROM cert_apex;"
        "DELETE FROM channel; INSERT INTO channel (name) VALUES ('stdout');"
        "INSERT INTO domain (name, kind, history_at) VALUES ('example.test', 'dns', now())");
    assert_int_equal(look().raised, 0);
}

#define EXPIRING(severity, state)                                                                            \
    "SELECT count(*) FROM alert WHERE kind = 'expiring' AND severity = '" severity "'"                       \
    " AND state = '" state "'"
#define TOLD "UPDATE outbox SET state = 'sent', sent_at = now(); UPDATE alert SET state = 'notified'"

static void from_step_to_step(void **state)
{
    (void)state;
    begin();
    issue(1, "example.test www.example.test", 50);
    assert_int_equal(look().raised, 0);
    pass(11);
    assert_int_equal(look().raised, 1);
    assert_int_equal(look().raised, 0);
    assert_int_equal(number(EXPIRING("low", "new")), 1);
    assert_int_equal(number("SELECT count(*) FROM outbox WHERE state = 'pending'"), 1);
    assert_int_equal(number("SELECT count(*) FROM alert WHERE name = 'example.test' AND domain_name ="
                            " 'example.test' AND findings->0->>'rule' = 'expiry_30'"
                            " AND findings->0->>'expected' LIKE '%example.test and 1 more name'"
                            " AND findings->0->>'found' LIKE '%runs out at%CN=Test CA%renew it%acknowledge%'"
                            " AND issuance->>'serial' IS NOT NULL"),
                     1);
    sql(TOLD);
    pass(24);
    assert_int_equal(look().raised, 1);
    assert_int_equal(number(EXPIRING("high", "new") " AND event = 'escalated'"), 1);
    assert_int_equal(number("SELECT count(*) FROM outbox WHERE state = 'pending'"), 1);
    sql(TOLD);
    pass(6);
    assert_int_equal(look().raised, 1);
    assert_int_equal(number(EXPIRING("critical", "new")), 1);
    assert_int_equal(number("SELECT count(*) FROM alert"), 1);
    sql(TOLD);
    /* A clock that is set back takes nothing back, and tells nothing again. */
    pass(-40);
    struct expirykeeper_report report = look();
    assert_int_equal(report.raised + report.closed, 0);
    pass(40);
    assert_int_equal(look().raised, 0);
    /* Renewed, one name of two: not yet. */
    issue(2, "www.example.test", 0);
    assert_int_equal(look().closed, 0);
    issue(3, "*.example.test example.test", 0);
    assert_int_equal(look().closed, 1);
    assert_int_equal(
        number("SELECT count(*) FROM alert WHERE state = 'closed' AND reason LIKE '%cover the names%'"), 1);
    /* Whoever was told of it is told that. */
    assert_int_equal(number("SELECT count(*) FROM outbox WHERE state = 'pending'"), 1);
    report = look();
    assert_int_equal(report.raised + report.closed, 0);
}

static void given_up(void **state)
{
    (void)state;
    begin();
    issue(1, "old.example.test", 70);
    assert_int_equal(look().raised, 1);
    sql("UPDATE alert SET state = 'acked', reason = 'given up'");
    pass(30);
    assert_int_equal(look().raised, 0);
    pass(300);
    assert_int_equal(look().raised, 0);
    assert_int_equal(number("SELECT count(*) FROM alert WHERE state = 'acked'"), 1);
    /* What was over long before anybody looked is history. */
    issue(2, "older.example.test", 130);
    assert_int_equal(look().raised, 0);
    /* Over for a day: it may be in use. */
    issue(3, "new.example.test", 91);
    assert_int_equal(look().raised, 1);
    assert_int_equal(number(EXPIRING("critical", "new")), 1);
    /* Renewed in the end, by the same names. */
    issue(4, "new.example.test", 0);
    assert_int_equal(look().closed, 1);
    assert_int_equal(
        number("SELECT count(*) FROM alert WHERE state = 'closed' AND reason LIKE 'renewed by %CN=Test CA'"),
        1);
    assert_int_equal(number("SELECT count(*) FROM outbox AS o JOIN alert AS a ON a.id = o.alert"
                            " WHERE a.state = 'closed' AND o.state = 'pending'"),
                     0);
}

static void somebody_elses(void **state)
{
    (void)state;
    begin();
    sql("INSERT INTO domain_allow (domain, spki_sha256, label) SELECT id, sha256('other ca'), 'x' FROM "
        "domain");
    issue(1, "example.test", 70);
    assert_int_equal(look().raised, 1);
    issue(2, "example.test", 1);
    sql("INSERT INTO alert (domain, domain_name, kind, severity, name, tbs_fp, findings, issuance, "
        "first_seen)"
        " SELECT d.id, d.name, 'unexpected_ca', 'high', d.name, c.tbs_fp,"
        " '[{\"kind\": \"unexpected_ca\", \"rule\": \"allow_ca\", \"severity\": \"high\"}]', '{}', now()"
        " FROM domain AS d, cert AS c WHERE c.idx = 2");
    assert_int_equal(look().closed, 0);
    assert_int_equal(number(EXPIRING("low", "new")), 1);
    sql("UPDATE alert SET state = 'acked' WHERE kind = 'unexpected_ca'");
    assert_int_equal(look().closed, 1);
}

/* No CA is named, but keys are. */
static void somebody_elses_key(void **state)
{
    (void)state;
    begin();
    issue(1, "example.test", 70);
    assert_int_equal(look().raised, 1);
    issue(2, "example.test", 1);
    sql("INSERT INTO alert (domain, domain_name, kind, severity, name, tbs_fp, findings, issuance, "
        "first_seen)"
        " SELECT d.id, d.name, 'unexpected_key', 'low', d.name, c.tbs_fp,"
        " '[{\"kind\": \"unexpected_key\", \"rule\": \"keys\", \"severity\": \"low\"}]', '{}', now()"
        " FROM domain AS d, cert AS c WHERE c.idx = 2;"
        "UPDATE domain SET policy = jsonb_build_object('keys', jsonb_build_object('spki', jsonb_build_array("
        " jsonb_build_object('sha256', encode(sha256('own'), 'hex'), 'label', 'own'))))");
    assert_int_equal(look().closed, 0);
    /* By its hash alone a certificate is expected, not a key. */
    sql("UPDATE domain SET policy = jsonb_build_object('keys', jsonb_build_object('tbs', jsonb_build_array("
        " jsonb_build_object('sha256', encode(sha256('own'), 'hex'), 'label', 'own'))))");
    assert_int_equal(look().closed, 1);
}

/* What two registered domains of one entry share is renewed in each by its own. */
static void two_domains(void **state)
{
    (void)state;
    begin();
    sql("UPDATE domain SET policy = '{\"also\": [\"example.org\"]}'");
    issue(1, "example.test example.org", 70);
    issue(2, "example.test", 1);
    issue(3, "example.org", 1);
    assert_int_equal(look().raised, 0);
}

/* Removed and added again before anybody looked: it is the alert of before, and what was said of it holds. */
static void comes_back(void **state)
{
    struct watch watch = watches_one("example.test", 0);
    uint64_t generation = 0;
    int64_t id = 0;
    struct err why = {0};
    (void)state;
    begin();
    issue(1, "example.test", 70);
    assert_int_equal(look().raised, 1);
    sql("UPDATE alert SET state = 'acked'");
    assert_int_equal(db_domain_remove(fixture.db.conn, "example.test", &why), ERR_OK);
    assert_int_equal(db_domain_add(fixture.db.conn, &watch, NULL, 0, &id, &generation, &why), ERR_OK);
    struct expirykeeper_report report = look();
    assert_int_equal(report.raised + report.closed, 0);
    assert_int_equal(
        number("SELECT count(*) FROM alert AS a JOIN domain AS d ON a.dedup LIKE 'expiry:' || d.id"
               " || ':%' AND a.domain = d.id WHERE a.state = 'acked'"),
        1);
    issue(2, "example.test", 0);
    assert_int_equal(look().closed, 1);
    free(watch.name);
}

/* Rows that are being copied to the nodes are not all there: the next time. */
static void halfway(void **state)
{
    struct expirykeeper keeper = {.begun = false};
    struct expirykeeper_report report;
    struct err why = {0};
    (void)state;
    begin();
    issue(1, "example.test", 70);
    sql("CREATE TEMP TABLE scale_out (state text); INSERT INTO scale_out VALUES ('moving')");
    fixture.db.conn->spread = true;
    assert_int_equal(expirykeeper_look(fixture.db.conn, &keeper, NULL, &report, &why), ERR_OK);
    fixture.db.conn->spread = false;
    sql("DROP TABLE pg_temp.scale_out");
    assert_int_equal(report.raised, 0);
    assert_false(keeper.begun);
    assert_int_equal(look().raised, 1);
}

static void not_asked(void **state)
{
    (void)state;
    begin();
    issue(1, "example.test", 80);
    sql("UPDATE domain SET policy = '{\"expiry\": \"off\"}'");
    assert_int_equal(look().raised, 0);
    sql("UPDATE domain SET policy = '{\"expiry\": {\"days\": [12]}}'");
    assert_int_equal(look().raised, 1);
    assert_int_equal(number("SELECT count(*) FROM alert WHERE findings->0->>'rule' = 'expiry_12'"), 1);
    sql("UPDATE domain SET policy = '{\"expiry\": \"off\"}'");
    assert_int_equal(look().closed, 1);
    sql("UPDATE domain SET policy = '{}'");
    assert_int_equal(look().raised, 1); /* begins anew */
    assert_int_equal(number("SELECT count(*) FROM alert WHERE state = 'new'"), 1);
    sql("DELETE FROM domain");
    assert_int_equal(look().closed, 1);
    assert_int_equal(
        number("SELECT count(*) FROM alert WHERE state = 'closed' AND reason LIKE '%not registered%'"), 1);
}

static void habits(void **state)
{
    (void)state;
    begin();
    for (int i = 0; i < 4; i++)
        issue(1 + i, "example.test", 260 - i * 60);
    /* Eighty days: late by the habit of sixty, and by the days. */
    assert_int_equal(look().raised, 1);
    assert_int_equal(number("SELECT count(*) FROM alert WHERE kind = 'expiring' AND severity = 'low' AND"
                            " findings @> '[{\"kind\": \"missing_renewal\", \"rule\": \"cadence\"}]'"
                            " AND findings::text LIKE '%the last 4 came after about 60 days of 90 days%'"),
                     1);
    issue(5, "example.test", 20);
    assert_int_equal(look().closed, 1);
    assert_int_equal(number("SELECT count(*) FROM alert WHERE kind = 'unusual_renewal'"), 0);
    /* One more, which nobody needs. */
    issue(6, "example.test", 3);
    assert_int_equal(look().unusual, 1);
    assert_int_equal(look().unusual, 0);
    assert_int_equal(number("SELECT count(*) FROM alert WHERE kind = 'unusual_renewal' AND severity = 'low'"
                            " AND dedup IS NULL AND findings->0->>'rule' = 'cadence_early'"
                            " AND findings->0->>'found' LIKE 'it came 17 days after%somebody else%'"),
                     1);
    sql("UPDATE alert SET state = 'acked' WHERE kind = 'unusual_renewal'");
    assert_int_equal(look().unusual, 0);
    /* Odd in another way, too: that is told beside it, once. */
    sql("UPDATE alert SET findings = jsonb_set(findings, '{0,rule}', '\"cadence_burst\"') WHERE kind ="
        " 'unusual_renewal'");
    assert_int_equal(look().unusual, 1);
    assert_int_equal(look().unusual, 0);
    assert_int_equal(number("SELECT count(*) FROM alert WHERE kind = 'unusual_renewal' AND"
                            " jsonb_array_length(findings) = 2"),
                     1);
    sql("UPDATE alert SET state = 'acked' WHERE kind = 'unusual_renewal'");
    assert_int_equal(number("SELECT count(*) FROM alert WHERE kind = 'unusual_renewal' AND state = 'acked'"),
                     1);
}

static void one_at_a_time(void **state)
{
    struct pgconn *other = NULL;
    struct err why = {0};
    bool taken = false;
    (void)state;
    begin();
    issue(1, "example.test", 80);
    assert_int_equal(pgconn_open(fixture.db.dsn, &other, &why), ERR_OK);
    assert_int_equal(db_pending_lock(other, "expiry of certificates", false, &taken, &why), ERR_OK);
    assert_true(taken);
    assert_int_equal(look().raised, 0);
    pgconn_free(other); /* as when that process is killed */
    for (int i = 0; i < 100 && number("SELECT count(*) FROM alert") == 0; i++)
        (void)look();
    assert_int_equal(number("SELECT count(*) FROM alert"), 1);
}

/* The key comes into a list after its certificate is stored. */
static void a_key_leaks(void **state)
{
    char path[] = "/tmp/leaked.XXXXXX";
    char line[66];
    uint8_t spki[32];
    int fd = mkstemp(path);
    (void)state;
    begin();
    issue(1, "www.example.test", 1);
    issue(2, "www.example.test", 100); /* over */
    issue(3, "www.other.test", 1);
    for (int i = 1; i <= 3; i++) {
        fixture_hash("spki", i, spki);
        (void)text_hex(span_of(spki, 32), line);
        line[64] = '\n';
        assert_int_equal(write(fd, line, 65), 65);
    }
    assert_int_equal(close(fd), 0);
    assert_int_equal(look().listed, 0);
    blockset_use(path);
    assert_int_equal(look().listed, 1);
    assert_int_equal(look().listed, 0);
    assert_int_equal(number("SELECT count(*) FROM alert WHERE kind = 'compromised_key' AND severity ="
                            " 'critical' AND name = 'www.example.test' AND dedup IS NULL"),
                     1);
    blockset_forget();
    assert_int_equal(unlink(path), 0);
}

/* More domains than are looked at at once, with further names in certificates of others; one in fifty has a
 * certificate that runs out. */
static void many(void **state)
{
    (void)state;
    begin();
    sql("INSERT INTO domain (name, kind, history_at) SELECT 'd' || n || '.test', 'dns', now() FROM "
        "generate_series(1, 1100) AS n;"
        "INSERT INTO cert (not_after, not_before, first_seen, apex8, idx, facts, issuer, log, tbs_fp, serial,"
        " spki_sha256, names) SELECT t.a, t.a - interval '90 days', now(), ('x' || left(encode(sha256(('d' ||"
        " n || '.test')::bytea), 'hex'), 16))::bit(64)::int8, n, 4503599627370504, 1, 1,"
        " sha256((n || ' ' || k)::bytea), '\\x01', sha256('k'), 'test.d' || n || ' test.d' || n || '.www'"
        " FROM generate_series(1, 1100) AS n, generate_series(0, 3) AS k, LATERAL (SELECT"
        " date_trunc('second', now()) + interval '1 day' * (CASE WHEN n % 50 = 0 THEN 10 ELSE 50 END - k * "
        "60)"
        " AS a) AS t");
    struct expirykeeper_report report = look();
    assert_int_equal(report.looked, 4400);
    assert_int_equal(report.raised, 22);
    report = look();
    assert_int_equal(report.raised, 0);
    assert_int_equal(report.closed, 0);
    assert_int_equal(report.unusual, 0);
    issue(100000, "d50.test www.d50.test other.test", 0);
    issue(100001, "other.test d1100.test www.d1100.test", 0); /* by a further key */
    assert_int_equal(look().closed, 2);
}

/* A process of its own that looks once. */
static pid_t look_apart(void)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct expirykeeper keeper = {.begun = false};
        struct expirykeeper_report report;
        struct pgconn *conn = NULL;
        struct err why = {0};
        if (pgconn_open(fixture.db.dsn, &conn, &why) != ERR_OK ||
            expirykeeper_look(conn, &keeper, NULL, &report, &why) != ERR_OK)
            _exit(2);
        _exit(keeper.begun ? 0 : 1);
    }
    return pid;
}

/* Killed each time when some more are there, until one lives to the end. */
static int look_and_be_killed(const char *how_many)
{
    int killed = 0;
    int status = -1;
    int64_t done = number(how_many);
    for (int i = 0; status != 0 && i < 200; i++) {
        pid_t pid = look_apart();
        int64_t wanted = done + 3;
        while (number(how_many) < wanted && waitpid(pid, &status, WNOHANG) == 0)
            (void)usleep(1000);
        if (kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid)
            killed += WIFSIGNALED(status) ? 1 : 0;
        done = number(how_many);
        /* One that found the dead one's session still at it has done nothing. */
        status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        assert_int_not_equal(status, 2);
    }
    assert_int_equal(status, 0);
    return killed;
}

#define ALERTS 13

/* Between any two alerts: none is missing, none is there twice, and nobody is told twice. */
static void killed_while_raising_and_closing(void **state)
{
    char name[64];
    (void)state;
    begin();
    sql("CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.005); RETURN"
        " NEW; END'; CREATE TRIGGER slowly BEFORE INSERT OR UPDATE ON alert FOR EACH ROW EXECUTE FUNCTION"
        " slowly()");
    for (int i = 0; i < ALERTS; i++) {
        (void)snprintf(name, sizeof name, "h%d.example.test", i);
        issue(i, name, 70);
    }
    assert_true(look_and_be_killed("SELECT count(*) FROM alert") > 2);
    assert_int_equal(number("SELECT count(*) FROM alert WHERE jsonb_array_length(findings) = 1"), ALERTS);
    assert_int_equal(number("SELECT count(DISTINCT tbs_fp) FROM alert"), ALERTS);
    assert_int_equal(number("SELECT count(*) FROM outbox WHERE state = 'pending' AND channel = 'stdout'"),
                     ALERTS);
    sql(TOLD);
    /* A graver step, and then the renewals. */
    pass(15);
    assert_true(look_and_be_killed("SELECT count(*) FROM alert WHERE severity = 'high'") > 2);
    assert_int_equal(number(EXPIRING("high", "new") " AND jsonb_array_length(findings) = 2"), ALERTS);
    assert_int_equal(number("SELECT count(*) FROM outbox WHERE state = 'pending'"), ALERTS);
    sql(TOLD);
    for (int i = 0; i < ALERTS; i++) {
        (void)snprintf(name, sizeof name, "h%d.example.test", i);
        issue(100 + i, name, 1);
    }
    assert_true(look_and_be_killed("SELECT count(*) FROM alert WHERE state = 'closed'") > 2);
    assert_int_equal(number("SELECT count(*) FROM alert WHERE state = 'closed' AND event = 'withdrawn'"),
                     ALERTS);
    assert_int_equal(number("SELECT count(*) FROM outbox WHERE state = 'pending'"), ALERTS);
    sql("DROP TRIGGER slowly ON alert; DROP FUNCTION slowly()");
    struct expirykeeper_report report = look();
    assert_int_equal(report.raised + report.closed, 0);
}

struct writer {
    pthread_t thread;
    atomic_bool stop;
    _Atomic(uint64_t) rounds;
};

/* Certificates of somebody else, each with what is said of it. */
static void *come_and_come(void *arg)
{
    struct writer *writer = arg;
    struct pgconn *conn = NULL;
    struct err why = {0};
    must(pgconn_open(fixture.db.dsn, &conn, &why) == ERR_OK);
    for (; !atomic_load(&writer->stop); (void)atomic_fetch_add(&writer->rounds, 1))
        must(
            pgexec_script(
                conn,
                "BEGIN; UPDATE hidden SET n = n + 1;"
                "INSERT INTO cert (not_after, not_before, first_seen, apex8, idx, facts, issuer, log, tbs_fp,"
                " serial, spki_sha256, names) SELECT not_after, not_before, first_seen, apex8, n, facts,"
                " issuer, log, sha256(n::text::bytea), serial, spki_sha256, names FROM cert, hidden"
                " WHERE idx = 1;"
                "UPDATE cert SET not_after = not_after + interval '69 days' FROM hidden WHERE idx = n;"
                "INSERT INTO alert (domain, domain_name, kind, severity, name, tbs_fp, findings, issuance,"
                " first_seen) SELECT d.id, d.name, 'unexpected_ca', 'high', d.name, sha256(n::text::bytea),"
                " '[{\"kind\": \"unexpected_ca\", \"rule\": \"allow_ca\", \"severity\": \"high\"}]', '{}',"
                " now() FROM domain AS d, hidden; COMMIT",
                &why) == ERR_OK);
    pgconn_free(conn);
    return NULL;
}

/* Whoever reads certificates and doubts while they come has no certificate without its doubt. */
static void never_without_its_doubt(void **state)
{
    struct writer writer;
    (void)state;
    begin();
    sql("INSERT INTO domain_allow (domain, spki_sha256, label) SELECT id, sha256('other ca'), 'x' FROM "
        "domain");
    issue(1, "example.test", 70);
    assert_int_equal(look().raised, 1);
    sql("CREATE TABLE hidden AS SELECT 1000 AS n");
    atomic_init(&writer.stop, false);
    atomic_init(&writer.rounds, 0);
    assert_int_equal(pthread_create(&writer.thread, NULL, come_and_come, &writer), 0);
    uint64_t closed = 0;
    for (int i = 0; i < 30 || atomic_load(&writer.rounds) < 60; i++)
        closed += look().closed;
    atomic_store(&writer.stop, true);
    assert_int_equal(pthread_join(writer.thread, NULL), 0);
    assert_int_equal(closed, 0);
    sql("DROP TABLE hidden");
}

static int open_all(void **state)
{
    fixture_db_open(&fixture);
    fixture_logs(fixture.db.conn);
    (void)state;
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    fixture_db_close(&fixture);
    return 0;
}

int main(int argc, char **argv)
{
    FIXTURE_DB_KEEPER(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_step_to_step),
        cmocka_unit_test(given_up),
        cmocka_unit_test(somebody_elses),
        cmocka_unit_test(not_asked),
        cmocka_unit_test(habits),
        cmocka_unit_test(one_at_a_time),
        cmocka_unit_test(somebody_elses_key),
        cmocka_unit_test(two_domains),
        cmocka_unit_test(halfway),
        cmocka_unit_test(comes_back),
        cmocka_unit_test(a_key_leaks),
        cmocka_unit_test(many),
        cmocka_unit_test(killed_while_raising_and_closing),
        cmocka_unit_test(never_without_its_doubt),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
