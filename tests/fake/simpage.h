/* Bodies of entries, encoded: get-entries JSON and data tiles. Whole pages and tiles are made once and kept,
 * so that the simulator is not what a benchmark measures. Thread-safe. */
#ifndef CTVIGIL_SIMPAGE_H
#define CTVIGIL_SIMPAGE_H

#include "simfault.h"
#include "simlog.h"

#define SIMPAGE_BODY_MAX (256u << 20)
#define SIMPAGE_KEEP_MAX (UINT64_C(1) << 30) /* all kept bodies together */
#define SIMPAGE_TILE     256

enum simpage_form { SIMPAGE_JSON, SIMPAGE_TILE_PLAIN, SIMPAGE_TILE_GZIP, SIMPAGE_FORMS };

struct simpages;

/* `page`: entries of one kept JSON page. */
struct simpages *simpage_new(struct simlog *log, struct simfaults *faults, uint64_t page);
void simpage_free(struct simpages *pages);

/* Encodes the entries [begin, end), all of them existing; the log's read lock is held. The result is either
 * kept (shared is set, it lives as long as `pages`) or in `body`. False: they do not fit into `body`, which
 * is used up. */
MUST_USE bool simpage_body(struct simpages *pages, enum simpage_form form, uint64_t begin, uint64_t end,
                           struct span *shared, struct buf *body);

/* gzip (RFC 1952) of `plain`; false: it does not fit. */
MUST_USE bool simpage_gzip(struct span plain, struct buf *out);
/* A small gzip body that grows to `mib` mebibytes of zeros. */
void simpage_bomb(uint64_t mib, struct buf *out);

#endif
