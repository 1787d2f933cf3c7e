/* Search in the issuance database: certificates by name, host, subtree, serial, hashes, addresses,
 * organisation and issuer, newest not_before first, page by page. */
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
    QUERY_WILDCARD, /* every wildcard of the domain and below it */
    QUERY_SERIAL,   /* hex, sign and leading zeros as one likes, colons allowed */
    QUERY_SHA256, /* of the certificate or precertificate; found by its first 8 bytes, as no others are stored
                   */
    QUERY_SPKI,
    QUERY_FP,     /* tbs_fp */
    QUERY_HASH,   /* 64 hex digits without a kind: SHA-256, SPKI and fp */
    QUERY_IP,     /* address or CIDR; IPv4 mapped into IPv6 is IPv4 */
    QUERY_EMAIL,  /* an address, or all addresses at a host */
    QUERY_URI,    /* a URI, or all with a host */
    QUERY_ORG,    /* organisation of the subject; letters A to Z in either case, white space does not count */
    QUERY_CN,     /* common name, the same */
    QUERY_ISSUER, /* issuers: id, SHA-256 of the key, or a part of the name */
    QUERY_TEXT,   /* a part of any DNS name, common name, e-mail address, URI or organisation */
};

enum query_form { QUERY_ANY_FORM, QUERY_PRECERT, QUERY_FINAL, QUERY_POISONED };

#define QUERY_SERIAL_MAX 4096 /* octets: hostile ones are long */
#define QUERY_TEXT_MAX   1024
#define QUERY_CURSOR_MAX 160
#define QUERY_NO_TIME    INT64_MIN

/* Where a page ends: the last row's place in the order. */
struct query_cursor {
    int64_t not_before_ms;
    uint8_t tbs_fp[32];
    int32_t issuer_id;
};

struct query {
    enum query_kind kind;
    char text[QUERY_TEXT_MAX + 1]; /* domain in normal form, address, URI, ...; "" for the others */
    uint8_t bytes[QUERY_SERIAL_MAX];
    size_t len;
    char issuer[QUERY_TEXT_MAX + 1];  /* only of these issuers, as QUERY_ISSUER; "": of all */
    const uint8_t (*issuer_keys)[32]; /* and of those with these keys (SHA-256), which belong to the caller */
    size_t issuer_key_count;
    bool issuer_by_key;    /* `issuer` is what they are called, and no part of a name */
    int64_t since_ms;      /* not_before >= ; QUERY_NO_TIME: no bound */
    int64_t until_ms;      /* not_before < */
    int64_t seen_since_ms; /* first sighting that was stored >= */
    bool exclude_expired;
    bool expired; /* only these */
    enum query_form form;
    bool brief; /* rows without forms, sightings and unassigned, which cost more to find than all else; they
                   may be left 0 and false */
    uint32_t limit;      /* rows of the page, at most LIMIT_SEARCH_ROWS */
    uint32_t timeout_ms; /* what the database may take for the page */
    bool has_after;
    struct query_cursor after;
};

/* One issuance found. Spans live during the call. */
struct query_row {
    const struct issuance *issuance;
    struct span issuer; /* as text */
    int32_t issuer_id;
    int64_t first_seen_ms;
    const char *log; /* name of the log of the first sighting that was stored */
    int32_t log_id;
    uint64_t index;
    int64_t id; /* public id of that sighting: log (13 bits) and index (40 bits) */
    uint64_t sightings;
    struct query_cursor place; /* in the order: a page may end behind it */
    uint64_t unassigned; /* of the same TBS, but nobody recorded under which of several issuer keys; the forms
                            and the number above are those of this row for certain */
    bool precert;
    bool final;
    bool poisoned; /* with the poison of a precertificate, in an entry for final ones */
};

typedef enum err_code query_each(void *arg, const struct query_row *row, struct err *why);

/* What a page or a count says beside its rows. */
struct query_result {
    struct query_cursor next; /* when there is more */
    bool more;                /* there may be further rows */
    bool unfinished;          /* time was up: `next` goes on from there */
    bool walked;              /* no key helps: rows were read in steps of not_before, the newest first */
    int64_t searched_from_ms; /* walked: these bounds of not_before were searched; QUERY_NO_TIME: no bound */
    int64_t searched_to_ms;
    int64_t since_ms; /* what is asked is known of what was stored from then on; QUERY_NO_TIME: of all */
    bool no_issuer;   /* no issuer fits */
    uint64_t total;   /* of query_count */
    bool at_least;    /* there are more than total, or it is not known */
};

/* Reads "[KIND:]QUERY" (query_parse_kinds) into kind, text, bytes and len; the other members get their
 * defaults: no bounds, limit 100, LIMIT_SEARCH_MS. ERR_USAGE says what is wrong. A bare address means ip, a
 * bare domain sub. */
MUST_USE enum err_code query_parse(const char *typed, struct query *query, struct err *why);
/* "sub, host, name, ..." */
const char *query_parse_kinds(void);
/* Fills query->issuer. "spki:HEX" is the same as HEX. */
MUST_USE enum err_code query_parse_issuer(const char *typed, struct query *query, struct err *why);

/* Hands over the rows of one page. ERR_TIMEOUT: the database took longer than query->timeout_ms, and nothing
 * can be given; a search that goes through all rows gives what it found and says how far it came. ERR_CLOSED:
 * somebody interrupted it (db/pgstop.h). No error's text holds SQL: what the server said is on the debug
 * level. After an error, too, `more` says whether `next` goes on behind what was handed over. */
MUST_USE enum err_code query_run(struct pgconn *conn, const struct query *query, query_each *each, void *arg,
                                 struct query_result *result, struct err *why);

/* Counts what query_run would give on all pages, up to `most` (then at_least), or all with UINT64_MAX. */
MUST_USE enum err_code query_count(struct pgconn *conn, const struct query *query, uint64_t most,
                                   struct query_result *result, struct err *why);

/* Cursors as text, for --after. They fit one query alone; its limit may change. */
char *query_cursor_text(const struct query_cursor *cursor, const struct query *query,
                        char out[QUERY_CURSOR_MAX]);
/* Fills query->after. ERR_USAGE: it is no cursor, or that of another search. */
MUST_USE enum err_code query_cursor_parse(const char *text, struct query *query, struct err *why);

/* Since when rows were stored of registered domains alone (db.store: watched), at some time; QUERY_NO_TIME:
 * never. */
MUST_USE enum err_code query_thin_since(struct pgconn *conn, int64_t *since_ms, struct err *why);

/* The public id of a sighting. */
int64_t query_id(int32_t log_id, uint64_t index);

#endif
