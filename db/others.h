/* What is searched by and is no DNS name and no address: e-mail addresses, URIs, organisations, common names.
 * One place for the side that writes (stage.c), the one that reads (certrow.c) and the one that asks
 * (query.c).
 *
 * The column cert.others holds words parted by spaces, each "KIND:TEXT" with bytes outside 0x21..0x7e and the
 * backslash as \xHH: "email:" and "uri:" as struct name has them in text, "org:" as it stands in the subject
 * and, where that is another text than its key, "orgkey:" with the key's; and for what no search by a key is
 * for, names as they stand in the certificate where their normal form does not say it (struct issuance,
 * found): "rawdns:", "rawcn:", "rawemail:", "rawip:", and "rawmore:N" when there is no room for N more of
 * them. They are found by keys in cert_apex: "email:HOST", "uri:HOST", "org:TEXT", "cn:TEXT". A common name
 * has a key when it is none of the DNS names. */
#ifndef CTVIGIL_OTHERS_H
#define CTVIGIL_OTHERS_H

#include "base/arena.h"
#include "base/buf.h"
#include "model/issuance.h"

#define OTHERS_KEY_MAX 512 /* bytes with the prefix; a longer text is found by its beginning */

/* Appends the words of `issuance`. False: it has more than is stored, and the last one is "?". */
bool others_put(struct buf *out, const struct issuance *issuance);
/* One word's text in stored form. */
void others_put_escaped(struct buf *out, struct span text);
/* The names of the words behind the `issuance->name_count` that are there, whose array has room for them
 * (others_count), and the organisations. False: the arena is full. */
MUST_USE bool others_get(struct span others, struct arena *arena, struct issuance *issuance);
size_t others_count(struct span others);

/* Hands over the keys by which the issuance is found, duplicates included, as dbkey_apex8 wants them. Stops
 * and returns false when `each` does. */
typedef bool others_key(void *arg, struct span key);
bool others_keys(const struct issuance *issuance, others_key *each, void *arg);

/* The host of a URI, an IPv6 address without its brackets, or nothing. Without "//" it may be no host at all;
 * a dot or an "@" makes it likely enough to be found by it. */
struct span others_uri_host(struct span uri);
/* The part by which a URI is found: its host, or the beginning of one that has none (urn:uuid:...). */
struct span others_uri_where(struct span uri);
/* What stands behind the last "@", or nothing. */
struct span others_email_host(struct span email);
/* PREFIX and the host with ASCII letters in lower case; 0: too long for a key. */
size_t others_host_key(const char *prefix, struct span host, uint8_t out[OTHERS_KEY_MAX]);
/* PREFIX and the text with ASCII letters in lower case, white space around it left out and any in it one
 * blank, as far as a key is long. */
size_t others_text_key(const char *prefix, struct span text, uint8_t out[OTHERS_KEY_MAX]);

#endif
