/* The store over PostgreSQL (db/store.h). One connection, one thread; it writes directly, not through a
 * connection pooler in transaction mode, because it keeps temporary staging tables and advisory locks. Its
 * session ends by the server's hand when it is silent for LIMIT_DB_IDLE_S: a stopped process must not hold a
 * log. The next call connects again by itself. */
#ifndef CTVIGIL_STORE_PG_H
#define CTVIGIL_STORE_PG_H

#include "db/store.h"

/* Connects; the schema must be there already (db/migrate.h). ERR_DB_DOWN, ERR_CONFIG, ERR_DB_SCHEMA. */
MUST_USE enum err_code store_pg_open(const char *dsn, struct store **store, struct err *why);

/* How many of the issuances it stored last the store remembers, so as not to ask the database about their
 * further sightings: LIMIT_ISSUANCES_KNOWN, or what is said here (for benchmarks and tests; 0: none). What is
 * stored is the same. False: out of memory, nothing changed. */
bool store_pg_remember(struct store *store, size_t issuances);
/* The same in one memory by several stores of this process over one database, each of which then knows what
 * the others have stored. NULL: out of memory. Between transactions; the stores keep it, freed or not. */
struct fpcache;
MUST_USE struct fpcache *store_pg_memory(void);
void store_pg_memory_free(struct fpcache *memory); /* NULL is fine */
void store_pg_remember_in(struct store *store, struct fpcache *memory);

enum store_pg_store { STORE_PG_ALL, STORE_PG_WATCHED };
enum store_pg_der { STORE_PG_DER_NONE, STORE_PG_DER_WATCHED, STORE_PG_DER_ALL };

/* Which issuances get a row: all, or those that concern a registered domain, CA certificates and what can not
 * be read; places in logs (log_tile) and alerts are kept of all. And which of them are kept whole, as they
 * were logged (der_chunk). At first all and none. False: out of memory, nothing changed. */
MUST_USE bool store_pg_keep(struct store *store, enum store_pg_store rows, enum store_pg_der der);

/* Backfill: from now on issuances whose partition lies wholly in the past are put down without any index, to
 * be found once db/db_load.h has put them into their partitions; they do not count as fresh. All else is as
 * ever. */
MUST_USE enum err_code store_pg_load(struct store *store, struct err *why);

/* The same for logs whose interval ended so many days ago, while `entries` or more of them are left to be
 * read: every certificate of theirs expired. 0 days, as it is at first: none. */
void store_pg_past(struct store *store, int64_t days, uint64_t entries);

/* Watches the free space where the database lies (db/diskguard.h): below `percent` of it entries are
 * matched and their alerts written, and the rest goes into log_gap. 0, as it is at first: no watch. */
void store_pg_guard(struct store *store, unsigned percent, const char *path);

#endif
