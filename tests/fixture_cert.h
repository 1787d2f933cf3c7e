/* Rows of stored certificates for tests of what reads them, written by plain SQL and not by the code under
 * test. */
#ifndef CTVIGIL_FIXTURE_CERT_H
#define CTVIGIL_FIXTURE_CERT_H

#include "tests/fixture_db.h"

#include "base/dns.h"
#include "base/text.h"
#include "db/dbkey.h"
#include "db/facts.h"
#include "db/pgexec.h"
#include "model/cert.h"

struct fixture_cert {
    int number;        /* tbs_fp, serial, sha256 and spki are made from it */
    const char *names; /* normal forms, space-joined */
    const char *not_before;
    const char *ip; /* NULL: none */
};

static inline void fixture_sql(struct pgconn *conn, const char *sql)
{
    struct err why = {0};
    if (pgexec_script(conn, sql, &why) != ERR_OK)
        fail_msg("%s", why.text);
}

static inline void fixture_hash(const char *kind, int number, uint8_t out[32])
{
    char text[64];
    (void)snprintf(text, sizeof text, "%s %d", kind, number);
    dbkey_sha256(span_str(text), out);
}

static inline void fixture_cert_key(struct pgconn *conn, const struct fixture_cert *cert, int64_t key)
{
    struct err why = {0};
    uint8_t fp[32];
    struct pgexec_args args = {0};
    fixture_hash("fp", cert->number, fp);
    pgexec_bytes(&args, span_of(fp, 32));
    pgexec_int(&args, key);
    if (pgexec_do(conn,
                  "INSERT INTO cert_apex (not_after, not_before, apex8, issuer, tbs_fp)"
                  " SELECT not_after, not_before, $2, issuer, tbs_fp FROM cert WHERE tbs_fp = $1 ON CONFLICT "
                  "DO NOTHING",
                  &args, NULL, &why) != ERR_OK)
        fail_msg("%s", why.text);
}

/* The row, its further keys, its address, and two sightings: the precertificate in log 1 at number, the
 * certificate in log 2 at number (tables log and issuer must hold rows 1 and 2). */
static inline void fixture_cert_put(struct pgconn *conn, const struct fixture_cert *cert)
{
    struct err why = {0};
    struct buf names;
    struct span list = span_str(cert->names);
    struct span name;
    int64_t apex8 = 0;
    uint8_t fp[32];
    uint8_t spki[32];
    uint8_t serial[4] = {1, (uint8_t)(cert->number >> 16), (uint8_t)(cert->number >> 8),
                         (uint8_t)cert->number};
    bool placeholder = false;
    struct pgexec_args args = {0};
    buf_init(&names, 65536);
    while (dbkey_next_name(&list, &name)) {
        struct span apex = dns_apex(name);
        if (names.len != 0)
            buf_byte(&names, ' ');
        dbkey_put_name(&names, name);
        placeholder = placeholder || memchr(name.at, '?', name.len) != NULL;
        if (apex8 == 0 && apex.len != 0)
            apex8 = dbkey_apex8(apex);
    }
    fixture_hash("fp", cert->number, fp);
    fixture_hash("spki", cert->number, spki);
    pgexec_text(&args, cert->not_before);
    pgexec_int(&args, apex8);
    pgexec_int(&args, cert->number);
    pgexec_bytes(&args, span_of(fp, 32));
    pgexec_bytes(&args, span_of(serial, 4));
    pgexec_bytes(&args, span_of(spki, 32));
    pgexec_text(&args, buf_text(&names));
    pgexec_int(&args, (int64_t)(FACTS_ISSUER_KNOWN | FACTS_ISSUER_PROVEN | CERT_SERVER_AUTH));
    enum err_code code = pgexec_do(
        conn,
        "INSERT INTO cert (not_after, not_before, first_seen, apex8, idx, facts, issuer, log, tbs_fp, serial,"
        " spki_sha256, names) SELECT $1::timestamptz + interval '90 days', $1::timestamptz,"
        " $1::timestamptz + interval '1 hour', $2, $3, $8, 1, 1, $4, $5, $6, $7::text",
        &args, NULL, &why);
    buf_fini(&names);
    if (code != ERR_OK)
        fail_msg("%s", why.text);
    list = span_str(cert->names);
    while (dbkey_next_name(&list, &name)) {
        struct span apex = dns_apex(name);
        if (apex.len != 0 && dbkey_apex8(apex) != apex8)
            fixture_cert_key(conn, cert, dbkey_apex8(apex));
    }
    if (placeholder)
        fixture_cert_key(conn, cert, dbkey_apex8(SPAN_LIT(DBKEY_PLACEHOLDER)));
    if (cert->ip != NULL) {
        struct pgexec_args ip = {0};
        pgexec_bytes(&ip, span_of(fp, 32));
        pgexec_text(&ip, cert->ip);
        assert_int_equal(
            pgexec_do(conn,
                      "INSERT INTO cert_ip (not_after, not_before, issuer, tbs_fp, ip)"
                      " SELECT not_after, not_before, issuer, tbs_fp, $2::inet FROM cert WHERE tbs_fp = $1",
                      &ip, NULL, &why),
            ERR_OK);
    }
}

/* One tile of log `log` whose entry k is certificate k, in the given form; first_index is 0. */
static inline void fixture_tile_put(struct pgconn *conn, int log, int count, enum facts_form form,
                                    int64_t not_after_day)
{
    struct err why = {0};
    struct buf fp8;
    struct buf sha8;
    struct buf info;
    uint8_t hash[32];
    struct pgexec_args args = {0};
    buf_init(&fp8, 65536);
    buf_init(&sha8, 65536);
    buf_init(&info, 65536);
    for (int k = 0; k < count; k++) {
        fixture_hash("fp", k, hash);
        buf_fmt(&fp8, "%s%" PRId64, k == 0 ? "{" : ",", dbkey_first8(hash));
        fixture_hash(form == FACTS_FORM_PRECERT ? "precert" : "final", k, hash);
        buf_fmt(&sha8, "%s%" PRId64, k == 0 ? "{" : ",", dbkey_first8(hash));
        buf_u16(&info, 0x0198);
        buf_u32(&info, (uint32_t)k * 1000);
        buf_byte(&info, (uint8_t)form);
        buf_u16(&info, (uint16_t)not_after_day);
    }
    buf_byte(&fp8, '}');
    buf_byte(&sha8, '}');
    pgexec_int(&args, log);
    pgexec_int(&args, count - 1);
    pgexec_text(&args, buf_text(&fp8));
    pgexec_text(&args, buf_text(&sha8));
    pgexec_bytes(&args, buf_span(&info));
    if (pgexec_do(conn,
                  "INSERT INTO log_tile (log, tile, first_index, last_index, fp8, sha8, info)"
                  " VALUES ($1::int2, 0, 0, $2, $3, $4, $5)",
                  &args, NULL, &why) != ERR_OK ||
        pgexec_do(conn, "SELECT place_fill()", &PGEXEC_NO_ARGS, NULL, &why) != ERR_OK)
        fail_msg("%s", why.text);
    buf_fini(&fp8);
    buf_fini(&sha8);
    buf_fini(&info);
}

static inline void fixture_logs(struct pgconn *conn)
{
    fixture_sql(conn, "INSERT INTO log (name, protocol, url, log_id, key) VALUES"
                      " ('one', 'rfc6962', 'https://one.example/', sha256('one'), 'k'),"
                      " ('two', 'static-ct', 'https://two.example/', sha256('two'), 'k');"
                      "INSERT INTO issuer (spki_sha256, dn_sha256, dn, dn_text) VALUES"
                      " (sha256('ca'), sha256('dn'), '\\x3000', 'CN=Test CA');");
}

#endif
