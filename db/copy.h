/* PRIVATE TO db/. Rows in PostgreSQL's binary COPY format, streamed to the server in pieces. Errors are
 * sticky: a writer puts fields straight down and looks at what copy_end says. The order and number of fields
 * is the caller's promise; the server refuses what does not fit. With a NULL connection the bytes stay in
 * `buf` (tests). Or nothing is streamed: every column gathers in an array, or every row in one array of
 * records, and these become parameters of a statement. Records are what a large number of rows travels
 * fastest in: the server keeps an array of each column in a store of its own, and reads as many rows from
 * fifteen of those in five times the time. */
#ifndef CTVIGIL_COPY_H
#define CTVIGIL_COPY_H

#include "base/buf.h"
#include "db/pgconn.h"

struct copy_columns {
    const uint32_t *types; /* of the elements; ends with 0 */
    struct buf *bufs;      /* one for each */
    unsigned count;
    unsigned at; /* column of the next field */
    uint32_t rows;
};

struct copy_records {
    const uint32_t *types; /* of the fields; ends with 0 */
    unsigned count;
    uint32_t row_oid; /* the composite type, and that of arrays of it; 0: not told yet */
    uint32_t array_oid;
    unsigned at; /* number of the next field */
    uint32_t rows;
    size_t row_at; /* where the length of the row that is being written stands */
};

struct copy {
    struct pgconn *conn;
    struct buf buf; /* kept from one COPY to the next */
    struct err *why;
    enum err_code code;
    bool open;
    struct copy_columns columns; /* count 0: a stream, or records */
    struct copy_records records; /* count 0: a stream, or columns */
};

void copy_init(struct copy *copy);
/* With columns of these types, a constant list that ends with 0. False: no memory. copy_begin then takes no
 * connection and no SQL. */
MUST_USE bool copy_init_columns(struct copy *copy, const uint32_t *types);
/* With rows of a composite type whose fields are of these types; copy_records_of says which one, for this
 * connection, before copy_begin. */
void copy_init_records(struct copy *copy, const uint32_t *types);
void copy_records_of(struct copy *copy, uint32_t row_oid, uint32_t array_oid);
void copy_fini(struct copy *copy);

/* `sql` is COPY ... FROM STDIN (FORMAT binary). */
void copy_begin(struct copy *copy, struct pgconn *conn, const char *sql, struct err *why);
/* Ends the stream. On any error the server forgets all of it. */
MUST_USE enum err_code copy_end(struct copy *copy);

/* Adds the columns as parameters, each an array, or the records as one; they are borrowed. After copy_begin
 * and copy_end, or without any row. */
struct pgexec_args;
void copy_bind(struct copy *copy, struct pgexec_args *args);

/* Starts a row; sends what has gathered when it is enough for a piece. */
void copy_row(struct copy *copy, unsigned columns);
/* A whole row of the stream: the number of its fields, and these. */
void copy_raw(struct copy *copy, struct span row);
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
#define COPY_OID_INT2        21
#define COPY_OID_INT4        23
#define COPY_OID_TEXT        25
#define COPY_OID_INET        869
#define COPY_OID_TIME        1184 /* timestamptz */
#define COPY_OID_BYTEA_ARRAY 1001
#define COPY_OID_INT8_ARRAY  1016
#define COPY_OID_TEXT_ARRAY  1009
void copy_put_array(struct buf *out, uint32_t element_oid, size_t count);
void copy_put_element(struct buf *out, struct span bytes);

#endif
