/* What runs out and is not found by the key of a registrable domain: names below a public suffix, addresses,
 * e-mail addresses and URIs; and what runs out in a domain with more certificates than are looked at. */
#include "tests/fixture_cert.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "cli/blockset.h"
#include "cli/expirykeeper.h"

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

static struct expirykeeper_report look(void)
{
    struct expirykeeper keeper = {.begun = false};
    struct expirykeeper_report report;
    struct err why = {0};
    if (expirykeeper_look(fixture.db.conn, &keeper, NULL, &report, &why) != ERR_OK)
        fail_msg("%s", why.text);
    return report;
}

static void begin(const char *name, const char *kind)
{
    char text[512];
    sql("DELETE FROM outbox; DELETE FROM alert; DELETE FROM pair_look; DELETE FROM domain; DELETE FROM cert;"
        "DELETE FROM cert_apex; DELETE FROM cert_ip; DELETE FROM channel;"
        "INSERT INTO channel (name) VALUES ('stdout')");
    (void)snprintf(text, sizeof text,
                   "INSERT INTO domain (name, kind, history_at) VALUES ('%s', '%s', now())", name, kind);
    sql(text);
}

/* For 90 days, from so many days ago; noted for every domain, as whoever stores it does. */
static void issue(int at, const char *names, const char *ip, const char *others, int days_ago)
{
    char when[TEXT_TIME_MAX];
    char text[512];
    struct fixture_cert cert = {.number = at, .names = names, .ip = ip};
    cert.not_before = text_time(clock_wall_ms() - days_ago * INT64_C(86400000) - 3600000, false, when);
    fixture_cert_put(fixture.db.conn, &cert);
    (void)snprintf(text, sizeof text,
                   "UPDATE cert SET others = nullif('%s', '') WHERE idx = %d; INSERT INTO pair_look (domain, "
                   "tbs_fp, not_after) SELECT d.id, c.tbs_fp, c.not_after FROM domain AS d, cert AS c WHERE "
                   "c.idx = %d",
                   others, at, at);
    sql(text);
}

#define NAMED(name)                                                                                          \
    "SELECT count(*) FROM alert WHERE kind = 'expiring' AND state = 'new' AND name = '" name "'"

/* Whatever is below a public suffix is a registrable domain of its own. */
static void below_a_suffix(void **state)
{
    (void)state;
    begin("amazonaws.com", "dns");
    issue(1, "s3.amazonaws.com *.s3.amazonaws.com", NULL, "", 70);
    issue(2, "bucket.s3.amazonaws.com", NULL, "", 70);
    issue(3, "www.amazonaws.com other.s3.amazonaws.com", NULL, "", 70);
    assert_int_equal(look().raised, 3);
    assert_int_equal(number(NAMED("bucket.s3.amazonaws.com")), 1);
    assert_int_equal(look().raised, 0);
    /* Renewed where only its own key finds it. */
    issue(4, "other.s3.amazonaws.com", NULL, "", 1);
    assert_int_equal(look().closed, 0);
    issue(5, "www.amazonaws.com", NULL, "", 1);
    assert_int_equal(look().closed, 1);
    issue(6, "*.s3.amazonaws.com s3.amazonaws.com", NULL, "", 1);
    assert_int_equal(look().closed, 2); /* the bucket's is covered by the wildcard */
    struct expirykeeper_report report = look();
    assert_int_equal(report.raised + report.closed, 0);
}

static void addresses(void **state)
{
    (void)state;
    begin("192.0.2.0/24", "ip");
    issue(1, "www.example.test", "192.0.2.7", "", 70);
    issue(2, "www.example.test", "192.0.2.8", "", 70);
    issue(3, "www.example.test", "192.0.3.1", "", 70); /* somebody else's */
    assert_int_equal(look().raised, 2);
    assert_int_equal(number(NAMED("192.0.2.7")), 1);
    assert_int_equal(number(NAMED("192.0.2.8")), 1);
    assert_int_equal(
        number("SELECT count(*) FROM alert WHERE findings->0->>'expected' LIKE '%for 192.0.2.7'"), 1);
    issue(4, "", "192.0.2.7", "", 1);
    issue(5, "www.example.test", NULL, "", 1); /* of the name alone */
    assert_int_equal(look().closed, 1);
    assert_int_equal(number("SELECT count(*) FROM alert WHERE name = '192.0.2.7' AND state = 'closed'"), 1);
    /* One that is over stays known for as long as its alert is open. */
    sql("DELETE FROM pair_look WHERE tbs_fp = (SELECT tbs_fp FROM cert WHERE idx = 2)");
    issue(6, "", "192.0.2.8", "", 1);
    assert_int_equal(look().closed, 1);
    /* IPv6, of one address, in an entry with a domain beside it. */
    begin("2001:db8::7", "ip");
    sql("UPDATE domain SET policy = '{\"also\": [\"example.test\"]}'");
    issue(1, "www.example.test", "2001:db8::7", "", 70);
    issue(2, "www.example.test", NULL, "", 1);
    assert_int_equal(look().raised, 1);
    assert_int_equal(number(NAMED("2001:db8::7")), 1);
    issue(3, "", "2001:db8::7", "", 1);
    assert_int_equal(look().closed, 1);
}

static void mail_and_uris(void **state)
{
    (void)state;
    begin("email:example.test", "email");
    issue(1, "", NULL, "email:bob@example.test email:eve@example.org uri:https://example.test/x", 70);
    assert_int_equal(look().raised, 1);
    assert_int_equal(number(NAMED("bob@example.test")), 1);
    issue(2, "", NULL, "email:alice@example.test", 1);
    assert_int_equal(look().closed, 0);
    issue(3, "", NULL, "email:bob@example.test", 1);
    assert_int_equal(look().closed, 1);
    begin("uri:trust.example.test", "uri");
    issue(1, "", NULL, "uri:spiffe://trust.example.test/a uri:spiffe://other.example.test/a", 70);
    assert_int_equal(look().raised, 1);
    assert_int_equal(number(NAMED("spiffe://trust.example.test/a")), 1);
    issue(2, "", NULL, "uri:spiffe://trust.example.test/a", 1);
    assert_int_equal(look().closed, 1);
    /* A DNS name that looks like one is none. */
    begin("192.0.2.7", "ip");
    issue(1, "", "192.0.2.7", "", 70);
    issue(2, "ip:192.0.2.7", NULL, "", 1);
    assert_int_equal(look().raised, 1);
    assert_int_equal(look().closed, 0);
}

/* The words that name_set is of are others then. */
static void becomes_wide(void **state)
{
    (void)state;
    begin("example.test", "dns");
    issue(1, "www.example.test", "192.0.2.7", "", 70);
    assert_int_equal(look().raised, 1);
    sql("UPDATE domain SET policy = '{\"also\": [\"203.0.113.0/24\"]}'");
    struct expirykeeper_report report = look();
    assert_int_equal(report.raised + report.closed, 0);
    /* It becomes graver, and not a second one. */
    sql("UPDATE domain SET policy = '{\"also\": [\"203.0.113.0/24\"], \"expiry\": {\"days\": [25, 21]}}'");
    assert_int_equal(look().raised, 1);
    assert_int_equal(number("SELECT count(*) FROM alert"), 1);
    /* What was raised twice before this was so. */
    sql("INSERT INTO alert (domain, domain_name, kind, severity, name, tbs_fp, findings, issuance, "
        "first_seen,"
        " dedup) SELECT domain, domain_name, kind, severity, name, tbs_fp, findings, issuance, first_seen,"
        " replace(dedup, 'expiry:' || domain || ':', 'expiry:' || domain || ':ff') FROM alert");
    assert_int_equal(look().closed, 1);
    assert_int_equal(number("SELECT count(*) FROM alert WHERE state = 'closed' AND dedup LIKE '%:ff%'"), 1);
    sql("UPDATE domain SET policy = '{}'");
    report = look();
    assert_int_equal(report.raised + report.closed, 0);
    issue(2, "www.example.test", NULL, "", 1);
    assert_int_equal(look().closed, 1);
    assert_int_equal(number("SELECT count(*) FROM alert WHERE state <> 'closed'"), 0);
}

/* Ends in 80 to 90 days, so many, one for each name. */
static void crowd(int count)
{
    char text[1024];
    (void)snprintf(
        text, sizeof text,
        "INSERT INTO cert (not_after, not_before, first_seen, apex8, idx, facts, issuer, log, tbs_fp, serial,"
        " spki_sha256, names) SELECT t.a, t.a - interval '90 days', now(), ('x' || left(encode(sha256("
        " 'example.test'), 'hex'), 16))::bit(64)::int8, 1000 + n, 4503599627370504, 1, 1, "
        "sha256(n::text::bytea),"
        " '\\x01', sha256('k'), 'test.example.h' || n FROM generate_series(1, %d) AS n, LATERAL (SELECT"
        " date_trunc('second', now()) + interval '89 days' - n * interval '1 second' AS a) AS t",
        count);
    sql(text);
}

/* The keys of these certificates come into a list; none of them runs out soon. */
static uint64_t leak(int first, int second)
{
    char path[] = "/tmp/leaked.XXXXXX";
    char line[66];
    uint8_t spki[32];
    int fd = mkstemp(path);
    for (int i = first; i <= second; i += second - first) {
        fixture_hash("spki", i, spki);
        (void)text_hex(span_of(spki, 32), line);
        line[64] = '\n';
        assert_int_equal(write(fd, line, 65), 65);
    }
    assert_int_equal(close(fd), 0);
    blockset_use(path);
    struct expirykeeper_report report = look();
    assert_int_equal(report.raised + report.closed, 0);
    blockset_forget();
    assert_int_equal(unlink(path), 0);
    return report.listed;
}

static void a_domain_with_too_many(void **state)
{
    (void)state;
    begin("example.test", "dns");
    issue(1, "last.example.test", NULL, "", 80);
    crowd(LIMIT_EXPIRY_ROWS + 100);
    assert_int_equal(look().raised, 1);
    assert_int_equal(number(NAMED("last.example.test")), 1);
    issue(2, "h7.example.test", NULL, "", 80);  /* renewed */
    issue(3, "a.b.example.test", NULL, "", 80); /* by a wildcard */
    issue(4, "*.b.example.test", NULL, "", 1);
    issue(5, "gone.example.test", NULL, "", 140);               /* long over */
    issue(6, "just.example.test", NULL, "", 95);                /* lately */
    issue(7, "both.example.test www.other.test", NULL, "", 80); /* and a name of somebody else */
    struct expirykeeper_report report = look();
    assert_int_equal(report.raised, 2);
    assert_true(report.looked < 20);
    assert_int_equal(number(NAMED("just.example.test")), 1);
    assert_int_equal(number(NAMED("both.example.test")), 1);
    /* What may be somebody else's renews nothing, here neither. */
    sql("INSERT INTO domain_allow (domain, spki_sha256, label) SELECT id, sha256('other ca'), 'x' FROM "
        "domain");
    issue(8, "both.example.test", NULL, "", 1);
    sql("INSERT INTO alert (domain, domain_name, kind, severity, name, tbs_fp, findings, issuance, "
        "first_seen)"
        " SELECT d.id, d.name, 'unexpected_ca', 'high', d.name, c.tbs_fp,"
        " '[{\"kind\": \"unexpected_ca\", \"rule\": \"allow_ca\", \"severity\": \"high\"}]', '{}', now()"
        " FROM domain AS d, cert AS c WHERE c.idx = 8");
    assert_int_equal(look().closed, 0);
    sql("UPDATE alert SET state = 'acked' WHERE kind = 'unexpected_ca'");
    assert_int_equal(look().closed, 1);
    issue(9, "last.example.test", NULL, "", 1);
    issue(10, "just.example.test", NULL, "", 1);
    assert_int_equal(look().closed, 2);
    /* A name beside one that runs out, long renewed by a certificate of its own. */
    issue(12, "m.example.test n.example.test", NULL, "", 95);
    issue(13, "m.example.test", NULL, "", 80);
    issue(14, "n.example.test", NULL, "", 5);
    assert_int_equal(look().raised, 1);
    assert_int_equal(
        number("SELECT count(*) FROM alert WHERE findings->0->>'expected' LIKE '%for m.example.test'"), 1);
    issue(15, "m.example.test", NULL, "", 1);
    assert_int_equal(look().closed, 1);
    issue(16, "key.example.test", NULL, "", 5); /* before the others */
    issue(17, "key.example.test", NULL, "", 0); /* and in the next page */
    assert_int_equal(leak(16, 17), 2);
    sql("UPDATE alert SET state = 'acked' WHERE kind = 'compromised_key'");
    /* An entry that wants to know it earlier. */
    issue(11, "early.example.test", NULL, "", 20);
    assert_int_equal(look().raised, 0);
    sql("UPDATE domain SET policy = '{\"expiry\": {\"days\": [75, 7]}}'");
    assert_int_equal(look().raised, 1);
    assert_int_equal(number("SELECT count(*) FROM alert WHERE findings->0->>'rule' = 'expiry_75'"), 1);
}

/* What ends last is not what is cut off. */
static void a_range_with_too_many(void **state)
{
    (void)state;
    begin("192.0.2.0/24", "ip");
    crowd(LIMIT_EXPIRY_ROWS + 100);
    sql("INSERT INTO pair_look (domain, tbs_fp, not_after) SELECT d.id, c.tbs_fp, c.not_after FROM domain AS "
        "d, cert AS c");
    issue(1, "www.example.test", "192.0.2.7", "", 80);
    issue(2, "www.example.test", "192.0.2.8", "", 80); /* renewed, by one that ends before the crowd */
    issue(3, "", "192.0.2.8", "", 5);
    issue(4, "www.example.test", "192.0.3.1", "", 80); /* somebody else's */
    struct expirykeeper_report report = look();
    assert_int_equal(report.raised, 1);
    assert_true(report.looked < 20);
    assert_int_equal(number(NAMED("192.0.2.7")), 1);
    assert_int_equal(look().raised, 0);
    issue(5, "", "192.0.2.7", "", 5);
    assert_int_equal(look().closed, 1);
    assert_int_equal(leak(4, 5), 1); /* the other one is somebody else's */
    sql("UPDATE alert SET state = 'acked' WHERE kind = 'compromised_key'");
    /* What may be somebody else's renews nothing, here neither. */
    issue(6, "", "192.0.2.9", "", 80);
    issue(7, "", "192.0.2.9", "", 5);
    sql("INSERT INTO domain_allow (domain, spki_sha256, label) SELECT id, sha256('other ca'), 'x' FROM "
        "domain;"
        "INSERT INTO alert (domain, domain_name, kind, severity, name, tbs_fp, findings, issuance, "
        "first_seen)"
        " SELECT d.id, d.name, 'unexpected_ca', 'high', d.name, c.tbs_fp,"
        " '[{\"kind\": \"unexpected_ca\", \"rule\": \"allow_ca\", \"severity\": \"high\"}]', '{}', now()"
        " FROM domain AS d, cert AS c WHERE c.idx = 7");
    assert_int_equal(look().raised, 1);
    assert_int_equal(number(NAMED("192.0.2.9")), 1);
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
        cmocka_unit_test(below_a_suffix),         cmocka_unit_test(addresses),
        cmocka_unit_test(mail_and_uris),          cmocka_unit_test(becomes_wide),
        cmocka_unit_test(a_domain_with_too_many), cmocka_unit_test(a_range_with_too_many),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
