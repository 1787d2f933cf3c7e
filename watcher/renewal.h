/* Which certificates of a registered domain run out with nothing to follow them, which renewals are late by
 * the cadence of their names, and which ones are unusual (rule R9 of docs/expiry.md). For each name of the
 * domain the certificate counts that covers it the longest: of that name, or of the wildcard one label above.
 * Names are in stored form (db/dbkey.h: labels reversed, parted by blanks). Pure; it allocates while it
 * works. */
#ifndef CTVIGIL_RENEWAL_H
#define CTVIGIL_RENEWAL_H

#include "model/alert.h"
#include "model/watch.h"
#include "watcher/cadence.h"

/* In front of a word of names that is an address, e-mail address or URI of the domain: "ip:192.0.2.7" (as
 * db/db_renewal_more.h has them). What concerns the domain is the caller's to say. */
#define RENEWAL_MARK '\x01'

#define RENEWAL_NEW_DAYS 14 /* what began longer ago is no news */

/* One issuance. */
struct renewal_cert {
    struct cadence_one life;
    uint8_t tbs_fp[32];
    uint8_t name_set[32]; /* which names it has, in whatever order */
    uint8_t spki[32];
    struct span names;
    struct span issuer; /* its organisation, for comparing and for people */
    bool doubted;       /* something grave against it is open: it renews nothing */
};

/* What a log took in after `begin` and up to `end` (Unix seconds) is still to be read: a certificate that is
 * better than one from before `end` may stand there. */
struct renewal_unread {
    int64_t begin;
    int64_t end;
    bool waited; /* it is being read: until then due and unusual tell what was so at `begin` */
    const char *log;
};

/* A certificate that is the best one for some names. */
struct renewal_due {
    size_t cert;
    struct span name; /* the first of the names that it is the best one for, in stored form */
    size_t name_count;
    int level; /* days of the last step that was reached: 30, 7, 0; -1: none */
    enum alert_severity severity;
    bool missing; /* it should have been renewed by now */
    struct cadence cadence;
    const struct renewal_unread *unread; /* not waited for, so it is not known; the earliest; NULL: none. At
                                            the end (level 0) what is still waited for, too. */
};

enum renewal_odd { RENEWAL_EARLY, RENEWAL_ISSUER, RENEWAL_BURST };

struct renewal_unusual {
    size_t cert;
    struct span name;
    enum renewal_odd odd;
    int64_t value;    /* EARLY: seconds after the one before; BURST: how many in a week */
    struct span last; /* ISSUER: who issued the one before */
    struct cadence cadence;
};

struct renewal {
    const struct watch *watch;
    const struct renewal_cert *certs; /* no two with one tbs_fp */
    size_t count;
    /* dbkey_apex8 of the registered domain that these are all certificates of: of an entry that stands for
     * several, its names under the others are left out. */
    int64_t key;
    bool wide;   /* of all of them, and with what is no DNS name: see RENEWAL_MARK */
    int64_t now; /* Unix seconds */
    const struct renewal_unread *unread;
    size_t unread_count;
    void *arg;
    /* Each certificate that is the best one for a name, also those with nothing to tell (level -1, not
     * missing). NULL: neither this nor unusual is asked. */
    void (*due)(void *arg, const struct renewal_due *due);
    void (*unusual)(void *arg, const struct renewal_unusual *unusual);
    /* Each certificate that is not over and has a name of the domain, doubted or not; NULL: not asked. */
    void (*each)(void *arg, size_t cert, struct span name);
};

void renewal_judge(const struct renewal *renewal);

#endif
