/* Whose budget a log is asked from. Limits are set by operators, not by logs, so all shards of one, in both
 * protocols, share one key (protocol rules differ from log to log, politeness does not). */
#ifndef CTVIGIL_OPKEY_H
#define CTVIGIL_OPKEY_H

#include "base/span.h"
#include "model/pace.h"

/* `given`: as somebody named the operator; "": nobody did, then it is the registrable domain of the URL's
 * host. An address, a name of this machine and a name without dots are taken with their port: different
 * servers may stand behind them. */
void opkey_of(const char *given, const char *url, char out[PACE_OPERATOR_MAX]);

/* What is known of an operator in advance (operator.def). */
struct opkey_known {
    const char *key;
    double per_s;  /* requests per second; 0: not known */
    unsigned page; /* entries of get-entries; 0: not known */
    unsigned align;
    bool fresh;
    bool http2;
};
const struct opkey_known *opkey_known(const char *key); /* NULL: nothing is */

/* Is it a server of this machine? It needs no manners before it refuses something. */
bool opkey_is_loopback(const char *url);
/* Does `list`, keys parted by commas or white space, name it? */
bool opkey_listed(const char *list, const char *key);

#endif
