/* Getting a log list from where it is published, and deciding whether it may replace the one that is kept. */
#ifndef CTVIGIL_LISTFETCH_H
#define CTVIGIL_LISTFETCH_H

#include <stdatomic.h>

#include "ingest/loglist.h"
#include "verify/listsig.h"

#define LISTFETCH_PLACE_MAX 1024
#define LISTFETCH_ETAG_MAX  256
#define LISTFETCH_STALE_MS  (INT64_C(70) * 86400000) /* browsers stop trusting their list after 70 days */
#define LISTFETCH_AHEAD_MS  INT64_C(86400000)        /* a list may be made this far in our future */

struct listfetch_source {
    char place[LISTFETCH_PLACE_MAX]; /* URL or path */
    char signature[LISTFETCH_PLACE_MAX + 8];
    bool file;
    bool is_signed; /* there is a key to check it with */
    struct listsig_key key;
};

/* From configuration: "google", "google-all", "apple", a URL (https://, http:// for this machine), or else a
 * file; `key_file` "" or a file with the key of its signature, which lies beside it: NAME.sig for NAME.json.
 * Google's own lists are always checked with Google's key. ERR_CONFIG. */
MUST_USE enum err_code listfetch_source(const char *named, const char *key_file,
                                        struct listfetch_source *source, struct err *why);

struct listfetch {
    bool unchanged; /* the other members are empty */
    uint8_t *bytes; /* owner: the caller, listfetch_free */
    size_t len;
    char etag[LISTFETCH_ETAG_MAX];
};

/* ERR_SIGNATURE: it came, and is not what the key's owner published (asked for twice, because list and
 * signature change one after the other). Other codes: it could not be had. `stop` may be NULL. */
MUST_USE enum err_code listfetch_get(const struct listfetch_source *source, const char *user_agent,
                                     const char *etag, const atomic_bool *stop, struct listfetch *out,
                                     struct err *why);
void listfetch_free(struct listfetch *fetched);

/* May `list` replace one of that version and time ("", 0: not said)? ERR_FORMAT says why not: made earlier, a
 * lower version, or made in the future. The same again is fine. */
MUST_USE enum err_code listfetch_newer(const struct loglist *list, const char *version, int64_t made_ms,
                                       int64_t now_ms, struct err *why);

#endif
