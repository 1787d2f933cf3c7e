/* Search in the issuance database: certificates by name, host, subtree, serial, hashes and addresses, newest
 * not_before first, page by page. */
#ifndef CTVIGIL_QUERY_H
#define CTVIGIL_QUERY_H

#include "base/dns.h"
#include "base/err.h"
#include "db/pgconn.h"
#include "model/issuance.h"

enum query_kind {
    QUERY_SUB,  /* the domain and everything below it */
    QUERY_HOST, /* every certificate a client would take for the host: the name itself and its wildcards (RFC
                   9525) */
    QUERY_NAME, /* exactly that name as it stands in the certificate, "*.example.com" included */
    QUERY_SERIAL, /* hex, sign and leading zeros as one likes, colons allowed */
    QUERY_SHA256, /* of the certificate or precertificate; found by its first 8 bytes, as no others are stored
                   */
    QUERY_SPKI,
    QUERY_FP,   /* tbs_fp */
    QUERY_HASH, /* 64 hex digits without a kind: SHA-256, SPKI and fp */
    QUERY_IP,   /* address or CIDR */
};

#define QUERY_SERIAL_MAX 4096 /* octets: hostile ones are long */
#define QUERY_CURSOR_MAX 128
#define QUERY_NO_TIME    INT64_MIN

/* Where a page ends: the last row's place in the order. */
struct query_cursor {
    int64_t not_before_ms;
    uint8_t tbs_fp[32];
    int32_t issuer_id;
};

struct query {
    enum query_kind kind;
    char text[DNS_TEXT_MAX + 1]; /* domain in normal form, or address; "" for the others */
    uint8_t bytes[QUERY_SERIAL_MAX];
    size_t len;
    int64_t since_ms;      /* not_before >= ; QUERY_NO_TIME: no bound */
    int64_t until_ms;      /* not_before < */
    int64_t seen_since_ms; /* first sighting that was stored >= */
    bool exclude_expired;
    uint32_t limit; /* rows of the page, at most LIMIT_SEARCH_ROWS */
    bool has_after;
    struct query_cursor after;
};

/* One issuance found. Spans live during the call. */
struct query_row {
    const struct issuance *issuance;
    struct span issuer; /* as text */
    int64_t first_seen_ms;
    const char *log; /* name of the log of the first sighting that was stored */
    int32_t log_id;
    uint64_t index;
    int64_t id; /* public id of that sighting: log (13 bits) and index (40 bits) */
    uint64_t sightings;
    uint64_t unassigned; /* of the same TBS, but nobody recorded under which of several issuer keys; the forms
                            and the number above are those of this row for certain */
    bool precert;
    bool final;
};

typedef enum err_code query_each(void *arg, const struct query_row *row, struct err *why);

/* Reads "[KIND:]QUERY" (KIND: host, name, sub, serial, sha256, spki, fp, ip) into kind, text, bytes and len;
 * the other members get their defaults: no bounds, limit 100. ERR_USAGE says what is wrong; ERR_UNSUPPORTED
 * for a kind that is not searchable yet. A bare address means ip, a bare domain sub. */
MUST_USE enum err_code query_parse(const char *typed, struct query *query, struct err *why);

/* Hands over the rows of one page. *more: there are further ones; `next` is then the cursor for them.
 * ERR_TIMEOUT: the subtree of a public suffix (or of a domain with one below it) has no index, and reading
 * everything took longer than LIMIT_SEARCH_MS. */
MUST_USE enum err_code query_run(struct pgconn *conn, const struct query *query, query_each *each, void *arg,
                                 struct query_cursor *next, bool *more, struct err *why);

/* Cursors as text, for --after. */
char *query_cursor_text(const struct query_cursor *cursor, char out[QUERY_CURSOR_MAX]);
MUST_USE bool query_cursor_parse(const char *text, struct query_cursor *cursor);

/* The public id of a sighting. */
int64_t query_id(int32_t log_id, uint64_t index);

#endif
