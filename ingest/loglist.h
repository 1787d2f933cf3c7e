/* Log lists: bytes of a JSON document to plain structs. Google's log_list.json and all_logs_list.json (schema
 * v3, https://www.gstatic.com/ct/log_list/v3/log_list_schema.json), Apple's current_log_list.json, or one of
 * one's own in that form. Pure; the signature is verified elsewhere (verify/listsig.h).
 *
 * What is read leniently: a missing description, missing arrays, missing or unknown states, the wrong URL
 * member for the array a log stands in. What costs a log its place, and only that one: a key that is none or
 * does not have the hash that is called log_id, no usable URL, http:// beyond this machine, an interval that
 * ends before it begins, a log id that came already. */
#ifndef CTVIGIL_LOGLIST_H
#define CTVIGIL_LOGLIST_H

#include "base/err.h"
#include "base/span.h"
#include "model/listed.h"

#define LOGLIST_VERSION_MAX 32

struct loglist {
    bool all_logs;                     /* is_all_logs: the list of all there ever were */
    char version[LOGLIST_VERSION_MAX]; /* "85.92"; Apple: its assetVersion; "": none */
    int64_t timestamp_ms;              /* of its making; 0: not said */
    struct listed *logs;
    size_t count;   /* with those that are refused */
    size_t refused; /* how many of them are */
};

/* ERR_FORMAT: not JSON, not a list, or not one usable log in it. ERR_TOO_BIG: above LIMIT_LOGLIST_BYTES or
 * LIMIT_LOGLIST_LOGS. The caller frees *list with loglist_free. */
MUST_USE enum err_code loglist_parse(struct span bytes, struct loglist **list, struct err *why);
void loglist_free(struct loglist *list); /* NULL is fine */

/* Order of two versions "MAJOR.MINOR": negative, 0, positive; 0 also when one of them is none. */
int loglist_version_cmp(const char *a, const char *b);

#endif
