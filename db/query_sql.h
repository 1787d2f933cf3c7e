/* PRIVATE TO db/. The statements of a search. Each gives places of rows (struct query_cursor and what leads
 * to the row): not_after, not_before, tbs_fp, issuer, bytes of what the row holds. */
#ifndef CTVIGIL_QUERY_SQL_H
#define CTVIGIL_QUERY_SQL_H

#include "base/base.h"

/* A row of `whole` holds all it needs to be handed over where it is not longer than this, no address belongs
 * to it (FACTS_NO_IPS) and no twin: CERTROW_COLUMNS and the name of the log behind the columns of a page, and
 * the keys of places are left behind (certrow_forms_left_sql). Every twin of a row that such a statement
 * gives fits what is asked as well as the row does. */
#define QUERY_SQL_WHOLE_BYTES 32768

/* $1 key, $2 since, $3 until, $4 seen since, $5 and $10 not_after from and below, $6 to $8 cursor, $9 limit,
 * $11 issuers (NULL: all); $12 to $14: what is asked. */
enum { QUERY_SQL_COMMON = 11 };

struct query_sql {
    const char *name;
    const char *page;
    const char *whole; /* as page, and the rows themselves; NULL: there is none of this kind */
    const char *count;
    const char *spread_page; /* the same in a database that is spread (db/spread.h) */
    const char *spread_count;
    bool walk; /* no index leads to the rows: ask with narrow bounds of not_before */
};

extern const struct query_sql query_sql_domain;   /* $12, $13: one of these pieces is in the names */
extern const struct query_sql query_sql_below;    /* the same without a key */
extern const struct query_sql query_sql_wildcard; /* $12: a regular expression for the names */
extern const struct query_sql query_sql_wildcard_below;
extern const struct query_sql query_sql_spki; /* $12: all bytes */
extern const struct query_sql query_sql_fp;
extern const struct query_sql query_sql_sha256;
extern const struct query_sql query_sql_hash;
extern const struct query_sql query_sql_serial; /* $12 to $14: the forms it may have */
extern const struct query_sql query_sql_ip;     /* $12: inet */
extern const struct query_sql
    query_sql_others;                       /* $12: a regular expression, $13: rows without the column too */
extern const struct query_sql query_sql_cn; /* $12: as name, $13: as text, $14: key of the text */
extern const struct query_sql query_sql_issuer;
extern const struct query_sql query_sql_text; /* $12: regular expression for names, $13 cn, $14 others */

extern const struct query_sql *const query_sql_all[];
extern const size_t query_sql_count;

/* Rows by their places, in that order: $1 not_after[], $2 tbs_fp[], $3 issuer[], $4 and $5 the earliest and
 * the latest not_after of them; CERTROW_COLUMNS and the name of the log. */
extern const char query_sql_rows[];
extern const char query_sql_rows_brief[]; /* without the places of twins */
extern const char query_sql_rows_spread[];
extern const char query_sql_rows_keyed[]; /* $6: the key all of them have; one shard is asked */

#endif
