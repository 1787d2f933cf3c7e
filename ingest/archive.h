/* A CT log that is over, as zip files of its static-ct tiles (geomys/ct-archive): each file holds the data
 * tiles of up to 256^3 entries and the hash tiles below one tile of level 2, and every one of them the
 * checkpoint, the description of the log (log.v3.json), the issuers (some archives lack them) and the hash
 * tiles above and at the right edge. Any of the files serve; what is in none of them is missing. Leaves that
 * came from an RFC 6962 log have no leaf_index.
 *
 * It is a source for the pipeline (pipe_source): URLs "archive://ORIGIN/PATH" are answered from the files.
 * Every data tile is held against the hash tiles, and these against the signed root, before one entry of it
 * is used, so nothing that is not of that tree gets anywhere. Damage is noted by tile. It writes nothing and
 * unpacks nothing. Thread-safe once it is proven; the source must stay until the pipeline is freed. */
#ifndef CTVIGIL_ARCHIVE_H
#define CTVIGIL_ARCHIVE_H

#include "ingest/pipe.h"
#include "model/compact.h"
#include "model/head.h"

struct archive;

struct archive_stretch {
    uint64_t begin; /* entries, at the border of a tile */
    uint64_t end;
};

MUST_USE struct archive *archive_new(void); /* NULL: out of memory */
void archive_free(struct archive *archive);

/* One more file; the first one says which log it is. ERR_SYSTEM, ERR_FORMAT, ERR_TOO_BIG (zipfile_open, or it
 * has no checkpoint or description), ERR_KEY (its key is none, or not that of its log id), ERR_INCONSISTENT:
 * of another log or another tree than the files before. The archive is as before then. */
MUST_USE enum err_code archive_add(struct archive *archive, const char *path, struct err *why);
/* Checks the signature of the checkpoint with the archive's own key (whoever knows the log compares log_id),
 * and that the hash tiles at the right edge give the signed root. ERR_SIGNATURE, ERR_FORMAT, ERR_PROOF,
 * ERR_NOT_FOUND. */
MUST_USE enum err_code archive_prove(struct archive *archive, struct err *why);

/* After archive_prove. `id` is 0 and `name` the origin: the caller may change both in his copy. */
const struct ctlog *archive_log(const struct archive *archive);
const struct head *archive_head(const struct archive *archive);
size_t archive_files(const struct archive *archive);
/* The stretches that are there, ascending; at most `max`, the rest is left out. Returns how many there are.
 */
size_t archive_there(const struct archive *archive, struct archive_stretch *out, size_t max);
/* What the files that were given should hold between their own tiles, and do not. */
size_t archive_torn(const struct archive *archive, struct archive_stretch *out, size_t max);
/* The frontier of the first `size` entries, proven by hash tiles. ERR_NOT_FOUND, ERR_FORMAT, ERR_PROOF. */
MUST_USE enum err_code archive_frontier(struct archive *archive, uint64_t size, struct compact *out,
                                        struct err *why);

/* For pipe_options. */
struct pipe_source archive_source(struct archive *archive);
/* Is something known to be wrong with the tile that holds this entry? Then `text` says what. */
MUST_USE bool archive_bad(struct archive *archive, uint64_t index, char *text, size_t cap);

#endif
