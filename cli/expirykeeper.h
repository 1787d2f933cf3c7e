/* Looks, at the start, every hour, and when the registered domains change, which certificates of registered
 * domains run out, which renewals are late, and which ones were unusual (watcher/renewal.h; docs/expiry.md):
 * one alert for each set of names and the certificate that is the last one, which becomes graver as time
 * passes, and is closed when a better one is seen. Keys that came into a list of known ones (cli/blockset.h)
 * after their certificate was stored are told as well. Part of the caretaker's round; any number of processes
 * may do it, one does at a time. While logs are being caught up with nothing is told that is not known
 * (cli/expirywait.h); it looks again as soon as one of them is done. Cut off anywhere, the next look finds
 * what is to be told: what was told is in the alert. */
#ifndef CTVIGIL_EXPIRYKEEPER_H
#define CTVIGIL_EXPIRYKEEPER_H

#include <stdatomic.h>

#include "cli/expirywait.h"
#include "db/pgconn.h"

/* What one process remembers from round to round; all zeros at first. */
struct expirykeeper {
    int64_t due_ms;
    int64_t generation; /* of registered domains that was looked at */
    bool begun;
    struct expirywait wait; /* logs that are being caught up with */
    bool warned;            /* that more of a domain run out than are looked at */
};

struct expirykeeper_report {
    uint64_t looked; /* certificates */
    uint64_t raised; /* alerts, or steps of them */
    uint64_t unusual;
    uint64_t listed; /* with keys that others have by now */
    uint64_t closed;
};

/* Nothing when neither the hour is over nor a domain changed, or another process is at it. `stop` may be
 * NULL. */
MUST_USE enum err_code expirykeeper_look(struct pgconn *conn, struct expirykeeper *keeper,
                                         const atomic_bool *stop, struct expirykeeper_report *report,
                                         struct err *why);

#endif
