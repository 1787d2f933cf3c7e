/* What comes before a domain is registered is judged like what comes after it: the same entries, parsed by
 * the real parser, matched live in one database and found by the history scan in another, compared field by
 * field.
 */
#include "cli/matching.h"

#include "tests/fixture/storetest.h"

#include "cli/caretaker.h"
#include "db/db_domain.h"
#include "ingest/examine.h"
#include "parser/leaf.h"
#include "tests/fixture/watches.h"

#define DER_MAX 4096
#define T0                                                                                                   \
    "\x17\x0d"                                                                                               \
    "260901000000Z"
#define T1                                                                                                   \
    "\x17\x0d"                                                                                               \
    "261101000000Z"

/* DER by hand: tag, definite length, content. */
static void der(struct buf *out, uint8_t tag, struct span content)
{
    buf_byte(out, tag);
    if (content.len >= 256)
        buf_byte(out, 0x82);
    else if (content.len >= 128)
        buf_byte(out, 0x81);
    if (content.len >= 256)
        buf_u16(out, (uint16_t)content.len);
    else
        buf_byte(out, (uint8_t)content.len);
    buf_put(out, content);
}

static void der_take(struct buf *out, uint8_t tag, struct buf *content)
{
    assert_true(buf_ok(content));
    der(out, tag, buf_span(content));
    buf_fini(content);
}

static void put_name(struct buf *out, uint8_t tag, struct span cn)
{
    struct buf attr;
    struct buf one;
    struct buf rdn;
    struct buf name;
    buf_init(&attr, DER_MAX);
    buf_init(&one, DER_MAX);
    buf_init(&rdn, DER_MAX);
    buf_init(&name, DER_MAX);
    buf_put(&attr, SPAN_LIT("\x06\x03\x55\x04\x03"));
    der(&attr, tag, cn);
    der_take(&one, 0x30, &attr);
    der_take(&rdn, 0x31, &one);
    buf_put(&name, buf_span(&rdn));
    buf_fini(&rdn);
    der_take(out, 0x30, &name);
}

struct shape {
    const char *label;
    struct span cn;      /* of the subject; absent: none */
    struct span sans;    /* content of GeneralNames */
    struct span times;   /* content of Validity; absent: two good ones */
    uint8_t exts_tag;    /* inside [3]; 0: SEQUENCE */
    struct span garbage; /* this instead of a TBS */
    struct span more;    /* content of the GeneralNames of a second extension */
    struct span serial;  /* absent: a small one */
    uint8_t cn_tag;      /* 0: UTF8String */
    uint8_t type;        /* of the log entry: 0 x509, 1 precert, 7 nobody knows */
};

#define DNS_A                                                                                                \
    "\x82\x0e"                                                                                               \
    "a.watched.test"
#define DNS_WILD                                                                                             \
    "\x82\x0e"                                                                                               \
    "*.watched.test"
#define IP_MAPPED "\x87\x10\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x07"
#define IP_PLAIN  "\x87\x04\xc0\x00\x02\x09"
#define IP_OTHER  "\x87\x04\x08\x08\x08\x08"

#define DNS_Z     "\x82\x06z.test"
#define X7(text)  text text text text text text text
#define X10(text) text text text text text text text text text text

static const struct shape shapes[] = {
    {.label = "plain", .cn = SPAN_LIT("a.watched.test"), .sans = SPAN_LIT(DNS_A), .type = 1},
    {.label = "final, chain of garbage", .cn = SPAN_LIT("b.watched.test"), .sans = SPAN_LIT(DNS_A DNS_WILD)},
    {.label = "hostile common name",
     .cn = SPAN_LIT("back\\slash \x1b[31m \\x41 \xff caf\xc3\xa9"),
     .sans = SPAN_LIT("\x82\x06"
                      "z.test" DNS_A IP_OTHER IP_MAPPED IP_PLAIN "\x81\x08"
                      "me@a.tld"),
     .type = 1},
    {.label = "common name is the last name",
     .cn = SPAN_LIT("a.watched.test"),
     .sans = SPAN_LIT("\x82\x06"
                      "z.test"
                      "\x82\x06"
                      "y.test" DNS_A),
     .type = 1},
    {.label = "address spelled as IPv6", .cn = SPAN_LIT("v6"), .sans = SPAN_LIT(IP_MAPPED), .type = 1},
    {.label = "extensions are a SET",
     .cn = SPAN_LIT("x"),
     .sans = SPAN_LIT(DNS_A IP_PLAIN),
     .exts_tag = 0x31,
     .type = 1},
    {.label = "extensions are a SET, nothing watched in them",
     .sans = SPAN_LIT("\x82\x06"
                      "z.test"),
     .exts_tag = 0x31,
     .type = 1},
    {.label = "names break off",
     .sans = SPAN_LIT("\x82\x06"
                      "z.test"
                      "\x82\x7f"
                      "www.watched.test"),
     .type = 1},
    {.label = "times of nonsense",
     .sans = SPAN_LIT(DNS_A IP_PLAIN),
     .times = SPAN_LIT("\x17\x02zz\x17\x02zz"),
     .type = 1},
    {.label = "a label nobody can read",
     .sans = SPAN_LIT("\x82\x10"
                      "\xff\xfe.watched.test"),
     .type = 1},
    {.label = "garbage that names it", .garbage = SPAN_LIT("\x30\x82 hello www.watched.test " IP_PLAIN)},
    {.label = "garbage that names nobody", .garbage = SPAN_LIT("\x30\x82 hello")},
    {.label = "an entry of a new type", .garbage = SPAN_LIT(" www.watched.test " IP_PLAIN), .type = 7},
    {.label = "not concerned",
     .cn = SPAN_LIT("z.test"),
     .sans = SPAN_LIT("\x82\x06"
                      "z.test"),
     .type = 1},
    /* From here on how names can be written. */
    {.label = "wildcard", .sans = SPAN_LIT(DNS_WILD), .type = 1},
    {.label = "wildcard below", .sans = SPAN_LIT("\x82\x10*.a.watched.test"), .type = 1},
    {.label = "wildcard of everything", .sans = SPAN_LIT("\x82\x06*.test"), .type = 1},
    {.label = "wildcards in a row", .sans = SPAN_LIT("\x82\x10*.*.watched.test"), .type = 1},
    {.label = "star in a label", .sans = SPAN_LIT("\x82\x0fw*.watched.test"), .type = 1},
    {.label = "star in the middle",
     .sans = SPAN_LIT("\x82\x10"
                      "a.*.watched.test"),
     .type = 1},
    {.label = "star alone", .sans = SPAN_LIT("\x82\x01*"), .type = 1},
    {.label = "capitals",
     .sans = SPAN_LIT("\x82\x0e"
                      "A.WATCHED.tEsT"),
     .type = 1},
    {.label = "dot at the end",
     .sans = SPAN_LIT("\x82\x0f"
                      "a.watched.test."),
     .type = 1},
    {.label = "dot at the beginning", .sans = SPAN_LIT("\x82\x0d.watched.test"), .type = 1},
    {.label = "dots in a row",
     .sans = SPAN_LIT("\x82\x0f"
                      "a..watched.test"),
     .type = 1},
    {.label = "dot alone", .sans = SPAN_LIT("\x82\x01."), .type = 1},
    {.label = "underscores", .sans = SPAN_LIT("\x82\x14_x._tcp.watched.test"), .type = 1},
    {.label = "NUL",
     .sans = SPAN_LIT("\x82\x0f"
                      "a\0.watched.test"),
     .type = 1},
    {.label = "NUL behind the name", .sans = SPAN_LIT("\x82\x13www.watched.test\0.z"), .type = 1},
    {.label = "space",
     .sans = SPAN_LIT("\x82\x0f"
                      "a .watched.test"),
     .type = 1},
    {.label = "space behind the name",
     .sans = SPAN_LIT("\x82\x0f"
                      "a.watched.test "),
     .type = 1},
    {.label = "backslash",
     .sans = SPAN_LIT("\x82\x0f"
                      "a\\.watched.test"),
     .type = 1},
    {.label = "empty name", .cn = SPAN_LIT("a.watched.test"), .sans = SPAN_LIT("\x82\x00"), .type = 1},
    {.label = "question mark", .sans = SPAN_LIT("\x82\x01?"), .type = 1},
    {.label = "question mark below", .sans = SPAN_LIT("\x82\x0e?.watched.test"), .type = 1},
    {.label = "U-label",
     .sans = SPAN_LIT("\x82\x10"
                      "b\xc3\xbc.watched.test"),
     .type = 1},
    {.label = "A-label", .sans = SPAN_LIT("\x82\x16xn--b-xga.watched.test"), .type = 1},
    {.label = "label of 70", .sans = SPAN_LIT("\x82\x53" X10(X7("a")) ".watched.test"), .type = 1},
    {.label = "URI of the host", .sans = SPAN_LIT("\x86\x14https://watched.test"), .type = 1},
    {.label = "mail of the host", .sans = SPAN_LIT("\x81\x0ex@watched.test"), .type = 1},
    {.label = "neighbours", .sans = SPAN_LIT("\x82\x0dxwatched.test\x82\x14watched.test.example"), .type = 1},
    {.label = "twice", .cn = SPAN_LIT("a.watched.test"), .sans = SPAN_LIT(DNS_A DNS_A), .type = 1},
    {.label = "more than are shown", .sans = SPAN_LIT(X10(X10(DNS_Z)) DNS_WILD DNS_A), .type = 1},
    {.label = "more than are shown, with a common name",
     .cn = SPAN_LIT("a.watched.test"),
     .sans = SPAN_LIT(X10(X10(DNS_Z)) DNS_WILD DNS_A),
     .type = 1},
    {.label = "common name alone", .cn = SPAN_LIT("a.watched.test"), .type = 1},
    {.label = "common name of capitals",
     .cn = SPAN_LIT("A.Watched.Test"),
     .sans = SPAN_LIT(DNS_A),
     .type = 1},
    {.label = "common name lists hosts", .cn = SPAN_LIT("z.test, a.watched.test"), .type = 1},
    {.label = "common name is a URL", .cn = SPAN_LIT("https://a.watched.test/"), .type = 1},
    {.label = "common name is an address", .cn = SPAN_LIT("192.0.2.7"), .type = 1},
    {.label = "common name in UTF-16",
     .cn = SPAN_LIT("\0a\0.\0w\0a\0t\0c\0h\0e\0d\0.\0t\0e\0s\0t"),
     .cn_tag = 0x1e,
     .type = 1},
    {.label = "common name of another type", .cn = SPAN_LIT("a.watched.test"), .cn_tag = 0x03, .type = 1},
    {.label = "empty common name", .cn = SPAN_LIT(""), .sans = SPAN_LIT(DNS_A), .type = 1},
    {.label = "address as a DNS name",
     .sans = SPAN_LIT("\x82\x09"
                      "192.0.2.7"),
     .type = 1},
    {.label = "address of five octets", .sans = SPAN_LIT("\x87\x05\xc0\x00\x02\x07\x00"), .type = 1},
    {.label = "address and mask", .sans = SPAN_LIT("\x87\x08\xc0\x00\x02\x00\xff\xff\xff\x00"), .type = 1},
    {.label = "address in the last octets",
     .sans = SPAN_LIT("\x87\x10\0\0\0\0\0\0\0\0\0\0\0\0\xc0\x00\x02\x07"),
     .type = 1},
    {.label = "addresses out of order", .sans = SPAN_LIT(IP_PLAIN IP_MAPPED IP_OTHER IP_PLAIN), .type = 1},
    {.label = "two extensions", .sans = SPAN_LIT(DNS_Z), .more = SPAN_LIT(DNS_A), .type = 1},
    {.label = "the second one breaks off",
     .sans = SPAN_LIT(DNS_Z),
     .more = SPAN_LIT("\x82\x7f"
                      "a.watched.test"),
     .type = 1},
    {.label = "end before the beginning", .sans = SPAN_LIT(DNS_A), .times = SPAN_LIT(T1 T0), .type = 1},
    {.label = "no end in sight",
     .sans = SPAN_LIT(DNS_A),
     .times = SPAN_LIT(T0 "\x18\x0f"
                          "99991231235959Z"),
     .type = 1},
    {.label = "before the year 1",
     .sans = SPAN_LIT(DNS_A),
     .times = SPAN_LIT("\x18\x0f"
                       "00000101000000Z" T1),
     .type = 1},
    {.label = "serial of 64 octets", .sans = SPAN_LIT(DNS_A), .serial = SPAN_LIT(X10(X7("\x5a"))), .type = 1},
    {.label = "negative serial", .sans = SPAN_LIT(DNS_A), .serial = SPAN_LIT("\x80"), .type = 1},
    {.label = "final, extensions are a SET", .sans = SPAN_LIT(DNS_A), .exts_tag = 0x31},
    {.label = "final, names break off",
     .sans = SPAN_LIT(DNS_A "\x82\x7f"
                            "b.watched.test")},
};

static void put_exts(struct buf *tbs, const struct shape *shape)
{
    struct buf sans;
    struct buf value;
    struct buf ext;
    struct buf exts;
    struct buf outer;
    buf_init(&sans, DER_MAX);
    buf_init(&value, DER_MAX);
    buf_init(&ext, DER_MAX);
    buf_init(&exts, DER_MAX);
    buf_init(&outer, DER_MAX);
    der(&sans, 0x30, shape->sans);
    buf_put(&value, SPAN_LIT("\x06\x03\x55\x1d\x11"));
    der_take(&value, 0x04, &sans);
    der_take(&ext, 0x30, &value);
    buf_put(&exts, buf_span(&ext));
    buf_fini(&ext);
    if (shape->more.at != NULL) {
        buf_init(&sans, DER_MAX);
        buf_init(&value, DER_MAX);
        der(&sans, 0x30, shape->more);
        buf_put(&value, SPAN_LIT("\x06\x03\x55\x1d\x11"));
        der_take(&value, 0x04, &sans);
        der_take(&exts, 0x30, &value);
    }
    der_take(&outer, shape->exts_tag != 0 ? shape->exts_tag : 0x30, &exts);
    der_take(tbs, 0xa3, &outer);
}

static void put_tbs(struct buf *out, const struct shape *shape, uint8_t serial)
{
    static const char spki[] = "\x30\x05\x06\x03\x2b\x65\x70"; /* Ed25519: nothing is weak about it */
    struct buf tbs;
    struct buf key;
    buf_init(&tbs, DER_MAX);
    buf_init(&key, DER_MAX);
    uint8_t small[2] = {1, serial};
    buf_put(&tbs, SPAN_LIT("\xa0\x03\x02\x01\x02"));
    der(&tbs, 0x02, shape->serial.at != NULL ? shape->serial : span_of(small, sizeof small));
    buf_put(&tbs, SPAN_LIT("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"));
    put_name(&tbs, 0x0c, SPAN_LIT("Some CA"));
    der(&tbs, 0x30, shape->times.at != NULL ? shape->times : SPAN_LIT(T0 T1));
    if (shape->cn.at != NULL)
        put_name(&tbs, shape->cn_tag != 0 ? shape->cn_tag : 0x0c, shape->cn);
    else
        buf_put(&tbs, SPAN_LIT("\x30\x00"));
    buf_put(&key, span_of(spki, sizeof spki - 1));
    der(&key, 0x03, SPAN_LIT("\0an-ed25519-key-has-32-octets-..."));
    der_take(&tbs, 0x30, &key);
    put_exts(&tbs, shape);
    der_take(out, 0x30, &tbs);
}

/* leaf_input as RFC 6962 has it. */
static void put_leaf(struct buf *leaf, const struct shape *shape, uint8_t serial)
{
    struct buf body;
    buf_init(&body, DER_MAX);
    if (shape->garbage.at != NULL) {
        buf_put(&body, shape->garbage);
    } else if (shape->type == 1) {
        put_tbs(&body, shape, serial);
    } else {
        struct buf cert;
        buf_init(&cert, DER_MAX);
        put_tbs(&cert, shape, serial);
        buf_put(&cert, SPAN_LIT("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02\x03\x03\x00\x01\x02"));
        der_take(&body, 0x30, &cert);
    }
    buf_put(leaf, SPAN_LIT("\0\0"));
    buf_u64(leaf, (uint64_t)ISSUANCES_T0 + serial);
    buf_u16(leaf, shape->type);
    if (shape->type == 1)
        buf_put(leaf, SPAN_LIT("issuer-key-hash-of-32-bytes-....")); /* 32 */
    buf_u24(leaf, (uint32_t)body.len);
    buf_put(leaf, buf_span(&body));
    buf_u16(leaf, 0);
    assert_true(buf_ok(leaf) && buf_ok(&body));
    buf_fini(&body);
}

/* The chain holds a name as well: CAs of others are not issuance. */
static struct span extra_of(const struct shape *shape)
{
    return shape->type == 1 ? SPAN_LIT("\0\0\x03pre\0\0\0") : SPAN_LIT("\0\0\x12\0\0\x0f www.watched.test");
}

static void fill(struct batch *batch, const struct ctlog *log)
{
    batch_reset(batch);
    batch->log = log;
    batch->end = countof(shapes);
    batch->entry_count = countof(shapes);
    batch->entries = arena_zeroed(&batch->arena, countof(shapes), sizeof *batch->entries);
    assert_non_null(batch->entries);
    for (size_t i = 0; i < countof(shapes); i++) {
        struct entry *entry = &batch->entries[i];
        struct buf leaf;
        buf_init(&leaf, DER_MAX);
        put_leaf(&leaf, &shapes[i], (uint8_t)(i + 1));
        uint8_t *bytes = arena_take(&batch->arena, leaf.len + 1, 1);
        assert_non_null(bytes);
        bytes[0] = 0;
        memcpy(bytes + 1, leaf.at, leaf.len);
        entry->index = i;
        entry->sighting.log_id = log->id;
        leaf_read(span_of(bytes + 1, leaf.len), entry);
        entry->extra = extra_of(&shapes[i]);
        if (entry->kind != ENTRY_OPAQUE)
            leaf_read_extra(entry->extra, entry);
        if (entry->timestamp_ms == 0)
            entry->timestamp_ms = ISSUANCES_T0;
        examine_entry(entry, &batch->arena);
        buf_fini(&leaf);
    }
}

static void add_domain(const char *dsn, const char *name)
{
    struct pgconn *conn = NULL;
    struct err why = {0};
    uint64_t generation = 0;
    struct watch watch = watches_one(name, 0);
    assert_int_equal(pgconn_open(dsn, &conn, &why), ERR_OK);
    watch.expiry_off = true; /* another matter: it goes by the day on which the test runs */
    watch.cadence = WATCH_CADENCE_OFF;
    if (db_domain_add(conn, &watch, NULL, 0, &watch.id, &generation, &why) != ERR_OK)
        fail_msg("%s", why.text);
    pgconn_free(conn);
    free(watch.name);
}

static void commit_all(const struct storetest *test, bool match)
{
    struct matching *matching = NULL;
    struct store_range range;
    struct batch batch;
    struct err why = {0};
    struct store *store = storetest_open(test->dsn);
    storetest_take(store, 1, &range);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    fill(&batch, &test->log[0]);
    if (match) {
        assert_int_equal(matching_open(test->dsn, &matching, &why), ERR_OK);
        struct pipe_stage stage = matching_hook(matching);
        if (stage.run(stage.arg, &batch, 0, &why) != ERR_OK)
            fail_msg("%s", why.text);
    }
    storetest_must_commit(store, &range, &batch);
    if (matching != NULL)
        matching_close(matching);
    batch_fini(&batch);
    store->ops->free(store);
}

/* One line an alert. Where only the row is left nobody has the bytes for the certificate's hash, for a closer
 * look at it, and for the two checks that are made of watched entries as they come: these may be missing, and
 * nothing else may differ. */
static const char alerts_sql[] =
    "SELECT coalesce(string_agg(concat_ws(' | ', s.idx, a.domain_name, a.log, a.kind, a.severity, a.name,"
    " encode(a.tbs_fp, 'hex'), a.dedup, a.findings, jsonb_set(a.issuance - 'sha256' - 'lint', '{findings}',"
    " (a.issuance->'findings') - 'precert_mismatch' - 'issuer_unverified'), a.state, a.first_seen, s.form,"
    " s.timestamp), E'\\n' ORDER BY s.idx, a.domain_name), '') FROM alert AS a"
    " JOIN alert_sighting AS s ON s.alert = a.id";

/* Says the first line that differs. */
static void check_same(const char *domain, const char *live, const char *later)
{
    size_t begin = 0;
    size_t at = 0;
    for (; live[at] != '\0' && live[at] == later[at]; at++)
        begin = live[at] == '\n' ? at + 1 : begin;
    if (live[at] == later[at])
        return;
    fprintf(stderr, "%s\nlive:    %.*s\nhistory: %.*s\n", domain, (int)strcspn(live + begin, "\n"),
            live + begin, (int)strcspn(later + begin, "\n"), later + begin);
    fail();
}

static void compare(const char *domain, int64_t least)
{
    static char live[1 << 20];
    static char later[1 << 20];
    struct storetest first;
    struct storetest second;
    struct err why = {0};
    storetest_new(&first);
    add_domain(first.dsn, domain);
    commit_all(&first, true);
    storetest_new(&second);
    commit_all(&second, false);
    check_sql(second.dsn, "SELECT count(*) FROM alert", 0);
    /* Registered by somebody who was cut off before the scan. */
    add_domain(second.dsn, domain);
    check_sql(second.dsn, "SELECT count(*) FROM domain WHERE history_at IS NULL", 1);
    if (caretaker_look(second.dsn, NULL, &why) != ERR_OK)
        fail_msg("%s", why.text);
    check_sql(second.dsn, "SELECT count(*) FROM domain WHERE history_at IS NULL", 0);
    assert_true(pgtest_sql(first.dsn, alerts_sql, live, sizeof live));
    assert_true(pgtest_sql(second.dsn, alerts_sql, later, sizeof later));
    check_same(domain, live, later);
    assert_true(pgtest_count(first.dsn, "SELECT count(*) FROM alert") >= least);
    /* A second look finds nothing to do, and a scan that is asked for raises nothing twice. */
    storetest_run(second.dsn, "UPDATE domain SET history_at = NULL");
    assert_int_equal(caretaker_look(second.dsn, NULL, &why), ERR_OK);
    assert_true(pgtest_sql(second.dsn, alerts_sql, later, sizeof later));
    assert_string_equal(live, later);
}

static void a_domain(void **state)
{
    (void)state;
    compare("watched.test", 40);
    compare("test", 40);
}

static void a_host(void **state)
{
    (void)state;
    compare("=www.watched.test", 5);
}

static void an_address(void **state)
{
    (void)state;
    compare("192.0.2.0/24", 6);
    compare("::ffff:192.0.2.7", 4);
    compare("::/0", 10);
}

/* What nobody knows is null: no date of 1970, no hash of zeros, no form that was never read. */
static void nothing_is_made_up(void **state)
{
    struct storetest test;
    (void)state;
    storetest_new(&test);
    add_domain(test.dsn, "watched.test");
    commit_all(&test, true);
    check_sql(test.dsn,
              "SELECT count(*) FROM alert AS a JOIN alert_sighting AS s ON s.alert = a.id WHERE s.idx < 14"
              " AND a.issuance::text ~ '(19[67]0-|0001-|9999-|\"\"|00000000000000000000)'",
              0);
    check_sql(test.dsn, "SELECT count(*) FROM alert WHERE (domain IS NULL) <> (log IS NOT NULL)", 0);
    check_sql(test.dsn,
              "SELECT count(*) FROM alert AS a JOIN alert_sighting AS s ON s.alert = a.id"
              " WHERE s.idx IN (10, 11, 12) AND (a.kind <> 'malformed' OR a.tbs_fp IS NOT NULL"
              "  OR s.form <> 'unparsed' OR a.issuance->>'form' <> 'unparsed'"
              "  OR a.issuance->'serial' <> 'null' OR a.issuance->'not_before' <> 'null'"
              "  OR jsonb_array_length(a.findings) <> 1)",
              0);
    check_sql(test.dsn, "SELECT count(*) FROM alert_sighting WHERE idx = 10", 1);
    check_sql(test.dsn, "SELECT count(*) FROM alert_sighting WHERE idx = 13", 0);
    check_sql(test.dsn,
              "SELECT count(*) FROM alert AS a JOIN alert_sighting AS s ON s.alert = a.id WHERE s.idx = 8"
              " AND a.issuance->'not_before' = 'null' AND a.issuance->'serial' = '\"0109\"'",
              1);
    check_sql(test.dsn, "SELECT count(*) FROM cert WHERE length(serial) = 0", 0);
}

/* While another process is at it, nobody else is; when that process ends, the domain is still pending. */
static void one_scan_at_a_time(void **state)
{
    struct storetest test;
    struct pgconn *other = NULL;
    struct err why = {0};
    (void)state;
    storetest_new(&test);
    commit_all(&test, false);
    add_domain(test.dsn, "watched.test");
    assert_int_equal(pgconn_open(test.dsn, &other, &why), ERR_OK);
    assert_int_equal(caretaker_claim(other, "watched.test", &why), ERR_OK);
    assert_int_equal(caretaker_look(test.dsn, NULL, &why), ERR_OK);
    check_sql(test.dsn, "SELECT count(*) FROM domain WHERE history_at IS NULL", 1);
    check_sql(test.dsn, "SELECT count(*) FROM alert", 0);
    pgconn_free(other);
    assert_int_equal(caretaker_look(test.dsn, NULL, &why), ERR_OK);
    check_sql(test.dsn, "SELECT count(*) FROM domain WHERE history_at IS NULL", 0);
    assert_true(pgtest_count(test.dsn, "SELECT count(*) FROM alert") > 0);
}

/* Removed and registered again: what was raised, and acknowledged, is not raised again. */
static void a_domain_comes_back(void **state)
{
    struct storetest test;
    struct pgconn *conn = NULL;
    struct err why = {0};
    (void)state;
    storetest_new(&test);
    add_domain(test.dsn, "watched.test");
    commit_all(&test, true);
    storetest_run(test.dsn, "UPDATE alert SET state = 'acked' WHERE domain IS NOT NULL");
    int64_t alerts = pgtest_count(test.dsn, "SELECT count(*) FROM alert");
    int64_t rows = pgtest_count(test.dsn, "SELECT count(*) FROM outbox");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pgconn_open(test.dsn, &conn, &why), ERR_OK);
        assert_int_equal(db_domain_remove(conn, "watched.test", &why), ERR_OK);
        pgconn_free(conn);
        add_domain(test.dsn, "watched.test");
        assert_int_equal(caretaker_look(test.dsn, NULL, &why), ERR_OK);
        check_sql(test.dsn, "SELECT count(*) FROM alert", alerts);
        check_sql(test.dsn, "SELECT count(*) FROM outbox", rows);
        check_sql(test.dsn,
                  "SELECT count(*) FROM alert WHERE domain_name IS NOT NULL AND (domain IS NULL OR"
                  " state <> 'acked')",
                  0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_domain),           cmocka_unit_test(a_host),
        cmocka_unit_test(an_address),         cmocka_unit_test(nothing_is_made_up),
        cmocka_unit_test(one_scan_at_a_time), cmocka_unit_test(a_domain_comes_back),
    };
    must(dns_psl_load(SPAN_LIT("test\nexample\n"), NULL) == ERR_OK);
    return storetest_main(tests, countof(tests), "matching");
}
