/* What of an archive is to be read, given what the files hold and which ranges the log has. Pure arithmetic.
 */
#ifndef CTVIGIL_IMPORTPLAN_H
#define CTVIGIL_IMPORTPLAN_H

#include "db/db_import.h"
#include "ingest/archive.h"

#define IMPORTPLAN_RANGES_MAX 16   /* of a log; more gaps than that are not opened */
#define IMPORTPLAN_THERE_MAX  4096 /* stretches of the files */

struct importplan {
    struct archive_stretch there[IMPORTPLAN_THERE_MAX]; /* ascending */
    size_t there_count;
    struct db_import_range range[IMPORTPLAN_RANGES_MAX]; /* ascending */
    size_t range_count;
    struct archive_stretch skip[IMPORTPLAN_RANGES_MAX]; /* stretches that are of no use */
    size_t skip_count;
    uint64_t size; /* of the signed tree */
    bool followed; /* the open range is somebody else's */
};

/* A stretch that is there and belongs to no range. */
struct importplan_gap {
    uint64_t begin;
    uint64_t end;
    const struct db_import_range *longer; /* this range ends where it begins: it gets longer; else NULL */
};

/* A range that can be read on, up to `stop`. */
struct importplan_work {
    int64_t range;
    uint64_t next;
    uint64_t stop;
};

/* The first gap; false: none, or there is no room for another range. */
MUST_USE bool importplan_gap(const struct importplan *plan, struct importplan_gap *gap);
void importplan_skip(struct importplan *plan, uint64_t begin, uint64_t end);
MUST_USE bool importplan_work(const struct importplan *plan, struct importplan_work *work);
/* The first entry behind the tile of `next`, at most `end`. */
uint64_t importplan_behind(uint64_t next, uint64_t end);
/* Two that are read and verified, one behind the other. */
bool importplan_joins(const struct db_import_range *left, const struct db_import_range *right);
/* The first stretch in [at, end) that is not stored; false: all of it is. */
MUST_USE bool importplan_missing(const struct importplan *plan, uint64_t at, uint64_t end,
                                 struct archive_stretch *missing);
uint64_t importplan_stored(const struct importplan *plan);
uint64_t importplan_verified(const struct importplan *plan);
/* Is all of the tree read and verified? */
bool importplan_complete(const struct importplan *plan, uint64_t size);

#endif
