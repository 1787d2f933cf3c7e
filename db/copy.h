/* PRIVATE TO db/. Rows in PostgreSQL's binary COPY format, streamed to the server in pieces. Errors are
 * sticky: a writer puts fields straight down and looks at what copy_end says. The order and number of fields
 * is the caller's promise; the server refuses what does not fit. With a NULL connection the bytes stay in
 * `buf` (tests). */
#ifndef CTVIGIL_COPY_H
#define CTVIGIL_COPY_H

#include "base/buf.h"
#include "db/pgconn.h"

struct copy {
    struct pgconn *conn;
    struct buf buf; /* kept from one COPY to the next */
    struct err *why;
    enum err_code code;
    bool open;
};

void copy_init(struct copy *copy);
void copy_fini(struct copy *copy);

/* `sql` is COPY ... FROM STDIN (FORMAT binary). */
void copy_begin(struct copy *copy, struct pgconn *conn, const char *sql, struct err *why);
/* Ends the stream. On any error the server forgets all of it. */
MUST_USE enum err_code copy_end(struct copy *copy);

/* Starts a row; sends what has gathered when it is enough for a piece. */
void copy_row(struct copy *copy, unsigned columns);
void copy_null(struct copy *copy);
void copy_bool(struct copy *copy, bool value);
void copy_int2(struct copy *copy, int16_t value);
void copy_int4(struct copy *copy, int32_t value);
void copy_int8(struct copy *copy, int64_t value);
/* timestamptz, clamped to the years 1 to 9999. */
void copy_time(struct copy *copy, int64_t unix_ms);
void copy_bytes(struct copy *copy, struct span bytes); /* bytea; SPAN_NONE is the empty value, not NULL */
/* text; anything that is not clean UTF-8 without control bytes is made visible, at most `max` bytes are
 * taken. */
void copy_text(struct copy *copy, struct span text, size_t max);
/* text that is known to be printable ASCII. */
void copy_ascii(struct copy *copy, struct span text);
void copy_json(struct copy *copy, struct span json);                     /* jsonb */
void copy_inet(struct copy *copy, struct span octets);                   /* 4 or 16 octets */
void copy_int8s(struct copy *copy, const int64_t *values, size_t count); /* int8[] */

/* Arrays as values of their own, for copy_bytes or as a statement's parameter (pgexec_binary): appended to
 * `out`, then `count` times copy_put_element. */
#define COPY_OID_BYTEA       17
#define COPY_OID_INT8        20
#define COPY_OID_TEXT        25
#define COPY_OID_BYTEA_ARRAY 1001
#define COPY_OID_INT8_ARRAY  1016
#define COPY_OID_TEXT_ARRAY  1009
void copy_put_array(struct buf *out, uint32_t element_oid, size_t count);
void copy_put_element(struct buf *out, struct span bytes);

#endif
