/* Keys that others are known to have, from files: an immutable, counted snapshot. One key a line, in hex;
 * what follows a blank, and lines that begin with '#', are notes: 64 digits  SHA-256 of the
 * SubjectPublicKeyInfo, with "spki:" in front or without 40 digits  SHA-1 of the octets of an RSA modulus, or
 * of the line "Modulus=HEX" 20 digits  the last ten octets of the latter: the lists of Debian's weak keys
 * (openssl-blacklist) A folder stands for the files in it that do not begin with a dot. */
#ifndef CTVIGIL_BLOCKLIST_H
#define CTVIGIL_BLOCKLIST_H

#include "base/err.h"
#include "base/span.h"

struct blocklist;

/* Reads what `paths` names, parted by commas. ERR_CONFIG with file and line: it can not be read, or holds
 * something else; then nothing counts of it. */
MUST_USE enum err_code blocklist_read(const char *paths, struct blocklist **list, struct err *why);
/* Has any of the files changed (name, size, time) since it was read? One that is gone has. */
MUST_USE bool blocklist_changed(const struct blocklist *list);
size_t blocklist_count(const struct blocklist *list);

struct blocklist *blocklist_pin(struct blocklist *list);
void blocklist_unpin(struct blocklist *list); /* NULL: nothing */

/* The file that names the key; NULL: none does. Valid as long as the snapshot. */
const char *blocklist_find_spki(const struct blocklist *list, const uint8_t spki_sha256[32]);
const char *blocklist_find_modulus(const struct blocklist *list, struct span modulus);

/* One line without its end: how many octets of a hash it holds, 0: a note; -1: neither. */
int blocklist_line(struct span line, uint8_t out[32]);

#endif
