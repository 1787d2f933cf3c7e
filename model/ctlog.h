/* A CT log as we follow it. Immutable once made; shared by pointer for the life of a pipeline. */
#ifndef CTVIGIL_CTLOG_H
#define CTVIGIL_CTLOG_H

#include "base/base.h"

#define CTLOG_NAME_MAX     64
#define CTLOG_URL_MAX      512
#define CTLOG_OPERATOR_MAX 128
#define CTLOG_KEY_MAX      1024 /* DER SubjectPublicKeyInfo; RSA-4096 is 550 */

enum ctlog_protocol { CTLOG_RFC6962, CTLOG_STATIC_CT, CTLOG_HYBRID, CTLOG_ARCHIVE };

struct ctlog {
    int32_t id;                /* database key; 13 bits of the public id */
    char name[CTLOG_NAME_MAX]; /* what the operator of ctvigil calls it */
    enum ctlog_protocol protocol;
    char url[CTLOG_URL_MAX];            /* without trailing slash; static-ct: the monitoring prefix */
    char submission_url[CTLOG_URL_MAX]; /* static-ct; the origin is this without scheme */
    char origin[CTLOG_URL_MAX];         /* static-ct: first line of the checkpoint */
    uint8_t log_id[32];                 /* SHA-256 of key (RFC 6962 section 3.2) */
    uint8_t key[CTLOG_KEY_MAX];
    size_t key_len;
    char operator_key[CTLOG_OPERATOR_MAX]; /* whose budget it is asked from, as somebody named it; "": by its
                                              URL */
    uint32_t page;                         /* get-entries: entries of a page as seen before; 0: not known */
    uint32_t page_align;
};

const char *ctlog_protocol_name(
    enum ctlog_protocol protocol); /* "rfc6962", "static-ct", "hybrid", "archive" */
/* False: no such name. */
MUST_USE bool ctlog_protocol_parse(const char *name, enum ctlog_protocol *protocol);

#endif
