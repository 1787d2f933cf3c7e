/* A registered domain and what is expected of it. Plain data, made by db, judged by watcher. */
#ifndef CTVIGIL_WATCH_H
#define CTVIGIL_WATCH_H

#include "base/span.h"

enum watch_kind { WATCH_DNS, WATCH_IP };

struct watch_allow {
    uint8_t spki_sha256[32]; /* of the issuing CA's key */
    char *label;             /* as the user wrote it, for messages: "spki:..." or "cert:FILE" */
};

struct watch {
    int64_t id;
    enum watch_kind kind;
    char *name;     /* WATCH_DNS: normal form without leading dot; WATCH_IP: canonical address or CIDR */
    bool exact;     /* the name alone; false: the domain and everything below it */
    uint8_t ip[16]; /* WATCH_IP: network address, IPv4 in the first four bytes */
    uint8_t ip_len; /* 4 or 16 */
    uint8_t ip_prefix;
    bool wildcard_allowed;     /* false: a wildcard certificate for this domain is unexpected */
    struct watch_allow *allow; /* empty: no CA is expected, so every issuance is alerted on */
    size_t allow_count;
    char *owner; /* NULL: none */
};

/* Frees everything inside an array of watches and the array itself (made by db_domain). */
void watch_free(struct watch *watches, size_t count);

#endif
