/* The lookup keys of the database and the stored form of names, one place for the side that writes and the
 * side that asks. The same in plain SQL, for a domain d: ('x' || left(encode(sha256(d::bytea), 'hex'),
 * 16))::bit(64)::int8
 *
 * Keys are 64 bits wide: they find, they never decide identity. */
#ifndef CTVIGIL_DBKEY_H
#define CTVIGIL_DBKEY_H

#include "base/buf.h"

/* The "domain" under which an issuance is found again when one of its names can not be read (cert_apex). */
#define DBKEY_PLACEHOLDER "?"

/* First 8 bytes, big-endian, as a signed number: of a hash of at least 8 bytes. */
int64_t dbkey_first8(const uint8_t *hash);
/* dbkey_first8 of SHA-256 of `text`: a registrable domain in normal form, or a kind-prefixed key ("org:...").
 */
int64_t dbkey_apex8(struct span text);
void dbkey_sha256(struct span bytes, uint8_t out[32]);

/* Appends the stored form of one name in normal form: labels in reverse order, joined by dots; bytes outside
 * 0x21..0x7e and the backslash as \xHH. No separator is written. */
void dbkey_put_name(struct buf *out, struct span text);
/* Back from the stored form of one name to its text, appended to `out`. What is not a \xHH stays as it is. */
void dbkey_put_text(struct buf *out, struct span stored);
/* Takes the first name off a space-joined list; false when none is left. */
bool dbkey_next_name(struct span *names, struct span *name);

#endif
