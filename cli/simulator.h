/* Starting ctvigil-logsim beside this program and telling it what to issue: for the demo. */
#ifndef CTVIGIL_SIMULATOR_H
#define CTVIGIL_SIMULATOR_H

#include <jansson.h>
#include <sys/types.h>

#include "base/err.h"
#include "model/ctlog.h"

struct simulator {
    pid_t pid;
    char url[CTLOG_URL_MAX];
    char static_url[CTLOG_URL_MAX];
    char submission_url[CTLOG_URL_MAX];
    char control_url[CTLOG_URL_MAX];
    char key[2048];   /* base64 of the log's key */
    char ca_demo[65]; /* hex SHA-256 of the SPKI of its CA "demo" */
};

/* Starts it with `entries` certificates; it ends with this process however that ends. */
MUST_USE enum err_code simulator_start(struct simulator *simulator, unsigned entries, unsigned entries_per_s,
                                       struct err *why);
/* Lets CA `ca` issue one certificate (precertificate and final) that the log takes in; *size is the size of
 * the tree that holds both. */
MUST_USE enum err_code simulator_issue(struct simulator *simulator, const char *ca, const char *const *names,
                                       size_t count, int days, uint64_t *size, struct err *why);
void simulator_stop(struct simulator *simulator);

#endif
