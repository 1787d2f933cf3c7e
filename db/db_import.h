/* Reading a log from an archive: which log it is, and what of it is to be read (tables log, log_range). The
 * rows themselves come by the store (db/store.h). Every range that is made here begins with a proven
 * frontier. */
#ifndef CTVIGIL_DB_IMPORT_H
#define CTVIGIL_DB_IMPORT_H

#include "base/err.h"
#include "db/pgconn.h"
#include "model/compact.h"
#include "model/ctlog.h"
#include "model/head.h"

struct db_import_log {
    int32_t id;
    char name[CTLOG_NAME_MAX];
    bool followed; /* somebody reads it from the network */
    bool archive;  /* its protocol; else it is a log that was read in another way before */
    bool removed;
};

struct db_import_range {
    int64_t id;
    uint64_t begin;
    uint64_t end; /* UINT64_MAX: follows the head */
    uint64_t next;
    uint64_t verified;
    struct compact frontier; /* size 0 with next > 0: not known */
};

/* One import of a log at a time, until the connection is closed; *taken false: there is another one. */
MUST_USE enum err_code db_import_lock(struct pgconn *conn, const uint8_t log_id[32], bool *taken,
                                      struct err *why);
/* The log of that id (SHA-256 of its key), one that is not removed first. */
MUST_USE enum err_code db_import_find(struct pgconn *conn, const uint8_t log_id[32],
                                      struct db_import_log *log, bool *found, struct err *why);
/* Registers it as an archive with that final tree; not followed, so nobody asks for it. ERR_EXISTS: another
 * log has that name. */
MUST_USE enum err_code db_import_register(struct pgconn *conn, const struct ctlog *log,
                                          const struct head *final, struct db_import_log *out,
                                          struct err *why);
/* A log that was removed comes back as an archive; what was read of it stays. */
MUST_USE enum err_code db_import_take_up(struct pgconn *conn, int32_t id, const struct ctlog *log,
                                         const struct head *final, struct err *why);

/* By begin. *count is how many there are; more than `max` are ERR_TOO_BIG. */
MUST_USE enum err_code db_import_ranges(struct pgconn *conn, int32_t log_id, struct db_import_range *out,
                                        size_t max, size_t *count, struct err *why);
MUST_USE enum err_code db_import_add(struct pgconn *conn, int32_t log_id, uint64_t begin, uint64_t end,
                                     const struct compact *proven, struct err *why);
/* The range ends at `end` from now on (at least at its next); one that would be empty is gone.
 * ERR_DB_CONFLICT: somebody has moved it. */
MUST_USE enum err_code db_import_end(struct pgconn *conn, const struct db_import_range *range, uint64_t end,
                                     struct err *why);
/* What was read of the range is proven: its frontier is `proven`, of size range->next. ERR_DB_CONFLICT. */
MUST_USE enum err_code db_import_verified(struct pgconn *conn, const struct db_import_range *range,
                                          const struct compact *proven, struct err *why);
/* Two read and verified neighbours become one. ERR_DB_CONFLICT. */
MUST_USE enum err_code db_import_join(struct pgconn *conn, const struct db_import_range *left,
                                      const struct db_import_range *right, struct err *why);
/* All of its final tree is there, or not any more. Of an archive only. */
MUST_USE enum err_code db_import_complete(struct pgconn *conn, int32_t log_id, bool complete,
                                          struct err *why);

#endif
