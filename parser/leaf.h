/* RFC 6962 section 3.4 MerkleTreeLeaf and section 4.6 extra_data, and the static-ct TileLeaf, into struct
 * entry. Only framing: certificates inside are read by parser/tbs.h. Pure, zero copy. */
#ifndef CTVIGIL_LEAF_H
#define CTVIGIL_LEAF_H

#include "base/cur.h"
#include "model/entry.h"

/* Fills kind, timestamp, leaf, cert_der or tbs, issuer_key_hash, extensions, leaf_index of `entry` (cleared
 * by the caller, index set). Unknown version, leaf type or entry type, or bytes that do not fit: kind
 * ENTRY_OPAQUE with the finding; the leaf is still all of `leaf_input`. */
void leaf_read(struct span leaf_input, struct entry *entry);

/* Fills unverified_precert and unverified_chain from extra_data; FINDING_EXTRA_UNREADABLE when it does not
 * fit. */
void leaf_read_extra(struct span extra_data, struct entry *entry);

/* Of an entry that is kept raw: is `extra_data` what follows the leaf in a data tile (pre_certificate and
 * fingerprints), and not RFC 6962 extra_data? No bytes are both. `kind` is that of its leaf. */
bool leaf_extra_of_tile(enum entry_kind kind, struct span extra_data);

/* One TileLeaf from `tile` (C2SP static-ct-api). The MerkleTreeLeaf is TileLeaf's head with two zero bytes in
 * front, so it needs `leaf_room`: at least leaf_tile_room(tile) bytes the caller owns, written with the leaf.
 * An entry with a certificate of no bytes, or a time beyond what can be stored, ends where it says: it is
 * ENTRY_OPAQUE with the finding, `leaf` and `extra` hold it all, and reading goes on behind it.
 * False: framing lost (an unknown entry type, a length beyond the tile), nothing after this point of the tile
 * can be read; the finding is set and nothing is consumed then. */
MUST_USE bool leaf_read_tile(struct cur *tile, uint8_t *leaf_room, size_t leaf_room_size,
                             struct entry *entry);
/* Upper bound of the leaf length of the next TileLeaf: what is left of the tile plus 2. */
static inline size_t leaf_tile_room(const struct cur *tile)
{
    return cur_left(tile) + 2;
}

#endif
