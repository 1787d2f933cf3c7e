/* What differs between the protocols of CT logs: where the head and the entries are, and how their bytes are
 * read. An ops table; everything behind it sees struct head and struct entry only. No I/O here: fetch.c asks,
 * these read. */
#ifndef CTVIGIL_PROTO_H
#define CTVIGIL_PROTO_H

#include "base/err.h"
#include "model/batch.h"
#include "model/head.h"

#define PROTO_URL_MAX (CTLOG_URL_MAX + 160)

struct proto {
    bool tiles; /* entries come in tiles of 256, issuers by fingerprint */
    void (*head_url)(const struct ctlog *log, char url[PROTO_URL_MAX]);
    /* Checks form and signature; head->raw is `body`. ERR_FORMAT, ERR_SIGNATURE. */
    enum err_code (*head_read)(const struct ctlog *log, struct span body, struct head *head, struct err *why);
    /* For [begin, end) inside one page or tile; `width` is the width of the tile to ask for. */
    void (*entries_url)(const struct ctlog *log, uint64_t begin, uint64_t end, unsigned width,
                        char url[PROTO_URL_MAX]);
    /* Reads batch->body, asked for as [batch->begin, batch->end) in a tile of `width`: fills entries,
     * entry_count and end; framing only. What comes beyond what was asked for is passed over. It ends before
     * an entry that can not be taken out of its reply; when that is the first one: ERR_FORMAT with its index,
     * and `entries` holds as the only one an ENTRY_OPAQUE with what there is of it, for people (proto_stuck).
     * ERR_FORMAT without an entry: not such a reply. ERR_TOO_BIG: arena full. */
    enum err_code (*decode)(struct batch *batch, unsigned width, struct err *why);
};

const struct proto *proto_of(enum ctlog_protocol protocol);
/* How a full data tile of this log is asked for and read where entries come in another way too (hybrid); else
 * NULL. */
const struct proto *proto_tile(enum ctlog_protocol protocol);

/* url + "/" + the formatted rest. */
void proto_url(const struct ctlog *log, char url[PROTO_URL_MAX], const char *fmt, ...) PRINTF_LIKE(3, 4);
/* batch->entries for `count` entries, zeroed; false: the arena is full. */
MUST_USE bool proto_entries(struct batch *batch, size_t count);
/* The entry at batch->begin can not be taken out of the reply: makes it the only one of the batch, with
 * `rest` as its extra. Returns ERR_FORMAT; the text names the index. It has no leaf and no hash, so it is not
 * for settling. */
enum err_code proto_stuck(struct batch *batch, struct span rest, const char *reason, struct err *why);

#endif
